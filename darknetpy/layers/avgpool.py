"""[avgpool]: the mean of each channel. Source: AlexeyAB/darknet src/avgpool_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.layers.base import Layer, Shape, Tape


class AvgPool(Layer):
    """Mean over all pixels of a channel.

    Shapes: (c, h, w) -> (c, 1, 1).
    """

    names = ("avgpool", "avg")
    needs_picture = True

    def output_shape(self, shapes: list[Shape]) -> Shape:
        return (shapes[0][0], 1, 1)

    def window(self) -> None:
        return None

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        if tape is not None:
            tape.shape = inputs[0].shape
        return inputs[0].mean(axis=(2, 3), keepdims=True)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        _, _, h, w = tape.shape
        return [np.broadcast_to(gradient / (h * w), tape.shape).copy()]
