"""Channel-blocked arrays, and conversion from and to planar ones.

*Planar* is the usual (n, c, h, w). *Channel-blocked* is (n, blocks, pixels, 16): block b of a pixel is one line with
channels 16 b to 16 b + 15, so that a vector holds 16 channels of a pixel. blocks = ceil(c / 16); the lanes past the
last channel hold finite values, which meet weights of zero. An unused line can stand between blocks (`block_stride`).
"""

from __future__ import annotations

from darknetpy.kernels import kernel
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, load, load_float, splat, store, store_float

PAGE = 4096

CONVERSION = record_type(
    **integers("source", "source_block", "source_image", "out", "out_block", "out_image", "channels", "pixels")
)
"""Source and out with their strides in bytes (the planar one's block stride is that of 16 channels)."""
_read = reader(CONVERSION)


def blocks_of(channels: int) -> int:
    """How many blocks of 16 hold these channels."""
    return -(-channels // LANES)


def block_stride(pixels: int) -> int:
    """Bytes from one block to the next.

    Never a multiple of a page: all blocks of a pixel would then share one set of the first-level cache.
    """
    stride = pixels * LINE
    return stride + LINE if stride % PAGE == 0 else stride


@kernel
def copy_lines(source: int, out: int, count: int) -> None:
    """Copy lines of 16 floats between addresses."""
    for i in range(count):
        store(out + i * LINE, load(source + i * LINE))


@kernel
def clear_lines(out: int, count: int) -> None:
    """Fill lines of 16 floats with zeros."""
    zero = splat(0.0)
    for i in range(count):
        store(out + i * LINE, zero)


@operation(CONVERSION)
def to_blocked(record: int, chunk: int, scratch: int) -> None:
    """Planar to channel-blocked; a chunk is one block of one image. Lanes without a channel become 0."""
    conversion = _read(record)
    blocks = (conversion.channels + LANES - 1) // LANES
    image, block = chunk // blocks, chunk % blocks
    source = conversion.source + image * conversion.source_image + block * conversion.source_block
    out = conversion.out + image * conversion.out_image + block * conversion.out_block
    lanes = min(LANES, conversion.channels - block * LANES)
    if lanes < LANES:
        clear_lines(out, conversion.pixels)
    for lane in range(lanes):
        plane = source + lane * conversion.pixels * 4
        for pixel in range(conversion.pixels):
            store_float(out + pixel * LINE + lane * 4, load_float(plane + pixel * 4))


@operation(CONVERSION)
def to_planar(record: int, chunk: int, scratch: int) -> None:
    """Channel-blocked to planar; a chunk is one block of one image."""
    conversion = _read(record)
    blocks = (conversion.channels + LANES - 1) // LANES
    image, block = chunk // blocks, chunk % blocks
    source = conversion.source + image * conversion.source_image + block * conversion.source_block
    out = conversion.out + image * conversion.out_image + block * conversion.out_block
    for lane in range(min(LANES, conversion.channels - block * LANES)):
        plane = out + lane * conversion.pixels * 4
        for pixel in range(conversion.pixels):
            store_float(plane + pixel * 4, load_float(source + pixel * LINE + lane * 4))
