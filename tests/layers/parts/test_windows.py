"""Windows that slide over pictures."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.layers.parts.windows import pad, pooled_shape, steps, surround, tap


@pytest.mark.parametrize(
    ("side", "padding", "size", "stride", "count"),
    [(7, 0, 3, 1, 5), (7, 2, 3, 2, 4), (8, 2, 3, 2, 4), (3, 0, 3, 5, 1), (2, 0, 3, 1, 0), (2, 0, 5, 2, -1)],
)
def test_steps_counts_the_windows(side: int, padding: int, size: int, stride: int, count: int) -> None:
    assert steps(side, padding, size, stride) == count


def test_pooled_shape_takes_height_first() -> None:
    assert pooled_shape((3, 9, 7), 3, 2, (2, 1)) == (3, 5, 7)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 1), (2, 0), (0, 3), (1, -1), (0, -2)])
def test_pad_adds_and_cuts(before: int, after: int) -> None:
    x = np.random.default_rng(0).random((2, 3, 4, 5)).astype(np.float32)
    found = pad(x, before, after, -7)
    assert found.dtype == np.float32
    assert found.shape == (2, 3, 4 + before + after, 5 + before + after)
    for row, column in np.ndindex(found.shape[2:]):
        inside = 0 <= row - before < 4 and 0 <= column - before < 5
        expected = x[:, :, row - before, column - before] if inside else np.full((2, 3), -7)
        assert np.array_equal(found[:, :, row, column], expected)


@pytest.mark.parametrize(("size", "before", "strides"), [(3, 1, (1, 1)), (5, 2, (3, 2)), (2, 0, (2, 4))])
def test_surround_makes_room_for_every_tap(size: int, before: int, strides: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random((1, 2, 6, 7))
    counts = (4, 3)
    padded = surround(x, size, before, strides, counts, 0)
    for row, column in np.ndindex(size, size):
        cells = tap(padded, row, column, strides, counts)
        assert cells.shape == (1, 2, *counts)
        for y, z in np.ndindex(counts):
            top, left = y * strides[0] - before + row, z * strides[1] - before + column
            inside = 0 <= top < 6 and 0 <= left < 7
            assert np.array_equal(cells[0, :, y, z], x[0, :, top, left] if inside else np.zeros(2))
