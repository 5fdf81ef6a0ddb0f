"""[connected]: every output sees every input. Source: AlexeyAB/darknet src/connected_layer.c."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.layers.base import Array, Layer, Shape, Tape, activation_option
from darknetpy.layers.parts.batch_normalization import fold
from darknetpy.layers.parts.fully_connected import FullyConnected


class Connected(Layer):
    """A matrix product with all input values, then batch normalization or biases, then the activation.

    Shapes: any -> (output, 1, 1). Pictures are read as flat rows in the order channel, row, column.

    output[o] = sum over i of weights[o, i] * input[i]
    """

    names = ("connected", "conn")
    declared_options = (
        Option("output", 1, "number of output values", minimum=1),
        activation_option("logistic"),
        Option("batch_normalize", False, "normalize each output instead of adding biases only", Kind.FLAG),
    )

    @property
    def part(self) -> FullyConnected:
        """What the options say, without names of options."""
        return FullyConnected(self.options.output, self.options.activation, self.options.batch_normalize)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        return self.part.output_shape(shapes[0])

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        return self.part.arrays(shapes[0], scales_in_file=not self.options.dontloadscales)

    def flops(self, shapes: list[Shape]) -> int:
        """A multiply-add for each weight; Darknet prints 0."""
        return self.part.flops(shapes[0])

    def window(self) -> None:
        return None

    def folded(self, arrays: Mapping[str, np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weights (output, inputs) and biases (output,), float32, batch normalization folded in.

        ``arrays`` are the layer's, where the caller has them.
        """
        own = self.weights if arrays is None else arrays
        return fold(own, self.dialect) if self.options.batch_normalize else (own["weights"], own["biases"])

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        return self.part.run(inputs[0], self.weights, self.dialect, tape)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        return [self.part.backward(gradient, self.weights, tape)]
