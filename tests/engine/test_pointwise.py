"""How the work of steps that look at one value at a time is divided."""

from __future__ import annotations

import pytest

from darknetpy.engine.convolutions import CHUNKS_PER_THREAD
from darknetpy.engine.memory import Value
from darknetpy.engine.pointwise import divide_lines


def parts(channels: int, side: int, threads: int) -> int:
    return divide_lines(Value((channels, side, side), 1, blocked=True), threads)


def test_one_thread_and_small_arrays_need_no_division() -> None:
    assert parts(32, 416, threads=1) == 1
    assert parts(1024, 3, threads=8) == 1
    assert parts(16, 1, threads=8) == 1


@pytest.mark.parametrize("threads", [2, 4])
def test_large_arrays_are_shared(threads: int) -> None:
    assert threads <= 2 * parts(32, 416, threads) <= 2 * CHUNKS_PER_THREAD * threads
