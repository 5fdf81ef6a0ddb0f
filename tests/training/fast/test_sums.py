"""What is done with the sums of a convolution, of whatever kind: batch normalization or biases, there and back."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.training.normalization import NONE, OF_BATCH, STORED
from darknetpy.training.fast.convolutional import LoweredConvolution
from darknetpy.training.fast.program import TrainingProgram
from darknetpy.training.fast.sums import TrainedSums
from tests.training.fast.networks import END, Trial, conv, net

pytestmark = pytest.mark.quick
HEAD = conv(6, 1, batch_normalize=0)
GROUPS = [1, 20]
"""Of a convolution of 20 channels: all are seen by each filter, or one."""


def sums_of(program: TrainingProgram, index: int) -> TrainedSums:
    layer = program._layers[index]
    assert isinstance(layer, LoweredConvolution)
    return layer.convolution


def trial(groups: int, normalized: int, frozen: set[int] | None = None, dialect: str = "alexeyab") -> Trial:
    middle = conv(20, groups=groups, batch_normalize=normalized)
    return Trial(net((3, 9, 8), conv(20, 1), middle, HEAD, END), frozen=frozen or (), dialect=dialect)


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_each_way_to_normalize(groups: int, dialect: str) -> None:
    for normalized, frozen, expected in [(0, {0}, NONE), (1, {0}, OF_BATCH), (1, {0, 1}, STORED)]:
        one = trial(groups, normalized, frozen, dialect)
        assert sums_of(one.check(), 1).statistics == expected


@pytest.mark.parametrize("groups", GROUPS)
def test_gradients_and_statistics_by_name(groups: int) -> None:
    normalized, plain = (sums_of(trial(groups, kind).check(), 1) for kind in (1, 0))
    assert [name for name, _ in normalized.gradients()] == ["biases", "scales", "weights"]
    assert [name for name, _ in plain.gradients()] == ["biases", "weights"]
    assert [name for name, _ in normalized.seen()] == ["rolling_mean", "rolling_variance"]
    assert list(plain.seen()) == []


@pytest.mark.parametrize("groups", GROUPS)
def test_gradients_of_passes_are_added_where_asked_for(groups: int) -> None:
    one = trial(groups, 1)
    program = one.program()
    once, twice, anew = one.run(program), one.run(program, adding=True), one.run(program)
    for key, gradient in once.items():
        largest = np.abs(gradient).max()
        np.testing.assert_allclose(twice[key], 2 * gradient, atol=1e-5 * largest)
        np.testing.assert_array_equal(anew[key], gradient)


@pytest.mark.parametrize("groups", GROUPS)
def test_trouble_is_noticed(groups: int) -> None:
    one = trial(groups, 1)
    program = one.program()
    one.run(program)
    assert sums_of(program, 1).looks_finite()
    one.graph.nodes[1].weights["weights"][3] = np.nan
    one.run(program)
    assert not sums_of(program, 1).looks_finite()
