from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_suppression import NMSBoxes, NMSBoxesBatched, overlaps, softNMSBoxes

BOXES = [[10, 10, 20, 20], [12, 11, 20, 20], [40, 40, 10, 10], [11, 30, 20, 5], [41, 40, 10, 12]]
SCORES = [0.9, 0.85, 0.6, 0.7, 0.65]


def overlap(a: list[float], b: list[float]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def greedy(boxes: list[list[float]], scores: list[float], score: float, limit: float, top: int = 0) -> list[int]:
    """Non-maximum suppression as a loop over pairs."""
    order = sorted((i for i in range(len(boxes)) if scores[i] > score), key=lambda i: -scores[i])
    kept: list[int] = []
    for i in order[: top or None]:
        if all(overlap(boxes[i], boxes[j]) <= limit for j in kept):
            kept.append(i)
    return kept


def test_answers_recorded_from_opencv() -> None:
    kept = NMSBoxes(BOXES, SCORES, 0.5, 0.4)
    assert isinstance(kept, np.ndarray)
    assert kept.dtype == np.int32
    assert kept.tolist() == [0, 3, 4]
    assert list(NMSBoxesBatched(BOXES, SCORES, [0, 1, 0, 0, 0], 0.5, 0.4)) == [0, 1, 3, 4]
    updated, indices = softNMSBoxes(BOXES, SCORES, 0.3, 0.4)
    assert list(indices) == [0, 3, 4]
    np.testing.assert_allclose(updated, [0.9, 0.7, 0.65], atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_a_loop_over_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    boxes = np.concatenate([random.uniform(0, 50, (40, 2)), random.uniform(1, 30, (40, 2))], axis=1).tolist()
    scores = random.random(40).astype(np.float32).tolist()
    classes = random.integers(0, 3, 40)
    assert list(NMSBoxes(boxes, scores, 0.3, 0.4)) == greedy(boxes, scores, 0.3, 0.4)
    assert list(NMSBoxes(boxes, scores, 0.3, 0.4, top_k=9)) == greedy(boxes, scores, 0.3, 0.4, 9)
    kept = list(NMSBoxesBatched(boxes, scores, classes, 0.3, 0.4))
    for number in range(3):
        own = [i for i in range(40) if classes[i] == number]
        expected = [own[i] for i in greedy([boxes[i] for i in own], [scores[i] for i in own], 0.3, 0.4)]
        assert [i for i in kept if classes[i] == number] == expected


def test_nothing_left_is_an_empty_tuple() -> None:
    assert NMSBoxes([], [], 0.5, 0.4) == ()
    assert NMSBoxes(BOXES, SCORES, 0.95, 0.4) == ()
    assert NMSBoxesBatched([], [], [], 0.5, 0.4) == ()
    assert softNMSBoxes([], [], 0.5, 0.4) == ((), ())


def test_a_score_must_be_above_the_threshold_and_an_overlap_above_its_own() -> None:
    assert NMSBoxes([[0, 0, 1, 1]], [0.5], 0.5, 0.4) == ()
    assert list(NMSBoxes([[0, 0, 2, 1], [0, 0, 1, 1]], [0.9, 0.8], 0.5, 0.5)) == [0, 1]


def test_equal_scores_keep_their_order() -> None:
    apart = [[20 * i, 0, 5, 5] for i in range(4)]
    assert list(NMSBoxes(apart, [0.6, 0.7, 0.6, 0.7], 0.5, 0.4)) == [1, 3, 0, 2]


def test_eta_lowers_a_high_threshold_box_by_box() -> None:
    boxes = [[0, 0, 10, 10], [50, 0, 10, 10], [0, 0, 10, 7]]
    assert list(NMSBoxes(boxes, [0.9, 0.8, 0.7], 0.5, 0.8)) == [0, 1, 2]
    assert list(NMSBoxes(boxes, [0.9, 0.8, 0.7], 0.5, 0.8, eta=0.9)) == [0, 1]


def test_boxes_without_an_area_overlap_each_other() -> None:
    nothing = np.zeros((2, 4))
    assert overlaps(nothing[0], nothing).tolist() == [1, 1]


def test_soft_suppression_lowers_scores_of_what_overlaps() -> None:
    same = [[0, 0, 10, 10], [0, 0, 10, 5]]
    updated, indices = softNMSBoxes(same, [0.9, 0.8], 0.1, 0.3, sigma=0.5)
    assert list(indices) == [0, 1]
    assert updated[1] == pytest.approx(0.8 * np.exp(-0.25 / 0.5), abs=1e-6)
    updated, _ = softNMSBoxes(same, [0.9, 0.8], 0.1, 0.3, method=1)
    assert updated[1] == pytest.approx(0.4, abs=1e-6)
    assert len(softNMSBoxes(same, [0.9, 0.8], 0.1, 0.3, top_k=1)[1]) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NMSBoxes(BOXES, SCORES[:2], 0.5, 0.4), "5 boxes and 2 scores"),
        (lambda: NMSBoxes(BOXES, SCORES, -0.5, 0.4), "score_threshold"),
        (lambda: NMSBoxes(BOXES, SCORES, 0.5, float("nan")), "nms_threshold"),
        (lambda: NMSBoxes(BOXES, SCORES, 0.5, 0.4, eta=0), "eta"),
        (lambda: NMSBoxesBatched(BOXES, SCORES, [0], 0.5, 0.4), "class_ids"),
        (lambda: NMSBoxesBatched(BOXES, SCORES, [0.5] * 5, 0.5, 0.4), "class_ids"),
        (lambda: softNMSBoxes(BOXES, SCORES, 0.5, 0.4, method=3), "method=3"),
    ],
    ids=["scores", "score", "overlap", "eta", "few classes", "broken classes", "method"],
)
def test_arguments_that_do_not_fit_are_refused(call: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
