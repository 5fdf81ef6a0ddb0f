"""What a converter to another runtime has to know of a network: its answers, paddings, and what it cannot say."""

from __future__ import annotations

from collections.abc import Sequence

from darknetpy.graph import INPUT, Graph, Node

PASSING = frozenset({"dropout", "cost"})  # sections that pass their input on
_PLAIN: dict[str, dict[str, object]] = {
    "convolutional": {"xnor": False, "antialiasing": 0},
    "maxpool": {"maxpool_depth": False, "antialiasing": 0},
    "shortcut": {"weights_type": "none", "alpha": 1.0, "beta": 1.0},
    "upsample": {"scale": 1.0},
    "softmax": {"groups": 1, "tree": None, "spatial": False},
}
"""Section type -> the options that a converter does not know, with the values at which they do nothing."""


class NotConvertible(Exception):
    """The network has something that a converter cannot say in the other form."""


def answers(graph: Graph) -> list[int]:
    """The layers whose outputs are compared: what a detector's heads read, else the last layer that computes."""
    if graph.heads:
        return [graph.nodes[index].sources[0] for index in graph.heads]
    index = graph.output_index
    while graph.nodes[index].type in PASSING:
        (index,) = graph.nodes[index].sources
    return [index]


def converted_nodes(graph: Graph, wanted: Sequence[int] | None = None) -> list[Node]:
    """The layers up to some, by default the answers. Raises NotConvertible for options that converters do not know."""
    needed = set(answers(graph) if wanted is None else wanted)
    for node in reversed(graph.nodes):
        if node.index in needed:
            needed.update(source for source in node.sources if source != INPUT)
    nodes = [node for node in graph.nodes if node.index in needed]
    for node in nodes:
        for name, value in _PLAIN.get(node.type, {}).items():
            if node.options[name] != value:
                raise not_convertible(node, f"{name}={node.options[name]}")
    return nodes


def not_convertible(node: Node, what: str = "") -> NotConvertible:
    """The error for a layer."""
    return NotConvertible(f"layer {node.index} [{node.type}] {what}".rstrip())


def pool_padding(node: Node) -> tuple[int, int, int, int]:
    """Rows and columns around the picture that windows reach: top, left, bottom, right."""
    _, height, width = node.input_shapes[0]
    _, out_height, out_width = node.output_shape
    options, before = node.options, node.options.padding // 2
    below = (out_height - 1) * options.stride_y + options.size - before - height
    right = (out_width - 1) * options.stride_x + options.size - before - width
    return before, before, max(0, below), max(0, right)


def crop_window(node: Node) -> list[tuple[int, int]]:
    """Rows and columns that a crop keeps: the first and the one behind the last."""
    kept = []
    for side, part in zip(node.input_shapes[0][1:], node.output_shape[1:], strict=True):
        first = (side - part) // 2
        kept.append((first, first + part))
    return kept


def meeting(node: Node) -> list[tuple[int, int, int]]:
    """For each layer that a shortcut adds: the step between its pixels, the channels taken, the channels to add."""
    found = []
    channels, height, width = node.input_shapes[0]
    for shape in node.input_shapes[1:]:
        step = shape[1] // height
        if shape[1:] != (step * height, step * width):
            raise not_convertible(node, "adds a smaller picture")
        taken = min(channels, shape[0])
        found.append((step, taken, channels - taken))
    return found


def parts(node: Node) -> list[tuple[int, int]]:
    """For each layer that a route joins: its first channel and the one behind its last."""
    if len({shape[1:] for shape in node.input_shapes}) > 1:
        raise not_convertible(node, "joins pictures of different sizes")
    widths = [shape[0] // node.options.groups for shape in node.input_shapes]
    return [(node.options.group_id * width, (node.options.group_id + 1) * width) for width in widths]
