"""Filters between the order of the weights file and that of the kernels of training: there, and gradients back.

The file's (filters, channels, taps) stays the master. Kernels read lines of 16 floats, a *packed* array:

    [group of blocks][point][k][block of the group][16]

Forwards a line has 16 filters at one channel k; backwards, for the gradient by the input, 16 channels at one filter k.
The points are those of Winograd's form, whose filters are turned by 180 degrees backwards, or else the taps as they
are. k goes up to a *depth*; lines and lanes without a filter or channel are 0. The blocks that are left after the last
whole group make groups of powers of two, so that the group that begins at block b begins at line b * points * depth.

16 filters x 16 channels at a time are transposed in registers, so that all is read and written in whole lines. The
blocks of a group follow each other: lines that are neighbours in memory are handled soon after one another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.atomics import store_release
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.cook_toom import FORMS, TAPS
from darknetpy.kernels.layout import blocks_of, clear_floats, copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, fma, load, load_float, splat, store, store_float
from darknetpy.kernels.training.transforms import (
    call_filters_to_points,
    call_points_to_filters,
    call_transpose,
    filters_to_points,
    points_to_filters,
    store_line_past,
    transpose16,
)

CHUNK_BYTES = 1_000_000  # of packed filters: some 100 us of work
GAUGE = np.float32(1e19)  # times a number in order is finite; times one in disorder, not
FAR_BYTES = 4_000_000  # packed filters from here on are written past the caches, which they would only sweep

SHAPE = integers("filters", "channels", "taps", "form", "points", "group", "chunks", "transform", "transpose")
"""form: 0 where points are taps. group: the most output blocks in one, a power of two. transform, transpose: addresses
of functions. `shape_fields` makes all of these."""

PACKING = record_type(
    **SHAPE,
    **integers(
        "weights", "forward", "forward_depth", "forward_far",
        "backward", "backward_depth", "backward_group", "backward_far",
    ),
)  # fmt: skip
"""What `pack_filters` reads. weights: address of (filters, channels, taps) float32. forward, backward: addresses of
packed arrays, multiples of 64, or 0 for none; with their depths. far: 1 to write past the caches. backward_group: the
most input blocks in a group. `packing_fields` makes all but the addresses."""
_read_packing = reader(PACKING)

UNPACKING = record_type(**SHAPE, **integers("gradient", "adds", "sums", "slices", "slice_step", "depth", "trouble"))
"""What `gather_gradient` reads. gradient: address of (filters, channels, taps) float32; adds: 1 where it is added to.
sums: address of partial sums of the transformed gradient, packed forwards with ``depth``; slices: how many copies,
which are added, ``slice_step`` bytes apart. trouble: address of an int64 for each chunk. `unpacking_fields` makes all
but the addresses and ``adds``."""
_read_unpacking = reader(UNPACKING)


# ---- sizes ----


def points_of(taps: int, form: int) -> int:
    """Points of a packed array: those of Winograd's form, or the taps where ``form`` is 0."""
    return FORMS[form].window ** 2 if form else taps


def packed_bytes(blocks: int, points: int, depth: int) -> int:
    """Bytes of a packed array of so many blocks of lanes."""
    return blocks * points * depth * LINE


def scratch_bytes(taps: int, form: int) -> int:
    """Scratch memory that `pack_filters` and `gather_gradient` need."""
    return (1 + points_of(taps, form) + 3 * LANES * taps) * LINE


