"""The training of a classifier from the first iteration to the last: pictures, updates, checkpoints, figures in files.

It knows no terminal: whoever runs it takes the iterations one by one and may stop behind any of them. A training that
was stopped, or killed, goes on from its last saved state and ends with the same weights as one that never was, on one
machine with one number of threads of NumPy's matrix products.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np

from darknetpy.errors import DarknetpyError, DarknetpyWarning
from darknetpy.evaluation.tally import Tally
from darknetpy.graph import Graph
from darknetpy.training.augment import Augmentation, Straight
from darknetpy.training.beginning import truths_of
from darknetpy.training.checkpoints import Folder, write_state
from darknetpy.training.dataset import Samples
from darknetpy.training.input_sizes import InputSizes
from darknetpy.training.loader import Batch, Loader, Loading
from darknetpy.training.metrics import Metrics
from darknetpy.training.mixing import kind_of
from darknetpy.training.noise import with_noise
from darknetpy.training.pictures import Report
from darknetpy.training.progress import AnyCallback, Callbacks, Kept, Progress, Round
from darknetpy.training.states import (
    CALLBACKS,
    NETWORK,
    TRAINING,
    another_batch,
    check_continuation,
    digest,
    fill_network,
    named,
    network_arrays,
    under,
)
from darknetpy.training.step import Figures, MiniBatch, Saved, Training, pictures_per_update
from darknetpy.training.updates import optimizer_of
from darknetpy.training.validation import Validation
from darknetpy.weights.writer import write_weights

FEWEST_BETWEEN_VALIDATIONS = 100
_AGAIN = "The training goes on, and tries again at the next checkpoint"
_ENDS = "The training ends; what was saved before is still there"
_SMOOTHING = 0.1  # how much of the time of an iteration goes into the estimate of what is left


@dataclass(frozen=True)
class Settings:
    """How to train, besides what the cfg says.

    Attributes:
        seed: of all that is random. augmentation: whether pictures are changed at random, as [net] says.
        threads: that read pictures, and that compute.
        skip_broken: leave out pictures that cannot be read, with a warning each; else the first one ends the training.
        allow_damaged: use what can be read of damaged pictures.
        cache_bytes: of decoded pictures that are kept; by default half of what is free.
        save_every, save_last_every: iterations between checkpoints.
        validate_every: iterations between validations; by default an epoch, but at least 100.
        optimizer: "sgd", "adam" or "adamw"; by default what [net] says.
        l1: pull of the weights to zero, the same for small ones and large ones.
        input_noise: standard deviation of noise that is added to the pictures, whose values are 0 to 1.
        top: among how many best answers the right one counts in the validation.
        worst: how many of the surest mistakes a validation keeps.
    """

    seed: int = 0
    augmentation: bool = True
    threads: int = 2
    skip_broken: bool = True
    allow_damaged: bool = False
    cache_bytes: int | None = None
    save_every: int = 1000
    save_last_every: int = 100
    validate_every: int | None = None
    optimizer: str | None = None
    l1: float = 0.0
    input_noise: float = 0.0
    top: int = 5
    worst: int = 40


class Loop:
    """A training under way. The arrays of ``graph`` change in place.

    Args:
        graph: made with ``training=True``, with weights; see :func:`~darknetpy.training.beginning.check_classifier`.
        training: the pictures to learn from. validation: others, to see what was learnt.
        folder: where the checkpoints go.
        report: is told of pictures that are left out and of checkpoints that could not be written.
        remembered: what the caller wants to find in saved states under that name; JSON must know it.
        callbacks: are told of each iteration, see :class:`~darknetpy.training.progress.Callback`.
        names: of the classes, for what validations say.

    ``fed`` may be set to a function that is shown the pictures and the truths of each mini-batch before it is computed.

    >>> with Loop(graph, samples, None, folder, Settings()) as loop:  # doctest: +SKIP
    ...     for progress in loop.iterations():
    ...         print(progress.figures.loss)
    """

    def __init__(
        self, graph: Graph, training: Samples, validation: Samples | None, folder: Folder, settings: Settings, *,
        report: Report = lambda warning: None, remembered: Mapping[str, Any] | None = None,
        callbacks: tuple[AnyCallback, ...] = (), names: tuple[str, ...] | None = None,
    ) -> None:  # fmt: skip
        net = graph.net
        self.graph, self.folder, self.settings, self._report = graph, folder, settings, report
        self._remembered = dict(remembered or {})
        self.fed: Callable[[np.ndarray, np.ndarray], None] = lambda pictures, truths: None
        self.training = Training(
            graph, seed=settings.seed, optimizer=optimizer_of(net, settings.optimizer), l1=settings.l1,
            threads=settings.threads,
        )  # fmt: skip
        self._callbacks, self._round = Callbacks(callbacks), Round()
        self._callbacks.check(validation is not None)
        self.best: float | None = None
        self.saved_iteration: int | None = None
        self._facts = {"seed": settings.seed, "augmentation": settings.augmentation, "pictures": digest(training)}
        channels, height, width = graph.input_shape
        sizes, kind = InputSizes(graph, settings.seed), Augmentation if settings.augmentation else Straight
        mixing = kind_of(net.mixup, net.cutmix, net.mosaic) if settings.augmentation else 0
        loading = Loading(
            kind.of(net, width, height), channels, mixing, threads=settings.threads, skip_broken=settings.skip_broken,
            cache_bytes=settings.cache_bytes, allow_damaged=settings.allow_damaged,
            augmentation_of=(lambda number: kind.of(net, *sizes.at(number))) if sizes.are_several else None,
        )  # fmt: skip
        batch, at_once = pictures_per_update(net), max(net.batch // net.subdivisions, 1)
        truths = truths_of(training, graph)
        self._loader = Loader(training, truths, loading, batch=batch, seed=settings.seed, report=report)
        self._place = self._loader.state
        self._validation = (
            None
            if validation is None
            else Validation(
                validation,
                at_once=at_once,
                threads=settings.threads,
                report=report,
                names=names,
                top=settings.top,
                worst=settings.worst,
                skip_broken=settings.skip_broken,
                allow_damaged=settings.allow_damaged,
            )
        )
        self._period = settings.validate_every or max(FEWEST_BETWEEN_VALIDATIONS, -(-len(training) // batch))
        self._seconds: float | None = None  # of an iteration, smoothed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._loader.close()

    @property
    def batch(self) -> int:
        """Pictures in an iteration."""
        return self._loader.batch

    @property
    def last(self) -> int:
        """The iteration that ends the training."""
        return int(self.graph.net.max_batches)

    def resume(self, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Go on from a state of :func:`~darknetpy.training.checkpoints.read_state`, before the first iteration.

        Raises TrainingError where it is not of this network, these pictures and settings, or lies behind the end.
        """
        check_continuation(about, self._facts, self.last, self.folder)
        warning = another_batch(about, self.batch, self.folder)
        if warning is not None:
            self._report(warning)
        fill_network(self.graph, under(NETWORK, arrays), self.folder.state)
        self.training.restore(Saved(under(TRAINING, arrays), about["training"]))
        self._callbacks.take(Kept(about["callbacks"], under(CALLBACKS, arrays)))
        self._round.restore(about["round"])
        self._loader.go_to(about["loader"])
        self._place, self.best = about["loader"], about["best"]
        self.saved_iteration = self.training.iteration

    def iterations(self) -> Generator[Progress, None, None]:
        """Train to the end, an iteration each time the next one is asked for; then the final weights are written.

        Call `save_last` after stopping early. Raises TrainingError where numbers are no numbers any more, ImageError
        or DataError where pictures cannot be read, and what callbacks raise; all until then is saved.
        """
        metrics = Metrics(self.folder, self.training.iteration, self._report)
        try:
            if not self._ended and self.saved_iteration is None:
                self._save_state()  # so that a training can be resumed from its very beginning
            batches = self._loader.batches(self.training.iteration)
            while not self._ended:
                begun = time.perf_counter()
                figures = self._trained(batches)
                seconds = time.perf_counter() - begun
                progress = self._progress(figures, seconds, *self._validated())
                self._try(self._restore_folder)
                metrics.add(_row(progress, seconds))
                ends = self._told(progress)
                self._save_when_due()
                yield progress
                if ends:
                    break
            self._end()
        finally:
            metrics.close()

    @property
    def _ended(self) -> bool:
        return self.training.iteration >= self.last or self._callbacks.stopped

    def _end(self) -> None:
        self._callbacks.at_end(self.graph)
        self._write_last()
        self._write("final")

    def save_last(self) -> None:
        """Write the last weights and the state to go on from. Raises TrainingError or WeightsError."""
        if self.saved_iteration != self.training.iteration or not self.folder.weights("last").exists():
            self._write_last()

    # ---- one iteration ----

    def _trained(self, batches: Iterator[Batch]) -> Figures:
        """One iteration; where it fails, the network is that of the iteration before, and is saved."""
        random = self.training.streams.state()
        try:
            batch = next(batches)
            figures = self.training.step(self._mini_batches(batch))
        except DarknetpyError:
            self.training.streams.restore(random)
            self._try(self.save_last, _ENDS)
            raise
        self._place = batch.state
        self._round.add(figures)
        return figures

    def _told(self, progress: Progress) -> bool:
        """Whether a callback ends the training. Where one fails, all until then is saved."""
        try:
            return self._callbacks.call(progress)
        except Exception:
            self._try(self.save_last, _ENDS)
            raise

    def _mini_batches(self, batch: Batch) -> Iterator[MiniBatch]:
        count = len(batch.pictures) // self.graph.net.subdivisions or 1
        pictures, noise = batch.pictures, self.settings.input_noise
        if noise:
            pictures = with_noise(pictures, noise, self.training.streams["input noise"])
        for first in range(0, len(pictures), count):
            mini_batch = pictures[first : first + count], batch.truths[first : first + count]
            self.fed(*mini_batch)
            yield mini_batch

    def _validated(self) -> tuple[Tally | None, bool]:
        """What a validation says, where it is time for one, and whether none was better; such weights are saved."""
        iteration = self.training.iteration
        if self._validation is None or (iteration % self._period and iteration != self.last):
            return None, False
        tally = self._validation.tally(self.graph)
        is_best = self.best is None or tally.accuracy >= self.best
        if is_best and self._try(partial(self._write, "best")):
            self.best = tally.accuracy
        return tally, is_best

    def _progress(self, figures: Figures, seconds: float, validation: Tally | None, is_best: bool) -> Progress:
        before = seconds if self._seconds is None else self._seconds
        self._seconds = (1 - _SMOOTHING) * before + _SMOOTHING * seconds
        left = (self.last - figures.iteration) * self._seconds
        round_ends = figures.iteration % self._period == 0 or figures.iteration == self.last
        means = self._round.end(validation) if round_ends else None
        speed = self._loader.batch / max(seconds, 1e-9)
        return Progress(figures, speed, left, validation, is_best, means, self.graph)

    # ---- checkpoints ----

    def _save_when_due(self) -> None:
        iteration = self.training.iteration
        if iteration % self.settings.save_every == 0:
            self._try(partial(self._write, iteration))
        if iteration % self.settings.save_last_every == 0:
            self._try(self.save_last)

    def _try(self, save: Callable[[], None], remedy: str = _AGAIN) -> bool:
        """Whether a checkpoint could be written; one on the way that fails, on a full disk, does not end the training.

        The final one does.
        """
        try:
            save()
        except DarknetpyError as error:
            self._report(DarknetpyWarning(error.found, error.expected, remedy, path=error.path))
            return False
        return True

    def _restore_folder(self) -> None:
        if self.folder.restore():
            found, remedy = "the folder was emptied or removed", "What is saved from now on will be there again"
            self._report(DarknetpyWarning(found, "", remedy, path=self.folder.path))

    def _write(self, which: int | str) -> None:
        self._restore_folder()
        write_weights(self.folder.weights(which), self.graph, seen=self.training.pictures)

    def _write_last(self) -> None:
        self._write("last")
        averaged = self.training.averages.averaged()
        if averaged is not None:
            write_weights(self.folder.weights("ema"), averaged, seen=self.training.pictures)
        self._save_state()

    def _save_state(self) -> None:
        self._restore_folder()
        saved, kept = self.training.state(), self._callbacks.kept()
        arrays = named(TRAINING, saved.arrays) | named(NETWORK, network_arrays(self.graph))
        about = {
            "training": saved.facts,
            "loader": self._place,
            "best": self.best,
            "round": self._round.state(),
            "callbacks": kept.facts,
            "settings": self._facts,
            "remembered": self._remembered,
        }
        write_state(self.folder.state, about, arrays | named(CALLBACKS, kept.arrays))
        self.saved_iteration = self.training.iteration


def _row(progress: Progress, seconds: float) -> dict[str, Any]:
    figures, validation = progress.figures, progress.validation
    return {
        "iteration": figures.iteration,
        "pictures": figures.pictures,
        "loss": figures.loss,
        "average": figures.average,
        "rate": figures.rate,
        "seconds": round(seconds, 6),
        "accuracy": None if validation is None else validation.accuracy,
        "training_accuracy": figures.accuracy,
        "validation_loss": None if validation is None else validation.loss,
        "losses": figures.losses,
        "replaced": figures.replaced,
        **({} if validation is None else {f"top{validation.top}": validation.top_share}),
    }
