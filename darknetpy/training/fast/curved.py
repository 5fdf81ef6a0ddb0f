"""Activations that are more than a slope, behind the output of a layer in a training pass."""

from __future__ import annotations

from darknetpy.engine.memory import Value
from darknetpy.graph import Node
from darknetpy.kernels import CompiledFunction
from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.kernels.curves import curve_number, run_curve
from darknetpy.kernels.training.bending import BENDING, BENDING_SCRATCH, bend
from darknetpy.kernels.training.derivatives import DERIVATIVES, run_derivative
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from darknetpy.training.fast.gradients import Gradients, Summed, Target
from darknetpy.training.fast.outputs import Output, parts_of_pixels
from darknetpy.training.fast.plan import Plan, Record


class Curved:
    """The activation of a layer: by kernels where they know it, else plainly.

    Args:
        node: the layer. before: its output without the activation.
    """

    def __init__(self, plan: Plan, node: Node, before: Output) -> None:
        self._plan, self._node, self._before = plan, node, before
        self._name = node.options.activation
        self._number = curve_number(self._name) if self._name in DERIVATIVES else None

    def forward(self) -> Output:
        """The steps that make the output, and the output."""
        shape = self._node.output_shape
        if self._number is None:
            return Output(shape, planar=self._activated_plainly())
        out = self._plan.value(shape)
        finishing = Record(FINISHING, out=out, blocks=out.blocks)
        self._bend(run_curve, None, finishing, parts_of_pixels(self._plan, out))
        return Output(shape, blocked=out)

    def backward(self, gradients: Gradients, summed: Summed | None) -> Value:
        """The steps that make the gradient by what stands before the activation, and take its sums; the gradient."""
        index, plan = self._node.index, self._plan
        inner = Gradients(plan, {index: Target(self._before, 1, summed=summed)})
        if self._number is None:
            inner.give_planar(index, self._back_plainly(gradients.take_planar(index)))
            return inner.take(index)
        gradient = gradients.take(index)
        parts = parts_of_pixels(plan, gradient)
        loading = Record(LOADING, array=gradient)
        inner.give(index, parts, lambda finishing: self._bend(run_derivative, loading, finishing, parts))
        return inner.take(index)

    def _bend(self, curve: CompiledFunction, gradient: Record | None, finishing: Record, parts: int) -> None:
        like = self._before.blocked
        assert like is not None
        record = Record(
            BENDING, before=self._before.loading(self._plan), gradient=gradient or 0, finishing=finishing,
            images=self._plan.images, blocks=like.blocks, pixels=like.pixels, parts=parts, curve=curve.address,
            number=self._number,
        )  # fmt: skip
        self._plan.operate(bend, parts * like.blocks, record, BENDING_SCRATCH)

    def _activated_plainly(self) -> Value:
        plan, before = self._plan, self._before.as_planar(self._plan)
        out = plan.value(self._node.output_shape, blocked=False)

        def run() -> None:
            plan.view(out)[:] = activate(self._name, plan.view(before))

        plan.call(run, before, out)
        return out

    def _back_plainly(self, gradient: Value) -> Value:
        plan, before = self._plan, self._before.as_planar(self._plan)
        by_before = plan.value(self._node.output_shape, blocked=False)

        def run() -> None:
            plan.view(by_before)[:] = activation_gradient(self._name, plan.view(before), plan.view(gradient))

        plan.call(run, gradient, before, by_before)
        return by_before
