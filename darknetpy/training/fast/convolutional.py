"""[convolutional] as a layer of a training pass, with its activation."""

from __future__ import annotations

from typing import cast

from darknetpy.engine.memory import Value
from darknetpy.graph import INPUT, Node
from darknetpy.kernels.activations import ACTIVATIONS, activate, activation_gradient
from darknetpy.layers.convolutional import Convolutional
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.training.fast.convolutions import MOST_PLANAR, TrainedConvolution
from darknetpy.training.fast.gradients import Gradients, Target
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output


class LoweredConvolution(Lowered):
    """[convolutional]; an activation that is more than a slope runs plainly behind it.

    Attributes:
        source: what the convolution reads.
    """

    source: Output

    @classmethod
    def takes(cls, node: Node) -> bool:
        options = node.options
        return not (
            options.groups > 1
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
        source, wiring = self.read(), self.wiring
        self.source = source
        planar = source.blocked is None and source.planar is not None and source.shape[0] <= MOST_PLANAR
        planar = planar and self.sources[0] == INPUT
        trained = node.index not in wiring.frozen
        with_backward = self.sources[0] != INPUT and self.sources[0] not in wiring.frozen and trained
        self.convolution = TrainedConvolution(
            node, self.part, source.shape, plan.images, planar=planar, training=trained, with_backward=with_backward
        )
        self.output = self.convolution.run_forwards(plan, source)
        slope = ACTIVATIONS[node.options.activation].slope
        if slope is not None:
            self.output.slope = slope
            return self.output
        before = self.output.as_planar(plan)
        out = plan.value(node.output_shape, blocked=False)

        def run() -> None:
            plan.view(out)[:] = activate(node.options.activation, plan.view(before))

        plan.call(run, before, out)
        return Output(node.output_shape, planar=out)

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
        """The gradient by what stands before an activation that runs plainly."""
        node, plan = self.node, self.plan
        gradient, before = gradients.take_planar(node.index), self.output.as_planar(plan)
        by_before = plan.value(node.output_shape, blocked=False)

        def run() -> None:
            name = node.options.activation
            plan.view(by_before)[:] = activation_gradient(name, plan.view(before), plan.view(gradient))

        plan.call(run, gradient, before, by_before)
        inner = Gradients(plan, {node.index: Target(self.output, 1, summed=self.convolution.summed)})
        inner.give_planar(node.index, by_before)
        return inner.take(node.index)
