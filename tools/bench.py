"""darknetpy against other runtimes on the same networks: python tools/bench.py --networks tiny yolov4-tiny

Every runtime gets the same cfg, the same random weights (as .weights, ONNX or TorchScript), the same input and the same
number of threads, and runs in a process of its own, at the settings that are best for it (`tools/peers/runtimes.py`).
They run alternately, each time once untimed and then once timed, so that each finds its threads awake and its own data
in the caches, as it would when run again and again. Quoted are medians, and ratios of medians (above 1: darknetpy is
faster). Answers are compared with darknetpy's: of detectors what their heads read, since not all runtimes decode boxes.

Memory is the highest resident size while loading and running, less what the imports take. A start is a whole process:
interpreter, imports, loading, first run; cold with no compiled kernels or models kept, warm with those of the start
before. What the operating system keeps of files is there in both.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.peers.networks import answers
from tools.peers.process import PeerFailed, PeerProcess, convert
from tools.peers.runtimes import RUNTIMES, Darknetpy, Files

GAIN = 1.7  # of random weights: keeps the values of deep networks from vanishing and from exploding
SEED = 1
AGREEING = 1e-4  # a difference above this, as a part of the largest answer, is pointed out
OURS = Darknetpy.name
NETWORKS = (
    "tiny", "darknet19", "darknet53", "resnet50", "resnext50", "densenet201", "efficientnet_b0", "vgg-16",
    "yolov3-tiny", "yolov4-tiny", "yolov3", "yolov4",
)  # fmt: skip
Figures = dict[str, Any]


def write_random_weights(cfg: Path, path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A weights file for a cfg with stable random values; returns the shape of one input, and the layers that answer.

    Values: biases 0.1 x, scales 1 + 0.2 x, means 0.2 x, variances 0.3 + x^2, weights x * sqrt(GAIN / fan_in), x normal.
    The last layer's weights are divided by the deviation of its outputs: softmax would answer 0 and 1 otherwise, and
    hide differences.
    """
    from darknetpy.config.sections import read_cfg
    from darknetpy.engine.program import Program
    from darknetpy.graph import build_graph
    from darknetpy.weights.writer import write_weights

    graph = build_graph(read_cfg(cfg))
    random = np.random.default_rng(SEED)
    for node in graph.nodes:
        for array in node.arrays:
            node.weights[array.name] = _random_values(random, array.name, array.shape)
    last = [node for node in graph.nodes if node.arrays][-1]
    values = Program(graph).run(random_batch(1, graph.input_shape), [last.index])[last.index]
    last.weights["weights"] /= values.std()
    write_weights(path, graph)
    return graph.input_shape, tuple(answers(graph))


def random_batch(n: int, shape: tuple[int, ...]) -> np.ndarray:
    """Stable random pictures (n, *shape) float32 in 0..1."""
    return np.random.default_rng(SEED + 1).random((n, *shape), dtype=np.float32)


