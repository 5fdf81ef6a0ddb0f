"""[logistic]: values to independent probabilities. Source: pjreddie/darknet src/logistic_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.activations import logistic
from darknetpy.layers.base import Layer, Tape


class Logistic(Layer):
    """1 / (1 + e^-x) of each value; training takes its losses. Shapes: unchanged."""

    names = ("logistic",)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        return logistic(inputs[0])
