"""Products of arrays, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.training.products import PRODUCT_SCRATCH, multiply_arrays
from tests.kernels.running import LANES, run, strides
from tests.kernels.training.lines import Finished, Loaded, activated, finishes, numbers


def multiplied(source: Loaded, factors: np.ndarray, finished: Finished) -> None:
    n, blocks, pixels, _ = factors.shape
    given, writing = source.record(), finished.record()
    run(
        multiply_arrays, finished.parts * blocks, scratch_bytes=PRODUCT_SCRATCH, source=given, finishing=writing,
        images=n, blocks=blocks, pixels=pixels, parts=finished.parts, **strides("factors", factors),
    )  # fmt: skip


@pytest.mark.parametrize(("n", "blocks", "pixels"), [(1, 1, 1), (3, 2, 35), (2, 1, 700), (5, 3, 1)])
@pytest.mark.parametrize("parts", [1, 3])
def test_products_are_finished(n: int, blocks: int, pixels: int, parts: int) -> None:
    source, factors = activated(n, blocks, pixels), numbers(n, blocks, pixels, LANES, seed=3)
    for finished in finishes(n, blocks, pixels, parts):
        multiplied(source, factors, finished)
        finished.check(source.meaning() * factors)


def test_nan_is_not_multiplied_away() -> None:
    source, finished = Loaded(numbers(1, 1, 4, LANES)), Finished(np.zeros((1, 1, 4, LANES), np.float32))
    source.array[0, 0, 2, 5] = np.nan
    multiplied(source, np.zeros((1, 1, 4, LANES), np.float32), finished)
    assert np.isnan(finished.out[0, 0, 2, 5])
    assert np.isnan(finished.out).sum() == 1
