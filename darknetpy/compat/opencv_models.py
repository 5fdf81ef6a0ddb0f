"""cv2.dnn.Model, DetectionModel and ClassificationModel: from a picture to the answer in one call."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import NoReturn, Self

import numpy as np

from darknetpy.compat.opencv_arguments import Scalar, Size, read_scalar, read_size
from darknetpy.compat.opencv_blobs import (
    DNN_PMODE_CROP_CENTER,
    DNN_PMODE_NULL,
    Image2BlobParams,
    Picture,
    blobFromImageWithParams,
)
from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_heads import BESIDES_CLASSES
from darknetpy.compat.opencv_net import Net
from darknetpy.compat.opencv_readers import Source, readNet
from darknetpy.compat.opencv_suppression import suppressed
from darknetpy.errors import did_you_mean, printable
from darknetpy.layers.parts.softmax import softmax

LARGEST_PIXEL = 2**30
Detected = tuple[np.ndarray | tuple[()], np.ndarray | tuple[()], np.ndarray | tuple[()]]


class Model:
    """A network and how pictures are made its input. Setters give the model back, so that they can be chained."""

    def __init__(self, model: Net | Source, config: Source = "") -> None:
        self._net = model if isinstance(model, Net) else readNet(model, config)
        self._names = self._net.getUnconnectedOutLayersNames()
        self._params = Image2BlobParams()

    def __getattr__(self, name: str) -> NoReturn:
        known = [known for known in dir(type(self)) if not known.startswith("_")]
        hint = did_you_mean(name, known) or f"There are: {', '.join(known)}"
        raise AttributeError(f"darknetpy's cv2.dnn.{type(self).__name__} has no {printable(name)}. {hint}")

    def setInputParams(
        self,
        scale: float = 1.0,
        size: Size = (0, 0),
        mean: Scalar = (0.0, 0.0, 0.0, 0.0),
        swapRB: bool = False,
        crop: bool = False,
    ) -> None:
        """How pictures become input: see `blobFromImage`."""
        self.setInputScale(scale).setInputSize(size).setInputMean(mean).setInputSwapRB(swapRB).setInputCrop(crop)

    def setInputSize(self, size: Size | int, height: int | None = None) -> Self:
        """(width, height) of the network's input, as one or as two arguments."""
        self._params.size = read_size((size, height) if isinstance(size, Integral) else size)  # type: ignore[arg-type]
        return self

    def setInputScale(self, scale: Scalar) -> Self:
        """The factor on values: one number, or one a channel."""
        factors = read_scalar(scale, "scale")
        self._params.scalefactor = factors if any(factors[1:]) else (factors[0],) * 4
        return self

    def setInputMean(self, mean: Scalar) -> Self:
        """What is taken from values before: one number a channel."""
        self._params.mean = read_scalar(mean, "mean")
        return self

    def setInputSwapRB(self, swapRB: bool) -> Self:
        """Whether the first and the third channel are exchanged."""
        self._params.swapRB = swapRB
        return self

    def setInputCrop(self, crop: bool) -> Self:
        """Whether the middle of the picture is taken instead of stretching it."""
        self._params.paddingmode = DNN_PMODE_CROP_CENTER if crop else DNN_PMODE_NULL
        return self

    def setOutputNames(self, outNames: Sequence[str]) -> Self:
        """The layers whose outputs are wanted."""
        self._names = tuple(outNames)
        return self

    def setPreferableBackend(self, backendId: int) -> Self:
        """As `Net.setPreferableBackend`."""
        self._net.setPreferableBackend(backendId)
        return self

    def setPreferableTarget(self, targetId: int) -> Self:
        """As `Net.setPreferableTarget`."""
        self._net.setPreferableTarget(targetId)
        return self

    def enableWinograd(self, useWinograd: bool) -> Self:
        """As `Net.enableWinograd`."""
        self._net.enableWinograd(useWinograd)
        return self

    def predict(self, frame: Picture) -> tuple[np.ndarray, ...]:
        """The network's outputs for a picture (h, w, 3). Raises `error` where no input size has been set."""
        if read_size(self._params.size) == (0, 0):
            raise error("no input size", "a width and a height", "Call setInputSize or setInputParams first")
        self._net.setInput(blobFromImageWithParams(frame, self._params))
        outputs: tuple[np.ndarray, ...] = self._net.forward(self._names)
        return outputs


