"""How much faster several threads are than one: python tools/scaling.py darknet19 yolov4-tiny --layers 5

One process for each number of threads would see another machine each time, so both run in this one and take turns, each
time once untimed and then once timed. Quoted are medians and their ratio, and with ``--layers`` the layers that lose
most time to bad scaling: what they take beyond their share of the time of one thread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import darknetpy
from darknetpy.engine.profile import LayerTime, time_layers
from darknetpy.engine.program import Program


def scaling(name: str, threads: int, runs: int, layers: int) -> float:
    """Measure one network and print what was found; the ratio."""
    graph = darknetpy.load(name).graph
    batch = np.random.default_rng(0).random((1, *graph.input_shape), dtype=np.float32)
    programs = [Program(graph, threads=number) for number in (1, threads)]
    times: tuple[list[float], list[float]] = [], []
    for _ in range(runs):
        for program, seconds in zip(programs, times, strict=True):
            program.run(batch, [graph.output_index])
            start = time.perf_counter()
            program.run(batch, [graph.output_index])
            seconds.append(time.perf_counter() - start)
    one, several = (1000 * statistics.median(seconds) for seconds in times)
    flops = sum(node.flops for node in graph.nodes) / 1e9
    print(
        f"{name:14} {flops:6.1f} GFLOP {one:8.2f} -> {several:8.2f} ms {one / several:5.2f}x   "
        f"[best {1000 * min(times[0]):.2f} -> {1000 * min(times[1]):.2f}]",
        flush=True,
    )
    if layers:
        alone, together = (time_layers(program, batch, max(3, runs // 2)) for program in programs)
        print_worst(alone, together, threads, layers)
    return one / several


def print_worst(one: list[LayerTime], several: list[LayerTime], threads: int, count: int) -> None:
    """The layers that take most time beyond the share of one thread's."""
    pairs = sorted(zip(one, several, strict=True), key=lambda pair: pair[0].seconds / threads - pair[1].seconds)
    for alone, together in pairs[:count]:
        print(
            f"    layer {alone.index:3} {alone.type:14} {'x'.join(map(str, alone.output_shape)):12} "
            f"{1000 * alone.seconds:7.3f} -> {1000 * together.seconds:7.3f} ms "
            f"{alone.seconds / together.seconds:5.2f}x  {', '.join(together.kernels)}",
            flush=True,
        )


def main() -> None:
    """Measure all networks."""
    parser = argparse.ArgumentParser(description="how much faster several threads are than one")
    parser.add_argument("networks", nargs="+", help="names of shipped networks, or paths of .cfg files")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--layers", type=int, default=0, help="how many layers to show of each")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    ratios = [scaling(name, arguments.threads, arguments.runs, arguments.layers) for name in arguments.networks]
    print(f"geometric mean of {len(ratios)}: {statistics.geometric_mean(ratios):.2f}x")


if __name__ == "__main__":
    main()
