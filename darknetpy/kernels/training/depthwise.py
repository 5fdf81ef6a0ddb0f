"""Depthwise convolution in training: forwards, the gradient by the input, and that by the filters.

Each channel has a filter of its own, so lanes never mix. Rows of a source, with zeros around them, lie in a ring in
scratch memory as in `darknetpy.kernels.depthwise`, whose compiled rows are used here too. The gradient by the input is
such a convolution, by filters turned by 180 degrees, of the gradient by the output, whose rows and columns stand apart
by the stride (*spacing*), with zeros between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.atomics import store_release
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.depthwise import call_row
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, fma, load, load_float, splat, store, store_float
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

GAUGE = 1e19
"""A gradient beyond is in disorder, as is one that is no number."""

WINDOWS = integers(
    "loading", "images", "height", "width", "padding", "out_height", "out_width", "blocks", "size", "stride_x",
    "stride_y", "spacing_x", "spacing_y", "pitch", "parts",
)  # fmt: skip
"""What windows of a source are. loading: address of a LOADING. height, width, padding: of the source; out_height,
out_width: windows. spacing: from one source row, or column, to the next. pitch: bytes of a row of the ring. parts: of
the rows of all images, see `parts_of` of `darknetpy.kernels.training.elementwise`.
"""
FILTERING = record_type(**WINDOWS, **integers("finishing", "weights", "biases", "filter_row", "form"))
"""weights: address of [block][tap][16]; biases: that of a line of zeros; filter_row: of the function; form: its number.
"""
SUMMING = record_type(**WINDOWS, **integers("by_output", "out"))
"""by_output: address of a LOADING, of the gradient by the output. out: that of [part][block][tap][16]."""
COLLECTING = record_type(**integers("sums", "gradient", "adds", "parts", "blocks", "channels", "taps", "trouble"))
"""sums: what `sum_products` wrote; gradient: address of (channels, taps) float32; adds: 1 where it is added to.
trouble: address of an int64 for each block, which is not 0 where a value is in disorder.
"""
_read_filtering, _read_summing, _read_collecting = reader(FILTERING), reader(SUMMING), reader(COLLECTING)


def pitch_of(width: int, padding: int, out_width: int, size: int, stride: int, spacing: int) -> int:
    """Bytes of a row of the ring."""
    return max(padding + (width - 1) * spacing + 1, (out_width - 1) * stride + size) * LINE


def scratch_bytes(size: int, pitch: int, width: int, out_width: int) -> int:
    """Scratch memory of both operations: the ring, a source row, and one of windows."""
    return size * pitch + (width + out_width) * LINE


@operation(FILTERING)
def filter_depthwise(record: int, chunk: int, scratch: int) -> None:
    """All windows by their filters, finished. A chunk is (part, block): part * blocks + block."""
    given = _read_filtering(record)
    finishing, loading = read_finishing(given.finishing), read_loading(given.loading)
    part, block = chunk // given.blocks, chunk % given.blocks
    begin_sums(finishing, part, block, 1)
    weights = given.weights + block * given.size * given.size * LINE
    row = scratch + given.size * given.pitch
    out = row + given.width * LINE
    clear_floats(scratch, given.size * given.pitch // 4)
    units, following = given.images * given.out_height, 0
    for unit in range(divide(units, given.parts, part), divide(units, given.parts, part + 1)):
        image, down = unit // given.out_height, unit % given.out_height
        top = down * given.stride_y
        following = fill_ring(given, loading, image, block, top, following, scratch, row)
        call_row(given.filter_row, (
            given.form, scratch, given.pitch, top % given.size, given.size, given.stride_x, given.out_width, weights,
            given.biases, out, np.float32(1),
        ))  # fmt: skip
        finish_lines(finishing, part, image, block, down * given.out_width, given.out_width, out)
        if down + 1 == given.out_height:
            following = 0


@operation(SUMMING)
def sum_products(record: int, chunk: int, scratch: int) -> None:
    """For each tap the sum of what it saw times the gradient by the output. A chunk is (part, block) as above."""
    given = _read_summing(record)
    loading, by_output = read_loading(given.loading), read_loading(given.by_output)
    part, block = chunk // given.blocks, chunk % given.blocks
    size = given.size
    row = scratch + size * given.pitch
    lines = row + given.width * LINE
    sums = given.out + chunk * size * size * LINE
    clear_floats(sums, size * size * LANES)
    clear_floats(scratch, size * given.pitch // 4)
    units, following = given.images * given.out_height, 0
    for unit in range(divide(units, given.parts, part), divide(units, given.parts, part + 1)):
        image, down = unit // given.out_height, unit % given.out_height
        top = down * given.stride_y
        following = fill_ring(given, loading, image, block, top, following, scratch, row)
        load_lines(by_output, image, block, down * given.out_width, given.out_width, lines)
        for tap in range(size):
            source = scratch + (top + tap) % size * given.pitch
            add_row(source, given.stride_x * LINE, lines, given.out_width, size, sums + tap * size * LINE)
        if down + 1 == given.out_height:
            following = 0


@kernel
def fill_ring(given: Any, loading: Any, image: int, block: int, top: int, following: int, ring: int, row: int) -> int:
    """Bring the rows from ``top`` on, counted with the padding, that a window needs and that are not there yet.

    ``following``: the first row that is not there; what comes after it now is returned.
    """
    following = max(following, top)
    columns = (given.width - 1) * given.spacing_x + 1
    while following < top + given.size:
        y = following - given.padding
        place = ring + following % given.size * given.pitch + given.padding * LINE
        if y < 0 or y % given.spacing_y or y // given.spacing_y >= given.height:
            clear_floats(place, columns * LANES)
        elif given.spacing_x == 1:
            load_lines(loading, image, block, y // given.spacing_y * given.width, given.width, place)
        else:
            load_lines(loading, image, block, y // given.spacing_y * given.width, given.width, row)
            for column in range(given.width):
                store(place + column * given.spacing_x * LINE, load(row + column * LINE))
        following += 1
    return following


@kernel
def add_row(source: int, step: int, lines: int, count: int, size: int, sums: int) -> None:
    """To the sum of each tap of a row of the filter: lines times what the tap saw, ``step`` bytes apart."""
    tap = 0
    while tap < size:
        at, out = source + tap * LINE, sums + tap * LINE
        if tap + 3 <= size:  # three at a time do not wait for each other
            first, second, third = load(out), load(out + LINE), load(out + 2 * LINE)
            for number in range(count):
                line, seen = load(lines + number * LINE), at + number * step
                first = fma(load(seen), line, first)
                second = fma(load(seen + LINE), line, second)
                third = fma(load(seen + 2 * LINE), line, third)
            store(out, first)
            store(out + LINE, second)
            store(out + 2 * LINE, third)
            tap += 3
        else:
            total, other = load(out), splat(np.float32(0))
            for number in range(0, count - 1, 2):
                total = fma(load(at + number * step), load(lines + number * LINE), total)
                other = fma(load(at + (number + 1) * step), load(lines + (number + 1) * LINE), other)
            if count % 2:
                total = fma(load(at + (count - 1) * step), load(lines + (count - 1) * LINE), total)
            store(out, add(total, other))
            tap += 1


@operation(COLLECTING)
def collect_gradient(record: int, chunk: int, scratch: int) -> None:
    """The gradient by the filters of one block, from the sums of all parts, in float64."""
    given = _read_collecting(record)
    trouble = False
    for lane in range(min(LANES, given.channels - chunk * LANES)):
        for tap in range(given.taps):
            total = 0.0
            for part in range(given.parts):
                total += load_float(given.sums + ((part * given.blocks + chunk) * given.taps + tap) * LINE + 4 * lane)
            at = given.gradient + 4 * ((chunk * LANES + lane) * given.taps + tap)
            if given.adds:
                total += load_float(at)
            store_float(at, np.float32(total))
            trouble = trouble or not abs(total) < GAUGE
    store_release(given.trouble + 8 * chunk, 1 if trouble else 0)
