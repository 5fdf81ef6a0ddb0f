"""[reorg3d]: squares of pixels become channels. Source: AlexeyAB/darknet src/reorg_layer.c and src/blas.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.layers.base import Layer, Shape, Tape, Window


class Reorg3d(Layer):
    """Space to depth: moves the pixels of each square of ``stride`` to channels, without mixing anything up.

    Shapes: (c, h, w) -> (c * stride^2, h / stride, w / stride), or with ``reverse``
    -> (c / stride^2, h * stride, w * stride), the inverse.

    output[(row * stride + column) * c + channel, y, x] = input[channel, y * stride + row, x * stride + column]
    """

    names = ("reorg3d",)
    needs_picture = True
    declared_options = (
        Option("stride", 1, "side of the square of pixels that becomes one", minimum=1),
        Option("reverse", False, "channels become pixels", Kind.FLAG),
    )

    def output_shape(self, shapes: list[Shape]) -> Shape:
        (c, h, w), stride = shapes[0], self.options.stride
        if self.options.reverse:
            if c % stride**2:
                found, expected = f"stride={stride} with {c} channels", f"a number that divides by {stride**2}"
                remedy = "Change the filters of the layer before, or the stride"
                raise self.refusal(found, expected, remedy, option="stride")
            return (c // stride**2, h * stride, w * stride)
        if h % stride or w % stride:
            found, expected = f"stride={stride} with a picture of {w}x{h}", f"sides that divide by {stride}"
            remedy = "Change width and height in [net], or the stride"
            raise self.refusal(found, expected, remedy, option="stride")
        return (c * stride**2, h // stride, w // stride)

    def window(self) -> Window:
        stride = self.options.stride
        return Window(1, 1, 1 / stride, 1 / stride) if self.options.reverse else Window(stride, stride, stride, stride)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x, stride = inputs[0], self.options.stride
        if tape is not None:
            tape.shape = x.shape
        n, c, h, w = x.shape
        if self.options.reverse:
            squares = x.reshape(n, stride, stride, c // stride**2, h, w).transpose(0, 3, 4, 1, 5, 2)
        else:
            squares = x.reshape(n, c, h // stride, stride, w // stride, stride).transpose(0, 3, 5, 1, 2, 4)
        return squares.reshape(n, *self.output_shape([x.shape[1:]]))

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        n, c, h, w = tape.shape
        stride = self.options.stride
        if self.options.reverse:
            squares = gradient.reshape(n, c // stride**2, h, stride, w, stride).transpose(0, 3, 5, 1, 2, 4)
        else:
            squares = gradient.reshape(n, stride, stride, c, h // stride, w // stride).transpose(0, 3, 4, 1, 5, 2)
        return [squares.reshape(tape.shape)]
