"""[shortcut]: adds outputs of earlier layers. Source: AlexeyAB/darknet and pjreddie/darknet, src/shortcut_layer.c."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from darknetpy.config.options import REQUIRED, Kind, Option
from darknetpy.errors import DarknetpyWarning
from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.layers.base import Array, Layer, Shape, Tape, activation_option, shape_text, size_of
from darknetpy.layers.parts.batch_normalization import channel_sums, per_channel

NORMALIZING_EPSILON = 1e-4
_TYPES = ("none", "per_feature", "per_layer", "per_channel")
_NORMALIZATIONS = ("none", "relu", "avg_relu", "softmax")
Index = tuple[slice, ...]


class Shortcut(Layer):
    """The previous layer's output plus those of the layers ``from``, then the activation.

    Shapes: (c, h, w), (c_1, h_1, w_1), ... -> (c, h, w); flat values in the same way. Where channels differ, the ones
    that both have are added. A larger picture is sampled at every second (third, ...) row and column, a smaller one is
    added to every second (third, ...) row and column.

    Plain: alpha * previous + beta * other, where there is something to add, else previous alone. With
    ``weights_type``: the sum of weights[j] * input j, for weights[0] the previous layer; ``per_channel`` each has one
    for each channel. The weights are normalized first: ``relu`` max(w, 0) / (0.0001 + sum of max(w, 0)), ``softmax``
    e^w / (0.0001 + sum of e^w) with w counted from the largest.
    """

    names = ("shortcut",)
    declared_options = (
        Option("from", REQUIRED, "layers to add; negative ones count back from here", Kind.INTEGERS),
        activation_option("linear"),
        Option("weights_type", "none", "learned factors: one a layer (per_feature, per_layer) or one a channel",
               Kind.WORD, choices=_TYPES),
        Option("weights_normalization", "none", "how the factors are normalized", Kind.WORD, choices=_NORMALIZATIONS),
        Option("alpha", 1.0, "factor on the previous layer, where something is added to it", Kind.NUMBER),
        Option("beta", 1.0, "factor on the layer that is added", Kind.NUMBER),
    )  # fmt: skip

    def prepare(self) -> None:
        for name in ("alpha", "beta"):
            value = self.options[name]
            if value != 1 and (self.weighted or len(self.options["from"]) > 1):
                reason = "weights_type=" if self.weighted else "several layers in from="
                raise self.refusal(f"{name}={value:g} with {reason}", f"{name}=1", f"Delete {name}=", option=name)

    @property
    def weighted(self) -> bool:
        """Whether the inputs have learned factors."""
        return bool(self.options.weights_type != "none")

    def sources(self) -> tuple[int, ...]:
        others = tuple(self.resolve(reference, "from") for reference in self.options["from"])
        return (self.index - 1, *others)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        first, *others = shapes
        for source, shape in zip(self.sources()[1:], others, strict=True):
            if not _can_meet(first, shape):
                found = f"layer {self.index - 1} is {shape_text(first)}, layer {source} {shape_text(shape)}"
                remedy = "Height and width may differ by the same factor only"
                raise self.refusal(found, "shapes that can be added", remedy, option="from")
        return first

    def remarks(self, shapes: list[Shape]) -> Iterator[DarknetpyWarning]:
        first, *others = shapes
        for source, shape in zip(self.sources()[1:], others, strict=True):
            remedy = ""
            if shape[1:] == first[1:] and shape[0] != first[0]:
                remedy = f"The first {min(shape[0], first[0])} channels are added"
            elif any(max(sides) % min(sides) for sides in zip(shape[1:], first[1:], strict=True)):
                remedy = "A part of the larger picture is left out"
            if remedy:
                found = f"layer {self.index - 1} is {shape_text(first)}, layer {source} {shape_text(shape)}"
                yield DarknetpyWarning(found, "equal shapes", remedy, **self.section.at("from"))
        if self.options.weights_normalization != "none" and not self.weighted:
            found = f"weights_normalization={self.options.weights_normalization} without weights_type="
            yield DarknetpyWarning(found, "", "It has no effect", **self.section.at("weights_normalization"))

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        if not self.weighted:
            return []
        channels = (shapes[0][0],) if self.options.weights_type == "per_channel" else ()
        return [Array("weights", (len(shapes), *channels), initial=1.0)]

    def flops(self, shapes: list[Shape]) -> int:
        return size_of(shapes[0]) * (len(shapes) - 1) * (2 if self.weighted else 1)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        result = self._weighted_sum(inputs) if self.weighted else self._sum(inputs)
        if tape is not None:
            tape.inputs, tape.before_activation = inputs, result
        return activate(self.options.activation, result)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        gradient = activation_gradient(self.options.activation, tape.before_activation, gradient)
        if self.weighted:
            return self._weighted_backward(gradient, tape)
        alpha, beta = self.options.alpha, self.options.beta
        by_inputs: list[np.ndarray | None] = [gradient.copy()]
        by_first = by_inputs[0]
        for x in tape.inputs[1:]:
            here, there = _meeting(gradient.shape[1:], x.shape[1:])
            by_x = np.zeros_like(x)
            by_x[there] = beta * gradient[here]
            by_inputs.append(by_x)
            if by_first is not None and alpha != 1:
                by_first[here] *= alpha
        return by_inputs

    def _weighted_backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        factors = self._channel_factors(tape.inputs)
        by_inputs: list[np.ndarray | None] = []
        along = np.zeros(factors.shape, gradient.dtype)
        for number, (x, factor) in enumerate(zip(tape.inputs, factors, strict=True)):
            here, there = _meeting(gradient.shape[1:], x.shape[1:])
            by_x = np.zeros_like(x)
            by_x[there] = per_channel(factor[here[1]], gradient) * gradient[here]
            by_inputs.append(by_x)
            along[number, here[1]] = channel_sums(gradient[here] * x[there])
        tape.add("weights", self._by_weights(along).astype(gradient.dtype))
        return by_inputs

    def _by_weights(self, along: np.ndarray) -> np.ndarray:
        """The gradient by the weights, from that by the normalized ones for each channel (inputs, c)."""
        weights = self.weights["weights"].astype(np.float64)
        by_factors = along.astype(np.float64) if weights.ndim == 2 else along.sum(axis=1, dtype=np.float64)
        if self.options.weights_normalization == "none":
            return by_factors
        factors = self._factors()
        shared = (by_factors * factors).sum(axis=0)
        if self.options.weights_normalization == "softmax":
            return self._by_softmax(weights, factors, by_factors, shared)
        total = NORMALIZING_EPSILON + np.maximum(weights, 0).sum(axis=0)
        return np.where(weights > 0, (by_factors - shared) / total, 0)

    @staticmethod
    def _by_softmax(weights: np.ndarray, factors: np.ndarray, by_factors: np.ndarray, shared: np.ndarray) -> np.ndarray:
        """As through a softmax; the largest weight, which is taken off all, also makes the epsilon count less."""
        largest = weights == weights.max(axis=0)
        total = NORMALIZING_EPSILON + np.exp(weights - weights.max(axis=0)).sum(axis=0)
        share = largest / largest.sum(axis=0)
        return factors * (by_factors - shared) - share * shared * (NORMALIZING_EPSILON / total)

    def _sum(self, inputs: list[np.ndarray]) -> np.ndarray:
        alpha, beta = self.options.alpha, self.options.beta
        result = inputs[0].copy()
        for x in inputs[1:]:
            here, there = _meeting(result.shape[1:], x.shape[1:])
            result[here] = alpha * result[here] + beta * x[there]
        return result

    def _weighted_sum(self, inputs: list[np.ndarray]) -> np.ndarray:
        first = inputs[0]
        factors = self._channel_factors(inputs)
        result = first * per_channel(factors[0], first)
        for x, factor in zip(inputs[1:], factors[1:], strict=True):
            here, there = _meeting(first.shape[1:], x.shape[1:])
            result[here] += per_channel(factor[here[1]], first) * x[there]
        return result

    def _channel_factors(self, inputs: list[np.ndarray]) -> np.ndarray:
        """The normalized weights (inputs, c), one for each channel of the first input, in its dtype."""
        factors = self._factors().astype(inputs[0].dtype, copy=False).reshape(len(inputs), -1)
        return np.broadcast_to(factors, (len(inputs), inputs[0].shape[1]))

    def _factors(self) -> np.ndarray:
        """The normalized weights, float64, in the shape of the weights."""
        weights = self.weights["weights"].astype(np.float64)
        if self.options.weights_normalization == "none":
            return weights
        if self.options.weights_normalization == "softmax":
            parts = np.exp(weights - weights.max(axis=0))
        else:
            parts = np.maximum(weights, 0)
        return parts / (NORMALIZING_EPSILON + parts.sum(axis=0))


def _can_meet(shape: Shape, other: Shape) -> bool:
    """Whether height and width differ by the same whole factor, or both are flat."""
    if len(shape) != len(other):
        return False
    ratios = {(side // further, further // side) for side, further in zip(shape[1:], other[1:], strict=True)}
    return len(ratios) <= 1


def _meeting(shape: Shape, other: Shape) -> tuple[Index, Index]:
    """Which values of (n, *shape) and of (n, *other) are added to each other: an index for each of them."""
    channels = slice(0, min(shape[0], other[0]))
    here: list[slice] = [slice(None), channels]
    there: list[slice] = [slice(None), channels]
    for side, further in zip(shape[1:], other[1:], strict=True):
        count, spread, stride = min(side, further), max(side // further, 1), max(further // side, 1)
        here.append(slice(0, count * spread, spread))
        there.append(slice(0, count * stride, stride))
    return tuple(here), tuple(there)
