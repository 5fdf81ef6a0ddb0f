"""[scale_channels] as a layer of a training pass."""

from __future__ import annotations

from darknetpy.graph import Node
from darknetpy.kernels.activations import ACTIVATIONS
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.training.elementwise import parts_of
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from darknetpy.kernels.training.scaling import SCALING, SCALING_SCRATCH, SUMMED_SCRATCH, scale, sum_scaled
from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output, parts_of_pixels
from darknetpy.training.fast.plan import Record


class LoweredScaleChannels(Lowered):
    """[scale_channels] with a factor for each channel, and without activation."""

    @classmethod
    def takes(cls, node: Node) -> bool:
        return not node.options.scale_wh and ACTIVATIONS[node.options.activation].slope == 1

    def forward(self) -> Output:
        plan = self.plan
        factors, values = self.inputs
        self._factors, self._values = factors.loading(plan), values.loading(plan)
        out = plan.value(self.node.output_shape)
        self._blocks, self._pixels = out.blocks, out.pixels
        self._parts = parts_of_pixels(plan, out)
        finishing = Record(FINISHING, out=out, blocks=out.blocks)
        self._add(scale, SCALING_SCRATCH, self._values, self._factors, self._parts, finishing)
        return Output(self.node.output_shape, blocked=out)

    def backward(self, gradients: Gradients) -> None:
        """A factor gets the sum over all values that it was multiplied with."""
        factors, values = self.sources
        gradient = Record(LOADING, array=gradients.take(self.node.index))
        if gradients.wanted(values):
            gradients.give(
                values, self._parts,
                lambda finishing: self._add(scale, SCALING_SCRATCH, gradient, self._factors, self._parts, finishing),
            )  # fmt: skip
        if gradients.wanted(factors):
            parts = parts_of(self.plan.images, self._pixels, self._blocks)
            gradients.give(
                factors, parts,
                lambda finishing: self._add(sum_scaled, SUMMED_SCRATCH, gradient, self._values, parts, finishing),
            )  # fmt: skip

    def _add(
        self, operation: Operation, scratch: int, source: Record, other: Record, parts: int, finishing: Record
    ) -> None:
        record = Record(
            SCALING, source=source, other=other, finishing=finishing, images=self.plan.images, blocks=self._blocks,
            pixels=self._pixels, parts=parts,
        )  # fmt: skip
        self.plan.operate(operation, parts * self._blocks, record, scratch)
