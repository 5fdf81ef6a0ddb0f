"""Concatenations without copies: which layers can write straight into their part of a [route]'s output."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from darknetpy.graph import INPUT, Graph, Node, Shape
from darknetpy.kernels.simd import LANES


class Part(NamedTuple):
    """A place in a concatenation: the index of the [route], and the channel at which the part begins."""

    route: int
    channel: int


Parts = Mapping[int, Part]
"""The index of a layer -> the concatenation that its output is a part of."""
NO_PARTS: Parts = MappingProxyType({})


def first_channels(shapes: tuple[Shape, ...]) -> list[int]:
    """Where the part of each source begins in their concatenation."""
    starts, total = [], 0
    for shape in shapes:
        starts.append(total)
        total += shape[0]
    return starts


def joins_blocks(node: Node) -> bool:
    """Whether a [route] concatenates pictures whose parts begin at blocks of 16 channels."""
    return (
        len(node.sources) > 1
        and node.options.groups == 1
        and len(node.output_shape) == len(node.input_shapes[0]) == 3
        and all(channel % LANES == 0 for channel in first_channels(node.input_shapes))
    )


def find_parts(graph: Graph, needed: Collection[int]) -> Parts:
    """The layers whose outputs are parts of concatenations, from the last [route] to the first.

    A layer that several of them read is a part of the last, and is copied for the others; so a chain of concatenations,
    as in densely connected networks, is one array that grows.
    """
    parts: dict[int, Part] = {}
    for node in reversed(graph.nodes):
        if node.type == "route" and node.index in needed and joins_blocks(node):
            for source, channel in zip(node.sources, first_channels(node.input_shapes), strict=True):
                if source != INPUT:
                    parts.setdefault(source, Part(node.index, channel))
    return parts
