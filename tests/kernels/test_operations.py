"""Records: compiled code reads what NumPy wrote."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import store_float
from tests.kernels.running import run

MIXED = record_type(**integers("out", "factor"), offset="f4", **integers("last"))
_read = reader(MIXED)


@operation(MIXED)
def write_line(record: int, chunk: int, scratch: int) -> None:
    """out[chunk] = factor * chunk + offset + last."""
    mixed = _read(record)
    store_float(mixed.out + 4 * chunk, np.float32(mixed.factor * chunk + mixed.offset + mixed.last))


def test_an_operation_reads_integers_and_floats_of_its_record() -> None:
    out = np.zeros(5, np.float32)
    run(write_line, 5, out=out, factor=-3, offset=0.5, last=2**20)
    np.testing.assert_array_equal(out, -3.0 * np.arange(5) + 0.5 + 2**20)
