"""Softmax along one axis."""

from __future__ import annotations

import numpy as np


def softmax(values: np.ndarray, axis: int) -> np.ndarray:
    """e^x divided by its sum along the axis, in the dtype given; large values do not overflow.

    >>> softmax(np.zeros((1, 4)), axis=1).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)
