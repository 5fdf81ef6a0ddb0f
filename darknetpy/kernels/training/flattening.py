"""Pictures as rows of values, in the order channel, row, column, and gradients by such rows as pictures again.

A row is a blocked array with one pixel: its lines lie one after the other, so it is the values in their order.
"""

from __future__ import annotations

from darknetpy.kernels.convolution import divide
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, load_float, store_float
from darknetpy.kernels.training.elementwise import RUN
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

FLATTENING = record_type(**integers("source", "out", "out_image", "blocks", "channels", "pixels"))
"""source: address of a LOADING of pictures; out: rows. blocks, channels, pixels: of the pictures."""
FLATTENING_BACK = record_type(
    **integers("gradient", "gradient_image", "finishing", "images", "blocks", "channels", "pixels", "parts")
)
"""gradient: by rows; finishing: address of a FINISHING of pictures. blocks, channels, pixels: of these."""
_read, _read_back = reader(FLATTENING), reader(FLATTENING_BACK)
FLATTENING_SCRATCH = RUN * LINE


@operation(FLATTENING)
def flatten(record: int, chunk: int, scratch: int) -> None:
    """Pictures to rows; a chunk is one block of one picture. A row's last line is filled with 0."""
    flat = _read(record)
    image, block = chunk // flat.blocks, chunk % flat.blocks
    lanes, loading = min(LANES, flat.channels - block * LANES), read_loading(flat.source)
    row = flat.out + image * flat.out_image
    out = row + 4 * block * LANES * flat.pixels
    for first in range(0, flat.pixels, RUN):
        count = min(RUN, flat.pixels - first)
        load_lines(loading, image, block, first, count, scratch)
        for lane in range(lanes):
            to = out + 4 * (lane * flat.pixels + first)
            for pixel in range(count):
                store_float(to + 4 * pixel, load_float(scratch + pixel * LINE + 4 * lane))
    if block == flat.blocks - 1:
        values = flat.channels * flat.pixels
        clear_floats(row + 4 * values, -values % LANES)


@operation(FLATTENING_BACK)
def flatten_back(record: int, chunk: int, scratch: int) -> None:
    """Rows to pictures, finished.

    A chunk is (part, block) as in `darknetpy.kernels.training.elementwise`; units are pixels of all images.
    """
    flat = _read_back(record)
    finishing = read_finishing(flat.finishing)
    part, block = chunk // flat.blocks, chunk % flat.blocks
    begin_sums(finishing, part, block, 1)
    lanes, total = min(LANES, flat.channels - block * LANES), flat.images * flat.pixels
    first, last = divide(total, flat.parts, part), divide(total, flat.parts, part + 1)
    while first < last:
        image, pixel = first // flat.pixels, first % flat.pixels
        count = min(RUN, flat.pixels - pixel, last - first)
        if lanes < LANES:
            clear_floats(scratch, count * LANES)
        source = flat.gradient + image * flat.gradient_image + 4 * (block * LANES * flat.pixels + pixel)
        for lane in range(lanes):
            at = source + 4 * lane * flat.pixels
            for each in range(count):
                store_float(scratch + each * LINE + 4 * lane, load_float(at + 4 * each))
        finish_lines(finishing, part, image, block, pixel, count, scratch)
        first += count
