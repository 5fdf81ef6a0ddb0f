"""Winograd's convolution for 3x3 filters of stride 1 on channel-blocked arrays: fewer multiplications, by transforms.

The output is cut into tiles of m x m pixels, m = 2 or 4. Each tile's window of n x n input pixels, n = m + 2, becomes
n^2 *points* (`forward`); at each point a matrix product over the input channels is formed by the tiles of `tiles`, with
filters that were transformed when they were packed; `inverse` turns n^2 products into m x m pixels, and adds biases and
slope. A direct convolution multiplies 9 times for each output, this (n / m)^2 times: 2.25 with m = 4, 4 with m = 2.

Windows that reach beyond the picture are copied into a window of zeros first, and tiles that do are written by way of
one: no array has borders. Channel blocks are the outer loop of a transform, tiles the inner one: neighbouring tiles
then write neighbouring lines.

One operation does all, in two forms with the same arithmetic in the same order: with a run of tiles from the picture to
the picture in each chunk, or as two steps, transforms first and then products, so that weights are read once in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from darknetpy.kernels import compiled_once, kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.cook_toom import FORMS, cook_toom
from darknetpy.kernels.curves import call_curve
from darknetpy.kernels.layout import clear_floats, copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import (
    FLOAT,
    INT64,
    LANES,
    LINE,
    VECTOR,
    Emitter,
    calling,
    emit_choice,
    intrinsic,
)
from darknetpy.kernels.sums import SUM_FIELDS, SUM_SLOPE, add_lines
from darknetpy.kernels.tiles import add_if, call_tiles, is_there, store_all

WINDOW_BYTES = 4096  # of scratch memory, for a window at the rim: up to 36 lines
UNCHANGED = np.float32(1)  # the slope of products

WINOGRAD = record_type(
    **integers(
        "source", "source_plane", "source_image", "out", "out_plane", "out_image",
        "weights", "biases", "zeros", "offsets", "tiles", "forward", "inverse",
        "images", "height", "width", "out_blocks", "out_height", "out_width", "padding",
        "form", "tile", "window", "stride", "tiles_across", "tiles_in_image",
        "plane_step", "point_step", "points_bytes",
        "in_blocks", "steps", "turns", "depth", "group", "accumulators",
        "transforms", "multiplies", "shares", "parts", "curve", "number", *SUM_FIELDS,
    ),
    slope="f4",
    **SUM_SLOPE,
)  # fmt: skip
"""What the operation reads. Strides are in bytes.

