"""Activations that are more than a slope, on whole arrays in training: there, and the gradient back.

A chunk is (part, block) as in `darknetpy.kernels.training.elementwise`; units are pixels of all images.
"""

from __future__ import annotations

from darknetpy.kernels.convolution import divide
from darknetpy.kernels.curves import call_curve
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LINE
from darknetpy.kernels.training.derivatives import call_derivative
from darknetpy.kernels.training.elementwise import RUN
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

BENDING = record_type(
    **integers("before", "gradient", "finishing", "images", "blocks", "pixels", "parts", "curve", "number")
)
"""before: address of a LOADING, of what stands before the activation; gradient: that of another one, of the gradient by
its output, or 0 on the way there; finishing: that of a FINISHING. curve: address of `run_curve`, or on the way back of
`run_derivative`; number: `curve_number` of the activation.
"""
BENDING_SCRATCH = 2 * RUN * LINE
_read = reader(BENDING)


@operation(BENDING)
def bend(record: int, chunk: int, scratch: int) -> None:
    """The activation of ``before``; or with a gradient, that times the derivative at ``before``. Finished."""
    bending = _read(record)
    finishing = read_finishing(bending.finishing)
    part, block = chunk // bending.blocks, chunk % bending.blocks
    begin_sums(finishing, part, block, 1)
    total = bending.images * bending.pixels
    first, last = divide(total, bending.parts, part), divide(total, bending.parts, part + 1)
    while first < last:
        image, pixel = first // bending.pixels, first % bending.pixels
        count = min(RUN, bending.pixels - pixel, last - first)
        address, out = bending.before, scratch
        while address:  # one place for both arrays, as kernels are compiled for each
            load_lines(read_loading(address), image, block, pixel, count, out)
            address = bending.gradient if out == scratch else 0
            out += RUN * LINE
        if bending.gradient:
            call_derivative(bending.curve, (bending.number, scratch, scratch + RUN * LINE, count))
            finish_lines(finishing, part, image, block, pixel, count, scratch + RUN * LINE)
        else:
            call_curve(bending.curve, (bending.number, scratch, count))
            finish_lines(finishing, part, image, block, pixel, count, scratch)
        first += count
