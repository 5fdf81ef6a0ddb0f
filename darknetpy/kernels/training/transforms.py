"""Winograd's other transforms, on lines of 16 floats: those of gradients, and of filters there and back; transposing.

With A, B, G of `darknetpy.kernels.cook_toom`, the gradient by the filters of a convolution in Winograd's form is

    G^T [ sum over tiles of (B^T x B) * (A dz A^T) ] G

so that each step of the way forwards has a transpose: `spread` for `inverse`, `points_to_filters` for
`filters_to_points`. The gradient by the input is a convolution with filters turned by 180 degrees, which are read from
the last tap to the first.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from typing import Any

from llvmlite import ir
from numba import types

from darknetpy.kernels import compiled_once
from darknetpy.kernels.cook_toom import FORMS, TAPS, Matrix, cook_toom
from darknetpy.kernels.simd import (
    INT32,
    INT64,
    LANES,
    LINE,
    VECTOR,
    Emitter,
    calling,
    intrinsic,
)
from darknetpy.kernels.winograd import combine, of_each_form

SQUARE_FORMS = (2, 4)
"""The forms of stride 1, by the side of their tile."""
QUARTER = 4  # lanes of a register of 128 bits

Vectors = list[ir.Value]
Transform = Callable[[Vectors], Vectors]


# ---- products of a matrix and a few vectors ----


def mirrored_pairs(rows: Matrix) -> dict[tuple[int, int], tuple[list[Fraction], list[Fraction]]]:
    """Rows i, j of points p and -p -> their even and their odd part: row i is the sum, row j the difference."""
    pairs = {}
    for i, j in combinations(range(len(rows)), 2):
        even = [(x + y) / 2 for x, y in zip(rows[i], rows[j], strict=True)]
        odd = [(x - y) / 2 for x, y in zip(rows[i], rows[j], strict=True)]
        if any(even) and any(odd) and not any(x and y for x, y in zip(even, odd, strict=True)):
            pairs[i, j] = even, odd
    return pairs


def multiply(emitter: Emitter, rows: Matrix, values: Vectors) -> Vectors:
    """The matrix times the values."""
    out: dict[int, ir.Value] = {}
    for (i, j), (even, odd) in mirrored_pairs(rows).items():
        both = combine(emitter, even, values), combine(emitter, odd, values)
        out[i], out[j] = emitter.builder.fadd(*both), emitter.builder.fsub(*both)
    return [out[i] if i in out else combine(emitter, row, values) for i, row in enumerate(rows)]


def multiply_transposed(emitter: Emitter, rows: Matrix, values: Vectors) -> Vectors:
    """The transposed matrix times the values."""
    pairs = mirrored_pairs(rows)
    paired = {place for pair in pairs for place in pair}
    coefficients = [row for i, row in enumerate(rows) if i not in paired]
    terms = [value for i, value in enumerate(values) if i not in paired]
    for (i, j), both in pairs.items():
        coefficients += both
        terms += [emitter.builder.fadd(values[i], values[j]), emitter.builder.fsub(values[i], values[j])]
    return [combine(emitter, [row[column] for row in coefficients], terms) for column in range(len(rows[0]))]


def _both_sides(
    emitter: Emitter, between: ir.Value, side: int, transform: Transform,
    load: Callable[[int, int], ir.Value], store_row: Callable[[int, Vectors], None],
) -> None:  # fmt: skip
    """Transform the columns of a square, then the rows of what comes out; ``between`` is memory for that."""
    height = 0
    for x in range(side):
        column = transform([load(y, x) for y in range(side)])
        height = len(column)
        for y, value in enumerate(column):
            emitter.store(between, value, LINE * (y * side + x))
    for y in range(height):
        store_row(y, transform([emitter.load(between, LINE * (y * side + x)) for x in range(side)]))


def _memory(emitter: Emitter, lines: int) -> ir.Value:
    return emitter.builder.ptrtoint(emitter.builder.alloca(VECTOR, size=lines), INT64)


def _places(emitter: Emitter, address: ir.Value, step: ir.Value, first: int, count: int) -> Vectors:
    """Addresses of the lines of numbers ``first`` to ``first + count``, ``step`` bytes apart."""
    builder = emitter.builder
    return [builder.add(address, builder.mul(step, INT64(number))) for number in range(first, first + count)]


# ---- bodies ----


def emit_spread(form: int) -> Callable[..., None]:
    """The body of `spread` for one form."""
    tile, n, matrix = FORMS[form].tile, FORMS[form].window, _transposed(cook_toom(form).inverse)

    def body(emitter: Emitter, source: ir.Value, pitch: ir.Value, out: ir.Value, step: ir.Value) -> None:
        rows = _places(emitter, source, pitch, 0, tile)

        def store_row(y: int, values: Vectors) -> None:
            for place, value in zip(_places(emitter, out, step, y * n, n), values, strict=True):
                emitter.store(place, value)

        _both_sides(
            emitter, _memory(emitter, n * tile), tile, lambda values: multiply(emitter, matrix, values),
            lambda y, x: emitter.load(rows[y], LINE * x), store_row,
        )  # fmt: skip

    return body


def emit_filters_to_points(form: int) -> Callable[..., None]:
    """The body of `filters_to_points` for one form."""
    n, matrix = FORMS[form].window, cook_toom(form).filters

    def body(
        emitter: Emitter, far: ir.Value, count: ir.Value, source: ir.Value, tap_step: ir.Value, source_step: ir.Value,
        out: ir.Value, point_step: ir.Value, out_step: ir.Value,
    ) -> None:  # fmt: skip
        builder, between = emitter.builder, _memory(emitter, n * TAPS)
        past = builder.icmp_signed("!=", far, INT64(0))
        with emitter.loop(count, source=source, out=out) as lines:
            taps = _places(emitter, lines.now["source"], tap_step, 0, TAPS * TAPS)
            to = lines.now["out"]

            def store_row(y: int, values: Vectors) -> None:
                places = _places(emitter, to, point_step, y * n, n)
                with builder.if_else(past) as (past_caches, into_caches):
                    with past_caches:
                        for place, value in zip(places, values, strict=True):
                            store_past(emitter, place, value)
                    with into_caches:
                        for place, value in zip(places, values, strict=True):
                            emitter.store(place, value)

            _both_sides(
                emitter, between, TAPS, lambda values: multiply(emitter, matrix, values),
                lambda y, x: emitter.load(taps[y * TAPS + x]), store_row,
            )  # fmt: skip
            lines.next = {
                "source": builder.add(lines.now["source"], source_step),
                "out": builder.add(to, out_step),
            }

    return body


def emit_points_to_filters(form: int) -> Callable[..., None]:
    """The body of `points_to_filters` for one form."""
    n, matrix = FORMS[form].window, cook_toom(form).filters

    def body(
        emitter: Emitter, count: ir.Value, source: ir.Value, point_step: ir.Value, source_step: ir.Value,
        ahead: ir.Value, out: ir.Value, tap_step: ir.Value, out_step: ir.Value,
    ) -> None:  # fmt: skip
        builder, between = emitter.builder, _memory(emitter, n * TAPS)
        with emitter.loop(count, source=source, out=out) as lines:
            points = _places(emitter, lines.now["source"], point_step, 0, n * n)
            to = lines.now["out"]

            def load(y: int, x: int) -> ir.Value:
                emitter.prefetch(builder.add(points[y * n + x], ahead))
                return emitter.load(points[y * n + x])

            def store_row(y: int, values: Vectors) -> None:
                for place, value in zip(_places(emitter, to, tap_step, y * TAPS, TAPS), values, strict=True):
                    emitter.store(place, value)

            _both_sides(
                emitter, between, n, lambda values: multiply_transposed(emitter, matrix, values), load, store_row
            )
            lines.next = {
                "source": builder.add(lines.now["source"], source_step),
                "out": builder.add(to, out_step),
            }

    return body


def _transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def store_past(emitter: Emitter, address: ir.Value, value: ir.Value) -> None:
    """Write a line past the caches; the address has to be a multiple of 64.

    For what is large and not read soon: a usual store reads the line from memory first. On x86 other threads see it
    only after an atomic operation of the writer's that locks, such as counting what is done.
    """
    stored = emitter.builder.store(value, emitter.pointer(address, VECTOR), align=LINE)
    stored.set_metadata("nontemporal", emitter.builder.module.add_metadata([INT32(1)]))


def emit_transpose(
    emitter: Emitter, source: ir.Value, source_pitch: ir.Value, out: ir.Value, out_pitch: ir.Value
) -> None:
    """The body of `transpose16`: within quarters of registers first, which is cheap, then the quarters."""
    builder = emitter.builder

    def shuffled(x: ir.Value, y: ir.Value, picks: list[int]) -> ir.Value:
        """Four picks, of x or (from 4 on) of y, made in each quarter."""
        lanes = [
            quarter + pick % QUARTER + (LANES if pick >= QUARTER else 0)
            for quarter in range(0, LANES, QUARTER)
            for pick in picks
        ]
        return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(INT32, LANES), lanes))

    def every_second_quarter(x: ir.Value, y: ir.Value, first: int) -> ir.Value:
        lanes = [quarter * QUARTER + lane for quarter in range(first, 2 * QUARTER, 2) for lane in range(QUARTER)]
        return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(INT32, LANES), lanes))

    rows = [emitter.load(place) for place in _places(emitter, source, source_pitch, 0, LANES)]
    columns: list[Vectors] = [[] for _ in range(QUARTER)]  # by number within a quarter, then by four rows
    for first in range(0, LANES, QUARTER):
        a, b, c, d = rows[first : first + QUARTER]
        low, high = ([shuffled(a, b, picks), shuffled(c, d, picks)] for picks in ([0, 4, 1, 5], [2, 6, 3, 7]))
        for number, (x, y) in enumerate((low, high)):
            columns[2 * number].append(shuffled(x, y, [0, 1, 4, 5]))
            columns[2 * number + 1].append(shuffled(x, y, [2, 3, 6, 7]))
    places = _places(emitter, out, out_pitch, 0, LANES)
    for number, (a, b, c, d) in enumerate(columns):
        for odd in range(2):
            both = every_second_quarter(a, b, odd), every_second_quarter(c, d, odd)
            for half in range(2):
                emitter.store(places[number + QUARTER * (odd + 2 * half)], every_second_quarter(*both, half))


# ---- compiled functions ----


def _of_each_form(name: str, count: int, emit: Callable[[int], Callable[..., None]], given: Any) -> Any:
    """The typing and code of an intrinsic ``(form, given)``: a switch over one function for each square form."""
    return of_each_form(name, [INT64] * count, emit, given, SQUARE_FORMS)


@intrinsic
def _spread_of_form(typing: Any, form: Any, given: Any) -> Any:
    return _of_each_form("spread", 4, emit_spread, given)


@intrinsic
def _filters_of_form(typing: Any, form: Any, given: Any) -> Any:
    return _of_each_form("filters_to_points", 8, emit_filters_to_points, given)


@intrinsic
def _points_of_form(typing: Any, form: Any, given: Any) -> Any:
    return _of_each_form("points_to_filters", 8, emit_points_to_filters, given)


@intrinsic
def _transpose(typing: Any, given: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        emit_transpose(Emitter(builder), *(builder.extract_value(values[0], i) for i in range(4)))
        return context.get_dummy_value()

    return types.none(given), generate


@intrinsic
def store_line_past(typing: Any, address: Any, value: Any) -> Any:
    """Write a vector past the caches; see `store_past`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        store_past(Emitter(builder), *values)
        return context.get_dummy_value()

    return types.none(types.int64, value), generate


