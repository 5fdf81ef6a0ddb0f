"""Anchors, too few and too many."""

from __future__ import annotations

import pytest

from darknetpy.layers.parts.anchors import anchor_sizes, anchor_warnings
from tests.layers.workbench import make_layer


@pytest.mark.parametrize(
    ("anchors", "sizes"),
    [
        ("1,2,3,4", [[1, 2], [3, 4]]),
        ("1,2", [[1, 2], [0.5, 0.5]]),
        ("1,2,3", [[1, 2], [3, 0.5]]),
        ("1,2,3,4,5,6", [[1, 2], [3, 4]]),
    ],
)
def test_what_is_written_is_used(anchors: str, sizes: list[list[float]]) -> None:
    assert anchor_sizes(make_layer(f"[yolo] num=2 anchors={anchors}")).tolist() == sizes


@pytest.mark.parametrize(
    ("anchors", "found", "remedy"),
    [
        ("1,2", "2 numbers in anchors=", "those that are missing are 0.5"),
        ("1,2,3", "3 numbers in anchors=", "those that are missing are 0.5"),
        ("1,2,3,4,5,6", "6 numbers in anchors=", "what becomes of them"),
    ],
)
def test_another_number_of_anchors_is_warned_about(anchors: str, found: str, remedy: str) -> None:
    (warning,) = anchor_warnings(make_layer(f"[yolo] num=2 anchors={anchors}"), "what becomes of them")
    assert (warning.found, warning.expected) == (found, "2 * num = 4")
    assert remedy in warning.remedy


def test_no_anchors_at_all() -> None:
    (warning,) = anchor_warnings(make_layer("[region] num=2"), "")
    assert warning.found == "no anchors="


def test_more_of_them_when_asked() -> None:
    layer = make_layer("[yolo] num=1 anchors=1,2,3,4")
    assert anchor_sizes(layer, 3).tolist() == [[1, 2], [3, 4], [0.5, 0.5]]
