"""The formulas of Darknet as naive loops in float64, one value at a time. Written from the formulas, not from our code.

Pictures are (n, c, h, w), flat values (n, length). Nothing here is fast or clever; that is the point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

LOWEST_FLOAT32 = -3.4028234663852886e38
UNKNOWN = -1234.0


def places(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every index of an array of this shape."""
    return np.ndindex(*shape)


def inside(x: np.ndarray, row: int, column: int) -> bool:
    return 0 <= row < x.shape[2] and 0 <= column < x.shape[3]


# Activations: functions of one number


def _mish(x: float) -> float:
    return x * math.tanh(math.log1p(math.exp(x)) if x < 30 else x)


def _stair(x: float) -> float:
    n = math.floor(x)
    return math.floor(x / 2) if n % 2 == 0 else (x - n) + math.floor(x / 2)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "logistic": logistic,
    "loggy": lambda x: 2 * logistic(x) - 1,
    "relu": lambda x: x if x > 0 else 0,
    "relu6": lambda x: 0 if x < 0 else 6 if x > 6 else x,
    "elu": lambda x: x if x >= 0 else math.exp(x) - 1,
    "selu": lambda x: 1.0507 * x if x >= 0 else 1.0507 * 1.6732 * (math.exp(x) - 1),
    "gelu": lambda x: 0.5 * x * (1 + math.tanh(0.797885 * x + 0.035677 * x**3)),
    "relie": lambda x: x if x > 0 else 0.01 * x,
    "ramp": lambda x: (x if x > 0 else 0) + 0.1 * x,
    "leaky": lambda x: x if x > 0 else 0.1 * x,
    "revleaky": lambda x: x if x > 0 else 0.1 * x,
    "tanh": math.tanh,
    "plse": lambda x: 0.01 * (x + 4) if x < -4 else 0.01 * (x - 4) + 1 if x > 4 else 0.125 * x + 0.5,
    "stair": _stair,
    "hardtan": lambda x: -1 if x < -1 else 1 if x > 1 else x,
    "lhtan": lambda x: 0.001 * x if x < 0 else 0.001 * (x - 1) + 1 if x > 1 else x,
    "swish": lambda x: x * logistic(x),
    "mish": _mish,
    "hard_mish": lambda x: x if x > 0 else x * x / 2 + x if x > -2 else 0,
}


def _normalized(values: list[float]) -> list[float]:
    total = sum(value for value in values if value > 0)
    return [max(value, 0) / (1e-4 + total) for value in values]


def _exponentials(values: list[float]) -> list[float]:
    shift = max(0, *values)  # above and below the line, so that nothing overflows
    total = sum(math.exp(value - shift) for value in values)
    return [math.exp(value - shift) / (1e-4 * math.exp(-shift) + total) for value in values]


def _exponentials_from_largest(values: list[float]) -> list[float]:
    return _exponentials([value - max(values) for value in values])


CHANNEL_ACTIVATIONS: dict[str, Callable[[list[float]], list[float]]] = {
    "normalize_channels": _normalized,
    "normalize_channels_softmax": _exponentials,
    "normalize_channels_softmax_maxval": _exponentials_from_largest,
}


def activate(name: str, x: np.ndarray) -> np.ndarray:
    """An activation of x (n, c, ...); the normalize_channels family takes the c values of a place together."""
    result = np.zeros(x.shape)
    if name in ACTIVATIONS:
        for place in places(x.shape):
            result[place] = ACTIVATIONS[name](float(x[place]))
        return result
    for image, *pixel in places((x.shape[0], *x.shape[2:])):
        across = (image, slice(None), *pixel)
        result[across] = CHANNEL_ACTIVATIONS[name]([float(value) for value in x[across]])
    return result


# Layers with filters


