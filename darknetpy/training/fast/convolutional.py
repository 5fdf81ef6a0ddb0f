"""[convolutional] as a layer of a training pass, with its activation."""

from __future__ import annotations

from typing import cast

from darknetpy.engine.memory import Value
from darknetpy.graph import INPUT, Node
from darknetpy.kernels import CompiledFunction
from darknetpy.kernels.activations import ACTIVATIONS, activate, activation_gradient
from darknetpy.kernels.curves import curve_number, run_curve
from darknetpy.kernels.training.bending import BENDING, BENDING_SCRATCH, bend
from darknetpy.kernels.training.derivatives import run_derivative
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from darknetpy.layers.convolutional import Convolutional
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.training.fast.convolutions import MOST_PLANAR, TrainedConvolution
from darknetpy.training.fast.depthwise import TrainedDepthwise, is_depthwise
from darknetpy.training.fast.gradients import Gradients, Target
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output, parts_of_pixels
from darknetpy.training.fast.plan import Record
from darknetpy.training.fast.sums import TrainedSums


class LoweredConvolution(Lowered):
    """[convolutional]; an activation that is more than a slope makes an array of its own.

    Attributes:
        source: what the convolution reads.
    """

    source: Output

    @classmethod
    def takes(cls, node: Node) -> bool:
        options = node.options
        part = cast(Convolutional, node.layer).part
        return not (
            (options.groups > 1 and not is_depthwise(part, node.input_shapes[0]))
            or options.xnor
            or options.antialiasing
            or options.assisted_excitation
            or options.share_index is not None
        )

    @property
    def part(self) -> Convolution:
        """What the options say."""
        return cast(Convolutional, self.node.layer).part

    def read(self) -> Output:
        """What the convolution reads, with the steps that make it."""
        return self.inputs[0]

    def forward(self) -> Output:
        node, plan = self.node, self.plan
        self.source = self.read()
        self.convolution = self._trained()
        self.output = self.convolution.run_forwards(plan, self.source)
        slope = ACTIVATIONS[node.options.activation].slope
        if slope is not None:
            self.output.slope = slope
            return self.output
        if self._curve is not None:
            out = plan.value(node.output_shape)
            finishing = Record(FINISHING, out=out, blocks=out.blocks)
            self._bend(run_curve, None, finishing, parts_of_pixels(plan, out))
            return Output(node.output_shape, blocked=out)
        return self._activated_plainly()

    def _trained(self) -> TrainedSums:
        node, source, images = self.node, self.source, self.plan.images
        frozen, read = self.wiring.frozen, self.sources[0]
        trained = node.index not in frozen
        if self.part.groups > 1:
            return TrainedDepthwise(node, self.part, source.shape, images, training=trained)
        planar = source.blocked is None and source.planar is not None and source.shape[0] <= MOST_PLANAR
        with_backward = read != INPUT and read not in frozen and trained
        return TrainedConvolution(
            node, self.part, source.shape, images, planar=planar and read == INPUT, training=trained,
            with_backward=with_backward,
        )  # fmt: skip

    @property
    def _curve(self) -> int | None:
        """The number of the activation among those that kernels compute."""
        return curve_number(self.node.options.activation)

    @property
    def is_plain_sum(self) -> bool:
        """Whether it has no activation."""
        return ACTIVATIONS[self.node.options.activation].slope == 1

    def target(self, output: Output, readers: int) -> Target:
        return Target(output, readers, summed=self.convolution.summed if output is self.output else None)

    def backward(self, gradients: Gradients) -> None:
        node = self.node
        if gradients.targets[node.index].output is self.output:
            gradient = gradients.take(node.index)
        else:
            gradient = self._through_activation(gradients)
        self.go_back(gradient, gradients)

    def go_back(self, gradient: Value, gradients: Gradients) -> None:
        """The steps from the gradient by the sums."""
        self.convolution.run_backwards(self.plan, gradient, self.source, self.sources[0], gradients)

    def _through_activation(self, gradients: Gradients) -> Value:
        """The gradient by what stands before an activation that is more than a slope."""
        index, plan = self.node.index, self.plan
        inner = Gradients(plan, {index: Target(self.output, 1, summed=self.convolution.summed)})
        if self._curve is None:
            inner.give_planar(index, self._back_plainly(gradients.take_planar(index)))
            return inner.take(index)
        gradient = gradients.take(index)
        parts = parts_of_pixels(plan, gradient)
        loading = Record(LOADING, array=gradient)
        inner.give(index, parts, lambda finishing: self._bend(run_derivative, loading, finishing, parts))
        return inner.take(index)

    def _bend(self, curve: CompiledFunction, gradient: Record | None, finishing: Record, parts: int) -> None:
        """The activation; or, with the gradient by its output, that by what stands before it."""
        assert self.output.blocked is not None
        like = self.output.blocked
        record = Record(
            BENDING, before=self.output.loading(self.plan), gradient=gradient or 0, finishing=finishing,
            images=self.plan.images, blocks=like.blocks, pixels=like.pixels, parts=parts, curve=curve.address,
            number=self._curve,
        )  # fmt: skip
        self.plan.operate(bend, parts * like.blocks, record, BENDING_SCRATCH)

    def _activated_plainly(self) -> Output:
        plan, name = self.plan, self.node.options.activation
        before = self.output.as_planar(plan)
        out = plan.value(self.node.output_shape, blocked=False)

        def run() -> None:
            plan.view(out)[:] = activate(name, plan.view(before))

        plan.call(run, before, out)
        return Output(self.node.output_shape, planar=out)

    def _back_plainly(self, gradient: Value) -> Value:
        plan, name = self.plan, self.node.options.activation
        before = self.output.as_planar(plan)
        by_before = plan.value(self.node.output_shape, blocked=False)

        def run() -> None:
            plan.view(by_before)[:] = activation_gradient(name, plan.view(before), plan.view(gradient))

        plan.call(run, gradient, before, by_before)
        return by_before
