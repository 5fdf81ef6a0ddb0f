"""darknetpy against other runtimes on the same files: python tools/bench.py --networks tiny --cfg-folder FOLDER

Every runtime gets the same .cfg, the same random .weights and the same picture, and the same number of threads. They
run alternately in this one process, each time once untimed and then once timed, so that each finds its own data in the
caches as it would when run again and again. Quoted are medians, and ratios of medians (above 1: darknetpy is faster).
Memory is measured in a process of its own for each runtime: the highest resident size while loading and after one run,
less what its imports take.

A runtime is a class with ``name``, ``__init__(cfg, weights, threads)`` and ``run(batch)``; ``PEERS`` lists them.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

GAIN = 1.7  # of random weights: keeps the values of deep networks from vanishing and from exploding
SEED = 1


class Peer(Protocol):
    """A runtime with one network loaded."""

    name: ClassVar[str]

    def __init__(self, cfg: Path, weights: Path, threads: int) -> None: ...

    def run(self, batch: np.ndarray) -> np.ndarray:
        """The output of the last layer for (n, c, h, w) float32."""
        ...


class Darknetpy:
    """Ourselves."""

    name = "darknetpy"

    def __init__(self, cfg: Path, weights: Path, threads: int) -> None:
        import darknetpy

        # OpenCV's epsilon of batch normalization is that of pjreddie's fork: else the outputs would differ by 1e-4
        self._network = darknetpy.load(cfg, weights, threads=threads, dialect="pjreddie")

    def run(self, batch: np.ndarray) -> np.ndarray:
        return self._network(batch)


class OpenCV:
    """OpenCV 4's dnn module, the last that reads Darknet's files."""

    name = "opencv"

    def __init__(self, cfg: Path, weights: Path, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self._network = cv2.dnn.readNetFromDarknet(str(cfg), str(weights))

    def run(self, batch: np.ndarray) -> np.ndarray:
        self._network.setInput(batch)
        return self._network.forward()


PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Darknetpy, OpenCV)}


def write_random_weights(cfg: Path, path: Path) -> tuple[int, ...]:
    """A weights file for a cfg with stable random values; returns the shape of one input.

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
    return graph.input_shape


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


def compare(cfg: Path, weights: Path, batch: np.ndarray, names: list[str], threads: int, runs: int) -> dict[str, Any]:
    """Medians in milliseconds of each runtime, and how far its output is from darknetpy's."""
    peers = [PEERS[name](cfg, weights, threads) for name in names]
    outputs = [np.array(peer.run(batch)).ravel() for peer in peers]
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(runs):
        for peer in peers:
            peer.run(batch)
            start = time.perf_counter()
            peer.run(batch)
            times[peer.name].append(1000 * (time.perf_counter() - start))
    ours = outputs[0]
    return {
        peer.name: {
            "median_ms": statistics.median(times[peer.name]),
            "least_ms": min(times[peer.name]),
            "difference": float(np.abs(output - ours).max() / np.abs(ours).max()),
        }
        for peer, output in zip(peers, outputs, strict=True)
    }


def peak_memory(name: str, cfg: Path, weights: Path, batch: np.ndarray, threads: int) -> float:
    """MiB that loading and running take above what the imports take; runs in a process of its own."""
    peer = PEERS[name]
    _import_for(name)
    before = _highest_resident()
    peer(cfg, weights, threads).run(batch)
    return (_highest_resident() - before) / 2**20


def _import_for(name: str) -> None:
    """What a runtime imports before it looks at a network."""
    if name == Darknetpy.name:
        import darknetpy.engine.program  # noqa: F401 - Numba's size is not the network's
    else:
        import cv2  # noqa: F401 - its size is not the network's


def _highest_resident() -> int:
    """Bytes; from Linux's own book, as getrusage counts what the process was before it became this one."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise OSError("no VmHWM in /proc/self/status")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures, by network."""
    figures: dict[str, Any] = {}
    names = [Darknetpy.name, *arguments.peers]
    with tempfile.TemporaryDirectory() as folder:
        for network in arguments.networks:
            cfg, weights = arguments.cfg_folder / f"{network}.cfg", Path(folder, f"{network}.weights")
            shape = write_random_weights(cfg, weights)
            batch = random_batch(arguments.batch, shape)
            figures[network] = compare(cfg, weights, batch, names, arguments.threads, arguments.runs)
            for name in names:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    peak = pool.apply(peak_memory, (name, cfg, weights, batch, arguments.threads))
                figures[network][name]["peak_mib"] = peak
            figures[network]["weights_mib"] = weights.stat().st_size / 2**20
            print_network(network, figures[network], names)
            weights.unlink()
    figures["geometric_mean"] = {
        name: math.exp(statistics.fmean(math.log(_ratio(figures[network], name)) for network in arguments.networks))
        for name in arguments.peers
    }
    return figures


def _ratio(figures: dict[str, Any], name: str) -> float:
    return figures[name]["median_ms"] / figures[Darknetpy.name]["median_ms"]


def print_network(network: str, figures: dict[str, Any], names: list[str]) -> None:
    """One line for each runtime."""
    for name in names:
        of_peer = figures[name]
        ratio = f"{_ratio(figures, name):6.2f}x" if name != Darknetpy.name else "       "
        print(
            f"{network:16} {name:10} {of_peer['median_ms']:9.2f} ms [{of_peer['least_ms']:9.2f}] {ratio} "
            f"difference {of_peer['difference']:.1e}  peak {of_peer['peak_mib']:7.0f} MiB "
            f"(weights {figures['weights_mib']:.0f})",
            flush=True,
        )


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description="darknetpy against other runtimes on the same files")
    parser.add_argument("--networks", nargs="+", default=["tiny", "darknet19", "darknet53"], help="names of cfg files")
    parser.add_argument("--cfg-folder", type=Path, default=Path("cfg"), help="where NAME.cfg is")
    others = [name for name in PEERS if name != Darknetpy.name]
    parser.add_argument("--peers", nargs="*", choices=others, default=others)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, default=15, help="timed runs of each")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    figures = measure(arguments)
    for name, mean in figures["geometric_mean"].items():
        print(f"geometric mean: {name} takes {mean:.2f} times as long as darknetpy")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
