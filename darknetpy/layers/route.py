"""[route]: outputs of earlier layers, one behind the other. Source: AlexeyAB/darknet src/route_layer.c."""

from __future__ import annotations

import math

import numpy as np

from darknetpy.config.options import REQUIRED, Kind, Option, Use
from darknetpy.layers.base import Layer, Shape, Tape, shape_text, size_of


class Route(Layer):
    """Concatenates channels of earlier layers; with ``groups`` only part ``group_id`` of each of them.

    Shapes: (c_1, h, w), (c_2, h, w), ... -> ((c_1 + c_2 + ...) / groups, h, w). Where heights and widths differ, the
    values are joined as flat rows, (length,), which only layers without a picture can read.
    """

    names = ("route",)
    declared_options = (
        Option("layers", REQUIRED, "layers to join; negative ones count back from here", Kind.INTEGERS),
        Option("groups", 1, "parts that each input is divided into", minimum=1),
        Option("group_id", 0, "the part that is taken, counted from 0", minimum=0),
        Option("stream", -1, "CUDA stream", use=Use.NONE),
        Option("wait_stream", -1, "CUDA stream to wait for", use=Use.NONE),
    )

    def prepare(self) -> None:
        groups, group_id = self.options.groups, self.options.group_id
        if group_id >= groups:
            remedy = "Parts are counted from 0"
            raise self.refusal(f"group_id={group_id} with groups={groups}", f"0 to {groups - 1}", remedy, "group_id")

    def sources(self) -> tuple[int, ...]:
        return tuple(self.resolve(reference, "layers") for reference in self.options.layers)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        groups = self.options.groups
        for source, shape in zip(self.sources(), shapes, strict=True):
            if shape[0] % groups:
                found = f"groups={groups} with {shape[0]} channels of layer {source}"
                expected = f"a number of channels that divides by {groups}"
                raise self.refusal(found, expected, f"Write groups={math.gcd(shape[0], groups)}", "groups")
        if self._same_sides(shapes):
            return (sum(shape[0] for shape in shapes) // groups, *shapes[0][1:])
        return (sum(size_of(shape) for shape in shapes) // groups,)

    def check_readers(self, shapes: list[Shape], readers: list[Layer]) -> None:
        if self._same_sides(shapes) or (readers and not any(reader.needs_picture for reader in readers)):
            return
        sizes = ", ".join(f"layer {i} is {shape_text(s)}" for i, s in zip(self.sources(), shapes, strict=True))
        found, remedy = f"the inputs have different sizes ({sizes})", "Choose layers of the same size"
        raise self.refusal(found, "equal heights and widths", remedy, "layers")

    @staticmethod
    def _same_sides(shapes: list[Shape]) -> bool:
        return all(len(shape) == len(shapes[0]) and shape[1:] == shapes[0][1:] for shape in shapes)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        if tape is not None:
            tape.shapes = [x.shape for x in inputs]
        parts = [self._part(x) for x in inputs]
        if not self._same_sides([x.shape[1:] for x in inputs]):
            parts = [part.reshape(len(part), -1) for part in parts]
        return parts[0].copy() if len(parts) == 1 else np.concatenate(parts, axis=1)

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Each input gets its part back; what was left out of it gets 0."""
        by_inputs: list[np.ndarray | None] = []
        first = 0
        same_sides = self._same_sides([shape[1:] for shape in tape.shapes])
        for shape in tape.shapes:
            by_input = np.zeros(shape, gradient.dtype)
            part = self._part(by_input)
            length = part.shape[1] if same_sides else size_of(part.shape[1:])
            part[:] = gradient[:, first : first + length].reshape(part.shape)
            by_inputs.append(by_input)
            first += length
        return by_inputs

    def _part(self, x: np.ndarray) -> np.ndarray:
        width = x.shape[1] // self.options.groups
        return x[:, width * self.options.group_id : width * (self.options.group_id + 1)]