def convolve(
    x: np.ndarray,
    weights: np.ndarray,
    strides: tuple[int, int] = (1, 1),
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    outside: float = 0.0,
) -> np.ndarray:
    """Cross-correlation; ``padding`` in pixels on each side, ``outside`` is what stands there."""
    n, c, h, w = x.shape
    filters, depth, size, _ = weights.shape
    reach = dilation * (size - 1) + 1
    height = (h + 2 * padding - reach) // strides[0] + 1
    width = (w + 2 * padding - reach) // strides[1] + 1
    result = np.zeros((n, filters, height, width))
    for image, f, y, z in places(result.shape):
        first = f // (filters // groups) * (c // groups)
        for d, i, j in places((depth, size, size)):
            row, column = y * strides[0] - padding + i * dilation, z * strides[1] - padding + j * dilation
            value = x[image, first + d, row, column] if inside(x, row, column) else outside
            result[image, f, y, z] += weights[f, d, i, j] * value
    return result


def signs(x: np.ndarray) -> np.ndarray:
    return np.array([1.0 if value > 0 else -1.0 for value in x.ravel()]).reshape(x.shape)


def binary_weights(weights: np.ndarray) -> np.ndarray:
    """The sign of each weight times the mean size of its filter's."""
    result = np.zeros(weights.shape)
    for f in range(len(weights)):
        mean = sum(abs(float(weight)) for weight in weights[f].ravel()) / weights[f].size
        result[f] = signs(weights[f]) * mean
    return result


def batch_normalize(x: np.ndarray, arrays: dict[str, np.ndarray], dialect: str) -> np.ndarray:
    """Per channel, with each fork's epsilon."""
    result = np.zeros(x.shape)
    for place in places(x.shape):
        k = place[1]
        variance = float(arrays["rolling_variance"][k])
        deviation = math.sqrt(variance + 1e-5) if dialect == "alexeyab" else math.sqrt(variance) + 1e-6
        normal = (x[place] - float(arrays["rolling_mean"][k])) / deviation
        result[place] = normal * float(arrays["scales"][k]) + float(arrays["biases"][k])
    return result


def add_biases(x: np.ndarray, biases: np.ndarray) -> np.ndarray:
    result = np.zeros(x.shape)
    for place in places(x.shape):
        result[place] = x[place] + float(biases[place[1]])
    return result


