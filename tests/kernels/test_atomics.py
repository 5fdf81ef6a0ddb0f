"""Counters between threads."""

from __future__ import annotations

import threading

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.atomics import add_and_fetch_old, store_release, wait_for
from darknetpy.kernels.system import system


@kernel
def count(counter: int, times: int) -> int:
    """Add 1 so many times; the sum of what was there before."""
    total = 0
    for _ in range(times):
        total += add_and_fetch_old(counter, 1)
    return total


@kernel
def publish(data: np.ndarray, counter: int) -> None:
    """Write everywhere, then say so."""
    data[:] = 1
    store_release(counter, 1)


def test_no_count_is_lost_or_given_twice() -> None:
    counter = np.zeros(1, np.int64)
    totals: list[int] = []
    work = [threading.Thread(target=lambda: totals.append(count(counter.ctypes.data, 100_000))) for _ in range(4)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert counter[0] == 400_000
    assert sum(totals) == 400_000 * 399_999 // 2  # every number from 0 on was handed out once


def test_waiting_ends_when_the_counter_is_reached_and_sees_what_was_written() -> None:
    counter, data = np.zeros(1, np.int64), np.zeros(100_000)
    seen: list[float] = []

    def wait_and_look() -> None:
        wait_for(counter.ctypes.data, 1, system().give_way)
        seen.append(float(data.sum()))

    waiting = threading.Thread(target=wait_and_look)
    waiting.start()
    publish(data, counter.ctypes.data)
    waiting.join(timeout=60)
    assert seen == [100_000.0]
