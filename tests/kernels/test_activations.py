"""Every activation against code that takes one number at a time."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from darknetpy.kernels.activations import ACTIVATIONS, NAMES_ELSEWHERE, activate
from tests import reference

NAMES = list(ACTIVATIONS)
SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0, 6.0, -6.0, 0.5, -0.5, 1e-8, -1e-8, 30.0, -30.0, 60.0, -60.0)


def values(n: int = 2, channels: int = 5) -> np.ndarray:
    """(n, channels, 3, 6) float64: random ones, and those where formulas change."""
    random = np.random.default_rng(3).normal(0, 3, (n, channels, 3, 6))
    random[0, 0] = np.reshape(SPECIAL, (3, 6))
    return random


def test_reference_covers_every_activation() -> None:
    assert {*reference.ACTIVATIONS, *reference.CHANNEL_ACTIVATIONS} == set(NAMES)


def test_names_of_other_programs_lead_to_activations() -> None:
    assert set(NAMES_ELSEWHERE.values()) <= set(NAMES)
    assert not set(NAMES_ELSEWHERE) & set(NAMES)
    assert NAMES_ELSEWHERE["silu"] == "swish"


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_formula_in_float64(name: str) -> None:
    x = values()
    np.testing.assert_allclose(activate(name, x), reference.activate(name, x), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_flat_values_are_channels(name: str) -> None:
    x = values()[:, :, 0, 0]
    np.testing.assert_allclose(activate(name, x), reference.activate(name, x), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_close_and_stays_float32(name: str) -> None:
    x = values()
    found = activate(name, x.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference.activate(name, x), rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_large_values_stay_finite_without_warnings(name: str, dtype: type[np.floating]) -> None:
    x = np.array([[1000.0, 0.0], [-1000.0, 1.0], [1000.0, 1000.0], [-1000.0, -1000.0], [88.8, -88.8]], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = activate(name, x)
    assert np.isfinite(found).all()
    assert found.dtype == dtype


LIMITS = {
    "logistic": (0, 1), "loggy": (-1, 1), "relu": (0, 1000), "relu6": (0, 6), "elu": (-1, 1000),
    "selu": (-1.0507 * 1.6732, 1050.7), "gelu": (0, 1000), "tanh": (-1, 1), "hardtan": (-1, 1), "swish": (0, 1000),
    "mish": (0, 1000), "hard_mish": (0, 1000), "leaky": (-100, 1000), "normalize_channels": (0, 1),
    "normalize_channels_softmax": (0, 1), "normalize_channels_softmax_maxval": (0, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_has_its_limits_at_both_ends(name: str) -> None:
    found = activate(name, np.array([[-1000.0, 1000.0]]))[0]
    np.testing.assert_allclose(found, LIMITS[name], rtol=2e-4, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_visible(name: str) -> None:
    x = values()
    x[1, 2, 0, 3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = activate(name, x)
    assert np.isnan(found[1, 2, 0, 3])
    untouched = np.ones(x.shape, bool)
    untouched[1, :, 0, 3] = False
    assert not np.isnan(found[untouched]).any()


@pytest.mark.parametrize("name", NAMES)
def test_leaves_its_argument_alone(name: str) -> None:
    x = values()
    before = x.copy()
    activate(name, x)
    assert np.array_equal(x, before)


@pytest.mark.parametrize("name", [name for name in NAMES if ACTIVATIONS[name].slope is not None])
def test_slope_is_that_of_max_of_x_and_slope_x(name: str) -> None:
    x = values()
    np.testing.assert_allclose(activate(name, x), np.maximum(x, ACTIVATIONS[name].slope * x), rtol=1e-12)


def test_normalized_channels_add_up_to_nearly_one() -> None:
    found = activate("normalize_channels_softmax_maxval", values())
    assert np.all(found.sum(axis=1) > 0.9998)
    assert np.all(found.sum(axis=1) < 1)
