"""All heads of a network together: the boxes of one picture, in the order of the C programs.

Source: AlexeyAB/darknet src/network.c, get_network_boxes; src/detector.c, test_detector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from darknetpy.detection.boxes import to_picture
from darknetpy.detection.nms import suppress
from darknetpy.graph import Graph
from darknetpy.images.preprocess import Placement
from darknetpy.layers.parts.head import Candidates


@dataclass(frozen=True)
class Limits:
    """What is asked of a box. ``nms`` is the IoU above which boxes are suppressed, None to keep all.

    ``hier_thresh`` is what a class of a tree must exceed; with ``class_map`` a network with a tree answers with the
    classes of another list, given by their numbers in the tree. Networks without a tree need neither.

    ``in_pixels`` compares boxes in pixels of the picture, not in parts of its width and height: kinds of suppression
    that look at distances give other answers then. The C programs do so when they validate, not when they detect.
    """

    thresh: float = 0.25
    nms: float | None = 0.45
    hier_thresh: float = 0.5
    class_map: Sequence[int] | None = None
    in_pixels: bool = False

    def __post_init__(self) -> None:
        for name in ("thresh", "nms", "hier_thresh"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name}={value!r}, expected a number from 0 to 1")


def default_preprocess(graph: Graph) -> str:
    """How the C program fits a picture to this network, unless told otherwise: letterbox or stretch."""
    if graph.net.letter_box:
        return "letterbox"
    return list(graph.heads.values())[-1].preprocess


def decode(
    graph: Graph, outputs: Mapping[int, np.ndarray], image: int, placement: Placement, limits: Limits
) -> Candidates:
    """The boxes of one picture of a batch, relative to the picture: all heads, before any suppression.

    Args:
        graph: of a detector.
        outputs: layer index of each head -> its output (n, *shape).
        image: which of the n.
        placement: where the picture lies on the network's input.
        limits: ``nms`` and ``in_pixels`` do not matter here.
    """
    size = placement.width, placement.height
    found = [
        head.candidates(
            outputs[index][image], size, limits.thresh, hier_thresh=limits.hier_thresh, class_map=limits.class_map
        )
        for index, head in graph.heads.items()
    ]
    joined = found[0] if len(found) == 1 else _join(found)
    return joined._replace(boxes=to_picture(joined.boxes, placement))


def _join(parts: list[Candidates]) -> Candidates:
    """The boxes of all heads one behind the other; classes that a head does not know have probability 0 there."""
    classes = max(part.probabilities.shape[1] for part in parts)
    shared = set.intersection(*(set(part.more) for part in parts))
    return Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.objectness for part in parts]),
        np.concatenate([_widened(part.probabilities, classes) for part in parts]),
        {name: np.concatenate([part.more[name] for part in parts]) for name in sorted(shared)},
    )


def _widened(probabilities: np.ndarray, classes: int) -> np.ndarray:
    """(n, fewer classes) -> (n, classes), with 0 for the others."""
    missing = classes - probabilities.shape[1]
    return np.pad(probabilities, ((0, 0), (0, missing))) if missing else probabilities


def without_overlaps(graph: Graph, candidates: Candidates, thresh: float, unit: tuple[int, int] = (1, 1)) -> Candidates:
    """The candidates with the probabilities of overlapping boxes put to 0, in the way that the last head asks for.

    Boxes are compared after multiplication with ``unit``: 1, or the picture's width and height.
    """
    head = list(graph.heads.values())[-1]
    boxes = candidates.boxes if unit == (1, 1) else candidates.boxes * np.array([*unit, *unit], np.float32)
    objectness, probabilities = suppress(
        boxes, candidates.objectness, candidates.probabilities, thresh, head.nms_kind, head.beta_nms
    )
    return candidates._replace(objectness=objectness, probabilities=probabilities)


def find_boxes(
    graph: Graph, outputs: Mapping[int, np.ndarray], image: int, placement: Placement, limits: Limits
) -> Candidates:
    """`decode`, and where ``limits`` has an ``nms``, `without_overlaps`."""
    candidates = decode(graph, outputs, image, placement, limits)
    if limits.nms is None:
        return candidates
    unit = (placement.picture_width, placement.picture_height) if limits.in_pixels else (1, 1)
    return without_overlaps(graph, candidates, limits.nms, unit)
