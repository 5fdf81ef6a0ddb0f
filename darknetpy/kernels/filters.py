"""Filters from the order of the weights file to that of the kernels, batch normalization folded in on the way.

The file has (filters, channels, cells). Kernels want lines with 16 filters at one cell and channel, a lane for each;
Winograd's want them transformed. Both ways read where the file's values lie, so that nothing is copied in between.

Folding multiplies each filter by a factor in float64 and rounds to float32. Winograd's sums are formed in float64 from
the rounded values, and rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from darknetpy.kernels import compiled_once
from darknetpy.kernels.cook_toom import TAPS, cook_toom
from darknetpy.kernels.simd import (
    DOUBLE,
    FLOAT,
    INT32,
    INT64,
    LANES,
    VECTOR,
    Emitter,
    intrinsic,
    load_double,
    load_float,
    store_float,
)
from darknetpy.kernels.winograd import combine, of_each_form

WIDE = ir.VectorType(DOUBLE, LANES)


def _lanes_below(builder: ir.IRBuilder, count: ir.Value) -> ir.Value:
    """Bits of the lanes before the one of that number."""
    numbers = ir.Constant(ir.VectorType(INT64, LANES), list(range(LANES)))
    undefined = ir.Constant(numbers.type, ir.Undefined)
    first = builder.insert_element(undefined, count, INT32(0))
    every = builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(INT32, LANES), [0] * LANES))
    return builder.icmp_signed("<", numbers, every)


def emit_filters(form: int) -> Callable[..., None]:
    """The body of `transform_filters` for one form."""

    def body(
        emitter: Emitter, channels: ir.Value, source: ir.Value, pitch: ir.Value, filters: ir.Value,
        factors: ir.Value, out: ir.Value, line_step: ir.Value, point_step: ir.Value,
    ) -> None:  # fmt: skip
        builder, matrix = emitter.builder, cook_toom(form).filters
        factor = builder.load(emitter.pointer(factors, WIDE), align=8)
        there, nothing = _lanes_below(builder, filters), ir.Constant(VECTOR, [0.0] * LANES)
        last = builder.sub(filters, INT64(1))
        lanes = []  # a lane without a filter reads the last one, and drops what it finds
        for lane in range(LANES):
            number = builder.select(builder.icmp_signed("<", INT64(lane), filters), INT64(lane), last)
            lanes.append(builder.add(source, builder.mul(number, pitch)))

        def cell(first: ir.Value, number: int) -> ir.Value:
            line: ir.Value = ir.Constant(VECTOR, ir.Undefined)
            for lane, begin in enumerate(lanes):
                value = builder.load(emitter.pointer(builder.add(begin, first), FLOAT, 4 * number), align=4)
                line = builder.insert_element(line, value, INT32(lane))
            folded = builder.fptrunc(builder.fmul(builder.fpext(line, WIDE), factor), VECTOR)
            return builder.fpext(builder.select(there, folded, nothing), WIDE)

        with emitter.loop(channels, first=INT64(0), out=out) as lines:
            first, to = lines.now["first"], lines.now["out"]
            cells = [cell(first, number) for number in range(TAPS * TAPS)]
            columns = [[combine(emitter, row, cells[x::TAPS]) for row in matrix] for x in range(TAPS)]
            for y in range(len(matrix)):
                for x, row in enumerate(matrix):
                    value = combine(emitter, row, [column[y] for column in columns])
                    place = builder.add(to, builder.mul(point_step, INT64(y * len(matrix) + x)))
                    emitter.store(place, builder.fptrunc(value, VECTOR))
            lines.next = {
                "first": builder.add(first, INT64(4 * TAPS * TAPS)),
                "out": builder.add(to, line_step),
            }

    return body


@intrinsic
def _filters_of_form(typing: Any, form: Any, given: Any) -> Any:
    return of_each_form("filters", [INT64] * 8, emit_filters, given)


@compiled_once(types.void(*[types.int64] * 9))
def transform_filters(
    form: int, channels: int, source: int, pitch: int, filters: int, factors: int, out: int, line_step: int,
    point_step: int,
) -> None:  # fmt: skip
    """Up to 16 filters of 3x3 to the points of Winograd's form.

    Args:
        form: number of one of `FORMS`.
        channels: of a filter, at least one.
        source, pitch: address of the first filter, and bytes to the next; (channels, 9) float32 each.
        filters: how many there are; the other lanes become 0.
        factors: address of 16 float64.
        out, line_step, point_step: where point p of channel c goes: to ``out + p * point_step + c * line_step``.
    """
    _filters_of_form(form, (channels, source, pitch, filters, factors, out, line_step, point_step))


@compiled_once(types.void(*[types.int64] * 8))
def arrange_filters(
    count: int, source: int, pitch: int, step: int, filters: int, factors: int, out: int, line_step: int
) -> None:
    """``count`` values of up to 16 filters, ``step`` bytes apart in each, to a line each, ``line_step`` bytes apart.

    The other arguments are those of `transform_filters`.
    """
    for number in range(count):
        at, to = source + number * step, out + number * line_step
        for lane in range(filters):
            value = np.float64(load_float(at + lane * pitch)) * load_double(factors + 8 * lane)
            store_float(to + 4 * lane, np.float32(value))
        for lane in range(filters, LANES):
            store_float(to + 4 * lane, np.float32(0))
