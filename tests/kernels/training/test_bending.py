"""Activations and their gradients on whole arrays, against the plain ones in float64."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.kernels.curves import curve_number, run_curve
from darknetpy.kernels.training.bending import BENDING_SCRATCH, bend
from darknetpy.kernels.training.derivatives import run_derivative
from tests.kernels.running import LANES, run
from tests.kernels.training.lines import Finished, Loaded, activated, finishes, numbers

SHAPES = [(1, 1, 1), (3, 2, 35), (2, 1, 700), (5, 3, 1)]


def bent(before: Loaded, gradient: Loaded | None, finished: Finished) -> None:
    n, blocks, pixels, _ = before.array.shape
    curve = run_curve if gradient is None else run_derivative
    run(
        bend, finished.parts * blocks, scratch_bytes=BENDING_SCRATCH, before=before.record(),
        gradient=0 if gradient is None else gradient.record(), finishing=finished.record(), images=n, blocks=blocks,
        pixels=pixels, parts=finished.parts, curve=curve.address, number=curve_number("mish") or 0,
    )  # fmt: skip


@pytest.mark.parametrize(("n", "blocks", "pixels"), SHAPES)
@pytest.mark.parametrize("parts", [1, 3])
def test_there(n: int, blocks: int, pixels: int, parts: int) -> None:
    before = activated(n, blocks, pixels, slope=1.0)
    for finished in finishes(n, blocks, pixels, parts):
        bent(before, None, finished)
        finished.check(activate("mish", before.meaning()))


@pytest.mark.parametrize(("n", "blocks", "pixels"), SHAPES)
@pytest.mark.parametrize("parts", [1, 3])
def test_and_back(n: int, blocks: int, pixels: int, parts: int) -> None:
    before, gradient = activated(n, blocks, pixels, slope=1.0), Loaded(numbers(n, blocks, pixels, LANES, seed=8))
    expected = activation_gradient("mish", before.meaning(), gradient.array.astype(np.float64))
    for finished in finishes(n, blocks, pixels, parts):
        bent(before, gradient, finished)
        finished.check(expected)