def connect(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    rows = x.reshape(len(x), -1)
    result = np.zeros((len(x), len(weights), 1, 1))
    for image, o, i in places((len(x), *weights.shape)):
        result[image, o, 0, 0] += float(weights[o, i]) * rows[image, i]
    return result


def blur(x: np.ndarray, kind: int, strides: tuple[int, int]) -> np.ndarray:
    """The blur of antialiasing=1 (3x3) or 2 (2x2), channel by channel."""
    kernel = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16 if kind == 1 else np.array([[1, 1], [1, 1]]) / 4
    filters = np.stack([kernel[np.newaxis]] * x.shape[1])
    return convolve(x, filters, strides, padding=1 if kind == 1 else 0, groups=x.shape[1])


# Pooling


def windows(
    x: np.ndarray, size: int, strides: tuple[int, int], padding: int
) -> tuple[np.ndarray, Callable[[tuple[int, ...]], list[float]]]:
    """An array for the output, and a function from a place in it to the values of its window inside the picture."""
    n, c, h, w = x.shape
    result = np.zeros((n, c, (h + padding - size) // strides[0] + 1, (w + padding - size) // strides[1] + 1))

    def values(place: tuple[int, ...]) -> list[float]:
        image, channel, y, z = place
        top, left = y * strides[0] - padding // 2, z * strides[1] - padding // 2
        cells = [(top + i, left + j) for i, j in places((size, size))]
        return [float(x[image, channel, row, column]) for row, column in cells if inside(x, row, column)]

    return result, values


def max_pool(x: np.ndarray, size: int, strides: tuple[int, int], padding: int) -> np.ndarray:
    result, values = windows(x, size, strides, padding)
    for place in places(result.shape):
        result[place] = max([LOWEST_FLOAT32, *values(place)])
    return result


def local_average_pool(x: np.ndarray, size: int, strides: tuple[int, int], padding: int) -> np.ndarray:
    result, values = windows(x, size, strides, padding)
    for place in places(result.shape):
        found = values(place)
        result[place] = sum(found) / len(found)
    return result


def max_over_channels(x: np.ndarray, kept: int) -> np.ndarray:
    result = np.zeros((len(x), kept, *x.shape[2:]))
    for image, g, row, column in places(result.shape):
        result[image, g, row, column] = max(x[image, k, row, column] for k in range(g, x.shape[1], kept))
    return result


def average_pool(x: np.ndarray) -> np.ndarray:
    result = np.zeros((*x.shape[:2], 1, 1))
    for image, channel in places(x.shape[:2]):
        result[image, channel] = sum(float(value) for value in x[image, channel].ravel()) / x[image, channel].size
    return result


# Layers that move values


def join(parts: list[np.ndarray], groups: int, group_id: int) -> np.ndarray:
    """[route], for pictures of one size: part ``group_id`` of each picture's channels, one behind the other."""
    picked = []
    for x in parts:
        width = x.shape[1] // groups
        picked += [x[:, channel] for channel in range(group_id * width, (group_id + 1) * width)]
    return np.stack(picked, axis=1)


def reorg(x: np.ndarray, stride: int, reverse: bool) -> np.ndarray:
    """The index arithmetic of reorg_cpu, on the flat values of each picture."""
    n, c, h, w = x.shape
    kept = c // (stride * stride)
    result = np.zeros((n, c * h * w))
    for image, k, j, i in places((n, c, h, w)):
        a = i + w * (j + h * k)
        c2, offset = k % kept, k // kept
        b = i * stride + offset % stride + w * stride * (j * stride + offset // stride + h * stride * c2)
        if reverse:
            result[image, b] = x.reshape(n, -1)[image, a]
        else:
            result[image, a] = x.reshape(n, -1)[image, b]
    if reverse:
        return result.reshape(n, kept, h * stride, w * stride)
    return result.reshape(n, c * stride * stride, h // stride, w // stride)


def flatten(x: np.ndarray, reverse: bool) -> np.ndarray:
    """Channel, row, column to row, column, channel, or back; the shape stays."""
    n, c, h, w = x.shape
    flat = x.reshape(n, -1)
    result = np.zeros(flat.shape)
    for image, k, pixel in places((n, c, h * w)):
        planar, interleaved = k * h * w + pixel, pixel * c + k
        if reverse:
            result[image, planar] = flat[image, interleaved]
        else:
            result[image, interleaved] = flat[image, planar]
    return result.reshape(x.shape)


def crop(x: np.ndarray, height: int, width: int, adjust: bool) -> np.ndarray:
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    result = np.zeros((*x.shape[:2], height, width))
    for image, channel, row, column in places(result.shape):
        value = x[image, channel, row + top, column + left]
        result[image, channel, row, column] = 2 * value - 1 if adjust else value
    return result


# Sums and products of layers


def add_shortcut(x: np.ndarray, other: np.ndarray, alpha: float = 1.0, beta: float = 1.0) -> np.ndarray:
    """shortcut_cpu: sampled where sizes differ; alpha acts where something is added."""
    w1, h1, c1 = other.shape[3], other.shape[2], other.shape[1]
    w2, h2, c2 = x.shape[3], x.shape[2], x.shape[1]
    stride, sample = max(w1 // w2, 1), max(w2 // w1, 1)
    result = x.astype(np.float64)
    for image, k, j, i in places((len(x), min(c1, c2), min(h1, h2), min(w1, w2))):
        old = result[image, k, j * sample, i * sample]
        result[image, k, j * sample, i * sample] = alpha * old + beta * other[image, k, j * stride, i * stride]
    return result


def shortcut_factors(weights: np.ndarray, normalization: str) -> np.ndarray:
    """The weights (inputs, channels) of a weighted shortcut, normalized over the inputs of each channel."""
    result = np.zeros(weights.shape)
    for k in range(weights.shape[1]):
        column = [float(weight) for weight in weights[:, k]]
        if normalization == "softmax":
            parts = [math.exp(weight - max(column)) for weight in column]
        else:
            parts = [max(weight, 0) for weight in column]
        result[:, k] = [part / (1e-4 + sum(parts)) for part in parts] if normalization != "none" else column
    return result


def weighted_sum(inputs: list[np.ndarray], factors: np.ndarray) -> np.ndarray:
    """Factors (inputs, channels) times pictures of one size; channels that an input lacks count as 0."""
    result = np.zeros(inputs[0].shape)
    for place in places(result.shape):
        for x, factor in zip(inputs, factors, strict=True):
            if place[1] < x.shape[1]:
                result[place] += factor[place[1]] * x[place]
    return result


def scale_channels(factors: np.ndarray, values: np.ndarray, per_pixel: bool) -> np.ndarray:
    result = np.zeros(values.shape)
    for image, channel, row, column in places(values.shape):
        factor = factors[image, 0, row, column] if per_pixel else factors[image, channel, 0, 0]
        result[image, channel, row, column] = factor * values[image, channel, row, column]
    return result


# Normalizing and losses


def local_response(x: np.ndarray, size: int, alpha: float, beta: float, kappa: float) -> np.ndarray:
    """The running sum of normalization_layer.c, which never adds channel size / 2."""
    result = np.zeros(x.shape)
    c = x.shape[1]
    for image, row, column in places((len(x), *x.shape[2:])):
        squares = [float(x[image, k, row, column]) ** 2 for k in range(c)]
        norm = kappa + alpha * sum(squares[: size // 2])
        for k in range(c):
            if k > 0:
                leaving, entering = k - (size - 1) // 2 - 1, k + size // 2
                norm -= alpha * squares[leaving] if leaving >= 0 else 0
                norm += alpha * squares[entering] if entering < c else 0
            result[image, k, row, column] = x[image, k, row, column] * norm**-beta if norm > 0 else math.nan
    return result


def softmax(values: list[float], temperature: float = 1.0) -> list[float]:
    largest = max(values)
    parts = [math.exp(value / temperature - largest / temperature) for value in values]
    return [part / sum(parts) for part in parts]


def softmax_in_groups(x: np.ndarray, groups: list[tuple[int, int]], temperature: float = 1.0) -> np.ndarray:
    """Softmax of flat values (n, length) over each group, given as (first, length)."""
    result = np.zeros(x.shape)
    for image in range(len(x)):
        for first, length in groups:
            values = [float(value) for value in x[image, first : first + length]]
            result[image, first : first + length] = softmax(values, temperature)
    return result


def spatial_softmax(x: np.ndarray, groups: int = 1, temperature: float = 1.0) -> np.ndarray:
    """Softmax over the channels of each pixel, in equal groups of channels."""
    result = np.zeros(x.shape)
    width = x.shape[1] // groups
    for image, row, column, group in places((len(x), *x.shape[2:], groups)):
        part = slice(group * width, (group + 1) * width)
        values = [float(value) for value in x[image, part, row, column]]
        result[image, part, row, column] = softmax(values, temperature)
    return result


def losses(answer: np.ndarray, truth: np.ndarray, kind: str) -> np.ndarray:
    result = np.zeros(answer.shape)
    for place in places(answer.shape):
        difference = abs(float(truth[place]) - float(answer[place]))
        if kind == "smooth":
            result[place] = difference**2 if difference < 1 else 2 * difference - 1
        elif kind == "L1":
            result[place] = difference
        elif kind != "masked" or truth[place] != UNKNOWN:
            result[place] = difference**2
    return result
