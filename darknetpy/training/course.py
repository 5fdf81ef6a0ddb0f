"""How a training went so far, in a bounded number of points: for its chart and its sparkline."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from darknetpy.training.progress import Progress

MOST_SPANS = 1000
"""Twice as many are kept before neighbours are put together."""


class Span(NamedTuple):
    """Some iterations in a row, ``first`` to ``last``.

    ``loss`` is their mean, ``lowest`` and ``highest`` that of any of them; ``average`` (of the loss), ``rate`` and
    ``accuracy`` (0 to 1, None where there was no validation) are the last ones.
    """

    first: int
    last: int
    loss: float
    lowest: float
    highest: float
    average: float
    rate: float
    accuracy: float | None


class Validated(NamedTuple):
    """The accuracy, 0 to 1, behind an iteration."""

    iteration: int
    accuracy: float


class Course:
    """The figures of all iterations, of many of them together where there are many.

    Attributes:
        spans: in the order of the iterations; a span for each of them until there are ``2 * most``.
        last_validated, best_validated: None before the first validation; of equally good ones the last is the best.

    >>> course = Course()
    >>> course.add(1, loss=2.5, average=2.5, rate=0.1)
    >>> course.spans[0].loss
    2.5
    """

    def __init__(self, most: int = MOST_SPANS) -> None:
        self.spans: list[Span] = []
        self.last_validated: Validated | None = None
        self.best_validated: Validated | None = None
        self._most, self._width = most, 1

    def add(self, iteration: int, *, loss: float, average: float, rate: float, accuracy: float | None = None) -> None:
        """The next iteration."""
        one = Span(iteration, iteration, loss, loss, loss, average, rate, accuracy)
        if self.spans and self._place(self.spans[-1].first) == self._place(iteration):
            self.spans[-1] = _together(self.spans[-1], one)
        else:
            self.spans.append(one)
        if len(self.spans) >= 2 * self._most:
            self._halve()
        if accuracy is not None:
            self.last_validated = Validated(iteration, accuracy)
            if self.best_validated is None or accuracy >= self.best_validated.accuracy:
                self.best_validated = self.last_validated

    def follow(self, progress: Progress) -> None:
        """The next iteration, of a training under way."""
        figures, validation = progress.figures, progress.validation
        self.add(
            figures.iteration, loss=figures.loss, average=figures.average, rate=figures.rate,
            accuracy=None if validation is None else validation.accuracy,
        )  # fmt: skip

    def losses(self, count: int) -> list[float]:
        """At most ``count`` mean losses, from the first iteration to the last one."""
        spans = list(self.spans)  # others may add to it in the meantime
        parts = min(count, len(spans))
        bounds = [len(spans) * part // parts for part in range(parts + 1)] if parts else []
        return [_mean(spans[low:high]) for low, high in pairwise(bounds)]

    def _place(self, iteration: int) -> int:
        return (iteration - 1) // self._width

    def _halve(self) -> None:
        """Put iterations together that belong to the same span of twice the width."""
        self._width *= 2
        fewer: list[Span] = []
        for span in self.spans:
            if fewer and self._place(fewer[-1].first) == self._place(span.first):
                fewer[-1] = _together(fewer[-1], span)
            else:
                fewer.append(span)
        self.spans = fewer  # at once: a thread may be drawing them


def read_course(path: Path, until: int) -> Course:
    """The course that a file of metrics (CSV) tells, up to an iteration; empty where there is no such file.

    It ends before the first row that is not whole: that of the moment in which a program was killed.
    """
    course = Course()
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            for iteration, figures in _rows(file):
                if iteration > until:
                    break
                course.add(iteration, **figures)  # type: ignore[arg-type]  # only accuracy can be None
    except FileNotFoundError:
        return Course()
    return course


def _rows(file: Iterator[str]) -> Iterator[tuple[int, dict[str, float | None]]]:
    lines = csv.reader(line for line in file if line.endswith("\n"))
    heading = next(lines, [])
    names = ("loss", "average", "rate", "accuracy")
    try:
        number = heading.index("iteration")
        places = [(name, heading.index(name)) for name in names]
        for row in lines:
            figures = {name: float(row[place]) if row[place] else None for name, place in places}
            yield int(row[number]), figures
    except (ValueError, IndexError, csv.Error):
        return


def _together(one: Span, other: Span) -> Span:
    """Two spans that follow each other."""
    loss = _mean([one, other])
    lowest, highest = min(one.lowest, other.lowest), max(one.highest, other.highest)
    accuracy = one.accuracy if other.accuracy is None else other.accuracy
    return Span(one.first, other.last, loss, lowest, highest, other.average, other.rate, accuracy)


def _mean(spans: list[Span]) -> float:
    """The mean loss of all iterations of some spans."""
    counts = [span.last - span.first + 1 for span in spans]
    return sum(span.loss * count for span, count in zip(spans, counts, strict=True)) / sum(counts)
