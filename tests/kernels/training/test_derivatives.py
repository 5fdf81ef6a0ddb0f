"""Vector forms of derivatives against those of the plain activations in float64."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from darknetpy.kernels.activations import activation_gradient
from darknetpy.kernels.curves import CURVES, curve_number
from darknetpy.kernels.training.derivatives import DERIVATIVES, run_derivative
from tests.kernels.training.lines import numbers

SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0, 6.0, -6.0, 20.0, 20.1, 87.3, -1000.0)


def derived(name: str, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The gradient by x, a multiple of 16 float32, from that by the output."""
    x, result = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(gradient, np.float32).copy()
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(run_derivative.address)
    function(curve_number(name), x.ctypes.data, result.ctypes.data, result.size // 16)
    return result


def values() -> np.ndarray:
    random = np.random.default_rng(0).normal(0, 4, 40_000)
    return np.concatenate([np.linspace(-86, 86, 16_000), random, SPECIAL]).astype(np.float32)


def test_every_curve_has_one() -> None:
    assert set(DERIVATIVES) == set(CURVES)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_equals_the_formula(name: str) -> None:
    x = values()
    gradient = numbers(x.size, seed=4)
    expected = activation_gradient(name, x.astype(np.float64), gradient.astype(np.float64))
    np.testing.assert_allclose(derived(name, x, gradient), expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_nothing_overflows(name: str) -> None:
    far = 1e9 if name == "gelu" else 1e18  # its formula squares
    x = np.array([far, -far, 1e8, -1e8, 88.8, -88.8, 0.5, -0.5] * 2, np.float32)
    expected = activation_gradient(name, x.astype(np.float64), np.ones(16))
    found = derived(name, x, np.ones(16))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["gelu", "logistic", "mish", "swish", "tanh"])
def test_nan_stays_visible(name: str) -> None:
    x, gradient = np.zeros(16, np.float32), np.ones(16, np.float32)
    x[3], gradient[7] = np.nan, np.nan
    assert np.flatnonzero(np.isnan(derived(name, x, gradient))).tolist() == [3, 7]
