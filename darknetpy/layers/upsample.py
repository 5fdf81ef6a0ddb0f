"""[upsample]: each pixel becomes a square. Source: AlexeyAB/darknet src/upsample_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.layers.base import Layer, Shape, Tape, Window
from darknetpy.layers.parts.windows import tap


class Upsample(Layer):
    """Repeats each value ``stride`` times in both directions; a negative stride adds up squares of values instead.

    Shapes: (c, h, w) -> (c, h * stride, w * stride), or with a negative stride -> (c, h / -stride, w / -stride).

    output[channel, y, x] = scale * input[channel, y // stride, x // stride]; with a negative stride
    scale * the sum (not the mean) of the square of -stride times -stride values.
    """

    names = ("upsample",)
    needs_picture = True
    declared_options = (
        Option("stride", 2, "side of the square that a pixel becomes; negative: of the square that becomes a pixel"),
        Option("scale", 1.0, "factor on the values", Kind.NUMBER),
    )

    def prepare(self) -> None:
        if self.options.stride == 0:
            remedy = "Write stride=2 to double the sides"
            raise self.refusal("stride=0", "a whole number, above or below 0", remedy, option="stride")

    def output_shape(self, shapes: list[Shape]) -> Shape:
        (c, h, w), stride = shapes[0], self.options.stride
        if stride > 0:
            return (c, h * stride, w * stride)
        if h % stride or w % stride:
            found, expected = f"stride={stride} with a picture of {w}x{h}", f"sides that divide by {-stride}"
            remedy = "Change width and height in [net], or the stride"
            raise self.refusal(found, expected, remedy, option="stride")
        return (c, h // -stride, w // -stride)

    def window(self) -> Window:
        stride = self.options.stride
        return Window(1, 1, 1 / stride, 1 / stride) if stride > 0 else Window(-stride, -stride, -stride, -stride)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x, stride = inputs[0], self.options.stride
        if tape is not None:
            tape.shape = x.shape
        if stride > 0:
            return np.repeat(np.repeat(self.options.scale * x, stride, axis=2), stride, axis=3)
        result = np.zeros((len(x), *self.output_shape([x.shape[1:]])), x.dtype)
        for row, column in np.ndindex(-stride, -stride):
            result += self.options.scale * tap(x, row, column, (-stride, -stride), result.shape[2:])
        return result

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """As many pixels as a pixel became are summed; the other way round each gets a copy."""
        stride, scale = self.options.stride, self.options.scale
        if stride > 0:
            n, c, h, w = gradient.shape
            squares = gradient.reshape(n, c, h // stride, stride, w // stride, stride)
            return [scale * squares.sum(axis=(3, 5))]
        by_x = np.zeros(tape.shape, gradient.dtype)
        for row, column in np.ndindex(-stride, -stride):
            tap(by_x, row, column, (-stride, -stride), gradient.shape[2:])[:] = scale * gradient
        return [by_x]
