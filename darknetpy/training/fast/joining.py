"""[route] and [upsample] as layers of a training pass."""

from __future__ import annotations

from functools import partial

from darknetpy.engine.memory import Shape, Value
from darknetpy.graph import Node
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.simd import LANES
from darknetpy.kernels.training.elementwise import SQUARES, parts_of, repeat, squares_scratch, sum_squares
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output, copy
from darknetpy.training.fast.plan import Record


class LoweredRoute(Lowered):
    """[route]: layers, or one group of the channels of each, one after the other.

    Channels of a group fill whole blocks, and so do those of a layer but for the last one.
    """

    @classmethod
    def takes(cls, node: Node) -> bool:
        shapes = node.input_shapes
        if any(len(shape) != 3 or shape[1:] != shapes[0][1:] for shape in shapes):
            return False
        groups = node.options.groups
        return all(shape[0] // groups % LANES == 0 for shape in (shapes if groups > 1 else shapes[:-1]))

    def _taken(self, shape: Shape) -> tuple[int, Shape]:
        """The first channel that is taken of a layer of this shape, and the shape of what is taken."""
        options = self.node.options
        count = shape[0] // options.groups
        return count * options.group_id, (count, *shape[1:])

    def forward(self) -> Output:
        plan, node = self.plan, self.node
        if len(self.inputs) == 1:
            return Output(node.output_shape, blocked=self._group(self.inputs[0].real(plan)))
        whole, channel = plan.value(node.output_shape), 0
        for source in self.inputs:
            _, shape = self._taken(source.shape)
            loading = source.loading(plan)
            if node.options.groups > 1:
                loading = Record(LOADING, array=self._group(source.real(plan)))
            copy(plan, loading, whole.part(channel, shape))
            channel += shape[0]
        return Output(node.output_shape, blocked=whole)

    def _group(self, whole: Value) -> Value:
        first, shape = self._taken(whole.shape)
        return whole if shape == whole.shape else whole.part(first, shape)

    def backward(self, gradients: Gradients) -> None:
        gradient = gradients.take(self.node.index)
        channel = 0
        for source, given in zip(self.sources, self.inputs, strict=True):
            _, shape = self._taken(given.shape)
            if gradients.wanted(source):
                part = gradient if len(self.inputs) == 1 else gradient.part(channel, shape)
                gradients.give_value(source, part if shape == given.shape else self._among_zeros(part, given.shape))
            channel += shape[0]

    def _among_zeros(self, gradient: Value, shape: Shape) -> Value:
        """The gradient by a layer of which one group was taken: 0 for the others."""
        plan = self.plan
        whole = plan.value(shape)
        plan.call(lambda: plan.view(whole).fill(0), whole)
        copy(plan, Record(LOADING, array=gradient), self._group(whole))
        return whole


class LoweredUpsample(Lowered):
    """[upsample] to a larger picture."""

    @classmethod
    def takes(cls, node: Node) -> bool:
        return bool(node.options.stride > 0)

    def forward(self) -> Output:
        plan, node = self.plan, self.node
        out = plan.value(node.output_shape)
        finishing = Record(FINISHING, out=out, blocks=out.blocks)
        self._add(repeat, self.inputs[0].loading(plan), finishing, self._parts(out.blocks))
        return Output(node.output_shape, blocked=out)

    def backward(self, gradients: Gradients) -> None:
        source = self.sources[0]
        if gradients.wanted(source):
            loading = Record(LOADING, array=gradients.take(self.node.index))
            parts = self._parts(self.blocks)
            gradients.give(source, parts, partial(self._back, loading, parts))

    def _back(self, loading: Record, parts: int, finishing: Record) -> None:
        self._add(sum_squares, loading, finishing, parts)

    @property
    def blocks(self) -> int:
        """Of the channels."""
        return -(-self.node.output_shape[0] // LANES)

    def _parts(self, blocks: int) -> int:
        _, height, width = self.node.input_shapes[0]
        return parts_of(self.plan.images * height, width * self.node.options.stride**2, blocks)

    def _add(self, operation: Operation, loading: Record, finishing: Record, parts: int) -> None:
        _, height, width = self.node.input_shapes[0]
        stride = self.node.options.stride
        record = Record(
            SQUARES, source=loading, finishing=finishing, images=self.plan.images, blocks=self.blocks, height=height,
            width=width, stride=stride, parts=parts, scale=self.node.options.scale,
        )  # fmt: skip
        self.plan.operate(operation, parts * self.blocks, record, squares_scratch(width, stride))
