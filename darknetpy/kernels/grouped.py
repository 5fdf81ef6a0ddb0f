"""Grouped convolution of channel-blocked arrays: the same convolution on slices of channels at equal distances.

A slice is some whole blocks of 16 channels, read and written where they lie. Where groups are narrower than a block, a
slice holds several of them, and the filters have zeros where channels belong to another group; so a NaN is seen in all
outputs of its slice.
"""

from __future__ import annotations

from darknetpy.kernels.convolution import CONVOLUTION
from darknetpy.kernels.layout import copy_floats
from darknetpy.kernels.operations import call_operation, integers, operation, reader, record_type
from darknetpy.kernels.simd import LINE

GROUPED = record_type(
    **{name: str(kind.str) for name, (kind, *_) in (CONVOLUTION.fields or {}).items()},
    **integers("convolve", "chunks_in_slice", "source_step", "out_step", "weights_step", "biases_step"),
)
"""The record of the first slice's convolution, and how to go on.

convolve: address of the operation that does a slice, in so many chunks; the steps are bytes from one slice to the next.
"""
CONVOLUTION_FLOATS = CONVOLUTION.itemsize // 4
RECORD_BYTES = -(-CONVOLUTION.itemsize // LINE) * LINE  # of scratch memory, before that of the convolution
_read = reader(GROUPED)


@operation(GROUPED)
def convolve_slices(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (slice, chunk of its convolution), which reads a record made for the slice."""
    grouped = _read(record)
    number = chunk // grouped.chunks_in_slice
    copy_floats(record, scratch, CONVOLUTION_FLOATS)
    own = _read(scratch)
    own.source = grouped.source + number * grouped.source_step
    own.out = grouped.out + number * grouped.out_step
    own.weights = grouped.weights + number * grouped.weights_step
    own.biases = grouped.biases + number * grouped.biases_step
    call_operation(grouped.convolve, (scratch, chunk % grouped.chunks_in_slice, scratch + RECORD_BYTES))
