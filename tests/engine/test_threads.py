"""The team: every chunk once, operations in order, whatever the threads do."""

from __future__ import annotations

import _thread
import gc
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from darknetpy.engine import threads as threads_module
from darknetpy.engine.threads import Scratch, Team, available_cores
from darknetpy.kernels.system import System, system
from tests.engine.chains import Chain

ROOT = Path(__file__).resolve().parents[2]
PLAIN = System(system().give_way)  # a system on which helpers sleep in Python


def helpers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("darknetpy-")}


@pytest.mark.parametrize("functions", [system(), PLAIN], ids=["this system", "plain"])
@pytest.mark.parametrize("cores", [1, 2, 9])
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_every_chunk_runs_once_and_after_the_operation_before(threads: int, cores: int, functions: System) -> None:
    team, scratch = Team(threads, cores, functions), Scratch()
    chain = Chain([1, 7, 2, 1, 30, 3])
    for _ in range(100):
        team.run(chain.job, scratch)
        chain.check()


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_thousands_of_small_jobs_by_several_callers(threads: int) -> None:
    team = Team(threads, cores=4)
    others = [Team(2, cores=4), team, team]
    ended: list[int] = []

    def lead(seed: int, team: Team) -> None:
        chance, scratch = random.Random(seed), Scratch()
        chains = [Chain([chance.randint(1, 9) for _ in range(chance.randint(1, 5))]) for _ in range(10)]
        for turn in range(500):
            chain = chains[turn % len(chains)]
            team.run(chain.job, scratch)
            chain.check()
        ended.append(seed)

    callers = [threading.Thread(target=lead, args=(seed, team)) for seed, team in enumerate([team, *others])]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=120)
    assert sorted(ended) == [0, 1, 2, 3]


def test_jobs_of_one_team_alternate_with_pauses() -> None:
    team, scratch = Team(3, cores=3), Scratch()
    chains = [Chain([5, 3]), Chain([1, 9, 4], scratch_bytes=100_000)]
    for turn in range(60):
        team.run(chains[turn % 2].job, scratch)
        chains[turn % 2].check()
        time.sleep(0.001 * (turn % 3))  # helpers are awake, on their way to sleep, and asleep


def test_helpers_take_part() -> None:
    """Many long chunks: a helper that never came would leave no core time of its own."""
    if available_cores() < 2:
        pytest.skip("needs two cores")
    team, scratch, chain = Team(2), Scratch(), Chain([1000, 2000])
    own, all_threads = time.thread_time(), time.process_time()
    for _ in range(100):
        team.run(chain.job, scratch)
        chain.check()
    own, all_threads = time.thread_time() - own, time.process_time() - all_threads
    assert all_threads > 1.1 * own


def test_helpers_start_with_the_first_job_and_end_with_the_team() -> None:
    gc.collect()
    before = helpers()
    team = Team(3)
    assert helpers() == before
    team.run(Chain([2]).job, Scratch())
    started = helpers() - before
    assert len(started) == 2
    assert all(thread.daemon for thread in started)
    del team
    gc.collect()
    for thread in started:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_helpers_sleep_when_there_is_no_work() -> None:
    team, scratch, chain = Team(3, cores=3), Scratch(), Chain([5, 3])
    for _ in range(20):
        team.run(chain.job, scratch)
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.03


def test_a_system_at_its_limit_of_threads_computes_with_those_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    team, scratch, chain = Team(3), Scratch(), Chain([5, 3])
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(3):
        team.run(chain.job, scratch)
        chain.check()


def test_an_interrupt_between_jobs_leaves_the_team_usable() -> None:
    team, scratch, chain = Team(3, cores=3), Scratch(), Chain([30, 20, 10])
    team.run(chain.job, scratch)
    chain.check()
    interrupted = 0
    for turn in range(20):
        timer = threading.Timer(0.0005 * turn, _thread.interrupt_main)
        try:
            timer.start()
            for _ in range(100_000):
                team.run(chain.job, scratch)
                chain.check()
        except KeyboardInterrupt:
            interrupted += 1
        timer.join()
        for array in chain.arrays:
            array[:] = 0
    assert interrupted == 20
    for _ in range(100):
        team.run(chain.job, scratch)
        chain.check()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_makes_helpers_of_its_own() -> None:
    team, scratch, chain = Team(3, cores=3), Scratch(), Chain([5, 30, 3])
    for _ in range(10):
        team.run(chain.job, scratch)
        chain.check()
        child = os.fork()
        if child == 0:
            try:
                for _ in range(20):
                    team.run(chain.job, scratch)
                    chain.check()
                os._exit(0 if len(team._helpers) == 2 else 1)
            finally:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0


EXIT = """
import sys, threading, time
from darknetpy.engine.threads import Scratch, Team
from tests.engine.chains import Chain
teams = [Team(3, cores=8) for _ in range(2)]
def lead(team):
    chain, scratch = Chain([20, 30, 10]), Scratch()
    while True:
        team.run(chain.job, scratch)
        chain.check()
        if sys.argv[1] == "once":
            return
lead_again = threading.Thread(target=lead, args=(teams[0],), daemon=True)
lead_again.start()
sys.argv[2:] or lead_again.join(1)
print("done")
"""


@pytest.mark.parametrize("manner", [["once"], ["forever", "at once"], ["forever"]])
def test_the_interpreter_ends_while_helpers_wait_or_work(manner: list[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", EXIT, *manner], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "done\n", "")


def test_scratch_grows_to_what_is_asked_for() -> None:
    scratch = Scratch()
    small = scratch.address(100)
    assert scratch.address(50) == small
    assert scratch.address(1 << 20) % 64 == 0


@pytest.mark.parametrize(("text", "most"), [("150000 100000\n", 2), ("50000 100000", 1), ("max 100000", 10_000)])
def test_a_quota_limits_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, most: int) -> None:
    monkeypatch.setattr(threads_module, "QUOTA", tmp_path / "none")
    cores = available_cores()
    assert cores >= 1
    monkeypatch.setattr(threads_module, "QUOTA", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(text, encoding="ascii")
    assert available_cores() == min(cores, most)


@pytest.mark.skipif(not system().set_affinity, reason="helpers go where the system puts them")
def test_helpers_keep_away_from_the_core_of_the_leader() -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("needs two cores")
    before, scratch, chain = helpers(), Scratch(), Chain([5, 3])
    team = Team(3)
    try:
        for core in sorted(allowed)[:2]:
            os.sched_setaffinity(0, allowed)
            team.run(chain.job, scratch)
            chain.check()
            os.sched_setaffinity(0, {core})  # we are there now, and may go back
            os.sched_setaffinity(0, allowed)
            while any(thread.native_id is None for thread in helpers() - before):
                time.sleep(0.001)
            kept = set()
            for _ in range(1000):
                team.run(chain.job, scratch)
                chain.check()
                kept = {frozenset(os.sched_getaffinity(thread.native_id or 0)) for thread in helpers() - before}
                if len(kept) == 1 and len(*kept) == len(allowed) - 1:
                    break
            assert [len(cores) for cores in kept] == [len(allowed) - 1]
    finally:
        os.sched_setaffinity(0, allowed)
