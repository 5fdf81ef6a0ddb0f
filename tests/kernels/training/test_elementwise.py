"""Sums of arrays, and squares of pixels, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.operations import Operation
from darknetpy.kernels.training.elementwise import (
    CHUNKS,
    PART_LINES,
    combine,
    combine_scratch,
    parts_of,
    repeat,
    squares_scratch,
    sum_squares,
)
from tests.kernels.running import LANES, run
from tests.kernels.training.lines import Finished, Loaded, activated, finishes, numbers, rectified


def combined(
    source: Loaded, second: Loaded | None, finished: Finished, slope: float = 1.0, parts: int | None = None
) -> None:
    n, blocks, pixels, _ = source.array.shape
    parts = finished.parts if parts is None else parts
    given, writing = source.record(), finished.record()
    other = 0 if second is None else second.record()
    run(
        combine, parts * blocks, scratch_bytes=combine_scratch(second is not None), source=given, second=other,
        finishing=writing, images=n, blocks=blocks, pixels=pixels, parts=parts, slope=slope,
    )  # fmt: skip


@pytest.mark.parametrize(("n", "blocks", "pixels"), [(1, 1, 1), (3, 2, 35), (2, 1, 700), (5, 3, 1)])
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("slope", [0.0, 0.1, 1.0])
def test_sum_of_two_arrays_is_activated_and_finished(
    n: int, blocks: int, pixels: int, parts: int, slope: float
) -> None:
    source, second = activated(n, blocks, pixels), Loaded(numbers(n, blocks, pixels, LANES, seed=3))
    for finished in finishes(n, blocks, pixels, parts):
        combined(source, second, finished, slope, parts)
        finished.check(rectified(source.meaning() + second.meaning(), slope))


@pytest.mark.parametrize("slope", [0.1, 1.0])
def test_one_array_is_made_real(slope: float) -> None:
    source = activated(2, 2, 300)
    for finished in finishes(2, 2, 300, 3):
        combined(source, None, finished, slope, 3)
        finished.check(rectified(source.meaning(), slope))


def test_array_is_copied_to_its_part_of_a_concatenation() -> None:
    source, whole = Loaded(numbers(2, 2, 9, LANES)), np.zeros((2, 5, 9, LANES), np.float32)
    combined(source, None, Finished(whole[:, 3:]))
    np.testing.assert_array_equal(whole[:, 3:], source.array)
    assert not whole[:, :3].any()


def test_nan_stays_visible_in_a_sum() -> None:
    source, finished = Loaded(numbers(1, 1, 4, LANES)), Finished(np.zeros((1, 1, 4, LANES), np.float32))
    source.array[0, 0, 2, 5] = np.nan
    combined(source, Loaded(numbers(1, 1, 4, LANES, seed=1)), finished, 0.0)
    assert np.isnan(finished.out[0, 0, 2, 5])
    assert np.isnan(finished.out).sum() == 1


def squares(operation: Operation, source: Loaded, finished: Finished, small: tuple[int, int], stride: int) -> None:
    n, blocks, _, _ = source.array.shape
    given, writing = source.record(), finished.record()
    run(
        operation, finished.parts * blocks, scratch_bytes=squares_scratch(small[1], stride), source=given,
        finishing=writing, images=n, blocks=blocks, height=small[0], width=small[1], stride=stride,
        parts=finished.parts, scale=0.5,
    )  # fmt: skip


@pytest.mark.parametrize(("small", "stride"), [((1, 1), 2), ((3, 5), 2), ((4, 3), 3), ((2, 7), 1)])
@pytest.mark.parametrize("parts", [1, 4])
def test_pixels_become_squares_and_squares_are_summed(small: tuple[int, int], stride: int, parts: int) -> None:
    height, width = small
    few, many = height * width, height * width * stride**2
    source = activated(2, 2, few)
    for finished in finishes(2, 2, many, parts):
        squares(repeat, source, finished, small, stride)
        picture = source.meaning().reshape(2, 2, height, width, LANES)
        finished.check(0.5 * picture.repeat(stride, 2).repeat(stride, 3).reshape(2, 2, many, LANES))
    source = activated(2, 2, many, seed=1)
    for finished in finishes(2, 2, few, parts):
        squares(sum_squares, source, finished, small, stride)
        picture = source.meaning().reshape(2, 2, height, stride, width, stride, LANES)
        finished.check(0.5 * picture.sum((3, 5)).reshape(2, 2, few, LANES))


@pytest.mark.parametrize(("units", "lines", "blocks"), [(1, 1, 1), (64 * 784, 1, 8), (8, 13, 32), (8 * 208, 208, 1)])
def test_parts_are_short_and_enough(units: int, lines: int, blocks: int) -> None:
    parts = parts_of(units, lines, blocks)
    assert 1 <= parts <= units
    assert -(-units // parts) * lines <= PART_LINES + lines
    if units * lines >= 10_000:
        assert parts * blocks >= CHUNKS
