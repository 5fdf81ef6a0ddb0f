"""``darknetpy verify``: the fast engine beside plain arithmetic in double precision, layer by layer."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, add_strict, positive_number, whole_number
from darknetpy.cli.table import Column, Table

if TYPE_CHECKING:
    import numpy as np

    from darknetpy.detection.detections import Detections
    from darknetpy.images.preprocess import Placement
    from darknetpy.network import Network

LIMIT = 1e-4
TOP = 5
A_TENTH = 0.1  # of a pixel
_DESCRIPTION = """\
Run a network with the fast engine and in plain arithmetic
in double precision, and compare every layer's output. Exit
code 1 if one is further off than --limit, as a part of the
layer's largest value."""
_EXAMPLES = """\
examples:
  darknetpy verify mnist mnist examples/digit-7.png
  darknetpy verify my.cfg my.weights --limit 1e-5 --json

Without IMAGE the input is random, the same in every run.
Differences are those that have come up since the input;
"alone" is what comes up in the layer, "float32" where plain
arithmetic in single precision would be. If that is as far
off, the network magnifies any rounding.

JSON: {"network", "weights", "image", "limit", "layers":
[{"index", "type", "output_shape", "largest", "relative",
"own" (alone), "single" (float32)}, ...], "answer_relative"
(when only the answer is computed), "first_above" (index of
a layer, or null), "magnified" (true if a layer is above the
limit, and all such only because rounding is magnified),
"answers_agree" (five best, or boxes; null if not known),
"ok"}; a difference that is no number is null."""


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} [OPTION...] CFG WEIGHTS [IMAGE]"
    add_cfg(parser)
    parser.add_argument("weights", metavar="WEIGHTS", help="its .weights file, or the same name")
    parser.add_argument("image", metavar="IMAGE", nargs="?", help="a picture [random input]")
    parser.add_argument(
        "--limit", type=positive_number, default=LIMIT, metavar="N", help="what a relative difference may be [1e-4]"
    )
    parser.add_argument(
        "--threads", type=whole_number(1, 1024), metavar="N", help="how many threads compute [one for each core]"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_dialect(parser)
    parser.add_argument("--allow-damaged", action="store_true", help="use what can be read of damaged files")
    add_strict(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; 1 if a layer, or the answer, is further off than the limit."""
    from darknetpy.kernels.cache import on_compile
    from darknetpy.network import load

    on_compile(terminal.news)
    network = load(
        arguments.cfg,
        arguments.weights,
        threads=arguments.threads,
        dialect=arguments.dialect,
        strict=arguments.strict,
        allow_damaged=arguments.allow_damaged,
    )
    for remark in network.notes:
        terminal.note(remark)
    batch, placement = _input(network, arguments)
    named = {"network": arguments.cfg, "weights": arguments.weights, "image": arguments.image}
    figures = {**named, **compare(network, batch, placement, arguments.limit, arguments.threads)}
    if arguments.json:
        terminal.answer(json.dumps(_without_infinity(figures), indent=1, allow_nan=False))
    else:
        terminal.answer_table(_table(figures))
    return 0 if figures["ok"] else 1


def compare(
    network: Network,
    batch: np.ndarray,
    placement: Placement | None,
    limit: float,
    threads: int | None,
    thresh: float | None = None,
) -> dict[str, Any]:
    """The figures as ``--json`` prints them, infinite differences included, but for what the files are called.

    Args:
        network: with its weights.
        batch: (1, *input_shape) float32.
        placement: where the picture lies on the input, see `answers_agree`.
        limit: of differences, as a part of the layer's largest value.
        threads: how many compute; by default one for each core.
        thresh: from which score on boxes count, by default the usual one.
    """
    from darknetpy.engine.program import Program
    from darknetpy.engine.verification import compare_layers, difference

    program = Program(network.graph, threads)
    layers, expected = compare_layers(program, batch)
    found = program.run(batch, expected)
    answer = max(difference(found[index], expected[index])[1] for index in expected)
    above = [layer for layer in layers if not layer.keeps(limit)]
    return {
        "limit": limit,
        "layers": [asdict(layer) for layer in layers],
        "answer_relative": answer,
        "first_above": above[0].index if above else None,
        "magnified": bool(above) and all(layer.is_magnified(limit) for layer in above),
        "answers_agree": answers_agree(network, found, expected, placement, thresh),
        "ok": not above and answer <= limit,
    }


def _input(network: Network, arguments: argparse.Namespace) -> tuple[np.ndarray, Placement | None]:
    """One input (1, *input_shape), and where a picture lies on it; None for a network that takes no pictures."""
    import numpy as np

    from darknetpy.images.preprocess import place

    if arguments.image is not None:
        values, placement = network.prepare_placed(arguments.image, allow_damaged=arguments.allow_damaged)
        return values[None], placement
    values = np.random.default_rng(0).random(network.input_shape, dtype=np.float32)
    if len(network.input_shape) != 3:
        return values[None], None
    _, height, width = network.input_shape
    return values[None], place(width, height, width, height, "stretch")


def answers_agree(
    network: Network,
    found: dict[int, np.ndarray],
    expected: dict[int, np.ndarray],
    placement: Placement | None,
    thresh: float | None = None,
) -> bool | None:
    """Whether both give the same five largest values, or the same boxes to a tenth of a pixel.

    None for a detector that takes no pictures: where boxes would lie is not known.

    Args:
        network: a detector or a classifier.
        found, expected: layer index -> output (1, *shape), of the last layer and of the heads.
        placement: where the picture lies on the input.
        thresh: from which score on boxes count, by default the usual one.
    """
    import numpy as np

    graph = network.graph
    if not network.is_detector:
        ours, theirs = (
            np.argsort(-outputs[graph.output_index].ravel(), kind="stable")[:TOP] for outputs in (found, expected)
        )
        return bool(np.array_equal(ours, theirs))
    if placement is None:
        return None
    from darknetpy.detection.decode import Limits, find_boxes
    from darknetpy.detection.detections import detections_of

    size = placement.picture_width, placement.picture_height
    limits = Limits() if thresh is None else Limits(thresh)
    boxes, others = (
        detections_of(find_boxes(graph, in_single(outputs), 0, placement, limits), *size, network.names)
        for outputs in (found, expected)
    )
    return len(boxes) == len(others) and _all_found(boxes, others) and _all_found(others, boxes)


def _all_found(boxes: Detections, others: Detections) -> bool:
    """Whether each box has one of its class at its place among the others; nearly equal ones may change their order."""
    for class_id, corners in zip(boxes.class_id, boxes.xyxy, strict=True):
        same = others.xyxy[others.class_id == class_id]
        if not (abs(same - corners).max(axis=1, initial=0) <= A_TENTH).any():
            return False
    return True


def in_single(outputs: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """The same in float32, which heads take."""
    return {index: output.astype("float32", copy=False) for index, output in outputs.items()}


def _without_infinity(value: Any) -> Any:
    """The same with None for numbers that JSON has not."""
    if isinstance(value, dict):
        return {name: _without_infinity(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_infinity(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _table(figures: dict[str, Any]) -> Table:
    from darknetpy.layers.base import shape_text

    rows, limit = figures["layers"], figures["limit"]
    columns = [
        Column("#", [str(row["index"]) for row in rows], number=True),
        Column("type", [row["type"] for row in rows]),
        Column("output", [shape_text(row["output_shape"]) for row in rows], rank=2),
        Column("largest", [f"{row['largest']:.1e}" for row in rows], number=True, rank=5),
        Column("relative", [f"{row['relative']:.1e}" for row in rows], number=True),
        Column("alone", [f"{row['own']:.1e}" for row in rows], number=True, rank=3),
        Column("float32", [f"{row['single']:.1e}" for row in rows], number=True, rank=4),
        Column("", ["above the limit" if max(row["relative"], row["own"]) > limit else "" for row in rows]),
    ]
    worst = max(rows, key=lambda row: row["relative"])
    own, single = (max(row[name] for row in rows) for name in ("own", "single"))
    above = figures["first_above"]
    lines = [
        f"largest  {worst['relative']:.1e} of the layer's largest value, at layer {worst['index']} ({worst['type']})",
        f"in one   {own:.1e}, what comes up in a layer alone",
        f"answer   {figures['answer_relative']:.1e}, when only the answer is computed",
        f"float32  {single:.1e}, plain arithmetic in single precision",
        f"limit    {limit:g}: " + ("all layers keep it" if above is None else f"exceeded first at layer {above}"),
    ]
    if figures["magnified"]:
        lines.append("cause    this network magnifies rounding: plain float32 is off as much, and no layer alone is")
    if figures["answers_agree"] is not None:
        lines.append(f"answers  {'the same' if figures['answers_agree'] else 'differ'} (five best, or boxes)")
    return Table(columns, lines)
