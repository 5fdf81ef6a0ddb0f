"""Winograd's transforms against products of matrices, and how far their error goes."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from darknetpy.kernels import CompiledFunction
from darknetpy.kernels.cook_toom import FORMS, Matrix, cook_toom
from darknetpy.kernels.winograd import forward, inverse

LINE = 64


def call(function: CompiledFunction, *arguments: int, slopes: tuple[float, ...] = ()) -> None:
    kinds: list[type] = [*[ctypes.c_int64] * len(arguments), *[ctypes.c_float] * len(slopes)]
    ctypes.CFUNCTYPE(None, *kinds)(function.address)(*arguments, *slopes)


def numbers(matrix: Matrix) -> np.ndarray:
    return np.array(matrix, np.float64)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("form", FORMS)
def test_windows_to_points(form: int) -> None:
    n = FORMS[form].window
    picture = random(n, n + 3, 16)  # rows are longer than the window
    points = np.full((n * n, 2, 16), np.nan, np.float32)  # the points have a neighbour's lines between them
    call(forward, form, picture.ctypes.data, (n + 3) * LINE, points.ctypes.data, 2 * LINE)
    matrix = numbers(cook_toom(form).forward)
    expected = np.einsum("yi,xj,ijl->yxl", matrix, matrix, picture[:, :n]).reshape(n * n, 16)
    np.testing.assert_allclose(points[:, 0], expected, atol=3e-6 * np.abs(expected).max())
    assert np.isnan(points[:, 1]).all()


@pytest.mark.parametrize("slope", [1.0, 0.1, 0.0])
@pytest.mark.parametrize("form", FORMS)
def test_points_to_pixels_with_biases_and_slope(form: int, slope: float) -> None:
    tile, n = FORMS[form].tile, FORMS[form].window
    points, biases = random(n, n, 3, 16), random(16)
    out = np.full((tile, tile + 1, 16), np.nan, np.float32)
    addresses = out.ctypes.data, (tile + 1) * LINE, biases.ctypes.data
    call(inverse, form, points.ctypes.data, 3 * LINE, *addresses, 0, slopes=(slope, 0.5))
    matrix = numbers(cook_toom(form).inverse)
    expected = np.einsum("yi,xj,ijl->yxl", matrix, matrix, points[:, :, 0]) + biases
    expected = np.where(expected > 0, expected, slope * expected)
    np.testing.assert_allclose(out[:, :tile], expected, atol=3e-6 * np.abs(expected).max())
    assert np.isnan(out[:, tile]).all()
    for last in (1.0, 0.1):
        other = random(tile, tile + 1, 16)
        total = out + other
        addresses = other.ctypes.data, (tile + 1) * LINE, biases.ctypes.data
        call(inverse, form, points.ctypes.data, 3 * LINE, *addresses, other.ctypes.data, slopes=(slope, last))
        summed = np.where(total > 0, total, np.float32(last) * total)
        np.testing.assert_array_equal(other[:, :tile], summed[:, :tile])
