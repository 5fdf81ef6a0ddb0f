"""Jobs for tests of teams: chains of operations whose right answer is known."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.threads import Job
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import load_float, store_float

COUNT = record_type(**integers("source", "out", "length"))
_read = reader(COUNT)


@operation(COUNT)
def add_all(record: int, chunk: int, scratch: int) -> None:
    """out[chunk] += 1 + the sum of source, which goes through scratch memory."""
    work = _read(record)
    store_float(scratch, np.float32(1))
    for index in range(work.length):
        store_float(scratch, load_float(scratch) + load_float(work.source + 4 * index))
    store_float(work.out + 4 * chunk, load_float(work.out + 4 * chunk) + load_float(scratch))


class Chain:
    """Operations of which each sums up what the one before has written; ``chunks`` of each."""

    def __init__(self, chunks: list[int], scratch_bytes: int = 4) -> None:
        self.arrays = [np.zeros(count, np.float32) for count in chunks]
        before = np.zeros(0, np.float32)
        operations = []
        for array in self.arrays:
            record = np.zeros(1, COUNT)
            record["source"], record["length"] = before.ctypes.data, len(before)
            record["out"] = array.ctypes.data
            operations.append((add_all, record, len(array)))
            before = array
        self.job = Job(operations, scratch_bytes)
        self._right = []
        total = 1.0
        for array in self.arrays:
            self._right.append(np.full(len(array), total, np.float32))
            total = 1 + len(array) * total

    def check(self) -> None:
        """Each chunk ran once, after all of the operation before; then start from zero."""
        for array, right in zip(self.arrays, self._right, strict=True):
            assert array.tobytes() == right.tobytes(), (array, right)
            array[:] = 0
