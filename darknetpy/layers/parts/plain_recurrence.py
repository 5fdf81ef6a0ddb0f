"""The recurrence that [rnn] and [crnn] share: hidden values that see the input and themselves one step before."""

from __future__ import annotations

import numpy as np

from darknetpy.layers.base import Tape
from darknetpy.layers.parts.assembled import Assembled
from darknetpy.layers.state import LayerState


class PlainRecurrence(Assembled):
    """A layer of the parts ``input``, ``self`` and ``output``, with an option ``shortcut``; its state is ``hidden``."""

    def advance(self, inputs: list[np.ndarray], state: LayerState, tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        parts = self.parts(x.shape[1:])
        entering = self.run_part_on_steps("input", x, parts["input"], state, tape)
        hidden = state.recall("hidden", parts["self"].input_shape, x)
        every = np.empty_like(entering)
        for step, values in enumerate(entering):
            again = self.run_part("self", hidden, parts["self"], tape)
            hidden = values + again + (hidden if self.options.shortcut else 0)
            every[step] = hidden
        state["hidden"] = hidden
        rows = every.reshape(len(x), *parts["output"].input_shape)
        output = self.run_part_on_steps("output", rows, parts["output"], state, tape)
        return output.reshape(len(x), *output.shape[2:])

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Back through all time steps of the call; the hidden values before them count as given."""
        steps = len(tape.runs["self"])
        by_hidden: np.ndarray | float = 0.0
        by_input = []
        for by_output in gradient.reshape(steps, -1, *gradient.shape[1:])[::-1]:
            by_sum = self.back_through_part("output", by_output, tape) + by_hidden
            by_input.append(self.back_through_part("input", by_sum, tape))
            by_hidden = self.back_through_part("self", by_sum, tape) + (by_sum if self.options.shortcut else 0)
        return [np.concatenate(by_input[::-1])]
