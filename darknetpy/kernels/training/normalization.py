"""Batch normalization in training, from sums that other kernels took of the values and of the gradients.

What is normalized is never written: it is ``factor * z + shift`` for whoever reads the sums z of a convolution, and the
gradient by z is ``A * gradient + B * z + C``, both through `LOADING`. The two operations here make these lines of 16
numbers, one chunk a block; they add up the parts of the sums in order, in float64. Formulas: see
`darknetpy.layers.parts.batch_normalization`, which is the definition.

The statistics are those of the batch (`OF_BATCH`); or stored ones (`STORED`), for a layer whose statistics are frozen;
or there are none (`NONE`): the layer has biases only, factors of 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, load_float, store_float
from darknetpy.kernels.training.finishing import SUMS_BYTES

OF_BATCH, STORED, NONE = 0, 1, 2

_SUMS = integers("sums", "parts", "blocks", "channels", "count", "statistics", "inside", "means", "variances", "scales")
NORMALIZATION = record_type(
    **_SUMS, **integers("centres", "biases", "factors", "shifts", "stored_means", "stored_variances"), epsilon="f4"
)
"""sums: of `FINISHING`, of ``parts`` parts, around ``centres`` (a line a block). count: how many values of a channel
were summed. statistics: `OF_BATCH`, `STORED` or `NONE`. epsilon, inside: of the dialect, see `batch_norm_deviation`.
scales, biases, stored_means, stored_variances: float32 arrays of ``channels`` values.

Written: means, variances, factors and shifts, a line a block. Addresses that the statistics make needless may be 0:
sums and centres but for `OF_BATCH`, stored ones but for `STORED`, scales with `NONE`.
"""
NORMALIZATION_BACK = record_type(
    **_SUMS, **integers("by_biases", "by_scales", "adding", "factors", "other_factors", "shifts"), epsilon="f4"
)
"""sums: of the gradients, of `FINISHING` with ``centres`` = means. means, variances: as `normalize` wrote them. Other
fields as there.

Written: by_biases and by_scales, float32 arrays of ``channels`` values, to which is added what comes up where
``adding`` is not 0 (by_scales is not used with `NONE`); factors (A), other_factors (B) and shifts (C), a line a block.
"""
_read_normalization, _read_normalization_back = reader(NORMALIZATION), reader(NORMALIZATION_BACK)


@kernel
def sum_of_parts(normalization: Any, block: int, at: int) -> float:
    """The sum over all parts, in order and in float64, of the float at this offset in the two lines of sums."""
    total = 0.0
    for part in range(normalization.parts):
        total += np.float64(load_float(normalization.sums + (part * normalization.blocks + block) * SUMS_BYTES + at))
    return total


@kernel
def deviation_of(variance: float, epsilon: float, inside: int) -> tuple[float, float]:
    """The divisor for a variance, and its derivative by the variance (0 where that is infinite)."""
    root = np.sqrt(variance + epsilon if inside else variance)
    slope = 0.0 if root == 0 else 0.5 / root
    return root if inside else root + epsilon, slope


@operation(NORMALIZATION)
def normalize(record: int, chunk: int, scratch: int) -> None:
    """Mean and variance of each channel of a block (chunk), and the factor and shift that normalize it.

    Lanes behind the last channel get 0 everywhere. With one value for each channel the variance is NaN.
    """
    given = _read_normalization(record)
    for lane in range(LANES):
        channel, line = 4 * (chunk * LANES + lane), chunk * LINE + 4 * lane
        mean = variance = factor = shift = 0.0
        if chunk * LANES + lane < given.channels:
            factor, shift = 1.0, np.float64(load_float(given.biases + channel))
            if given.statistics == OF_BATCH:
                first, second = sum_of_parts(given, chunk, 4 * lane), sum_of_parts(given, chunk, LINE + 4 * lane)
                mean = load_float(given.centres + line) + first / given.count
                variance = (second - first * first / given.count) / (given.count - 1)
                if variance < 0:  # by rounding only; NaN stays
                    variance = 0.0
            elif given.statistics == STORED:
                mean = np.float64(load_float(given.stored_means + channel))
                variance = np.float64(load_float(given.stored_variances + channel))
            if given.statistics != NONE:
                deviation, _ = deviation_of(variance, given.epsilon, given.inside)
                factor = load_float(given.scales + channel) / deviation
                shift -= mean * factor
        store_float(given.means + line, np.float32(mean))
        store_float(given.variances + line, np.float32(variance))
        store_float(given.factors + line, np.float32(factor))
        store_float(given.shifts + line, np.float32(shift))


@operation(NORMALIZATION_BACK)
def normalize_back(record: int, chunk: int, scratch: int) -> None:
    """Gradients by biases and scales of a block (chunk), and A, B, C of the gradient by what was normalized.

    With D the deviation, D' its derivative by the variance, S1 = sum d and S2 = sum d (z - mean) over N values:
    A = scale / D; B = - S2 scale 2 D' / ((N - 1) D^2); C = - A S1 / N - B mean. Stored statistics do not depend on z:
    B = C = 0; without any A = 1. Lanes behind the last channel get 0 everywhere.
    """
    given = _read_normalization_back(record)
    for lane in range(LANES):
        channel, line = 4 * (chunk * LANES + lane), chunk * LINE + 4 * lane
        factor = other_factor = shift = 0.0
        if chunk * LANES + lane < given.channels:
            factor, first = 1.0, sum_of_parts(given, chunk, 4 * lane)
            put(given.by_biases + channel, first, given.adding)
            if given.statistics != NONE:
                second, scale = sum_of_parts(given, chunk, LINE + 4 * lane), load_float(given.scales + channel)
                variance = np.float64(load_float(given.variances + line))
                deviation, slope = deviation_of(variance, given.epsilon, given.inside)
                put(given.by_scales + channel, second / deviation, given.adding)
                factor = scale / deviation
                if given.statistics == OF_BATCH:
                    other_factor = -second * scale * 2 * slope / ((given.count - 1) * deviation * deviation)
                    shift = -factor * first / given.count - other_factor * load_float(given.means + line)
        store_float(given.factors + line, np.float32(factor))
        store_float(given.other_factors + line, np.float32(other_factor))
        store_float(given.shifts + line, np.float32(shift))


@kernel
def put(address: int, value: float, adding: int) -> None:
    """Write a value as float32, or add it to what is there."""
    if adding:
        value += load_float(address)
    store_float(address, np.float32(value))
