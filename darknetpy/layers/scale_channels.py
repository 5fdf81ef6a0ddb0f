"""[scale_channels]: one factor a channel, or a pixel. Source: AlexeyAB/darknet src/scale_channels_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import REQUIRED, Kind, Option
from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.layers.base import Layer, Shape, Tape, activation_option, shape_text


class ScaleChannels(Layer):
    """Multiplies the output of layer ``from`` by the previous layer's, as in squeeze and excitation.

    Shapes: (c, 1, 1) factors, or (1, h, w) with ``scale_wh``, and (c, h, w) values -> (c, h, w).

    Source: Hu, Shen and Sun 2018, "Squeeze-and-excitation networks".
    """

    names = ("scale_channels",)
    declared_options = (
        Option("from", REQUIRED, "the layer that is scaled; a negative one counts back from here"),
        Option("scale_wh", False, "one factor a pixel instead of one a channel", Kind.FLAG),
        activation_option("linear"),
    )

    def sources(self) -> tuple[int, ...]:
        return (self.index - 1, self.resolve(self.options["from"], "from"))

    def output_shape(self, shapes: list[Shape]) -> Shape:
        factors, values = shapes
        if len(values) != 3:
            found = f"layer {self.sources()[1]} gives {shape_text(values)} values without height or width"
            raise self.refusal(found, "a picture", "Name another layer", option="from")
        expected = (1, *values[1:]) if self.options.scale_wh else (values[0], 1, 1)
        if factors != expected:
            found = f"{shape_text(factors)} factors for layer {self.sources()[1]}, which is {shape_text(values)}"
            remedy = "Name the layer that the factors are for, or change the filters of the layer that gives them"
            raise self.refusal(found, f"{shape_text(expected)} (channels, height, width)", remedy, option="from")
        return values

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        factors, values = inputs
        product = factors * values
        if tape is not None:
            tape.factors, tape.values, tape.before_activation = factors, values, product
        return activate(self.options.activation, product)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """A factor gets the sum over all values that it was multiplied with."""
        gradient = activation_gradient(self.options.activation, tape.before_activation, gradient)
        spread = tuple(axis for axis in range(1, 4) if tape.factors.shape[axis] < gradient.shape[axis])
        return [(gradient * tape.values).sum(axis=spread, keepdims=True), gradient * tape.factors]
