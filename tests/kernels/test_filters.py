"""Filters in the order of kernels, against NumPy in float64 rounded where the kernels say that they round."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.cook_toom import FORMS, cook_toom
from darknetpy.kernels.filters import arrange_filters, transform_filters
from darknetpy.kernels.simd import LINE
from tests.kernels.test_winograd import call, numbers, random

CHANNELS = 5


def folded(filters: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """(filters, channels, cells) times factors (16,), rounded to float32; zeros for the lanes without a filter."""
    lanes = np.zeros((16, *filters.shape[1:]), np.float32)
    lanes[: len(filters)] = (filters * factors[: len(filters), np.newaxis, np.newaxis]).astype(np.float32)
    return lanes


def some_factors() -> np.ndarray:
    return np.random.default_rng(0).uniform(-3, 3, 16)


@pytest.mark.parametrize("count", [16, 11, 1])
@pytest.mark.parametrize("form", FORMS)
def test_filters_are_transformed_in_float64_and_rounded_once(form: int, count: int) -> None:
    n, factors = FORMS[form].window, some_factors()
    filters = random(count, CHANNELS, 9)
    points = np.full((n * n, CHANNELS, 3, 16), np.nan, np.float32)  # between lines are those of other blocks
    call(
        transform_filters, form, CHANNELS, filters.ctypes.data, filters.strides[0], count, factors.ctypes.data,
        points.ctypes.data + LINE, points.strides[1], points.strides[0],
    )  # fmt: skip
    matrix = numbers(cook_toom(form).filters)
    cells = folded(filters, factors).reshape(16, CHANNELS, 3, 3).astype(np.float64)
    expected = np.einsum("yi,xj,lcij->yxcl", matrix, matrix, cells).reshape(n * n, CHANNELS, 16)
    np.testing.assert_array_equal(points[:, :, 1], expected.astype(np.float32))
    assert np.isnan(points[:, :, [0, 2]]).all()


@pytest.mark.parametrize("count", [16, 11, 1])
def test_filters_are_arranged_by_lane(count: int) -> None:
    factors, filters = some_factors(), random(count, CHANNELS, 4)
    lines = np.full((CHANNELS, 2, 16), np.nan, np.float32)
    cell = 3
    call(
        arrange_filters, CHANNELS, filters.ctypes.data + 4 * cell, filters.strides[0], filters.strides[1], count,
        factors.ctypes.data, lines.ctypes.data, lines.strides[0],
    )  # fmt: skip
    np.testing.assert_array_equal(lines[:, 0], folded(filters, factors)[:, :, cell].T)
    assert np.isnan(lines[:, 1]).all()


def test_values_that_are_no_numbers_stay_in_their_lane() -> None:
    factors = np.ones(16)
    filters = np.zeros((3, 1, 9), np.float32)
    filters[1], filters[2, 0, 4] = np.nan, np.inf
    points = np.zeros((16, 1, 16), np.float32)
    call(
        transform_filters, 2, 1, filters.ctypes.data, filters.strides[0], 3, factors.ctypes.data,
        points.ctypes.data, LINE, LINE,
    )  # fmt: skip
    assert np.isnan(points[:, 0, 1]).any()
    assert np.isinf(points[5, 0, 2])
    np.testing.assert_array_equal(points[:, 0, [0, *range(3, 16)]], 0)
