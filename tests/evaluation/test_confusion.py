"""The table of confusion as a picture, and the pairs that are confused most."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.evaluation import confusion as confusion_module
from darknetpy.evaluation.canvas import LIGHT
from darknetpy.evaluation.confusion import MOST_CLASSES, RIGHT, WRONG, confused_pairs, draw_confusion


def cells(picture: np.ndarray, classes: int) -> np.ndarray:
    """The colour of each cell, (classes, classes, 3), found by the white lines between them."""
    used = (picture != 255).any(axis=2)
    bottom = int(np.flatnonzero(used.any(axis=1))[-1])
    right = int(np.flatnonzero(used.any(axis=0))[-1])
    row = used[bottom, : right + 1]  # the last row of pixels of the table: only cells
    starts = np.flatnonzero(row & ~np.concatenate([[False], row[:-1]]))
    assert len(starts) == classes
    step = int(starts[1] - starts[0])
    rows = bottom - step * np.arange(classes)[::-1]
    return picture[np.ix_(rows, starts)]


def test_each_cell_is_as_dark_as_its_share() -> None:
    counts = np.array([[8, 2, 0], [0, 10, 0], [0, 0, 0]])
    colours = cells(draw_confusion(counts, ["cat", "dog", "owl"]), 3)
    for row, column in ((0, 2), (1, 0), (1, 2), (2, 0), (2, 2)):
        assert tuple(colours[row, column]) == LIGHT, "nothing"
    assert tuple(colours[1, 1]) == RIGHT
    np.testing.assert_allclose(colours[0, 0], 255 + (np.array(RIGHT) - 255) * 0.8, atol=1)
    np.testing.assert_allclose(colours[0, 1], 255 + (np.array(WRONG) - 255) * 0.2**0.5, atol=1)


@pytest.mark.parametrize("classes", [2, 10, MOST_CLASSES])
def test_all_classes_are_drawn(classes: int) -> None:
    counts = np.random.default_rng(3).integers(1, 100_000, (classes, classes))
    picture = draw_confusion(counts, [f"name {number}" for number in range(classes)])
    colours = cells(picture, classes)
    assert (colours != 255).any(axis=2).all()
    assert max(picture.shape[:2]) < 2400


def test_of_many_classes_those_with_most_mistakes_are_drawn() -> None:
    counts = np.diag(np.full(200, 50))
    confused = np.arange(3, 200, 5)[:MOST_CLASSES]
    counts[confused, np.roll(confused, 1)] = 7
    assert confusion_module._shown(counts).tolist() == confused.tolist()
    colours = cells(draw_confusion(counts, [f"name {number}" for number in range(200)]), MOST_CLASSES)
    assert ((colours != LIGHT).any(axis=2).sum(axis=1) == 2).all(), "in each row what is right and what is not"


def test_no_pictures_at_all_are_a_table_of_nothing() -> None:
    colours = cells(draw_confusion(np.zeros((2, 2), np.int64), ["a", "b"]), 2)
    assert (colours == LIGHT).all()


def test_names_of_any_kind_are_written() -> None:
    picture = draw_confusion(np.eye(3, dtype=np.int64), ["", "x" * 5000, "日本\n"])
    assert picture.shape[0] < 1000 > picture.shape[1]


def test_pairs_are_in_the_order_of_their_times() -> None:
    counts = np.array([[9, 1, 5], [5, 9, 0], [0, 3, 9]])
    assert confused_pairs(counts, 9) == [(5, 0, 2), (5, 1, 0), (3, 2, 1), (1, 0, 1)]
    assert confused_pairs(counts, 1) == [(5, 0, 2)]
    assert confused_pairs(np.diag([3, 4]), 9) == []
