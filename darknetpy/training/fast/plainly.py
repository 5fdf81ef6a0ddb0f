"""Layers without a fast form: their plain forms as steps of a training pass, on (n, c, h, w) arrays."""

from __future__ import annotations

import numpy as np

from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.lowered import Lowered
from darknetpy.training.fast.outputs import Output


class LoweredPlainly(Lowered):
    """Any layer, by its plain form."""

    def forward(self) -> Output:
        node, plan = self.node, self.plan
        self._values = [source.as_planar(plan) for source in self.inputs]
        out = plan.value(node.output_shape, blocked=False)

        def run() -> None:
            tape = self.wiring.new_tape[node.index]
            self.wiring.tapes[node.index] = tape
            plan.view(out)[:] = node.layer.forward([plan.view(value) for value in self._values], tape)

        plan.call(run, out, *self._values)
        self._out = out
        return Output(node.output_shape, planar=out)

    def backward(self, gradients: Gradients) -> None:
        node, plan = self.node, self.plan
        target = gradients.targets[node.index]
        gradient = gradients.take_planar(node.index) if target.arrived is not None else None
        wanted = [gradients.wanted(source) for source in self.sources]
        by_inputs = [plan.value(value.shape, blocked=False) for value in self._values]

        def run() -> None:
            tape = self.wiring.tapes[node.index]
            shape = plan.view(self._out).shape
            arriving = np.zeros(shape, np.float32) if gradient is None else plan.view(gradient).reshape(shape)
            found = node.layer.backward(arriving, tape)
            for by_input, value, needed in zip(found, by_inputs, wanted, strict=True):
                if needed:
                    plan.view(value)[:] = 0 if by_input is None else by_input.reshape(plan.view(value).shape)

        plan.call(run, *([gradient] if gradient is not None else []), self._out, *self._values, *by_inputs)
        for source, value, needed in zip(self.sources, by_inputs, wanted, strict=True):
            if needed:
                gradients.give_planar(source, value)
