"""Products of two channel-blocked arrays, value by value, as a [dropout] in training needs them."""

from __future__ import annotations

from darknetpy.kernels.convolution import divide
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LINE, load, multiply, store
from darknetpy.kernels.training.elementwise import RUN
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

PRODUCT = record_type(
    **integers(
        "source", "factors", "factors_plane", "factors_image", "finishing", "images", "blocks", "pixels", "parts"
    )
)
"""source: address of a LOADING; factors: the other array; finishing: address of a FINISHING."""
PRODUCT_SCRATCH = RUN * LINE
_read = reader(PRODUCT)


@operation(PRODUCT)
def multiply_arrays(record: int, chunk: int, scratch: int) -> None:
    """source * factors, finished.

    A chunk is (part, block) as in `darknetpy.kernels.training.elementwise`; units are pixels of all images.
    """
    product = _read(record)
    finishing = read_finishing(product.finishing)
    part, block = chunk // product.blocks, chunk % product.blocks
    begin_sums(finishing, part, block, 1)
    total = product.images * product.pixels
    first, last = divide(total, product.parts, part), divide(total, product.parts, part + 1)
    while first < last:
        image, pixel = first // product.pixels, first % product.pixels
        count = min(RUN, product.pixels - pixel, last - first)
        load_lines(read_loading(product.source), image, block, pixel, count, scratch)
        factors = product.factors + image * product.factors_image + block * product.factors_plane + pixel * LINE
        for at in range(0, count * LINE, LINE):
            store(scratch + at, multiply(load(scratch + at), load(factors + at)))
        finish_lines(finishing, part, image, block, pixel, count, scratch)
        first += count
