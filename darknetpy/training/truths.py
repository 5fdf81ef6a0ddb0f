"""What a classifier's output should be for pictures of known classes.

Source: AlexeyAB/darknet src/data.c, fill_truth, fill_truth_smooth and fill_hierarchy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from darknetpy.config.tree import ROOT, Tree
from darknetpy.layers.base import UNKNOWN


class Truths:
    """The truth of each of many pictures, by its number. Pictures of the same classes share one.

    Args:
        rows: (kinds, classes) float32, those that there are.
        kinds: (n,) which of them is that of each picture.

    >>> Truths.of([(0,), (1,), (0,)], 2)[1].tolist()
    [0.0, 1.0]
    """

    def __init__(self, rows: np.ndarray, kinds: np.ndarray) -> None:
        self._rows, self._kinds = rows, kinds

    @classmethod
    def of(cls, classes: Sequence[tuple[int, ...]], count: int) -> Truths:
        """Those of pictures that show these of ``count`` classes: 1 for each of them, else 0."""
        known: dict[tuple[int, ...], int] = {}
        kinds = np.fromiter((known.setdefault(numbers, len(known)) for numbers in classes), np.int64, len(classes))
        rows = np.zeros((len(known), count), np.float32)
        for row, numbers in zip(rows, known, strict=True):
            row[list(numbers)] = 1
        return cls(rows, kinds)

    def changed(self, change: Callable[[np.ndarray], np.ndarray]) -> Truths:
        """The same with other rows: what a function makes of them, (kinds, classes) float32."""
        return Truths(change(self._rows), self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, number: int) -> np.ndarray:
        """The truth of a picture, (classes,) float32."""
        truth: np.ndarray = self._rows[self._kinds[number]]
        return truth


def smoothed(truths: np.ndarray, part: float) -> np.ndarray:
    """Truths (n, classes) of 0 and 1 as 1 - part and part / (classes - 1).

    >>> smoothed(np.array([[1.0, 0.0, 0.0]]), 0.1).tolist()
    [[0.9, 0.05, 0.05]]
    """
    if part == 0 or truths.shape[1] < 2:
        return truths
    return np.where(truths > 0, 1 - part, part / (truths.shape[1] - 1)).astype(truths.dtype)


def along_tree(truths: np.ndarray, tree: Tree) -> np.ndarray:
    """Truths (n, nodes) with 1 also for all nodes above those that have one; groups without any become -1234.

    Source: Redmon and Farhadi 2017, "YOLO9000: better, faster, stronger".
    """
    result = truths.copy()
    for node in range(len(tree) - 1, -1, -1):
        parent = tree.parents[node]
        if parent != ROOT:
            result[:, parent] = np.maximum(result[:, parent], result[:, node])
    for group in tree.groups:
        result[~(result[:, group] > 0).any(axis=1), group] = UNKNOWN
    return result
