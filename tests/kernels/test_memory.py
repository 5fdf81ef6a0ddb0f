"""Memory that is given back at once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from darknetpy.kernels.memory import HUGE_PAGE, empty_floats, large_bytes


def test_few_bytes_are_left_to_the_allocator() -> None:
    assert large_bytes(HUGE_PAGE - 1) is None


@pytest.mark.parametrize("shape", [(3,), (700, 1000), (1, 1 << 20, 3)])
def test_arrays_are_float32_of_their_shape_and_can_be_written(shape: tuple[int, ...]) -> None:
    array = empty_floats(shape)
    assert array.shape == shape
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    array[:] = 1
    assert array.sum() == array.size


def test_memory_goes_back_with_the_array() -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs Linux's book of memory")

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    array = empty_floats((8 << 20,))
    array[:] = 1
    part = array[5:]
    del array
    assert resident() - before > 30 << 20
    del part
    assert resident() - before < 4 << 20