weights: as `PackedWinograd` of the engine orders them; zeros: one float for each lane of a group; tiles, forward,
inverse: addresses of the functions of these names. form: its number; tile: m; window: n; stride: of the convolution;
tiles_across: tiles in a row of the picture. plane_step,
point_step: from a channel block, and from a point, to the next among the transformed windows; points_bytes: of scratch
memory for these. transforms, multiplies: 1 where the chunk does this. shares: the division of channel blocks (input
blocks where it only transforms, else groups of output blocks); parts: that of all images' tiles. curve:
0, or the address of `run_curve` for an activation that is more than a slope; number: its. The fields of
`darknetpy.kernels.sums` say what is added to the activated output.
"""
_read = reader(WINOGRAD)


# ---- transforms ----


def combine(emitter: Emitter, coefficients: list[Fraction], values: list[ir.Value]) -> ir.Value:
    """The sum of coefficients times values, without multiplying by 0, 1 or -1."""
    terms = [(factor, value) for factor, value in zip(coefficients, values, strict=True) if factor]
    terms.sort(key=lambda term: term[0] != 1)
    factor, total = terms[0]
    kind = total.type
    if factor != 1:
        total = emitter.builder.fmul(total, _constant(factor, kind))
    for factor, value in terms[1:]:
        if factor == 1:
            total = emitter.builder.fadd(total, value)
        elif factor == -1:
            total = emitter.builder.fsub(total, value)
        else:
            width = 32 if kind == VECTOR else 64
            total = emitter.call(f"llvm.fmuladd.v{LANES}f{width}", kind, value, _constant(factor, kind), total)
    return total


def _constant(factor: Fraction, kind: ir.VectorType) -> ir.Constant:
    return ir.Constant(kind, [float(factor)] * LANES)


def transform_forward(emitter: Emitter, form: int, values: list[ir.Value]) -> list[ir.Value]:
    """B^T times values. The rows of points p and -p are the sum and the difference of an even and an odd part."""
    rows = cook_toom(form).forward
    out: dict[int, ir.Value] = {}
    for i, j in combinations(range(len(rows)), 2):
        even = [(x + y) / 2 for x, y in zip(rows[i], rows[j], strict=True)]
        odd = [(x - y) / 2 for x, y in zip(rows[i], rows[j], strict=True)]
        if any(even) and any(odd) and not any(x and y for x, y in zip(even, odd, strict=True)):
            both = combine(emitter, even, values), combine(emitter, odd, values)
            out[i], out[j] = emitter.builder.fadd(*both), emitter.builder.fsub(*both)
    return [out[i] if i in out else combine(emitter, row, values) for i, row in enumerate(rows)]


def transform_inverse(emitter: Emitter, form: int, values: list[ir.Value]) -> list[ir.Value]:
    """A^T times values. Even powers of p and -p share the sum of their values, odd ones the difference."""
    points = FORMS[form].points
    pairs = [(points.index(point), points.index(-point)) for point in points if point > 0]
    paired = {place for pair in pairs for place in pair}
    single = [place for place in range(len(values)) if place not in paired]
    sums = [emitter.builder.fadd(values[i], values[j]) for i, j in pairs]
    differences = [emitter.builder.fsub(values[i], values[j]) for i, j in pairs]
    out = []
    for power, row in enumerate(cook_toom(form).inverse):
        shared = differences if power % 2 else sums
        coefficients = [*(row[i] for i in single), *(row[i] for i, _ in pairs)]
        out.append(combine(emitter, coefficients, [*(values[i] for i in single), *shared]))
    return out


def _column_and_row_passes(
    emitter: Emitter, n: int, height: int, transform: Callable[[list[ir.Value]], list[ir.Value]],
    load: Callable[[int, int], ir.Value], store_row: Callable[[int, list[ir.Value]], None],
) -> None:  # fmt: skip
    """Transform the n columns of n values into ``height`` values each, then the rows of what comes out."""
    between = emitter.builder.ptrtoint(emitter.builder.alloca(VECTOR, size=n * height), INT64)
    for x in range(n):
        for y, value in enumerate(transform([load(y, x) for y in range(n)])):
            emitter.store(between, value, LINE * (y * n + x))
    for y in range(height):
        store_row(y, transform([emitter.load(between, LINE * (y * n + x)) for x in range(n)]))


def emit_forward(form: int) -> Callable[..., None]:
    """The body of: a window at ``source``, rows ``pitch`` bytes apart, to points ``step`` bytes apart."""

    def body(emitter: Emitter, source: ir.Value, pitch: ir.Value, out: ir.Value, step: ir.Value) -> None:
        builder, n = emitter.builder, FORMS[form].window
        rows = [builder.add(source, builder.mul(pitch, INT64(y))) for y in range(n)]

        def store_row(y: int, values: list[ir.Value]) -> None:
            for x, value in enumerate(values):
                emitter.store(builder.add(out, builder.mul(step, INT64(y * n + x))), value)

        _column_and_row_passes(
            emitter, n, n, lambda values: transform_forward(emitter, form, values),
            lambda y, x: emitter.load(rows[y], LINE * x), store_row,
        )  # fmt: skip

    return body


def emit_inverse(form: int) -> Callable[..., None]:
    """The body of: points at ``source``, ``step`` bytes apart, to pixels in rows ``pitch`` bytes apart.

    Pixels at ``other``, in rows as far apart, are added to the activated ones; an ``other`` at address 0 is none.
    """

    def body(
        emitter: Emitter, source: ir.Value, step: ir.Value, out: ir.Value, pitch: ir.Value, biases: ir.Value,
        other: ir.Value, slope: ir.Value, slope_of_sum: ir.Value,
    ) -> None:  # fmt: skip
        builder, tile, n = emitter.builder, FORMS[form].tile, FORMS[form].window
        start, slopes = emitter.load(biases), emitter.splat(slope)
        places, adding = [builder.mul(pitch, INT64(y)) for y in range(tile)], is_there(emitter, other)

        def store_row(y: int, values: list[ir.Value]) -> None:
            activated = [emitter.rectify(builder.fadd(value, start), slopes) for value in values]
            row, added = ([builder.add(at, builder.add(places[y], INT64(LINE * x))) for x in range(tile)]
                          for at in (out, other))  # fmt: skip
            store_all(emitter, row, add_if(emitter, adding, activated, added, slope_of_sum))

        _column_and_row_passes(
            emitter, n, tile, lambda values: transform_inverse(emitter, form, values),
            lambda y, x: emitter.load(builder.add(source, builder.mul(step, INT64(y * n + x)))), store_row,
        )  # fmt: skip

    return body


def of_each_form(
    name: str, kinds: list[ir.Type], emit: Callable[[int], Callable[..., None]], given: Any,
    forms: Iterable[int] = tuple(FORMS),
) -> Any:  # fmt: skip
    """The typing and code of an intrinsic ``(form, given)``: a switch over one function for each form."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        arguments = [builder.extract_value(values[1], i) for i in range(len(kinds))]
        emit_choice(builder, values[0], ((form, f"{name}_{form}", emit(form)) for form in forms), arguments)
        return context.get_dummy_value()

    return types.none(types.int64, given), generate


