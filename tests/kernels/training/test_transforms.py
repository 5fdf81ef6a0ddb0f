"""Winograd's transforms of gradients and filters against products of matrices in float64; transposing bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.cook_toom import FORMS, cook_toom
from darknetpy.kernels.simd import LINE
from darknetpy.kernels.training.transforms import (
    SQUARE_FORMS,
    filters_to_points,
    mirrored_pairs,
    points_to_filters,
    spread,
    transpose16,
)
from tests.kernels.test_winograd import call, numbers, random

COUNT = 3  # values of k
NEAR = 1e-6  # of the largest value


def aligned(*shape: int) -> np.ndarray:
    """NaN on a cache line."""
    size = int(np.prod(shape))
    whole = np.full(size + 16, np.nan, np.float32)
    first = -whole.ctypes.data % LINE // 4
    return whole[first : first + size].reshape(shape)


def assert_near(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=NEAR * np.abs(expected).max())


@pytest.mark.parametrize("form", SQUARE_FORMS)
def test_tiles_of_a_gradient_are_spread(form: int) -> None:
    tile, n = FORMS[form].tile, FORMS[form].window
    gradient = random(tile, tile + 1, 16)  # rows are longer than the tile
    points = np.full((n * n, 2, 16), np.nan, np.float32)  # the points have a neighbour's lines between them
    call(spread, form, gradient.ctypes.data, gradient.strides[0], points.ctypes.data, points.strides[0])
    matrix = numbers(cook_toom(form).inverse)
    expected = np.einsum("iy,jx,ijl->yxl", matrix, matrix, gradient[:, :tile].astype(np.float64))
    assert_near(points[:, 0], expected.reshape(n * n, 16))
    assert np.isnan(points[:, 1]).all()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("far", [0, 1])
@pytest.mark.parametrize("form", SQUARE_FORMS)
def test_filters_to_points(form: int, far: int, turned: bool) -> None:
    n = FORMS[form].window
    taps, points = random(COUNT, 9, 16), aligned(n * n, COUNT, 2, 16)
    first, step = (8 * LINE, -LINE) if turned else (0, LINE)
    call(
        filters_to_points, form, far, COUNT, taps.ctypes.data + first, step, taps.strides[0],
        points.ctypes.data + LINE, points.strides[0], points.strides[1],
    )  # fmt: skip
    matrix = numbers(cook_toom(form).filters)
    filters = taps[:, ::-1] if turned else taps
    cells = filters.reshape(COUNT, 3, 3, 16).astype(np.float64)
    expected = np.einsum("yi,xj,kijl->yxkl", matrix, matrix, cells).reshape(n * n, COUNT, 16)
    assert_near(points[:, :, 1], expected)
    assert np.isnan(points[:, :, 0]).all()


@pytest.mark.parametrize("form", SQUARE_FORMS)
def test_points_to_filters(form: int) -> None:
    n = FORMS[form].window
    points, taps = random(n * n, COUNT, 2, 16), np.full((COUNT, 2, 9, 16), np.nan, np.float32)
    call(
        points_to_filters, form, COUNT, points.ctypes.data + LINE, points.strides[0], points.strides[1], LINE,
        taps.ctypes.data, taps.strides[2], taps.strides[0],
    )  # fmt: skip
    matrix = numbers(cook_toom(form).filters)
    square = points[:, :, 1].reshape(n, n, COUNT, 16).astype(np.float64)
    expected = np.einsum("yi,xj,yxkl->kijl", matrix, matrix, square).reshape(COUNT, 9, 16)
    assert_near(taps[:, 0], expected)
    assert np.isnan(taps[:, 1]).all()


def test_a_value_that_is_no_number_stays_in_its_lane() -> None:
    points, taps = np.zeros((36, 16), np.float32), np.zeros((9, 16), np.float32)
    points[7, 3], points[0, 5] = np.inf, np.nan
    call(points_to_filters, 4, 1, points.ctypes.data, LINE, 0, 0, taps.ctypes.data, LINE, 0)
    assert (~np.isfinite(taps)).any(axis=0).nonzero()[0].tolist() == [3, 5]


def test_points_and_their_negatives_share_their_work() -> None:
    assert list(mirrored_pairs(cook_toom(4).filters)) == [(1, 2), (3, 4)]
    assert list(mirrored_pairs(cook_toom(2).filters)) == [(1, 2)]


def test_lines_are_transposed_bit_for_bit() -> None:
    bits = np.arange(16 * 3 * 16, dtype=np.uint32).reshape(16, 3, 16) + np.uint32(0x7FC00000)  # NaN with numbers
    out = np.zeros((16, 2, 16), np.uint32)
    call(transpose16, bits.ctypes.data + LINE, bits.strides[0], out.ctypes.data, out.strides[0])
    np.testing.assert_array_equal(out[:, 0], bits[:, 1].T)
    assert not out[:, 1].any()
