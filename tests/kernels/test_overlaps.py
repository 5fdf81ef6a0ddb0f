"""Pairs of boxes: the kernels against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.overlaps import (
    BITS,
    distance_of_centres,
    mark_above,
    memory,
    order_present,
    overlaps_with,
    shown_first,
    sort_falling,
    suppress_each,
)
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
    sides = memory(len(boxes)).sides
    sides[:5, : len(boxes)] = starts[:, 0], ends[:, 0], starts[:, 1], ends[:, 1], boxes[:, 2] * boxes[:, 3]
    overlaps_with(sides, 1)
    found = sides[5, : len(boxes)]
    expected = [naive.overlap(boxes[1].tolist(), box.tolist()) for box in boxes]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert 0 < np.count_nonzero(found) < len(boxes)


def crowd(n: int) -> np.ndarray:
    random = np.random.default_rng(4)
    return np.concatenate([random.random((n, 2)), 0.1 + 0.3 * random.random((n, 2))], axis=1).astype(np.float32)


def kept(boxes: np.ndarray, scores: np.ndarray, thresh: float, exponent: float = -1.0) -> np.ndarray:
    """(rows, n) bool, of scores above 0 in whose rows all boxes are shown."""
    left = scores.astype(np.float32)
    ones, none = np.ones(len(boxes), np.float32), np.float32(0)
    suppress_each(boxes, ones, left, none, np.float32(thresh), exponent, memory(len(boxes)))
    assert np.array_equal(left[left > 0], scores.astype(np.float32)[left > 0])
    return left > 0


@pytest.mark.parametrize("exponent", [-1.0, 0.6])
@pytest.mark.parametrize("thresh", [0.0, 0.3, 0.45, 1.0])
@pytest.mark.parametrize("n", [1, 60, 64, 65, 130])
def test_boxes_that_are_kept_do_not_overlap(n: int, thresh: float, exponent: float) -> None:
    boxes = crowd(n)
    scores = np.stack([np.arange(n, 0, -1), np.random.default_rng(5).permutation(n) + 1, np.arange(n) + 1])
    found = kept(boxes, scores, thresh, exponent)

    def criterion(i: int, j: int) -> float:
        a, b = boxes[i].tolist(), boxes[j].tolist()
        return naive.overlap(a, b) - (naive.distance(a, b) ** exponent if exponent >= 0 else 0)

    above = [[criterion(i, j) > thresh for j in range(n)] for i in range(n)]
    for row, stays in zip(scores, found, strict=True):
        for j in range(n):
            assert stays[j] == (not any(stays[i] and row[i] > row[j] and above[i][j] for i in range(n)))


@pytest.mark.parametrize("sides", [(0.0, 0.0), (0.5, 0.0)])
def test_boxes_without_area_overlap_nothing(sides: tuple[float, float]) -> None:
    boxes = np.tile(np.array([0.5, 0.5, *sides], np.float32), (2, 1))
    assert kept(boxes, np.array([[2, 1]]), 0).all()


def test_boxes_that_are_not_numbers_are_kept() -> None:
    assert kept(np.full((2, 4), np.nan, np.float32), np.array([[2, 1]]), 0.45).all()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 64, 100])
def test_falling_scores_and_equal_ones_as_they_were(n: int) -> None:
    random = np.random.default_rng(n)
    score, order = (random.integers(0, 5, n) / 4).astype(np.float32), random.permutation(n)
    part = n - n // 4  # the rest stays
    expected = [*sorted(order[:part], key=lambda i: -score[i]), *order[part:]]
    sort_falling(order, part, score, np.zeros(n, np.int64))
    assert order.tolist() == expected


@pytest.mark.parametrize("n", [0, 1, 9, 100])
def test_shown_boxes_come_first_in_their_order(n: int) -> None:
    random = np.random.default_rng(n)
    score, order = (random.integers(0, 3, n) / 2).astype(np.float32), random.permutation(n)
    part = n - n // 5
    shown, others = [[i for i in order[:part] if (score[i] > 0.5) == wanted] for wanted in (True, False)]
    expected = [*shown, *others, *order[part:]]
    assert shown_first(order, part, score, np.float32(0.5), np.zeros(n, np.int64)) == len(shown)
    assert order.tolist() == expected


@pytest.mark.parametrize(
    ("objectness", "expected"),
    [([], []), ([0], []), ([1, 1], [0, 1]), ([0, 1, 0, 1, 1], [4, 1, 3]), ([0, 0, 0, 1], [3]), ([1, 0, 0], [0])],
)
def test_boxes_without_objectness_change_places_with_the_last(objectness: list[float], expected: list[int]) -> None:
    order = np.full(len(objectness), -1, np.int64)
    count = order_present(np.array(objectness, np.float32), order)
    assert order[:count].tolist() == expected


def test_bits_say_what_exceeds_the_threshold() -> None:
    overlaps = np.random.default_rng(6).random(3 * BITS).astype(np.float32)
    overlaps[5], overlaps[BITS - 1], overlaps[2 * BITS] = 0.5, 0.75, np.nan
    mask = np.full(3, 2**64 - 1, np.uint64)
    mark_above(overlaps, np.float32(0.5), mask)
    expected = [sum(bool(overlaps[word * BITS + bit] > 0.5) << bit for bit in range(BITS)) for word in range(3)]
    assert mask.tolist() == expected
