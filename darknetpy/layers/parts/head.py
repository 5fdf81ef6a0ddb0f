"""What the heads of detectors share: from the values of a network to boxes on its input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darknetpy.config.class_map import read_class_map
from darknetpy.config.named_files import find_named_file
from darknetpy.config.options import Kind, Option, Use
from darknetpy.layers.base import Layer, Shape, size_of

CLASSES = Option("classes", 20, "number of classes", minimum=1)
MAP = Option("map", None, "file with the number of each class of the labels", Kind.PATH, use=Use.TRAIN)
_COUNTS = ("filters", "output")  # options that say how many values a layer gives


class Candidates(NamedTuple):
    """Boxes that one or several heads found in a picture, in the order of the C program.

    ``boxes`` (n, 4) float32: centre x, centre y, width and height, relative to the network's input (a head's) or to
    the picture (after `darknetpy.detection.decode`). ``objectness`` (n,) and ``probabilities`` (n, classes) float32;
    probabilities at or below the threshold are 0. ``more`` has further values of each box by name, (n, k):
    "uncertainty" of x, y, width and height ([Gaussian_yolo]), "mask" ([region] with more than 4 coordinates).
    """

    boxes: np.ndarray
    objectness: np.ndarray
    probabilities: np.ndarray
    more: dict[str, np.ndarray]


class Head(Layer):
    """A layer whose output says where objects are and what they are.

    The output is the activated form of the input, in its shape; `candidates` makes boxes of it.
    """

    @property
    def classes(self) -> int:
        """How many classes the head tells apart."""
        return int(self.options.classes)

    @property
    @abstractmethod
    def per_class(self) -> int:
        """How many input values (channels, where the input is a picture) there are for each class."""

    @property
    @abstractmethod
    def besides_classes(self) -> int:
        """How many input values (channels) there are that do not depend on the number of classes."""

    @property
    def nms_kind(self) -> str:
        """How the C program suppresses overlapping boxes of networks with this head, see `darknetpy.detection.nms`."""
        return "default"

    @property
    def beta_nms(self) -> float:
        """The exponent of ``nms_kind`` diounms."""
        return 0.6

    @property
    def preprocess(self) -> str:
        """How the C program fits a picture to a network with this head: letterbox or stretch."""
        return self.dialect.detector_preprocess

    @abstractmethod
    def candidates(
        self,
        output: np.ndarray,
        network_size: tuple[int, int],
        thresh: float,
        *,
        hier_thresh: float = 0.5,
        class_map: Sequence[int] | None = None,
    ) -> Candidates:
        """The boxes of one picture.

        Args:
            output: what `forward` gave for this picture, without the axis of pictures.
            network_size: width and height of the network's input, in pixels.
            thresh: what objectness, or a probability, must exceed.
            hier_thresh: what a class of a tree must exceed; other heads do not need it.
            class_map: for each class to answer with, its number in the tree; other heads do not need it.
        """

    def check_sources(self, shapes: list[Shape], sources: list[Layer | None]) -> None:
        """Refuse an input with the wrong number of values, pointing at ``filters=`` of the layer before."""
        count = shapes[0][0] if self.needs_picture else size_of(shapes[0])
        expected = self.per_class * self.classes + self.besides_classes
        if count == expected:
            return
        before = sources[0]
        option = next((name for name in _COUNTS if before is not None and before.options.get(name) == count), None)
        why = f"[{self.section.name}] with classes={self.classes}"
        if before is not None and option is not None:
            raise before.refusal(
                f"{option}={count}",
                f"{expected} for the {why} at line {self.section.line}",
                f"Write {option}={expected}",
                option,
            )
        values = "channels" if self.needs_picture else "values"
        remedy = f"Put a layer that gives {expected} {values} before it"
        raise self.refusal(f"the input has {count} {values}", f"{expected} for classes={self.classes}", remedy)

    def check_training(self) -> None:
        if self.options.map is not None:
            read_class_map(find_named_file(self.section, "map", self.options.map))
