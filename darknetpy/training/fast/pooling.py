"""[maxpool] and [avgpool] as layers of a training pass."""

from __future__ import annotations

from typing import cast

from darknetpy.graph import Node
from darknetpy.kernels.training.averages import (
    AVERAGE,
    AVERAGE_BACK,
    AVERAGE_BACK_SCRATCH,
    AVERAGE_SCRATCH,
    average,
    average_back,
)
from darknetpy.kernels.training.elementwise import parts_of
from darknetpy.kernels.training.pooling import (
    MAXIMUM,
    MAXIMUM_BACK,
    divide_backwards,
    divide_forwards,
    pool_back,
    pool_forward,
)
from darknetpy.layers.maxpool import MaxPool
from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output
from darknetpy.training.fast.plan import Record


class LoweredMaxpool(Lowered):
    """[maxpool] over windows."""

    @classmethod
    def takes(cls, node: Node) -> bool:
        options = node.options
        return not (options.maxpool_depth or options.antialiasing or options.maxpool_zero_nonmax)

    @property
    def _strides(self) -> tuple[int, int]:
        return cast(MaxPool, self.node.layer).strides

    def forward(self) -> Output:
        node, plan = self.node, self.plan
        _, height, width = node.input_shapes[0]
        options, (stride_y, stride_x) = node.options, self._strides
        out = plan.value(node.output_shape)
        self._windows = {
            "images": plan.images, "blocks": out.blocks, "height": height, "width": width,
            "out_height": node.output_shape[1], "out_width": node.output_shape[2], "size": options.size,
            "stride_y": stride_y, "stride_x": stride_x, "padding": options.padding // 2,
        }  # fmt: skip
        division = divide_forwards(
            plan.images, out.blocks, width, node.output_shape[1], node.output_shape[2], options.size, stride_y
        )
        record = Record(
            MAXIMUM, source=self.inputs[0].loading(plan), out=out, rows=division.rows, parts=division.parts,
            **self._windows,
        )  # fmt: skip
        plan.operate(pool_forward, division.parts * out.blocks, record, division.scratch_bytes)
        return Output(node.output_shape, blocked=out)

    def backward(self, gradients: Gradients) -> None:
        node, plan = self.node, self.plan
        source = self.sources[0]
        if not gradients.wanted(source):
            return
        gradient = gradients.take(node.index)
        _, height, width = node.input_shapes[0]
        size, stride = node.options.size, self._strides[0]
        division = divide_backwards(plan.images, gradient.blocks, height, width, size, stride)
        loading = self.inputs[0].loading(plan)

        def write(finishing: Record) -> None:
            record = Record(
                MAXIMUM_BACK, source=loading, gradient=gradient, finishing=finishing, rows=division.rows,
                parts=division.parts, **self._windows,
            )  # fmt: skip
            plan.operate(pool_back, division.parts * gradient.blocks, record, division.scratch_bytes)

        gradients.give(source, division.parts, write)


class LoweredAverage(Lowered):
    """[avgpool]."""

    def forward(self) -> Output:
        node, plan = self.node, self.plan
        _, height, width = node.input_shapes[0]
        self._pixels = height * width
        out = plan.value(node.output_shape)
        parts = parts_of(plan.images, self._pixels, out.blocks)
        record = Record(
            AVERAGE, source=self.inputs[0].loading(plan), out=out, images=plan.images, blocks=out.blocks,
            pixels=self._pixels, parts=parts,
        )  # fmt: skip
        plan.operate(average, parts * out.blocks, record, AVERAGE_SCRATCH)
        return Output(node.output_shape, blocked=out)

    def backward(self, gradients: Gradients) -> None:
        plan, source = self.plan, self.sources[0]
        if not gradients.wanted(source):
            return
        gradient = gradients.take(self.node.index)
        parts = parts_of(plan.images * self._pixels, 1, gradient.blocks)

        def write(finishing: Record) -> None:
            record = Record(
                AVERAGE_BACK, gradient=gradient, finishing=finishing, images=plan.images, blocks=gradient.blocks,
                pixels=self._pixels, parts=parts,
            )  # fmt: skip
            plan.operate(average_back, parts * gradient.blocks, record, AVERAGE_BACK_SCRATCH)

        gradients.give(source, parts, write)
