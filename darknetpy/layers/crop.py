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
        top, left = ((side - part) // 2 for side, part in zip(inputs[0].shape[2:], (height, width), strict=True))
        part = inputs[0][:, :, top : top + height, left : left + width]
        return part.copy() if self.options.noadjust else 2 * part - 1
