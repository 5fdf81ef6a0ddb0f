"""[connected]: every output sees every input. Source: AlexeyAB/darknet src/connected_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Array, Layer, Shape, Tape, activation_option, size_of
from darknetpy.layers.parts.batch_normalization import batch_norm_arrays, normalize, per_channel


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

    def output_shape(self, shapes: list[Shape]) -> Shape:
        return (self.options.output, 1, 1)

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        inputs, outputs = size_of(shapes[0]), self.options.output
        weights = Array("weights", (outputs, inputs), bound=(2 / inputs) ** 0.5, matrix=True)
        in_file = not self.options.dontloadscales
        scales = batch_norm_arrays(outputs, in_file=in_file) if self.options.batch_normalize else []
        return [Array("biases", (outputs,)), weights, *scales]

    def flops(self, shapes: list[Shape]) -> int:
        """A multiply-add for each weight; Darknet prints 0."""
        return 2 * size_of(shapes[0]) * int(self.options.output)

    def window(self) -> None:
        return None

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        rows = inputs[0].reshape(len(inputs[0]), -1)
        result = rows @ self.weights["weights"].astype(rows.dtype, copy=False).T
        if self.options.batch_normalize:
            result = normalize(result, self.weights, self.dialect)
        else:
            result = result + per_channel(self.weights["biases"], result)
        return activate(self.options.activation, result).reshape(len(result), -1, 1, 1)
