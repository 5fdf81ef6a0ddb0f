"""What a classifier's output should be for pictures of known classes.

Source: AlexeyAB/darknet src/data.c, fill_truth, fill_truth_smooth and fill_hierarchy.
"""

from __future__ import annotations

import numpy as np

from darknetpy.config.tree import ROOT, Tree
from darknetpy.layers.base import UNKNOWN


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
