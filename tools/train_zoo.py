"""The memory that the training of classifiers takes: python tools/train_zoo.py FOLDER... --largest 3 --gib 8

All cfg files of the folders that are classifiers of pictures are listed by what ``darknetpy train`` expects to need for
them, with batch=16 and subdivisions=16. The largest are trained for two iterations by the real command, with random
weights and random pictures, in a process that may have no more address space than ``--gib``. Peaks are resident memory,
the checkpoints at the beginning and at the end among it. Files that a cfg names (data/9k.tree) are looked for in the
current folder. The exit code is 1 if a training does not come to its end.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import DarknetpyError, Findings
from darknetpy.graph import Graph, build_graph
from darknetpy.training.beginning import memory_estimate

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE, GIGABYTE = 2**20, 2**30
PICTURES = 16
SIDES = (500, 375)
HEADING = f"{'cfg':36} {'input':>13} {'parameters':>12} {'expected':>9}"


@dataclass(frozen=True)
class Task:
    """A classifier, its cfg as it is trained, and how many bytes it is expected to need."""

    name: str
    text: str
    graph: Graph
    expected: int

    @property
    def line(self) -> str:
        """The beginning of its line in the table."""
        shape = "x".join(map(str, self.graph.input_shape))
        return f"{self.name:36} {shape:>13} {self.graph.parameters:12,} {self.expected / MEGABYTE:6.0f} MB"


def rewritten(text: str, **values: int) -> str:
    """A cfg with these values in its first section."""
    head, first, rest = re.split(r"(?m)^(\s*\[net(?:work)?\]\s*\n)", text, maxsplit=1)
    end = re.search(r"(?m)^\s*\[", rest)
    net, others = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    for name, value in values.items():
        net = f"{name}={value}\n" + re.sub(rf"(?m)^\s*{name}\s*=.*\n", "", net)
    return head + first + net + others


def classifiers(folders: list[Path], **values: int) -> list[Task]:
    """Those of the folders, the largest first; cfgs that cannot be read are named on standard error.

    Of networks with the same name, input and number of parameters, in several folders, there is the first.
    """
    found: dict[tuple[object, ...], Task] = {}
    for path in sorted(path for folder in folders for path in folder.glob("*.cfg")):
        name, text = f"{path.parent.name}/{path.stem}", rewritten(path.read_text(errors="replace"), **values)
        try:
            graph = build_graph(parse_cfg(text, str(path)), findings=Findings(), training=True)
        except DarknetpyError as problem:
            print(problem, file=sys.stderr)
            continue
        has_loss = any(node.layer.has_loss for node in graph.nodes)
        if has_loss and not graph.heads and len(graph.input_shape) == 3:
            same = path.stem, graph.input_shape, graph.parameters
            found.setdefault(same, Task(name, text, graph, memory_estimate(graph)))
    return sorted(found.values(), key=lambda task: -task.expected)


def draw(folder: Path, task: Task) -> Path:
    """A .data file with random pictures; the labels are their numbers, those beyond the pictures are of none."""
    chance, channels, count = np.random.default_rng(1), task.graph.input_shape[0], task.graph.classes
    width, height = SIDES
    lines = []
    for number in range(PICTURES):
        pixels = chance.integers(0, 256, (height, width, channels), np.uint8)
        path = folder / f"picture-{number}.png"
        Image.fromarray(pixels.squeeze()).save(path, compress_level=0)
        lines.append(f"{path}\tclass-{number % count}-\n")
    (folder / "list.txt").write_text("".join(lines))
    (folder / "labels.txt").write_text("".join(f"class-{number}-\n" for number in range(count)))
    data = folder / "random.data"
    data.write_text(
        f"classes={count}\ntrain={folder}/list.txt\nlabels={folder}/labels.txt\nnames={folder}/labels.txt\n"
    )
    return data


def train(task: Task, limit: int) -> str:
    """Train it; the end of its line in the table. Raises RuntimeError where it does not come to its end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cfg, said, data = folder / "net.cfg", folder / "said.txt", draw(folder, task)
        cfg.write_text(task.text)
        command = [sys.executable, "-m", "darknetpy", "train", str(cfg), str(data), "--backup", str(folder / "backup")]
        begin = time.perf_counter()
        with said.open("w") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, (limit, limit)),
            )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"exit code {process.returncode}: {said.read_text()[-1000:]}")
        with (folder / "backup" / "net_metrics.csv").open() as file:
            losses = [float(row["loss"]) for row in csv.DictReader(file)]
        if not losses or not all(map(math.isfinite, losses)):
            raise RuntimeError(f"losses {losses}")
        seconds, peak = time.perf_counter() - begin, usage.ru_maxrss * 1024 / MEGABYTE
        text = ", ".join(f"{loss:.3f}" for loss in losses)
        return f"{peak:6.0f} MB at most, {seconds:5.0f} s in all, losses {text}"


def read_arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="The memory that the training of classifiers takes.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--batch", type=int, default=16, help="pictures in an iteration [16]")
    parser.add_argument("--subdivisions", type=int, default=16, help="parts that they are computed in [16]")
    parser.add_argument("--iterations", type=int, default=2)
    parser.add_argument("--largest", type=int, default=3, help="how many of them are trained [3]")
    parser.add_argument("--only", help="train those whose names contain this, and no others")
    parser.add_argument("--gib", type=float, default=8, help="address space of a training [8]")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """List and train; 1 if a training fails."""
    arguments = read_arguments(words)
    found = classifiers(
        arguments.folders,
        batch=arguments.batch,
        subdivisions=arguments.subdivisions,
        max_batches=arguments.iterations,
    )
    print(HEADING)
    for task in found:
        print(task.line)
    chosen = [task for task in found if arguments.only in task.name] if arguments.only else found[: arguments.largest]
    failed = 0
    for task in chosen:
        try:
            end = train(task, int(arguments.gib * GIGABYTE))
        except RuntimeError as problem:
            failed += 1
            end = f"FAILED: {problem}"
        print(f"{task.line}: {end}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} trained for {arguments.iterations} iterations")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
