"""Batch normalization with stored statistics. Source: Ioffe and Szegedy 2015; AlexeyAB/darknet src/blas.c."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from darknetpy.dialect import Dialect
from darknetpy.layers.base import Array


def batch_norm_arrays(channels: int, *, in_file: bool = True) -> list[Array]:
    """Scales, rolling mean and rolling variance, in file order."""
    return [
        Array("scales", (channels,), initial=1.0, in_file=in_file),
        Array("rolling_mean", (channels,), in_file=in_file, trained=False),
        Array("rolling_variance", (channels,), in_file=in_file, trained=False),
    ]


def per_channel(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values (c,) shaped to meet x (n, c, ...), in x's dtype."""
    return values.astype(x.dtype, copy=False).reshape(-1, *(1,) * (x.ndim - 2))


def normalize(x: np.ndarray, weights: Mapping[str, np.ndarray], dialect: Dialect) -> np.ndarray:
    """(x - mean) / deviation * scale + bias, for each channel of x (n, c, ...)."""
    deviation = dialect.batch_norm_deviation(weights["rolling_variance"].astype(x.dtype))
    factor = weights["scales"].astype(x.dtype) / deviation
    return (x - per_channel(weights["rolling_mean"], x)) * per_channel(factor, x) + per_channel(weights["biases"], x)


def folding(weights: Mapping[str, np.ndarray], dialect: Dialect) -> tuple[np.ndarray, np.ndarray]:
    """Factors (n,) float64 for the filters and biases (n,) float32 that do the normalization, computed in float64.

    Source: AlexeyAB/darknet src/network.c, fuse_conv_batchnorm.
    """
    deviation = dialect.batch_norm_deviation(weights["rolling_variance"].astype(np.float64))
    factors = weights["scales"] / deviation
    return factors, (weights["biases"] - factors * weights["rolling_mean"]).astype(np.float32)


def fold(weights: Mapping[str, np.ndarray], dialect: Dialect) -> tuple[np.ndarray, np.ndarray]:
    """Filters (n, ...) and biases (n,) that do the normalization by themselves, float32, computed in float64."""
    factors, biases = folding(weights, dialect)
    filters = np.empty(weights["weights"].shape, np.float32)
    each = factors.reshape(-1, *(1,) * (filters.ndim - 1))
    np.multiply(weights["weights"], each, out=filters, dtype=np.float64, casting="same_kind")  # no copy in float64
    return filters, biases
