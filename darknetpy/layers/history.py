"""[history]: the pictures before this one, as channels. Source: AlexeyAB/darknet src/conv_lstm_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Option
from darknetpy.layers.base import RecurrentLayer, Shape, Tape
from darknetpy.layers.state import LayerState


class History(RecurrentLayer):
    """The present picture and those of the steps before, the newest first.

    Shapes: (c, h, w) -> (c * history_size, h, w). Pictures before the first are zeros.

    The state is the last output, so that the past is kept from call to call. Darknet keeps it only where a call has
    several time steps.
    """

    names = ("history",)
    needs_picture = True
    declared_options = (Option("history_size", 4, "number of pictures, the present one among them", minimum=1),)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        c, h, w = shapes[0]
        return (c * self.options.history_size, h, w)

    def advance(self, inputs: list[np.ndarray], state: LayerState, tape: Tape | None = None) -> np.ndarray:
        pictures = state.steps_of(inputs[0])
        channels = inputs[0].shape[1]
        shape = self.output_shape([inputs[0].shape[1:]])
        past = state.recall("output", shape, inputs[0])
        every = np.empty((*pictures.shape[:2], *shape), inputs[0].dtype)
        for step, newest in enumerate(pictures):
            every[step, :, :channels] = newest
            every[step, :, channels:] = past[:, :-channels]
            past = every[step]
        state["output"] = past.copy()
        if tape is not None:
            tape.channels = channels
        return every.reshape(-1, *shape)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """To the newest picture only: those before count as given, as in Darknet."""
        return [gradient[:, : tape.channels].copy()]
