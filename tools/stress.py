"""A team of threads under stress: python tools/stress.py --jobs 1000000 --threads 1 2 3 5 --callers 3 --neighbours 2

Each turn makes a random small chain of operations, each of which sums up what the one before has written, and runs it
some times: a chunk that ran twice, never, or too early changes the numbers, which are compared bit by bit. Several
callers share a team, and others have teams of their own; ``--cores`` lets more threads compute than there are cores.
Neighbours are other processes that keep a core busy each. ``--fork`` forks now and then and runs jobs in the child,
too, and ``--exits`` starts so many interpreters that end while helpers work. Prints jobs, jobs a second, and the
longest job.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from darknetpy.engine.threads import Scratch, Team, available_cores
from tests.engine.chains import Chain
from tests.engine.test_threads import EXIT

REPEATS = 50  # runs of a chain before the next one
FORK_EVERY = 2000  # jobs


class Caller(threading.Thread):
    """One that runs jobs, with a team that it may share; ``longest`` is in seconds."""

    def __init__(self, team: Team, jobs: int, seed: int, fork: bool) -> None:
        super().__init__()
        self.team, self.jobs, self.chance, self.fork = team, jobs, random.Random(seed), fork
        self.done, self.longest = 0, 0.0

    def run(self) -> None:
        """Run all jobs; ends early, and is short of them, when an answer is wrong."""
        scratch = Scratch()
        while self.done < self.jobs:
            chunks = [self.chance.randint(1, 12) for _ in range(self.chance.randint(1, 6))]
            chain = Chain(chunks, self.chance.choice((4, 5000)))
            for _ in range(min(REPEATS, self.jobs - self.done)):
                start = time.perf_counter()
                self.team.run(chain.job, scratch)
                self.longest = max(self.longest, time.perf_counter() - start)
                chain.check()
                self.done += 1
                if self.chance.random() < 0.001:
                    time.sleep(self.chance.choice((0.0002, 0.002)))  # helpers fall asleep
                if self.fork and self.done % FORK_EVERY == 0:
                    self.run_in_child(chain, scratch)

    def run_in_child(self, chain: Chain, scratch: Scratch) -> None:
        """Fork, and run jobs in the child."""
        child = os.fork()
        if child == 0:
            try:
                for _ in range(20):
                    self.team.run(chain.job, scratch)
                    chain.check()
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if status != 0:
            raise RuntimeError(f"a forked process ended with status {os.waitstatus_to_exitcode(status)}")


def stress(threads: int, arguments: argparse.Namespace) -> bool:
    """Run the jobs with teams of so many threads; whether all answers were right."""
    shared = Team(threads, arguments.cores)
    each = arguments.jobs // arguments.callers
    callers = [
        Caller(shared if number % 3 < 2 else Team(threads, arguments.cores), each, number, arguments.fork)
        for number in range(arguments.callers)
    ]
    start = time.perf_counter()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    seconds, done = time.perf_counter() - start, sum(caller.done for caller in callers)
    longest = max(caller.longest for caller in callers)
    right = all(caller.done == each for caller in callers)
    print(
        f"{threads} threads, {arguments.callers} callers: {done} jobs, {'all right' if right else 'FAILED'}, "
        f"{done / seconds:.0f} a second, the longest {1000 * longest:.1f} ms",
        flush=True,
    )
    return right


def exits(count: int) -> bool:
    """Start interpreters that end while helpers work; whether all ended well."""
    root = Path(__file__).resolve().parent.parent
    manners = (["once"], ["forever", "at once"], ["forever"])
    bad = 0
    for number in range(count):
        command = [sys.executable, "-c", EXIT, *manners[number % len(manners)]]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=root)
        if (answer.returncode, answer.stdout, answer.stderr) != (0, "done\n", ""):
            bad += 1
            print(manners[number % len(manners)], answer.returncode, answer.stderr[-500:], flush=True)
    print(f"{count} interpreters ended, {bad} of them badly", flush=True)
    return bad == 0


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="a team of threads under stress")
    parser.add_argument("--jobs", type=int, default=100_000, help="for each number of threads")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--cores", type=int, default=available_cores(), help="threads that may compute at once")
    parser.add_argument("--callers", type=int, default=3)
    parser.add_argument("--neighbours", type=int, default=0, help="other processes that keep cores busy")
    parser.add_argument("--fork", action="store_true", help="fork now and then")
    parser.add_argument("--exits", type=int, default=0, help="interpreters to start and end")
    return parser.parse_args()


def main() -> None:
    """Run all; exit with 1 if anything was wrong."""
    arguments = read_arguments()
    command = [sys.executable, "-c", "while True: pass"]
    neighbours = [subprocess.Popen(command) for _ in range(arguments.neighbours)]
    try:
        right = [stress(threads, arguments) for threads in arguments.threads] if arguments.jobs else []
        right.append(exits(arguments.exits))
    finally:
        for neighbour in neighbours:
            neighbour.kill()
    sys.exit(0 if all(right) else 1)


if __name__ == "__main__":
    main()
