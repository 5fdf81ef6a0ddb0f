"""Softmax along one axis, and logarithms of probabilities."""

from __future__ import annotations

import numpy as np

LEAST = 1e-12  # probability that a loss looks at


def softmax(values: np.ndarray, axis: int) -> np.ndarray:
    """e^x divided by its sum along the axis, in the dtype given; large values do not overflow.

    >>> softmax(np.zeros((1, 4)), axis=1).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def safe_log(probabilities: np.ndarray) -> np.ndarray:
    """The logarithm; that of 1e-12 where a probability is smaller."""
    return np.log(np.maximum(probabilities, LEAST))
