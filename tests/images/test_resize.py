from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ImageError
from darknetpy.images.resize import (
    GREY,
    embed,
    letterbox,
    letterbox_size,
    longer_side_size,
    positions,
    resize,
    resize_max,
    resize_min,
    row_positions,
    shorter_side_size,
)

SIZES = [(1, 1), (1, 9), (9, 1), (5, 7), (7, 5), (31, 8), (64, 48)]


def noise(width: int, height: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(width * 100 + height).integers(0, 256, (height, width, channels), dtype=np.uint8)


def as_planes(picture: np.ndarray) -> np.ndarray:
    return (picture.transpose(2, 0, 1) / 255).astype(np.float32)


def places(source: int, target: int, single: float) -> list[float]:
    return [single] if target == 1 else [k * (source - 1) / (target - 1) for k in range(target)]


def resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Corner-aligned bilinear resizing in float64, one pixel at a time."""
    source_height, source_width, channels = picture.shape
    out = np.empty((channels, height, width))
    for i, y in enumerate(places(source_height, height, 0)):
        for j, x in enumerate(places(source_width, width, source_width - 1)):
            top, left = min(int(y), source_height - 1), min(int(x), source_width - 1)
            bottom, right = min(top + 1, source_height - 1), min(left + 1, source_width - 1)
            down, along = y - top, x - left
            corners = picture[[top, top, bottom, bottom], [left, right, left, right]] / 255
            shares = [(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along]
            out[:, i, j] = np.dot(shares, corners)
    return out


@pytest.mark.parametrize("target", SIZES)
@pytest.mark.parametrize("source", SIZES)
def test_resizing_is_bilinear_with_the_corners_aligned(source: tuple[int, int], target: tuple[int, int]) -> None:
    picture = noise(*source)
    wanted = resized(picture, *target)
    assert np.abs(resize(picture, *target) - wanted).max() < 1e-5  # positions are float32, as Darknet's
    assert np.abs(resize(as_planes(picture), *target) - wanted).max() < 1e-5


@pytest.mark.parametrize("height", [240, 854, 960, 1024, 2048])
@pytest.mark.parametrize("target", [224, 416, 608, 640])
def test_the_last_row_is_the_last_source_row_at_the_heights_where_darknet_blackens_it(height: int, target: int) -> None:
    picture = noise(2, height)
    last = (picture[-1] / 255).astype(np.float32)
    assert np.array_equal(resize(picture, 2, target)[:, -1], last.T)
    assert np.array_equal(resize(picture, 2, target)[:, 0], (picture[0] / 255).astype(np.float32).T)


def test_the_same_size_gives_the_same_values() -> None:
    picture = noise(31, 8)
    assert np.array_equal(resize(picture, 31, 8), as_planes(picture))


@pytest.mark.parametrize("source", SIZES)
def test_a_picture_of_one_colour_stays_of_one_colour(source: tuple[int, int]) -> None:
    picture = np.full((source[1], source[0], 3), (255, 0, 51), np.uint8)
    out = resize(picture, 13, 11)
    assert np.abs(out - np.float32([1, 0, 0.2]).reshape(3, 1, 1)).max() < 1e-6


def test_positions_of_some_places_are_those_of_all() -> None:
    chosen = np.array([5, 0, 99, 99, 3])
    for make in (positions, row_positions):
        every, some = make(37, 100), make(37, 100, chosen)
        assert np.array_equal(every.before[chosen], some.before)
        assert np.array_equal(every.fraction[chosen], some.fraction)


def test_a_huge_target_costs_only_the_places_asked_for() -> None:
    found = positions(178_000_000, 39_872_000_000, np.array([0, 19_936_000_000, 39_871_999_999]))
    assert found.before[0] == 0
    assert abs(found.before[1] - 89_000_000) < 100
    assert found.before[2] == 177_999_999


@pytest.mark.parametrize("layout", ["bytes", "planes", "strided", "read only"])
def test_any_memory_layout_gives_the_same(layout: str) -> None:
    picture = noise(20, 14)
    wanted = resize(picture, 9, 9)
    given = as_planes(picture) if layout == "planes" else picture
    if layout == "strided":
        given = np.repeat(picture, 2, axis=1)[:, ::2]
    given.flags.writeable = layout != "read only"
    assert np.abs(resize(given, 9, 9) - wanted).max() < 1e-6


@pytest.mark.parametrize("source", SIZES)
@pytest.mark.parametrize("target", [(32, 32), (40, 17), (1, 1)])
def test_a_letterboxed_picture_is_whole_and_surrounded_by_grey(
    source: tuple[int, int], target: tuple[int, int]
) -> None:
    picture = noise(*source)
    width, height = letterbox_size(*source, *target)
    out = letterbox(picture, *target)
    top, left = (target[1] - height) // 2, (target[0] - width) // 2
    assert np.array_equal(out[:, top : top + height, left : left + width], resize(picture, width, height))
    out[:, top : top + height, left : left + width] = GREY
    assert (out == GREY).all()
    assert out.shape == (3, target[1], target[0])


@pytest.mark.parametrize(
    ("source", "target", "size"),
    [
        ((500, 375), (416, 416), (416, 312)),
        ((333, 500), (608, 608), (404, 608)),
        ((20000, 1), (416, 416), (416, 1)),
        ((1, 20000), (416, 416), (1, 416)),
        ((10, 10), (32, 16), (16, 16)),
    ],
)
def test_the_size_inside_a_letterbox(source: tuple[int, int], target: tuple[int, int], size: tuple[int, int]) -> None:
    assert letterbox_size(*source, *target) == size


def test_shorter_and_longer_side_keep_the_proportions() -> None:
    assert shorter_side_size(640, 480, 224) == (298, 224)
    assert shorter_side_size(480, 640, 224) == (224, 298)
    assert longer_side_size(640, 480, 224) == (224, 168)
    assert longer_side_size(480, 640, 224) == (168, 224)
    assert longer_side_size(1, 1000, 100) == (1, 100)
    assert resize_min(noise(64, 48), 24).shape == (3, 24, 32)
    assert resize_max(noise(64, 48), 32).shape == (3, 24, 32)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (3, 2), (-4, -3), (9, 7), (50, 0), (0, -50)])
def test_an_embedded_picture_is_cut_off_at_the_edges(left: int, top: int) -> None:
    picture = noise(9, 7)
    wanted = np.full((3, 12, 14), GREY, np.float32)
    for row in range(7):
        for column in range(9):
            if 0 <= row + top < 12 and 0 <= column + left < 14:
                wanted[:, row + top, column + left] = (picture[row, column] / 255).astype(np.float32)
    assert np.array_equal(embed(picture, 14, 12, left, top), wanted)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5)])
def test_a_target_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="at least 1 pixel"):
        resize(noise(5, 5), *size)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3), np.float64), np.zeros((0, 5, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ImageError, match="an array of shape"):
        resize(array, 4, 4)
