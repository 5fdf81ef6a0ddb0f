"""Sums of channel-blocked arrays, and what is sampled for them, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.sums import add_blocks, sample_pixels
from tests.kernels.running import block, run, strides, unblock


def picture(c: int = 20, h: int = 5, w: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2, c, h, w)).astype(np.float32)


def rectified(x: np.ndarray, slope: float) -> np.ndarray:
    return np.where(x > 0, x, np.float32(slope) * x)


@pytest.mark.parametrize("parts", [1, 3, 50])
@pytest.mark.parametrize("slope", [1.0, 0.1, 0.0])
def test_sum_of_two_arrays_with_a_slope_below_zero(slope: float, parts: int) -> None:
    x, y = picture(seed=1), picture(seed=2)
    source, other = block(x), block(y)
    out = np.full_like(source, np.nan)
    sizes = {"blocks": 2, "pixels": 35, "images": 2, "parts": parts, "other_blocks": 2}
    arrays = {**strides("source", source), **strides("other", other), **strides("out", out)}
    run(add_blocks, parts, **arrays, **sizes, slope_of_sum=slope)
    np.testing.assert_array_equal(unblock(out, 20, 5, 7), rectified(x + y, slope))
    run(add_blocks, parts, **{**arrays, **strides("out", other)}, **sizes, slope_of_sum=slope)
    np.testing.assert_array_equal(other, out)  # where the other array was: each line is read before it is written


def test_blocks_behind_those_of_the_other_array_are_rectified_only() -> None:
    x, y = picture(40, seed=1), picture(16, seed=2)
    source, other = block(x), block(y)
    out = np.full_like(source, np.nan)
    arrays = {**strides("source", source), **strides("other", other), **strides("out", out)}
    run(add_blocks, 4, **arrays, blocks=3, pixels=35, images=2, parts=4, other_blocks=1, slope_of_sum=0.1)
    x[:, :16] += y
    np.testing.assert_array_equal(unblock(out, 40, 5, 7), rectified(x, 0.1))


@pytest.mark.parametrize("channels", [3, 16, 20])
@pytest.mark.parametrize(
    ("height", "width", "stride", "spread"),
    [(5, 7, 1, 1), (2, 3, 2, 1), (3, 4, 2, 1), (10, 14, 1, 2), (11, 15, 1, 2), (16, 21, 1, 3)],
)
def test_pixels_on_another_grid(height: int, width: int, stride: int, spread: int, channels: int) -> None:
    x = picture(40)
    x[:, channels:] = np.nan  # channels that the other picture has not are not looked at
    source, blocks = block(x), -(-channels // 16)
    rows, columns = min(5, height), min(7, width)
    out = np.full((2, blocks, height * width, 16), np.nan, np.float32)
    sizes = {"blocks": blocks, "channels": channels, "width": 7, "out_pixels": height * width, "out_width": width}
    steps = {"rows": rows, "columns": columns, "stride": stride, "spread": spread}
    run(sample_pixels, 2 * blocks, **strides("source", source), **strides("out", out), **sizes, **steps)
    expected = np.zeros((2, blocks * 16, height, width), np.float32)
    expected[:, :channels, : rows * spread : spread, : columns * spread : spread] = x[
        :, :channels, : rows * stride : stride, : columns * stride : stride
    ]
    np.testing.assert_array_equal(unblock(out, blocks * 16, height, width), expected)
