"""Every combination of what finishing can do, against NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from darknetpy.kernels.operations import integers, operation, record_type
from darknetpy.kernels.operations import reader as reader_of
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from tests.kernels.running import LANES, run, strides
from tests.kernels.training.lines import Finished, numbers

WRITING = record_type(**integers("finishing", "lines", "lines_plane", "lines_image", "images", "blocks", "pixels"))
_read = reader_of(WRITING)


@operation(WRITING)
def write_by_parts(record: int, chunk: int, scratch: int) -> None:
    """Part 0 (chunk) is the first pixel of each image, part 1 the rest."""
    writing = _read(record)
    finishing = read_finishing(writing.finishing)
    begin_sums(finishing, chunk, 0, writing.blocks)
    pixel, count = (1, writing.pixels - 1) if chunk else (0, 1)
    for image in range(writing.images):
        for block in range(writing.blocks):
            lines = writing.lines + image * writing.lines_image + block * writing.lines_plane + pixel * 4 * LANES
            finish_lines(finishing, chunk, image, block, pixel, count, lines)


def write(finished: Finished, computed: np.ndarray) -> None:
    n, blocks, pixels, _ = computed.shape
    lines = computed.copy()
    record = finished.record()
    run(write_by_parts, 2, **strides("lines", lines), finishing=record, images=n, blocks=blocks, pixels=pixels)


@pytest.mark.parametrize(
    ("other", "mask", "kind", "slope"),
    list(itertools.product([False, True], ["", "itself", "factors"], ["", "values", "gradients"], [0.0, 0.1])),
)
def test_every_combination(other: bool, mask: str, kind: str, slope: float) -> None:
    shape = (2, 3, 7, LANES)
    computed = numbers(*shape)
    finished = Finished(np.full(shape, np.nan, np.float32), 2, slope=slope, kind=kind)
    if other:
        finished.other = numbers(*shape, seed=1)
    if mask:
        finished.mask = numbers(*shape, seed=2)
    if mask == "factors":
        finished.mask_factors, finished.mask_shifts = numbers(3, LANES, seed=3), numbers(3, LANES, seed=4)
    write(finished, computed)
    finished.check(computed.astype(np.float64))


def test_output_can_be_part_of_a_larger_array() -> None:
    computed, whole = numbers(2, 2, 5, LANES), np.zeros((2, 5, 5, LANES), np.float32)
    write(Finished(whole[:, 2:4]), computed)
    np.testing.assert_array_equal(whole[:, 2:4], computed)
    assert not whole[:, :2].any()
    assert not whole[:, 4].any()


def test_what_is_added_can_lie_where_the_output_goes() -> None:
    computed, both = numbers(2, 2, 5, LANES), numbers(2, 2, 5, LANES, seed=1)
    expected = computed + both
    write(Finished(both, other=both), computed)
    np.testing.assert_array_equal(both, expected)


def test_a_part_has_sums_of_its_own() -> None:
    computed = numbers(2, 1, 5, LANES)
    finished = Finished(np.empty_like(computed), 2, kind="gradients")
    write(finished, computed)
    np.testing.assert_allclose(finished.sums[0, :, 0], computed[:, :, 0].sum(0), atol=1e-6)
    np.testing.assert_allclose(finished.sums[1, :, 0], computed[:, :, 1:].sum((0, 2)), atol=1e-6)


def test_nan_reaches_output_and_sums() -> None:
    computed = numbers(1, 1, 5, LANES)
    computed[0, 0, 3, 2] = np.nan
    finished = Finished(np.empty_like(computed), 2, mask=numbers(1, 1, 5, LANES, seed=1), kind="gradients")
    write(finished, computed)
    for array, place in [(finished.out, (0, 0, 3, 2)), (finished.sums, (1, 0, 0, 2)), (finished.sums, (1, 0, 1, 2))]:
        assert np.isnan(array[place])
    assert np.isnan(finished.out).sum() == 1
