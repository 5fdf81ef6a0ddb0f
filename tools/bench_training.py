"""Training with darknetpy against PyTorch: python tools/bench_training.py --networks cifar darknet19

Both learn the same batch with the same network from the same first weights, forward, backward and update (momentum and
decay as the cfg says; filters decay, biases and scales do not), each in a process of its own, PyTorch in its usual
layout and with channels last; the faster one counts. They take turns, as in `tools/bench.py`. Quoted are medians, in
pictures a second, and how many times as many darknetpy learns. [dropout] and [crop] are left out, the learning rate is
constant. Batches, sizes and rates are in `tools/peers/lessons.py`; the path of another cfg is trained with --batch.

The losses of the first steps are compared; they would part at once if forward, backward or update meant something else.
They differ a little: of N values PyTorch normalizes with the variance divided by N, Darknet by N - 1.
Memory is the highest resident size while loading and learning, less what the imports take.

    python tools/bench_training.py --json training.json                  # all four; goes on from what is in the file
    python tools/bench_training.py --loader cifar PICTURES               # a whole training against its steps alone
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from darknetpy.errors import DarknetpyError
from tools.bench import compare
from tools.peers import training_report, whole_training
from tools.peers.lessons import PLANS, Lesson, Plan, make_lesson
from tools.peers.networks import NotConvertible
from tools.peers.process import PeerFailed, PeerProcess
from tools.peers.report import machine, machine_line
from tools.peers.trainers import TRAINERS, Learning

AGREEING = 1e-3  # a difference of losses above this, as a part of the largest, is pointed out
SHIPPED = Path(__file__).resolve().parent.parent / "cfg"
Figures = dict[str, Any]


def start_all(lesson: Lesson, arguments: argparse.Namespace) -> Figures:
    """A process for each trainer; (process, figures) or (None, {"failed": why}) by name."""
    started: Figures = {}
    for name in TRAINERS:
        try:
            process = PeerProcess(Learning(name, lesson, arguments.threads, arguments.steps))
            started[name] = process, {"losses": process.answers[0].tolist()}
        except PeerFailed as problem:
            started[name] = None, {"failed": str(problem)}
    return started


def measure(cfg: Path, plan: Plan, arguments: argparse.Namespace) -> Figures:
    """The figures of one network, by trainer, and the batch."""
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        lesson = make_lesson(cfg.read_text(), plan, Path(folder, "first.weights"))
        found = compare(start_all(lesson, arguments), arguments.turns, arguments.budget)
    return {"batch": plan.batch, "shape": lesson.pictures.shape[1:], "trainers": found}


def plan_of(given: str, arguments: argparse.Namespace) -> tuple[str, Path, Plan]:
    """The name, the cfg and the plan of a network. Raises NotConvertible for an unknown name."""
    if given.endswith(".cfg"):
        return Path(given).stem, Path(given), Plan(arguments.batch)
    if given not in PLANS:
        raise NotConvertible(f"no network called {given}: {', '.join(PLANS)}, or the path of a .cfg")
    return given, arguments.zoo / f"{given}.cfg", PLANS[given]


def measure_all(document: Figures, arguments: argparse.Namespace) -> None:
    """Fill the document with what it lacks, and write it after each network."""
    networks = document["networks"]
    for given in arguments.networks:
        name, cfg, plan = plan_of(given, arguments)
        if name in networks:
            continue
        networks[name] = measure(cfg, plan, arguments)
        print("\n".join(training_report.network_lines(name, networks[name], AGREEING)), flush=True)
        keep(document, arguments)


def measure_whole(document: Figures, arguments: argparse.Namespace) -> None:
    """The figures of a whole training, into the document."""
    given, data = arguments.loader
    name, cfg, plan = plan_of(given, arguments)
    found = whole_training.measure(cfg.read_text(), plan, Path(data), arguments.threads, arguments.turns)
    document.setdefault("whole", {})[f"{name} {Path(data).name}"] = found
    print(whole_training.line(name, found))
    keep(document, arguments)


def keep(document: Figures, arguments: argparse.Namespace) -> None:
    """Write all figures to the file of --json."""
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1))


def read_arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="training with darknetpy against PyTorch")
    parser.add_argument("--networks", nargs="+", default=list(PLANS), help=f"of {', '.join(PLANS)}, or paths of cfgs")
    parser.add_argument("--zoo", type=Path, default=SHIPPED, help="a folder with their cfgs [the shipped ones]")
    parser.add_argument("--threads", type=int, default=2, help="[2]")
    parser.add_argument("--batch", type=int, default=8, help="of cfgs that are given by their paths [8]")
    parser.add_argument("--turns", type=int, default=9, help="turns of each at most [9]")
    parser.add_argument("--budget", type=float, default=30, help="seconds of turns for a network, about [30]")
    parser.add_argument("--steps", type=int, default=3, help="first steps whose losses are compared [3]")
    parser.add_argument("--loader", nargs=2, metavar=("NETWORK", "DATA"), help="measure a whole training instead")
    parser.add_argument("--json", type=Path, help="write all figures to this file, and go on from what is there")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Measure and print; 1 where nothing could be compared."""
    arguments = read_arguments(words)
    document: Figures = {"machine": machine(), "threads": arguments.threads, "networks": {}}
    if arguments.json and arguments.json.is_file():
        document = json.loads(arguments.json.read_text())
    if document["threads"] != arguments.threads:
        print(f"{arguments.json} has figures with --threads {document['threads']}: name another file", file=sys.stderr)
        return 1
    try:
        if arguments.loader:
            measure_whole(document, arguments)
        else:
            measure_all(document, arguments)
            print(training_report.text(document["networks"], document["threads"]))
    except (NotConvertible, DarknetpyError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"\n{machine_line(document['machine'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
