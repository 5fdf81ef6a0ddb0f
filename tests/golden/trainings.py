"""Recorded trainings as we compute them: the passes and updates that the C programs ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from darknetpy.graph import Graph, Node
from darknetpy.layers.base import RecurrentLayer
from darknetpy.layers.state import State
from darknetpy.training.optimizers import Momentum
from darknetpy.training.passes import Pass, frozen_layers
from darknetpy.training.updates import Sums, Updates
from tests.golden.reader import Case

PARTS = {
    "wf": "state_f", "wi": "state_i", "wg": "state_g", "wo": "state_o",
    "uf": "input_f", "ui": "input_i", "ug": "input_g", "uo": "input_o",
    "vf": "peephole_f", "vi": "peephole_i", "vo": "peephole_o",
    "wz": "state_z", "wr": "state_r", "wh": "state_h",
    "uz": "input_z", "ur": "input_r", "uh": "input_h",
}  # fmt: skip
"""The C programs' names of the parts of recurrent layers -> ours."""
ARRAYS = {"weight": "weights", "bias": "biases", "scale": "scales"}
STATISTICS = ("rolling_mean", "rolling_variance")
FULLY_CONNECTED = {"connected", "rnn", "gru", "lstm"}
CPU_SHARES = {"alexeyab": (0.05, 0.1), "pjreddie": (0.01, 0.01)}
"""What a mini-batch counts for in rolling statistics on a CPU: in fully connected layers, in others."""


class Given:
    """Random numbers that were recorded, in the place of a generator."""

    def __init__(self, rows: list[np.ndarray]) -> None:
        self._rows = rows

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return self._rows.pop(0).reshape(shape)

    def integers(self, low: int, high: int) -> int:
        assert high == low + 1, "the recorded cases leave nothing to chance but dropout"
        return low


class CpuUpdates(Updates):
    """Rolling statistics as the C programs keep them on a CPU."""

    def rolling_share_of(self, node: Node) -> float:
        flat, other = CPU_SHARES[self.graph.dialect.name]
        return flat if node.type in FULLY_CONNECTED else other


class Training:
    """A recorded case, as we compute it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.case = Case(name, "train")
        self.about: dict[str, Any] = self.case.about
        self.graph: Graph = self.case.graph(folder)
        self.subdivisions: int = self.about["subdivisions"]
        self.rows = self.subdivisions * self.case.batch
        self.random = Given([row for name in self.names("rand_") for row in self._steps(name)])
        self.updates = CpuUpdates(self.graph, Momentum(self.about["momentum"]))
        self._state = State(self.graph.recurrent_layers, self.about["time_steps"])

    def names(self, start: str) -> list[str]:
        return [name for name in self.about["arrays"] if name.startswith(start)]

    def recorded(self, name: str, rows: int = 1) -> np.ndarray:
        return self.case.rows(name, rows)

    def expected(self, name: str, rows: int = 1) -> np.ndarray:
        """What was recorded, or the exact derivative where C's is another."""
        true = f"true_{name}"
        return self.case.rows(true if true in self.about["arrays"] else name, rows)

    @property
    def truth(self) -> np.ndarray:
        return self.case.rows("truth", self.rows)

    @property
    def input(self) -> np.ndarray:
        return self.case.rows("input", self.rows).reshape(-1, *self.graph.input_shape)

    def _steps(self, name: str) -> list[np.ndarray]:
        return list(self.case.rows(name, self.subdivisions * max(self.about["updates"], default=1)))

    def passes(self, iteration: int = 1) -> list[Pass]:
        """The mini-batches of one update. Recurrent layers go on from one to the next, [history] for ever."""
        done = []
        if not any(node.type == "history" for node in self.graph.nodes):
            self._state.reset()
        for part in range(self.subdivisions):
            rows = slice(part * self.case.batch, (part + 1) * self.case.batch)
            one = Pass(self.graph, frozen_layers(self.graph, iteration))
            random: Any = self.random  # which has what layers ask for
            one.forward(self.input[rows], self.truth[rows], random=random, state=self._state)
            one.backward()
            done.append(one)
        return done

    def update(self, iteration: int) -> None:
        """One update, by the rate that was recorded."""
        sums = Sums()
        for one in self.passes(iteration):
            sums.add(one)
        rates = self.about["rate_per_update"]
        self.updates.apply(sums, rates[min(iteration, len(rates)) - 1], iteration)

    def arrays(self) -> list[tuple[str, np.ndarray]]:
        """What a weights file holds, in its order."""
        return [
            (f"{array.name} of layer {node.index}", node.weights[array.name])
            for node in self.graph.nodes
            for array in node.arrays
            if array.in_file
        ]

    def array_named(self, name: str, start: str) -> tuple[Node, str]:
        """The layer and the name of our array for one of the recordings, such as ``weight_updates_000_self_layer``."""
        index, _, part = name.removeprefix(start).partition("_")
        part = PARTS.get(part, part.removesuffix("_layer"))
        kind = start.strip("_").removesuffix("_updates")
        own = ARRAYS.get(kind, kind)
        return self.graph.nodes[int(index)], f"{part}_{own}" if part else own

    @property
    def tolerance(self) -> float:
        """Wider where batch normalization or time steps let rounding errors grow; see the README of the recordings."""
        wide = any(
            isinstance(node.layer, RecurrentLayer) or node.type == "batchnorm" or node.options.get("batch_normalize")
            for node in self.graph.nodes
        )
        return 1e-4 if wide else 1e-5


def assert_near(found: Any, expected: np.ndarray, tolerance: float, what: str, size: float = 0.0) -> None:
    """Compare with the largest value, or with ``size`` where that is more."""
    found, expected = np.asarray(found).reshape(-1), expected.reshape(-1)
    assert found.shape == expected.shape, what
    largest = max(float(np.abs(expected).max()), size, 1e-7)
    difference = float(np.abs(found - expected).max())
    assert difference <= tolerance * largest, f"{what}: off by {difference:.3g}, largest value {largest:.3g}"
