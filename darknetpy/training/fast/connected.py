"""[connected] as a layer of a training pass: a convolution of pictures of one pixel, whose channels are all values."""

from __future__ import annotations

from darknetpy.engine.memory import Shape, Value
from darknetpy.graph import Node
from darknetpy.kernels.layout import to_blocked
from darknetpy.kernels.training.flattening import FLATTENING, FLATTENING_BACK, FLATTENING_SCRATCH, flatten, flatten_back
from darknetpy.layers.base import size_of
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.training.fast.convolutional import LoweredConvolution
from darknetpy.training.fast.gradients import Gradients, Target
from darknetpy.training.fast.outputs import Output, parts_of_pixels
from darknetpy.training.fast.plan import Record

MOST_WEIGHTS = 40_000_000
"""Above, the three further copies that kernels need take more memory than the time is worth; NumPy needs none."""


class LoweredConnected(LoweredConvolution):
    """[connected] with no more than `MOST_WEIGHTS`."""

    @classmethod
    def takes(cls, node: Node) -> bool:
        return bool(size_of(node.input_shapes[0]) * node.options.output <= MOST_WEIGHTS)

    @property
    def part(self) -> Convolution:
        options = self.node.options
        return Convolution(options.output, 1, options.activation, normalized=options.batch_normalize)

    @property
    def row(self) -> Shape:
        """All values of a picture, as its channels."""
        return size_of(self.node.input_shapes[0]), 1, 1

    def read(self) -> Output:
        plan, source = self.plan, self.inputs[0]
        if source.shape[0] == self.row[0]:
            return Output(self.row, source.blocked, source.lines, source.slope, source.planar)
        rows = plan.value(self.row)
        if source.blocked is None:
            assert source.planar is not None
            record = Record(
                to_blocked.record, source=source.planar, out=rows, source_plane=4, channels=rows.channels, pixels=1
            )
            plan.operate(to_blocked, plan.images * rows.blocks, record)
        else:
            record = Record(
                FLATTENING, source=source.loading(plan), out=rows, blocks=source.blocked.blocks,
                channels=source.shape[0], pixels=source.blocked.pixels,
            )  # fmt: skip
            plan.operate(flatten, plan.images * source.blocked.blocks, record, FLATTENING_SCRATCH)
        return Output(self.row, blocked=rows)

    def go_back(self, gradient: Value, gradients: Gradients) -> None:
        source = self.sources[0]
        if self.inputs[0].shape[0] == self.row[0]:
            super().go_back(gradient, gradients)
            return
        by_rows = Gradients(self.plan)
        if gradients.wanted(source):
            by_rows.targets[source] = Target(self.source, 1)
        self.convolution.run_backwards(self.plan, gradient, self.source, source, by_rows)
        if gradients.wanted(source):
            self._give_pictures(by_rows.take(source), gradients)

    def _give_pictures(self, by_rows: Value, gradients: Gradients) -> None:
        plan = self.plan
        pictures = Value(self.inputs[0].shape, plan.images, blocked=True)
        parts = parts_of_pixels(plan, pictures)

        def write(finishing: Record) -> None:
            record = Record(
                FLATTENING_BACK, gradient=by_rows, finishing=finishing, images=plan.images, blocks=pictures.blocks,
                channels=pictures.channels, pixels=pictures.pixels, parts=parts,
            )  # fmt: skip
            plan.operate(flatten_back, parts * pictures.blocks, record, FLATTENING_SCRATCH)

        gradients.give(self.sources[0], parts, write)