SPREAD_SIGNATURE = types.void(*[types.int64] * 5)
FILTERS_SIGNATURE = POINTS_SIGNATURE = types.void(*[types.int64] * 9)
TRANSPOSE_SIGNATURE = types.void(*[types.int64] * 4)
call_spread, call_filters_to_points = calling(SPREAD_SIGNATURE), calling(FILTERS_SIGNATURE)
call_points_to_filters, call_transpose = calling(POINTS_SIGNATURE), calling(TRANSPOSE_SIGNATURE)


@compiled_once(SPREAD_SIGNATURE)
def spread(form: int, source: int, pitch: int, out: int, step: int) -> None:
    """A dz A^T: a form's tile of lines at ``source``, rows ``pitch`` bytes apart, to points ``step`` bytes apart."""
    _spread_of_form(form, (source, pitch, out, step))


@compiled_once(FILTERS_SIGNATURE)
def filters_to_points(
    form: int, far: int, count: int, source: int, tap_step: int, source_step: int, out: int, point_step: int,
    out_step: int,
) -> None:  # fmt: skip
    """G w G^T for ``count`` times 9 taps, at least one.

    Args:
        form: 2 or 4.
        far: 1 to write past the caches; all output lines are then at multiples of 64.
        count: how many lines of each tap there are: values of k.
        source, tap_step, source_step: line k of tap t is at ``source + t * tap_step + k * source_step``; with a
            negative ``tap_step`` from the last tap on, the filters are turned by 180 degrees.
        out, point_step, out_step: line k of point p goes to ``out + p * point_step + k * out_step``.
    """
    _filters_of_form(form, (far, count, source, tap_step, source_step, out, point_step, out_step))


@compiled_once(POINTS_SIGNATURE)
def points_to_filters(
    form: int, count: int, source: int, point_step: int, source_step: int, ahead: int, out: int, tap_step: int,
    out_step: int,
) -> None:  # fmt: skip
    """G^T u G: the transpose of `filters_to_points`, with the arguments of the same names.

    What lies ``ahead`` bytes behind each line is fetched into the second-level cache.
    """
    _points_of_form(form, (count, source, point_step, source_step, ahead, out, tap_step, out_step))


@compiled_once(TRANSPOSE_SIGNATURE)
def transpose16(source: int, source_pitch: int, out: int, out_pitch: int) -> None:
    """16 lines of 16 floats, ``source_pitch`` bytes apart, to the transposed ones, ``out_pitch`` bytes apart."""
    _transpose((source, source_pitch, out, out_pitch))
