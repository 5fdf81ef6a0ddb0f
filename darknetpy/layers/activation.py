"""[activation]: a function of each value. Source: AlexeyAB/darknet src/activation_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Layer, Tape, activation_option


class Activation(Layer):
    """The activation alone. Shapes: unchanged. The normalize_channels family works across the first axis of a shape."""

    names = ("activation",)
    declared_options = (activation_option("linear"),)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        return activate(self.options.activation, inputs[0])
