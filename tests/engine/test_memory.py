"""Places in the arena."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from darknetpy.engine.memory import Value, aligned_bytes, place


def value(size: int, first: int, last: int) -> Value:
    """A value of so many floats, used from one step to another."""
    made = Value((size,), 1, blocked=False)
    made.used_at(first)
    made.used_at(last)
    return made


def test_values_in_use_at_the_same_time_never_overlap() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        firsts = random.integers(0, 30, 40)
        values = [value(int(random.integers(1, 500)), first, first + random.integers(0, 6)) for first in firsts]
        total = place(values)
        owner = np.full((40, total), -1)
        for number, one in enumerate(values):
            cells = owner[one.first : one.last + 1, one.offset : one.offset + one.size]
            assert (cells == -1).all()
            cells[:] = number
        assert all(one.offset % 64 == 0 for one in values)


def test_a_place_is_used_again() -> None:
    chain = [value(1000, step, step + 1) for step in range(10)]
    assert place(chain) < 3 * 4096


@pytest.mark.parametrize("count", [1, 100, 3 << 20])
def test_memory_begins_on_a_cache_line(count: int) -> None:
    memory = aligned_bytes(count)
    assert len(memory) == count
    assert memory.ctypes.data % 64 == 0


def test_a_forked_process_has_its_own() -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    script = """
import os
from darknetpy.engine.memory import aligned_bytes
memory = aligned_bytes(5 << 20)
memory[:] = 1
child = os.fork()
if child == 0:
    memory[:] = 2
    os._exit(0)
os.waitpid(child, 0)
print(memory.min(), memory.max())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["1", "1"]


def test_what_is_not_touched_takes_no_memory_and_all_goes_back() -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs Linux's book of memory")

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    count = (32 << 20) + (1 << 20)
    before = resident()
    memory = aligned_bytes(count)
    assert resident() - before < 4 << 20
    memory[:] = 1
    assert 0.9 * count < resident() - before < count + (4 << 20)
    del memory
    assert resident() - before < 4 << 20


def test_views_of_an_arena() -> None:
    planar, blocked = Value((20, 8, 8), 2, blocked=False), Value((20, 8, 8), 2, blocked=True)
    for one in (planar, blocked):
        one.used_at(0)
    arena = np.zeros(place([planar, blocked]), np.uint8)
    planar.view(arena)[:] = 1
    assert planar.view(arena).shape == (2, 20, 8, 8)
    lines = blocked.view(arena)
    assert lines.shape == (2, 2, 64, 16)
    assert lines.strides == (blocked.image_bytes, blocked.plane_bytes, 64, 4)
    assert not lines.any()
    lines[:] = 2
    assert (planar.view(arena) == 1).all()
