"""Convolution of channel-blocked arrays, as a sum of matrix products in register-blocked tiles (`tiles`).

A 1x1 filter is one matrix product: pixels x input channels times input channels x output channels. A larger filter is
one product for each of its cells. Each reads the picture shifted by the cell's place, so a *panel* is made first:
copies of the rows needed, one for each column of the filter, shifted, strided and with zeros where the filter leaves
the picture. In a panel each cell of the filter meets a plain run of pixels, across the ends of rows, and no tile has a
border.

A panel holds, for row remainder r (of stride_y), filter column kx and input block b, rows of out_width pixels. Cell
(ky, kx) of output row y reads row y + (ky * dilation) // stride_y of the copies with r = (ky * dilation) % stride_y.

Three ways to share out the work; the arithmetic of an output value is the same in all, in the same order:

- `convolve_pixels`: the source is a 1x1 filter's input, or a panel of the whole picture (`gather_panel`, an operation
  of its own); a chunk is some output blocks of a run of pixels. For late layers: weights are then read once in all.
- `convolve_rows`: a chunk is a run of output rows with all channels; its panel is made in scratch memory, and stays in
  cache.
- `convolve_planar_rows`: the same for a planar source of few channels, the network's input.
"""

from __future__ import annotations

from typing import Any

from darknetpy.kernels import kernel
from darknetpy.kernels.layout import clear_lines, copy_lines
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, load, load_float, store, store_float
from darknetpy.kernels.tiles import call_tiles

CONVOLUTION = record_type(
    **integers(
        "source", "source_block", "source_image", "out", "out_block", "out_image",
        "weights", "biases", "offsets", "tiles",
        "images", "channels", "blocks", "height", "width", "out_blocks", "out_height", "out_width",
        "size", "stride_x", "stride_y", "dilation", "padding",
        "steps", "turns", "depth", "group", "accumulators", "groups_in_chunk", "parts", "panel_rows",
    ),
    slope="f4",
)  # fmt: skip
"""What a convolution reads. Strides are in bytes.

source: the input's first byte; out: the channel-blocked output's. weights: as `PackedConvolution` of the engine orders
them; biases: one float for each output lane; offsets: bytes from a pixel to its values in each step; tiles: address of
`run_tiles`. images to padding: the convolution; channels and blocks are those of the input, padding is before the
first row and column. steps, turns: of a tile's sum (see `tiles`); depth: how many k the sum has. group: output blocks
of a tile; accumulators: pixels times blocks of the largest tile. groups_in_chunk and parts (of an image's pixels or
rows): the division into chunks. panel_rows: rows of each copy in a panel. slope: of the activation below 0.
"""
_read = reader(CONVOLUTION)


@kernel
def divide(total: int, parts: int, part: int) -> int:
    """Where part number ``part`` of ``parts`` nearly equal parts begins."""
    return total * part // parts


@kernel
def multiply_run(
    convolution: Any, source: int, out: int, pixels: int, first_block: int, last_block: int, fetch: int
) -> None:
    """Output blocks first_block to last_block of a run of pixels, whose first value of step 0 is at ``source``."""
    block = first_block
    while block < last_block:
        blocks = convolution.group
        while blocks > last_block - block:
            blocks //= 2
        weights = convolution.weights + block * convolution.depth * LINE
        biases = convolution.biases + block * LINE
        multiply_tiles(convolution, source, out + block * convolution.out_block, pixels, blocks, weights, biases, fetch)
        block += blocks


