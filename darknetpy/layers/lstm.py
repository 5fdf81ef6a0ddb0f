"""[lstm]: long short-term memory. Source: AlexeyAB/darknet and pjreddie/darknet src/lstm_layer.c."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Shape, Tape
from darknetpy.layers.parts.assembled import Assembled, Placed
from darknetpy.layers.parts.fully_connected import FullyConnected
from darknetpy.layers.state import LayerState

GATES = "figo"


class _Step(NamedTuple):
    """What one time step computed: the cell before it, the gates, and the cell behind it."""

    before: np.ndarray
    f: np.ndarray
    i: np.ndarray
    g: np.ndarray
    o: np.ndarray
    cell: np.ndarray


class Lstm(Assembled):
    """Cells that forget, take in and give out through gates.

    Shapes: any -> (output, 1, 1). Pictures are read as flat rows in the order channel, row, column.

    f[t] = logistic(input f part of x[t] + state f part of output[t - 1]), and i[t] and o[t] alike

    g[t] = tanh(input g part of x[t] + state g part of output[t - 1])

    cell[t] = f[t] * cell[t - 1] + i[t] * g[t]

    output[t] = o[t] * tanh(cell[t])

    Each part is fully connected, with biases or batch normalization of its own. output[-1] and cell[-1] are the state:
    zeros, or where the last call ended. Source: Hochreiter and Schmidhuber 1997, "Long short-term memory".
    """

    names = ("lstm",)
    declared_options = (
        Option("output", 1, "number of output values", minimum=1),
        Option("batch_normalize", False, "normalize the values of each part instead of adding biases only", Kind.FLAG),
    )

    def output_shape(self, shapes: list[Shape]) -> Shape:
        return (self.options.output, 1, 1)

    def parts(self, shape: Shape) -> dict[str, Placed]:
        part = FullyConnected(self.options.output, "linear", self.options.batch_normalize)
        seen = {"input": shape, "state": (self.options.output, 1, 1)}
        return {name: Placed(part, seen[name.partition("_")[0]]) for name in self.dialect.lstm_file_order}

    def window(self) -> None:
        return None

    def advance(self, inputs: list[np.ndarray], state: LayerState, tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        parts = self.parts(x.shape[1:])

        def run(name: str, values: np.ndarray) -> np.ndarray:
            return self.run_part(name, values, parts[name], tape)

        names = {gate: f"input_{gate}" for gate in GATES}
        entering = {gate: self.run_part_on_steps(n, x, parts[n], state, tape) for gate, n in names.items()}
        past, cell = (state.recall(name, parts["state_f"].input_shape, x) for name in ("output", "cell"))
        every = np.empty_like(entering["f"])
        steps = []
        for step in range(state.time_steps):
            sums = {gate: entering[gate][step] + run(f"state_{gate}", past) for gate in GATES}
            f, i, o = (activate("logistic", sums[gate]) for gate in "fio")
            g, before = np.tanh(sums["g"]), cell
            cell = f * before + i * g
            past = o * np.tanh(cell)
            every[step] = past
            steps.append(_Step(before, f, i, g, o, cell))
        state["output"], state["cell"] = past, cell
        if tape is not None:
            tape.steps = steps
        return every.reshape(len(x), *past.shape[1:])

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Back through all time steps of the call; output and cell before them count as given."""
        by_input = []
        by_past: np.ndarray | float = 0.0
        by_cell: np.ndarray | float = 0.0
        by_outputs = gradient.reshape(len(tape.steps), -1, *gradient.shape[1:])
        for by_output, (before, f, i, g, o, cell) in zip(by_outputs[::-1], tape.steps[::-1], strict=True):
            bent, by_past = np.tanh(cell), by_output + by_past
            by_cell = by_cell + by_past * o * (1 - bent * bent)
            by_sums = {
                "f": by_cell * before * f * (1 - f),
                "i": by_cell * g * i * (1 - i),
                "g": by_cell * i * (1 - g * g),
                "o": by_past * bent * o * (1 - o),
            }
            by_cell = by_cell * f
            by_past, by_rows = (
                sum(self.back_through_part(f"{kind}_{gate}", by_sums[gate], tape) for gate in GATES)
                for kind in ("state", "input")
            )
            by_input.append(by_rows)
        return [np.concatenate(by_input[::-1])]
