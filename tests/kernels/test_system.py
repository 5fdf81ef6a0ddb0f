"""What the operating system offers to compiled code."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

import pytest

from darknetpy.kernels import kernel
from darknetpy.kernels.system import FUTEX_NUMBERS, FUTEX_WAKE, System, call_core, call_yield, system


@kernel
def give_way(address: int) -> int:
    """The answer of the system's function."""
    return call_yield(address, ())


@kernel
def core(address: int) -> int:
    """The core we are on."""
    return call_core(address, ())


def test_giving_way_comes_back() -> None:
    give_way(system().give_way)


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_the_core_is_one_that_we_may_run_on() -> None:
    if not system().core:
        pytest.skip("the C library does not tell")
    assert core(system().core) in os.sched_getaffinity(0)


@pytest.mark.skipif(platform.machine() not in FUTEX_NUMBERS or sys.platform != "linux", reason="of Linux")
def test_the_number_of_futex_is_that_of_this_machine() -> None:
    """Waking whoever sleeps on a word of ours: nobody, so 0. An unknown call would give -1."""
    word = ctypes.c_int64(0)
    library = ctypes.CDLL(None)
    library.syscall.restype = ctypes.c_long
    assert library.syscall(system().futex, ctypes.byref(word), FUTEX_WAKE, 1, None, None, 0) == 0


def test_other_systems_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "unknown")
    if os.name == "nt":
        pytest.skip("has no library of that kind")
    found = system.__wrapped__()
    assert found == System(system().give_way)
    assert found.give_way
