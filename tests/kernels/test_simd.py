"""Vectors, lane by lane, against NumPy."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels import kernel, simd
from darknetpy.kernels.simd import LANES, LINE


@kernel
def every_function(x: int, y: int, z: int, scalar: float, out: int) -> None:
    """One line of out for each function of vectors."""
    a, b, c = simd.load(x), simd.load(y), simd.load(z)
    simd.store(out, simd.add(a, b))
    simd.store(out + LINE, simd.subtract(a, b))
    simd.store(out + 2 * LINE, simd.multiply(a, b))
    simd.store(out + 3 * LINE, simd.fma(a, b, c))
    simd.store(out + 4 * LINE, simd.maximum(a, b))
    simd.store(out + 5 * LINE, simd.minimum(a, b))
    simd.store(out + 6 * LINE, simd.rectify(a, simd.splat(scalar)))
    simd.store(out + 7 * LINE, simd.splat(scalar))
    simd.store(out + 8 * LINE, simd.broadcast(y + 4))
    simd.store_float(out + 9 * LINE, simd.load_float(x + 8))


SPECIAL = np.float32([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.4e38])


def special_lanes() -> np.ndarray:
    """Three vectors (at addresses that are no multiple of 64): special values meet all of each other."""
    random = np.random.default_rng(0)
    lines = random.standard_normal((3, LANES + 1)).astype(np.float32)[:, 1:]
    lines[0, :8] = SPECIAL
    lines[1, :4], lines[1, 8:] = np.nan, SPECIAL
    return lines


def test_every_function_on_normal_and_special_values() -> None:
    x, y, z = special_lanes()
    out = np.zeros((10, LANES), np.float32)
    every_function(x.ctypes.data, y.ctypes.data, z.ctypes.data, np.float32(0.1), out.ctypes.data)
    with np.errstate(invalid="ignore", over="ignore"):
        fused = x.astype(np.float64) * y + z
        expected = [x + y, x - y, x * y, fused, np.maximum(x, y), np.minimum(x, y)]
        expected.append(np.where(x > 0, x, np.float32(0.1) * x))
    for line, values in zip(out, expected, strict=False):
        np.testing.assert_allclose(line, values.astype(np.float32), rtol=2e-7)
    np.testing.assert_array_equal(out[7], np.full(LANES, np.float32(0.1)))
    np.testing.assert_array_equal(out[8], np.full(LANES, y[1]))
    assert out[9, 0] == x[2]


def test_this_cpu_holds_a_few_accumulators() -> None:
    assert simd.accumulators() in (2, 6, 24)
    assert all(name == name.strip("+-") for name in simd.cpu_features())
