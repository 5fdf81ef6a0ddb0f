"""Views of pictures: what is drawn, and what becomes of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.net_options import read_net_options
from darknetpy.config.sections import parse_cfg
from darknetpy.errors import Findings
from darknetpy.images.preprocess import prepare
from darknetpy.training.augment import Augmentation, Straight, View, blurred

PLAIN = View(1, 24, 0, 0, 0, flip=False, hue=0, saturation=1, exposure=1, blur=0, noise=0, seed=0)


def picture(height: int = 30, width: int = 40, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, channels), np.uint8)


def augmentation(**options: float) -> Augmentation:
    return Augmentation(**{"width": 24, "height": 24, "min_crop": 24, "max_crop": 48, **options})  # type: ignore[arg-type]


def views(count: int = 300, **options: float) -> list[View]:
    random = np.random.default_rng(1)
    return [augmentation(**options).draw(random) for _ in range(count)]


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


def test_every_view_takes_as_many_random_numbers() -> None:
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    augmentation().draw(one)
    augmentation(angle=10, aspect=0.5, hue=0.5, saturation=2, exposure=2, noise=3, blur=1).draw(other)
    assert one.random() == other.random()


def test_the_middle_of_the_picture_is_what_validation_sees_nearly() -> None:
    seen = augmentation().look(picture(), PLAIN)
    assert seen.shape == (3, 24, 24)
    assert seen.dtype == np.float32
    straight = augmentation().look_straight(picture())
    np.testing.assert_array_equal(straight, prepare(picture(), 24, 24, "crop"))
    smooth = np.linspace(0, 255, 40, dtype=np.uint8)[None, :, None].repeat(30, 0).repeat(3, 2)
    difference = augmentation().look(smooth, PLAIN) - augmentation().look_straight(smooth)
    assert np.abs(difference[:, 1:-1, 1:-1]).max() < 0.05


def test_without_augmentation_every_view_is_the_middle() -> None:
    straight = Straight(24, 24, 24, 48, angle=10, hue=0.1, saturation=1.5, blur=1, noise=10)
    random = np.random.default_rng(1)
    for _ in range(20):
        seen = straight.look(picture(), straight.draw(random))
        np.testing.assert_array_equal(seen, prepare(picture(), 24, 24, "crop"))


def test_flipped_views_are_mirrored() -> None:
    seen, mirrored = (augmentation().look(picture(), PLAIN._replace(flip=flip)) for flip in (False, True))
    np.testing.assert_array_equal(mirrored, seen[:, :, ::-1])


def test_cuts_reach_the_edges_and_not_beyond() -> None:
    white = np.full((30, 40, 3), 255, np.uint8)
    for across in (-1.0, 1.0):
        seen = augmentation().look(white, PLAIN._replace(across=across, down=across, short_side=48))
        assert seen[:, 1:-1, 1:-1].min() > 0.999


def test_noise_and_blur_change_values_but_not_the_mean() -> None:
    grey = np.full((30, 40, 1), 128, np.uint8)
    noisy = augmentation().look(grey, PLAIN._replace(noise=0.1, seed=5))[:, 2:-2, 2:-2]
    assert noisy.std() == pytest.approx(0.1, rel=0.1)
    assert noisy.mean() == pytest.approx(128 / 255, abs=0.02)
    again = augmentation().look(grey, PLAIN._replace(noise=0.1, seed=5))[:, 2:-2, 2:-2]
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
    seen = wanted.look(picture(channels=channels), wanted.draw(np.random.default_rng(1)))
    assert seen.shape == (channels, height, width)
    assert 0 <= seen.min() <= seen.max() <= 1


def test_a_picture_of_one_pixel_can_be_looked_at() -> None:
    seen = augmentation(blur=1).look(picture(1, 1), PLAIN._replace(blur=15))
    assert np.isfinite(seen).all()
