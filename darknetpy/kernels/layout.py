"""Channel-blocked arrays, and conversion from and to planar ones.

*Planar* is the usual (n, c, h, w). *Channel-blocked* is (n, blocks, pixels, 16): block b of a pixel is one line with
channels 16 b to 16 b + 15, so that a vector holds 16 channels of a pixel. blocks = ceil(c / 16); the lanes past the
last channel hold finite values, which meet weights of zero. An unused line can stand between blocks (`block_stride`).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from darknetpy.kernels import kernel
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import (
    INT32,
    LANES,
    LINE,
    Emitter,
    intrinsic,
    load,
    load_float,
    splat,
    store,
    store_float,
    vector,
)

PAGE = 4096

CONVERSION = record_type(
    **integers("source", "source_plane", "source_image", "out", "out_plane", "out_image", "channels", "pixels")
)
"""Source and out with their strides in bytes: from one plane (a block, or a channel where planar) to the next."""
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
def copy_floats(source: int, out: int, count: int) -> None:
    """Copy floats between addresses."""
    whole = count // LANES * LANES
    for i in range(0, whole, LANES):
        store(out + 4 * i, load(source + 4 * i))
    for i in range(whole, count):
        store_float(out + 4 * i, load_float(source + 4 * i))


@kernel
def clear_floats(out: int, count: int) -> None:
    """Set floats at an address to 0."""
    whole = count // LANES * LANES
    for i in range(0, whole, LANES):
        store(out + 4 * i, splat(0.0))
    for i in range(whole, count):
        store_float(out + 4 * i, 0.0)


@intrinsic
def load_every_second(typing: Any, address: Any) -> Any:
    """16 floats, every second one from an address on; nothing behind the last of them is read."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        emit, half = Emitter(builder), LANES // 2
        first, second = emit.load(values[0]), emit.load(values[0], LINE - 4)
        lanes = [2 * lane for lane in range(half)] + [LANES + 1 + 2 * lane for lane in range(half)]
        return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(INT32, LANES), lanes))

    return vector(address), generate


@operation(CONVERSION)
def to_blocked(record: int, chunk: int, scratch: int) -> None:
    """Planar to channel-blocked; a chunk is one block of one image. Lanes without a channel become 0."""
    conversion = _read(record)
    blocks = (conversion.channels + LANES - 1) // LANES
    image, block = chunk // blocks, chunk % blocks
    source = conversion.source + image * conversion.source_image + block * LANES * conversion.source_plane
    out = conversion.out + image * conversion.out_image + block * conversion.out_plane
    lanes = min(LANES, conversion.channels - block * LANES)
    if lanes < LANES:
        clear_floats(out, conversion.pixels * LANES)
    for lane in range(lanes):
        plane = source + lane * conversion.source_plane
        for pixel in range(conversion.pixels):
            store_float(out + pixel * LINE + lane * 4, load_float(plane + pixel * 4))


@operation(CONVERSION)
def to_planar(record: int, chunk: int, scratch: int) -> None:
    """Channel-blocked to planar; a chunk is one block of one image."""
    conversion = _read(record)
    blocks = (conversion.channels + LANES - 1) // LANES
    image, block = chunk // blocks, chunk % blocks
    source = conversion.source + image * conversion.source_image + block * conversion.source_plane
    out = conversion.out + image * conversion.out_image + block * LANES * conversion.out_plane
    for lane in range(min(LANES, conversion.channels - block * LANES)):
        plane = out + lane * conversion.out_plane
        for pixel in range(conversion.pixels):
            store_float(plane + pixel * 4, load_float(source + pixel * LINE + lane * 4))
