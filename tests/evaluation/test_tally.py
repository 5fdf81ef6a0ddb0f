"""Shares of right answers, against counting by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from darknetpy.evaluation.tally import Tally

pytestmark = pytest.mark.quick
NAMES = ["cat", "dog", "owl", "pig"]


def random_answers(count: int) -> tuple[np.ndarray, list[int]]:
    random = np.random.default_rng(3)
    return random.random((count, 4)).round(1).astype(np.float32), random.integers(0, 3, count).tolist()


@pytest.mark.parametrize("top", [1, 2, 3, 9])
def test_shares_are_those_of_sorting_each_answer(top: int) -> None:
    answers, classes = random_answers(200)
    tally = Tally(NAMES, top=top)
    for first in range(0, 200, 7):
        tally.add(answers[first : first + 7], classes[first : first + 7])
    ranked = [sorted(range(4), key=lambda number: (-row[number], number)) for row in answers]
    assert tally.count == 200
    assert tally.accuracy == pytest.approx(
        np.mean([row[0] == right for row, right in zip(ranked, classes, strict=True)])
    )
    among = np.mean([right in row[:top] for row, right in zip(ranked, classes, strict=True)])
    assert tally.top_share == pytest.approx(among)


def test_confusion_recall_and_precision() -> None:
    tally = Tally(NAMES, top=2)
    answers = np.eye(4, dtype=np.float32)[[0, 0, 1, 1, 0]]
    tally.add(answers, [0, 0, 1, 0, 1])
    assert tally.confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(tally.recalls, [2 / 3, 1 / 2, np.nan, np.nan])
    np.testing.assert_allclose(tally.precisions, [2 / 3, 1 / 2, np.nan, np.nan])
    written = json.loads(json.dumps(tally.as_json(), allow_nan=False))
    assert written["pictures"] == 5
    assert written["top1"] == 0.6
    assert written["classes"][2] == {"label": "owl", "pictures": 0, "recall": None, "precision": None}


def test_the_surest_mistakes_are_kept() -> None:
    tally = Tally(NAMES, worst=2)
    answers = np.array([[0.5, 0.4, 0.1, 0], [0.2, 0.7, 0.1, 0], [0.9, 0.1, 0, 0], [0, 0.6, 0.3, 0.1]], np.float32)
    tally.add(answers[:2], [1, 0], ["a", "b"])
    tally.add(answers[2:], [0, 3], ["c", "d"])
    assert [(one.path, one.answered, one.right) for one in tally.mistakes] == [("b", 1, 0), ("d", 1, 3)]
    assert tally.mistakes[0].probability == pytest.approx(0.7)
    assert tally.mistakes[0].probability_of_right == pytest.approx(0.2)


def test_of_several_right_classes_the_most_probable_counts() -> None:
    tally = Tally(NAMES, top=2, worst=1)
    answers = np.array([[0.1, 0.2, 0.6, 0.1], [0.5, 0.3, 0.2, 0]], np.float32)
    tally.add(answers, [(1, 2), (1, 3)], ["a", "b"])
    assert tally.confusion.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert (tally.accuracy, tally.top_share) == (0.5, 1.0)
    assert (tally.mistakes[0].path, tally.mistakes[0].right) == ("b", 1)


def test_the_loss_is_the_mean_over_the_pictures() -> None:
    tally = Tally(NAMES)
    assert np.isnan(tally.loss)
    assert tally.as_json()["loss"] is None
    tally.add(np.array([[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]], np.float32), [0, 3])
    tally.add(np.array([[0, 0, 1, 0]], np.float32), [2])
    assert tally.loss == pytest.approx((np.log(2) + np.log(4)) / 3)
    assert tally.as_json()["loss"] == tally.loss


def test_nothing_counted_is_not_a_division_by_zero() -> None:
    tally = Tally(NAMES)
    assert (tally.count, tally.accuracy, tally.top_share) == (0, 0.0, 0.0)
