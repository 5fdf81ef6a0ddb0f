"""Activations that are more than a slope, on 16 values at once: the vector forms of `darknetpy.kernels.activations`.

Whoever adds an activation need not come here: one without a vector form is computed by NumPy.

All rest on e^x for x between two limits, so nothing overflows. e^x = 2^n e^r with n the integer nearest to x / ln 2, so
that |r| <= ln 2 / 2, and e^r - 1 a polynomial of degree 6. The error is at most 2 units in the last place. Results that
would be below e^-87.3 are 0, as numbers smaller than 1.2e-38 are. NaN stays NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from darknetpy.kernels import compiled_once, kernel
from darknetpy.kernels.activations import SELU_ALPHA, SELU_SCALE
from darknetpy.kernels.layout import copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import INT32, INT64, LANES, LINE, VECTOR, Emitter, calling, emit_choice, intrinsic

INTEGERS = ir.VectorType(INT32, LANES)
LOWEST_EXPONENT = -87.3  # 2^-126, the smallest normal number, is e^-87.34
HIGHEST_EXPONENT = 87.3
SATURATION = 20.0  # from here on mish is x
ROUNDER = 1.5 * 2**23  # added to a small number it leaves the nearest integer in the low bits
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4  # their sum is ln 2; n times the first is exact
DEGREE = 5  # of (e^r - 1) / r


def _coefficients() -> tuple[float, ...]:
    """(e^r - 1) / r where |r| <= ln 2 / 2, interpolated at Chebyshev's points, off by 1e-8; the highest power first."""
    half = math.log(2) / 2
    by_chebyshev = np.polynomial.Chebyshev.interpolate(lambda r: np.expm1(r) / r, DEGREE, domain=[-half, half])
    return tuple(by_chebyshev.convert(kind=np.polynomial.Polynomial).coef[::-1])


COEFFICIENTS = _coefficients()


