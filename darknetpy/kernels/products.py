"""Products of two channel-blocked arrays: a factor for each channel, for each pixel, or for each value."""

from __future__ import annotations

from darknetpy.kernels.convolution import divide
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LINE, broadcast, load, multiply, rectify, splat, store

PRODUCT = record_type(
    **integers(
        "factors", "factors_plane", "factors_image", "source", "source_plane", "source_image",
        "out", "out_plane", "out_image", "blocks", "pixels", "units", "chunks",
    ),
    slope="f4",
)  # fmt: skip
"""out = rectify(factors * source). units: the blocks of all images, shared out to so many chunks. slope: of the
activation below 0.
"""
_read = reader(PRODUCT)


@operation(PRODUCT)
def scale_channels(record: int, chunk: int, scratch: int) -> None:
    """A factor for each channel: factors have one pixel."""
    product = _read(record)
    slope = splat(product.slope)
    for unit in range(divide(product.units, product.chunks, chunk), divide(product.units, product.chunks, chunk + 1)):
        image, block = unit // product.blocks, unit % product.blocks
        factor = load(product.factors + image * product.factors_image + block * product.factors_plane)
        source = product.source + image * product.source_image + block * product.source_plane
        out = product.out + image * product.out_image + block * product.out_plane
        for at in range(0, product.pixels * LINE, LINE):
            store(out + at, rectify(multiply(factor, load(source + at)), slope))


@operation(PRODUCT)
def scale_pixels(record: int, chunk: int, scratch: int) -> None:
    """A factor for each pixel: factors have one channel, the first lane of their only block."""
    product = _read(record)
    slope = splat(product.slope)
    for unit in range(divide(product.units, product.chunks, chunk), divide(product.units, product.chunks, chunk + 1)):
        image, block = unit // product.blocks, unit % product.blocks
        factors = product.factors + image * product.factors_image
        source = product.source + image * product.source_image + block * product.source_plane
        out = product.out + image * product.out_image + block * product.out_plane
        for at in range(0, product.pixels * LINE, LINE):
            store(out + at, rectify(multiply(broadcast(factors + at), load(source + at)), slope))


@operation(PRODUCT)
def multiply_blocks(record: int, chunk: int, scratch: int) -> None:
    """A factor for each value."""
    product = _read(record)
    slope = splat(product.slope)
    for unit in range(divide(product.units, product.chunks, chunk), divide(product.units, product.chunks, chunk + 1)):
        image, block = unit // product.blocks, unit % product.blocks
        factors = product.factors + image * product.factors_image + block * product.factors_plane
        source = product.source + image * product.source_image + block * product.source_plane
        out = product.out + image * product.out_image + block * product.out_plane
        for at in range(0, product.pixels * LINE, LINE):
            store(out + at, rectify(multiply(load(factors + at), load(source + at)), slope))
