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
        entering = state.steps_of(self.run_part("input", x, parts["input"]))
        hidden = state.recall("hidden", parts["self"].input_shape, x)
        every = np.empty_like(entering)
        for step, values in enumerate(entering):
            again = self.run_part("self", hidden, parts["self"])
            hidden = values + again + (hidden if self.options.shortcut else 0)
            every[step] = hidden
        state["hidden"] = hidden
        return self.run_part("output", every.reshape(len(x), *parts["output"].input_shape), parts["output"])
