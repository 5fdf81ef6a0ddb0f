"""A team of threads that runs compiled operations by tickets.

The chunks of a job's operations are numbered through. Two counters are shared: the next ticket, and how many chunks are
done. A thread takes a ticket, waits until all chunks of earlier operations are done, runs its chunk, and counts it as
done. There is no barrier at which anybody must arrive: a helper that was never woken costs its share and nothing else.

Why this is right: tickets are handed out in order, and a chunk of an operation that begins at ticket b runs only when b
chunks are done. No chunk from b on can be among those, so they are exactly the ones before b. The count is raised by an
acquire-release operation after the chunk's stores, so whoever has seen it sees them. Chunks of one operation write
disjoint memory. There is no deadlock: the holder of the smallest unfinished ticket waits for nobody.

A job is started again by setting done = 0, then the ticket = 0 (release). A helper that comes late for the run before
takes a ticket past the end and leaves, or takes part in the new run, which is as good.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence

import numpy as np

from darknetpy.engine.memory import aligned_bytes
from darknetpy.kernels import kernel
from darknetpy.kernels.atomics import add_and_fetch_old, change_within, store_release, wait_for, yield_address
from darknetpy.kernels.operations import Operation, call_operation, integers, reader, record_type

STEP = record_type(**integers("function", "record", "first"))
"""One row of a job's table: addresses of the operation and of its record, and the number of its first chunk."""
_read = reader(STEP)
STEP_BYTES = STEP.itemsize
NEXT, DONE, COUNTER_BYTES = 0, 64, 128  # each counter has a cache line to itself
LINGER = 20000  # looks, about 0.3 ms in all, before a helper without work goes to sleep


@kernel
def run_chunks(table: int, total: int, counters: int, scratch: int, yield_core: int) -> None:
    """Run chunks by ticket until none of ``total`` is left."""
    ticket = add_and_fetch_old(counters + NEXT, 1)
    while ticket < total:
        while _read(table + STEP_BYTES).first <= ticket:
            table += STEP_BYTES
        step = _read(table)
        wait_for(counters + DONE, step.first, yield_core)
        call_operation(step.function, (step.record, ticket - step.first, scratch))
        add_and_fetch_old(counters + DONE, 1)
        ticket = add_and_fetch_old(counters + NEXT, 1)


@kernel
def lead(table: int, total: int, counters: int, scratch: int, yield_core: int) -> None:
    """Run a job from its start to its end, with whoever helps."""
    store_release(counters + DONE, 0)
    store_release(counters + NEXT, 0)
    run_chunks(table, total, counters, scratch, yield_core)
    wait_for(counters + DONE, total, yield_core)


class Scratch:
    """Memory of one thread, grown to what the largest job needs."""

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
        self.scratch_bytes = scratch_bytes
        self._records = [record for _, record, _ in operations]
        self._table = np.zeros(len(operations) + 1, STEP)
        first = 0
        for row, (operation, record, chunks) in zip(self._table, operations, strict=False):
            row["function"], row["record"], row["first"] = operation.address, record.ctypes.data, first
            first += chunks
        self._table[-1]["first"] = self._total = first
        self._counters = aligned_bytes(COUNTER_BYTES)
        self._counters.view(np.int64)[:] = first  # a helper that looks before the first run finds nothing to do
        self._places = self._table.ctypes.data, self._total, self._counters.ctypes.data

    def lead(self, scratch: Scratch) -> None:
        """Run the job to its end."""
        lead(*self._places, scratch.address(self.scratch_bytes), yield_address())

    def help(self, scratch: Scratch) -> None:
        """Take part in a run until no chunk is left to take."""
        run_chunks(*self._places, scratch.address(self.scratch_bytes), yield_address())


class _Post:
    """Where a leader leaves a job and helpers find it. Knows nothing of the team, so that a team can be let go."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.job: Job | None = None
        self.closed = False
        self.number = np.zeros(1, np.int64)  # of jobs posted; helpers watch it from compiled code

    def offer(self, job: Job) -> None:
        with self.changed:
            self.job = job
            self.number[0] += 1
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.number[0] += 1
            self.changed.notify_all()

    def next_job(self, seen: int) -> tuple[int, Job | None]:
        """Sleep until there is another number than ``seen``; it, and the job if it is still wanted."""
        with self.changed:
            while self.number[0] == seen:
                self.changed.wait()
            return int(self.number[0]), self.job


def _help_until_closed(post: _Post) -> None:
    """What a helper thread does all its life."""
    scratch = Scratch()
    seen = 0
    while True:
        seen, job = post.next_job(seen)
        if post.closed:
            return
        if job is not None:
            job.help(scratch)
        del job
        change_within(post.number.ctypes.data, seen, LINGER)


class Team:
    """The threads of one network: whoever calls `run` leads, ``threads - 1`` helpers join in.

    Helpers start with the first job, sleep while there is none, and end with the team or the interpreter. When several
    callers run jobs at the same time, one of them gets the helpers. A forked process makes helpers of its own.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._post = _Post()
        self._helpers: list[threading.Thread] = []
        self._taken = threading.Lock()
        self._end = weakref.finalize(self, self._post.close)

    def run(self, job: Job, scratch: Scratch) -> None:
        """Run a job to its end."""
        if self._process != os.getpid():
            self._end.detach()  # the helpers stayed in the process that was forked
            self._start()
        if self.threads == 1 or not self._taken.acquire(blocking=False):
            job.lead(scratch)
            return
        try:
            self._start_helpers()
            self._post.offer(job)
            job.lead(scratch)
        finally:
            self._post.job = None
            self._taken.release()

    def _start_helpers(self) -> None:
        while len(self._helpers) < self.threads - 1:
            name = f"darknetpy-{len(self._helpers) + 1}"
            helper = threading.Thread(target=_help_until_closed, args=(self._post,), name=name, daemon=True)
            helper.start()
            self._helpers.append(helper)


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