@intrinsic
def _forward_of_form(typing: Any, form: Any, given: Any) -> Any:
    return of_each_form("forward", [INT64] * 4, emit_forward, given)


@intrinsic
def _inverse_of_form(typing: Any, form: Any, given: Any) -> Any:
    return of_each_form("inverse", [*[INT64] * 6, FLOAT, FLOAT], emit_inverse, given)


FORWARD_SIGNATURE = types.void(*[types.int64] * 5)
INVERSE_SIGNATURE = types.void(*[types.int64] * 7, types.float32, types.float32)
call_forward, call_inverse = calling(FORWARD_SIGNATURE), calling(INVERSE_SIGNATURE)


@compiled_once(FORWARD_SIGNATURE)
def forward(form: int, source: int, pitch: int, out: int, step: int) -> None:
    """A form's window of lines at ``source``, rows ``pitch`` bytes apart, to as many points, ``step`` apart."""
    _forward_of_form(form, (source, pitch, out, step))


@compiled_once(INVERSE_SIGNATURE)
def inverse(
    form: int, source: int, step: int, out: int, pitch: int, biases: int, other: int, slope: float, slope_of_sum: float
) -> None:
    """A form's points, ``step`` bytes apart, to a tile's pixels in rows ``pitch`` apart, biases and slope applied; plus
    the pixels at ``other``, if it is not 0."""
    _inverse_of_form(form, (source, step, out, pitch, biases, other, slope, slope_of_sum))


# ---- the operation ----


