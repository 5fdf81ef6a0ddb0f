"""From outputs to answers."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.classification import Classification, classifications, top_k


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_come_first_and_of_equals_the_lower_index(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 6, 17).astype(np.float32)
    by_hand = sorted(range(17), key=lambda index: (-values[index], index))
    for k in (1, 5, 17):
        assert top_k(values, k) == by_hand[:k]


def test_more_than_there_are() -> None:
    assert top_k(np.array([0.25, 0.75], np.float32), 5) == [1, 0]
    assert len(classifications(np.array([0.25, 0.75]), None, 5)) == 2


def test_nan_is_never_the_best_answer() -> None:
    assert top_k(np.array([np.nan, 0.1, np.nan, 0.2]), 2) == [3, 1]


def test_answers_are_plain_values_with_names() -> None:
    answers = classifications(np.array([0.25, 0.5, 0.125], np.float32), ["a", "b", "c"], 2)
    assert answers == [Classification("b", 0.5, 1), Classification("a", 0.25, 0)]
    for label, probability, class_id in answers:
        assert (type(label), type(probability), type(class_id)) == (str, float, int)


def test_classes_without_names_are_numbered() -> None:
    assert [answer.label for answer in classifications(np.array([0.0, 1.0]), None, 2)] == ["class_1", "class_0"]
