"""All layers' weights packed, in several threads: first touching that much memory takes longer than computing it."""

from __future__ import annotations

from itertools import repeat

from darknetpy.engine.choose import Choices
from darknetpy.engine.convolutions import Packed
from darknetpy.engine.lightening import lighten
from darknetpy.engine.lower import pack, shape_of
from darknetpy.graph import Graph

WORTH_SHARING = 100_000  # parameters of a network; starting threads takes longer than packing fewer


def pack_layers(graph: Graph, choices: Choices, threads: int) -> dict[int, Packed]:
    """The packed weights of the layers that have them, by index, and before that the choice of their kernels.

    Each thread packs one layer at a time, the largest first.
    """
    shapes = {node.index: shape for node in graph.nodes if (shape := shape_of(node)) is not None}
    for layer, shape in shapes.items():
        choices.make(layer, shape)
    if choices.by_time:
        lighten(choices, shapes, choices.named)

    nodes = sorted(graph.nodes, key=lambda node: node.parameters, reverse=True)
    if threads == 1 or sum(node.parameters for node in nodes) < WORTH_SHARING:
        found = list(map(pack, nodes, repeat(choices)))
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads, "darknetpy-packing") as pool:
            found = list(pool.map(pack, nodes, repeat(choices)))
    by_index = {node.index: packed for node, packed in zip(nodes, found, strict=True) if packed is not None}
    return dict(sorted(by_index.items()))
