"""Softmax against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.softmax import scratch_bytes, softmax_values
from tests.kernels.running import run, strides


def softmax(x: np.ndarray, groups: int) -> np.ndarray:
    """Of (n, groups * length, 1) values, by the operation."""
    out = np.full_like(x, np.nan)
    arrays = {**strides("source", x), **strides("out", out)}
    fields = {"groups": groups, "length": x.shape[1] // groups}
    run(softmax_values, len(x) * groups, scratch_bytes=scratch_bytes(x.shape[1] // groups), **arrays, **fields)
    return out


@pytest.mark.parametrize("length", [1, 5, 16, 17, 47, 1000])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("scale", [1, 300])
def test_equals_its_definition(length: int, groups: int, scale: float) -> None:
    x = (scale * np.random.default_rng(length).standard_normal((2, groups * length, 1))).astype(np.float32)
    powers = x.astype(np.float64).reshape(2, groups, length)
    powers = np.exp(powers - powers.max(axis=2, keepdims=True))
    expected = (powers / powers.sum(axis=2, keepdims=True)).reshape(x.shape)
    np.testing.assert_allclose(softmax(x, groups), expected, rtol=2e-6, atol=1e-37)


@pytest.mark.parametrize("place", [0, 15, 16, 36])
def test_a_nan_is_seen_in_all_of_its_group_and_in_no_other(place: int) -> None:
    x = np.zeros((1, 3 * 37, 1), np.float32)
    x[0, 37 + place] = np.nan
    found = softmax(x, 3)[0, :, 0].reshape(3, 37)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()
