"""What a classifier takes for what, as a picture: a table with the counts, coloured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darknetpy.evaluation.canvas import LIGHT, Canvas, lettered
from darknetpy.images.colours import Colour, readable_on

MOST_CLASSES = 40
"""In the picture; of more, those that have to do with the most mistakes."""
RIGHT, WRONG = (0, 90, 160), (213, 94, 0)
"""The colours of a whole row; told apart by people who see few colours too."""
_TEXT, _SMALLEST_TEXT, _HEADING = 15, 11, 18  # pixels
_LONGEST_NAME = 170
_MARGIN = 12
_FAINTEST = 0.06  # of what is there at all
_CELL, _SMALLEST_CELL = 52, 26


class Pair(NamedTuple):
    """So many pictures of one class were taken for another; numbers of the classes."""

    times: int
    right: int
    answered: int


def confused_pairs(confusion: np.ndarray, most: int) -> list[Pair]:
    """The mistakes that are made most often, of (classes, classes) counts (row: the right class, column: the answer).

    >>> confused_pairs(np.array([[5, 2], [0, 9]]), 10)
    [Pair(times=2, right=0, answered=1)]
    """
    rows, columns = np.nonzero(confusion * ~np.eye(len(confusion), dtype=bool))
    places = zip(rows.tolist(), columns.tolist(), strict=True)
    found = [Pair(int(confusion[row, column]), row, column) for row, column in places]
    return sorted(found, key=lambda pair: (-pair.times, pair.right, pair.answered))[:most]


def draw_confusion(confusion: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A table of counts: a row for each right class, a column for each answer.

    The darker a cell the larger its part of the row: blue what is right, orange what is wrong.

    Args:
        confusion: (classes, classes) whole numbers.
        names: of the classes.

    Returns (h, w, 3) uint8.

    >>> draw_confusion(tally.confusion, tally.names)  # doctest: +SKIP
    """
    shown = _shown(confusion)
    counts = confusion[np.ix_(shown, shown)]
    digits = len(str(int(counts.max(initial=0))))
    cell = max(_SMALLEST_CELL, min(_CELL, 1000 // max(len(shown), 1)), digits * 8 + 6)
    size = _TEXT if cell >= 2 * _TEXT else _SMALLEST_TEXT
    labels = [lettered(names[number], size, _LONGEST_NAME) for number in shown]
    side = max(label.shape[1] for label in labels) + 4
    total, right = int(confusion.sum()), int(np.trace(confusion))
    lines = [f"{right:,} of {total:,} right" + (f" ({right / total:.2%})" if total else "")]
    if len(shown) < len(confusion):
        lines.append(f"The {len(shown)} of {len(confusion):,} classes with the most mistakes.")
    lines.append("Row: the right class. Column: the answer.")
    headings = [lettered(line, _HEADING if number == 0 else _TEXT, 2000) for number, line in enumerate(lines)]
    top = _MARGIN + sum(heading.shape[0] for heading in headings) + _MARGIN
    table = len(shown) * cell
    width = max(_MARGIN + side + table, *(heading.shape[1] for heading in headings)) + _MARGIN
    canvas = Canvas(top + side + table + _MARGIN, width)
    place = _MARGIN
    for heading in headings:
        canvas.write(place, _MARGIN, heading)
        place += heading.shape[0]
    _draw_table(canvas, counts, labels, cell, size, top + side, _MARGIN + side)
    return canvas.pixels


def _shown(confusion: np.ndarray) -> np.ndarray:
    """The numbers of the classes that are drawn, in order."""
    if len(confusion) <= MOST_CLASSES:
        return np.arange(len(confusion))
    wrong = confusion * ~np.eye(len(confusion), dtype=bool)
    mistakes = wrong.sum(axis=0) + wrong.sum(axis=1)
    return np.sort(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])


def _draw_table(
    canvas: Canvas, counts: np.ndarray, labels: list[np.ndarray], cell: int, size: int, top: int, left: int
) -> None:
    wholes = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for number, label in enumerate(labels):
        start, middle = number * cell, (cell - label.shape[0]) // 2
        canvas.write(top + start + middle, left - 4 - label.shape[1], label)
        upright = np.rot90(label)
        canvas.write(top - 4 - upright.shape[0], left + start + middle, upright)
    for row, column in np.ndindex(counts.shape):
        count = int(counts[row, column])
        colour = _colour(float(counts[row, column] / wholes[row, 0]), is_right=row == column)
        y, x = top + row * cell, left + column * cell
        canvas.fill(y, x, cell - 1, cell - 1, colour if count else LIGHT)
        if count:
            mask = lettered(str(count), size, cell + size)
            canvas.write(y + (cell - mask.shape[0]) // 2, x + (cell - mask.shape[1]) // 2, mask, readable_on(colour))


def _colour(share: float, *, is_right: bool) -> Colour:
    """From white to the whole colour; small parts can be seen, too."""
    strength = max(share if is_right else share**0.5, _FAINTEST)
    red, green, blue = (round(255 + (value - 255) * strength) for value in (RIGHT if is_right else WRONG))
    return red, green, blue
