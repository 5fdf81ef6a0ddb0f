"""[maxpool]: the largest value in each window. Source: AlexeyAB/darknet src/maxpool_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Default, Kind, Option, Use
from darknetpy.layers.base import ONE_CELL, WINDOW_OPTIONS, Layer, Shape, Tape, Window, size_of, window_text
from darknetpy.layers.parts import blur
from darknetpy.layers.parts.windows import padded_size, pooled_shape, surround, tap, unpad

_STRIDE = Default("stride", lambda earlier, dialect: earlier.stride)


class MaxPool(Layer):
    """Largest value in each window, channel by channel.

    Shapes: (c, h, w) -> (c, (h + padding - size) // stride_y + 1, the same for w with stride_x). ``padding`` counts
    both sides; half of it, rounded down, lies before the first row and column. Cells outside never win; a window that
    lies wholly outside gives the lowest float32. With ``maxpool_depth`` the largest is taken over channels
    g, g + out_channels, ... instead, pixel by pixel. A NaN in a window stays visible (Darknet drops it).
    """

    names = ("maxpool", "max")
    needs_picture = True
    declared_options = (
        Option("stride", 1, "step between windows, in pixels", minimum=1),
        Option("stride_x", _STRIDE, "horizontal step", minimum=1),
        Option("stride_y", _STRIDE, "vertical step", minimum=1),
        Option("size", _STRIDE, "side of a window, in pixels", minimum=1),
        Option("padding", Default("size - 1", lambda earlier, dialect: earlier.size - 1),
               "pixels added in all, half of them before", minimum=0),
        Option("maxpool_depth", False, "take the largest over channels instead of windows", Kind.FLAG),
        Option("out_channels", 1, "output channels with maxpool_depth", minimum=1),
        blur.OPTION,
        Option("maxpool_zero_nonmax", False, "zeroes what is not largest while training", Kind.FLAG, use=Use.TRAIN),
    )  # fmt: skip

    @property
    def strides(self) -> tuple[int, int]:
        """Vertical and horizontal step of the windows."""
        return (1, 1) if self.options.antialiasing else self._given_strides

    @property
    def _given_strides(self) -> tuple[int, int]:
        return (self.options.stride_y, self.options.stride_x)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        c, h, w = shapes[0]
        if self.options.maxpool_depth:
            return (self._checked_depth(c), h, w)
        pooled = self._pooled_shape(shapes[0])
        blurred = self._blurred(pooled)
        if min(*pooled, *blurred) < 1:
            raise self.refusal(
                f"the output would be {blurred[2]}x{blurred[1]}: windows of {self.options.size} do not fit {w}x{h} "
                f"with {self.options.padding} pixels added",
                "an output of at least 1x1",
                option="size",
            )
        return blurred

    def _checked_depth(self, c: int) -> int:
        if self.options.out_channels > c:
            found = f"out_channels={self.options.out_channels} with {c} input channels"
            raise self.refusal(found, f"at most {c}", option="out_channels")
        return int(self.options.out_channels)

    def _pooled_shape(self, shape: Shape) -> Shape:
        return pooled_shape(shape, self.options.size, self.options.padding, self.strides)

    def _blurred(self, shape: Shape) -> Shape:
        if not self.options.antialiasing:
            return shape
        return blur.blurred_shape(shape, self.options.antialiasing, self._given_strides)

    def window(self) -> Window:
        if self.options.maxpool_depth:
            return ONE_CELL
        size = self.options.size
        return blur.widened(Window(size, size, *self.strides), self.options.antialiasing, self._given_strides)

    def temporary(self, shapes: list[Shape]) -> int:
        return 0 if self.options.maxpool_depth else padded_size(shapes[0], self.options.padding + self.options.size)

    def flops(self, shapes: list[Shape]) -> int:
        if self.options.maxpool_depth:
            return 0
        pooled = self._pooled_shape(shapes[0])
        operations = self.options.size**2 * size_of(pooled)
        if self.options.antialiasing:
            operations += 2 * size_of(self._blurred(pooled)) * blur.cells(self.options.antialiasing)
        return operations

    def short(self) -> str:
        if self.options.maxpool_depth:
            return super().short()
        window = window_text(self.options.size, self._given_strides)
        return ", ".join([window, *self.settings(WINDOW_OPTIONS)])

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        if tape is not None:
            tape.x = x
        if self.options.maxpool_depth:
            return self._largest_channel(x)
        _, height, width = self._pooled_shape(x.shape[1:])
        size, padding, outside = self.options.size, self.options.padding, float(np.finfo(np.float32).min)
        padded = surround(x, size, padding // 2, self.strides, (height, width), outside)
        result = np.full((*x.shape[:2], height, width), outside, x.dtype)
        for row, column in np.ndindex(size, size):
            np.maximum(result, tap(padded, row, column, self.strides, (height, width)), out=result)
        if self.options.antialiasing:
            result = blur.blur(result, self.options.antialiasing, self._given_strides)
        return result

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Each gradient goes to the first of the largest values of its window, in the order row, column."""
        x = tape.x
        if self.options.maxpool_depth:
            return [self._back_to_channels(gradient, x)]
        _, height, width = self._pooled_shape(x.shape[1:])
        if self.options.antialiasing:
            gradient = blur.blur_backward(gradient, self.options.antialiasing, self._given_strides, (height, width))
        size, padding, outside = self.options.size, self.options.padding, float(np.finfo(np.float32).min)
        padded = surround(x, size, padding // 2, self.strides, (height, width), outside)
        largest = np.full(gradient.shape, outside, x.dtype)
        for row, column in np.ndindex(size, size):
            np.maximum(largest, tap(padded, row, column, self.strides, (height, width)), out=largest)
        by_padded, left = np.zeros_like(padded), gradient.copy()
        for row, column in np.ndindex(size, size):
            place = row, column, self.strides, (height, width)
            given = np.where(tap(padded, *place) == largest, left, 0)
            met = tap(by_padded, *place)
            met += given
            left -= given
        return [unpad(by_padded, padding // 2, x.shape[2:])]

    def _back_to_channels(self, gradient: np.ndarray, x: np.ndarray) -> np.ndarray:
        kept, largest, left = self.options.out_channels, self._largest_channel(x), gradient.copy()
        by_x = np.empty_like(x)
        for first in range(0, x.shape[1], kept):
            part = x[:, first : first + kept]
            width = part.shape[1]
            given = np.where(part == largest[:, :width], left[:, :width], 0)
            by_x[:, first : first + kept] = given
            left[:, :width] -= given
        return by_x

    def _largest_channel(self, x: np.ndarray) -> np.ndarray:
        kept = self.options.out_channels
        result = x[:, :kept].copy()
        for first in range(kept, x.shape[1], kept):
            part = x[:, first : first + kept]
            np.maximum(result[:, : part.shape[1]], part, out=result[:, : part.shape[1]])
        return result
