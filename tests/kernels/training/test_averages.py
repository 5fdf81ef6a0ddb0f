"""Means of all pixels, and their gradients, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.training.averages import AVERAGE_BACK_SCRATCH, AVERAGE_SCRATCH, average, average_back
from tests.kernels.running import LANES, run, strides
from tests.kernels.training.lines import activated, finishes, numbers

SHAPES = [(1, 1, 1), (3, 2, 49), (2, 2, 300)]


@pytest.mark.parametrize(("n", "blocks", "pixels"), SHAPES)
@pytest.mark.parametrize("parts", [1, 2])
def test_mean_of_all_pixels(n: int, blocks: int, pixels: int, parts: int) -> None:
    source, out = activated(n, blocks, pixels), np.full((n, blocks, 1, LANES), np.nan, np.float32)
    run(
        average, parts * blocks, scratch_bytes=AVERAGE_SCRATCH, **strides("out", out), source=source.record(),
        images=n, blocks=blocks, pixels=pixels, parts=parts,
    )  # fmt: skip
    np.testing.assert_allclose(out, source.meaning().mean(2, keepdims=True), atol=2e-6)


@pytest.mark.parametrize(("n", "blocks", "pixels"), SHAPES)
@pytest.mark.parametrize("parts", [1, 3])
def test_each_pixel_gets_its_share_of_the_gradient(n: int, blocks: int, pixels: int, parts: int) -> None:
    gradient = numbers(n, blocks, 1, LANES)
    for finished in finishes(n, blocks, pixels, parts):
        run(
            average_back, parts * blocks, scratch_bytes=AVERAGE_BACK_SCRATCH, **strides("gradient", gradient),
            finishing=finished.record(), images=n, blocks=blocks, pixels=pixels, parts=parts,
        )  # fmt: skip
        finished.check(np.broadcast_to(gradient.astype(np.float64) / pixels, (n, blocks, pixels, LANES)))


def test_mean_of_nan_is_nan() -> None:
    source, out = activated(1, 1, 70), np.zeros((1, 1, 1, LANES), np.float32)
    source.array[0, 0, 65, 3] = np.nan
    run(
        average, 1, scratch_bytes=AVERAGE_SCRATCH, **strides("out", out), source=source.record(), images=1, blocks=1,
        pixels=70, parts=1,
    )  # fmt: skip
    np.testing.assert_array_equal(np.isnan(out).ravel(), np.arange(LANES) == 3)
