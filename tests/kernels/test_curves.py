"""Vector forms of activations against their formulas in float64."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from darknetpy.kernels import kernel
from darknetpy.kernels.activations import ACTIVATIONS, activate
from darknetpy.kernels.curves import CURVES, curve_blocks, curve_floats, curve_number, run_curve
from tests.kernels.running import block, run, strides, unblock

SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0, 6.0, -6.0, 1e-8, -1e-8, 87.3, -87.3, 1000.0, -1000.0)
CANCELLING = {"gelu": 2e-6, "hard_mish": 1e-6, "lhtan": 2e-6, "ramp": 1e-6, "stair": 1e-6}
"""Activations near whose zeros the formula itself takes large numbers from each other, and the error allowed there."""


def applied(name: str, x: np.ndarray) -> np.ndarray:
    """The curve of x, a multiple of 16 float32."""
    number = curve_number(name)
    assert number is not None
    result = np.ascontiguousarray(x, np.float32).copy()
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(run_curve.address)
    function(number, result.ctypes.data, result.size // 16)
    return result


def values() -> np.ndarray:
    """Float32 values on both sides of 0, dense and random, and those where formulas change."""
    random = np.random.default_rng(0).normal(0, 4, 40_000)
    return np.concatenate([np.linspace(-86, 86, 16_000), random, SPECIAL]).astype(np.float32)


def test_every_curve_is_an_activation_that_registers_do_not() -> None:
    assert {name for name in CURVES if ACTIVATIONS[name].slope is not None} == set()
    pointwise = {name for name in ACTIVATIONS if not name.startswith("normalize_channels")}
    assert set(CURVES) == {name for name in pointwise if ACTIVATIONS[name].slope is None}
    assert curve_number("normalize_channels") is None


@pytest.mark.parametrize("name", CURVES)
def test_equals_the_formula(name: str) -> None:
    x = values()
    expected = activate(name, x.astype(np.float64))
    np.testing.assert_allclose(applied(name, x), expected, rtol=4e-7, atol=CANCELLING.get(name, 1e-37))


@pytest.mark.parametrize("name", ["logistic", "tanh", "swish", "mish", "elu", "selu", "loggy"])
def test_errors_are_a_few_units_in_the_last_place(name: str) -> None:
    x = values()
    x = x[np.abs(x) < 80]
    x = x[: x.size // 16 * 16]
    expected = activate(name, x.astype(np.float64))
    units = np.abs(applied(name, x) - expected) / np.spacing(np.abs(expected).astype(np.float32))
    assert units.max() < 5


def test_the_exponential_is_within_two_units_in_the_last_place() -> None:
    """elu is e^x - 1: where that is near -1 its error is that of e^x, measured in units of 1."""
    x = -np.linspace(0.7, 20, 16_000).astype(np.float32)
    units = np.abs(applied("elu", x) - np.expm1(x.astype(np.float64))) / 2.0**-24
    assert units.max() <= 2


@pytest.mark.parametrize("name", CURVES)
def test_nan_stays_visible_and_nothing_overflows(name: str) -> None:
    x = np.array([np.nan, 1e38, -1e38, 1e20, -1e20, 88.8, -88.8, 0.5] * 2, np.float32)
    if name in {"gelu", "hard_mish", "stair"}:
        x[np.abs(x) > 1e10] = 100  # their formulas square or round
    found = applied(name, x)
    assert np.isnan(found[[0, 8]]).all()
    assert np.isfinite(np.delete(found, [0, 8])).all()


@pytest.mark.parametrize(("pixels", "parts"), [(35, 1), (35, 4), (1, 1), (35, 35)])
def test_blocks_are_changed_in_place(pixels: int, parts: int) -> None:
    x = np.random.default_rng(1).standard_normal((2, 20, 1, pixels)).astype(np.float32)
    array = block(x)
    fields = {"blocks": 2, "pixels": pixels, "parts": parts, "curve": run_curve.address}
    run(curve_blocks, 4 * parts, **strides("out", array), **fields, number=curve_number("mish") or 0)
    np.testing.assert_allclose(unblock(array, 20, 1, pixels), activate("mish", x), rtol=1e-5, atol=1e-6)


@kernel
def apply_to_floats(curve: int, number: int, address: int, count: int, scratch: int) -> None:
    """`curve_floats`, from Python."""
    curve_floats(curve, number, address, count, scratch)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_any_number_of_floats(count: int) -> None:
    x = np.random.default_rng(2).standard_normal(48).astype(np.float32)
    found, scratch = x.copy(), np.zeros(16, np.float32)
    number = curve_number("tanh") or 0
    apply_to_floats(run_curve.address, number, found.ctypes.data, count, scratch.ctypes.data)
    np.testing.assert_allclose(found[:count], np.tanh(x[:count]), rtol=1e-6)
    np.testing.assert_array_equal(found[count:], x[count:])
