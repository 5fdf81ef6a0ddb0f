"""The team: every chunk once, operations in order, whatever the threads do."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from darknetpy.engine.threads import Job, Scratch, Team, available_cores
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import load_float, store_float

COUNT = record_type(**integers("source", "out", "length"))
_read = reader(COUNT)


@operation(COUNT)
def add_all(record: int, chunk: int, scratch: int) -> None:
    """out[chunk] += 1 + the sum of source."""
    work = _read(record)
    total = 1.0
    for index in range(work.length):
        total += load_float(work.source + 4 * index)
    store_float(work.out + 4 * chunk, load_float(work.out + 4 * chunk) + np.float32(total))


class Chain:
    """Operations of which each sums up what the one before has written."""

    def __init__(self, chunks: list[int], scratch_bytes: int = 0) -> None:
        self.arrays = [np.zeros(count, np.float32) for count in chunks]
        before = np.zeros(0, np.float32)
        operations = []
        for array in self.arrays:
            record = np.zeros(1, COUNT)
            record["source"], record["length"] = before.ctypes.data, len(before)
            record["out"] = array.ctypes.data
            operations.append((add_all, record, len(array)))
            before = array
        self.job = Job(operations, scratch_bytes)

    def check(self) -> None:
        """Each chunk ran once, after all of the operation before; then start from zero."""
        total = 1.0
        for array in self.arrays:
            np.testing.assert_array_equal(array, np.full(len(array), total, np.float32))
            total = 1 + len(array) * total
            array[:] = 0


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_every_chunk_runs_once_and_after_the_operation_before(threads: int) -> None:
    team, scratch = Team(threads), Scratch()
    chain = Chain([1, 7, 2, 1, 30, 3])
    for _ in range(200):
        team.run(chain.job, scratch)
        chain.check()


def test_jobs_of_one_team_alternate() -> None:
    team, scratch = Team(3), Scratch()
    chains = [Chain([5, 3]), Chain([1, 9, 4], scratch_bytes=100_000)]
    for turn in range(100):
        team.run(chains[turn % 2].job, scratch)
        chains[turn % 2].check()


def test_several_leaders_at_once() -> None:
    team = Team(2)

    def lead() -> None:
        scratch, chain = Scratch(), Chain([4, 6, 5])
        for _ in range(100):
            team.run(chain.job, scratch)
            chain.check()
        ended.append(True)

    ended: list[bool] = []
    leaders = [threading.Thread(target=lead) for _ in range(3)]
    for leader in leaders:
        leader.start()
    for leader in leaders:
        leader.join()
    assert ended == [True] * 3


def test_helpers_start_with_the_first_job_and_end_with_the_team() -> None:
    def helpers() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name.startswith("darknetpy-")]

    gc.collect()
    before = set(helpers())
    team = Team(3)
    assert set(helpers()) == before
    team.run(Chain([2]).job, Scratch())
    started = set(helpers()) - before
    assert len(started) == 2
    assert all(thread.daemon for thread in started)
    del team
    gc.collect()
    for thread in started:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_scratch_grows_to_what_is_asked_for() -> None:
    scratch = Scratch()
    small = scratch.address(100)
    assert scratch.address(50) == small
    assert scratch.address(1 << 20) % 64 == 0
    assert available_cores() >= 1