class ClassificationModel(Model):
    """A classifier: `classify` gives the likeliest class."""

    def __init__(self, model: Net | Source, config: Source = "") -> None:
        super().__init__(model, config)
        self._softmax = False

    def setEnableSoftmaxPostProcessing(self, enable: bool) -> Self:
        """Whether a softmax is computed over the output, for networks that do not end with one."""
        self._softmax = enable
        return self

    def getEnableSoftmaxPostProcessing(self) -> bool:
        """Whether it is."""
        return self._softmax

    def classify(self, frame: Picture) -> tuple[int, float]:
        """The number of the class with the highest value, and the value."""
        values = self.predict(frame)[0].ravel()
        if self._softmax:
            values = softmax(values, axis=0)
        best = int(values.argmax())
        return best, float(values[best])


class DetectionModel(Model):
    """A detector: `detect` gives classes, confidences and boxes in pixels of the picture."""

    def __init__(self, model: Net | Source, config: Source = "") -> None:
        super().__init__(model, config)
        self._net.leave_boxes_in()
        self._across = False

    def setNmsAcrossClasses(self, value: bool) -> Self:
        """Whether boxes of different classes suppress each other."""
        self._across = value
        return self

    def getNmsAcrossClasses(self) -> bool:
        """Whether they do."""
        return self._across

    def detect(self, frame: Picture, confThreshold: float = 0.5, nmsThreshold: float = 0.0) -> Detected:
        """Find objects.

        Args:
            frame: (h, w, 3) array.
            confThreshold: the least confidence of a box's best class.
            nmsThreshold: boxes fall when they overlap a better one by more than this; 0 keeps all.

        Returns:
            Class numbers (n,) int32, confidences (n,) float32, boxes (n, 4) int32 as (left, top, width, height) within
            the picture; class by class, the best first. Three empty tuples where nothing is found.

        Raises:
            error: no input size has been set, or the network's last layer is no [yolo] or [region].
        """
        outputs = self.predict(frame)
        kinds = {self._net.getLayer(name).type for name in self._names}
        if kinds != {"Region"}:
            expected = "one that ends with [yolo] or [region]"
            raise error(f"a network whose outputs are {', '.join(sorted(kinds))}", expected, "See Net.forward")
        assert frame is not None  # or predict would have refused it
        rows = np.concatenate([output.reshape(-1, output.shape[-1]) for output in outputs])
        classes, confidences, boxes = _candidates(rows, frame.shape[1], frame.shape[0], confThreshold)
        kept = self._suppressed(classes, confidences, boxes, confThreshold, nmsThreshold)
        return (classes[kept], confidences[kept], boxes[kept]) if kept else ((), (), ())

    def _suppressed(
        self, classes: np.ndarray, confidences: np.ndarray, boxes: np.ndarray, conf_threshold: float, threshold: float
    ) -> list[int]:
        if not threshold:
            return list(range(len(classes)))
        rectangles = boxes.astype(np.float64)
        if self._across:
            return suppressed(rectangles, confidences, conf_threshold, threshold)
        kept: list[int] = []
        for number in np.unique(classes):
            (own,) = np.nonzero(classes == number)
            kept += own[suppressed(rectangles[own], confidences[own], conf_threshold, threshold)].tolist()
        return kept


def _candidates(
    rows: np.ndarray, width: int, height: int, threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best class, its confidence and box in whole pixels, of the rows that reach the threshold."""
    scores = rows[:, BESIDES_CLASSES:]
    rows = rows[~(scores.max(axis=1) < np.float32(threshold))]
    scores = rows[:, BESIDES_CLASSES:]
    classes = scores.argmax(axis=1).astype(np.int32)
    sides = np.array([width, height], np.float32)
    pixels = np.clip(rows[:, :4] * np.tile(sides, 2), -LARGEST_PIXEL, LARGEST_PIXEL).astype(np.int32)
    centre, size = pixels[:, :2], pixels[:, 2:]
    limits = np.array([width, height], np.int32)
    corner = np.clip(centre - size // 2, 0, limits - 1)
    boxes = np.concatenate([corner, np.clip(size, 1, limits - corner)], axis=1)
    return classes, scores.max(axis=1, initial=0), boxes
