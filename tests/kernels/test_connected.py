"""Fully connected layers against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.connected import CONNECTION_SCRATCH, connect
from darknetpy.kernels.curves import curve_number, run_curve
from tests.kernels.running import run, strides


def connected(images: int, inputs: int, outputs: int, parts: int, **fields: float) -> tuple[np.ndarray, np.ndarray]:
    """What the kernel gives, and the sums in float64."""
    random = np.random.default_rng(0)
    x = random.standard_normal((images, inputs, 1)).astype(np.float32)
    weights, biases = random.standard_normal((outputs, inputs)), random.standard_normal(outputs)
    given = {"weights": weights.astype(np.float32), "biases": biases.astype(np.float32)}
    out = np.full((images, outputs, 1), np.nan, np.float32)
    sizes = {"images": images, "inputs": inputs, "outputs": outputs, "parts": parts}
    arrays = {**strides("source", x), **strides("out", out)}
    run(connect, parts, scratch_bytes=CONNECTION_SCRATCH, **arrays, **given, **sizes, **{"slope": 1.0, **fields})
    sums = x[:, :, 0].astype(np.float64) @ given["weights"].T.astype(np.float64) + given["biases"]
    return out[:, :, 0], sums


@pytest.mark.parametrize("inputs", [1, 16, 37, 200])
@pytest.mark.parametrize(("images", "outputs", "parts"), [(1, 1, 1), (1, 9, 2), (2, 16, 4), (3, 23, 3), (5, 7, 1)])
def test_every_output_sees_every_input(images: int, inputs: int, outputs: int, parts: int) -> None:
    found, expected = connected(images, inputs, outputs, parts)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_slopes_and_curves() -> None:
    found, sums = connected(3, 40, 21, 2, slope=0.1)
    np.testing.assert_allclose(found, np.where(sums > 0, sums, 0.1 * sums), atol=1e-4)
    found, sums = connected(3, 40, 21, 2, curve=run_curve.address, number=curve_number("tanh") or 0)
    np.testing.assert_allclose(found, np.tanh(sums), atol=1e-4)


def test_neither_other_pictures_nor_the_division_change_a_bit() -> None:
    found, _ = connected(5, 100, 30, 1)
    divided, _ = connected(5, 100, 30, 7)
    np.testing.assert_array_equal(found, divided)
    alone, _ = connected(1, 100, 30, 1)
    again, _ = connected(1, 100, 30, 4)
    np.testing.assert_array_equal(alone, again)