class Curves(Emitter):
    """Emits functions of a vector."""

    def constant(self, value: float) -> ir.Value:
        """The number in every lane."""
        return ir.Constant(VECTOR, [value] * LANES)

    def plus(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """x + y."""
        return self.builder.fadd(x, y)

    def times(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """x * y."""
        return self.builder.fmul(x, y)

    def over(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """x / y."""
        return self.builder.fdiv(x, y)

    def scaled(self, x: ir.Value, factor: float) -> ir.Value:
        """x times a number."""
        return self.builder.fmul(x, self.constant(factor))

    def where(self, x: ir.Value, comparison: str, limit: float, then: ir.Value, otherwise: ir.Value) -> ir.Value:
        """``then`` where x compares to the limit, else ``otherwise``; the latter where x is NaN."""
        return self.builder.select(self.builder.fcmp_ordered(comparison, x, self.constant(limit)), then, otherwise)

    def at_least(self, x: ir.Value, low: float) -> ir.Value:
        """x, or the limit that it lies below; NaN stays NaN, in one instruction."""
        limit = self.constant(low)
        return self.builder.select(self.builder.fcmp_ordered(">", limit, x), limit, x)

    def at_most(self, x: ir.Value, high: float) -> ir.Value:
        """x, or the limit that it lies above; NaN stays NaN, in one instruction."""
        limit = self.constant(high)
        return self.builder.select(self.builder.fcmp_ordered("<", limit, x), limit, x)

    def between(self, x: ir.Value, low: float, high: float) -> ir.Value:
        """x, or the limit that it lies beyond."""
        return self.at_most(self.at_least(x, low), high)

    def whole(self, x: ir.Value) -> ir.Value:
        """The largest integer that is not above x."""
        return self.call(f"llvm.floor.v{LANES}f32", VECTOR, x)

    def magnitude(self, x: ir.Value) -> ir.Value:
        """|x|."""
        return self.call(f"llvm.fabs.v{LANES}f32", VECTOR, x)

    def with_sign(self, x: ir.Value, sign: ir.Value) -> ir.Value:
        """|x| with the sign of another."""
        return self.call(f"llvm.copysign.v{LANES}f32", VECTOR, x, sign)

    def _power(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """2^n and e^r - 1, whose product plus 2^n is e^x."""
        builder = self.builder
        within = self.at_least(x, LOWEST_EXPONENT)
        rounded = self.fma(within, self.constant(1 / math.log(2)), self.constant(ROUNDER))
        n = builder.fsub(rounded, self.constant(ROUNDER))
        r = self.fma(n, self.constant(-LN2_LOW), self.fma(n, self.constant(-LN2_HIGH), within))
        series = self.constant(COEFFICIENTS[0])
        for coefficient in COEFFICIENTS[1:]:
            series = self.fma(series, r, self.constant(coefficient))
        exponent = builder.shl(builder.bitcast(rounded, INTEGERS), ir.Constant(INTEGERS, [23] * LANES))
        one = ir.Constant(INTEGERS, [127 << 23] * LANES)
        return builder.bitcast(builder.add(exponent, one), VECTOR), self.times(series, r)

    def exponential(self, x: ir.Value, high: float = HIGHEST_EXPONENT) -> ir.Value:
        """e^x, above ``high`` that of ``high``."""
        return self.vanishing(x, self.limited_exponential(x, high))

    def limited_exponential(self, x: ir.Value, high: float = HIGHEST_EXPONENT) -> ir.Value:
        """e^x, beyond the limits that of the limit."""
        power, rest = self._power(self.at_most(x, high))
        return self.fma(power, rest, power)

    def vanishing(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """0 where e^x is smaller than any normal number, else y; the latter where x is NaN."""
        below = self.builder.fcmp_ordered("<", x, self.constant(LOWEST_EXPONENT))
        return self.builder.select(below, self.constant(0), y)

    def exponential_minus_1(self, x: ir.Value) -> ir.Value:
        """e^x - 1 for x <= 0, exact near 0."""
        power, rest = self._power(x)
        return self.fma(power, rest, self.plus(power, self.constant(-1)))


def logistic(emit: Curves, x: ir.Value) -> ir.Value:
    """1 / (1 + e^-x)."""
    one = emit.constant(1)
    power = emit.limited_exponential(emit.builder.fneg(x))
    return emit.vanishing(x, emit.over(one, emit.plus(one, power)))


def _swish(emit: Curves, x: ir.Value) -> ir.Value:
    """x / (1 + e^-x)."""
    power = emit.limited_exponential(emit.builder.fneg(x))
    return emit.vanishing(x, emit.over(x, emit.plus(emit.constant(1), power)))


def tanh(emit: Curves, x: ir.Value) -> ir.Value:
    """With t = e^(-2 |x|) - 1: -t / (t + 2), and the sign of x."""
    t = emit.exponential_minus_1(emit.scaled(emit.magnitude(x), -2))
    return emit.with_sign(emit.over(t, emit.plus(t, emit.constant(2))), x)


def mish(emit: Curves, x: ir.Value) -> ir.Value:
    """x tanh(log(1 + e^x)) = x a / (a + 2) with s = e^x and a = s (s + 2)."""
    s, two = emit.exponential(x, SATURATION), emit.constant(2)
    a = emit.times(s, emit.plus(s, two))
    return emit.times(x, emit.over(a, emit.plus(a, two)))


def _hard_mish(emit: Curves, x: ir.Value) -> ir.Value:
    curved = emit.fma(emit.scaled(x, 0.5), x, x)
    return emit.where(x, ">", 0, x, emit.where(x, ">", -2, curved, emit.scaled(x, 0)))


def _gelu(emit: Curves, x: ir.Value) -> ir.Value:
    """(1 + tanh(u)) / 2 is the logistic function of 2 u."""
    inner = emit.fma(emit.times(x, x), emit.constant(2 * 0.035677), emit.constant(2 * 0.797885))
    return emit.times(x, logistic(emit, emit.times(x, inner)))


def _below_zero(emit: Curves, x: ir.Value) -> ir.Value:
    return emit.exponential_minus_1(emit.at_most(x, 0))


def _elu(emit: Curves, x: ir.Value) -> ir.Value:
    return emit.where(x, ">=", 0, x, _below_zero(emit, x))


def _selu(emit: Curves, x: ir.Value) -> ir.Value:
    below = emit.scaled(_below_zero(emit, x), SELU_SCALE * SELU_ALPHA)
    return emit.where(x, ">=", 0, emit.scaled(x, SELU_SCALE), below)


def _ramp(emit: Curves, x: ir.Value) -> ir.Value:
    return emit.fma(x, emit.constant(0.1), emit.at_least(x, 0))


def _plse(emit: Curves, x: ir.Value) -> ir.Value:
    middle = emit.fma(x, emit.constant(0.125), emit.constant(0.5))
    low = emit.scaled(emit.plus(x, emit.constant(4)), 0.01)
    high = emit.fma(emit.plus(x, emit.constant(-4)), emit.constant(0.01), emit.constant(1))
    return emit.where(x, "<", -4, low, emit.where(x, ">", 4, high, middle))


def _stair(emit: Curves, x: ir.Value) -> ir.Value:
    """n = floor(x) is even where half of it is whole."""
    n, half = emit.whole(x), emit.whole(emit.scaled(x, 0.5))
    even = emit.builder.fcmp_ordered("==", emit.scaled(n, 0.5), emit.whole(emit.scaled(n, 0.5)))
    return emit.builder.select(even, half, emit.plus(emit.builder.fsub(x, n), half))


def _lhtan(emit: Curves, x: ir.Value) -> ir.Value:
    high = emit.fma(emit.plus(x, emit.constant(-1)), emit.constant(0.001), emit.constant(1))
    return emit.where(x, "<", 0, emit.scaled(x, 0.001), emit.where(x, ">", 1, high, x))


CURVES: dict[str, Callable[[Curves, ir.Value], ir.Value]] = {
    "elu": _elu,
    "gelu": _gelu,
    "hard_mish": _hard_mish,
    "hardtan": lambda emit, x: emit.between(x, -1, 1),
    "lhtan": _lhtan,
    "loggy": lambda emit, x: tanh(emit, emit.scaled(x, 0.5)),
    "logistic": logistic,
    "mish": mish,
    "plse": _plse,
    "ramp": _ramp,
    "relu6": lambda emit, x: emit.between(x, 0, 6),
    "selu": _selu,
    "stair": _stair,
    "swish": _swish,
    "tanh": tanh,
}
"""Name of an activation -> its vector form."""
_NUMBERS = {name: number for number, name in enumerate(CURVES)}


def curve_number(name: str) -> int | None:
    """The number under which `run_curve` knows an activation; None for one without a vector form."""
    return _NUMBERS.get(name)


def _emit_lines(name: str) -> Callable[..., None]:
    """The body of a function (address, lines) that applies a curve in place, to at least one line."""

    def emit_body(emitter: Emitter, address: ir.Value, lines: ir.Value) -> None:
        emit = Curves(emitter.builder)
        with emit.loop(lines, at=address) as loop:
            at = loop.now["at"]
            emit.store(at, CURVES[name](emit, emit.load(at)))
            loop.next = {"at": emit.builder.add(at, INT64(LINE))}

    return emit_body


@intrinsic
def _curve_of_number(typing: Any, number: Any, address: Any, lines: Any) -> Any:
    """A switch over the functions of all curves."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        cases = ((own_number, f"curve_{name}", _emit_lines(name)) for name, own_number in _NUMBERS.items())
        emit_choice(builder, values[0], cases, values[1:])
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), generate


CURVE_SIGNATURE = types.void(types.int64, types.int64, types.int64)
call_curve = calling(CURVE_SIGNATURE)


@compiled_once(CURVE_SIGNATURE)
def run_curve(number: int, address: int, lines: int) -> None:
    """Apply a curve, by its `curve_number`, in place to so many lines of 16 floats, at least one."""
    _curve_of_number(number, address, lines)


CURVE = record_type(**integers("out", "out_plane", "out_image", "blocks", "pixels", "parts", "curve", "number"))
"""A blocked array, changed in place. curve: address of `run_curve`; parts: of a block's pixels, a chunk each."""
_read = reader(CURVE)


@operation(CURVE)
def curve_blocks(record: int, chunk: int, scratch: int) -> None:
    """Apply a curve in place; a chunk is (image, block, part of the pixels)."""
    given = _read(record)
    part, rest = chunk % given.parts, chunk // given.parts
    image, block = rest // given.blocks, rest % given.blocks
    first, last = given.pixels * part // given.parts, given.pixels * (part + 1) // given.parts
    start = given.out + image * given.out_image + block * given.out_plane + first * LINE
    call_curve(given.curve, (given.number, start, last - first))


@kernel
def curve_floats(curve: int, number: int, address: int, count: int, scratch: int) -> None:
    """Apply a curve in place to any number of floats; the last few go by way of a line of scratch memory."""
    lines = count // LANES
    rest, behind = count - lines * LANES, address + lines * LINE
    if lines:
        call_curve(curve, (number, address, lines))
    if rest:
        copy_floats(behind, scratch, rest)
        call_curve(curve, (number, scratch, 1))
        copy_floats(scratch, behind, rest)
