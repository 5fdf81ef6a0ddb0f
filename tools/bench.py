"""darknetpy against other runtimes on the same networks: python tools/bench.py --networks tiny yolov4-tiny

Every runtime gets the same cfg, the same random weights (as .weights, ONNX or TorchScript), the same input and the same
number of threads, and runs in a process of its own, at the settings that are best for it (`tools/peers/runtimes.py`).
They take turns: a pause, in which threads of the one before go to sleep; untimed runs, so that its own threads are
awake and its data in the caches, as when it runs again and again; then timed ones. Quoted are medians, and ratios of
medians (above 1: darknetpy is faster); of a project's settings the fastest counts. Answers are compared with
darknetpy's: of detectors what their heads read, since not all runtimes decode boxes.

``--matrix`` measures all networks at batch 1 with 2 threads and with 1, and at batch 8 with 2. That takes minutes, so
figures are kept in the ``--json`` file as soon as a network is done, and a later call goes on from there:

    python tools/bench.py --matrix --files kept --prepare          # weights, ONNX, TorchScript; not timed
    python tools/bench.py --matrix --files kept --json bench.json --seconds 70    # again while the exit code is 3
    python tools/bench.py --matrix --json bench.json --chart docs/bench.svg --seconds 0      # tables and chart only

Memory is the highest resident size while loading and running, less what the imports take. A start is a whole process:
interpreter, imports, loading, first run; cold with no compiled kernels or models kept, warm with those of the start
before. What the operating system keeps of files is there in both.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import math
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.peers.networks import answers
from tools.peers.process import PeerFailed, PeerProcess, convert
from tools.peers.report import OURS, configuration_text, draw, machine, machine_line, network_lines, summary, table
from tools.peers.runtimes import RUNTIMES, Files, Inference
from tools.recipe import fill, random_batch, settle, usual_gain

SEED = 1
AGREEING = 1e-4  # a difference above this, as a part of the largest answer, is pointed out
LEAST_ROUNDS = 3
UNFINISHED = 3  # the exit code while networks are left
MATRIX = ("1x2", "1x1", "8x2")  # batch x threads
NETWORKS = (
    "tiny", "darknet19", "vgg-16", "resnet50", "densenet201", "efficientnet_b0",
    "yolov3-tiny", "yolov4-tiny", "yolov7-tiny", "yolov3", "yolov4",
)  # fmt: skip
Figures = dict[str, Any]


def make_files(given: str, batch: int, folder: Path, kinds: set[str]) -> tuple[Files, tuple[int, ...], dict[str, str]]:
    """A network in all forms, made where they are not there; the shape of one input; form -> why there is none."""
    from darknetpy.config.sections import read_cfg
    from darknetpy.config.shipped import find_cfg
    from darknetpy.graph import build_graph
    from darknetpy.weights.writer import write_weights

    cfg, name = find_cfg(given), network_name(given)
    weights = folder / f"{name}.weights"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = build_graph(read_cfg(cfg))
    forms = {"onnx": folder / f"{name}-{batch}.onnx", "torchscript": folder / f"{name}-{batch}.pt"}
    files = Files(cfg, weights, forms["onnx"], forms["torchscript"], folder, tuple(answers(graph)))
    if not weights.exists():
        fill(graph, SEED, usual_gain(graph))
        settle(graph, random_batch(1, graph.input_shape, SEED + 1))
        write_weights(weights, graph)
    missing = {}
    for kind in kinds & forms.keys():
        if not forms[kind].exists():
            missing[kind] = convert(kind, files, batch)
    return files, graph.input_shape, missing


def network_name(given: str) -> str:
    """The name of a shipped network, or that of a cfg file without its folder."""
    return Path(given).stem if given.endswith(".cfg") else given


@contextlib.contextmanager
def prepared(given: str, batch: int, arguments: argparse.Namespace) -> Iterator[tuple[Files, Any, dict[str, str]]]:
    """What `make_files` returns, in the folder of ``--files`` or one that is removed; what runtimes keep always is."""
    kinds = {RUNTIMES[name].needs for name in arguments.peers}
    with tempfile.TemporaryDirectory() as temporary:
        kept = Path(temporary, "kept")
        kept.mkdir()
        files, shape, missing = make_files(given, batch, arguments.files or Path(temporary), kinds)
        yield dataclasses.replace(files, kept=kept), shape, missing


def start_all(
    files: Files, missing: dict[str, str], batch: np.ndarray, threads: int, arguments: argparse.Namespace
) -> Figures:
    """A process for each runtime that can run the network; (process, figures) or (None, {"failed": why}) by name."""
    if arguments.starts:
        os.environ["NUMBA_CACHE_DIR"] = str(files.kept)  # where darknetpy keeps its kernels
    started: Figures = {}
    for name in (OURS, *arguments.peers):
        figures: Figures = {}
        try:
            if why := missing.get(RUNTIMES[name].needs):
                raise PeerFailed(why)
            if arguments.starts:
                cold = PeerProcess(Inference(name, files, threads, batch))
                figures["cold_start_s"] = cold.start_seconds
                cold.close()
            process = PeerProcess(Inference(name, files, threads, batch))
            if arguments.starts:
                figures["warm_start_s"] = process.start_seconds
            started[name] = process, figures
        except PeerFailed as problem:
            started[name] = None, {"failed": str(problem)}
    return started


def compare(started: Figures, rounds: int, budget: float) -> Figures:
    """Each runtime's figures: medians in milliseconds, memory, and how far its answers are from darknetpy's.

    Rounds in which each has its turn: ``rounds``, or fewer once they have taken ``budget`` seconds, but three at least.
    """
    running = {name: process for name, (process, _) in started.items() if process is not None}
    times: dict[str, list[float]] = {name: [] for name in running}
    for process in running.values():
        process.wait()
    begin = time.perf_counter()
    for number in range(rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - begin > budget:
            break
        for name, process in running.items():
            times[name].extend(1000 * seconds for seconds in process.time_runs())
    found = {name: figures for name, (_, figures) in started.items()}
    for name, process in running.items():
        found[name].update(
            median_ms=statistics.median(times[name]),
            least_ms=min(times[name]),
            runs=len(times[name]),
            peak_mib=process.peak_memory(),
        )
        if OURS in running:
            found[name]["difference"] = largest_difference(process.answers, running[OURS].answers)
            found[name]["ratio"] = found[name]["median_ms"] / statistics.median(times[OURS])
    for process in running.values():
        process.close()
    return found


def largest_difference(found: Sequence[np.ndarray], ours: Sequence[np.ndarray]) -> float:
    """The largest difference of all answers, each against its own largest value."""
    return max(
        float(np.abs(there.ravel() - here.ravel()).max() / np.abs(here).max())
        for there, here in zip(found, ours, strict=True)
    )


def measure(name: str, given: str, arguments: argparse.Namespace) -> Figures:
    """The figures of one network in one configuration, by runtime."""
    batch, threads = map(int, name.split("x"))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    with prepared(given, batch, arguments) as (files, shape, missing):
        pictures = random_batch(batch, shape, SEED + 1)
        started = start_all(files, missing, pictures, threads, arguments)
        return compare(started, arguments.rounds, arguments.budget)


def measure_all(names: Sequence[str], document: Figures, arguments: argparse.Namespace) -> int:
    """Fill the document with what it lacks, and write it after each network; how many are left."""
    begin, left = time.perf_counter(), 0
    for name in names:
        networks = document["configurations"].setdefault(name, {})
        for given in arguments.networks:
            network = network_name(given)
            if network in networks:
                continue
            if time.perf_counter() - begin >= arguments.seconds:
                left += 1
                continue
            networks[network] = measure(name, given, arguments)
            print(f"{configuration_text(name)}\n" + "\n".join(network_lines(network, networks[network], AGREEING)))
            sys.stdout.flush()
            if arguments.json:
                arguments.json.write_text(json.dumps(document, indent=1))
    return left


def prepare(names: Sequence[str], arguments: argparse.Namespace) -> None:
    """Make the files of all networks, and have darknetpy compile its kernels."""
    for given in arguments.networks:
        for batch in sorted({int(name.split("x")[0]) for name in names}):
            with prepared(given, batch, arguments) as (files, shape, missing):
                pictures = random_batch(batch, shape, SEED + 1)
                PeerProcess(Inference(OURS, files, arguments.threads, pictures)).close()
                remarks = [f"{why}" for why in missing.values() if why]
                print(", ".join([f"{network_name(given)}, batch {batch}", *remarks]), flush=True)


def print_report(document: Figures) -> None:
    """A table for each configuration, and the machine."""
    for name, networks in document["configurations"].items():
        if networks:
            print(f"\n{configuration_text(name)}: ms a batch, and the others' times against it\n\n{table(networks)}")
            print(f"\n{summary(networks)}")
    print(f"\n{machine_line(document['machine'])}")


def read_arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="darknetpy against other runtimes on the same networks")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), help="shipped names, or paths of cfg files")
    parser.add_argument("--also", nargs="+", default=[], metavar="CFG", help="more of them")
    others = [name for name in RUNTIMES if name != OURS]
    parser.add_argument("--peers", nargs="*", choices=others, default=others)
    parser.add_argument("--matrix", action="store_true", help="all of " + ", ".join(map(configuration_text, MATRIX)))
    parser.add_argument("--only", nargs="+", choices=MATRIX, help="these of the matrix, as batch x threads")
    parser.add_argument("--threads", type=int, default=2, help="without --matrix [2]")
    parser.add_argument("--batch", type=int, default=1, help="without --matrix [1]")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each at most [9]")
    parser.add_argument("--budget", type=float, default=10, help="seconds of rounds for a network, about [10]")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no network after so long")
    parser.add_argument("--starts", action="store_true", help="also measure cold and warm starts")
    parser.add_argument("--files", type=Path, help="a folder to keep the networks' forms in")
    parser.add_argument("--prepare", action="store_true", help="only fill the folder of --files")
    parser.add_argument("--json", type=Path, help="write all figures to this file, and go on from what is there")
    parser.add_argument("--chart", type=Path, help="draw the ratios into this .png or .svg (needs matplotlib)")
    arguments = parser.parse_args(words)
    if arguments.prepare and not arguments.files:
        parser.error("--prepare needs --files")
    arguments.networks = [*arguments.networks, *arguments.also]
    return arguments


def main(words: list[str] | None = None) -> int:
    """Measure and print; 3 while networks are left."""
    arguments = read_arguments(words)
    alone = [f"{arguments.batch}x{arguments.threads}"]
    names = arguments.only or (list(MATRIX) if arguments.matrix else alone)
    if arguments.files:
        arguments.files.mkdir(exist_ok=True)
    if arguments.prepare:
        prepare(names, arguments)
        return 0
    document: Figures = {"machine": machine(), "configurations": {}}
    if arguments.json and arguments.json.is_file():
        document = json.loads(arguments.json.read_text())
    left = measure_all(names, document, arguments)
    print_report(document)
    if arguments.chart:
        draw(arguments.chart, {name: found for name, found in document["configurations"].items() if found},
             document["machine"])  # fmt: skip
    return UNFINISHED if left else 0


if __name__ == "__main__":
    sys.exit(main())
