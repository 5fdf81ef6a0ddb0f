"""[local]: filters of its own at every place. Source: AlexeyAB/darknet src/local_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Option
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
from darknetpy.layers.parts.windows import pad, padded_size, steps, tap, unpad

_IN_SHORT = (*WINDOW_OPTIONS, "filters", "pad", "activation")
"""Options that `Local.short` writes in its own way."""


class Local(Layer):
    """A convolution whose filters are not shared: each place of the output has its own weights and biases.

    Shapes: (c, h, w) -> (filters, (h + 2 * pad - size) // stride + 1, the same for w). The weights fit one size of
    picture only. They stand place by place, row by row.

    output[f, y, x] = biases[f, y, x] + sum over channel, row, column of weights[y * width + x, f, channel, row, column]
        * input[channel, y * stride - pad + row, x * stride - pad + column]
    """

    names = ("local",)
    needs_picture = True
    declared_options = (
        Option("filters", 1, "number of output channels", minimum=1),
        Option("size", 1, "side of a filter, in pixels", minimum=1),
        Option("stride", 1, "step between windows, in pixels", minimum=1),
        Option("pad", 0, "zeros around the picture, in pixels on each side: 0 or (size - 1) / 2", minimum=0),
        activation_option("logistic"),
    )

    def prepare(self) -> None:
        pad, size = self.options.pad, self.options.size
        if pad and 2 * pad != size - 1:
            fitting = f"pad={size // 2} or pad=0" if size % 2 and size > 1 else "pad=0"
            remedy = f"Write {fitting}, or size={2 * pad + 1}"
            raise self.refusal(f"pad={pad} with size={size}", "0 or (size - 1) / 2", remedy, option="pad")

    def output_shape(self, shapes: list[Shape]) -> Shape:
        _, h, w = shapes[0]
        height, width = self._steps(h), self._steps(w)
        if min(height, width) < 1:
            found = f"the filter of {self.options.size} is larger than the picture of {w}x{h}"
            raise self.refusal(found, "an output of at least 1x1", "Write a smaller size", option="size")
        return (self.options.filters, height, width)

    def _steps(self, side: int) -> int:
        return steps(side, 2 * self.options.pad, self.options.size, self.options.stride)

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        filters, height, width = self.output_shape(shapes)
        size, c = self.options.size, shapes[0][0]
        bound = (2 / (c * size**2)) ** 0.5
        weights = Array("weights", (height * width, filters, c, size, size), bound=bound)
        return [Array("biases", (filters, height, width)), weights]

    def temporary(self, shapes: list[Shape]) -> int:
        _, height, width = self.output_shape(shapes)
        return padded_size(shapes[0], 2 * self.options.pad) + shapes[0][0] * self.options.size**2 * height * width

    def flops(self, shapes: list[Shape]) -> int:
        """A multiply-add for each weight; Darknet prints none."""
        return 2 * size_of(self.output_shape(shapes)) * shapes[0][0] * int(self.options.size) ** 2

    def window(self) -> Window:
        size, stride = self.options.size, self.options.stride
        return Window(size, size, stride, stride)

    def short(self) -> str:
        filters = f"{self.options.filters} x {window_text(self.options.size, (self.options.stride,) * 2)}"
        padding = [f"pad {self.options.pad}"] if self.options.pad else []
        return ", ".join([filters, *padding, self.options.activation, *self.settings(_IN_SHORT)])

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        filters, height, width = self.output_shape([x.shape[1:]])
        weights = self.weights["weights"].astype(x.dtype, copy=False).reshape(height * width, filters, -1)
        sums = weights @ self._patches(x, (height, width))
        result = sums.transpose(2, 1, 0).reshape(len(x), filters, height, width)
        result = result + self.weights["biases"].astype(x.dtype, copy=False)
        if tape is not None:
            tape.x, tape.before_activation = x, result
        return activate(self.options.activation, result)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        x, (n, filters, height, width) = tape.x, gradient.shape
        gradient = activation_gradient(self.options.activation, tape.before_activation, gradient)
        tape.add("biases", gradient.sum(axis=0))
        by_sums = gradient.reshape(n, filters, height * width).transpose(2, 1, 0)
        weights = self.weights["weights"].astype(x.dtype, copy=False)
        by_weights = by_sums @ self._patches(x, (height, width)).swapaxes(1, 2)
        tape.add("weights", by_weights.reshape(weights.shape))
        by_patches = weights.reshape(height * width, filters, -1).swapaxes(1, 2) @ by_sums
        return [self._patches_backward(by_patches, x, (height, width))]

    def _patches_backward(self, by_patches: np.ndarray, x: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """The gradient by x, from that by what each place sees of it."""
        size, strides, border = self.options.size, (self.options.stride,) * 2, self.options.pad
        cells = by_patches.reshape(*shape, x.shape[1], size, size, len(x))
        by_padded = np.zeros((*x.shape[:2], *(side + 2 * border for side in x.shape[2:])), x.dtype)
        for row, column in np.ndindex(size, size):
            met = tap(by_padded, row, column, strides, shape)
            met += cells[..., row, column, :].transpose(3, 2, 0, 1)
        return unpad(by_padded, border, x.shape[2:])

    def _patches(self, x: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """What each place sees of x (n, c, h, w): (places, c * size * size, n)."""
        n, c = x.shape[:2]
        size, strides = self.options.size, (self.options.stride,) * 2
        padded = pad(x, self.options.pad, self.options.pad, 0)
        patches = np.empty((*shape, c, size, size, n), x.dtype)
        for row, column in np.ndindex(size, size):
            patches[..., row, column, :] = tap(padded, row, column, strides, shape).transpose(2, 3, 1, 0)
        return patches.reshape(shape[0] * shape[1], c * size * size, n)
