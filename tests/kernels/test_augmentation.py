"""Random views of pictures, against what the C program makes of the same numbers and against slow arithmetic."""

from __future__ import annotations

import colorsys
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.kernels.augmentation import change_colours, turn_and_cut

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
    turn_and_cut(picture, 1.0, case["radians"], case["scale"], case["aspect"], case["dx"], case["dy"], out)
    np.testing.assert_allclose(out, recorded[f"{case['key']}_out"], atol=2e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case["fn"] == "distort_image"], ids=lambda c: c["key"])
def test_changed_colours_are_those_of_darknet(case: dict[str, Any], recorded: dict[str, np.ndarray]) -> None:
    planes = recorded[f"{case['key']}_in"].copy()
    change_colours(planes, case["hue"], case["saturation"], case["exposure"])
    np.testing.assert_allclose(planes, recorded[f"{case['key']}_out"], atol=2e-6)


def test_bytes_become_values_from_0_to_1_and_outside_is_nothing() -> None:
    picture = np.full((4, 6, 1), 255, np.uint8)
    out = np.empty((1, 8, 10), np.float32)
    turn_and_cut(picture, 1 / 255, 0.0, 1.0, 1.0, 0.0, 0.0, out)
    expected = np.zeros((8, 10), np.float32)
    expected[2:6, 2:8] = 1
    np.testing.assert_allclose(out[0], expected, atol=1e-6)


def test_a_quarter_turn_moves_rows_to_columns() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (5, 5, 3), np.uint8)
    out = np.empty((3, 5, 5), np.float32)
    turn_and_cut(picture, 1 / 255, math.pi / 2, 1.0, 1.0, 0.0, 0.0, out)
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
