"""Products of channel-blocked arrays against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.operations import Operation
from darknetpy.kernels.products import multiply_blocks, scale_channels, scale_pixels
from tests.kernels.running import block, run, strides, unblock

SHAPES = {
    "by channel": (scale_channels, (2, 20, 1, 1)),
    "by pixel": (scale_pixels, (2, 1, 5, 7)),
    "by value": (multiply_blocks, (2, 20, 5, 7)),
}


@pytest.mark.parametrize("slope", [1.0, 0.1])
@pytest.mark.parametrize(("operation", "shape"), SHAPES.values(), ids=SHAPES.keys())
def test_product(operation: Operation, shape: tuple[int, ...], slope: float) -> None:
    random = np.random.default_rng(0)
    x, factors = (random.standard_normal(size).astype(np.float32) for size in ((2, 20, 5, 7), shape))
    source, given = block(x), block(factors)
    out = np.full_like(source, np.nan)
    arrays = {**strides("source", source), **strides("factors", given), **strides("out", out)}
    product = x * factors
    expected = np.where(product > 0, product, np.float32(slope) * product)
    for chunks in (4, 3, 1):
        out[:] = np.nan
        run(operation, chunks, **arrays, blocks=2, pixels=35, slope=slope, units=4, chunks=chunks)
        np.testing.assert_array_equal(unblock(out, 20, 5, 7), expected)
