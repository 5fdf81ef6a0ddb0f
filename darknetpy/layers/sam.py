"""[sam]: a factor for every value. Source: AlexeyAB/darknet src/sam_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import REQUIRED, Option
from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.layers.base import Layer, Shape, Tape, activation_option, shape_text


class Sam(Layer):
    """Multiplies the output of layer ``from`` by the previous layer's, value by value: spatial attention.

    Shapes: (c, h, w) and (c, h, w) -> (c, h, w); flat values in the same way.

    Source: Bochkovskiy, Wang and Liao 2020, "YOLOv4", modified SAM.
    """

    names = ("sam",)
    declared_options = (
        Option("from", REQUIRED, "the layer that is multiplied; a negative one counts back from here"),
        activation_option("linear"),
    )

    def sources(self) -> tuple[int, ...]:
        return (self.index - 1, self.resolve(self.options["from"], "from"))

    def output_shape(self, shapes: list[Shape]) -> Shape:
        factors, values = shapes
        if factors != values:
            found = f"{shape_text(factors)} factors for layer {self.sources()[1]}, which is {shape_text(values)}"
            remedy = "Name the layer that the factors are for, or change the filters of the layer that gives them"
            raise self.refusal(found, "equal shapes", remedy, option="from")
        return values

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        factors, values = inputs
        product = factors * values
        if tape is not None:
            tape.factors, tape.values, tape.before_activation = factors, values, product
        return activate(self.options.activation, product)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        gradient = activation_gradient(self.options.activation, tape.before_activation, gradient)
        return [gradient * tape.values, gradient * tape.factors]
