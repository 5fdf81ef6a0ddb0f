"""[gru]: gated recurrent units. Source: AlexeyAB/darknet and pjreddie/darknet src/gru_layer.c."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.layers.base import Shape, Tape
from darknetpy.layers.parts.assembled import Assembled, Placed
from darknetpy.layers.parts.fully_connected import FullyConnected
from darknetpy.layers.state import LayerState

GATES = "zrh"


class _Step(NamedTuple):
    """What one time step computed: the output before it, the gates, and h before and behind its activation."""

    before: np.ndarray
    z: np.ndarray
    r: np.ndarray
    sums: np.ndarray
    h: np.ndarray


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
            return self.run_part(name, values, parts[name], tape)

        names = {gate: f"input_{gate}" for gate in GATES}
        entering = {gate: self.run_part_on_steps(n, x, parts[n], state, tape) for gate, n in names.items()}
        past = state.recall("output", parts["state_z"].input_shape, x)
        every = np.empty_like(entering["z"])
        steps = []
        for step in range(state.time_steps):
            z = activate("logistic", entering["z"][step] + run("state_z", past))
            r = activate("logistic", entering["r"][step] + run("state_r", past))
            sums = entering["h"][step] + run("state_h", r * past)
            h, before = activate(self._bend, sums), past
            past = z * before + (1 - z) * h
            every[step] = past
            steps.append(_Step(before, z, r, sums, h))
        state["output"] = past
        if tape is not None:
            tape.steps = steps
        return every.reshape(len(x), *past.shape[1:])

    @property
    def _bend(self) -> str:
        """The activation of h."""
        return "tanh" if self.options.tanh else "logistic"

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Back through all time steps of the call; the output before them counts as given."""
        by_input = []
        by_past: np.ndarray | float = 0.0
        by_outputs = gradient.reshape(len(tape.steps), -1, *gradient.shape[1:])
        for by_output, (before, z, r, sums, h) in zip(by_outputs[::-1], tape.steps[::-1], strict=True):
            by_output = by_output + by_past
            by_h = activation_gradient(self._bend, sums, by_output * (1 - z))
            by_reset = self.back_through_part("state_h", by_h, tape)
            by_z = by_output * (before - h) * z * (1 - z)
            by_r = by_reset * before * r * (1 - r)
            by_past = by_output * z + by_reset * r
            by_past = by_past + self.back_through_part("state_z", by_z, tape)
            by_past = by_past + self.back_through_part("state_r", by_r, tape)
            by_sums = {"z": by_z, "r": by_r, "h": by_h}
            by_input.append(sum(self.back_through_part(f"input_{gate}", by_sums[gate], tape) for gate in GATES))
        return [np.concatenate(by_input[::-1])]