def _random_values(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    x = random.standard_normal(shape, dtype=np.float32)
    if name == "scales":
        return 1 + np.float32(0.2) * x
    if name == "rolling_mean":
        return np.float32(0.2) * x
    if name == "rolling_variance":
        return np.float32(0.3) + x * x
    if name == "biases":
        return np.float32(0.1) * x
    return x * np.float32(math.sqrt(GAIN / math.prod(shape[1:])))


def start_all(names: Sequence[str], files: Files, batch: np.ndarray, arguments: argparse.Namespace) -> Figures:
    """A process for each runtime that can run the network; (process, figures) or (None, {"failed": why}) by name."""
    missing = {kind: convert(kind, files, len(batch)) for kind in {RUNTIMES[name].needs for name in names} - {"cfg"}}
    started: Figures = {}
    for name in names:
        figures: Figures = {}
        try:
            if why := missing.get(RUNTIMES[name].needs):
                raise PeerFailed(why)
            if arguments.starts:
                cold = PeerProcess(name, files, arguments.threads, batch)
                figures["cold_start_s"] = cold.start_seconds
                cold.close()
            process = PeerProcess(name, files, arguments.threads, batch)
            if arguments.starts:
                figures["warm_start_s"] = process.start_seconds
            started[name] = process, figures
        except PeerFailed as problem:
            started[name] = None, {"failed": str(problem)}
    return started


def compare(started: Figures, runs: int) -> Figures:
    """Each runtime's figures: medians in milliseconds, memory, and how far its answers are from darknetpy's."""
    running = {name: process for name, (process, _) in started.items() if process is not None}
    times: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(runs):
        for name, process in running.items():
            times[name].append(1000 * process.time_run())
    found = {name: figures for name, (_, figures) in started.items()}
    for name, process in running.items():
        found[name].update(
            median_ms=statistics.median(times[name]),
            least_ms=min(times[name]),
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


def measure(arguments: argparse.Namespace) -> Figures:
    """All figures, by network."""
    from darknetpy.config.shipped import find_cfg

    names = [OURS, *arguments.peers]
    figures: Figures = {}
    for network in arguments.networks:
        with tempfile.TemporaryDirectory() as folder:
            cfg = arguments.cfg_folder / f"{network}.cfg" if arguments.cfg_folder else find_cfg(network)
            forms = [Path(folder, f"network.{form}") for form in ("weights", "onnx", "pt")]
            shape, answering = write_random_weights(cfg, forms[0])
            kept = Path(folder, "kept")
            kept.mkdir()
            if arguments.starts:
                os.environ["NUMBA_CACHE_DIR"] = str(kept)  # where darknetpy keeps its kernels
            files = Files(cfg, *forms, kept, answering)
            started = start_all(names, files, random_batch(arguments.batch, shape), arguments)
            figures[network] = compare(started, arguments.runs)
        print_network(network, figures[network])
    return figures


def geometric_means(figures: Figures) -> dict[str, tuple[float, int]]:
    """For each other runtime: the mean ratio, and of how many networks."""
    ratios: dict[str, list[float]] = {}
    for by_name in figures.values():
        for name, of_peer in by_name.items():
            if name != OURS and "ratio" in of_peer:
                ratios.setdefault(name, []).append(of_peer["ratio"])
    return {name: (statistics.geometric_mean(values), len(values)) for name, values in ratios.items()}


def print_network(network: str, figures: Figures) -> None:
    """One line for each runtime."""
    for name, of_peer in figures.items():
        line = f"{network:16} {name:16} "
        if "failed" in of_peer:
            print(f"{line}- {of_peer['failed']}", flush=True)
            continue
        line += f"{of_peer['median_ms']:9.2f} ms [{of_peer['least_ms']:9.2f}]"
        line += f" {of_peer.get('ratio', math.nan):6.2f}x  difference {of_peer.get('difference', math.nan):.1e}"
        line += "!" if of_peer.get("difference", 0) > AGREEING else " "
        line += f" peak {of_peer['peak_mib']:6.0f} MiB"
        if "cold_start_s" in of_peer:
            line += f"  start {of_peer['cold_start_s']:5.1f} s cold, {of_peer['warm_start_s']:5.2f} s warm"
        print(line, flush=True)


def markdown(figures: Figures, means: dict[str, tuple[float, int]]) -> str:
    """The table of docs/performance.md: medians of darknetpy, ratios of the others."""
    names = list(next(iter(figures.values())))[1:]
    lines = ["| network | darknetpy ms [best] | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for network, by_name in figures.items():
        ours = by_name[OURS]
        first = "-" if "failed" in ours else f"{ours['median_ms']:.2f} [{ours['least_ms']:.2f}]"
        cells = [
            f"{by_name[name]['median_ms']:.2f}, {by_name[name]['ratio']:.2f}x" if "ratio" in by_name[name] else "-"
            for name in names
        ]
        lines.append(f"| {network} | {first} | " + " | ".join(cells) + " |")
    cells = [f"{means[name][0]:.2f}x ({means[name][1]})" if name in means else "-" for name in names]
    return "\n".join([*lines, "| geometric mean | | " + " | ".join(cells) + " |"])


def draw(path: Path, figures: Figures, title: str) -> None:
    """A chart of the ratios: a group of bars for each network (needs matplotlib)."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    names = list(next(iter(figures.values())))[1:]
    figure, axes = pyplot.subplots(figsize=(max(6, 1.1 * len(figures) + 2), 4.5), layout="constrained")
    width = 0.8 / max(1, len(names))
    for place, name in enumerate(names):
        ratios = [by_name[name].get("ratio", math.nan) for by_name in figures.values()]
        axes.bar(np.arange(len(figures)) + (place + 0.5) * width - 0.4, ratios, width, label=name)
    axes.axhline(1, color="black", linewidth=1)
    axes.set_xticks(range(len(figures)), list(figures), rotation=30, ha="right")
    axes.set_ylabel("time / darknetpy's time")
    axes.set_title(title)
    axes.legend()
    figure.savefig(path, dpi=120)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="darknetpy against other runtimes on the same networks")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="names of cfg files")
    parser.add_argument("--cfg-folder", type=Path, help="where NAME.cfg is [those that come with darknetpy]")
    others = [name for name in RUNTIMES if name != OURS]
    parser.add_argument("--peers", nargs="*", choices=others, default=others)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, default=15, help="timed runs of each")
    parser.add_argument("--starts", action="store_true", help="also measure cold and warm starts")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--chart", type=Path, help="draw the ratios into this .png or .svg (needs matplotlib)")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    arguments = read_arguments()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    figures = measure(arguments)
    means = geometric_means(figures)
    print(f"\n{markdown(figures, means)}")
    if arguments.json:
        settings = {name: getattr(arguments, name) for name in ("threads", "batch", "runs")}
        document = {"settings": settings, "networks": figures, "geometric_mean": means}
        arguments.json.write_text(json.dumps(document, indent=2))
    if arguments.chart:
        draw(arguments.chart, figures, f"batch {arguments.batch}, {arguments.threads} threads")


if __name__ == "__main__":
    main()
