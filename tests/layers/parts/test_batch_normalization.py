"""Batch normalization with stored statistics."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.dialect import dialect_named
from darknetpy.layers.parts.batch_normalization import batch_norm_arrays, fold, normalize, per_channel
from tests import reference
from tests.layers.workbench import assert_close


def arrays(channels: int, tiny: bool = False) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    names = ("biases", "scales", "rolling_mean")
    values = {name: random.standard_normal(channels).astype(np.float32) for name in names}
    values["rolling_variance"] = (random.random(channels) * (1e-6 if tiny else 1)).astype(np.float32)
    values["weights"] = random.standard_normal((channels, 2, 3, 3)).astype(np.float32)
    return values


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize("tiny", [False, True])
@pytest.mark.parametrize("shape", [(2, 4, 3, 2), (3, 4)])
def test_equals_naive_loops(dialect: str, tiny: bool, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(6).standard_normal(shape)
    weights = arrays(4, tiny)
    found = normalize(x, weights, dialect_named(dialect))
    assert_close(found, reference.batch_normalize(x, weights, dialect))
    assert normalize(x.astype(np.float32), weights, dialect_named(dialect)).dtype == np.float32


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_fold_is_rounded_once(dialect: str) -> None:
    weights = arrays(4, tiny=True)
    filters, biases = fold(weights, dialect_named(dialect))
    variance = weights["rolling_variance"].astype(np.float64)
    deviation = np.sqrt(variance + 1e-5) if dialect == "alexeyab" else np.sqrt(variance) + 1e-6
    factor = weights["scales"] / deviation
    assert np.array_equal(filters, (weights["weights"] * factor[:, None, None, None]).astype(np.float32))
    assert np.array_equal(biases, (weights["biases"] - factor * weights["rolling_mean"]).astype(np.float32))


def test_arrays_are_scales_and_statistics() -> None:
    found = batch_norm_arrays(3, in_file=False)
    assert [(array.name, array.initial, array.trained) for array in found] == [
        ("scales", 1, True), ("rolling_mean", 0, False), ("rolling_variance", 0, False),
    ]  # fmt: skip
    assert not any(array.in_file for array in found)


def test_per_channel_meets_pictures_and_rows() -> None:
    values = np.arange(3, dtype=np.float32)
    assert per_channel(values, np.zeros((2, 3, 4, 5))).shape == (3, 1, 1)
    assert per_channel(values, np.zeros((2, 3))).shape == (3,)
    assert per_channel(values, np.zeros((2, 3))).dtype == np.float64
