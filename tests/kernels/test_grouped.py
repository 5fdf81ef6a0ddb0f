"""One operation on slices of channels: the record that each slice's chunks read."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.convolution import CONVOLUTION
from darknetpy.kernels.grouped import GROUPED, RECORD_BYTES, convolve_slices
from darknetpy.kernels.operations import operation, reader
from darknetpy.kernels.simd import store_float
from tests.kernels.running import run

_read = reader(CONVOLUTION)


@operation(CONVOLUTION)
def write_record(record: int, chunk: int, scratch: int) -> None:
    """What a chunk sees, as floats: places of its arrays, its number, another field, the slope, its scratch."""
    seen = _read(record)
    line = seen.out + 64 * chunk
    store_float(line, np.float32(seen.source - seen.offsets))
    store_float(line + 4, np.float32(seen.weights - seen.offsets))
    store_float(line + 8, np.float32(seen.biases - seen.offsets))
    store_float(line + 12, np.float32(chunk))
    store_float(line + 16, np.float32(seen.panel_rows))
    store_float(line + 20, seen.slope)
    store_float(line + 24, np.float32(scratch - record))


def places(record: np.dtype) -> dict[str, int]:
    """Where each field begins."""
    assert record.fields is not None
    return {name: place for name, (_, place, *_) in record.fields.items()}


def test_the_record_of_a_slice_begins_as_that_of_a_convolution() -> None:
    assert CONVOLUTION.names is not None
    for name in CONVOLUTION.names:
        assert GROUPED[name] == CONVOLUTION[name]
        assert places(GROUPED)[name] == places(CONVOLUTION)[name]
    assert CONVOLUTION.itemsize <= RECORD_BYTES


def test_each_slice_reads_its_own_arrays_and_shares_the_rest() -> None:
    out = np.full((3, 4, 16), np.nan, np.float32)
    base = np.zeros(1, np.int64)
    run(
        convolve_slices, 3 * 2, scratch_bytes=RECORD_BYTES,
        source=base, offsets=base, weights=base, biases=base, out=out,
        convolve=write_record.address, chunks_in_slice=2, panel_rows=17, slope=0.25,
        source_step=100, weights_step=200, biases_step=300, out_step=out.strides[0],
    )  # fmt: skip
    for number, chunk in np.ndindex(3, 2):
        right = [100 * number, 200 * number, 300 * number, chunk, 17, 0.25, RECORD_BYTES]
        np.testing.assert_array_equal(out[number, chunk, :7], right)
    assert np.isnan(out[:, 2:]).all()
