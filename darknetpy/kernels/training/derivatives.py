"""Derivatives of the activations that are more than a slope, on 16 values at once.

They are those of `darknetpy.kernels.activations`, in the steps that `darknetpy.kernels.curves` explains: nothing
overflows, and what is NaN stays visible where the formula itself keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from darknetpy.kernels import compiled_once
from darknetpy.kernels.activations import SELU_ALPHA, SELU_SCALE
from darknetpy.kernels.curves import SATURATION, Curves, curve_number, logistic, tanh
from darknetpy.kernels.simd import INT64, LINE, Emitter, calling, emit_choice, intrinsic


def _rest(emit: Curves, y: ir.Value) -> ir.Value:
    """y (1 - y), the derivative of the logistic function whose value is y."""
    return emit.times(y, emit.builder.fsub(emit.constant(1), y))


def _logistic(emit: Curves, x: ir.Value) -> ir.Value:
    return _rest(emit, logistic(emit, x))


def _tanh(emit: Curves, x: ir.Value) -> ir.Value:
    """(1 - y) (1 + y)."""
    y, one = tanh(emit, x), emit.constant(1)
    return emit.times(emit.builder.fsub(one, y), emit.plus(one, y))


def _swish(emit: Curves, x: ir.Value) -> ir.Value:
    """y + x y (1 - y) with y = logistic(x)."""
    y = logistic(emit, x)
    return emit.fma(x, _rest(emit, y), y)


def _mish(emit: Curves, x: ir.Value) -> ir.Value:
    """With s = e^x and a = s (s + 2): a / (a + 2) + 4 x s (s + 1) / (a + 2)^2; from `SATURATION` on it is 1."""
    s, one, two = emit.exponential(x, SATURATION), emit.constant(1), emit.constant(2)
    a = emit.times(s, emit.plus(s, two))
    below = emit.over(one, emit.plus(a, two))
    slope = emit.times(emit.times(emit.scaled(s, 4), emit.plus(s, one)), emit.times(below, below))
    return emit.where(x, ">", SATURATION, one, emit.fma(x, slope, emit.times(a, below)))


def _gelu(emit: Curves, x: ir.Value) -> ir.Value:
    """y + x y (1 - y) u' with y = logistic(u), u = 2 (0.797885 x + 0.035677 x^3), as in `CURVES`."""
    square = emit.times(x, x)
    inner = emit.fma(square, emit.constant(2 * 0.035677), emit.constant(2 * 0.797885))
    slope = emit.fma(square, emit.constant(6 * 0.035677), emit.constant(2 * 0.797885))
    y = logistic(emit, emit.times(x, inner))
    return emit.fma(emit.times(x, slope), _rest(emit, y), y)


def _elu(emit: Curves, x: ir.Value) -> ir.Value:
    return emit.exponential(emit.at_most(x, 0))


def _selu(emit: Curves, x: ir.Value) -> ir.Value:
    return emit.where(x, ">=", 0, emit.constant(SELU_SCALE), emit.scaled(_elu(emit, x), SELU_SCALE * SELU_ALPHA))


def _within(emit: Curves, x: ir.Value, low: float, high: float, outside: float = 0) -> ir.Value:
    """1 between the limits."""
    beyond = emit.constant(outside)
    return emit.where(x, ">", low, emit.where(x, "<", high, emit.constant(1), beyond), beyond)


def _plse(emit: Curves, x: ir.Value) -> ir.Value:
    return emit.where(emit.magnitude(x), ">", 4, emit.constant(0.01), emit.constant(0.125))


def _stair(emit: Curves, x: ir.Value) -> ir.Value:
    """1 where n = floor(x) is odd and x is not n."""
    n, builder = emit.whole(x), emit.builder
    odd = builder.fcmp_unordered("!=", emit.scaled(n, 0.5), emit.whole(emit.scaled(n, 0.5)))
    between = builder.fcmp_unordered("!=", x, n)
    return builder.select(builder.and_(odd, between), emit.constant(1), emit.constant(0))


def _hard_mish(emit: Curves, x: ir.Value) -> ir.Value:
    one = emit.constant(1)
    return emit.where(x, ">", 0, one, emit.where(x, ">", -2, emit.plus(x, one), emit.constant(0)))


DERIVATIVES: dict[str, Callable[[Curves, ir.Value], ir.Value]] = {
    "elu": _elu,
    "gelu": _gelu,
    "hard_mish": _hard_mish,
    "hardtan": lambda emit, x: _within(emit, x, -1, 1),
    "lhtan": lambda emit, x: _within(emit, x, 0, 1, outside=0.001),
    "loggy": lambda emit, x: emit.scaled(_logistic(emit, x), 2),
    "logistic": _logistic,
    "mish": _mish,
    "plse": _plse,
    "ramp": lambda emit, x: emit.where(x, ">", 0, emit.constant(1.1), emit.constant(0.1)),
    "relu6": lambda emit, x: _within(emit, x, 0, 6),
    "selu": _selu,
    "stair": _stair,
    "swish": _swish,
    "tanh": _tanh,
}
"""Name of an activation -> the vector form of its derivative, as a function of x. Their numbers are `curve_number`."""


def _emit_lines(name: str) -> Callable[..., None]:
    """The body of a function (before, gradient, lines) for at least one line."""

    def emit_body(emitter: Emitter, before: ir.Value, gradient: ir.Value, lines: ir.Value) -> None:
        emit = Curves(emitter.builder)
        with emit.loop(lines, before=before, gradient=gradient) as loop:
            at = loop.now["gradient"]
            slope = DERIVATIVES[name](emit, emit.load(loop.now["before"]))
            emit.store(at, emit.times(emit.load(at), slope))
            loop.next = {name: emit.builder.add(now, INT64(LINE)) for name, now in loop.now.items()}

    return emit_body


@intrinsic
def _derivative_of_number(typing: Any, number: Any, before: Any, gradient: Any, lines: Any) -> Any:
    """A switch over the functions of all derivatives."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        numbers = ((curve_number(name), name) for name in DERIVATIVES)
        cases = ((n, f"derivative_{name}", _emit_lines(name)) for n, name in numbers if n is not None)
        emit_choice(builder, values[0], cases, values[1:])
        return context.get_dummy_value()

    return types.none(*[types.int64] * 4), generate


DERIVATIVE_SIGNATURE = types.void(*[types.int64] * 4)
call_derivative = calling(DERIVATIVE_SIGNATURE)


@compiled_once(DERIVATIVE_SIGNATURE)
def run_derivative(number: int, before: int, gradient: int, lines: int) -> None:
    """Multiply so many lines of a gradient, at least one, by the derivative of a curve at what stood before it."""
    _derivative_of_number(number, before, gradient, lines)
