"""[shortcut] as a layer of a training pass: sums of outputs, also of different shapes."""

from __future__ import annotations

from functools import partial
from typing import cast

from darknetpy.engine.memory import Shape, Value
from darknetpy.graph import Node
from darknetpy.kernels.activations import ACTIVATIONS
from darknetpy.kernels.training.elementwise import parts_of
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from darknetpy.kernels.training.sampling import SAMPLED, add_sampled, sampled_scratch
from darknetpy.layers.shortcut import Shortcut
from darknetpy.training.fast.curved import Curved
from darknetpy.training.fast.gradients import Gradients, Summed, Target
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output, add_up
from darknetpy.training.fast.plan import Record


class LoweredShortcut(Lowered):
    """[shortcut] of two layers, without weights.

    Attributes:
        summed: the sums of a convolution without activation that nothing else reads: its gradient is that of the sum.
    """

    summed: Summed | None = None

    @classmethod
    def takes(cls, node: Node) -> bool:
        options, shapes = node.options, node.input_shapes
        plain_sum = not cast(Shortcut, node.layer).weighted and options.alpha == options.beta == 1
        pictures = len(shapes) == 2 and all(len(shape) == 3 for shape in shapes)
        return plain_sum and pictures

    @property
    def of_one_shape(self) -> bool:
        """Whether both layers have the same shape."""
        return self.node.input_shapes[0] == self.node.input_shapes[1]

    @property
    def passed_on(self) -> tuple[int, ...]:
        """The layers whose gradient is that of the sum, as it is."""
        return self.sources if self.of_one_shape else self.sources[:1]

    def forward(self) -> Output:
        plan, node = self.plan, self.node
        first, second = self.inputs
        out = plan.value(node.output_shape)
        own_slope = ACTIVATIONS[node.options.activation].slope
        slope = 1.0 if own_slope is None else own_slope
        finishing = Record(FINISHING, out=out, blocks=out.blocks)
        if self.of_one_shape:
            add_up(plan, first.loading(plan), second.loading(plan), slope, finishing, out)
        else:
            fields = _meeting(first.shape, second.shape)
            self._add(first.loading(plan), second.loading(plan), fields, slope, _parts(out), out, finishing)
        output = Output(node.output_shape, blocked=out, slope=slope)
        self._curved = Curved(plan, node, output) if own_slope is None else None
        return output if self._curved is None else self._curved.forward()

    def target(self, output: Output, readers: int) -> Target:
        return Target(output, readers, summed=self.summed if self._curved is None else None)

    def backward(self, gradients: Gradients) -> None:
        if self._curved is None:
            gradient = gradients.take(self.node.index)
        else:
            gradient = self._curved.backward(gradients, self.summed)
        for source in self.passed_on:
            if gradients.wanted(source):
                gradients.give_value(source, gradient)
        if not self.of_one_shape and gradients.wanted(self.sources[1]):
            self._give_sampled(gradient, gradients)

    def _give_sampled(self, gradient: Value, gradients: Gradients) -> None:
        """To the second layer: what meets it, and 0 elsewhere."""
        first, second = (given.shape for given in self.inputs)
        like = Value(second, self.plan.images, blocked=True)
        add = partial(
            self._add, None, Record(LOADING, array=gradient), _meeting(second, first), 1.0, _parts(like), like
        )
        gradients.give(self.sources[1], _parts(like), add)

    def _add(
        self, source: Record | None, second: Record, fields: dict[str, int], slope: float, parts: int, like: Value,
        finishing: Record,
    ) -> None:  # fmt: skip
        """The sum on the grid of ``like``."""
        record = Record(
            SAMPLED, source=source or 0, second=second, finishing=finishing, images=self.plan.images,
            blocks=like.blocks, height=like.shape[1], width=like.shape[2], parts=parts, slope=slope, **fields,
        )  # fmt: skip
        scratch = sampled_scratch(like.shape[2], fields["second_width"])
        self.plan.operate(add_sampled, parts * like.blocks, record, scratch)


def _parts(like: Value) -> int:
    return parts_of(like.images * like.shape[1], like.shape[2], like.blocks)


def _meeting(shape: Shape, other: Shape) -> dict[str, int]:
    """Which values of a grid of this shape meet those of another, see `darknetpy.layers.shortcut`."""
    (channels, height, width), (other_channels, other_height, other_width) = shape, other
    return {
        "channels": min(channels, other_channels), "second_width": other_width,
        "rows": min(height, other_height), "columns": min(width, other_width),
        "spread_y": max(height // other_height, 1), "spread_x": max(width // other_width, 1),
        "stride_y": max(other_height // height, 1), "stride_x": max(other_width // width, 1),
    }  # fmt: skip
