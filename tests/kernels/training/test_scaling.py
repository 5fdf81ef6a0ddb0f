"""Factors of channels against NumPy."""

from __future__ import annotations

import pytest

from darknetpy.kernels.operations import Operation
from darknetpy.kernels.training.averages import RUN
from darknetpy.kernels.training.scaling import SCALING_SCRATCH, SUMMED_SCRATCH, scale, sum_scaled
from tests.kernels.running import LANES, run
from tests.kernels.training.lines import Finished, Loaded, activated, finishes, numbers

SHAPES = [(1, 1, 1), (3, 2, 35), (2, 1, 700), (5, 3, 1), (2, 2, RUN + 1)]


def scaled(operation: Operation, source: Loaded, other: Loaded, finished: Finished) -> None:
    n, blocks, pixels, _ = source.array.shape
    scratch = SCALING_SCRATCH if operation is scale else SUMMED_SCRATCH
    run(
        operation, finished.parts * blocks, scratch_bytes=scratch, source=source.record(), other=other.record(),
        finishing=finished.record(), images=n, blocks=blocks, pixels=pixels, parts=finished.parts,
    )  # fmt: skip


@pytest.mark.parametrize(("n", "blocks", "pixels"), SHAPES)
@pytest.mark.parametrize("parts", [1, 3])
def test_products_are_finished(n: int, blocks: int, pixels: int, parts: int) -> None:
    values, factors = activated(n, blocks, pixels), activated(n, blocks, 1, slope=1.0, seed=3)
    for finished in finishes(n, blocks, pixels, parts):
        scaled(scale, values, factors, finished)
        finished.check(values.meaning() * factors.meaning())


@pytest.mark.parametrize(("n", "blocks", "pixels"), SHAPES)
@pytest.mark.parametrize("parts", [1, 3])
def test_sums_are_finished(n: int, blocks: int, pixels: int, parts: int) -> None:
    gradient, values = Loaded(numbers(n, blocks, pixels, LANES)), activated(n, blocks, pixels, seed=3)
    expected = (gradient.meaning() * values.meaning()).sum(axis=2, keepdims=True)
    for finished in finishes(n, blocks, 1, parts):
        scaled(sum_scaled, gradient, values, finished)
        finished.check(expected, tolerance=1e-4)
