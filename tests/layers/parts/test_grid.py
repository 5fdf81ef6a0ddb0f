"""Boxes of a grid, chosen and placed."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.layers.parts.grid import Boxes, above, boxes_above, every_box, exponential

CELLS = np.arange(2 * 3 * 2 * 4, dtype=np.float32).reshape(2, 3, 2, 4)  # anchors, values, h, w


def places(boxes: Boxes) -> list[tuple[int, int, int]]:
    """Row, column and anchor of each."""
    return list(zip(boxes.rows.tolist(), boxes.columns.tolist(), boxes.anchors.tolist(), strict=True))


def assert_values_belong_to_places(boxes: Boxes) -> None:
    for values, (row, column, anchor) in zip(boxes.values, places(boxes), strict=True):
        assert np.array_equal(values, CELLS[anchor, :, row, column])


def test_chosen_boxes_come_row_by_row_then_by_anchor() -> None:
    found = boxes_above(CELLS, 1, 12)
    assert places(found) == sorted(places(found))
    assert len(found.values) == int((CELLS[:, 1] > 12).sum())
    assert_values_belong_to_places(found)


def test_nothing_may_exceed_the_threshold() -> None:
    assert boxes_above(CELLS, 1, 1e6).values.shape == (0, 3)


def test_nan_exceeds_no_threshold() -> None:
    assert len(boxes_above(np.full((1, 1, 2, 2), np.nan), 0, 0.1).values) == 0


@pytest.mark.parametrize("by_anchor", [False, True])
def test_all_boxes_in_either_order(by_anchor: bool) -> None:
    found = every_box(CELLS, by_anchor=by_anchor)
    assert_values_belong_to_places(found)
    keys = [(anchor, row, column) if by_anchor else (row, column, anchor) for row, column, anchor in places(found)]
    assert keys == sorted(keys)
    assert len(set(keys)) == 16


def test_places_are_parts_of_the_grid() -> None:
    boxes = Boxes(np.zeros((1, 3)), np.array([3]), np.array([1]), np.array([0]))
    offset, side = np.array([0.5]), np.array([0.25])
    placed = boxes.placed((offset, offset), (side, side), (4, 2))
    assert placed.tolist() == [[0.875, 0.75, 0.25, 0.25]]
    assert placed.dtype == np.float32


def test_only_what_exceeds_the_threshold_is_left() -> None:
    assert above(np.array([0.2, 0.25, 0.3], np.float32), 0.25).round(6).tolist() == pytest.approx([0, 0, 0.3])


def test_exponential_is_computed_in_double_precision() -> None:
    assert exponential(np.array([100], np.float32)).tolist() == pytest.approx([2.6881171418161356e43])
    assert np.isinf(exponential(np.array([1000], np.float32))).all()
