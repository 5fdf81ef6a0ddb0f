"""[softmax]: values to probabilities. Source: AlexeyAB/darknet src/softmax_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.named_files import find_named_file
from darknetpy.config.options import Kind, Option, Use
from darknetpy.config.tree import read_tree
from darknetpy.layers.base import ONE_CELL, UNKNOWN, Layer, Shape, Tape, Window, shape_text, size_of
from darknetpy.layers.parts.softmax import safe_log, softmax


class Softmax(Layer):
    """e^(x / temperature), divided by the sum of its group.

    Shapes: any -> (length,); with ``spatial`` (c, h, w) -> (c, h, w), across the channels of each pixel. Groups are
    equal runs of neighbouring values (of channels, with ``spatial``), or with ``tree`` the siblings of the tree.

    The loss of a group with probabilities p and truths t is the sum of -t log p. Truths of -1234 say nothing.
    """

    names = ("softmax", "soft")
    has_loss = True
    declared_options = (
        Option("groups", 1, "parts that are normalized by themselves", minimum=1),
        Option("temperature", 1.0, "above 1 evens the probabilities out", Kind.NUMBER, minimum=0, open_bounds=True),
        Option("tree", None, "file with the tree of classes", Kind.PATH),
        Option("spatial", False, "pixel by pixel instead of all values together", Kind.FLAG),
        Option("noloss", False, "a later layer has the loss", Kind.FLAG, use=Use.TRAIN),
    )

    def prepare(self) -> None:
        if self.options.tree is not None:
            if self.options.groups > 1:
                found = f"groups={self.options.groups} with tree="
                raise self.refusal(found, "one of them", "Delete groups=", option="groups")
            self.tree = read_tree(find_named_file(self.section, "tree", self.options.tree))

    def output_shape(self, shapes: list[Shape]) -> Shape:
        shape = shapes[0]
        if self.options.spatial and len(shape) != 3:
            found = f"spatial=1 for {shape_text(shape)} values without height or width"
            raise self.refusal(found, "a picture", "Write spatial=0", option="spatial")
        length, groups = self._length(shape), self.options.groups
        if length % groups:
            found = f"groups={groups} with {length} {'channels' if self.options.spatial else 'inputs'}"
            expected = f"a number that divides into {groups} groups"
            raise self.refusal(found, expected, "Write groups=1", option="groups")
        if self.tree is not None and len(self.tree) != length:
            found = f"tree={self.options.tree} has {len(self.tree)} nodes for {length} inputs"
            remedy = f"Name another tree, or let the layer before give {len(self.tree)} values"
            raise self.refusal(found, "one for each", remedy, option="tree")
        return shape if self.options.spatial else (length,)

    def _length(self, shape: Shape) -> int:
        return shape[0] if self.options.spatial else size_of(shape)

    def window(self) -> Window | None:
        return ONE_CELL if self.options.spatial else None

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        shape = inputs[0].shape[1:]
        values = inputs[0].reshape(len(inputs[0]), self._length(shape), -1) / self.options.temperature
        result = np.empty_like(values)
        for group in self._groups(values.shape[1]):
            result[:, group] = softmax(values[:, group], axis=1)
        if tape is not None:
            tape.shape, tape.probabilities = inputs[0].shape, result
            if tape.truth is not None:
                tape.loss = float(-(self._truths(tape) * safe_log(result)).sum())
        return result.reshape(len(result), *shape) if self.options.spatial else result[..., 0]

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Through the softmax; with a truth also p times the sum of t, less t, by which groups without one count 0."""
        p = tape.probabilities
        gradient = gradient.reshape(p.shape)
        by_values = np.empty_like(p)
        for group in self._groups(p.shape[1]):
            along = (gradient[:, group] * p[:, group]).sum(axis=1, keepdims=True)
            by_values[:, group] = p[:, group] * (gradient[:, group] - along)
            if tape.truth is not None:
                truth = self._truths(tape)[:, group]
                by_values[:, group] += p[:, group] * truth.sum(axis=1, keepdims=True) - truth
        return [(by_values / self.options.temperature).reshape(tape.shape)]

    @staticmethod
    def _truths(tape: Tape) -> np.ndarray:
        """The truths in the shape of the probabilities (n, length, pixels)."""
        truths: np.ndarray = tape.truth.reshape(tape.probabilities.shape)
        return np.where(truths == UNKNOWN, 0, truths)

    def _groups(self, length: int) -> tuple[slice, ...]:
        if self.tree is not None:
            return self.tree.groups
        width = length // self.options.groups
        return tuple(slice(first, first + width) for first in range(0, length, width))
