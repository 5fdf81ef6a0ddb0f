"""A team of threads that runs compiled operations. How they share the work: `darknetpy.kernels.tickets`.

Helpers do not need the interpreter while they work, wait or, on Linux, sleep, so that Python's other threads cannot
hold them up. Ctrl-C cannot leave a job half done: Python notices it when the leader has come back.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darknetpy.engine.memory import aligned_bytes
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.system import System, system
from darknetpy.kernels.tickets import BOARD, BOARD_BYTES, CLOSED_DOWN, JOB, NO_CORE, STEP, attend, close_down, lead

logger = logging.getLogger("darknetpy")

PAGE = 4096
MOMENT = 5_000_000  # nanoseconds after which a helper without a core looks again; more often it would disturb
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # in a Linux container: microseconds of computing, in how many


class Scratch:
    """Memory for the threads of one job, grown to what the largest job needs."""

    def __init__(self) -> None:
        self._bytes = aligned_bytes(0)

    def address(self, size: int) -> int:
        """Where at least ``size`` bytes begin; what was there before is lost."""
        if len(self._bytes) < size:
            self._bytes = aligned_bytes(size)
        return int(self._bytes.ctypes.data)


class Job:
    """Operations to run one after the other: (operation, record, number of chunks) each.

    A job can be run again and again, by one leader at a time; the records' arrays must outlive it.
    """

    def __init__(self, operations: Sequence[tuple[Operation, np.ndarray, int]], scratch_bytes: int) -> None:
        self.scratch_bytes = -(-scratch_bytes // PAGE) * PAGE  # of each thread, which share no line of the cache
        self._records = [record for _, record, _ in operations]
        self._table = np.zeros(len(operations) + 1, STEP)
        first = 0
        for row, (operation, record, chunks) in zip(self._table, operations, strict=False):
            row["function"], row["record"], row["first"] = operation.address, record.ctypes.data, first
            first += chunks
        self._table[-1]["first"] = first
        self.address, self.chunks = int(self._table.ctypes.data), first


class _Board:
    """What the threads of a team share. Knows nothing of the team, so that a team can be let go."""

    def __init__(self, threads: int, cores: int, functions: System) -> None:
        self._memory = aligned_bytes(BOARD_BYTES)
        self._memory[:] = 0
        self.address = int(self._memory.ctypes.data)
        self._places = list(range(threads - 1, 0, -1))
        self._numbers = np.zeros(threads, np.int64)  # of the helpers, as the system knows them, by place
        self._busy = _busy
        self._bell = None if functions.futex else _Bell()
        plain = self._memory[JOB:].view(BOARD)
        plain["busy"], plain["cores"], plain["shunned_core"] = _busy.ctypes.data, cores, -1
        plain["threads"], plain["helpers"] = self._numbers.ctypes.data, threads - 1
        plain["moment_nanoseconds"] = MOMENT
        for name, address in functions._asdict().items():
            plain[name] = address

    def help_until_closed(self) -> None:
        """What a helper thread does all its life. One that finds all places taken has none."""
        try:
            place = self._places.pop()
        except IndexError:  # Ctrl-C while threads were started: one of them was not counted
            return
        self._numbers[place] = threading.get_native_id()
        heard = 0
        while (reason := attend(self.address, place)) != CLOSED_DOWN:
            if self._bell is not None:
                heard = self._bell.wait(heard, MOMENT * 1e-9 if reason == NO_CORE else None)

    def ring(self) -> None:
        """Wake helpers that sleep in Python."""
        if self._bell is not None:
            self._bell.ring()

    def close(self) -> None:
        """End the helpers."""
        close_down(self.address)
        self.ring()


class _Bell:
    """Wakes threads that sleep in Python, where compiled code cannot sleep."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0

    def ring(self) -> None:
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float | None) -> int:
        """Sleep until it rings, at most so long; how often it has rung. Returns at once if that is not ``heard``."""
        with self._changed:
            self._changed.wait_for(lambda: self._rings != heard, seconds)
            return self._rings


class Team:
    """The threads of one network: whoever calls `run` leads, up to ``threads - 1`` helpers join in.

    Helpers start with the first job, sleep while there is none, and end with the team. When several callers run jobs at
    the same time, one of them gets the helpers, as far as there are cores for them. A forked process makes helpers of
    its own.

    Args:
        threads: how many compute at most.
        cores: how many threads of this process may compute at once before helpers stay away; by default as many as
            this process may use.
        functions: what the operating system offers to compiled code.
    """

    def __init__(self, threads: int, cores: int | None = None, functions: System | None = None) -> None:
        self.threads = threads
        self._cores, self._functions = cores or available_cores(), functions or system()
        self.begin()
        _teams.add(self)

    def begin(self) -> None:
        """Start anew, without helpers: at first, and in a forked process, where helpers did not follow."""
        self._board = _Board(self.threads, self._cores, self._functions)
        self._helpers: list[threading.Thread] = []
        self._wanted = self.threads - 1
        self._end = weakref.finalize(self, self._board.close)
        self._end.atexit = False  # helpers that sleep while the interpreter ends do not need it

    def run(self, job: Job, scratch: Scratch) -> None:
        """Run a job to its end."""
        if len(self._helpers) < self._wanted:
            self._start_helpers()
        self._board.ring()
        memory = scratch.address(job.scratch_bytes * self.threads)
        lead(self._board.address, job.address, job.chunks, memory, job.scratch_bytes)

    def _start_helpers(self) -> None:
        """As many helpers as the system allows; it may be one at its limits, or an interpreter that ends."""
        try:
            while len(self._helpers) < self._wanted:
                name = f"darknetpy-{len(self._helpers) + 1}"
                helper = threading.Thread(target=self._board.help_until_closed, name=name, daemon=True)
                helper.start()
                self._helpers.append(helper)
        except RuntimeError as error:
            logger.info("%d threads instead of %d: %s", len(self._helpers) + 1, self.threads, error)
            self._wanted = len(self._helpers)


_busy = aligned_bytes(64).view(np.int64)
"""[0]: how many threads of this process compute now; a cache line of its own."""
_teams: weakref.WeakSet[Team] = weakref.WeakSet()


def _begin_in_child() -> None:
    _busy[:] = 0
    for team in list(_teams):
        team.begin()


_busy[:] = 0
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


def available_cores() -> int:
    """How many cores this process may use: those it may run on, or as many as a container's quota amounts to."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text(encoding="ascii").split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no quota
        return cores
