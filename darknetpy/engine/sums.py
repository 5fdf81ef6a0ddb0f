"""Sums at the end of convolutions: which [shortcut]s are formed by the convolution before them, while it writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from darknetpy.engine.concatenations import Parts
from darknetpy.graph import INPUT, Graph, Node
from darknetpy.kernels.activations import ACTIVATIONS
from darknetpy.kernels.curves import curve_number
from darknetpy.kernels.layout import blocks_of

OWNERS = {"convolutional", "shortcut"}  # types of layers whose outputs are arrays of their own, made by themselves
MOVERS = OWNERS | {"maxpool", "upsample"}  # types that never pass an input on as it lies


class Sum(NamedTuple):
    """What a convolution adds: the index of the [shortcut], and that of the layer whose output is added.

    ``in_place`` says that nobody needs that output afterwards, so that the sum may be written over it.
    """

    shortcut: int
    other: int
    in_place: bool


Sums = Mapping[int, Sum]
"""The index of a convolution -> what it adds to its own output."""
NO_SUMS: Sums = MappingProxyType({})


def is_plain_sum(node: Node) -> bool:
    """Whether a layer is a [shortcut] of pictures, without factors."""
    if node.type != "shortcut" or len(node.output_shape) != 3:
        return False
    return bool(node.options.weights_type == "none" and node.options.alpha == node.options.beta == 1)


def find_sums(
    graph: Graph, needed: Collection[int], wanted: Collection[int], groups: Mapping[int, int], parts: Parts
) -> Sums:
    """The convolutions that form the sum of the [shortcut] behind them.

    Only where nobody else asks for the convolution's own output: no other layer, and not the caller.

    Args:
        graph: for the size of input that is meant.
        needed: indexes of the layers that are computed.
        wanted: indexes of the layers whose outputs the caller gets.
        groups: the convolutions whose kernels can add -> how many blocks of 16 channels these treat alike.
        parts: the layers whose outputs are parts of concatenations.
    """
    readers: dict[int, list[int]] = {}
    for node in graph.nodes:
        for source in node.sources if node.index in needed else ():
            readers.setdefault(source, []).append(node.index)
    sums = {}
    for node in graph.nodes:
        if node.index in needed and is_plain_sum(node) and len(node.sources) == 2:
            own, other = node.sources
            alone = own not in wanted and readers[own] == [node.index] and own in groups
            if alone and _fits(graph.nodes[own], node, groups[own]):
                in_place = node.index not in parts and other not in parts
                sums[own] = Sum(node.index, other, in_place and _ends_with(graph, readers, other, own))
    return sums


def _fits(convolution: Node, shortcut: Node, group: int) -> bool:
    """Whether the two activations and the channels that are added can be dealt with where a convolution writes."""
    own, last = (ACTIVATIONS[node.options.activation].slope for node in (convolution, shortcut))
    if last is None or (own is None and curve_number(convolution.options.activation) is None):
        return False
    blocks, added = (blocks_of(min(shape[0], shortcut.output_shape[0])) for shape in shortcut.input_shapes)
    if added == blocks:
        return True
    return added % group == 0 and (last == 1 or own == 1 or (own is not None and own * last == 0))


def _ends_with(graph: Graph, readers: Mapping[int, list[int]], other: int, convolution: int) -> bool:
    """Whether a layer's output is an array of its own that only layers before a convolution, and its sum, read."""
    if other == INPUT or graph.nodes[other].type not in OWNERS:
        return False
    *earlier, _ = readers[other]
    return all(reader < convolution and graph.nodes[reader].type in MOVERS for reader in earlier)
