"""Views of pictures: what is drawn, and what becomes of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.net_options import read_net_options
from darknetpy.config.sections import parse_cfg
from darknetpy.errors import Findings
from darknetpy.images.crop import center_crop
from darknetpy.images.preprocess import prepare
from darknetpy.training.augment import Augmentation, Straight, View, blurred

PLAIN = View(1, 24, 0, 0, 0, flip=False, hue=0, saturation=1, exposure=1, blur=0, noise=0, seed=0)


def picture(height: int = 30, width: int = 40, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, channels), np.uint8)


def augmentation(**options: float) -> Augmentation:
    return Augmentation(**{"width": 24, "height": 24, "min_crop": 24, "max_crop": 48, **options})  # type: ignore[arg-type]


def views(count: int = 300, **options: float) -> list[View]:
    return augmentation(**options).draw(np.random.default_rng(1), count)


def seen(wanted: Augmentation, one: np.ndarray, view: View) -> np.ndarray:
    """A picture in a view."""
    out = np.full((one.shape[2], wanted.height, wanted.width), np.nan, np.float32)
    wanted.look(one, view, out)
    return out


def test_options_of_the_network_say_what_views_are_like() -> None:
    options = "max_batches=9 width=32 height=32 channels=3 min_crop=28 angle=7 hue=.1 saturation=1.5 flip=0 blur=1"
    text = "\n".join(["[net]", *options.split()])
    found = Augmentation.of(read_net_options(parse_cfg(text).net, Findings(), training=True), 64, 64)
    assert (found.min_crop, found.max_crop) == (56, 128)
    assert found.hue == pytest.approx(0.1)
    assert (found.angle, found.saturation, found.exposure, found.flip) == (7, 1.5, 1, False)


def test_views_stay_within_their_limits_and_use_them() -> None:
    drawn = views(angle=10, aspect=0.75, hue=0.1, saturation=1.5, exposure=2, noise=10, blur=9)
    for values, low, high in [
        ([view.short_side for view in drawn], 24, 48),
        ([view.radians for view in drawn], -np.radians(10), np.radians(10)),
        ([view.aspect for view in drawn], 0.75, 1 / 0.75),
        ([view.hue for view in drawn], -0.1, 0.1),
        ([view.saturation for view in drawn], 1 / 1.5, 1.5),
        ([view.exposure for view in drawn], 0.5, 2),
        ([view.across for view in drawn], -1, 1),
    ]:
        assert low <= min(values) < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < max(values) <= high
    assert 0.4 < np.mean([view.flip for view in drawn]) < 0.6
    assert {view.blur for view in drawn} == {0, 9}
    assert {view.noise for view in drawn} == {0, 10 / 255}


def of_network(options: str, width: int = 24, height: int = 24) -> Augmentation:
    text = "\n".join(["[net]", *f"max_batches=9 width=24 height=24 channels=3 {options}".split()])
    return Augmentation.of(read_net_options(parse_cfg(text).net, Findings(), training=True), width, height)


def test_ratios_stand_for_crops_in_proportion() -> None:
    found = of_network("min_crop=20 min_ratio=.5 max_crop=60 max_ratio=3", 32, 32)
    assert (found.min_crop, found.max_crop) == (16, 96)
    found = of_network("min_crop=12 max_ratio=3")
    assert (found.min_crop, found.max_crop) == (12, 72)


@pytest.mark.parametrize(("width", "height"), [(24, 24), (32, 20)])
def test_center_always_shows_the_largest_square_in_the_middle(width: int, height: int) -> None:
    smooth = np.linspace(0, 255, 60, dtype=np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
    centered = of_network("center=1 angle=20 aspect=.5 flip=0 max_crop=99", width, height)
    for view in centered.draw(np.random.default_rng(2), 20):
        difference = seen(centered, smooth, view) - center_crop(smooth, width, height)
        assert np.abs(difference[:, 2:-2, 2:-2]).max() < 0.03


def test_every_view_takes_as_many_random_numbers() -> None:
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    augmentation().draw(one, 3)
    augmentation(angle=10, aspect=0.5, hue=0.5, saturation=2, exposure=2, noise=3, blur=1).draw(other, 3)
    assert one.random() == other.random()


def test_the_middle_of_the_picture_is_what_validation_sees_nearly() -> None:
    smooth = np.linspace(0, 255, 40, dtype=np.uint8)[None, :, None].repeat(30, 0).repeat(3, 2)
    difference = seen(augmentation(), smooth, PLAIN) - prepare(smooth, 24, 24, "crop")
    assert np.abs(difference[:, 1:-1, 1:-1]).max() < 0.05


def test_without_augmentation_every_view_is_the_middle() -> None:
    straight = Straight(24, 24, 24, 48, angle=10, hue=0.1, saturation=1.5, blur=1, noise=10)
    for view in straight.draw(np.random.default_rng(1), 20):
        np.testing.assert_array_equal(seen(straight, picture(), view), prepare(picture(), 24, 24, "crop"))


def test_flipped_views_are_mirrored() -> None:
    plain, mirrored = (seen(augmentation(), picture(), PLAIN._replace(flip=flip)) for flip in (False, True))
    np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])


def test_cuts_reach_the_edges_and_not_beyond() -> None:
    white = np.full((30, 40, 3), 255, np.uint8)
    for across in (-1.0, 1.0):
        corner = seen(augmentation(), white, PLAIN._replace(across=across, down=across, short_side=48))
        assert corner[:, 1:-1, 1:-1].min() > 0.999


def test_noise_and_blur_change_values_but_not_the_mean() -> None:
    grey = np.full((30, 40, 1), 128, np.uint8)
    noisy = seen(augmentation(), grey, PLAIN._replace(noise=0.1, seed=5))[:, 2:-2, 2:-2]
    assert noisy.std() == pytest.approx(0.1, rel=0.1)
    assert noisy.mean() == pytest.approx(128 / 255, abs=0.02)
    again = seen(augmentation(), grey, PLAIN._replace(noise=0.1, seed=5))[:, 2:-2, 2:-2]
    np.testing.assert_array_equal(noisy, again)


def test_blurring_spreads_a_point_as_a_gaussian() -> None:
    planes = np.zeros((1, 21, 21), np.float32)
    planes[0, 10, 10] = 1
    found = blurred(planes, 7)[0]
    deviation = 0.3 * 2 + 0.8
    profile = np.exp(-(np.arange(-3, 4) ** 2) / (2 * deviation**2))
    profile /= profile.sum()
    np.testing.assert_allclose(found[7:14, 7:14], np.outer(profile, profile), atol=1e-6)
    assert found.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("width", "height", "channels"), [(24, 16, 3), (16, 24, 1), (20, 20, 4)])
def test_views_have_the_size_and_the_channels_of_the_network(width: int, height: int, channels: int) -> None:
    wanted = augmentation(width=width, height=height, hue=0.1, exposure=1.5)
    for view in wanted.draw(np.random.default_rng(1), 5):
        found = seen(wanted, picture(channels=channels), view)
        assert found.shape == (channels, height, width)
        assert 0 <= found.min() <= found.max() <= 1


def test_a_picture_of_one_pixel_can_be_looked_at() -> None:
    assert np.isfinite(seen(augmentation(blur=1), picture(1, 1), PLAIN._replace(blur=15))).all()
