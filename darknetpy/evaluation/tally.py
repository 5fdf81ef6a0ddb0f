"""How often a classifier is right: among its best answers, class by class, and what it takes for what.

Source: AlexeyAB/darknet src/classifier.c, validate_classifier_single. Of equal answers the first counts as the better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from darknetpy.evaluation.losses import Loss, cross_entropy


class Mistake(NamedTuple):
    """A picture whose class was not the best answer: which, what was answered, what was right, and how probable."""

    path: str
    answered: int
    right: int
    probability: float
    probability_of_right: float


class Tally:
    """Counts answers as they come.

    Of several right classes of one picture the most probable counts, as if it were the only one.

    Args:
        names: of the classes.
        top: how many best answers count as right in `top_share`.
        worst: how many of the surest mistakes are kept.
        losses: how far answers are from the truth, see :func:`~darknetpy.evaluation.losses.loss_of`.

    >>> tally = Tally(["cat", "dog"], top=1)
    >>> tally.add(np.array([[0.9, 0.1], [0.6, 0.4]], np.float32), [0, 1], ["a.png", "b.png"])
    >>> tally.accuracy, tally.confusion.tolist()
    (0.5, [[1, 0], [1, 0]])
    """

    def __init__(self, names: Sequence[str], *, top: int = 5, worst: int = 0, losses: Loss = cross_entropy) -> None:
        self.names, self.top, self._worst, self._losses = list(names), min(top, len(names)), worst, losses
        self.confusion = np.zeros((len(names), len(names)), np.int64)
        """Row: the right class; column: the best answer."""
        self._among_top = np.zeros(len(names), np.int64)
        self._loss = 0.0
        self.mistakes: list[Mistake] = []
        """The surest of them first."""
        self.skipped = 0
        """Pictures that could not be read, which count nowhere else."""

    def add(
        self, probabilities: np.ndarray, classes: Sequence[int] | Sequence[Sequence[int]],
        paths: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        """Count answers (n, classes) to pictures of which the right class is known, or the right classes."""
        is_right = np.zeros(probabilities.shape, np.bool_)
        for row, numbers in zip(is_right, classes, strict=True):
            row[np.asarray(numbers, np.intp)] = True
        self._loss += float(self._losses(probabilities, is_right).sum())
        right = np.where(is_right, probabilities, -np.inf).argmax(axis=1)
        rows = np.arange(len(right))
        of_right = probabilities[rows, right][:, np.newaxis]
        earlier = np.arange(probabilities.shape[1]) < right[:, np.newaxis]
        ranks = ((probabilities > of_right) | ((probabilities == of_right) & earlier)).sum(axis=1)
        answered = probabilities.argmax(axis=1)
        np.add.at(self.confusion, (right, answered), 1)
        np.add.at(self._among_top, right[ranks < self.top], 1)
        if self._worst and paths is not None:
            for row in np.flatnonzero(answered != right).tolist():
                sure, own = float(probabilities[row, answered[row]]), float(of_right[row, 0])
                self.mistakes.append(Mistake(paths[row], int(answered[row]), int(right[row]), sure, own))
            self.mistakes = sorted(self.mistakes, key=lambda one: (-one.probability, one.path))[: self._worst]

    @property
    def count(self) -> int:
        """Pictures."""
        return int(self.confusion.sum())

    @property
    def right(self) -> int:
        """Pictures whose class was the best answer."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Their part of all; 0 where there are none."""
        return self.right / self.count if self.count else 0.0

    @property
    def loss(self) -> float:
        """Of a picture, on average; NaN where there are none."""
        return self._loss / self.count if self.count else float("nan")

    @property
    def top_share(self) -> float:
        """The part of the pictures whose class was among the ``top`` best answers."""
        return int(self._among_top.sum()) / self.count if self.count else 0.0

    @property
    def recalls(self) -> np.ndarray:
        """(classes,) float64: of each class's pictures the part that was recognized; NaN for a class without any."""
        return _shares(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def precisions(self) -> np.ndarray:
        """(classes,) float64: of the answers that were this class the part that was right; NaN where there are none."""
        return _shares(np.diag(self.confusion), self.confusion.sum(axis=0))

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints of it; a share or a loss that does not exist is null."""
        rows = zip(self.names, self.confusion.sum(axis=1).tolist(), self.recalls, self.precisions, strict=True)
        return {
            "pictures": self.count,
            "skipped": self.skipped,
            "top1": self.accuracy,
            f"top{self.top}": self.top_share,
            "loss": _or_none(self.loss),
            "classes": [
                {"label": name, "pictures": count, "recall": _or_none(recall), "precision": _or_none(precision)}
                for name, count, recall, precision in rows
            ],
            "confusion": self.confusion.tolist(),
        }


def _shares(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    return np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=wholes > 0)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
