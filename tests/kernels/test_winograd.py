"""Winograd's transforms against products of matrices, and how far their error goes."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from darknetpy.kernels import CompiledFunction
from darknetpy.kernels.cook_toom import POINTS, Matrix, cook_toom
from darknetpy.kernels.winograd import forward, inverse, transform_filters

LINE = 64


def call(function: CompiledFunction, *arguments: int, slope: float | None = None) -> None:
    kinds: list[type] = [ctypes.c_int64] * len(arguments)
    if slope is None:
        ctypes.CFUNCTYPE(None, *kinds)(function.address)(*arguments)
    else:
        ctypes.CFUNCTYPE(None, *kinds, ctypes.c_float)(function.address)(*arguments, slope)


def numbers(matrix: Matrix) -> np.ndarray:
    return np.array(matrix, np.float64)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("tile", POINTS)
def test_windows_to_points(tile: int) -> None:
    n = tile + 2
    picture = random(n, n + 3, 16)  # rows are longer than the window
    points = np.full((n * n, 2, 16), np.nan, np.float32)  # the points have a neighbour's lines between them
    call(forward, tile, picture.ctypes.data, (n + 3) * LINE, points.ctypes.data, 2 * LINE)
    matrix = numbers(cook_toom(tile).forward)
    expected = np.einsum("yi,xj,ijl->yxl", matrix, matrix, picture[:, :n]).reshape(n * n, 16)
    np.testing.assert_allclose(points[:, 0], expected, atol=3e-6 * np.abs(expected).max())
    assert np.isnan(points[:, 1]).all()


@pytest.mark.parametrize("slope", [1.0, 0.1, 0.0])
@pytest.mark.parametrize("tile", POINTS)
def test_points_to_pixels_with_biases_and_slope(tile: int, slope: float) -> None:
    n = tile + 2
    points, biases = random(n, n, 3, 16), random(16)
    out = np.full((tile, tile + 1, 16), np.nan, np.float32)
    addresses = out.ctypes.data, (tile + 1) * LINE, biases.ctypes.data
    call(inverse, tile, points.ctypes.data, 3 * LINE, *addresses, slope=slope)
    matrix = numbers(cook_toom(tile).inverse)
    expected = np.einsum("yi,xj,ijl->yxl", matrix, matrix, points[:, :, 0]) + biases
    expected = np.where(expected > 0, expected, slope * expected)
    np.testing.assert_allclose(out[:, :tile], expected, atol=3e-6 * np.abs(expected).max())
    assert np.isnan(out[:, tile]).all()


@pytest.mark.parametrize("tile", POINTS)
def test_filters_are_rounded_once(tile: int) -> None:
    n, lines = tile + 2, 5
    cells = random(9, lines, 16)
    points = np.full((n * n, lines, 16), np.nan, np.float32)
    call(transform_filters, tile, lines, cells.ctypes.data, lines * LINE, points.ctypes.data, lines * LINE)
    matrix = numbers(cook_toom(tile).filters)
    expected = np.einsum("yi,xj,ijkl->yxkl", matrix, matrix, cells.reshape(3, 3, lines, 16)).reshape(n * n, lines, 16)
    np.testing.assert_allclose(points, expected, rtol=2**-24, atol=1e-12)
