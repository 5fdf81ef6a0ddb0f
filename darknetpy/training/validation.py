"""How good a network in training is, on pictures that it is not trained with."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

import numpy as np

from darknetpy.errors import DarknetpyWarning, DataError, Findings, ImageError, TrainingError, WeightsError
from darknetpy.evaluation.classifier import answers_to
from darknetpy.evaluation.losses import loss_of
from darknetpy.evaluation.tally import Tally
from darknetpy.graph import Graph
from darknetpy.images.ahead import apply_ahead
from darknetpy.images.decode import read_picture
from darknetpy.images.preprocess import prepare
from darknetpy.network import Network
from darknetpy.training.dataset import Samples
from darknetpy.training.pictures import Report, left_out

KEPT_BYTES = 512 << 20  # of prepared pictures


class _Prepared(NamedTuple):
    """Pictures (n, c, h, w) that are computed together, their classes and their paths."""

    pictures: np.ndarray
    classes: list[tuple[int, ...]]
    paths: list[str]


class Validation:
    """Asks a network what is in the middle of pictures, as Darknet does. The network runs on the engine.

    The first pictures, as many as fit into ``kept_bytes``, are read once only.

    Args:
        samples: the pictures; each has one or several right classes.
        at_once: pictures that are computed together.
        threads: that decode and compute.
        report: is told of pictures that cannot be read, which do not count, and of odd ones; once each.
        names: of the classes, for the tally.
        top, worst: see :class:`~darknetpy.evaluation.tally.Tally`.
        kept_bytes: of prepared pictures that are kept in memory from one validation to the next.
        skip_broken: leave out pictures that cannot be read; else the first one is an error, or that has something odd
            about it.
        allow_damaged: use what can be read of a damaged picture.

    >>> Validation(samples, at_once=64, threads=2, report=print).tally(graph).accuracy  # doctest: +SKIP
    0.917
    """

    def __init__(
        self, samples: Samples, *, at_once: int, threads: int, report: Report, names: Sequence[str] | None = None,
        top: int = 5, worst: int = 0, kept_bytes: int = KEPT_BYTES, skip_broken: bool = True,
        allow_damaged: bool = False,
    ) -> None:  # fmt: skip
        self._samples, self._names, self._at_once, self._threads = samples, names, at_once, threads
        self._report, self._top, self._worst = report, top, worst
        self._kept_bytes, self._skip_broken, self._allow_damaged = kept_bytes, skip_broken, allow_damaged
        self._kept: list[_Prepared] = []
        self._decoded_from = 0  # samples before it are kept
        self._input_shape: tuple[int, ...] = ()
        self._told: set[str] = set()

    def tally(self, graph: Graph) -> Tally:
        """What a network says, with the arrays that it has now.

        Raises ImageError or DataError where pictures cannot be read, and TrainingError where an answer is not finite.
        """
        network = Network(graph, None, None, [], threads=self._threads)  # a new one packs the weights of the moment
        names = self._names or [f"class_{number}" for number in range(graph.classes)]
        tally = Tally(names, top=self._top, worst=self._worst, losses=loss_of(graph))
        with closing(self._prepared(graph.input_shape)) as prepared:
            for some in prepared:
                try:
                    answers = answers_to(network, some.pictures)
                except WeightsError as error:
                    found, remedy = "an answer in the validation is not finite", "Lower the learning rate"
                    raise TrainingError(found, error.expected, remedy, path=graph.cfg.path) from None
                tally.add(answers, some.classes, some.paths)
        if not tally.count:
            raise DataError("no picture for validation can be read", "pictures", path=self._samples.paths[0])
        tally.skipped = len(self._samples) - tally.count
        return tally

    def _prepared(self, input_shape: tuple[int, ...]) -> Generator[_Prepared, None, None]:
        """All pictures; those in memory first."""
        if input_shape != self._input_shape:
            self._kept, self._decoded_from, self._input_shape = [], 0, input_shape
        yield from (kept for kept in self._kept if kept.paths)
        paths, classes, step = self._samples.paths, self._samples.classes, self._at_once
        parts = (Samples(paths[first : first + step], classes[first : first + step])
                 for first in range(self._decoded_from, len(paths), step))  # fmt: skip
        look = partial(_look, input_shape, skip_broken=self._skip_broken, allow_damaged=self._allow_damaged)
        keeping = True
        with closing(
            apply_ahead(parts, look, workers=self._threads, ahead=self._threads, name="darknetpy-validate")
        ) as looked_at:
            for prepared, odd in looked_at:
                self._tell(odd)
                size = sum(one.pictures.nbytes for one in (*self._kept, prepared))
                keeping = keeping and size <= self._kept_bytes
                if keeping:
                    self._kept.append(prepared)
                    self._decoded_from += step
                if prepared.paths:
                    yield prepared

    def _tell(self, odd: dict[str, list[DarknetpyWarning]]) -> None:
        for path, warnings in odd.items():
            for warning in warnings if path not in self._told else []:
                self._report(warning)
            self._told.add(path)


def _look(
    input_shape: tuple[int, ...], samples: Samples, *, skip_broken: bool, allow_damaged: bool
) -> tuple[_Prepared, dict[str, list[DarknetpyWarning]]]:
    """The middle of some pictures, as Darknet validates, and what is odd, by path; runs in worker threads."""
    channels, height, width = input_shape
    room = np.empty((len(samples), *input_shape), np.float32)
    good = _Prepared(room, [], [])
    odd: dict[str, list[DarknetpyWarning]] = {}
    for path, classes in zip(samples.paths, samples.classes, strict=True):
        findings = Findings(strict=not skip_broken)
        try:
            picture = read_picture(path, channels=channels, allow_damaged=allow_damaged, findings=findings)
        except ImageError as error:
            if not skip_broken:
                raise
            odd[path] = [left_out(error, "It does not count in the validation")]
            continue
        prepare(picture, width, height, "crop", room[len(good.paths)])
        good.classes.append(classes)
        good.paths.append(path)
        if findings.warnings:
            odd[path] = findings.warnings
    return good._replace(pictures=room[: len(good.paths)]), odd
