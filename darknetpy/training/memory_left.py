"""How much memory this process may still take."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

MEMORY_INFO, OWN_MEMORY = Path("/proc/meminfo"), Path("/proc/self/statm")
CONTROL_GROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)
"""Files with the limit of a container and what it has taken, of the two kinds of control groups that Linux has."""
UNKNOWN = 2 << 30  # bytes that a computer has to spare which does not tell


def memory_left() -> int:
    """Bytes that are free on this computer, in this container and below the limits of this process."""
    found = [_of_the_computer(), _below_the_limit()]
    for limit, taken in CONTROL_GROUPS:
        with suppress(OSError, ValueError):  # no such file, or "max": no limit
            found.append(int(limit.read_text(encoding="ascii")) - int(taken.read_text(encoding="ascii")))
    return max(0, min(size for size in found if size is not None))


def _of_the_computer() -> int:
    if sys.platform == "win32":
        return _of_windows()
    with suppress(OSError, ValueError, StopIteration):
        lines = MEMORY_INFO.read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable:")))
    with suppress(OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return UNKNOWN


def _of_windows() -> int:
    """Physical memory that is available, the third number of MEMORYSTATUSEX."""
    if sys.platform != "win32":
        return UNKNOWN
    import ctypes

    status = (ctypes.c_uint64 * 8)()  # two 32-bit numbers, its own length first, and seven of 64 bits
    status[0] = ctypes.sizeof(status)
    return int(status[2]) if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else UNKNOWN


def _below_the_limit() -> int | None:
    """What may be added to the addresses of this process (``ulimit -v``); None where there is no limit."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(OWN_MEMORY.read_text(encoding="ascii").split()[0])
    except (ImportError, OSError, ValueError, AttributeError):
        return None
    return None if limit == resource.RLIM_INFINITY else limit - pages * resource.getpagesize()
