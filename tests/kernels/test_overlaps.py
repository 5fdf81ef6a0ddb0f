"""Pairs of boxes: the kernels against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.overlaps import distance_of_centres, keep_apart, overlaps_with
from tests.detection import reference as naive

PAIRS = [
    ((0.5, 0.5, 0.2, 0.2), (0.52, 0.5, 0.2, 0.2)),
    ((0.5, 0.5, 0.2, 0.2), (0.9, 0.9, 0.1, 0.1)),
    ((0.5, 0.5, 0.5, 0.5), (0.4, 0.6, 0.1, 0.2)),
    ((0.25, 0.5, 0.5, 0.5), (0.75, 0.5, 0.5, 0.5)),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_distance_of_two(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    a, b = np.array(first, np.float32), np.array(second, np.float32)
    expected = naive.distance(a.tolist(), b.tolist()) ** 0.6
    assert distance_of_centres(a, b, 0.6) == pytest.approx(expected, abs=1e-6)


def test_overlaps_of_one_with_others() -> None:
    boxes = np.array([box for pair in PAIRS for box in pair], np.float32)
    starts, ends = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    sides = starts[:, 0], ends[:, 0], starts[:, 1], ends[:, 1], boxes[:, 2] * boxes[:, 3]
    found = np.zeros(len(boxes), np.float32)
    overlaps_with(tuple(side[0] for side in sides), tuple(side.copy() for side in sides), found)
    expected = [naive.overlap(boxes[0].tolist(), box.tolist()) for box in boxes]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert 0 < np.count_nonzero(found) < len(boxes)


@pytest.mark.parametrize("exponent", [-1.0, 0.6])
@pytest.mark.parametrize("thresh", [0.0, 0.3, 0.45, 1.0])
def test_boxes_that_are_kept_do_not_overlap(thresh: float, exponent: float) -> None:
    random = np.random.default_rng(4)
    boxes = np.concatenate([random.random((60, 2)), 0.1 + 0.3 * random.random((60, 2))], axis=1).astype(np.float32)
    kept = np.zeros(60, np.bool_)
    keep_apart(boxes, np.float32(thresh), exponent, kept)

    def criterion(i: int, j: int) -> float:
        a, b = boxes[i].tolist(), boxes[j].tolist()
        return naive.overlap(a, b) - (naive.distance(a, b) ** exponent if exponent >= 0 else 0)

    for j in range(60):
        overlapped = any(kept[i] and criterion(i, j) > thresh for i in range(j))
        assert kept[j] == (not overlapped)


@pytest.mark.parametrize("sides", [(0.0, 0.0), (0.5, 0.0)])
def test_boxes_without_area_overlap_nothing(sides: tuple[float, float]) -> None:
    boxes = np.tile(np.array([0.5, 0.5, *sides], np.float32), (2, 1))
    kept = np.zeros(2, np.bool_)
    keep_apart(boxes, np.float32(0), -1.0, kept)
    assert kept.all()


def test_boxes_that_are_not_numbers_are_kept() -> None:
    boxes = np.full((2, 4), np.nan, np.float32)
    kept = np.zeros(2, np.bool_)
    keep_apart(boxes, np.float32(0.45), -1.0, kept)
    assert kept.all()
