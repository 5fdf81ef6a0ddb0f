"""Where each array stands in a weights file: computed from the graph alone, before anything is read or allocated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from darknetpy.errors import WeightsError
from darknetpy.graph import Graph, Node
from darknetpy.layers.base import Array, size_of

VALUE_BYTES = 4  # float32
MAXIMUM_NAMED = 8  # layers in one message


@dataclass(frozen=True)
class Slot:
    """The place of one array of one layer. ``offset`` counts values (not bytes) from the end of the header."""

    node: Node
    array: Array
    offset: int

    @property
    def values(self) -> int:
        """How many values the file holds of the array."""
        return size_of(self.array.file_shape)

    @property
    def end(self) -> int:
        """Offset of the first value behind the array."""
        return self.offset + self.values

    def turned(self, transposed: bool) -> bool:
        """Whether the file holds the array's matrix (first axis, all others) with rows and columns exchanged.

        ``transposed`` is what the version of the file says about connected layers.
        """
        return self.array.flipped or (transposed and self.array.matrix)


def layout(graph: Graph, upto: int | None = None, *, saving: bool = False) -> tuple[Slot, ...]:
    """The slots of a weights file of this network, in file order.

    Args:
        graph: the network. Layers with ``dontload=1`` and layers that share another's arrays have nothing in the
            file; ``dontloadscales=1`` leaves out the batch-norm arrays, ``numload=`` all but the first filters.
        upto: only the layers before this index, as in files like ``darknet53.conv.74``.
        saving: also leave out the layers with ``dontsave=1``.
    """
    slots: list[Slot] = []
    offset = 0
    for node in graph.nodes[:upto]:
        if node.options.dontload or (saving and node.options.dontsave):
            continue
        for array in node.arrays:
            if array.in_file:
                slots.append(Slot(node, array, offset))
                offset = slots[-1].end
    return tuple(slots)


def check_upto(graph: Graph, upto: int | None, path: str | os.PathLike[str] | None) -> None:
    """Raise WeightsError where ``upto`` is not a number of layers of the network; None is all of them."""
    if upto is not None and not 1 <= upto <= len(graph.nodes):
        expected, remedy = f"1 to {len(graph.nodes)}", "It is the index of the first layer that is left out"
        raise WeightsError(f"upto={upto}", expected, remedy, path=path)


def total_values(slots: Sequence[Slot]) -> int:
    """How many values the arrays take in the file."""
    return slots[-1].end if slots else 0


def total_bytes(slots: Sequence[Slot]) -> int:
    """How many bytes the arrays take in the file, its header not counted."""
    return VALUE_BYTES * total_values(slots)


def nodes_of(slots: Sequence[Slot]) -> list[Node]:
    """The layers that have arrays in the file, in order."""
    return list({slot.node.index: slot.node for slot in slots}.values())


def layers_text(nodes: Sequence[Node]) -> str:
    """At least one layer as messages name them: ``layer 3``, ``layers 1, 2``, ``layers 0, 1, 2, ... and 70 more``."""
    indexes = ", ".join(str(node.index) for node in nodes[:MAXIMUM_NAMED])
    more = f" and {len(nodes) - MAXIMUM_NAMED} more" if len(nodes) > MAXIMUM_NAMED else ""
    return f"layer{'s' if len(nodes) > 1 else ''} {indexes}{more}"