def chunks_of(filters: int, channels: int, taps: int, form: int, group: int) -> int:
    """Into how many chunks both operations are best divided; it depends on the shape only."""
    units = blocks_of(channels) * -(-blocks_of(filters) // group)
    size = packed_bytes(blocks_of(filters), points_of(taps, form), blocks_of(channels) * LANES)
    return max(1, min(units, size // CHUNK_BYTES))


def shape_fields(filters: int, channels: int, taps: int, form: int, group: int) -> dict[str, int]:
    """The fields that both operations have, but for ``transform``.

    Raises:
        ValueError: for a form that has no filters of ``taps``, or a group that is no power of two.
    """
    if form and taps != TAPS**2:
        raise ValueError(f"{taps} taps, expected {TAPS**2} for Winograd's form {form}")
    _check_group(group)
    return {
        "filters": filters, "channels": channels, "taps": taps, "form": form, "points": points_of(taps, form),
        "group": group, "chunks": chunks_of(filters, channels, taps, form, group),
        "transpose": transpose16.address,
    }  # fmt: skip


def packing_fields(
    filters: int, channels: int, taps: int, form: int, forward_depth: int, group: int, backward_depth: int = 0,
    backward_group: int = 1,
) -> dict[str, int]:  # fmt: skip
    """The fields of `PACKING` but for weights, forward and backward; ``chunks`` among them.

    Args:
        filters, channels, taps: of the weights.
        form: 0, 2 or 4.
        forward_depth: lines of a point forwards: from ``channels`` to 16 times their blocks.
        group: the most output blocks of a group, a power of two.
        backward_depth: lines of a point backwards, likewise for ``filters``; 0 where nothing is packed backwards.
        backward_group: the most input blocks of a group.

    Raises:
        ValueError: for sizes that do not go together.
    """
    fields = shape_fields(filters, channels, taps, form, group)
    _check_group(backward_group)
    _check_depth(forward_depth, channels)
    _check_depth(backward_depth or filters, filters)
    forward = packed_bytes(blocks_of(filters), fields["points"], forward_depth)
    backward = packed_bytes(blocks_of(channels), fields["points"], backward_depth)
    return {
        **fields, "transform": filters_to_points.address,
        "forward_depth": forward_depth, "forward_far": int(forward > FAR_BYTES),
        "backward_depth": backward_depth, "backward_far": int(backward > FAR_BYTES), "backward_group": backward_group,
    }  # fmt: skip


def unpacking_fields(
    filters: int, channels: int, taps: int, form: int, depth: int, group: int, slices: int, slice_step: int
) -> dict[str, int]:
    """The fields of `UNPACKING` but for gradient, adds, sums and trouble, which has one int64 for each of ``chunks``.

    Raises:
        ValueError: for sizes that do not go together.
    """
    _check_depth(depth, channels)
    return {
        **shape_fields(filters, channels, taps, form, group), "transform": points_to_filters.address,
        "depth": depth, "slices": slices, "slice_step": slice_step,
    }  # fmt: skip


def _check_group(group: int) -> None:
    if group < 1 or group & (group - 1):
        raise ValueError(f"groups of {group} blocks, expected a power of two")


def _check_depth(depth: int, least: int) -> None:
    if not least <= depth <= blocks_of(least) * LANES:
        raise ValueError(f"a depth of {depth}, expected {least} to {blocks_of(least) * LANES}")


@kernel
def group_of(block: int, blocks: int, group: int) -> Any:
    """(first block, how many) of the group that a block of ``blocks`` belongs to."""
    first, size = block // group * group, group
    while True:
        while size > blocks - first:
            size //= 2
        if block < first + size:
            return first, size
        first += size


# ---- there ----


@operation(PACKING)
def pack_filters(record: int, chunk: int, scratch: int) -> None:
    """To packed arrays; a chunk is some pairs of (output blocks of a group, input block), the latter fastest."""
    packing = _read_packing(record)
    size = LANES * packing.taps * LINE
    lines, turned, rows = scratch, scratch + size, scratch + 2 * size
    in_blocks, out_blocks = (packing.channels + LANES - 1) // LANES, (packing.filters + LANES - 1) // LANES
    units = in_blocks * ((out_blocks + packing.group - 1) // packing.group)
    for unit in range(divide(units, packing.chunks, chunk), divide(units, packing.chunks, chunk + 1)):
        in_block, first = unit % in_blocks, unit // in_blocks * packing.group
        for out_block in range(first, min(first + packing.group, out_blocks)):
            read_filters(packing, out_block, in_block, lines, rows)
            if packing.forward:
                begin, blocks = group_of(out_block, out_blocks, packing.group)
                write_lines(
                    packing, packing.forward, packing.forward_depth, packing.forward_far, begin, blocks, out_block,
                    in_block * LANES, lines, False,
                )  # fmt: skip
            if packing.backward:
                step = packing.taps * LINE
                for tap in range(packing.taps):
                    at = tap * LINE
                    call_transpose(packing.transpose, (lines + at, step, turned + at, step))
                begin, blocks = group_of(in_block, in_blocks, packing.backward_group)
                write_lines(
                    packing, packing.backward, packing.backward_depth, packing.backward_far, begin, blocks, in_block,
                    out_block * LANES, turned, packing.form != 0,
                )  # fmt: skip


@kernel
def read_filters(packing: Any, out_block: int, in_block: int, lines: int, rows: int) -> None:
    """16 filters x 16 channels to lines [channel][tap][16 filters]; ``rows`` is memory for those at the rim."""
    pitch, row = packing.channels * packing.taps * 4, packing.taps * LINE
    source = packing.weights + out_block * LANES * pitch + in_block * row
    filters = min(LANES, packing.filters - out_block * LANES)
    channels = min(LANES, packing.channels - in_block * LANES)
    if filters < LANES or channels < LANES:
        clear_floats(rows, LANES * LANES * packing.taps)
        for number in range(filters):
            copy_floats(source + number * pitch, rows + number * row, channels * packing.taps)
        source, pitch = rows, row
    for piece in range(packing.taps):
        call_transpose(packing.transpose, (source + piece * LINE, pitch, lines + piece * LANES * LINE, LINE))


@kernel
def write_lines(
    packing: Any, out: int, depth: int, far: int, begin: int, blocks: int, block: int, first: int, lines: int,
    turned: bool,
) -> None:  # fmt: skip
    """Lines [k][tap], from ``first`` on among all k, to one block of the group that begins at block ``begin``."""
    step = blocks * LINE
    point_step = depth * step
    count = min(LANES, depth - first)
    out += begin * packing.points * depth * LINE + first * step + (block - begin) * LINE
    taps = packing.taps
    if packing.form:
        source, tap_step = (lines + (taps - 1) * LINE, -LINE) if turned else (lines, LINE)
        call_filters_to_points(
            packing.transform, (packing.form, far, count, source, tap_step, taps * LINE, out, point_step, step)
        )
    elif far:
        for tap in range(taps):
            for k in range(count):
                store_line_past(out + tap * point_step + k * step, load(lines + (k * taps + tap) * LINE))
    else:
        for tap in range(taps):
            for k in range(count):
                store(out + tap * point_step + k * step, load(lines + (k * taps + tap) * LINE))


# ---- and back ----


@operation(UNPACKING)
def gather_gradient(record: int, chunk: int, scratch: int) -> None:
    """From partial sums to the file's order; chunks as those of `pack_filters`.

    The chunk's ``trouble`` becomes 1 where a value of the gradient is not finite or larger than some 1e19, else 0: an
    update from smaller ones cannot overflow.
    """
    unpacking = _read_unpacking(record)
    size = LANES * unpacking.taps * LINE
    zeros = scratch
    lines, rows, points = scratch + LINE, scratch + LINE + size, scratch + LINE + 2 * size
    in_blocks, out_blocks = (unpacking.channels + LANES - 1) // LANES, (unpacking.filters + LANES - 1) // LANES
    units = in_blocks * ((out_blocks + unpacking.group - 1) // unpacking.group)
    clear_floats(zeros, LANES)
    for unit in range(divide(units, unpacking.chunks, chunk), divide(units, unpacking.chunks, chunk + 1)):
        in_block, first = unit % in_blocks, unit // in_blocks * unpacking.group
        for out_block in range(first, min(first + unpacking.group, out_blocks)):
            begin, blocks = group_of(out_block, out_blocks, unpacking.group)
            step = blocks * LINE
            sums = unpacking.sums + begin * unpacking.points * unpacking.depth * LINE + (out_block - begin) * LINE
            take_sums(unpacking, sums + in_block * LANES * step, step, in_block, lines, points)
            for piece in range(unpacking.taps):
                call_transpose(
                    unpacking.transpose,
                    (lines + piece * LANES * LINE, LINE, rows + piece * LINE, unpacking.taps * LINE),
                )
            write_rows(unpacking, out_block, in_block, rows, zeros)
    total = np.float32(0)
    for lane in range(LANES):
        total += load_float(zeros + 4 * lane)
    store_release(unpacking.trouble + 8 * chunk, 0 if total - total == 0 else 1)


@kernel
def take_sums(unpacking: Any, sums: int, step: int, in_block: int, lines: int, points: int) -> None:
    """Sums of one output block, ``step`` bytes from k to k, to lines [channel][tap]; ``points`` is memory for one k."""
    point_step, taps = unpacking.depth * step, unpacking.taps
    count = min(LANES, unpacking.channels - in_block * LANES)
    if unpacking.form == 0:
        for k in range(count):
            add_slices(unpacking, sums + k * step, point_step, lines + k * taps * LINE)
    elif unpacking.slices == 1:
        call_points_to_filters(
            unpacking.transform,
            (unpacking.form, count, sums, point_step, step, LANES * step, lines, LINE, taps * LINE),
        )
    else:
        for k in range(count):
            add_slices(unpacking, sums + k * step, point_step, points)
            call_points_to_filters(
                unpacking.transform, (unpacking.form, 1, points, LINE, 0, 0, lines + k * taps * LINE, LINE, 0)
            )


@kernel
def add_slices(unpacking: Any, sums: int, point_step: int, out: int) -> None:
    """All points of one k, from all slices, to lines."""
    for point in range(unpacking.points):
        at = sums + point * point_step
        total = load(at)
        for number in range(1, unpacking.slices):
            total = add(total, load(at + number * unpacking.slice_step))
        store(out + point * LINE, total)


@kernel
def write_rows(unpacking: Any, out_block: int, in_block: int, rows: int, zeros: int) -> None:
    """Rows [filter][channel][tap] to the gradient; ``zeros``, a line, gets the sum of `GAUGE` times each value."""
    pitch, row = unpacking.channels * unpacking.taps * 4, unpacking.taps * LINE
    out = unpacking.gradient + out_block * LANES * pitch + in_block * row
    filters = min(LANES, unpacking.filters - out_block * LANES)
    count = min(LANES, unpacking.channels - in_block * LANES) * unpacking.taps
    whole = count // LANES * LINE
    gauge, total, rest = splat(GAUGE), load(zeros), np.float32(0)
    for number in range(filters):
        source, to = rows + number * row, out + number * pitch
        if unpacking.adds:
            for at in range(0, whole, LINE):
                store(source + at, add(load(to + at), load(source + at)))
            for at in range(whole, 4 * count, 4):
                store_float(source + at, load_float(to + at) + load_float(source + at))
        for at in range(0, whole, LINE):
            value = load(source + at)
            store(to + at, value)
            total = fma(value, gauge, total)
        for at in range(whole, 4 * count, 4):
            single = load_float(source + at)
            store_float(to + at, single)
            rest += single * GAUGE
    store(zeros, total)
    store_float(zeros, load_float(zeros) + rest)
