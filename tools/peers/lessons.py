"""What networks are trained with for comparison: the cfg without anything random, weights, one batch and its truths."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tools.peers.networks import NotConvertible

RANDOM = re.compile(r"\[(crop|dropout)\]")
REFERRING = re.compile(r"\[(route|shortcut|sam|scale_channels)\]")
LOSSES = re.compile(r"\[(softmax|cost|logistic)\]")
SEED = 1
LONG = 1_000_000  # updates: the training does not end


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Attributes:
        batch: pictures of an iteration, all at once.
        side: of the pictures; by default what the cfg says.
        layers: how many of the first layers, with the squared error of the last one's output; by default all.
        rate: a learning rate at which the loss falls, but not in leaps: rounding would grow from step to step.
    """

    batch: int
    side: int | None = None
    layers: int | None = None
    rate: float = 0.01


PLANS = {
    "cifar": Plan(64, side=28),
    "darknet19": Plan(8, side=224),
    "resnet50": Plan(8, side=256, rate=1e-3),
    "yolov3-tiny": Plan(8, side=416, layers=16, rate=1e-5),
}


@dataclass(frozen=True)
class Lesson:
    """All that a process needs: ``text`` of the cfg, weights, pictures (n, c, h, w) and truths (n, values)."""

    text: str
    weights: Path
    pictures: np.ndarray
    truths: np.ndarray


def lesson_text(text: str, plan: Plan, also: Mapping[str, object] = MappingProxyType({})) -> str:
    """A cfg for the comparison: [dropout] and [crop] are left out, the learning rate is constant.

    ``also`` are more options of [net].

    Raises NotConvertible where layers are counted back across one that is left out.
    """
    blocks = [block for block in re.split(r"(?m)^(?=\[)", text) if block.startswith("[")]
    net, layers = blocks[0], blocks[1:][: plan.layers]
    kept = [block for block in layers if not RANDOM.match(block)]
    if len(kept) < len(layers) and any(map(REFERRING.match, kept)):
        raise NotConvertible("[dropout] or [crop] cannot be left out where layers are named by their numbers")
    if not LOSSES.match(kept[-1]):
        kept.append("[cost]\n")
    written: dict[str, object] = {
        "batch": plan.batch, "subdivisions": 1, "max_batches": LONG, "learning_rate": plan.rate, "policy": "constant",
        "burn_in": 0, "ema_alpha": 0, **also,
    }  # fmt: skip
    if plan.side is not None:
        written |= {"width": plan.side, "height": plan.side}
    header, *lines = net.splitlines()
    lines = [line for line in lines if line.partition("=")[0].strip() not in written]
    return "\n".join([header, *(f"{name}={value}" for name, value in written.items()), *lines, *kept])


def make_lesson(text: str, plan: Plan, weights: Path) -> Lesson:
    """The lesson of a cfg; its first weights are written to a file."""
    from darknetpy.config.sections import parse_cfg
    from darknetpy.graph import build_graph, initial_weights
    from darknetpy.weights.writer import write_weights

    text = lesson_text(text, plan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = build_graph(parse_cfg(text), training=True)
    initial_weights(graph, SEED)
    write_weights(weights, graph)
    random = np.random.default_rng(SEED)
    pictures = random.random((plan.batch, *graph.input_shape), dtype=np.float32)
    length = int(np.prod(graph.nodes[graph.output_index].output_shape))
    if any(node.type == "softmax" for node in graph.nodes):
        truths = np.zeros((plan.batch, length), np.float32)
        truths[np.arange(plan.batch), random.integers(length, size=plan.batch)] = 1
    else:
        truths = random.standard_normal((plan.batch, length), dtype=np.float32)
    return Lesson(text, weights, pictures, truths)
