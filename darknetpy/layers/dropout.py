"""[dropout]: sets some values to zero while training. Source: AlexeyAB/darknet src/dropout_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Default, Kind, Option, Use
from darknetpy.layers.base import Layer, Shape, Tape

_PROBABILITY = Default("0.2; pjreddie 0.5", lambda earlier, dialect: dialect.dropout_probability)


class Dropout(Layer):
    """Passes its input on; only training drops values, and divides the others by the part that stays.

    Shapes: unchanged. Layers behind it that name the layer before it see the dropped values, too, as in Darknet, which
    drops where the values lie.

    Source: Srivastava et al. 2014; Ghiasi et al. 2018 (dropblock).
    """

    names = ("dropout",)
    declared_options = (
        Option("probability", _PROBABILITY, "part of the values that is dropped", Kind.NUMBER,
               minimum=0, below=1, use=Use.TRAIN),
        Option("dropblock", False, "drop squares instead of single values", Kind.FLAG, use=Use.TRAIN),
        Option("dropblock_size_rel", 0.0, "side of the squares as a part of the picture's", Kind.NUMBER,
               minimum=0, maximum=1, use=Use.TRAIN),
        Option("dropblock_size_abs", 0.0, "side of the squares, in pixels", Kind.NUMBER, minimum=0, use=Use.TRAIN),
    )  # fmt: skip

    def prepare(self) -> None:
        if self.index == 0:
            raise self.refusal("[dropout] as first layer", "a layer before it", "Delete the section, or move it")

    def output_shape(self, shapes: list[Shape]) -> Shape:
        if self.options.dropblock and len(shapes[0]) != 3:
            found = "dropblock=1 for values without height and width"
            raise self.refusal(found, "a picture", "Write dropblock=0", option="dropblock")
        return shapes[0]

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        if tape is None or not tape.training:
            return inputs[0]
        part = self.options.probability
        tape.kept = np.where(tape.random.random(inputs[0].shape) < part, 0, 1 / (1 - part)).astype(inputs[0].dtype)
        return inputs[0] * tape.kept

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        return [gradient * tape.kept if tape.training else gradient]
