"""[reorg]: pixels become channels, in the order of YOLOv2.

Source: pjreddie/darknet src/reorg_layer.c and src/blas.c; AlexeyAB/darknet src/reorg_old_layer.c.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.errors import DarknetpyWarning
from darknetpy.layers.base import Layer, Shape, Tape, Window, size_of


class Reorg(Layer):
    """Moves values between pixels and channels.

    Shapes: (c, h, w) -> (c * stride^2, h / stride, w / stride), or with ``reverse``
    -> (c / stride^2, h * stride, w * stride).

    With ``reverse`` each group of stride^2 channels becomes a square of pixels. The other direction is not its inverse:
    its values come in a historic order that networks were trained with, see :func:`historic_order`.

    ``flatten`` orders the values by row, column and channel instead ((h, w, c); back again with ``reverse``), in the
    same shape. ``extra`` leaves the order and puts that many zeros behind: (c * h * w + extra,).
    """

    names = ("reorg",)
    needs_picture = True
    declared_options = (
        Option("stride", 1, "side of the square of pixels that becomes one", minimum=1),
        Option("reverse", False, "channels become pixels", Kind.FLAG),
        Option("flatten", False, "order by row, column, channel", Kind.FLAG),
        Option("extra", 0, "zeros to put behind the values", minimum=0),
    )

    def prepare(self) -> None:
        if self.options.extra:
            for name, plain in (("stride", 1), ("reverse", False), ("flatten", False)):
                if self.options[name] != plain:
                    found = f"{name}={int(self.options[name])} with extra={self.options.extra}"
                    raise self.refusal(found, f"{name}={int(plain)}", f"Delete {name}=", option=name)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        if self.options.extra:
            return (size_of(shapes[0]) + self.options.extra,)
        (c, h, w), stride = shapes[0], self.options.stride
        self._check_divisible(c, h, w)
        if self.options.reverse:
            return (c // stride**2, h * stride, w * stride)
        return (c * stride**2, h // stride, w // stride)

    def _check_divisible(self, c: int, h: int, w: int) -> None:
        stride = self.options.stride
        if not self.options.reverse and (h % stride or w % stride):
            found = f"stride={stride} with a picture of {w}x{h}"
            remedy = "Change width and height in [net], or the stride"
            raise self.refusal(found, f"sides that divide by {stride}", remedy, option="stride")
        if self.options.flatten and not self.options.reverse:
            return
        if c < stride**2 or (self.options.reverse and c % stride**2):
            expected = f"a number that divides by stride * stride = {stride**2}"
            remedy = "Change the filters of the layer before, or the stride"
            raise self.refusal(f"stride={stride} with {c} channels", expected, remedy, option="stride")

    def remarks(self, shapes: list[Shape]) -> Iterator[DarknetpyWarning]:
        c, stride = shapes[0][0], self.options.stride
        if c % stride**2 and not self.options.flatten:
            expected = f"a number of channels that divides by {stride**2}"
            remedy = "As in Darknet, some values come twice and others are lost"
            yield DarknetpyWarning(f"stride={stride} with {c} channels", expected, remedy, **self.section.at("stride"))

    def window(self) -> Window | None:
        if self.options.flatten or self.options.extra:
            return None
        stride = self.options.stride
        return Window(1, 1, 1 / stride, 1 / stride) if self.options.reverse else Window(stride, stride, stride, stride)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        if tape is not None:
            tape.shape = x.shape
        flat = x.reshape(len(x), -1)
        if self.options.extra:
            return np.pad(flat, ((0, 0), (0, self.options.extra)))
        if self.options.flatten:
            rows = flat.reshape(len(x), -1, x.shape[1]) if self.options.reverse else flat.reshape(*x.shape[:2], -1)
            result = rows.transpose(0, 2, 1)
        elif self.options.reverse:
            result = np.empty_like(flat)
            result[:, historic_order(x.shape[1:], self.options.stride)] = flat
        else:
            result = flat[:, historic_order(x.shape[1:], self.options.stride)]
        return result.reshape(len(x), *self.output_shape([x.shape[1:]]))

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """The values back in their places; one that was used twice gets both gradients."""
        n, length = tape.shape[0], size_of(tape.shape[1:])
        places = np.arange(length, dtype=np.float64).reshape(1, *tape.shape[1:])
        taken = self.forward([places + 1]).reshape(-1).astype(np.int64) - 1  # -1 where nothing was taken
        by_x = np.zeros((n, length), gradient.dtype)
        np.add.at(by_x.T, taken[taken >= 0], gradient.reshape(n, -1).T[taken >= 0])
        return [by_x.reshape(tape.shape)]


def historic_order(shape: Shape, stride: int) -> np.ndarray:
    """For each value of a (c, h, w) array, flat, the flat index of the value that takes its place.

    The array is taken for one of shape (c / stride^2, h * stride, w * stride), whose squares of ``stride`` become c
    channels of (h, w). That is the true shape of the output of ``reverse``, but of nothing in the other direction.
    With at least stride^2 channels every index lies inside, also where they do not divide.
    """
    c, h, w = shape
    offset, plane = np.divmod(np.arange(c).reshape(c, 1, 1), c // stride**2)
    row = np.arange(h).reshape(h, 1) * stride + offset // stride
    column = np.arange(w) * stride + offset % stride
    return ((plane * h * stride + row) * w * stride + column).reshape(-1)
