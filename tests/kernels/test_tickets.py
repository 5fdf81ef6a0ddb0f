"""Tickets: who joins, who leaves, and what a late helper finds. Whole teams: tests/engine/test_threads.py."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.memory import aligned_bytes
from darknetpy.engine.threads import Job
from darknetpy.kernels.atomics import add_and_fetch_old
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.system import system
from darknetpy.kernels.tickets import (
    BOARD,
    BOARD_BYTES,
    CLOSED,
    CLOSED_DOWN,
    JOB,
    LEADING,
    LEFT,
    NO_CORE,
    NO_WORK,
    attend,
    lead,
)
from tests.engine.chains import Chain


class Board:
    """A board without helpers, on a system where they cannot sleep in compiled code."""

    def __init__(self, cores: int) -> None:
        self.memory, self.busy, self.scratch = aligned_bytes(BOARD_BYTES), np.zeros(1, np.int64), aligned_bytes(8192)
        self.memory[:] = 0
        self.address = self.memory.ctypes.data
        self.plain = self.memory[JOB:].view(BOARD)
        self.plain["busy"], self.plain["cores"], self.plain["helpers"] = self.busy.ctypes.data, cores, 1
        self.plain["give_way"] = system().give_way

    def word(self, place: int) -> np.ndarray:
        return self.memory[place : place + 8].view(np.int64)

    def lead(self, chain: Chain) -> None:
        lead(self.address, chain.job.address, chain.job.chunks, self.scratch.ctypes.data, 4096)

    def post(self, chain: Chain) -> None:
        """A job as a leader leaves it that has not yet taken a ticket."""
        for name, value in {"table": chain.job.address, "total": chain.job.chunks, "run": 1}.items():
            self.plain[name] = value
        self.plain["scratch"], self.plain["scratch_bytes"] = self.scratch.ctypes.data, 4096
        self.word(LEFT)[0] = chain.job.chunks


def test_a_late_helper_finds_nothing_and_does_no_harm() -> None:
    board, chain = Board(cores=2), Chain([3, 2])
    assert attend(board.address, 1) == NO_WORK
    board.lead(chain)
    chain.check()
    for _ in range(3):
        assert attend(board.address, 1) == NO_WORK
        board.lead(chain)
        chain.check()
    assert board.busy[0] == 0
    assert board.word(LEADING)[0] == 0


def test_a_helper_runs_what_the_leader_has_left() -> None:
    board, chain = Board(cores=2), Chain([3, 2, 4])
    board.post(chain)
    assert attend(board.address, 1) == NO_WORK
    chain.check()
    assert board.busy[0] == 0


def test_a_helper_without_a_core_stays_away() -> None:
    board, chain = Board(cores=2), Chain([3, 2])
    board.post(chain)
    board.busy[0] = 2
    assert attend(board.address, 1) == NO_CORE
    assert board.word(LEFT)[0] == chain.job.chunks
    assert board.busy[0] == 2


BUSIER = record_type(**integers("busy"))
_read = reader(BUSIER)


@operation(BUSIER)
def become_busier(record: int, chunk: int, scratch: int) -> None:
    """As if another leader had come."""
    add_and_fetch_old(_read(record).busy, 1)


def test_a_helper_leaves_between_chunks_when_cores_run_short() -> None:
    board = Board(cores=2)
    record = np.zeros(1, BUSIER)
    record["busy"] = board.busy.ctypes.data
    chain = Chain([1])
    chain.job = Job([(become_busier, record, 10)], 0)
    board.post(chain)
    assert attend(board.address, 1) == NO_CORE
    assert board.word(LEFT)[0] == 10 - 2  # the second chunk makes three of two
    assert board.busy[0] == 2


def test_a_second_leader_goes_alone() -> None:
    board, chain = Board(cores=2), Chain([3, 2])
    board.word(LEADING)[0] = 1
    board.lead(chain)
    chain.check()
    assert board.word(LEADING)[0] == 1
    assert board.plain["run"] == 0


def test_a_closed_board_ends_its_helpers() -> None:
    board = Board(cores=2)
    board.word(CLOSED)[0] = 1
    assert attend(board.address, 1) == CLOSED_DOWN
