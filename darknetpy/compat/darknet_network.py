"""A network as the functions of Darknet's ctypes module take it: with what it computed last.

Source: AlexeyAB/darknet src/network.c, network_predict and get_network_boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.compat.darknet_structures import BOX, DETECTION, IMAGE
from darknetpy.detection.decode import Limits, decode
from darknetpy.errors import ImageError
from darknetpy.images.preprocess import place
from darknetpy.layers.base import RecurrentLayer
from darknetpy.layers.parts.head import Candidates
from darknetpy.network import Network

Floats = Any
"""float32 values: an array, or a ctypes pointer or array of floats."""


class DarknetNetwork:
    """What the functions here take as ``network``: a :class:`darknetpy.Network`, and what it computed last.

    As in Darknet, one picture at a time: threads load a network each, or use ``network`` itself, which may be shared.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        recurrent = any(isinstance(node.layer, RecurrentLayer) for node in network.layers)
        self.state = network.new_state() if recurrent else None
        self._outputs: dict[int, np.ndarray] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the network's input, in pixels."""
        _, height, width = self._picture_shape()
        return width, height

    def run(self, data: Floats, pictures: int) -> np.ndarray:
        """Compute that many pictures, which follow each other, and keep what boxes are made of.

        Returns the output of the last layer, (pictures, values).
        """
        channels, height, width = self._picture_shape()
        batch = IMAGE(width, height, channels, data).planes(pictures)
        graph = self.network.graph
        wanted = sorted({*graph.heads, graph.output_index})
        outputs = self.network.predict(batch, state=self.state, outputs=wanted)
        self._outputs = dict(zip(wanted, outputs, strict=True))
        return self._outputs[graph.output_index].reshape(pictures, -1)

    def boxes(
        self, image: int, size: tuple[int, int], limits: Limits, *, relative: bool, letterboxed: bool
    ) -> list[DETECTION]:
        """The boxes of one picture of the last batch, of a picture of this width and height, in pixels of it."""
        graph = self.network.graph
        if not graph.heads:
            return []
        placement = place(*size, *self.size, "letterbox" if letterboxed else "stretch")
        found = decode(graph, self._outputs, image, placement, limits)
        scale = np.ones(4, np.float32) if relative else np.array([*size, *size], np.float32)
        return _detections(found, found.boxes * scale)

    def _picture_shape(self) -> tuple[int, int, int]:
        shape = self.network.input_shape
        if len(shape) != 3:
            raise ImageError(f"this network takes {shape[0]} values", "a network that takes pictures")
        return shape[0], shape[1], shape[2]


def _detections(found: Candidates, boxes: np.ndarray) -> list[DETECTION]:
    classes = found.probabilities.shape[1]
    best = np.where(found.probabilities.any(axis=1), found.probabilities.argmax(axis=1), -1)
    uncertainty = found.more.get("uncertainty")
    mask = found.more.get("mask")
    return [
        DETECTION(
            BOX(*(float(value) for value in boxes[index])),
            classes,
            int(best[index]),
            found.probabilities[index].copy(),
            mask=None if mask is None else mask[index],
            objectness=float(found.objectness[index]),
            uc=None if uncertainty is None else uncertainty[index],
        )
        for index in range(len(boxes))
    ]
