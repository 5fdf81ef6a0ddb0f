"""The activations: one entry each. Source of names and formulas: AlexeyAB/darknet src/activations.h and .c.

Whoever adds an activation adds one entry to ``ACTIVATIONS``; cfg reading, docs, tests, training and the engine pick it
up. Functions take and return arrays of float32 or float64 of any shape; those that mix channels take (n, c, ...).
At a kink a derivative is that of the side on which the C program stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CHANNELS = 1  # axis of the channels in (n, c, h, w)
NORMALIZING_EPSILON = 1e-4
SELU_SCALE, SELU_ALPHA = 1.0507, 1.6732


Backward = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Activation:
    """A named function.

    ``backward`` of x and the gradient of the loss by the output is the gradient by x; `times` makes it of a derivative.
    ``slope`` is set where the function equals max(x, slope * x), which the engine does in registers.
    """

    formula: str
    apply: Callable[[np.ndarray], np.ndarray]
    backward: Backward
    slope: float | None = None


def times(derivative: Callable[[np.ndarray], np.ndarray]) -> Backward:
    """The way back through a function of each value by itself, from its derivative."""
    return lambda x, gradient: gradient * derivative(x)


def _rectifier(slope: float) -> Backward:
    return times(lambda x: np.where(x > 0, 1, slope))


def _within(low: float, high: float) -> Backward:
    return times(lambda x: (x > low) & (x < high))


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), exact at both ends: e^-|x| never overflows."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def _logistic_slope(x: np.ndarray) -> np.ndarray:
    y = logistic(x)
    return y * (1 - y)


def _loggy(x: np.ndarray) -> np.ndarray:
    return 2 * logistic(x) - 1


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, x, np.expm1(np.minimum(x, 0)))


def _selu(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, SELU_SCALE * x, SELU_SCALE * SELU_ALPHA * np.expm1(np.minimum(x, 0)))


def _gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(0.797885 * x + 0.035677 * x * x * x))


def _selu_slope(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, SELU_SCALE, SELU_SCALE * SELU_ALPHA * np.exp(np.minimum(x, 0)))


def _gelu_slope(x: np.ndarray) -> np.ndarray:
    tanh = np.tanh(0.797885 * x + 0.035677 * x * x * x)
    return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * (0.797885 + 3 * 0.035677 * x * x)


def _leaky(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.1 * x)


def _plse(x: np.ndarray) -> np.ndarray:
    return np.where(x < -4, 0.01 * (x + 4), np.where(x > 4, 0.01 * (x - 4) + 1, 0.125 * x + 0.5))


def _stair(x: np.ndarray) -> np.ndarray:
    whole = np.floor(x)
    return np.where(whole % 2 == 0, np.floor(x / 2), (x - whole) + np.floor(x / 2))


def _stair_slope(x: np.ndarray) -> np.ndarray:
    whole = np.floor(x)
    return (whole % 2 != 0) & (x != whole)


def _lhtan(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, 0.001 * x, np.where(x > 1, 0.001 * (x - 1) + 1, x))


def _mish(x: np.ndarray) -> np.ndarray:
    return x * np.tanh(np.logaddexp(np.zeros((), x.dtype), x))


def _swish_slope(x: np.ndarray) -> np.ndarray:
    y = logistic(x)
    return y + x * y * (1 - y)


def _mish_slope(x: np.ndarray) -> np.ndarray:
    tanh = np.tanh(np.logaddexp(np.zeros((), x.dtype), x))
    return tanh + x * (1 - tanh * tanh) * logistic(x)


def _hard_mish(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.where(x > -2, x * x / 2 + x, 0 * x))


def _normalize_channels(x: np.ndarray) -> np.ndarray:
    positive = np.maximum(x, 0)
    return positive / (NORMALIZING_EPSILON + positive.sum(axis=CHANNELS, keepdims=True))


def _normalize_channels_backward(x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    positive = np.maximum(x, 0)
    total = NORMALIZING_EPSILON + positive.sum(axis=CHANNELS, keepdims=True)
    shared = (gradient * positive).sum(axis=CHANNELS, keepdims=True) / total
    return (x > 0) * (gradient - shared) / total


def _channel_softmax(x: np.ndarray) -> np.ndarray:
    """e^x / (epsilon + sum e^x), with the maximum taken out of both so that nothing overflows."""
    top = x.max(axis=CHANNELS, keepdims=True)
    shifted = np.exp(x - top)
    return shifted / (NORMALIZING_EPSILON * np.exp(-top) + shifted.sum(axis=CHANNELS, keepdims=True))


def _channel_softmax_backward(x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    y = _channel_softmax(x)
    return y * (gradient - (gradient * y).sum(axis=CHANNELS, keepdims=True))


def _channel_softmax_of_differences(x: np.ndarray) -> np.ndarray:
    shifted = np.exp(x - x.max(axis=CHANNELS, keepdims=True))
    return shifted / (NORMALIZING_EPSILON + shifted.sum(axis=CHANNELS, keepdims=True))


def _channel_softmax_of_differences_backward(x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """As that of a softmax; the largest value, which is taken off all others, also makes the epsilon count less."""
    top = x.max(axis=CHANNELS, keepdims=True)
    total = NORMALIZING_EPSILON + np.exp(x - top).sum(axis=CHANNELS, keepdims=True)
    y = np.exp(x - top) / total
    shared = (gradient * y).sum(axis=CHANNELS, keepdims=True)
    largest = x == top
    share = largest / largest.sum(axis=CHANNELS, keepdims=True)
    return y * (gradient - shared) - share * shared * (NORMALIZING_EPSILON / total)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation("x", lambda x: x, lambda x, gradient: gradient, slope=1.0),
    "logistic": Activation("1 / (1 + e^-x)", logistic, times(_logistic_slope)),
    "loggy": Activation("2 / (1 + e^-x) - 1", _loggy, times(lambda x: 2 * _logistic_slope(x))),
    "relu": Activation("max(x, 0)", lambda x: np.maximum(x, 0), _rectifier(0), slope=0.0),
    "relu6": Activation("min(max(x, 0), 6)", lambda x: np.clip(x, 0, 6), _within(0, 6)),
    "elu": Activation("x for x >= 0, else e^x - 1", _elu, times(lambda x: np.exp(np.minimum(x, 0)))),
    "selu": Activation("1.0507 x for x >= 0, else 1.0507 * 1.6732 (e^x - 1)", _selu, times(_selu_slope)),
    "gelu": Activation("x/2 (1 + tanh(0.797885 x + 0.035677 x^3))", _gelu, times(_gelu_slope)),
    "relie": Activation(
        "x for x > 0, else x / 100", lambda x: np.where(x > 0, x, 0.01 * x), _rectifier(0.01), slope=0.01
    ),
    "ramp": Activation(
        "max(x, 0) + x / 10", lambda x: np.maximum(x, 0) + 0.1 * x, times(lambda x: np.where(x > 0, 1.1, 0.1))
    ),
    "leaky": Activation("x for x > 0, else x / 10", _leaky, _rectifier(0.1), slope=0.1),
    "revleaky": Activation("x for x > 0, else x / 10", _leaky, _rectifier(0.1), slope=0.1),
    "tanh": Activation("tanh(x)", np.tanh, times(lambda x: 1 - np.tanh(x) ** 2)),
    "plse": Activation(
        "x/8 + 1/2 between -4 and 4, slope 1/100 outside", _plse, times(lambda x: np.where(np.abs(x) > 4, 0.01, 0.125))
    ),
    "stair": Activation(
        "with n = floor(x): floor(x/2) for even n, else x - n + floor(x/2)", _stair, times(_stair_slope)
    ),
    "hardtan": Activation("x between -1 and 1, else the nearer of them", lambda x: np.clip(x, -1, 1), _within(-1, 1)),
    "lhtan": Activation(
        "x between 0 and 1, slope 1/1000 outside", _lhtan, times(lambda x: np.where((x > 0) & (x < 1), 1, 0.001))
    ),
    "swish": Activation("x / (1 + e^-x)", lambda x: x * logistic(x), times(_swish_slope)),
    "mish": Activation("x tanh(log(1 + e^x))", _mish, times(_mish_slope)),
    "hard_mish": Activation(
        "x for x > 0, x^2/2 + x down to -2, else 0",
        _hard_mish,
        times(lambda x: np.where(x > 0, 1, np.where(x > -2, x + 1, 0))),
    ),
    "normalize_channels": Activation(
        "per pixel: max(x, 0) / (0.0001 + sum over channels of max(x, 0))",
        _normalize_channels,
        _normalize_channels_backward,
    ),
    "normalize_channels_softmax": Activation(
        "per pixel: e^x / (0.0001 + sum over channels of e^x)", _channel_softmax, _channel_softmax_backward
    ),
    "normalize_channels_softmax_maxval": Activation(
        "per pixel, with y = x - largest: e^y / (0.0001 + sum over channels of e^y)",
        _channel_softmax_of_differences,
        _channel_softmax_of_differences_backward,
    ),
}

NAMES_ELSEWHERE = {
    "silu": "swish", "sigmoid": "logistic", "leakyrelu": "leaky", "leaky_relu": "leaky", "hardtanh": "hardtan",
    "identity": "linear",
}  # fmt: skip
"""Names that other programs have for an activation -> Darknet's; for messages."""


def activate(name: str, x: np.ndarray) -> np.ndarray:
    """The activation of that name, of an array of any shape; the dtype stays. Overflow to infinity is silent.

    >>> activate("leaky", np.array([-1.0, 2.0])).tolist()
    [-0.1, 2.0]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return ACTIVATIONS[name].apply(x)


def activation_gradient(name: str, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The gradient of the loss by x, from that by the output of the activation of that name; in the dtype of x.

    >>> activation_gradient("leaky", np.array([-1.0, 2.0]), np.array([3.0, 3.0])).round(3).tolist()
    [0.3, 3.0]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return ACTIVATIONS[name].backward(x, gradient).astype(x.dtype, copy=False)
