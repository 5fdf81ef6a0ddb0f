"""Functions of the operating system that compiled code calls through their addresses.

Everywhere: giving the core to another thread. On 64-bit Linux also: sleeping until another thread wakes (``futex``),
and saying on which cores a thread may run. Where these are missing, their addresses are 0 and callers do without.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
from typing import Any, NamedTuple

from numba import types

from darknetpy.kernels.simd import calling

FUTEX_NUMBERS = {"x86_64": 202, "aarch64": 98, "riscv64": 98}  # of the system call, from Linux's tables
FUTEX_WAIT, FUTEX_WAKE = 128, 129  # among threads of one process (FUTEX_PRIVATE_FLAG)
EVERYBODY = 2**31 - 1
MASK_BYTES = 128  # a set of 1024 cores, as glibc's cpu_set_t

call_yield = calling(types.int32())
call_core = calling(types.int32())
call_affinity = calling(types.int32(types.int32, types.int64, types.int64))
_WORD = types.int64
call_system = calling(_WORD(_WORD, _WORD, _WORD, _WORD, _WORD, _WORD, _WORD))


class System(NamedTuple):
    """Addresses of C functions, 0 for those that this system does not have.

    give_way: ``int f(void)``, gives the core to another thread. syscall: ``long f(long, ...)``, with ``futex`` the
    number for it. core: ``int f(void)``, the core we are on. get_affinity, set_affinity: ``int f(int thread, size_t,
    cpu_set_t *)``, thread 0 being the caller's.
    """

    give_way: int
    syscall: int = 0
    futex: int = 0
    core: int = 0
    get_affinity: int = 0
    set_affinity: int = 0


@functools.cache
def system() -> System:
    """What this system has."""
    if sys.platform == "win32":
        return System(_address(ctypes.WinDLL("kernel32"), "SwitchToThread"))
    library = ctypes.CDLL(None)
    give_way = _address(library, "sched_yield")
    if sys.platform != "linux" or sys.maxsize < 2**32 or sys.byteorder != "little":
        return System(give_way)
    affinity = [_address(library, name) for name in ("sched_getcpu", "sched_getaffinity", "sched_setaffinity")]
    futex = FUTEX_NUMBERS.get(platform.machine(), 0)
    return System(give_way, _address(library, "syscall") if futex else 0, futex, *(affinity if all(affinity) else ()))


def _address(library: Any, name: str) -> int:
    """Where a library's function begins; 0 if there is none of this name."""
    function = getattr(library, name, None)
    return 0 if function is None else int(ctypes.cast(function, ctypes.c_void_p).value or 0)
