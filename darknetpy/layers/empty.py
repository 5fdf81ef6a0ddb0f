"""[empty]: a placeholder. Source: AlexeyAB/darknet src/parser.c; hank-ai/darknet, which also calls it [blank]."""

from __future__ import annotations

import numpy as np

from darknetpy.layers.base import Layer, Tape


class Empty(Layer):
    """Passes its input on, as a layer with a number of its own that others can name. Shapes: unchanged."""

    names = ("empty", "silence", "blank")

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        return inputs[0]

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        return [gradient]
