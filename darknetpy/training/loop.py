"""The training of a classifier from the first iteration to the last: pictures, updates, checkpoints, figures in files.

It knows no terminal: whoever runs it takes the iterations one by one and may stop behind any of them. A training that
was stopped, or killed, goes on from its last saved state and ends with the same weights as one that never was, on one
machine with one number of threads of NumPy's matrix products.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from darknetpy.errors import DarknetpyError, DarknetpyWarning, TrainingError
from darknetpy.graph import Graph
from darknetpy.training.augment import Augmentation, Straight
from darknetpy.training.beginning import truths_of
from darknetpy.training.checkpoints import Folder, write_state
from darknetpy.training.dataset import Samples
from darknetpy.training.loader import Batch, Loader, Loading, Report
from darknetpy.training.metrics import Metrics
from darknetpy.training.mixing import kind_of
from darknetpy.training.step import Figures, MiniBatch, Saved, Training, pictures_per_update
from darknetpy.training.validation import Accuracy, Validation
from darknetpy.weights.writer import write_weights

FEWEST_BETWEEN_VALIDATIONS = 100
_SMOOTHING = 0.1  # how much of the time of an iteration goes into the estimate of what is left
_NETWORK, _TRAINING = "network.", "training."


@dataclass(frozen=True)
class Settings:
    """How to train, besides what the cfg says.

    Attributes:
        seed: of all that is random. augmentation: whether pictures are changed at random, as [net] says.
        threads: that read pictures. save_every, save_last_every: iterations between checkpoints.
    """

    seed: int = 0
    augmentation: bool = True
    threads: int = 2
    save_every: int = 1000
    save_last_every: int = 100


class Progress(NamedTuple):
    """What there is to say after an iteration: its figures, and where the network was validated its accuracy."""

    figures: Figures
    pictures_per_second: float
    seconds_left: float
    accuracy: Accuracy | None
    is_best: bool


class Loop:
    """A training under way. The arrays of ``graph`` change in place.

    Args:
        graph: made with ``training=True``, with weights; see :func:`~darknetpy.training.beginning.check_classifier`.
        training: the pictures to learn from. validation: others, to see what was learnt.
        folder: where the checkpoints go.
        report: is told of pictures that are left out and of checkpoints that could not be written.
        remembered: what the caller wants to find in saved states under that name; JSON must know it.

    >>> with Loop(graph, samples, None, folder, Settings()) as loop:  # doctest: +SKIP
    ...     for progress in loop.iterations():
    ...         print(progress.figures.loss)
    """

    def __init__(
        self, graph: Graph, training: Samples, validation: Samples | None, folder: Folder, settings: Settings, *,
        report: Report = lambda warning: None, remembered: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        net = graph.net
        self.graph, self.folder, self.settings, self._report = graph, folder, settings, report
        self._remembered = dict(remembered or {})
        self.training = Training(graph, seed=settings.seed)
        self.best: float | None = None
        self.saved_iteration: int | None = None
        self._facts = {"seed": settings.seed, "augmentation": settings.augmentation, "pictures": digest(training)}
        channels, height, width = graph.input_shape
        augmentation = (Augmentation if settings.augmentation else Straight).of(net, width, height)
        mixing = kind_of(net.mixup, net.cutmix, net.mosaic) if settings.augmentation else 0
        loading = Loading(augmentation, channels, mixing, threads=settings.threads)
        batch, at_once = pictures_per_update(net), max(net.batch // net.subdivisions, 1)
        truths = truths_of(training, graph)
        self._loader = Loader(training, truths, loading, batch=batch, seed=settings.seed, report=report)
        self._place = self._loader.state
        self._validation = (
            None
            if validation is None
            else Validation(validation, at_once=at_once, threads=settings.threads, report=report)
        )
        self._period = max(FEWEST_BETWEEN_VALIDATIONS, -(-len(training) // batch))
        self._seconds: float | None = None  # of an iteration, smoothed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._loader.close()

    @property
    def last(self) -> int:
        """The iteration that ends the training."""
        return int(self.graph.net.max_batches)

    def resume(self, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Go on from a state of :func:`~darknetpy.training.checkpoints.read_state`, before the first iteration.

        Raises TrainingError where it is not of this network, these pictures and settings, or lies behind the end.
        """
        path = self.folder.state
        for name, value in self._facts.items():
            if about["settings"][name] != value:
                what = f"another {name}" if name != "pictures" else "other training pictures"
                remedy = f"Go on with those, or begin anew from {self.folder.weights('last').name}"
                raise TrainingError(f"the saved training has {what}", "the same as now", remedy, path=path)
        if about["training"]["iteration"] > self.last:
            found = f"the saved training is at iteration {about['training']['iteration']}"
            remedy = "Ask for more iterations"
            raise TrainingError(found, f"at most max_batches={self.last}", remedy, path=path)
        own = {f"{_NETWORK}{node.index}.{a.name}": (node, a) for node in self.graph.nodes for a in node.arrays}
        saved = {name: array for name, array in arrays.items() if name.startswith(_NETWORK)}
        if {name: array.shape for name, array in saved.items()} != {name: a.shape for name, (_, a) in own.items()}:
            remedy = "Go on with the cfg that it began with, or begin anew"
            raise TrainingError("the saved training is of another network", "the same layers", remedy, path=path)
        for name, (node, array) in own.items():
            node.weights[array.name] = saved[name]
        rest = {name.removeprefix(_TRAINING): array for name, array in arrays.items() if name.startswith(_TRAINING)}
        self.training.restore(Saved(rest, about["training"]))
        self._loader.go_to(about["loader"])
        self._place, self.best = about["loader"], about["best"]
        self.saved_iteration = self.training.iteration

    def iterations(self) -> Generator[Progress, None, None]:
        """Train to the end, an iteration each time the next one is asked for; then the final weights are written.

        Call `save_last` after stopping early. Raises TrainingError where numbers are no numbers any more: what was
        saved last stays as it is then. ImageError, DataError: pictures cannot be read; all until then is saved.
        """
        metrics = Metrics(self.folder, self.training.iteration, self._report)
        try:
            if self.training.iteration < self.last and self.saved_iteration is None:
                self._save_state()  # so that a training can be resumed from its very beginning
            batches = self._loader.batches()
            while self.training.iteration < self.last:
                begun = time.perf_counter()
                batch = self._next(batches)
                figures = self.training.step(self._mini_batches(batch))
                self._place = batch.state
                seconds = time.perf_counter() - begun
                progress = self._progress(figures, seconds, *self._validated())
                metrics.add(_row(progress, seconds))
                self._save_when_due()
                yield progress
            self.save_last()
            self._write("final")
        finally:
            metrics.close()

    def save_last(self) -> None:
        """Write the last weights and the state to go on from. Raises TrainingError or WeightsError."""
        if self.saved_iteration != self.training.iteration or not self.folder.weights("last").exists():
            self._write("last")
            self._save_state()

    # ---- one iteration ----

    def _next(self, batches: Iterator[Batch]) -> Batch:
        try:
            return next(batches)
        except DarknetpyError:
            self.save_last()
            raise

    def _mini_batches(self, batch: Batch) -> Iterator[MiniBatch]:
        count = len(batch.pictures) // self.graph.net.subdivisions or 1
        for first in range(0, len(batch.pictures), count):
            yield batch.pictures[first : first + count], batch.truths[first : first + count]

    def _validated(self) -> tuple[Accuracy | None, bool]:
        """The accuracy, where it is time for it, and whether none was better; such weights are saved."""
        iteration = self.training.iteration
        if self._validation is None or (iteration % self._period and iteration != self.last):
            return None, False
        accuracy = self._validation.accuracy(self.graph)
        is_best = self.best is None or accuracy.share >= self.best
        if is_best and self._try(partial(self._write, "best")):
            self.best = accuracy.share
        return accuracy, is_best

    def _progress(self, figures: Figures, seconds: float, accuracy: Accuracy | None, is_best: bool) -> Progress:
        before = seconds if self._seconds is None else self._seconds
        self._seconds = (1 - _SMOOTHING) * before + _SMOOTHING * seconds
        left = (self.last - figures.iteration) * self._seconds
        return Progress(figures, self._loader.batch / max(seconds, 1e-9), left, accuracy, is_best)

    # ---- checkpoints ----

    def _save_when_due(self) -> None:
        iteration = self.training.iteration
        if iteration % self.settings.save_every == 0:
            self._try(partial(self._write, iteration))
        if iteration % self.settings.save_last_every == 0:
            self._try(self.save_last)

    def _try(self, save: Callable[[], None]) -> bool:
        """Whether a checkpoint could be written; one on the way that fails, on a full disk, does not end the training.

        The final one does.
        """
        try:
            save()
        except DarknetpyError as error:
            remedy = "The training goes on, and tries again at the next checkpoint"
            self._report(DarknetpyWarning(error.found, error.expected, remedy, path=error.path))
            return False
        return True

    def _write(self, which: int | str) -> None:
        write_weights(self.folder.weights(which), self.graph, seen=self.training.pictures)

    def _save_state(self) -> None:
        saved = self.training.state()
        arrays = {f"{_TRAINING}{name}": array for name, array in saved.arrays.items()}
        for node in self.graph.nodes:
            arrays |= {f"{_NETWORK}{node.index}.{array.name}": node.weights[array.name] for array in node.arrays}
        about = {
            "training": saved.facts,
            "loader": self._place,
            "best": self.best,
            "settings": self._facts,
            "remembered": self._remembered,
        }
        write_state(self.folder.state, about, arrays)
        self.saved_iteration = self.training.iteration


def digest(samples: Samples) -> str:
    """A short text that tells lists of pictures apart, by their names and classes, wherever their folder is."""
    found = hashlib.sha256()
    for path, classes in zip(samples.paths, samples.classes, strict=True):
        found.update(f"{Path(path).name}\0{classes}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _row(progress: Progress, seconds: float) -> dict[str, Any]:
    figures, accuracy = progress.figures, progress.accuracy
    return {
        "iteration": figures.iteration,
        "pictures": figures.pictures,
        "loss": figures.loss,
        "average": figures.average,
        "rate": figures.rate,
        "seconds": round(seconds, 6),
        "accuracy": None if accuracy is None else accuracy.share,
        "losses": figures.losses,
        "replaced": figures.replaced,
    }
