"""[deconvolutional]: transposed convolution. Source: pjreddie/darknet src/deconvolutional_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.layers.base import (
    WINDOW_OPTIONS,
    Array,
    Layer,
    Shape,
    Tape,
    Window,
    activation_option,
    size_of,
    window_text,
)
from darknetpy.layers.parts.batch_normalization import (
    batch_norm_arrays,
    channel_sums,
    normalize,
    normalize_backward,
    per_channel,
)
from darknetpy.layers.parts.windows import tap

INITIAL_DEVIATION = 0.02
_IN_SHORT = (*WINDOW_OPTIONS, "filters", "pad", "padding", "batch_normalize", "activation")
"""Options that `Deconvolutional.short` writes in its own way."""


class Deconvolutional(Layer):
    """Every input value spreads a filter over the output; then batch normalization or biases, then the activation.

    Shapes: (c, h, w) -> (filters, (h - 1) * stride + size - 2 * padding, the same for w).

    output[f, y * stride - padding + row, x * stride - padding + column] += sum over channel of
        weights[channel, f, row, column] * input[channel, y, x]
    """

    names = ("deconvolutional", "deconv")
    needs_picture = True
    declared_options = (
        Option("filters", 1, "number of output channels", minimum=1),
        Option("size", 1, "side of a filter, in pixels", minimum=1),
        Option("stride", 1, "pixels of the output from one input value to the next", minimum=1),
        Option("pad", False, "cut size/2 pixels off each side of the output; stands over padding", Kind.FLAG),
        Option("padding", 0, "pixels that are cut off each side of the output", minimum=0),
        activation_option("logistic"),
        Option("batch_normalize", False, "normalize each channel instead of adding biases only", Kind.FLAG),
    )

    def prepare(self) -> None:
        if self.options.numload:
            found = f"numload={self.options.numload} in [{self.section.name}]"
            raise self.refusal(found, "all filters in the weights file", "Delete numload=", option="numload")

    @property
    def padding(self) -> int:
        """Pixels that are cut off each side of the output."""
        return int(self.options.size // 2 if self.options.pad else self.options.padding)

    def _spread_shape(self, shape: Shape) -> Shape:
        """The output's shape before padding is cut off."""
        _, h, w = shape
        size, stride = self.options.size, self.options.stride
        return (self.options.filters, (h - 1) * stride + size, (w - 1) * stride + size)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        filters, height, width = self._spread_shape(shapes[0])
        height, width = height - 2 * self.padding, width - 2 * self.padding
        if min(height, width) < 1:
            found = f"the output would be {width}x{height}, with {self.padding} cut off each side"
            option = "pad" if self.options.pad else "padding"
            raise self.refusal(found, "an output of at least 1x1", f"Write {option}=0", option=option)
        return (filters, height, width)

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        filters, size = self.options.filters, self.options.size
        _, height, width = self.output_shape(shapes)
        c, h, w = shapes[0]
        deviation = INITIAL_DEVIATION * (height * width) / (h * w)
        weights = Array("weights", (c, filters, size, size), bound=3**0.5 * deviation)  # uniform, of that deviation
        in_file = not self.options.dontloadscales
        scales = batch_norm_arrays(filters, in_file=in_file) if self.options.batch_normalize else []
        return [Array("biases", (filters,)), *scales, weights]

    def temporary(self, shapes: list[Shape]) -> int:
        return size_of(self._spread_shape(shapes[0]))

    def flops(self, shapes: list[Shape]) -> int:
        """A multiply-add for each input value and each weight that it meets; Darknet prints none."""
        return 2 * size_of(shapes[0]) * int(self.options.filters) * int(self.options.size) ** 2

    def window(self) -> Window:
        size, stride = self.options.size, self.options.stride
        reach = -(-size // stride)
        return Window(reach, reach, 1 / stride, 1 / stride)

    def short(self) -> str:
        filters = f"{self.options.filters} x {window_text(self.options.size, (self.options.stride,) * 2)}"
        padding = [f"pad {self.padding}"] if self.padding else []
        normalized = ["bn"] if self.options.batch_normalize else []
        return ", ".join([filters, *padding, *normalized, self.options.activation, *self.settings(_IN_SHORT)])

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x, padding = inputs[0], self.padding
        spread = self._spread(x)
        result = spread[:, :, padding : spread.shape[2] - padding, padding : spread.shape[3] - padding]
        if self.options.batch_normalize:
            result = normalize(result, self.weights, self.dialect, tape)
        else:
            result = result + per_channel(self.weights["biases"], x)
        if tape is not None:
            tape.x, tape.before_activation = x, result
        return activate(self.options.activation, result)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        x, (n, c, h, w) = tape.x, tape.x.shape
        gradient = activation_gradient(self.options.activation, tape.before_activation, gradient)
        if self.options.batch_normalize:
            gradient = normalize_backward(gradient, self.weights, tape)
        else:
            tape.add("biases", channel_sums(gradient))
        by_spread = np.zeros((n, *self._spread_shape(x.shape[1:])), x.dtype)
        rows, columns = (slice(self.padding, side - self.padding) for side in by_spread.shape[2:])
        by_spread[:, :, rows, columns] = gradient
        weights, pixels = self.weights["weights"].astype(x.dtype, copy=False), x.reshape(n, c, h * w)
        by_x, by_weights = np.zeros_like(pixels), np.empty_like(weights)
        for row, column in np.ndindex(*weights.shape[2:]):
            cells = tap(by_spread, row, column, (self.options.stride,) * 2, (h, w)).reshape(n, -1, h * w)
            by_x += weights[:, :, row, column] @ cells
            by_weights[:, :, row, column] = (pixels @ cells.swapaxes(1, 2)).sum(axis=0)
        tape.add("weights", by_weights)
        return [by_x.reshape(x.shape)]

    def _spread(self, x: np.ndarray) -> np.ndarray:
        """At each cell of the filters, one matrix product of all filters with all pixels, added to where they go."""
        n, c, h, w = x.shape
        pixels = x.reshape(n, c, h * w)
        weights = self.weights["weights"].astype(x.dtype, copy=False)
        spread = np.zeros((n, *self._spread_shape(x.shape[1:])), x.dtype)
        for row, column in np.ndindex(*weights.shape[2:]):
            cells = tap(spread, row, column, (self.options.stride,) * 2, (h, w))
            cells += (weights[:, :, row, column].T @ pixels).reshape(cells.shape)
        return spread