@kernel
def multiply_tiles(
    convolution: Any, source: int, out: int, pixels: int, blocks: int, weights: int, biases: int, fetch: int
) -> None:
    """One group of output blocks of a run of pixels, in tiles of nearly equal width.

    Meanwhile each of the tiles fetches its share of the weights that follow in memory, the next group's, into the
    second-level cache: the largest single gain for a late layer of one image.
    """
    widest = convolution.accumulators // blocks
    tiles = (pixels + widest - 1) // widest
    width, wider = pixels // tiles, pixels % tiles  # the first ``wider`` tiles take one pixel more
    lines, ahead = 1, weights
    if fetch:
        lines, ahead = (4 * blocks + tiles - 1) // tiles, weights + blocks * convolution.depth * LINE
    pixel_bytes = LINE if convolution.turns else 4
    for count, pixels_each in ((wider, width + 1), (tiles - wider, width)):
        if count:
            call_tiles(convolution.tiles, (
                pixels_each, blocks, count, source, convolution.offsets, weights, convolution.steps, convolution.turns,
                out, convolution.out_block, biases, ahead, lines, convolution.slope,
            ))  # fmt: skip
        source += count * pixels_each * pixel_bytes
        out += count * pixels_each * LINE
        ahead += count * lines * (convolution.depth // 4) * LINE


@operation(CONVOLUTION)
def convolve_pixels(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (groups of output blocks, image, part of the pixels), the part fastest, so that weights stay in cache."""
    convolution = _read(record)
    part, rest = chunk % convolution.parts, chunk // convolution.parts
    image, share = rest % convolution.images, rest // convolution.images
    pixels = convolution.out_height * convolution.out_width
    first, last = divide(pixels, convolution.parts, part), divide(pixels, convolution.parts, part + 1)
    blocks = convolution.group * convolution.groups_in_chunk
    multiply_run(
        convolution,
        convolution.source + image * convolution.source_image + first * LINE,
        convolution.out + image * convolution.out_image + first * LINE,
        last - first,
        share * blocks,
        min((share + 1) * blocks, convolution.out_blocks),
        True,
    )


@kernel
def inside(side: int, out_side: int, stride: int, start: int) -> tuple[int, int]:
    """The range of outputs x with 0 <= x * stride + start < side."""
    first = min(out_side, max(0, (stride - 1 - start) // stride))
    last = max(first, min(out_side, (side - 1 - start) // stride + 1))
    return first, last


@kernel
def copy_block_row(source: int, out: int, width: int, out_width: int, stride: int, start: int) -> None:
    """One row of a panel: every ``stride``-th pixel from column ``start`` on, zeros outside the picture."""
    first, last = inside(width, out_width, stride, start)
    clear_lines(out, first)
    at = source + (first * stride + start) * LINE
    if stride == 1:
        copy_lines(at, out + first * LINE, last - first)
    else:
        for x in range(first, last):
            store(out + x * LINE, load(at + (x - first) * stride * LINE))
    clear_lines(out + last * LINE, out_width - last)


@kernel
def fill_panel(
    convolution: Any, source: int, panel: int, first_block: int, last_block: int, top: int, rows: int
) -> None:
    """The copies of input blocks first_block to last_block for ``rows`` output rows from ``top`` on."""
    line = convolution.out_width * LINE
    reach = (convolution.size - 1) * convolution.dilation
    for remainder in range(min(convolution.stride_y, reach + 1)):
        needed = rows + (reach - remainder) // convolution.stride_y
        for column in range(convolution.size):
            start = column * convolution.dilation - convolution.padding
            for block in range(first_block, last_block):
                copy = (remainder * convolution.size + column) * convolution.blocks + block
                out = panel + copy * convolution.panel_rows * line
                plane = source + block * convolution.source_block
                for row in range(needed):
                    y = (top + row) * convolution.stride_y + remainder - convolution.padding
                    if 0 <= y < convolution.height:
                        copy_block_row(
                            plane + y * convolution.width * LINE, out + row * line,
                            convolution.width, convolution.out_width, convolution.stride_x, start,
                        )  # fmt: skip
                    else:
                        clear_lines(out + row * line, convolution.out_width)


@operation(CONVOLUTION)
def gather_panel(record: int, chunk: int, scratch: int) -> None:
    """The panel of whole images at ``out``; a chunk is one input block of one image."""
    convolution = _read(record)
    image, block = chunk // convolution.blocks, chunk % convolution.blocks
    source = convolution.source + image * convolution.source_image
    panel = convolution.out + image * convolution.out_image
    fill_panel(convolution, source, panel, block, block + 1, 0, convolution.out_height)


@operation(CONVOLUTION)
def convolve_rows(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (image, part of the output rows), with all output channels."""
    convolution = _read(record)
    image, part = chunk // convolution.parts, chunk % convolution.parts
    top = divide(convolution.out_height, convolution.parts, part)
    rows = divide(convolution.out_height, convolution.parts, part + 1) - top
    source = convolution.source + image * convolution.source_image
    fill_panel(convolution, source, scratch, 0, convolution.blocks, top, rows)
    out = convolution.out + image * convolution.out_image + top * convolution.out_width * LINE
    multiply_run(convolution, scratch, out, rows * convolution.out_width, 0, convolution.out_blocks, True)


@kernel
def copy_planar_row(source: int, out: int, width: int, out_width: int, stride: int, start: int) -> None:
    """`copy_block_row` for a row of single floats."""
    first, last = inside(width, out_width, stride, start)
    for x in range(first):
        store_float(out + x * 4, 0.0)
    at, x = source + (first * stride + start) * 4, first
    if stride == 1:
        while x + LANES <= last:
            store(out + x * 4, load(at + (x - first) * 4))
            x += LANES
    while x < last:
        store_float(out + x * 4, load_float(at + (x - first) * stride * 4))
        x += 1
    for x in range(last, out_width):
        store_float(out + x * 4, 0.0)


@kernel
def fill_planar_panel(convolution: Any, source: int, panel: int, top: int, rows: int) -> None:
    """The panel of a planar source: as `fill_panel`, with channels for blocks and floats for lines."""
    line = convolution.out_width * 4
    reach = (convolution.size - 1) * convolution.dilation
    for remainder in range(min(convolution.stride_y, reach + 1)):
        needed = rows + (reach - remainder) // convolution.stride_y
        for column in range(convolution.size):
            start = column * convolution.dilation - convolution.padding
            for channel in range(convolution.channels):
                copy = (remainder * convolution.size + column) * convolution.channels + channel
                out = panel + copy * convolution.panel_rows * line
                plane = source + channel * convolution.height * convolution.width * 4
                for row in range(needed):
                    y = (top + row) * convolution.stride_y + remainder - convolution.padding
                    inner = 0 <= y < convolution.height
                    copy_planar_row(
                        plane + y * convolution.width * 4, out + row * line,
                        convolution.width if inner else 0, convolution.out_width, convolution.stride_x, start,
                    )  # fmt: skip


@operation(CONVOLUTION)
def convolve_planar_rows(record: int, chunk: int, scratch: int) -> None:
    """`convolve_rows` for a planar source."""
    convolution = _read(record)
    image, part = chunk // convolution.parts, chunk % convolution.parts
    top = divide(convolution.out_height, convolution.parts, part)
    rows = divide(convolution.out_height, convolution.parts, part + 1) - top
    source = convolution.source + image * convolution.source_image
    fill_planar_panel(convolution, source, scratch, top, rows)
    out = convolution.out + image * convolution.out_image + top * convolution.out_width * LINE
    multiply_run(convolution, scratch, out, rows * convolution.out_width, 0, convolution.out_blocks, False)
