"""The activation of a [yolo] head against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.curves import curve_number, run_curve
from darknetpy.kernels.head import HEAD_SCRATCH, activate_head
from tests.kernels.running import run, strides


@pytest.mark.parametrize("pixels", [1, 16, 169])
@pytest.mark.parametrize("stretch", [1.0, 1.05])
def test_all_values_but_width_and_height(pixels: int, stretch: float) -> None:
    anchors, values = 3, 8
    x = np.random.default_rng(0).normal(0, 3, (2, anchors * values, pixels)).astype(np.float32)
    out = np.full_like(x, np.nan)
    fields = {"channels": anchors * values, "values": values, "pixels": pixels, "stretch": stretch}
    curve = {"curve": run_curve.address, "number": curve_number("logistic") or 0}
    arrays = {**strides("source", x), **strides("out", out)}
    run(activate_head, 2 * anchors * values, scratch_bytes=HEAD_SCRATCH, **arrays, **fields, **curve)
    expected = 1 / (1 + np.exp(-x.astype(np.float64)))
    for anchor in range(anchors):
        first = anchor * values
        expected[:, first : first + 2] = expected[:, first : first + 2] * stretch - (stretch - 1) / 2
        expected[:, first + 2 : first + 4] = x[:, first + 2 : first + 4]
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)


def test_values_that_come_activated_are_only_stretched() -> None:
    x = np.random.default_rng(0).random((1, 16, 9)).astype(np.float32)
    out = np.full_like(x, np.nan)
    fields = {"channels": 16, "values": 8, "pixels": 9, "stretch": 2.0, "curve": 0}
    run(activate_head, 16, scratch_bytes=HEAD_SCRATCH, **strides("source", x), **strides("out", out), **fields)
    expected = x.copy()
    for value in (0, 1, 8, 9):
        expected[:, value] = 2 * x[:, value] - 0.5
    np.testing.assert_array_equal(out, expected)
