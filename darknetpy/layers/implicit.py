"""[implicit]: learned values that do not depend on the picture.

Source: Wang, Yeh and Liao 2021, "You only learn one representation"; AlexeyAB/darknet src/representation_layer.c.
"""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.layers.base import Array, Layer, Shape, Tape


class Implicit(Layer):
    """Gives its weights, the same for every picture. Shapes: any -> (filters, atoms, 1).

    A [shortcut] or [scale_channels] behind it adds them to a layer, or multiplies by them.
    """

    names = ("implicit",)
    declared_options = (
        Option("filters", 128, "number of output channels", minimum=1),
        Option("atoms", 1, "values of each channel, one below the other", minimum=1),
        Option("mean", 0.0, "middle of the values before training", Kind.NUMBER),
        Option("std", 0.2, "largest distance of such a value from mean", Kind.NUMBER, minimum=0),
    )

    def output_shape(self, shapes: list[Shape]) -> Shape:
        return (self.options.filters, self.options.atoms, 1)

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        shape = (self.options.filters, self.options.atoms)
        return [Array("weights", shape, initial=self.options.mean, bound=self.options.std)]

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        values = self.weights["weights"].astype(x.dtype, copy=False)[..., np.newaxis]
        return np.repeat(values[np.newaxis], len(x), axis=0)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        tape.add("weights", gradient.sum(axis=0)[..., 0])
        return [None]
