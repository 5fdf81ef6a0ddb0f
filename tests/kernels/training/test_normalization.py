"""Factors, shifts and gradients of batch normalization against the plain form in float64."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.dialect import ALEXEYAB, PJREDDIE, Dialect
from darknetpy.kernels.training.normalization import NONE, OF_BATCH, STORED, normalize, normalize_back
from darknetpy.layers.parts import batch_normalization as plain
from darknetpy.layers.tape import Tape
from tests.kernels.running import LANES, run
from tests.kernels.training.lines import numbers

PARTS = 3


def lines(blocks: int) -> np.ndarray:
    return np.full((blocks, LANES), np.nan, np.float32)


def sums_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sums (parts, blocks, 2, 16) of two arrays (c, values), float32 in each part."""
    channels = len(first)
    sums = np.zeros((PARTS, -(-channels // LANES) * LANES, 2), np.float32)
    for part in range(PARTS):
        for place, array in enumerate((first, second)):
            sums[part, :channels, place] = array[:, part::PARTS].sum(1)
    return np.ascontiguousarray(sums.reshape(PARTS, -1, LANES, 2).transpose(0, 1, 3, 2))


class Layer:
    """Channels with values x (c, values) and the arrays of batch normalization."""

    def __init__(self, channels: int, count: int, dialect: Dialect = ALEXEYAB, far: float = 0.0) -> None:
        self.channels, self.count, self.dialect = channels, count, dialect
        self.blocks = -(-channels // LANES)
        self.x = numbers(channels, count, seed=1) * np.float32(0.7) + np.float32(far)
        self.weights = {"scales": numbers(channels, seed=2), "biases": numbers(channels, seed=3)}
        self.weights["rolling_mean"] = self.x.mean(1) + np.float32(0.1)
        self.weights["rolling_variance"] = abs(numbers(channels, seed=4))
        self.means, self.variances = lines(self.blocks), lines(self.blocks)
        self.shared = {
            "parts": PARTS, "blocks": self.blocks, "channels": channels, "count": count,
            "means": self.means, "variances": self.variances, "scales": self.weights["scales"],
            "inside": dialect.batch_norm_epsilon_inside, "epsilon": dialect.batch_norm_epsilon,
        }  # fmt: skip

    def forward(self, statistics: int) -> tuple[np.ndarray, np.ndarray]:
        """Factors and shifts of all lanes, as `normalize` writes them."""
        centres, factors, shifts = np.zeros((self.blocks, LANES), np.float32), lines(self.blocks), lines(self.blocks)
        centres.reshape(-1)[: self.channels] = self.weights["rolling_mean"]
        centred = self.x.astype(np.float64) - self.weights["rolling_mean"][:, None]
        run(
            normalize, self.blocks, **self.shared, sums=sums_of(centred, centred**2), centres=centres,
            statistics=statistics, factors=factors, shifts=shifts, biases=self.weights["biases"],
            stored_means=self.weights["rolling_mean"], stored_variances=self.weights["rolling_variance"],
        )  # fmt: skip
        return factors.reshape(-1), shifts.reshape(-1)

    def back(self, statistics: int, gradient: np.ndarray, before: float | None = None) -> tuple[np.ndarray, ...]:
        """Gradients by biases and scales, and the gradient by x from A, B and C; ``before``: what is added to."""
        by_biases, by_scales = (np.full(self.channels, before or 7.0, np.float32) for _ in range(2))
        a, b, c = (lines(self.blocks) for _ in range(3))
        seen = self.x.astype(np.float64) - self.means.reshape(-1)[: self.channels, None]
        run(
            normalize_back, self.blocks, **self.shared, sums=sums_of(gradient, gradient * seen),
            statistics=statistics, by_biases=by_biases, by_scales=by_scales, adding=before is not None,
            factors=a, other_factors=b, shifts=c,
        )  # fmt: skip
        for line in (a, b, c):
            assert not line.reshape(-1)[self.channels :].any()
        of_lane = [line.reshape(-1)[: self.channels, None].astype(np.float64) for line in (a, b, c)]
        return by_biases, by_scales, of_lane[0] * gradient + of_lane[1] * self.x + of_lane[2]

    def plain(self, training: bool, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray, Tape]:
        """Output, gradient by x, and the tape, of the plain form."""
        tape = Tape(training=training)
        weights = {name: array.astype(np.float64) for name, array in self.weights.items()}
        x, d = (np.ascontiguousarray(a.T).astype(np.float64) for a in (self.x, gradient))
        out = plain.normalize(x, weights, self.dialect, tape)
        return out.T, plain.normalize_backward(d, weights, tape).T, tape


@pytest.mark.parametrize("dialect", [ALEXEYAB, PJREDDIE], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("channels", "count"), [(1, 2), (16, 50), (37, 1000)])
def test_equals_the_plain_form(dialect: Dialect, training: bool, channels: int, count: int) -> None:
    layer, gradient = Layer(channels, count, dialect), numbers(channels, count, seed=5)
    out, by_x, tape = layer.plain(training, gradient)
    factors, shifts = layer.forward(OF_BATCH if training else STORED)
    found = factors[:channels, None].astype(np.float64) * layer.x + shifts[:channels, None]
    np.testing.assert_allclose(found, out, atol=1e-5 * np.abs(out).max())
    assert not factors[channels:].any()
    assert not shifts[channels:].any()
    by_biases, by_scales, found = layer.back(OF_BATCH if training else STORED, gradient)
    np.testing.assert_allclose(by_biases, tape.gradients["biases"], atol=1e-4)
    np.testing.assert_allclose(by_scales, tape.gradients["scales"], atol=1e-5 * np.abs(by_scales).max() + 1e-4)
    np.testing.assert_allclose(found, by_x, atol=1e-5 * np.abs(gradient).max() * np.abs(factors).max())


def test_mean_and_variance_of_the_batch_are_noted() -> None:
    layer = Layer(20, 300)
    layer.forward(OF_BATCH)
    x = layer.x.astype(np.float64)
    np.testing.assert_allclose(layer.means.reshape(-1)[:20], x.mean(1), atol=1e-6)
    np.testing.assert_allclose(layer.variances.reshape(-1)[:20], x.var(1, ddof=1), rtol=1e-5)
    assert not layer.means.reshape(-1)[20:].any()
    assert not layer.variances.reshape(-1)[20:].any()


def test_variance_is_exact_far_from_zero() -> None:
    layer = Layer(16, 500, far=1000)
    layer.forward(OF_BATCH)
    np.testing.assert_allclose(layer.variances.reshape(-1), layer.x.astype(np.float64).var(1, ddof=1), rtol=1e-4)


def test_without_statistics_there_are_biases_only() -> None:
    layer, gradient = Layer(20, 30), numbers(20, 30, seed=5)
    factors, shifts = layer.forward(NONE)
    np.testing.assert_array_equal(factors[:20], 1)
    np.testing.assert_array_equal(shifts[:20], layer.weights["biases"])
    assert not factors[20:].any()
    assert not shifts[20:].any()
    by_biases, by_scales, by_x = layer.back(NONE, gradient)
    np.testing.assert_allclose(by_biases, gradient.sum(1), atol=1e-5)
    np.testing.assert_array_equal(by_scales, 7)
    np.testing.assert_array_equal(by_x, gradient)


@pytest.mark.parametrize("statistics", [OF_BATCH, STORED, NONE])
def test_gradients_of_a_second_mini_batch_are_added(statistics: int) -> None:
    layer, gradient = Layer(20, 30), numbers(20, 30, seed=5)
    layer.forward(statistics)
    first = layer.back(statistics, gradient)
    both = layer.back(statistics, gradient, before=2.0)
    for one, added in zip(first[:2], both[:2], strict=True):
        np.testing.assert_allclose(added, 2 if statistics == NONE and one is first[1] else one + 2, atol=1e-5)


@pytest.mark.parametrize("dialect", [ALEXEYAB, PJREDDIE], ids=lambda dialect: dialect.name)
def test_equal_values_do_not_divide_by_zero(dialect: Dialect) -> None:
    layer, gradient = Layer(3, 40, dialect), numbers(3, 40, seed=5)
    layer.x[...] = 0.5
    layer.weights["rolling_mean"][...] = 0.25
    factors, shifts = layer.forward(OF_BATCH)
    assert (layer.variances == 0).all()
    found = layer.back(OF_BATCH, gradient)
    assert all(np.isfinite(array).all() for array in (factors, shifts, *found))


def test_nan_makes_its_channel_nan() -> None:
    layer = Layer(20, 30)
    layer.x[4, 7] = np.nan
    layer.weights["rolling_mean"][4] = 0
    factors, shifts = layer.forward(OF_BATCH)
    for line in (factors, shifts, layer.means.reshape(-1), layer.variances.reshape(-1)):
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(line)), [4])
