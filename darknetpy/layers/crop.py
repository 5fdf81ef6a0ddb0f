"""[crop]: the middle of the picture. Source: AlexeyAB/darknet src/crop_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import REQUIRED, Kind, Option, Use
from darknetpy.layers.base import Layer, Shape, Tape


class Crop(Layer):
    """Cuts the middle out of the picture and stretches values from 0..1 to -1..1, unless ``noadjust``.

    Shapes: (c, h, w) -> (c, crop_height, crop_width). Training cuts at random places; the rest of its variations
    (angle, saturation, exposure, shift) Darknet has on a GPU only.
    """

    names = ("crop",)
    needs_picture = True
    declared_options = (
        Option("crop_height", REQUIRED, "height of the part, in pixels", minimum=1),
        Option("crop_width", REQUIRED, "width of the part, in pixels", minimum=1),
        Option("noadjust", False, "leave the values as they are", Kind.FLAG),
        Option("flip", False, "mirror at random while training", Kind.FLAG, use=Use.TRAIN),
        Option("angle", 0.0, "degrees of random rotation while training", Kind.NUMBER, use=Use.TRAIN),
        Option("saturation", 1.0, "random change of saturation while training", Kind.NUMBER, use=Use.TRAIN),
        Option("exposure", 1.0, "random change of brightness while training", Kind.NUMBER, use=Use.TRAIN),
        Option("shift", 0.0, "random shift of colours while training", Kind.NUMBER, use=Use.TRAIN),
    )

    def output_shape(self, shapes: list[Shape]) -> Shape:
        c, h, w = shapes[0]
        for option, side in (("crop_height", h), ("crop_width", w)):
            if self.options[option] > side:
                found = f"{option}={self.options[option]} of a picture of {w}x{h}"
                raise self.refusal(found, f"at most {side}", f"Write {option}={side}", option=option)
        return (c, self.options.crop_height, self.options.crop_width)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        height, width = self.options.crop_height, self.options.crop_width
        room = [side - part for side, part in zip(inputs[0].shape[2:], (height, width), strict=True)]
        top, left, flip = room[0] // 2, room[1] // 2, False
        if tape is not None and tape.training:
            top, left = (int(tape.random.integers(0, free + 1)) for free in room)
            flip = bool(self.options.flip and tape.random.integers(0, 2))
        if tape is not None:
            tape.shape, tape.place, tape.flip = inputs[0].shape, (top, left), flip
        part = self._part(inputs[0], (top, left))[..., :: -1 if flip else 1]
        return part.copy() if self.options.noadjust else 2 * part - 1

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        by_x = np.zeros(tape.shape, gradient.dtype)
        self._part(by_x, tape.place)[:] = (1 if self.options.noadjust else 2) * gradient[..., :: -1 if tape.flip else 1]
        return [by_x]

    def _part(self, x: np.ndarray, place: tuple[int, int]) -> np.ndarray:
        """A view of the part of pictures x (n, c, h, w) that begins at a row and column."""
        top, left = place
        return x[:, :, top : top + self.options.crop_height, left : left + self.options.crop_width]
