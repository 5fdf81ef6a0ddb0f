"""Batch normalization: with stored statistics, in training with those of the batch.

Source: Ioffe and Szegedy 2015; AlexeyAB/darknet src/blas.c. The gradients are exact, other than the C programs', which
divide by the number of values where they should by one less, and by another deviation than forwards.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from darknetpy.dialect import Dialect
from darknetpy.errors import TrainingError
from darknetpy.layers.base import Array, Tape


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


def channel_sums(x: np.ndarray) -> np.ndarray:
    """The sums (c,) over all but the channels of x (n, c, ...)."""
    return x.sum(axis=tuple(axis for axis in range(x.ndim) if axis != 1))


def normalize(
    x: np.ndarray, weights: Mapping[str, np.ndarray], dialect: Dialect, tape: Tape | None = None
) -> np.ndarray:
    """(x - mean) / deviation * scale + bias, for each channel of x (n, c, ...).

    Mean and variance are the stored ones; with a tape that is training they are those of x, which the tape notes. The
    variance is that of a sample, divided by one less than the number of values. Raises TrainingError where that is 0.
    """
    training = tape is not None and tape.training
    mean, variance = _of_batch(x) if training else (weights["rolling_mean"], weights["rolling_variance"])
    variance = variance.astype(x.dtype, copy=False)
    deviation = dialect.batch_norm_deviation(variance)
    factor = weights["scales"].astype(x.dtype) / deviation
    centred = x - per_channel(mean, x)
    if tape is not None:
        tape.centred, tape.deviation = centred, deviation
        tape.slope = dialect.batch_norm_deviation_slope(variance) if training else None
        if training:
            tape.saw("rolling_mean", mean)
            tape.saw("rolling_variance", variance)
    return centred * per_channel(factor, x) + per_channel(weights["biases"], x)


def _of_batch(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance (c,) of each channel."""
    count = x.size // x.shape[1]
    if count < 2:
        found = "batch normalization with one value for each channel: one picture a step, of one pixel here"
        raise TrainingError(found, "at least two", "Write a larger batch, or fewer subdivisions")
    mean = channel_sums(x) / count
    return mean, channel_sums((x - per_channel(mean, x)) ** 2) / (count - 1)


def normalize_backward(gradient: np.ndarray, weights: Mapping[str, np.ndarray], tape: Tape) -> np.ndarray:
    """The gradient by what was normalized, from that by the result; those by biases and scales go to the tape.

    With D the deviation as a function of the variance and N values for each channel, and d = gradient * scale:
    (d - mean d) / D - (x - mean) * sum(d (x - mean)) * 2 D' / (N - 1) / D^2.
    """
    centred, deviation = tape.centred, tape.deviation
    along = channel_sums(gradient * centred)
    tape.add("biases", channel_sums(gradient))
    tape.add("scales", along / deviation)
    scales = weights["scales"].astype(gradient.dtype)
    result = gradient * per_channel(scales / deviation, gradient)
    if tape.slope is None:
        return result
    count = gradient.size // gradient.shape[1]
    of_mean = channel_sums(result) / count
    of_variance = along * scales * 2 * tape.slope / ((count - 1) * deviation**2)
    return result - per_channel(of_mean, result) - centred * per_channel(of_variance, result)


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
