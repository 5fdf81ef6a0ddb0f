"""[contrastive]: a loss between embeddings. Source: AlexeyAB/darknet src/softmax_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import REQUIRED, Kind, Option, Use
from darknetpy.layers.base import Layer, Tape

_LARGEST = float(np.finfo(np.float32).max)


class Contrastive(Layer):
    """Passes its input on; only training compares embeddings of objects. Shapes: unchanged.

    Source: Khosla et al. 2020, "Supervised contrastive learning".
    """

    names = ("contrastive",)
    declared_options = (
        Option("classes", 1000, "number of classes", minimum=1, use=Use.TRAIN),
        Option("yolo_layer", REQUIRED, "the [yolo] whose objects are compared; a negative one counts back from here",
               use=Use.TRAIN),
        Option("temperature", 1.0, "above 1 evens the similarities out", Kind.NUMBER, minimum=0, open_bounds=True,
               use=Use.TRAIN),
        Option("cls_normalizer", 1.0, "factor on the loss", Kind.NUMBER, use=Use.TRAIN),
        Option("max_delta", _LARGEST, "largest size of a gradient", Kind.NUMBER, minimum=0, use=Use.TRAIN),
        Option("contrastive_neg_max", 3, "pairs of other classes for each pair of one class", minimum=0,
               use=Use.TRAIN),
    )  # fmt: skip

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        return inputs[0]

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        return [gradient]
