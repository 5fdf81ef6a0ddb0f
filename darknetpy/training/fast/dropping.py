"""[dropout] as a layer of a training pass: it draws what the plain form draws, and multiplies blocked arrays by it."""

from __future__ import annotations

from functools import partial

import numpy as np

from darknetpy.engine.memory import Value
from darknetpy.kernels.layout import to_blocked
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from darknetpy.kernels.training.products import PRODUCT, PRODUCT_SCRATCH, multiply_arrays
from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output, convert, parts_of_pixels
from darknetpy.training.fast.plan import Record


class LoweredDropout(Lowered):
    """[dropout]; of a layer that stays as it is nothing is dropped."""

    def forward(self) -> Output:
        plan, source, shape = self.plan, self.inputs[0], self.node.output_shape
        if self.node.index in self.wiring.frozen:
            return source
        drawn, out = plan.value(shape, blocked=False), plan.value(shape)
        plan.call(lambda: self._draw(drawn), drawn)
        self._kept = plan.value(shape)
        convert(plan, to_blocked, drawn, self._kept)
        self._multiply(source.loading(plan), Record(FINISHING, out=out, blocks=out.blocks))
        return Output(shape, blocked=out)

    def backward(self, gradients: Gradients) -> None:
        source = self.sources[0]
        if gradients.wanted(source):
            loading = Record(LOADING, array=gradients.take(self.node.index))
            gradients.give(source, parts_of_pixels(self.plan, self._kept), partial(self._multiply, loading))

    def _draw(self, drawn: Value) -> None:
        """0 for what is dropped, else the factor; a picture at a time, which stays in the cache."""
        part = self.node.options.probability
        random = self.wiring.new_tape[self.node.index].random
        for picture in self.plan.view(drawn):
            np.multiply(random.random(picture.shape) >= part, np.float32(1 / (1 - part)), out=picture)

    def _multiply(self, loading: Record, finishing: Record) -> None:
        plan, kept = self.plan, self._kept
        parts = parts_of_pixels(plan, kept)
        record = Record(
            PRODUCT, source=loading, factors=kept, finishing=finishing, images=plan.images, blocks=kept.blocks,
            pixels=kept.pixels, parts=parts,
        )  # fmt: skip
        plan.operate(multiply_arrays, parts * kept.blocks, record, PRODUCT_SCRATCH)
