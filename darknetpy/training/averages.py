"""A moving average of all arrays of a network, late in a training.

Source: AlexeyAB/darknet src/network.c, ema_update and ema_apply; Polyak and Juditsky 1992.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np

from darknetpy.errors import TrainingError
from darknetpy.graph import Graph
from darknetpy.layers.weights import Weights

LAST_UPDATES = 1000
"""The updates at the end that go on from the average."""


class MovingAverage:
    """``average = alpha * average + (1 - alpha) * array``, from half of the updates on, a copy at first.

    The last 1000 updates begin with the averages in the place of what was trained; rolling statistics stay. Darknet
    averages the arrays of convolutions only. With 2000 updates or fewer there is no time for it.

    Attributes:
        arrays: the averages by index of the layer and name; none before half of the updates.
    """

    def __init__(self, graph: Graph, alpha: float, max_batches: int) -> None:
        self._graph, self._alpha = graph, alpha
        self._first, self._taken = max_batches // 2, max_batches - LAST_UPDATES
        self.arrays: dict[tuple[int, str], np.ndarray] = {}

    def follow(self, iteration: int) -> None:
        """After an update: go on with the averages, or take them."""
        if self._first <= iteration < self._taken:
            self._average()
        elif iteration == self._taken and self.arrays:
            self._take()

    def _average(self) -> None:
        for node in self._graph.nodes:
            for array in node.arrays:
                place, values = (node.index, array.name), node.weights[array.name]
                if place in self.arrays:
                    average = self.arrays[place]
                    average *= np.float32(self._alpha)
                    average += np.float32(1 - self._alpha) * values
                else:
                    self.arrays[place] = values.copy()

    def _take(self) -> None:
        for node in self._graph.nodes:
            for array in node.arrays:
                if array.trained:
                    node.weights[array.name][...] = self.arrays[node.index, array.name]

    def averaged(self) -> Graph | None:
        """A network like the one in training, with the averages in place of its arrays; None before there are any."""
        if not self.arrays:
            return None
        nodes = []
        for node in self._graph.nodes:
            layer = copy(node.layer)
            layer.weights = Weights()
            layer.weights.update({array.name: self.arrays[node.index, array.name] for array in node.arrays})
            nodes.append(replace(node, layer=layer))
        return replace(self._graph, nodes=tuple(nodes))

    def state(self) -> dict[str, np.ndarray]:
        """Copies of the averages, by ``INDEX.ARRAY``; ``restore`` takes them back."""
        return {f"{index}.{name}": average.copy() for (index, name), average in self.arrays.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on from saved averages. Raises TrainingError where they are not of this network."""
        shapes = {(node.index, array.name): array.shape for node in self._graph.nodes for array in node.arrays}
        arrays = {}
        for key, average in state.items():
            number, _, name = key.partition(".")
            place = (int(number) if number.isdigit() else -1, name)
            if shapes.get(place) != average.shape:
                found, expected = f"the saved training has averages of {key}", "arrays of this network"
                raise TrainingError(found, expected, "Go on with the same cfg, or begin the training anew")
            arrays[place] = average.copy()
        self.arrays = arrays
