"""Filters packed for training and gradients gathered, against NumPy: in float64 at points, exact where just copied."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from darknetpy.kernels.cook_toom import cook_toom
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LINE
from darknetpy.kernels.training.filters import (
    chunks_of,
    gather_gradient,
    group_of,
    pack_filters,
    packed_bytes,
    packing_fields,
    points_of,
    scratch_bytes,
    unpacking_fields,
)
from tests.kernels.running import run
from tests.kernels.test_winograd import numbers, random
from tests.kernels.training.test_transforms import NEAR, aligned

LANES = 16
GROUPS = 4, 2
SHAPES = [(3, 3), (16, 16), (17, 40), (40, 17), (112, 5), (5, 112)]  # 7 blocks are groups of 4, 2 and 1
KINDS = [(1, 0), (3, 0), (5, 0), (3, 2), (3, 4)]  # size, form


def groups(blocks: int, group: int) -> Iterator[slice]:
    """Blocks of each group, from a list of all."""
    first = 0
    while first < blocks:
        size = group
        while size > blocks - first:
            size //= 2
        yield slice(first, first + size)
        first += size


def packed(values: np.ndarray, depth: int, group: int) -> np.ndarray:
    """(lanes, ks, points) to a flat packed array, zeros where there is nothing."""
    lanes, ks, points = values.shape
    blocks = blocks_of(lanes)
    whole = np.zeros((blocks * LANES, depth, points), values.dtype)
    whole[:lanes, :ks] = values
    lines = whole.reshape(blocks, LANES, depth, points).transpose(3, 2, 0, 1)
    return np.concatenate([lines[:, :, which].ravel() for which in groups(blocks, group)])


def unpacked(array: np.ndarray, lanes: int, ks: int, depth: int, points: int, group: int) -> np.ndarray:
    """A flat packed array, which may have copies in front, to (..., lanes, ks, points)."""
    blocks, parts = blocks_of(lanes), []
    for which in groups(blocks, group):
        size = which.stop - which.start
        begin, end = (block * points * depth * LANES for block in (which.start, which.stop))
        lines = array[..., begin:end].reshape(*array.shape[:-1], points, depth, size * LANES)
        parts.append(np.moveaxis(lines, -3, -1).swapaxes(-3, -2))
    return np.concatenate(parts, axis=-3)[..., :lanes, :ks, :]


def at_points(filters: np.ndarray, form: int) -> np.ndarray:
    """(filters, channels, taps) to (filters, channels, points) in float64; as they are where there is no form."""
    if not form:
        return filters
    matrix = numbers(cook_toom(form).filters)
    cells = filters.reshape(*filters.shape[:2], 3, 3).astype(np.float64)
    return np.einsum("yi,xj,fcij->fcyx", matrix, matrix, cells).reshape(*filters.shape[:2], -1)


def at_taps(points: np.ndarray, form: int) -> np.ndarray:
    """The transpose of `at_points`."""
    if not form:
        return points
    matrix = numbers(cook_toom(form).filters)
    square = points.reshape(*points.shape[:2], len(matrix), len(matrix)).astype(np.float64)
    return np.einsum("yi,xj,fcyx->fcij", matrix, matrix, square).reshape(*points.shape[:2], 9)


def depths(count: int) -> list[int]:
    """What callers ask for: exactly as many lines, up to a multiple of four, and whole blocks."""
    return sorted({count, -(-count // 4) * 4, blocks_of(count) * LANES})


def pack(
    weights: np.ndarray, form: int, depth: int, back_depth: int, chunks: int, far: int = 0, directions: str = "fb"
) -> tuple[np.ndarray, np.ndarray]:
    """Both packed arrays of (filters, channels, taps)."""
    filters, channels, taps = weights.shape
    fields = packing_fields(filters, channels, taps, form, depth, GROUPS[0], back_depth, GROUPS[1])
    points = points_of(taps, form)
    forward = aligned(packed_bytes(blocks_of(filters), points, depth) // 4)
    backward = aligned(packed_bytes(blocks_of(channels), points, back_depth) // 4)
    fields |= {"chunks": chunks, "forward_far": far, "backward_far": far}
    run(
        pack_filters, chunks, scratch_bytes=scratch_bytes(taps, form), weights=weights,
        forward=forward if "f" in directions else 0, backward=backward if "b" in directions else 0, **fields,
    )  # fmt: skip
    return forward, backward


@pytest.mark.parametrize(("filters", "channels"), SHAPES)
@pytest.mark.parametrize(("size", "form"), KINDS)
def test_filters_are_packed_both_ways(filters: int, channels: int, size: int, form: int) -> None:
    weights = random(filters, channels, size * size)
    points = at_points(weights, form)
    points_back = at_points(weights[:, :, ::-1], form) if form else weights
    bound = NEAR * np.abs(points).max() if form else 0
    for number, (depth, back_depth) in enumerate(zip(depths(channels)[::-1], depths(filters)[::-1], strict=False)):
        forward, backward = pack(weights, form, depth, back_depth, chunks=number + 1, far=number % 2)
        np.testing.assert_allclose(forward, packed(points, depth, GROUPS[0]), rtol=0, atol=bound)
        expected = packed(points_back.swapaxes(0, 1), back_depth, GROUPS[1])
        np.testing.assert_allclose(backward, expected, rtol=0, atol=bound)


def test_one_direction_alone_leaves_the_other_array() -> None:
    weights = random(17, 40, 9)
    both = pack(weights, 4, 48, 20, chunks=1)
    forward, backward = pack(weights, 4, 48, 20, chunks=1, directions="f")
    np.testing.assert_array_equal(forward, both[0])
    assert np.isnan(backward).all()
    forward, backward = pack(weights, 4, 48, 20, chunks=1, directions="b")
    np.testing.assert_array_equal(backward, both[1])
    assert np.isnan(forward).all()


def gather(sums: np.ndarray, gradient: np.ndarray, form: int, depth: int, chunks: int = 1, adds: int = 0) -> np.ndarray:
    """Gather (slices, packed) sums into (filters, channels, taps); the troubles of the chunks."""
    filters, channels, taps = gradient.shape
    fields = unpacking_fields(filters, channels, taps, form, depth, GROUPS[0], len(sums), sums.strides[0])
    troubles = np.full(chunks, -1, np.int64)
    run(
        gather_gradient, chunks, scratch_bytes=scratch_bytes(taps, form), gradient=gradient, sums=sums, adds=adds,
        trouble=troubles, **{**fields, "chunks": chunks},
    )  # fmt: skip
    return troubles


@pytest.mark.parametrize("adds", [0, 1])
@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize(("filters", "channels"), SHAPES)
@pytest.mark.parametrize(("size", "form"), KINDS)
def test_gradients_are_gathered(filters: int, channels: int, size: int, form: int, slices: int, adds: int) -> None:
    depth, points = depths(channels)[-1 - adds] if channels % 16 else channels, points_of(size * size, form)
    sums = random(slices, packed_bytes(blocks_of(filters), points, depth) // 4)
    before = random(filters, channels, size * size)
    gradient = np.full((filters + 1, channels, size * size), np.nan, np.float32)  # one filter more, to be left alone
    gradient[:filters] = before
    troubles = gather(sums, gradient[:filters], form, depth, chunks=slices, adds=adds)
    total = sums[0].copy()
    for part in sums[1:]:
        total += part
    expected = at_taps(unpacked(total, filters, channels, depth, points, GROUPS[0]), form) + (before if adds else 0)
    bound = NEAR * np.abs(expected).max() if form else 0
    np.testing.assert_allclose(gradient[:filters], expected, rtol=0, atol=bound)
    assert np.isnan(gradient[filters:]).all()
    assert not troubles.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(("filters", "channels", "form"), [(48, 32, 4), (17, 3, 0), (17, 3, 4)])
def test_what_is_not_finite_is_told(filters: int, channels: int, form: int, bad: float) -> None:
    depth, points, chunks = blocks_of(channels) * LANES, points_of(9, form), 2 if channels == 32 else 1
    sums = np.zeros((1, packed_bytes(blocks_of(filters), points, depth) // 4), np.float32)
    gradient = np.empty((filters, channels, 9), np.float32)
    whole = unpacked(np.arange(sums.size), filters, channels, depth, points, GROUPS[0])
    sums[0, whole[filters - 1, channels - 1, points - 1]] = bad
    assert gather(sums, gradient, form, depth, chunks).tolist() == [0] * (chunks - 1) + [1]
    assert not np.isfinite(gradient[-1, -1]).all()
    assert not gradient[:-1].any()


def test_sums_in_lanes_without_a_filter_do_not_count() -> None:
    sums, gradient = np.full((1, 16 * 9 * 4), np.nan, np.float32), np.empty((3, 3, 9), np.float32)
    lanes = sums.reshape(9, 4, 16)
    lanes[:, :3, :3] = 1
    assert gather(sums, gradient, 0, 4).tolist() == [0]
    assert (gradient == 1).all()


def test_an_overflow_by_adding_is_told() -> None:
    gradient = np.full((1, 1, 1), 3e38, np.float32)
    assert gather(np.full((1, 16), 3e38, np.float32), gradient, 0, 1, adds=1).tolist() == [1]


def test_packed_sums_gathered_give_the_filters_back() -> None:
    weights = random(40, 17, 25)
    gradient = np.empty_like(weights)
    forward, _ = pack(weights, 0, 32, 40, chunks=1)
    assert gather(forward[np.newaxis], gradient, 0, 32).tolist() == [0]
    np.testing.assert_array_equal(gradient, weights)


def test_the_number_of_chunks_does_not_change_a_bit() -> None:
    weights = random(112, 40, 9)
    first = pack(weights, 4, 48, 112, chunks=1)
    for chunks in (2, 5, 6):
        for one, other in zip(first, pack(weights, 4, 48, 112, chunks), strict=True):
            np.testing.assert_array_equal(one, other)


def test_groups_at_the_end_are_powers_of_two() -> None:
    assert [group_of(block, 7, 4) for block in range(7)] == [(0, 4)] * 4 + [(4, 2)] * 2 + [(6, 1)]
    assert [group_of(block, 3, 4) for block in range(3)] == [(0, 2)] * 2 + [(2, 1)]
    assert group_of(5, 8, 1) == (5, 1)


def test_chunks_are_a_matter_of_size() -> None:
    assert chunks_of(16, 16, 9, 4, 4) == 1
    assert chunks_of(1024, 512, 9, 4, 4) == 75
    assert chunks_of(1024, 16, 9, 4, 4) <= 16


def test_sizes_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValueError, match="a depth of 2, expected 3 to 16"):
        packing_fields(8, 3, 9, 0, 2, 1)
    with pytest.raises(ValueError, match="a depth of 20, expected 8 to 16"):
        packing_fields(8, 3, 9, 0, 3, 1, 20)
    with pytest.raises(ValueError, match="25 taps, expected 9"):
        unpacking_fields(8, 3, 25, 4, 3, 1, 1, LINE)
    with pytest.raises(ValueError, match="groups of 3 blocks"):
        packing_fields(8, 3, 9, 0, 3, 1, 8, 3)
