"""How much of the picture one value of a layer sees.

Source: Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural networks".
"""

from __future__ import annotations

from typing import NamedTuple

from darknetpy.graph import INPUT, Graph
from darknetpy.layers.base import Window


class Field(NamedTuple):
    """Height and width in pixels of the network's input (as if the picture had no edge), and pixels per cell."""

    height: int
    width: int
    down: float
    right: float


_PIXEL = Field(1, 1, 1, 1)


def receptive_fields(graph: Graph) -> list[Field | None]:
    """For each layer what one of its values sees at most; None where that is the whole picture."""
    fields: dict[int, Field | None] = {INPUT: _PIXEL}
    for node in graph.nodes:
        window = node.layer.window()
        seen = [fields[source] for source in node.sources]
        known = [field for field in seen if field is not None]
        whole = window is None or len(known) < len(seen)
        fields[node.index] = None if whole or window is None else _through(window, known)
    return [fields[node.index] for node in graph.nodes]


def _through(window: Window, inputs: list[Field]) -> Field:
    """The widest input counts, and the first one's step, which the output shares."""
    return Field(
        max(field.height + round((window.height - 1) * field.down) for field in inputs),
        max(field.width + round((window.width - 1) * field.right) for field in inputs),
        inputs[0].down * window.down,
        inputs[0].right * window.right,
    )
