"""Convolution of channel-blocked arrays, as a sum of matrix products in register-blocked tiles (`tiles`).

A 1x1 filter is one matrix product: pixels x input channels times input channels x output channels. A larger filter is
one product for each of its cells. Each reads the picture shifted by the cell's place, so a *panel* is made first:
copies of the rows needed, one for each column of the filter, shifted, strided and with zeros where the filter leaves
the picture. In a panel each cell of the filter meets a plain run of pixels, across the ends of rows, and no tile has a
border.

A panel holds, for row remainder r (of stride_y), filter column kx and input block b, rows of out_width pixels. Cell
(ky, kx) of output row y reads row y + (ky * dilation) // stride_y of the copies with r = (ky * dilation) % stride_y.

Two ways to share out the work; the arithmetic of an output value is the same in both, in the same order:

- `convolve_pixels`: the source is a 1x1 filter's input, or a panel of the whole picture (`gather_panel`, an operation
  of its own); a chunk is some output blocks of a run of pixels. For late layers: weights are then read once in all.
- `convolve_rows`: a chunk is a run of output rows with all channels; its panel is made in scratch memory, and stays in
  cache.

The source is channel-blocked, or planar with few channels: the network's input. Its *planes* are blocks or channels,
its pixels are lines or single floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.curves import call_curve
from darknetpy.kernels.layout import clear_floats, copy_floats, load_every_second
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, load, load_float, store, store_float
from darknetpy.kernels.sums import SUM_FIELDS, SUM_SLOPE, add_lines
from darknetpy.kernels.tiles import call_tiles

CONVOLUTION = record_type(
    **integers(
        "source", "source_plane", "source_image", "out", "out_plane", "out_image",
        "weights", "biases", "offsets", "tiles",
        "images", "planes", "pixel_bytes", "height", "width", "out_blocks", "out_height", "out_width",
        "size", "stride_x", "stride_y", "dilation", "padding",
        "steps", "turns", "depth", "group", "accumulators", "groups_in_chunk", "parts", "panel_rows", "far",
        "curve", "number", *SUM_FIELDS,
    ),
    slope="f4",
    **SUM_SLOPE,
)  # fmt: skip
"""What a convolution reads. Strides are in bytes.

