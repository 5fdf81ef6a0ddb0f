"""[logistic]: values to independent probabilities. Source: pjreddie/darknet src/logistic_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.activations import logistic
from darknetpy.layers.base import Layer, Tape
from darknetpy.layers.parts.softmax import safe_log


class Logistic(Layer):
    """1 / (1 + e^-x) of each value. Shapes: unchanged.

    The loss of a value p with the truth t is -t log p - (1 - t) log(1 - p).
    """

    names = ("logistic",)
    has_loss = True

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        output = logistic(inputs[0])
        if tape is not None:
            tape.output = output
            if tape.truth is not None:
                truth = tape.truth.reshape(output.shape)
                tape.loss = float(-(truth * safe_log(output) + (1 - truth) * safe_log(1 - output)).sum())
        return output

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        by_x = gradient * tape.output * (1 - tape.output)
        return [by_x if tape.truth is None else by_x + tape.output - tape.truth.reshape(by_x.shape)]
