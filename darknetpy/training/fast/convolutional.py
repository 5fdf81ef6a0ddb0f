"""[convolutional] as a layer of a training pass, with its activation."""

from __future__ import annotations

from typing import cast

from darknetpy.engine.memory import Value
from darknetpy.graph import Node
from darknetpy.kernels.activations import ACTIVATIONS
from darknetpy.layers.convolutional import Convolutional
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.training.fast.convolutions import MOST_PLANAR, TrainedConvolution
from darknetpy.training.fast.curved import Curved
from darknetpy.training.fast.depthwise import TrainedDepthwise, is_depthwise
from darknetpy.training.fast.gradients import Gradients, Target
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output
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
        self.output.slope = 1.0 if slope is None else slope
        self._curved = Curved(plan, node, self.output) if slope is None else None
        return self.output if self._curved is None else self._curved.forward()

    def _trained(self) -> TrainedSums:
        node, source, images = self.node, self.source, self.plan.images
        trained, wanted = node.index not in self.wiring.frozen, self.sources[0] in self.wiring.learning
        if self.part.groups > 1:
            return TrainedDepthwise(node, self.part, source.shape, images, training=trained)
        planar = source.blocked is None and source.planar is not None and source.shape[0] <= MOST_PLANAR
        return TrainedConvolution(
            node, self.part, source.shape, images, planar=planar and not wanted, training=trained,
            with_backward=trained and wanted,
        )  # fmt: skip

    @property
    def is_plain_sum(self) -> bool:
        """Whether it has no activation."""
        return ACTIVATIONS[self.node.options.activation].slope == 1

    def target(self, output: Output, readers: int) -> Target:
        return Target(output, readers, summed=self.convolution.summed if self._curved is None else None)

    def backward(self, gradients: Gradients) -> None:
        if self._curved is None:
            gradient = gradients.take(self.node.index)
        else:
            gradient = self._curved.backward(gradients, self.convolution.summed)
        self.go_back(gradient, gradients)

    def go_back(self, gradient: Value, gradients: Gradients) -> None:
        """The steps from the gradient by the sums."""
        self.convolution.run_backwards(self.plan, gradient, self.source, self.sources[0], gradients)
