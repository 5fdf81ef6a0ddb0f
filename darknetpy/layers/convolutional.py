"""[convolutional]: every filter slides over the picture. Source: AlexeyAB/darknet src/convolutional_layer.c."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from darknetpy.config.options import Default, Kind, Option, Use
from darknetpy.layers.base import (
    WINDOW_OPTIONS,
    Array,
    Layer,
    Shape,
    Tape,
    Window,
    activation_option,
    shape_text,
    size_of,
    window_text,
)
from darknetpy.layers.parts import blur
from darknetpy.layers.parts.batch_normalization import fold, folding
from darknetpy.layers.parts.convolution import Convolution

_STRIDE = Default("stride", lambda earlier, dialect: earlier.stride)
_IN_SHORT = (*WINDOW_OPTIONS, "filters", "pad", "padding", "batch_normalize", "cbn", "activation")
"""Options that `Convolutional.short` writes in its own way."""
_WARPS = ("sway", "rotate", "stretch", "stretch_sway")


class Convolutional(Layer):
    """Cross-correlation with learned filters, then batch normalization or biases, then the activation.

    Shapes: (c, h, w) -> (filters, (h + 2 * padding - size) // stride_y + 1, the same for w with stride_x).
    With dilation the padding grows by the same factor, so that the formula stays. With ``antialiasing`` the filters
    move by 1 and a blur takes the stride over.

    output[f, y, x] = sum over channel, row, column of
        weights[f, channel, row, column] * input[channel, y * stride_y - padding + row, x * stride_x - padding + column]
    """

    names = ("convolutional", "conv")
    needs_picture = True
    declared_options = (
        Option("filters", 1, "number of output channels", minimum=1),
        Option("groups", 1, "parts that channels and filters are divided into", minimum=1),
        Option("size", 1, "side of a filter, in pixels", minimum=1),
        Option("stride", 1, "step between windows, in pixels", minimum=1),
        Option("stride_x", _STRIDE, "horizontal step", minimum=1),
        Option("stride_y", _STRIDE, "vertical step", minimum=1),
        Option("dilation", 1, "distance between neighbouring cells of a filter", minimum=1),
        blur.OPTION,
        Option("pad", False, "surround the picture with size/2 zeros; stands over padding", Kind.FLAG),
        Option("padding", 0, "zeros around the picture, in pixels on each side", minimum=0),
        activation_option("logistic"),
        Option("batch_normalize", False, "normalize each channel instead of adding biases only", Kind.FLAG),
        Option("cbn", False, "batch normalization over several mini-batches; the same when running", Kind.FLAG),
        Option("share_index", None, "use the arrays of this layer (negative: counted back)", minimum=-(2**31)),
        Option("flipped", False, "the weights file holds the filters transposed", Kind.FLAG),
        Option("binary", False, "binary weights; Darknet's CPU code runs it as a plain convolution", Kind.FLAG),
        Option("xnor", False, "signs instead of values, for inputs and weights", Kind.FLAG),
        Option("bin_output", False, "the output is kept as bits, which mean the same", Kind.FLAG, use=Use.NONE),
        Option("assisted_excitation", 0.0, "feeds the truth in while training", Kind.NUMBER, use=Use.TRAIN),
        *(Option(name, False, "warps the filters (GPU only)", Kind.FLAG, use=Use.NONE) for name in _WARPS),
        Option("angle", 15.0, "degrees of rotate= (GPU only)", Kind.NUMBER, use=Use.NONE),
        Option("grad_centr", False, "takes its mean off each filter's gradient, with batch normalization", Kind.FLAG,
               use=Use.TRAIN),
        Option("reverse", 0.0, "reverses the gradient (GPU only)", Kind.NUMBER, use=Use.NONE),
        Option("coordconv", False, "adds coordinates (GPU only)", Kind.FLAG, use=Use.NONE),
        Option("dot", 0.0, "a decorrelation that no program of Darknet's computes", Kind.NUMBER, use=Use.NONE),
        Option("stream", -1, "CUDA stream", use=Use.NONE),
        Option("wait_stream", -1, "CUDA stream to wait for", use=Use.NONE),
    )  # fmt: skip

    def prepare(self) -> None:
        warps = [name for name in _WARPS if self.options[name]]
        if len(warps) > 1 or (warps and self.options.size == 1):
            expected = "one of them" if len(warps) > 1 else "size above 1"
            found = " and ".join(f"{name}=1" for name in warps)
            raise self.refusal(found, expected, f"Delete {warps[-1]}=1", warps[0])
        if self.options.xnor and self.options.groups > 1:
            raise self.refusal(f"groups={self.options.groups} with xnor=1", "groups=1", "Delete one of them", "groups")

    @property
    def normalized(self) -> bool:
        """Whether batch normalization stands in place of plain biases."""
        return bool(self.options.batch_normalize or self.options.cbn)

    @property
    def dilation(self) -> int:
        """Distance between cells of a filter; a filter of one cell has none."""
        return 1 if self.options.size == 1 else int(self.options.dilation)

    @property
    def padding(self) -> int:
        """Zeros on each side of the picture, in pixels."""
        chosen = self.options.size // 2 if self.options.pad else self.options.padding
        return int(chosen) * self.dilation

    @property
    def strides(self) -> tuple[int, int]:
        """Vertical and horizontal step of the filters."""
        return (1, 1) if self.options.antialiasing else self._given_strides

    @property
    def _given_strides(self) -> tuple[int, int]:
        return (self.options.stride_y, self.options.stride_x)

    @property
    def part(self) -> Convolution:
        """What comes before the blur of antialiasing, without names of options."""
        return Convolution(
            self.options.filters,
            self.options.size,
            self.options.activation,
            padding=self.padding,
            strides=self.strides,
            dilation=self.dilation,
            groups=self.options.groups,
            normalized=self.normalized,
            xnor=self.options.xnor,
        )

    def output_shape(self, shapes: list[Shape]) -> Shape:
        c, h, w = shapes[0]
        self._check_groups(c)
        if self.dilation > 1 and not (self.options.size % 2 and self.padding == self.options.size // 2 * self.dilation):
            remedy = "Write pad=1 and an odd size"
            raise self.refusal(
                f"dilation={self.dilation} with size={self.options.size} and padding={self.padding // self.dilation}",
                "a padding that keeps the size, which is all that Darknet computes",
                remedy,
                option="dilation",
            )
        shape = self.part.output_shape(shapes[0])
        if min(shape) < 1:
            raise self.refusal(
                f"the output would be {shape[2]}x{shape[1]}: the filter of {self.options.size} is larger than "
                f"the picture of {w}x{h} with {self.padding} pixels around it",
                "an output of at least 1x1",
                "Make the filter smaller, or write pad=1",
                "size",
            )
        if not self.options.antialiasing:
            return shape
        blurred = blur.blurred_shape(shape, self.options.antialiasing, self._given_strides)
        if min(blurred) < 1:
            found = f"nothing is left of {shape_text(shape)} after the blur"
            raise self.refusal(found, "an output of at least 1x1", "Make stride smaller", "antialiasing")
        return blurred

    def _check_groups(self, c: int) -> None:
        groups, filters = self.options.groups, self.options.filters
        for found, number in ((f"{c} input channels", c), (f"filters={filters}", filters)):
            if number % groups:
                expected = f"a number that divides into {groups} groups"
                remedy = f"Write groups={math.gcd(c, filters, groups)}"
                raise self.refusal(f"groups={groups} with {found}", expected, remedy, "groups")

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        arrays = self.part.arrays(shapes[0], scales_in_file=not self.options.dontloadscales)
        if self.options.flipped:
            arrays[-1] = replace(arrays[-1], flipped=True)
        if self.options.numload:
            if self.options.numload > self.options.filters:
                expected = f"at most filters={self.options.filters}"
                raise self.refusal(f"numload={self.options.numload}", expected, "Delete numload=", "numload")
            arrays = [replace(array, leading=self.options.numload) for array in arrays]
        return arrays

    def shares_arrays_of(self) -> int | None:
        reference = self.options.share_index
        return None if reference is None else self.resolve(reference, "share_index")

    def temporary(self, shapes: list[Shape]) -> int:
        return self.part.temporary(shapes[0])

    def flops(self, shapes: list[Shape]) -> int:
        """Twice the products; with ``xnor`` a 32nd of that, as Darknet counts 32 bits as one number."""
        blurs = 0
        if self.options.antialiasing:
            filtered = self.part.output_shape(shapes[0])
            blurred = blur.blurred_shape(filtered, self.options.antialiasing, self._given_strides)
            blurs = 2 * size_of(blurred) * blur.cells(self.options.antialiasing)
        return self.part.flops(shapes[0]) + blurs

    def window(self) -> Window:
        reach = self.part.reach
        return blur.widened(Window(reach, reach, *self.strides), self.options.antialiasing, self._given_strides)

    def short(self) -> str:
        filters = f"{self.options.filters} x {window_text(self.options.size, self._given_strides)}"
        padding = [f"pad {self.padding}"] if self.padding else []
        normalized = ["bn"] if self.normalized else []
        return ", ".join([filters, *padding, *normalized, self.options.activation, *self.settings(_IN_SHORT)])

    def folding(self, arrays: Mapping[str, np.ndarray] | None = None) -> tuple[np.ndarray | None, np.ndarray]:
        """What folding takes: factors (filters,) float64 for the filters or None, and biases (filters,) float32.

        ``arrays`` are the layer's, where the caller has them.
        """
        own = self.weights if arrays is None else arrays
        return folding(own, self.dialect) if self.normalized else (None, own["biases"])

    def folded(self, arrays: Mapping[str, np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Filters (filters, c / groups, size, size) and biases (filters,), float32, batch normalization folded in."""
        own = self.weights if arrays is None else arrays
        return fold(own, self.dialect) if self.normalized else (own["weights"], own["biases"])

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        result = self.part.run(inputs[0], self.weights, self.dialect, tape)
        if self.options.antialiasing:
            result = blur.blur(result, self.options.antialiasing, self._given_strides)
        return result

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        if self.options.antialiasing:
            sides = tape.before_activation.shape[2:]
            gradient = blur.blur_backward(gradient, self.options.antialiasing, self._given_strides, sides)
        return [self.part.backward(gradient, self.weights, tape)]