@operation(WINOGRAD)
def convolve_winograd(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (share of the channel blocks, part of all images' tiles), the part fastest, so that weights stay in cache.

    A chunk that only transforms writes to ``out``; one that only multiplies reads transformed windows at ``source``.
    """
    winograd = _read(record)
    part, share = chunk % winograd.parts, chunk // winograd.parts
    total = winograd.tiles_in_image * winograd.images
    first, last = divide(total, winograd.parts, part), divide(total, winograd.parts, part + 1)
    points = scratch + WINDOW_BYTES
    if not winograd.multiplies:
        points = winograd.out + first * LINE
    elif not winograd.transforms:
        points = winograd.source + first * LINE
    if winograd.transforms:
        shares = winograd.shares if not winograd.multiplies else 1
        begin = divide(winograd.in_blocks, shares, share)
        end = divide(winograd.in_blocks, shares, share + 1)
        for block in range(begin, end):
            transform_windows(winograd, block, first, last, points + block * winograd.plane_step, scratch)
    if winograd.multiplies:
        groups = (winograd.out_blocks + winograd.group - 1) // winograd.group
        begin, end = divide(groups, winograd.shares, share), divide(groups, winograd.shares, share + 1)
        multiply_groups(winograd, begin, end, first, last, points, scratch)


@kernel
def transform_windows(winograd: Any, block: int, first: int, last: int, points: int, window: int) -> None:
    """The windows of tiles ``first`` to ``last`` in one channel block, to points of the first tile at ``points``."""
    n, apart = winograd.window, winograd.tile * winograd.stride
    height, width = winograd.height, winograd.width
    image, place = first // winograd.tiles_in_image, first % winograd.tiles_in_image
    down, across = place // winograd.tiles_across, place % winograd.tiles_across
    source = winograd.source + image * winograd.source_image + block * winograd.source_plane
    for tile in range(first, last):
        top, left = down * apart - winograd.padding, across * apart - winograd.padding
        pitch = width * LINE
        at = source + top * pitch + left * LINE
        if top < 0 or left < 0 or top + n > height or left + n > width:
            clear_floats(window, n * n * LANES)
            begin, end = max(0, -left), min(n, width - left)
            for row in range(max(0, -top), min(n, height - top)):
                copy_floats(at + row * pitch + begin * LINE, window + (row * n + begin) * LINE, (end - begin) * LANES)
            at, pitch = window, n * LINE
        call_forward(winograd.forward, (winograd.form, at, pitch, points + (tile - first) * LINE, winograd.point_step))
        across += 1  # counting: a division for each tile costs as much as a third of its transform
        if across == winograd.tiles_across:
            down, across = down + 1, 0
            if down * winograd.tiles_across == winograd.tiles_in_image:
                source, down = source + winograd.source_image, 0


@kernel
def multiply_groups(winograd: Any, begin: int, end: int, first: int, last: int, points: int, scratch: int) -> None:
    """Groups ``begin`` to ``end`` of output blocks for tiles ``first`` to ``last``: products, and back to pixels."""
    n = winograd.window
    count = last - first
    products = scratch + WINDOW_BYTES + winograd.points_bytes
    block, stop = begin * winograd.group, min(end * winograd.group, winograd.out_blocks)
    while block < stop:
        blocks = winograd.group
        while blocks > stop - block:
            blocks //= 2
        weights = winograd.weights + block * winograd.depth * n * n * LINE
        step = blocks * count * LINE + LINE  # an odd line, or all points of a tile share one set of the cache
        for point in range(n * n):
            multiply_point(
                winograd, points + point * winograd.point_step, products + point * step, count, blocks,
                weights + point * blocks * winograd.depth * LINE,
            )  # fmt: skip
        for each in range(blocks):
            write_tiles(winograd, block + each, first, last, products + each * count * LINE, step, scratch)
        block += blocks


@kernel
def multiply_point(winograd: Any, source: int, out: int, count: int, blocks: int, weights: int) -> None:
    """One point's matrix product for ``count`` tiles, which fetch the weights of the point that follows in memory."""
    widest = winograd.accumulators // blocks
    runs = (count + widest - 1) // widest
    width, wider = count // runs, count % runs  # the first ``wider`` runs take one tile more
    ahead = weights + blocks * winograd.depth * LINE
    lines = (4 * blocks + runs - 1) // runs
    for number, each in ((wider, width + 1), (runs - wider, width)):
        if number:
            call_tiles(winograd.tiles, (
                each, blocks, number, source, winograd.offsets, weights, winograd.steps, winograd.turns,
                out, count * LINE, winograd.zeros, ahead, lines, 0, 0, UNCHANGED, UNCHANGED,
            ))  # fmt: skip
        source += number * each * LINE
        out += number * each * LINE
        ahead += number * lines * (winograd.depth // 4) * LINE


@kernel
def write_tiles(winograd: Any, block: int, first: int, last: int, products: int, step: int, window: int) -> None:
    """One output block of tiles ``first`` to ``last``, from their products; what lies outside the picture is left.

    A tile at the rim, and one whose activation is a curve, is finished in the window, which is in cache.
    """
    m, pitch = winograd.tile, winograd.out_width * LINE
    biases = winograd.biases + block * LINE
    image, number = first // winograd.tiles_in_image, first % winograd.tiles_in_image
    down, across = number // winograd.tiles_across, number % winograd.tiles_across
    plane = winograd.out + image * winograd.out_image + block * winograd.out_plane
    other_plane = winograd.other + image * winograd.other_image + block * winograd.other_plane
    slope = winograd.slope
    if block >= winograd.other_blocks:
        other_plane = 0
        slope *= winograd.slope_of_sum if winograd.other_blocks else UNCHANGED
    for tile in range(first, last):
        top, left = down * m, across * m
        place = top * pitch + left * LINE
        other = other_plane + place if other_plane else 0
        source = products + (tile - first) * LINE
        rows, columns = min(m, winograd.out_height - top), min(m, winograd.out_width - left)
        if rows == columns == m and winograd.curve == 0:
            call_inverse(winograd.inverse, (
                winograd.form, source, step, plane + place, pitch, biases, other, slope, winograd.slope_of_sum,
            ))  # fmt: skip
        else:
            call_inverse(winograd.inverse, (winograd.form, source, step, window, m * LINE, biases, 0, slope, slope))
            finish_tile(winograd, window, plane + place, other, rows, columns)
        across += 1
        if across == winograd.tiles_across:
            down, across = down + 1, 0
            if down * winograd.tiles_across == winograd.tiles_in_image:
                plane, down = plane + winograd.out_image, 0
                other_plane = other_plane + winograd.other_image if other_plane else 0


@kernel
def finish_tile(winograd: Any, window: int, out: int, other: int, rows: int, columns: int) -> None:
    """What a tile in the window still needs: the activation's curve, the sum with ``other``, the way to its place."""
    m, pitch = winograd.tile, winograd.out_width * LINE
    if winograd.curve:
        call_curve(winograd.curve, (winograd.number, window, m * m))
    for row in range(rows):
        if other:
            add_lines(window + row * m * LINE, other + row * pitch, out + row * pitch, columns, winograd.slope_of_sum)
        else:
            copy_floats(window + row * m * LINE, out + row * pitch, columns * LANES)