source: the input's first byte; out: the channel-blocked output's. weights: as `PackedConvolution` of the engine orders
them; biases: one float for each output lane; offsets: bytes from a pixel to its values in each step; tiles: address of
`run_tiles`. images to padding: the convolution; planes and pixel_bytes are those of the input, padding is before the
first row and column. steps, turns: of a tile's sum (see `tiles`); depth: how many k
the sum has. group: output blocks of a tile; accumulators: pixels times blocks of the largest tile. groups_in_chunk and
parts (of an image's pixels or rows): the division into chunks. panel_rows: rows of each copy in a panel. far: 1
where source and output come from memory, and are to be fetched ahead instead of weights. slope: of the
activation below 0. curve: 0, or the address of `run_curve` for an activation that is more than a slope; number: its.
The fields of `darknetpy.kernels.sums` say what is added to the activated output; the blocks of a group all have an
``other``, or none has.
"""
_read = reader(CONVOLUTION)


@kernel
def divide(total: int, parts: int, part: int) -> int:
    """Where part number ``part`` of ``parts`` nearly equal parts begins."""
    return total * part // parts


@kernel
def multiply_run(convolution: Any, image: int, source: int, first: int, pixels: int, share: int) -> None:
    """A chunk's share of the output blocks, for a run of an image's pixels from number ``first`` on.

    The first value of step 0 of the first pixel is at ``source``.
    """
    block = share * convolution.groups_in_chunk * convolution.group
    end = min(block + convolution.groups_in_chunk * convolution.group, convolution.out_blocks)
    while block < end:
        blocks = convolution.group
        while blocks > end - block:
            blocks //= 2
        out = convolution.out + image * convolution.out_image + block * convolution.out_plane + first * LINE
        other = convolution.other + image * convolution.other_image + block * convolution.other_plane + first * LINE
        slope = convolution.slope
        if block >= convolution.other_blocks:
            other = 0
            slope *= convolution.slope_of_sum if convolution.other_blocks else np.float32(1)
        in_tiles = other if convolution.curve == 0 else 0
        multiply_tiles(convolution, source, out, in_tiles, pixels, block, blocks, slope)
        if convolution.curve:
            bend_lines(convolution, out, other, pixels, blocks)
        block += blocks


@kernel
def bend_lines(convolution: Any, out: int, other: int, pixels: int, blocks: int) -> None:
    """The activation's curve on a run of pixels of some blocks while it is in cache, and then the sum."""
    for _ in range(blocks):
        call_curve(convolution.curve, (convolution.number, out, pixels))
        if other:
            add_lines(out, other, out, pixels, convolution.slope_of_sum)
            other += convolution.other_plane
        out += convolution.out_plane


@kernel
def multiply_tiles(
    convolution: Any, source: int, out: int, other: int, pixels: int, block: int, blocks: int, slope: float
) -> None:
    """One group of output blocks of a run of pixels, in tiles of nearly equal width.

    Meanwhile each of the tiles fetches its share of the weights that follow in memory, the next group's, into the
    second-level cache: the largest single gain for a late layer of one image.
    """
    weights, biases = convolution.weights + block * convolution.depth * LINE, convolution.biases + block * LINE
    widest = convolution.accumulators // blocks
    tiles = (pixels + widest - 1) // widest
    width, wider = pixels // tiles, pixels % tiles  # the first ``wider`` tiles take one pixel more
    ahead = weights + blocks * convolution.depth * LINE
    lines = (4 * blocks + tiles - 1) // tiles
    if convolution.far:
        ahead, lines = 0, (width + 4) // 4
    for count, pixels_each in ((wider, width + 1), (tiles - wider, width)):
        if count:
            call_tiles(convolution.tiles, (
                pixels_each, blocks, count, source, convolution.offsets, weights, convolution.steps, convolution.turns,
                out, convolution.out_plane, biases, ahead, lines, other, convolution.other_plane,
                slope, convolution.slope_of_sum,
            ))  # fmt: skip
        source += count * pixels_each * convolution.pixel_bytes
        out += count * pixels_each * LINE
        if other:
            other += count * pixels_each * LINE
        if ahead:
            ahead += count * lines * (convolution.depth // 4) * LINE


@operation(CONVOLUTION)
def convolve_pixels(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (groups of output blocks, image, part of the pixels), the part fastest, so that weights stay in cache."""
    convolution = _read(record)
    part, rest = chunk % convolution.parts, chunk // convolution.parts
    image, share = rest % convolution.images, rest // convolution.images
    pixels = convolution.out_height * convolution.out_width
    first, last = divide(pixels, convolution.parts, part), divide(pixels, convolution.parts, part + 1)
    source = convolution.source + image * convolution.source_image + first * LINE
    multiply_run(convolution, image, source, first, last - first, share)


@operation(CONVOLUTION)
def convolve_rows(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (groups of output blocks, image, part of the output rows)."""
    convolution = _read(record)
    part, rest = chunk % convolution.parts, chunk // convolution.parts
    image, share = rest % convolution.images, rest // convolution.images
    top = divide(convolution.out_height, convolution.parts, part)
    rows = divide(convolution.out_height, convolution.parts, part + 1) - top
    source = convolution.source + image * convolution.source_image
    for plane in range(convolution.planes):
        fill_panel(convolution, source, scratch, plane, top, rows)
    multiply_run(convolution, image, scratch, top * convolution.out_width, rows * convolution.out_width, share)


@operation(CONVOLUTION)
def gather_panel(record: int, chunk: int, scratch: int) -> None:
    """The panel of images at ``out``, in one part; a chunk is one plane of one image."""
    convolution = _read(record)
    image, plane = chunk // convolution.planes, chunk % convolution.planes
    source = convolution.source + image * convolution.source_image
    panel = convolution.out + image * convolution.out_image
    top = divide(convolution.out_height, convolution.parts, convolution.parts - 1)  # 0; as a literal it costs a compile
    fill_panel(convolution, source, panel, plane, top, convolution.out_height)


@kernel
def fill_panel(convolution: Any, source: int, panel: int, plane: int, top: int, rows: int) -> None:
    """All copies of one plane of an image, for ``rows`` output rows from ``top`` on."""
    line = convolution.out_width * convolution.pixel_bytes
    reach = (convolution.size - 1) * convolution.dilation
    source += plane * convolution.source_plane
    for remainder in range(min(convolution.stride_y, reach + 1)):
        needed = rows + (reach - remainder) // convolution.stride_y
        for column in range(convolution.size):
            copy = (remainder * convolution.size + column) * convolution.planes + plane
            out = panel + copy * convolution.panel_rows * line
            start = column * convolution.dilation - convolution.padding
            for row in range(needed):
                y = (top + row) * convolution.stride_y + remainder - convolution.padding
                width = convolution.width if 0 <= y < convolution.height else 0
                at = source + y * convolution.width * convolution.pixel_bytes
                copy_row(
                    at, out + row * line, width, convolution.out_width, convolution.stride_x, start,
                    convolution.pixel_bytes,
                )  # fmt: skip


@kernel
def copy_row(source: int, out: int, width: int, out_width: int, stride: int, start: int, pixel_bytes: int) -> None:
    """One row of a panel: every ``stride``-th pixel from column ``start`` on, zeros outside the picture."""
    first = min(out_width, max(0, (stride - 1 - start) // stride))
    last = max(first, min(out_width, (width - 1 - start) // stride + 1))
    floats = pixel_bytes // 4
    clear_floats(out, first * floats)
    at, to = source + (first * stride + start) * pixel_bytes, out + first * pixel_bytes
    if stride == 1:
        copy_floats(at, to, (last - first) * floats)
    elif pixel_bytes == LINE:
        for x in range(last - first):
            store(to + x * LINE, load(at + x * stride * LINE))
    else:
        whole = (last - first) // LANES * LANES if stride == 2 else 0
        for x in range(0, whole, LANES):
            store(to + x * 4, load_every_second(at + x * 8))
        for x in range(whole, last - first):
            store_float(to + x * 4, load_float(at + x * stride * 4))
    clear_floats(out + last * pixel_bytes, (out_width - last) * floats)
