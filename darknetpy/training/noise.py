"""Noise in what a network is trained with, so that it does not learn single pixels by heart.

Source: Bishop 1995, "Training with noise is equivalent to Tikhonov regularization".
"""

from __future__ import annotations

import numpy as np


def with_noise(pictures: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """Pictures of any shape, float32, with normal noise added to each value; they may leave 0..1.

    >>> with_noise(np.zeros((1, 2), np.float32), 0.5, np.random.default_rng(0)).astype(float).round(2).tolist()
    [[0.56, -0.69]]
    """
    return pictures + np.float32(deviation) * random.standard_normal(pictures.shape, np.float32)
