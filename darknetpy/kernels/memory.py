"""Large arrays in memory of their own, which goes back to the system as soon as they do.

The allocator of small arrays keeps what was freed for later, tens of MiB in each thread.
"""

from __future__ import annotations

import mmap

import numpy as np

HUGE_PAGE = 1 << 21
PRIVATE: int | None = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS if hasattr(mmap, "MAP_PRIVATE") else None
"""How to ask for memory that a forked process does not share; None where the system has no such call."""


def large_bytes(count: int) -> np.ndarray | None:
    """Zeros (count,) uint8 that begin on a huge page; None where they are too few, or the system cannot.

    Only whole huge pages are asked for, so that what is never touched takes no memory.
    """
    if count < HUGE_PAGE or PRIVATE is None:
        return None
    pages = mmap.mmap(-1, count + HUGE_PAGE, flags=PRIVATE)
    whole = np.frombuffer(pages, np.uint8)
    start = -whole.ctypes.data % HUGE_PAGE
    if hasattr(pages, "madvise") and hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE, start, count // HUGE_PAGE * HUGE_PAGE)
    return whole[start : start + count]


def empty_floats(shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised float32 array."""
    large = large_bytes(4 * int(np.prod(shape)))
    return np.empty(shape, np.float32) if large is None else large.view(np.float32).reshape(shape)
