"""Values in another order."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.gather import gather_values
from tests.kernels.running import block, run, strides


def test_each_lane_comes_from_its_place_in_its_own_image() -> None:
    source = block(np.random.default_rng(0).standard_normal((2, 20, 3, 5)).astype(np.float32))
    out = np.full((2, 3, 7, 16), np.nan, np.float32)
    table = np.random.default_rng(1).integers(0, source[0].size, out[0].size)
    arrays = {**strides("source", source), **strides("out", out), "table": 4 * table}
    run(gather_values, 6, **arrays, blocks=3, pixels=7)
    np.testing.assert_array_equal(out.reshape(2, -1), source.reshape(2, -1)[:, table])
