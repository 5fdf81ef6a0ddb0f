"""[activation]: a function of each value. Source: AlexeyAB/darknet src/activation_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.layers.base import Layer, Tape, activation_option


class Activation(Layer):
    """The activation alone. Shapes: unchanged. The normalize_channels family works across the first axis of a shape."""

    names = ("activation",)
    declared_options = (activation_option("linear"),)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        if tape is not None:
            tape.x = inputs[0]
        return activate(self.options.activation, inputs[0])

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        return [activation_gradient(self.options.activation, tape.x, gradient)]
