"""A job in a process of its own: its threads, its memory and its start are nobody else's."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from tools.peers.networks import NotConvertible
from tools.peers.runtimes import Files

LONGEST = 600  # seconds that anything may take
WARMING = 5  # untimed runs before the first that counts: PyTorch rewrites a network while it runs it
WARMING_SECONDS = 2  # after which one untimed run is enough, as PyTorch needs two in all
LONG = 0.3  # seconds of a run which an untimed one right before would not change
PAUSE = 0.05  # seconds before a runtime's turn, in which threads of the one before stop looking for work
SETTLING = 0.02  # seconds of untimed runs at the beginning of a turn, so that threads are awake and caches filled
TIMED = 3  # runs of a turn, where they are short


class PeerFailed(Exception):
    """A job cannot be done; the text says why."""


class Running(Protocol):
    """A job that is ready."""

    def first(self) -> Any:
        """Run for the first time; the answers."""
        ...

    def again(self) -> None:
        """Run as often as one likes."""
        ...


class Job(Protocol):
    """What a process is to do; it is sent there."""

    def import_all(self) -> None:
        """What is imported before anything is loaded; its size is not the network's."""
        ...

    def load(self) -> Running:
        """Whatever it raises is the job's answer."""
        ...


class PeerProcess:
    """A process with one job, which waits for orders.

    Attributes: ``start_seconds`` from the start of the process to the end of its first run; ``answers`` of that run.
    """

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self._orders, theirs = context.Pipe()
        begin = time.perf_counter()
        self._process = context.Process(target=_serve, args=(theirs, job), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.answers: Any = self._answer()
        except PeerFailed:
            self.close()
            raise
        self.start_seconds = time.perf_counter() - begin

    def wait(self) -> None:
        """Until it has made its untimed runs."""
        self._orders.send("wait")
        self._answer()

    def time_runs(self) -> list[float]:
        """Seconds of a few runs, or of one where they are long; before them, some that are not timed."""
        time.sleep(PAUSE)
        self._orders.send("run")
        return list(self._answer())

    def peak_memory(self) -> float:
        """MiB of memory at most so far, less those before the network was loaded."""
        self._orders.send("memory")
        return float(self._answer())

    def close(self) -> None:
        """End the process."""
        self._orders.close()  # which ends its waiting
        self._process.join(LONGEST)

    def _answer(self) -> Any:
        try:
            if not self._orders.poll(LONGEST):
                raise PeerFailed(f"no answer within {LONGEST} s")
            found, problem = self._orders.recv()
        except EOFError as ended:
            raise PeerFailed("the process ended") from ended
        if problem:
            raise PeerFailed(problem)
        return found


def _serve(orders: Connection, job: Job) -> None:
    """What the process does: load, run once, then obey until nobody gives orders any more."""
    warnings.simplefilter("ignore")  # darknetpy's of the cfg, PyTorch's of TorchScript: a chart has no room for them
    try:
        job.import_all()
        before = highest_resident()
        running = job.load()
        orders.send((running.first(), ""))
    except Exception as problem:  # whatever a runtime raises is its answer
        orders.send((None, (str(problem).strip() or repr(problem)).splitlines()[0][:200]))
        return
    latest = _warm_up(running)
    while True:
        try:
            order = orders.recv()
        except EOFError:
            return
        if order == "memory":
            orders.send(((highest_resident() - before) / 2**20, ""))
        elif order == "run":
            times = _turn(running, latest)
            latest = times[-1]
            orders.send((times, ""))
        else:
            orders.send((None, ""))


def _warm_up(running: Running) -> float:
    """Untimed runs; the seconds of the last one."""
    begin = time.perf_counter()
    for _ in range(WARMING):
        latest = _seconds(running)
        if time.perf_counter() - begin > WARMING_SECONDS:
            break
    return latest


def _turn(running: Running, expected: float) -> list[float]:
    """Seconds of the timed runs of a turn; ``expected`` is what one should take."""
    if expected >= LONG:
        return [_seconds(running)]
    begin = time.perf_counter()
    while True:
        running.again()
        if time.perf_counter() - begin > SETTLING:
            return [_seconds(running) for _ in range(TIMED)]


def _seconds(running: Running) -> float:
    begin = time.perf_counter()
    running.again()
    return time.perf_counter() - begin


def highest_resident() -> int:
    """Bytes; from Linux's own book, as getrusage counts what the process was before it became this one."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise OSError("no VmHWM in /proc/self/status")


def convert(kind: str, files: Files, batch: int) -> str:
    """Write the network in another form, ``"onnx"`` or ``"torchscript"``, in a process of its own; why not, or ""."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_convert, (kind, files, batch))


def _convert(kind: str, files: Files, batch: int) -> str:
    from darknetpy.config.sections import read_cfg
    from darknetpy.dialect import dialect_named
    from darknetpy.graph import build_graph
    from darknetpy.weights.reader import read_weights

    warnings.simplefilter("ignore")
    graph = build_graph(read_cfg(files.cfg), dialect=dialect_named("pjreddie"))
    read_weights(files.weights, graph)
    try:
        if kind == "onnx":
            from tools.peers.onnx_file import write_onnx

            write_onnx(files.onnx, graph, batch)
        else:
            from tools.peers.torch_module import write_torchscript

            write_torchscript(files.torchscript, graph, batch)
    except (NotConvertible, ImportError) as problem:
        return f"no {kind}: {problem}"
    return ""
