"""How often a network in training is right, on pictures that it is not trained with."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import NamedTuple

import numpy as np

from darknetpy.errors import DarknetpyWarning, DataError, ImageError
from darknetpy.graph import Graph
from darknetpy.images.ahead import decode_ahead
from darknetpy.images.decode import read_picture
from darknetpy.images.preprocess import prepare
from darknetpy.training.dataset import Samples
from darknetpy.training.loader import Report


class Accuracy(NamedTuple):
    """How many pictures were looked at, and of how many the best answer was right."""

    right: int
    pictures: int

    @property
    def share(self) -> float:
        """The part that was right."""
        return self.right / self.pictures


class Validation:
    """Asks a network, by the plain forms of its layers, what is in the middle of pictures, as Darknet does.

    Args:
        samples: the pictures; each has one or several right classes.
        at_once: pictures that are computed together.
        threads: that decode.
        report: is told of pictures that cannot be read; they do not count.
    """

    def __init__(self, samples: Samples, *, at_once: int, threads: int, report: Report) -> None:
        self._samples, self._at_once, self._threads, self._report = samples, at_once, threads, report

    def accuracy(self, graph: Graph) -> Accuracy:
        """That of a network for pictures, with the arrays that it has now. DataError if no picture can be read."""
        channels, height, width = graph.input_shape

        def look(path: str) -> np.ndarray:
            return prepare(read_picture(path, channels=channels), width, height, "crop")

        right = pictures = 0
        paths = decode_ahead(self._samples.paths, look, workers=self._threads, ahead=2 * self._at_once)
        with closing(paths) as decoded:
            looked_at = zip(decoded, self._samples.classes, strict=True)
            while some := list(islice(looked_at, self._at_once)):
                good = [(picture, classes) for (_, result), classes in some for picture in self._readable(result)]
                if good:
                    answers = graph.run(np.stack([picture for picture, _ in good]))[graph.output_index]
                    best = answers.reshape(len(good), -1).argmax(axis=1).tolist()
                    right += sum(answer in classes for answer, (_, classes) in zip(best, good, strict=True))
                    pictures += len(good)
        if not pictures:
            raise DataError("no picture for validation can be read", "pictures", path=self._samples.paths[0])
        return Accuracy(right, pictures)

    def _readable(self, result: np.ndarray | ImageError) -> list[np.ndarray]:
        """The picture, or none, with a warning, where it cannot be read."""
        if not isinstance(result, ImageError):
            return [result]
        self._report(DarknetpyWarning(str(result).rstrip("."), "", "It does not count in the validation"))
        return []
