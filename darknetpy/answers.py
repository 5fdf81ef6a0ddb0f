"""What a network says about pictures: classes, or objects and where they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from darknetpy.classification import Classification, classifications
from darknetpy.detection.decode import Limits, default_preprocess, find_boxes
from darknetpy.detection.detections import Detections, class_labels, detections_of
from darknetpy.dialect import Dialect
from darknetpy.errors import ConfigError, Findings, ImageError, WeightsError, did_you_mean, printable
from darknetpy.graph import Graph
from darknetpy.layers.base import shape_text
from darknetpy.layers.state import State

if TYPE_CHECKING:
    from darknetpy.images.arrays import Picture
    from darknetpy.images.preprocess import Placement
    from darknetpy.weights.reader import LoadReport


class Answers(ABC):
    """The answers of a :class:`~darknetpy.network.Network`, which brings the attributes and runs the layers."""

    graph: Graph
    names: list[str] | None
    loaded: LoadReport | None
    batch: int

    @abstractmethod
    def predict(
        self, batch: np.ndarray, *, state: State | None = None, outputs: Sequence[int | str] | None = None
    ) -> np.ndarray | list[np.ndarray]:
        """The output of the last layer, or a list of the ``outputs`` asked for, each (n, *output_shape)."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, height, width) of one picture, or (inputs,)."""
        return self.graph.input_shape

    @property
    def dialect(self) -> Dialect:
        """Whose numbers this network gives."""
        return self.graph.dialect

    @property
    def is_detector(self) -> bool:
        """Whether the network has heads that find objects."""
        return bool(self.graph.heads)

    @property
    def classes(self) -> int:
        """How many classes a detector tells apart; how many values another network answers with."""
        return self.graph.classes

    @property
    def preprocess(self) -> str:
        """How pictures are fitted to the network unless told otherwise: as the dialect's own program does."""
        return default_preprocess(self.graph) if self.is_detector else self.dialect.classifier_preprocess

    def prepare(
        self,
        image: Picture,
        *,
        preprocess: str | None = None,
        channels: str = "rgb",
        exif: bool = True,
        allow_damaged: bool = False,
        findings: Findings | None = None,
    ) -> np.ndarray:
        """A picture as input of this network: (c, h, w) float32 in 0..1. Arguments as in :meth:`classify`.

        ``exif`` turns the picture as its camera says; ``allow_damaged`` takes what can be read of a damaged file.
        """
        return self.prepare_placed(
            image,
            preprocess=preprocess,
            channels=channels,
            exif=exif,
            allow_damaged=allow_damaged,
            findings=findings,
        )[0]

    def prepare_placed(
        self,
        image: Picture,
        *,
        preprocess: str | None = None,
        channels: str = "rgb",
        exif: bool = True,
        allow_damaged: bool = False,
        findings: Findings | None = None,
    ) -> tuple[np.ndarray, Placement]:
        """The same, and where the picture lies on the input, which :meth:`detect_prepared` needs to find the way back.

        Arguments as in :meth:`prepare`.
        """
        from darknetpy.images.arrays import as_picture
        from darknetpy.images.preprocess import place, prepare
        from darknetpy.images.resize import picture_size

        if len(self.input_shape) != 3:
            raise ImageError(f"this network takes {self.input_shape[0]} values", "a network that takes pictures")
        wanted, height, width = self.input_shape
        picture = as_picture(image, wanted, order=channels, exif=exif, allow_damaged=allow_damaged, findings=findings)
        how = preprocess or self.preprocess
        placement = place(*picture_size(picture), width, height, how)
        return prepare(picture, width, height, how), placement

    @overload
    def classify(
        self, image: Picture, top: int = 5, *, preprocess: str | None = None, channels: str = "rgb"
    ) -> list[Classification]: ...
    @overload
    def classify(
        self, image: list[Picture], top: int = 5, *, preprocess: str | None = None, channels: str = "rgb"
    ) -> list[list[Classification]]: ...
    def classify(
        self, image: Picture | list[Picture], top: int = 5, *, preprocess: str | None = None, channels: str = "rgb"
    ) -> list[Classification] | list[list[Classification]]:
        """The most probable classes of a picture, most probable first.

        Args:
            image: path of a picture, or an array (h, w, 3) uint8 (see :mod:`darknetpy.images.arrays`); or a list of
                such, which are computed ``batch`` (see :func:`load`) at a time.
            top: how many classes.
            preprocess: "crop", "letterbox" or "stretch"; by default :attr:`preprocess`.
            channels: "rgb", or "bgr" for arrays as OpenCV makes them.

        Returns:
            The classes of the picture, or for a list of pictures a list of such.

        Raises:
            ImageError: a picture cannot be read, or has not what the network wants. ConfigError: it is a detector.

        >>> net.classify("examples/digit-7.png", top=1)  # doctest: +SKIP
        [Classification(label='7', probability=0.99, class_id=7)]
        """
        if not isinstance(image, list):
            prepared = self.prepare(image, preprocess=preprocess, channels=channels)
            return self.classify_prepared(prepared[np.newaxis], top)[0]
        answers: list[list[Classification]] = []
        for first in range(0, len(image), self.batch):
            part = image[first : first + self.batch]
            prepared = np.stack([self.prepare(one, preprocess=preprocess, channels=channels) for one in part])
            answers += self.classify_prepared(prepared, top)
        return answers

    def classify_prepared(self, batch: np.ndarray, top: int = 5) -> list[list[Classification]]:
        """The answers for prepared pictures (n, c, h, w), one list a picture.

        Raises ConfigError for a detector, and WeightsError where an answer is not finite: something is wrong with the
        weights then.
        """
        if self.is_detector:
            raise self._other_kind("this network is a detector", "a classifier", "Use detect")
        return self.classes_from(self.outputs_for_answers(batch), top)

    def outputs_for_answers(self, batch: np.ndarray, *, state: State | None = None) -> list[np.ndarray]:
        """What the answers for prepared pictures (n, c, h, w) are made of: the outputs of the heads, or the output.

        This is the work of the network, and `detections_from` or `classes_from` is the rest, which may be done while
        the network computes the next pictures. ``state`` as in :meth:`detect`.
        """
        wanted = list(self.graph.heads) or [self.graph.output_index]
        return list(self.predict(batch, state=state, outputs=wanted))

    def classes_from(self, outputs: list[np.ndarray], top: int = 5) -> list[list[Classification]]:
        """The answers of a classifier from :meth:`outputs_for_answers`, one list a picture.

        Raises WeightsError where one is not finite.
        """
        probabilities = self.probabilities_from(outputs, leaves_only=self.dialect.tree_leaves_only)
        return [classifications(row, self.names, top) for row in probabilities]

    def probabilities_from(self, outputs: list[np.ndarray], *, leaves_only: bool) -> np.ndarray:
        """The probabilities of all classes, (n, classes) float32, from a classifier's :meth:`outputs_for_answers`.

        In a tree of classes they are multiplied along the way from the root; with ``leaves_only`` those of classes
        that have others below them are 0. Raises WeightsError where one is not finite.
        """
        self._require_finite(outputs, "probabilities")
        output = outputs[0].reshape(len(outputs[0]), -1)
        tree = self.graph.tree
        return output if tree is None else tree.absolute(output, leaves_only=leaves_only)

    def require_classifier(self) -> None:
        """Raise ConfigError for a network that does not answer with classes: a detector, or one that makes pictures."""
        output = self.graph.nodes[self.graph.output_index].output_shape
        if self.is_detector:
            raise self._other_kind("this network is a detector", "a classifier", "Use detect")
        if max(output[1:], default=1) > 1:
            found = f"the network answers with {shape_text(output)} values"
            raise self._other_kind(found, "one for each class", "")

    @overload
    def detect(
        self,
        image: Picture,
        thresh: float = 0.25,
        *,
        nms: float | None = 0.45,
        preprocess: str | None = None,
        classes: Sequence[int | str] | None = None,
        best_class_only: bool = False,
        hier_thresh: float = 0.5,
        channels: str = "rgb",
        state: State | None = None,
    ) -> Detections: ...
    @overload
    def detect(
        self,
        image: list[Picture],
        thresh: float = 0.25,
        *,
        nms: float | None = 0.45,
        preprocess: str | None = None,
        classes: Sequence[int | str] | None = None,
        best_class_only: bool = False,
        hier_thresh: float = 0.5,
        channels: str = "rgb",
        state: State | None = None,
    ) -> list[Detections]: ...
    def detect(
        self,
        image: Picture | list[Picture],
        thresh: float = 0.25,
        *,
        nms: float | None = 0.45,
        preprocess: str | None = None,
        classes: Sequence[int | str] | None = None,
        best_class_only: bool = False,
        hier_thresh: float = 0.5,
        channels: str = "rgb",
        state: State | None = None,
    ) -> Detections | list[Detections]:
        """The objects in a picture, most certain first.

        Args:
            image: path of a picture, or an array (h, w, 3) uint8 (see :mod:`darknetpy.images.arrays`); or a list of
                such, which are computed ``batch`` (see :func:`load`) at a time.
            thresh: what the probability of an object must exceed, 0 to 1.
            nms: of boxes of one class that overlap by more than this IoU only the best is kept; None keeps all.
            preprocess: "crop", "letterbox" or "stretch"; by default :attr:`preprocess`.
            classes: numbers or names of the classes to look for; all by default.
            best_class_only: give a box with several classes once, as the most probable; otherwise once for each.
            hier_thresh: what a class must exceed in networks with a tree of classes.
            channels: "rgb", or "bgr" for arrays as OpenCV makes them.
            state: what recurrent layers remember, from ``new_state``; it is changed. The pictures of a list are
                computed one after the other then: they are frames of one sequence, as are those of the next call.

        Returns:
            The :class:`~darknetpy.detection.detections.Detections` of the picture, or for a list of pictures a list.

        Raises:
            ImageError: a picture cannot be read, or has not what the network wants. ConfigError: it is no detector.
            ValueError: thresholds that are not in 0..1, unknown classes.

        >>> net.detect("dog.jpg", thresh=0.5).labels  # doctest: +SKIP
        ['dog', 'bicycle', 'truck']
        """
        pictures = image if isinstance(image, list) else [image]
        found: list[Detections] = []
        at_once = self.batch if state is None else 1
        for first in range(0, len(pictures), at_once):
            part = pictures[first : first + at_once]
            placed = [self.prepare_placed(one, preprocess=preprocess, channels=channels) for one in part]
            found += self.detect_prepared(
                np.stack([prepared for prepared, _ in placed]),
                [placement for _, placement in placed],
                thresh,
                nms=nms,
                classes=classes,
                best_class_only=best_class_only,
                hier_thresh=hier_thresh,
                state=state,
            )
        return found if isinstance(image, list) else found[0]

    def detect_prepared(
        self,
        batch: np.ndarray,
        placements: Sequence[Placement],
        thresh: float = 0.25,
        *,
        nms: float | None = 0.45,
        classes: Sequence[int | str] | None = None,
        best_class_only: bool = False,
        hier_thresh: float = 0.5,
        state: State | None = None,
    ) -> list[Detections]:
        """The objects in prepared pictures (n, c, h, w), one answer a picture.

        ``placements`` are those of :meth:`prepare_placed`; the other arguments are those of :meth:`detect`. Raises
        WeightsError where an output of the network is not finite: something is wrong with the weights then.
        """
        if not self.is_detector:
            raise self._other_kind("this network finds no objects", "a head such as [yolo] or [region]", "Use classify")
        limits = Limits(thresh, nms, hier_thresh)
        wanted = None if classes is None else self._class_numbers(classes)
        outputs = self.outputs_for_answers(batch, state=state)
        return self.detections_from(outputs, placements, limits, classes=wanted, best_class_only=best_class_only)

    def detections_from(
        self,
        outputs: list[np.ndarray],
        placements: Sequence[Placement],
        limits: Limits,
        *,
        classes: Sequence[int] | None = None,
        best_class_only: bool = False,
    ) -> list[Detections]:
        """The objects in pictures from :meth:`outputs_for_answers`, one answer a picture.

        ``limits`` are thresholds, ``classes`` numbers of classes; the rest as for :meth:`detect_prepared`.
        """
        self._require_finite(outputs, "boxes and probabilities")
        by_index = dict(zip(self.graph.heads, outputs, strict=True))
        return [
            detections_of(
                find_boxes(self.graph, by_index, image, placement, limits),
                placement.picture_width,
                placement.picture_height,
                self.names,
                classes=classes,
                best_class_only=best_class_only,
            )
            for image, placement in zip(range(len(outputs[0])), placements, strict=True)
        ]

    def _class_numbers(self, classes: Sequence[int | str]) -> list[int]:
        """The numbers of classes that are given by number or name; ValueError for those that there are not."""
        labels = class_labels(self.names, self.classes).tolist()
        numbers: list[int] = []
        for wanted in classes:
            same = [number for number, label in enumerate(labels) if wanted in (number, label)]
            if not same:
                found = f"no class {printable(wanted)} among the {len(labels)} of this network"
                raise ValueError(f"{found}. {did_you_mean(str(wanted), labels)}".strip())
            numbers += same
        return numbers

    def _require_finite(self, outputs: list[np.ndarray], expected: str) -> None:
        if not all(np.isfinite(output).all() for output in outputs):
            path = self.loaded.path if self.loaded else None
            remedy = "Check the weights: darknetpy check CFG WEIGHTS"
            raise WeightsError("the network's answer is not finite", expected, remedy, path=path)

    def _other_kind(self, found: str, expected: str, remedy: str) -> ConfigError:
        return ConfigError(found, expected, remedy, path=self.graph.cfg.path)
