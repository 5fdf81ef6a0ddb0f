"""Recurrent layers that are made of fully connected or convolutional parts, each with arrays of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from darknetpy.layers.base import Array, RecurrentLayer, Shape, Tape
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.layers.parts.fully_connected import FullyConnected
from darknetpy.layers.state import LayerState
from darknetpy.layers.tape import PartTape


class Placed(NamedTuple):
    """A part, and the shape of what it sees."""

    part: FullyConnected | Convolution
    input_shape: Shape


class Assembled(RecurrentLayer):
    """A recurrent layer of parts. An array ``weights`` of a part ``input`` is called ``input_weights``."""

    def parts(self, shape: Shape) -> Mapping[str, Placed]:
        """The parts by name for inputs of this shape, in the order of a weights file."""
        return {}

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        """The arrays of all parts; ``dontloadscales`` does not reach into them, as in Darknet."""
        return [
            replace(array, name=f"{name}_{array.name}")
            for name, placed in self.parts(shapes[0]).items()
            for array in placed.part.arrays(placed.input_shape)
        ]

    def flops(self, shapes: list[Shape]) -> int:
        return sum(placed.part.flops(placed.input_shape) for placed in self.parts(shapes[0]).values())

    def temporary(self, shapes: list[Shape]) -> int:
        """All parts' outputs, and what the largest of them needs in between."""
        parts = self.parts(shapes[0]).values()
        outputs = sum(int(np.prod(placed.part.output_shape(placed.input_shape))) for placed in parts)
        return outputs + max(placed.part.temporary(placed.input_shape) for placed in parts)

    def run_part(self, name: str, x: np.ndarray, placed: Placed, tape: Tape | None = None) -> np.ndarray:
        """The output of a part, with the arrays that have its name. A tape remembers each run."""
        own = None
        if tape is not None:
            own = PartTape(tape, name)
            tape.runs = getattr(tape, "runs", {})
            tape.runs.setdefault(name, []).append((placed.part, own))
        return placed.part.run(x, _OwnArrays(self.weights, name), self.dialect, own)

    def run_part_on_steps(
        self, name: str, x: np.ndarray, placed: Placed, state: LayerState, tape: Tape | None
    ) -> np.ndarray:
        """The outputs of a part for rows x of all time steps, (time_steps, b, *shape).

        With a tape each step is a run of its own: batch normalization takes the statistics of one step.
        """
        if tape is None:
            return state.steps_of(self.run_part(name, x, placed))
        return np.stack([self.run_part(name, rows, placed, tape) for rows in state.steps_of(x)])

    def back_through_part(self, name: str, gradient: np.ndarray, tape: Tape) -> np.ndarray:
        """The gradient by what a part saw in its latest run that nobody has gone back through yet."""
        part, own = tape.runs[name].pop()
        by_input: np.ndarray = part.backward(gradient, _OwnArrays(self.weights, name), own)
        return by_input


class _OwnArrays(dict[str, np.ndarray]):
    """A part's arrays by their names in the part: each is looked up in those of the whole layer."""

    def __init__(self, whole: Mapping[str, np.ndarray], part: str) -> None:
        super().__init__()
        self._whole, self._part = whole, part

    def __missing__(self, name: str) -> np.ndarray:
        return self._whole[f"{self._part}_{name}"]
