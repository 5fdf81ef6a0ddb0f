"""The views of a picture that a validation adds up."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ImageError
from darknetpy.evaluation.crops import COUNTS, CROPS, MARGIN, SIDES
from darknetpy.images.preprocess import prepare
from darknetpy.images.resize import resize

PICTURE = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)


def test_one_view_is_what_classify_sees() -> None:
    (view,) = CROPS["1"](PICTURE, 64, 48)
    np.testing.assert_array_equal(view, prepare(PICTURE, 64, 48, "crop"))


def test_ten_views_are_corners_middle_and_their_mirror_images() -> None:
    views = CROPS["10"](PICTURE, 64, 48)
    assert [view.shape for view in views] == [(3, 48, 64)] * 10
    larger = resize(PICTURE, 64 + MARGIN, 48 + MARGIN)
    np.testing.assert_array_equal(views[0], larger[:, :48, :64])
    np.testing.assert_array_equal(views[1], larger[:, :48, MARGIN:])
    np.testing.assert_array_equal(views[3], larger[:, MARGIN:, :64])
    np.testing.assert_array_equal(views[4], larger[:, MARGIN:, MARGIN:])
    np.testing.assert_array_equal(views[7], views[2][:, :, ::-1])


def test_views_of_several_sizes_keep_the_proportions() -> None:
    views = CROPS["multi"](PICTURE, 64, 48)
    assert [view.shape[1] for view in views[::2]] == list(SIDES)
    assert all(view.shape[2] == pytest.approx(view.shape[1] * 4 / 3, abs=1) for view in views)
    np.testing.assert_array_equal(views[1], views[0][:, :, ::-1])


def test_the_whole_picture_has_its_shorter_side_at_the_width_of_the_network() -> None:
    (view,) = CROPS["full"](PICTURE, 64, 48)
    assert view.shape == (3, 64, 85)


@pytest.mark.parametrize("crops", ["multi", "full"])
def test_a_view_that_would_be_huge_is_refused(crops: str) -> None:
    with pytest.raises(ImageError, match="a picture of 1x90000 would be"):
        CROPS[crops](np.zeros((90_000, 1, 3), np.uint8), 64, 48)


def test_the_numbers_of_views_are_known_beforehand() -> None:
    assert {crops: len(views(PICTURE, 64, 48)) for crops, views in CROPS.items()} == COUNTS
