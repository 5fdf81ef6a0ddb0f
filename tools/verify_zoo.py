"""The engine held against float64 for all cfg files of some folders: python tools/verify_zoo.py FOLDER... --json OUT

Weights are random, by `tools/recipe.py`, or with ``--models`` those of FOLDER/NAME/NAME.weights. Every layer's output
is compared as ``darknetpy verify`` does: "relative" is the worst layer's difference since the input, "alone" what comes
up in a layer given the engine's own inputs, "float32" what plain arithmetic in single precision gives. The verdict is
"ok", "magnified" (above the limit, as plain float32 is, while each layer alone keeps it) or "wrong". The exit code is 1
if there is a network that is not "ok", or whose answers differ: five best classes, or boxes to a tenth of a pixel.

A folder named after a dialect is read in that one. Files that a cfg names (data/9k.tree) are looked for in the current
folder. Results of an earlier run in the ``--json`` file are kept and not computed again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from darknetpy.cli.verify import LIMIT, compare
from darknetpy.dialect import DEFAULT, DIALECTS
from darknetpy.errors import DarknetpyError
from darknetpy.images.preprocess import place
from darknetpy.network import Network, load
from tools.recipe import fill, random_batch, settle, usual_gain

SEED = 1
GIGA = 1e9
FEW = 0.7  # of a score: random weights find tens of thousands of boxes else
Figures = dict[str, Any]
HEADING = f"{'cfg':44} {'worst layer':22} {'relative':>8} {'alone':>8} {'float32':>8}  verdict"


class Task(NamedTuple):
    """A cfg, the dialect to read it in, and its weights; None for random ones."""

    cfg: Path
    dialect: str
    weights: Path | None


def tasks(folders: list[Path], models: bool) -> Iterator[Task]:
    """What is to be compared: all cfgs of the folders, or the trained networks in folders of their own."""
    for folder in folders:
        dialect = folder.name if folder.name in DIALECTS else DEFAULT.name
        if not models:
            yield from (Task(cfg, dialect, None) for cfg in sorted(folder.glob("*.cfg")))
            continue
        for cfg in sorted(folder.glob("*/*.cfg")):
            if cfg.with_suffix(".weights").is_file():
                yield Task(cfg, dialect, cfg.with_suffix(".weights"))


def verify(task: Task, limit: float, most_flops: float, gain: float | None) -> Figures | None:
    """The figures of one network; None for one of more operations than wanted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the cfg: other tools tell
        network = load(task.cfg, task.weights, dialect=task.dialect)
    graph = network.graph
    if graph.flops > most_flops:
        return None
    used = thresh = None
    batch = random_batch(1, graph.input_shape, SEED + 1)
    if task.weights is None:
        used = gain or usual_gain(graph)
        fill(graph, SEED, used)
        settle(graph, batch)
        thresh = FEW if any("yolo" in graph.nodes[index].type for index in graph.heads) else None
    begin = time.perf_counter()
    figures = _compared(network, batch, limit, thresh)
    layers = figures["layers"]
    worst = max(layers, key=lambda layer: layer["relative"])
    return {
        "gain": used,
        "gflops": graph.flops / GIGA,
        "layer": worst["index"],
        "type": worst["type"],
        "relative": worst["relative"],
        "alone": max(layer["own"] for layer in layers),
        "float32": max(layer["single"] for layer in layers),
        "answer": figures["answer_relative"],
        "answers_agree": figures["answers_agree"],
        "verdict": "ok" if figures["ok"] else "magnified" if figures["magnified"] else "wrong",
        "seconds": time.perf_counter() - begin,
    }


def _compared(network: Network, batch: np.ndarray, limit: float, thresh: float | None) -> Figures:
    """What ``darknetpy verify`` finds for a random picture."""
    shape = network.input_shape
    placement = None
    if len(shape) == 3:
        _, height, width = shape
        placement = place(width, height, width, height, "stretch")
    with np.errstate(all="ignore"):  # values out of range are found by the comparison
        return compare(network, batch, placement, limit, None, thresh)


def line(name: str, figures: Figures) -> str:
    """One line of the table."""
    layer = f"{figures['layer']} {figures['type']}"
    differences = " ".join(f"{figures[name]:8.1e}" for name in ("relative", "alone", "float32"))
    verdict = figures["verdict"] + ("" if figures["answers_agree"] in (True, None) else ", answers differ")
    return f"{name:44} {layer:22} {differences}  {verdict}"


def passes(figures: Figures) -> bool:
    """Whether all layers keep the limit and the answers are the same, as far as that is known."""
    return figures["verdict"] == "ok" and figures["answers_agree"] in (True, None)


def read_arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="The engine held against float64 for many networks.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--models", action="store_true", help="folders of trained networks, FOLDER/NAME/NAME.cfg")
    parser.add_argument("--limit", type=float, default=LIMIT, help="of relative differences [1e-4]")
    parser.add_argument("--gain", type=float, help="of random weights [1.4; 1.0 with mish, swish or relu6]")
    parser.add_argument("--gflops", type=float, default=30, help="leave out networks of more GFLOPs [30]")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no network after so long")
    parser.add_argument("--json", type=Path, help="write the figures, and go on from what stands there")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Compare and print; 1 if something is wrong."""
    arguments = read_arguments(words)
    begin = time.perf_counter()
    results: Figures = {}
    if arguments.json and arguments.json.is_file():
        results = json.loads(arguments.json.read_text())
    left = 0
    print(HEADING)
    for task in tasks(arguments.folders, arguments.models):
        name = f"{task.cfg.parent.name}/{task.cfg.stem}"
        if name not in results:
            if time.perf_counter() - begin > arguments.seconds:
                left += 1
                continue
            try:
                figures = verify(task, arguments.limit, arguments.gflops * GIGA, arguments.gain)
            except DarknetpyError as problem:
                figures = {"refused": str(problem)}
            if figures is None:
                continue
            results[name] = figures
            if arguments.json:
                arguments.json.write_text(json.dumps(results, indent=1))
        print(line(name, results[name]) if "verdict" in results[name] else f"{name:44} {results[name]['refused']}")
        sys.stdout.flush()
    compared = [figures for figures in results.values() if "verdict" in figures]
    good = sum(map(passes, compared))
    print(f"{good} of {len(compared)} networks keep {arguments.limit:g} in every layer, answers the same; {left} to do")
    return 0 if good == len(compared) else 1


if __name__ == "__main__":
    sys.exit(main())
