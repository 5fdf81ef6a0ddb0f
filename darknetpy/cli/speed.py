"""``darknetpy speed``: how fast a network runs on this machine, and where the time goes."""

from __future__ import annotations

import argparse
import json
import re
import statistics
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, add_strict, whole_number
from darknetpy.cli.table import Column, Table

if TYPE_CHECKING:
    from darknetpy.engine.profile import LayerTime, Machine

_DESCRIPTION = """\
Measure how fast a network runs here: the time a picture,
and how near that comes to what the machine can do at most.
The weights are random, which does not matter to the time.
Reading and fitting pictures is not part of it."""
_EXAMPLES = """\
examples:
  darknetpy speed tiny
  darknetpy speed yolov4-tiny --threads 1 --layers
  darknetpy speed my.cfg --size 320x320 --batch 8 --json

Operations are those that the layers are defined by. A
layer's bound is what takes longer at the machine's highest
rates: its FLOPs, or its bytes if none were in a cache.

JSON: {"network", "input_shape", "batch", "threads", "runs",
"ms" (a picture), "least_ms", "pictures_per_second",
"gflops", "percent_of_peak", "peak_gflops", "read_gbytes",
"layers": [{"index", "type", "output_shape", "kernels",
"ms" (the batch), "gflops", "bytes", "bound"}, ...] or null}"""
_SIDE = 65_536


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} [OPTION...] CFG"
    add_cfg(parser)
    parser.add_argument(
        "--threads", type=whole_number(1, 1024), metavar="N", help="how many threads compute [one for each core]"
    )
    parser.add_argument(
        "--batch", type=whole_number(1, 4096), default=1, metavar="N", help="pictures computed together [1]"
    )
    parser.add_argument("--runs", type=whole_number(1, 10_000), default=15, metavar="N", help="timed runs [15]")
    parser.add_argument("--size", type=_size, metavar="WxH", help="another size of pictures than the cfg's")
    parser.add_argument("--layers", action="store_true", help="also the time of each layer")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_dialect(parser)
    add_strict(parser)


def _size(text: str) -> tuple[int, int]:
    """A type of arguments: width and height, as in 416x320."""
    found = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text, re.ASCII)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(1 <= side <= _SIDE for side in size):
        raise argparse.ArgumentTypeError(f"{text!r}, expected width and height as in 416x320")
    return size


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; always 0."""
    from darknetpy.kernels.cache import on_compile

    on_compile(terminal.news)
    figures = _measure(arguments)
    if arguments.json:
        terminal.answer(json.dumps(figures, indent=1))
    else:
        terminal.answer_table(_table(figures))
    return 0


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures as ``--json`` prints them."""
    import numpy as np

    from darknetpy.engine.profile import measure_machine, time_layers, time_whole
    from darknetpy.engine.program import Program
    from darknetpy.errors import ConfigError
    from darknetpy.network import load

    network = load(arguments.cfg, dialect=arguments.dialect, strict=arguments.strict)
    for remark in network.notes:
        terminal.note(remark)
    graph = network.graph
    if arguments.size:
        if len(graph.input_shape) != 3:
            found, expected = "a network that takes no pictures", "one that does"
            raise ConfigError(found, expected, "Leave out --size", path=arguments.cfg)
        width, height = arguments.size
        graph = graph.resized(height, width)
    program = Program(graph, arguments.threads)
    batch = np.random.default_rng(0).random((arguments.batch, *graph.input_shape), dtype=np.float32)
    program.run(batch, [graph.output_index])
    machine = measure_machine(program.threads)
    seconds = time_whole(lambda: program.run(batch, [graph.output_index]), arguments.runs)
    layers = time_layers(program, batch, arguments.runs) if arguments.layers else None
    middle, flops = statistics.median(seconds), arguments.batch * graph.flops
    return {
        "network": arguments.cfg,
        "input_shape": graph.input_shape,
        "batch": arguments.batch,
        "threads": program.threads,
        "runs": arguments.runs,
        "ms": 1e3 * middle / arguments.batch,
        "least_ms": 1e3 * min(seconds) / arguments.batch,
        "pictures_per_second": arguments.batch / middle,
        "gflops": flops / middle / 1e9,
        "percent_of_peak": 100 * flops / middle / machine.flops,
        "peak_gflops": machine.flops / 1e9,
        "read_gbytes": machine.bytes / 1e9,
        "layers": None if layers is None else [_layer(layer, machine) for layer in layers],
    }


def _layer(layer: LayerTime, machine: Machine) -> dict[str, Any]:
    """What is said of one layer; no rate where no step of its own was timed."""
    figures = asdict(layer)
    seconds, flops = figures.pop("seconds"), figures.pop("flops")
    return {
        **figures,
        "ms": 1e3 * seconds,
        "gflops": flops / seconds / 1e9 if seconds else None,
        "bound": machine.bound_by(flops, layer.bytes),
    }


def _table(figures: dict[str, Any]) -> Table:
    from darknetpy.layers.base import shape_text

    rows = figures["layers"] or []
    total = sum(row["ms"] for row in rows) or 1.0
    columns = [
        Column("#", [str(row["index"]) for row in rows], number=True),
        Column("type", [row["type"] for row in rows]),
        Column("output", [shape_text(row["output_shape"]) for row in rows], rank=3),
        Column("kernel", [", ".join(row["kernels"]) or "with another" for row in rows], rank=5),
        Column("ms", [f"{row['ms']:.3f}" for row in rows], number=True),
        Column("%", [f"{100 * row['ms'] / total:.1f}" for row in rows], number=True, rank=6),
        Column("GFLOP/s", ["" if not row["gflops"] else f"{row['gflops']:.1f}" for row in rows], number=True),
        Column("MB", [f"{row['bytes'] / 1e6:.2f}" for row in rows], number=True, rank=4),
        Column("bound", [row["bound"] for row in rows], rank=2),
    ]
    lines = [
        f"input       {shape_text(figures['input_shape'])}, batch {figures['batch']}, threads {figures['threads']}",
        f"time        {figures['ms']:.2f} ms a picture (median; least {figures['least_ms']:.2f}), "
        f"{figures['pictures_per_second']:.1f} pictures/s",
        f"operations  {figures['gflops']:.1f} GFLOP/s, {figures['percent_of_peak']:.0f} % of this machine's "
        f"{figures['peak_gflops']:.0f}",
        f"memory      is read at {figures['read_gbytes']:.1f} GB/s at most",
    ]
    return Table(columns if rows else [], lines)
