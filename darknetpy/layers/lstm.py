"""[lstm]: long short-term memory. Source: AlexeyAB/darknet and pjreddie/darknet src/lstm_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Shape, Tape
from darknetpy.layers.parts.assembled import Assembled, Placed
from darknetpy.layers.parts.fully_connected import FullyConnected
from darknetpy.layers.state import LayerState


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
            return self.run_part(name, values, parts[name])

        entering = {gate: state.steps_of(run(f"input_{gate}", x)) for gate in "figo"}
        past, cell = (state.recall(name, parts["state_f"].input_shape, x) for name in ("output", "cell"))
        every = np.empty_like(entering["f"])
        for step in range(state.time_steps):
            sums = {gate: entering[gate][step] + run(f"state_{gate}", past) for gate in "figo"}
            f, i, o = (activate("logistic", sums[gate]) for gate in "fio")
            cell = f * cell + i * np.tanh(sums["g"])
            past = o * np.tanh(cell)
            every[step] = past
        state["output"], state["cell"] = past, cell
        return every.reshape(len(x), *past.shape[1:])
