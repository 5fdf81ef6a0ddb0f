"""[batchnorm]: batch normalization as a layer of its own. Source: AlexeyAB/darknet src/batchnorm_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.layers.base import Array, Layer, Shape, Tape
from darknetpy.layers.parts.batch_normalization import batch_norm_arrays, normalize, normalize_backward


class BatchNorm(Layer):
    """(x - rolling mean) / deviation * scale + bias, channel by channel. Shapes: (c, h, w), unchanged.

    A weights file holds its scales and statistics even with ``dontloadscales``, as in Darknet.
    """

    names = ("batchnorm",)
    needs_picture = True

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        channels = shapes[0][0]
        biases = Array("biases", (channels,), in_file=self.dialect.batchnorm_section_has_biases)
        return [biases, *batch_norm_arrays(channels)]

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        return normalize(inputs[0], self.weights, self.dialect, tape)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        return [normalize_backward(gradient, self.weights, tape)]
