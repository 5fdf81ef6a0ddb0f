"""[gru]: gated recurrent units. Source: AlexeyAB/darknet and pjreddie/darknet src/gru_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Shape, Tape
from darknetpy.layers.parts.assembled import Assembled, Placed
from darknetpy.layers.parts.fully_connected import FullyConnected
from darknetpy.layers.state import LayerState


class Gru(Assembled):
    """Output values that see the input and themselves one step before, through gates.

    Shapes: any -> (output, 1, 1). Pictures are read as flat rows in the order channel, row, column.

    z[t] = logistic(input z part of x[t] + state z part of output[t - 1])

    r[t] = logistic(input r part of x[t] + state r part of output[t - 1])

    h[t] = logistic(input h part of x[t] + state h part of r[t] * output[t - 1])

    output[t] = z[t] * output[t - 1] + (1 - z[t]) * h[t]

    Each part is fully connected, with biases or batch normalization of its own. output[-1] is the state: zeros, or
    where the last call ended. Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder";
    there h is a tanh, as with ``tanh=1``.
    """

    names = ("gru",)
    declared_options = (
        Option("output", 1, "number of output values", minimum=1),
        Option("batch_normalize", False, "normalize the values of each part instead of adding biases only", Kind.FLAG),
        Option("tanh", False, "h is a tanh instead of a logistic", Kind.FLAG),
    )

    def output_shape(self, shapes: list[Shape]) -> Shape:
        return (self.options.output, 1, 1)

    def parts(self, shape: Shape) -> dict[str, Placed]:
        part = FullyConnected(self.options.output, "linear", self.options.batch_normalize)
        seen = {"input": shape, "state": (self.options.output, 1, 1)}
        return {name: Placed(part, seen[name.partition("_")[0]]) for name in self.dialect.gru_file_order}

    def window(self) -> None:
        return None

    def advance(self, inputs: list[np.ndarray], state: LayerState, tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        parts = self.parts(x.shape[1:])

        def run(name: str, values: np.ndarray) -> np.ndarray:
            return self.run_part(name, values, parts[name])

        entering = {gate: state.steps_of(run(f"input_{gate}", x)) for gate in "zrh"}
        past = state.recall("output", parts["state_z"].input_shape, x)
        every = np.empty_like(entering["z"])
        for step in range(state.time_steps):
            z = activate("logistic", entering["z"][step] + run("state_z", past))
            r = activate("logistic", entering["r"][step] + run("state_r", past))
            sums = entering["h"][step] + run("state_h", r * past)
            past = z * past + (1 - z) * activate("tanh" if self.options.tanh else "logistic", sums)
            every[step] = past
        state["output"] = past
        return every.reshape(len(x), *past.shape[1:])
