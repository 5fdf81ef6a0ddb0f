"""Random views of pictures, against what the C program makes of the same numbers and against slow arithmetic."""

from __future__ import annotations

import colorsys
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.kernels.augmentation import change_colours, look_at, turn_and_cut

GOLDEN = Path(__file__).parent.parent / "golden"
CASES: list[dict[str, Any]] = json.loads((GOLDEN / "views.json").read_text())["functions"]


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "views.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("case", [case for case in CASES if case["fn"] == "rotate_crop_image"], ids=lambda c: c["key"])
def test_turned_pictures_are_those_of_darknet(case: dict[str, Any], recorded: dict[str, np.ndarray]) -> None:
    picture = np.ascontiguousarray(recorded[f"{case['key']}_in"].transpose(1, 2, 0))
    out = np.empty((3, case["h"], case["w"]), np.float32)
    turn_and_cut(picture, 1.0, case["radians"], case["scale"], case["aspect"], case["dx"], case["dy"], False, out)
    np.testing.assert_allclose(out, recorded[f"{case['key']}_out"], atol=2e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case["fn"] == "distort_image"], ids=lambda c: c["key"])
def test_changed_colours_are_those_of_darknet(case: dict[str, Any], recorded: dict[str, np.ndarray]) -> None:
    planes = recorded[f"{case['key']}_in"].copy()
    change_colours(planes, case["hue"], case["saturation"], case["exposure"])
    np.testing.assert_allclose(planes, recorded[f"{case['key']}_out"], atol=2e-6)


def test_bytes_become_values_from_0_to_1_and_outside_is_nothing() -> None:
    picture = np.full((4, 6, 1), 255, np.uint8)
    out = np.empty((1, 8, 10), np.float32)
    turn_and_cut(picture, 1 / 255, 0.0, 1.0, 1.0, 0.0, 0.0, False, out)
    expected = np.zeros((8, 10), np.float32)
    expected[2:6, 2:8] = 1
    np.testing.assert_allclose(out[0], expected, atol=1e-6)


def test_a_quarter_turn_moves_rows_to_columns() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (5, 5, 3), np.uint8)
    out = np.empty((3, 5, 5), np.float32)
    turn_and_cut(picture, 1 / 255, math.pi / 2, 1.0, 1.0, 0.0, 0.0, False, out)
    turned = np.zeros((5, 5, 3))
    for row in range(5):
        for column in range(5):  # x' = -(row - 2.5) + 2.5, y' = column: one column further than a plain turn
            if row:
                turned[row, column] = picture[column, 5 - row] / 255
    np.testing.assert_allclose(out.transpose(1, 2, 0)[1:], turned[1:], atol=1e-5)


def test_colours_change_as_in_a_library() -> None:
    colours = np.random.default_rng(2).random((3, 20, 1), np.float32)
    planes = colours.copy()
    change_colours(planes, 0.3, 0.7, 0.9)
    for found, (red, green, blue) in zip(planes[:, :, 0].T, colours[:, :, 0].T, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
        expected = colorsys.hsv_to_rgb((hue + 0.3) % 1, saturation * 0.7, value * 0.9)
        np.testing.assert_allclose(found, np.clip(expected, 0, 1), atol=1e-5)


def test_colours_of_one_or_four_planes_become_lighter_only() -> None:
    for count in (1, 4):
        planes = np.full((count, 2, 3), 0.4, np.float32)
        change_colours(planes, 0.3, 2.0, 1.5)
        np.testing.assert_allclose(planes, 0.6, rtol=1e-6)
        change_colours(planes, 0.0, 1.0, 2.0)
        assert planes.max() == 1


def test_greys_and_black_stay_what_they_are() -> None:
    planes = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 2, 6).repeat(3, 0)
    changed = planes.copy()
    change_colours(changed, 0.4, 1.7, 1.0)
    np.testing.assert_allclose(changed, planes, atol=1e-6)


def slowly(picture: np.ndarray, view: tuple[float, ...], side: int) -> np.ndarray:
    """A view, pixel by pixel in double precision."""
    radians, scale, aspect, across, down = view
    h, w, c = picture.shape
    padded = np.zeros((h + 2, w + 2, c))
    padded[1:-1, 1:-1] = picture / 255
    out = np.zeros((c, side, side))
    for row in range(side):
        for column in range(side):
            x, y = (column - side / 2 + across) * aspect / scale, (row - side / 2 + down) / scale
            turned = math.cos(radians) * x - math.sin(radians) * y, math.sin(radians) * x + math.cos(radians) * y
            place_x, place_y = turned[0] + w / 2, turned[1] + h / 2
            left, top = math.floor(place_x), math.floor(place_y)
            for near_y, near_x in ((0, 0), (0, 1), (1, 0), (1, 1)):
                if -1 <= top + near_y <= h and -1 <= left + near_x <= w:
                    part = (1 - abs(place_x - left - near_x)) * (1 - abs(place_y - top - near_y))
                    out[:, row, column] += part * padded[top + near_y + 1, left + near_x + 1]
    return out


VIEWS = ((0.0, 1.0, 1.0, 0.0, 0.0), (0.2, 1.3, 0.8, 2.2, -1.7), (-1.9, 0.4, 1.25, 0, 0.5), (0.05, 6.0, 1.0, 4.5, 9.0))


@pytest.mark.parametrize("shape", [(9, 14, 3), (14, 9, 1), (1, 1, 3), (1, 20, 4), (2, 2, 3)])
@pytest.mark.parametrize("view", VIEWS)
def test_every_pixel_is_that_of_slow_arithmetic(shape: tuple[int, ...], view: tuple[float, ...]) -> None:
    picture = np.random.default_rng(4).integers(0, 256, shape, np.uint8)
    out = np.full((shape[2], 12, 12), np.nan, np.float32)
    turn_and_cut(picture, 1 / 255, *view, False, out)
    np.testing.assert_allclose(out, slowly(picture, view, 12), atol=1e-5)
    mirrored = np.empty_like(out)
    turn_and_cut(picture, 1 / 255, *view, True, mirrored)
    np.testing.assert_array_equal(mirrored, out[:, :, ::-1])


def test_a_view_is_turned_first_and_coloured_then() -> None:
    picture = np.random.default_rng(5).integers(0, 256, (9, 14, 3), np.uint8)
    found, expected = np.empty((3, 12, 12), np.float32), np.empty((3, 12, 12), np.float32)
    look_at(picture, 1 / 255, *VIEWS[1], True, 0.1, 1.3, 0.8, found)
    turn_and_cut(picture, 1 / 255, *VIEWS[1], True, expected)
    uncoloured = np.empty_like(expected)
    look_at(picture, 1 / 255, *VIEWS[1], True, 0.0, 1.0, 1.0, uncoloured)
    np.testing.assert_array_equal(uncoloured, expected)
    change_colours(expected, 0.1, 1.3, 0.8)
    np.testing.assert_array_equal(found, expected)
