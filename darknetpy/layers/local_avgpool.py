"""[local_avgpool]: the mean in each window. Source: AlexeyAB/darknet src/maxpool_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Default, Option
from darknetpy.layers.base import WINDOW_OPTIONS, Layer, Shape, Tape, Window, size_of, window_text
from darknetpy.layers.parts.windows import padded_size, pooled_shape, surround, tap, unpad

_STRIDE = Default("stride", lambda earlier, dialect: earlier.stride)


class LocalAvgPool(Layer):
    """Mean in each window, channel by channel, of the cells that lie inside the picture.

    Shapes: (c, h, w) -> (c, (h + padding - size) // stride_y + 1, the same for w with stride_x). ``padding`` counts
    both sides; half of it, rounded down, lies before the first row and column.
    """

    names = ("local_avgpool", "local_avg")
    needs_picture = True
    declared_options = (
        Option("stride", 1, "step between windows, in pixels", minimum=1),
        Option("stride_x", _STRIDE, "horizontal step", minimum=1),
        Option("stride_y", _STRIDE, "vertical step", minimum=1),
        Option("size", _STRIDE, "side of a window, in pixels", minimum=1),
        Option("padding", Default("size - 1", lambda earlier, dialect: earlier.size - 1),
               "pixels added in all, half of them before", minimum=0),
    )  # fmt: skip

    @property
    def strides(self) -> tuple[int, int]:
        """Vertical and horizontal step of the windows."""
        return (self.options.stride_y, self.options.stride_x)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        size, padding = self.options.size, self.options.padding
        _, h, w = shapes[0]
        pooled = pooled_shape(shapes[0], size, padding, self.strides)
        windows = f"windows of {size} with {padding} pixels added to {w}x{h}"
        if min(pooled) < 1:
            found = f"the output would be {pooled[2]}x{pooled[1]}: {windows}"
            raise self.refusal(found, "an output of at least 1x1", "Write a smaller size", option="size")
        for side, stride, count in zip((h, w), self.strides, pooled[1:], strict=True):
            if size <= padding // 2 or stride * (count - 1) - padding // 2 >= side:
                found = f"a window lies wholly outside the picture: {windows}"
                raise self.refusal(found, "some of the picture in each", "Write less padding", option="padding")
        return pooled

    def temporary(self, shapes: list[Shape]) -> int:
        return padded_size(shapes[0], self.options.padding + self.options.size)

    def flops(self, shapes: list[Shape]) -> int:
        return size_of(self.output_shape(shapes)) * int(self.options.size) ** 2

    def window(self) -> Window:
        return Window(self.options.size, self.options.size, *self.strides)

    def short(self) -> str:
        return ", ".join([window_text(self.options.size, self.strides), *self.settings(WINDOW_OPTIONS)])

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        if tape is not None:
            tape.shape = x.shape
        return self._sums(x) / self._counts(x)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Each pixel of a window gets an equal part; as forwards, those outside the picture do not count."""
        size, before = self.options.size, self.options.padding // 2
        by_x = np.zeros(tape.shape, gradient.dtype)
        share, sides = gradient / self._counts(by_x), gradient.shape[2:]
        by_padded = surround(by_x, size, before, self.strides, sides, 0).copy()
        for row, column in np.ndindex(size, size):
            met = tap(by_padded, row, column, self.strides, sides)
            met += share
        return [unpad(by_padded, before, tape.shape[2:])]

    def _counts(self, x: np.ndarray) -> np.ndarray:
        """How many cells of each window lie inside the picture."""
        return self._sums(np.ones((1, 1, *x.shape[2:]), x.dtype))

    def _sums(self, x: np.ndarray) -> np.ndarray:
        size, padding = self.options.size, self.options.padding
        shape = pooled_shape(x.shape[1:], size, padding, self.strides)
        padded = surround(x, size, padding // 2, self.strides, shape[1:], 0)
        result = np.zeros((len(x), *shape), x.dtype)
        for row, column in np.ndindex(size, size):
            result += tap(padded, row, column, self.strides, shape[1:])
        return result
