"""[conv_lstm]: long short-term memory of convolutions. Source: AlexeyAB/darknet src/conv_lstm_layer.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from darknetpy.config.options import Kind, Option, Use
from darknetpy.errors import DarknetpyWarning
from darknetpy.kernels.activations import ACTIVATIONS, activate, activation_gradient
from darknetpy.layers.base import Shape, Tape, Window, activation_option
from darknetpy.layers.parts.assembled import Assembled, Placed
from darknetpy.layers.parts.same_size import SAME_SIZE_OPTIONS, check_same_size, convolution_of
from darknetpy.layers.state import LayerState

GATES = "figo"
PEEPHOLES = "fio"
CELL_LIMIT = 32  # for each time step of a call
OPERATIONS, PEEPHOLE_OPERATIONS = 9, 12  # for each value, besides the convolutions, as Darknet counts


class ConvLstm(Assembled):
    """Cells of pictures that forget, take in and give out through gates.

    Shapes: (c, h, w) -> (output, h, w).

    f[t] = logistic(input f part of x[t] + state f part of output[t - 1]), and i[t] and o[t] alike

    g[t] = tanh(input g part of x[t] + state g part of output[t - 1])

    cell[t] = f[t] * cell[t - 1] + i[t] * g[t]

    output[t] = o[t] * tanh(cell[t])

    Each part is a convolution that keeps the size of the picture, with ``activation`` and with biases or batch
    normalization of its own. output[-1] and cell[-1] are the state: zeros, or where the last call ended. For the next
    step the cell is kept within ``state_constrain``. ``peephole`` adds parts of cell[t - 1] to f and i, and of cell[t]
    to o. ``lstm_activation`` stands in the place of tanh (in Darknet on a GPU only).

    With ``bottleneck`` there is one state part, of output[t - 1] and x[t] together, followed by ``lstm_activation``;
    the input parts see its output and nothing else. Darknet has this on a GPU only, for as many input channels as
    ``output``; ``shortcut`` then adds the first half of its channels to those of the output.

    Source: Shi et al. 2015, "Convolutional LSTM network"; Liu and Zhu 2018, "Mobile video object detection with
    temporally-aware feature maps" (bottleneck).
    """

    names = ("conv_lstm",)
    needs_picture = True
    declared_options = (
        Option("output", 1, "number of output channels", minimum=1),
        *SAME_SIZE_OPTIONS,
        Option("pad", False, "surround the pictures with size/2 zeros; stands over padding", Kind.FLAG),
        activation_option("linear"),
        Option("batch_normalize", False, "normalize the channels of each part instead of adding biases only",
               Kind.FLAG),
        Option("peephole", False, "the gates see the cell, too", Kind.FLAG),
        Option("bottleneck", False, "one state part, which the input parts see", Kind.FLAG),
        Option("state_constrain", None, "largest size of a cell from step to step, by default 32 for each time step of "
               "a call; 0 is no limit", minimum=0),
        Option("shortcut", False, "with bottleneck: half of its channels are added to the output", Kind.FLAG),
        Option("lstm_activation", "tanh", "what stands in the place of tanh", Kind.WORD, choices=tuple(ACTIVATIONS)),
        Option("time_normalizer", 1.0, "factor on the gradients from step to step", Kind.NUMBER, use=Use.TRAIN),
    )  # fmt: skip

    def output_shape(self, shapes: list[Shape]) -> Shape:
        (c, h, w), output = shapes[0], self.options.output
        check_same_size(self, (c, h, w), {"output": output})
        if self.options.bottleneck and c != output:
            found = f"bottleneck=1 with {c} input channels and output={output}"
            remedy = f"Write output={c}, or bottleneck=0"
            raise self.refusal(found, "as many of both, since the same parts see either", remedy, "bottleneck")
        if self.options.bottleneck and self.options.shortcut and output % 2:
            found, expected = f"shortcut=1 with output={output}", "an even number, half of which is added"
            raise self.refusal(found, expected, "Write shortcut=0", "shortcut")
        return (output, h, w)

    def remarks(self, shapes: list[Shape]) -> Iterator[DarknetpyWarning]:
        if self.options.shortcut and not self.options.bottleneck:
            place = self.section.at("shortcut")
            yield DarknetpyWarning("shortcut=1 without bottleneck=1", "", "It has no effect, as in Darknet", **place)

    def parts(self, shape: Shape) -> dict[str, Placed]:
        part = convolution_of(self.options, self.options.output, self.options.activation)
        inner = (self.options.output, *shape[1:])
        peepholes = {f"peephole_{gate}": Placed(part, inner) for gate in PEEPHOLES if self.options.peephole}
        entering = {f"input_{gate}": Placed(part, shape) for gate in GATES}
        if self.options.bottleneck:
            both = (self.options.output + shape[0], *shape[1:])
            return {**peepholes, "state_f": Placed(part, both), **entering}
        return {**peepholes, **{f"state_{gate}": Placed(part, inner) for gate in GATES}, **entering}

    def flops(self, shapes: list[Shape]) -> int:
        operations = PEEPHOLE_OPERATIONS if self.options.peephole else OPERATIONS
        _, h, w = shapes[0]
        return super().flops(shapes) + operations * int(self.options.output) * h * w

    def window(self) -> Window:
        """What the present picture's values see of it; each step before adds more around it."""
        inward = convolution_of(self.options, 1, "linear").reach - 1
        reach = 1 + inward * (1 + self.options.bottleneck + self.options.peephole)
        return Window(reach, reach, 1, 1)

    def advance(self, inputs: list[np.ndarray], state: LayerState, tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        step_of = _Steps(self, x, state, tape)
        shape = (self.options.output, *x.shape[2:])
        past, cell = (state.recall(name, shape, x) for name in ("output", "cell"))
        every = np.empty((state.time_steps, *past.shape), x.dtype)
        for step in range(state.time_steps):
            every[step], past, cell = step_of(step, past, cell)
        state["output"], state["cell"] = past, cell
        if tape is not None:
            tape.steps = step_of
        return every.reshape(len(x), *shape)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Back through all time steps of the call; output and cell before them count as given.

        With ``bottleneck`` what goes from a step to the output before it is multiplied by ``time_normalizer``.
        """
        by_x = []
        by_past: np.ndarray | float = 0.0
        by_cell: np.ndarray | float = 0.0
        for by_output in gradient.reshape(len(tape.steps.kept), -1, *gradient.shape[1:])[::-1]:
            by_picture, by_past, by_cell = tape.steps.back(by_output, by_past, by_cell)
            by_x.append(by_picture)
            by_past = by_past * (self.options.time_normalizer if self.options.bottleneck else 1)
        return [np.concatenate(by_x[::-1])]


class _Kept(NamedTuple):
    """What one time step computed: the cell before it, gates, sums before an activation, and the cell behind it."""

    before: np.ndarray
    f: np.ndarray
    i: np.ndarray
    g: np.ndarray
    o: np.ndarray
    g_sums: np.ndarray
    mixed_sums: np.ndarray | None
    cell: np.ndarray


class _Steps:
    """The steps of one call; what does not depend on the steps before is computed for all of them at once."""

    def __init__(self, layer: ConvLstm, x: np.ndarray, state: LayerState, tape: Tape | None) -> None:
        self.layer, self.options, self.tape = layer, layer.options, tape
        self.parts = layer.parts(x.shape[1:])
        self.pictures = state.steps_of(x)
        self.kept: list[_Kept] = []
        self.entering: dict[str, np.ndarray] = {}
        if not self.options.bottleneck:
            names = {gate: f"input_{gate}" for gate in GATES}
            self.entering = {
                gate: layer.run_part_on_steps(name, x, self.parts[name], state, tape) for gate, name in names.items()
            }
        given = self.options.state_constrain
        self.limit = CELL_LIMIT * state.time_steps if given is None else given

    def run(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.layer.run_part(name, x, self.parts[name], self.tape)

    def __call__(self, step: int, past: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the layer gives at this step, and the output and cell that the next step sees."""
        added: np.ndarray | int = 0
        mixed_sums = None
        if self.options.bottleneck:
            mixed_sums = self.run("state_f", np.concatenate([past, self.pictures[step]], axis=1))
            mixed = self._bent(mixed_sums)
            sums = {gate: self.run(f"input_{gate}", mixed) for gate in GATES}
            added = self._first_half(mixed) if self.options.shortcut else 0
        else:
            sums = {gate: self.entering[gate][step] + self.run(f"state_{gate}", past) for gate in GATES}
        before = cell
        f, i = (activate("logistic", sums[gate] + self._peep(gate, before)) for gate in "fi")
        g = self._bent(sums["g"])
        cell = f * before + i * g
        o = activate("logistic", sums["o"] + self._peep("o", cell))
        past = o * self._bent(cell)
        if self.tape is not None:
            self.kept.append(_Kept(before, f, i, g, o, sums["g"], mixed_sums, cell))
        return past + added, past, np.clip(cell, -self.limit, self.limit) if self.limit else cell

    def back(
        self, by_output: np.ndarray, by_past: np.ndarray | float, by_cell: np.ndarray | float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Back through the latest step that is left: the gradients by its picture and by output and cell before it."""
        before, f, i, g, o, g_sums, mixed_sums, cell = self.kept.pop()
        by_past = by_output + by_past
        by_cell = by_cell * (np.abs(cell) <= self.limit) if self.limit else by_cell
        by_sums = {"o": by_past * self._bent(cell) * o * (1 - o)}
        by_cell = by_cell + self._unbent(cell, by_past * o) + self._back_peep("o", by_sums["o"])
        by_sums["f"] = by_cell * before * f * (1 - f)
        by_sums["i"] = by_cell * g * i * (1 - i)
        by_sums["g"] = self._unbent(g_sums, by_cell * i)
        by_before = by_cell * f + self._back_peep("f", by_sums["f"]) + self._back_peep("i", by_sums["i"])
        by_seen = sum(self._back(f"input_{gate}", by_sums[gate]) for gate in GATES)
        if mixed_sums is None:
            return by_seen, sum(self._back(f"state_{gate}", by_sums[gate]) for gate in GATES), by_before
        if self.options.shortcut:
            by_seen = by_seen + self._first_half(by_output)
        by_joined = self._back("state_f", self._unbent(mixed_sums, by_seen))
        return by_joined[:, self.options.output :], by_joined[:, : self.options.output], by_before

    def _back(self, name: str, gradient: np.ndarray) -> Any:
        return self.layer.back_through_part(name, gradient, self.tape) if self.tape is not None else 0

    def _back_peep(self, gate: str, gradient: np.ndarray) -> Any:
        return self._back(f"peephole_{gate}", gradient) if self.options.peephole else 0

    def _unbent(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        return activation_gradient(self.options.lstm_activation, x, gradient)

    def _bent(self, x: np.ndarray) -> np.ndarray:
        return activate(self.options.lstm_activation, x)

    def _peep(self, gate: str, cell: np.ndarray) -> np.ndarray | int:
        return self.run(f"peephole_{gate}", cell) if self.options.peephole else 0

    def _first_half(self, x: np.ndarray) -> np.ndarray:
        half = x.copy()
        half[:, x.shape[1] // 2 :] = 0
        return half
