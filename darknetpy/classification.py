"""From the outputs of a classifier to its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Classification(NamedTuple):
    """One answer: the class's name, its probability (0 to 1) and its number."""

    label: str
    probability: float
    class_id: int


def top_k(values: np.ndarray, k: int) -> list[int]:
    """Indexes of the k largest values, largest first; of equals the lower index comes first.

    Source: AlexeyAB/darknet src/utils.c, top_k.

    >>> top_k(np.array([1, 3, 3, 2, 3, 0]), 4)
    [1, 2, 4, 3]
    """
    return [int(index) for index in np.argsort(-values, kind="stable")[:k]]


def classifications(probabilities: np.ndarray, names: Sequence[str] | None, top: int) -> list[Classification]:
    """The ``top`` most probable classes of one picture's probabilities (classes,); fewer where there are fewer."""
    if top < 1:
        raise ValueError(f"top={top}, expected at least 1")
    return [
        Classification(names[index] if names else f"class_{index}", float(probabilities[index]), index)
        for index in top_k(probabilities, top)
    ]
