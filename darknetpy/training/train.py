"""``darknetpy.train``: the whole training of a classifier from Python, the same as the command's."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType

from darknetpy.config.sections import Cfg
from darknetpy.errors import DarknetpyWarning, Findings, TrainingError
from darknetpy.evaluation.tally import Tally
from darknetpy.network import Network, load
from darknetpy.training.chart import Chart, can_draw
from darknetpy.training.checkpoints import Folder
from darknetpy.training.course import read_course
from darknetpy.training.early_stopping import EarlyStopping
from darknetpy.training.opening import AnyPath, Opened, Request, open_training
from darknetpy.training.progress import AnyCallback, Progress
from darknetpy.training.step import Figures


@dataclass(frozen=True)
class Trained:
    """What a training left behind.

    Attributes:
        cfg, names, dialect: of the network.
        folder: where its files are; ``folder.weights("best")`` is the path of one.
        iteration, pictures: where the training ended; pictures seen until then.
        figures: of the last iteration; None where there was nothing left to do.
        accuracy: the best in the validation, 0 to 1; None without a validation.
        validation: what the last validation in this run counted; None where there was none.
    """

    cfg: AnyPath | Cfg
    names: tuple[str, ...]
    dialect: str
    folder: Folder
    iteration: int
    pictures: int
    figures: Figures | None
    accuracy: float | None
    validation: Tally | None

    @property
    def final(self) -> Path:
        """The weights at the end."""
        return self.folder.weights("final")

    @property
    def best(self) -> Path | None:
        """The weights with the best accuracy in the validation; None without one."""
        path = self.folder.weights("best")
        return path if self.accuracy is not None and path.exists() else None

    @cached_property
    def network(self) -> Network:
        """The network with its final weights, loaded when it is first asked for."""
        return load(self.cfg, self.final, names=self.names, dialect=self.dialect)


def train(
    cfg: AnyPath | Cfg,
    data: AnyPath,
    weights: AnyPath | None = None,
    *,
    callbacks: Sequence[AnyCallback] = (),
    clear: bool = False,
    backup: AnyPath | None = None,
    resume: bool = False,
    seed: int | None = None,
    iterations: int | None = None,
    validation: float | None = None,
    validate_every: int | None = None,
    augmentation: bool | None = None,
    optimizer: str | None = None,
    l1: float | None = None,
    input_noise: float | None = None,
    allow_damaged: bool | None = None,
    dialect: str | None = None,
    early_stopping: EarlyStopping | None = None,
    threads: int | None = None,
    save_every: int | None = None,
    save_last_every: int | None = None,
    strict: bool = False,
    chart: bool = False,
) -> Trained:
    """Train a classifier with pictures, as the command ``darknetpy train`` does.

    All options mean what they mean there, see :class:`~darknetpy.training.opening.Request`. What comes up on the way,
    such as a picture that cannot be read, is a Python warning. A training that is interrupted, even by the end of the
    process, goes on with ``resume=True`` from what was saved last, and ends with the same weights.

    Args:
        cfg: path of a .cfg file, the name of a network that we ship, or a ``Cfg`` from ``read_cfg``.
        data: a .data file, or a folder with a folder of pictures for each class.
        weights: to begin with.
        callbacks: functions, or objects of :class:`~darknetpy.training.progress.Callback`, that are called with a
            :class:`~darknetpy.training.progress.Progress` after each iteration. One that returns True ends the training
            there, with its final weights; what one raises goes to the caller when all until then is saved.
        chart: draw loss and accuracy while it trains, to ``trained.folder.file("chart.png")``. Needs matplotlib.

    Raises:
        DarknetpyError: of the class that fits, when cfg, data, weights or options cannot be used, or do not fit each
        other. TrainingError: numbers are no numbers any more; the state before that is saved. KeyboardInterrupt: after
        Ctrl-C, when the iteration under way has come to its end and all is saved.

    >>> def tell(progress):
    ...     if progress.validation is not None:
    ...         print(progress.figures.iteration, progress.validation.accuracy)
    >>> trained = darknetpy.train("my.cfg", "animals", validation=0.1, callbacks=[tell])  # doctest: +SKIP
    >>> trained.network.classify("cat.jpg")[0].label  # doctest: +SKIP
    'cat'
    """
    request = Request(
        cfg=cfg, data=data, weights=weights, callbacks=tuple(callbacks), clear=clear, backup=backup, resume=resume,
        seed=seed, iterations=iterations, validation=validation, validate_every=validate_every,
        augmentation=augmentation, optimizer=optimizer, l1=l1, input_noise=input_noise, dialect=dialect,
        early_stopping=early_stopping, threads=threads, save_every=save_every, save_last_every=save_last_every,
        strict=strict, allow_damaged=allow_damaged,
    )  # fmt: skip
    if chart and not can_draw():
        raise TrainingError("chart=True needs matplotlib", remedy="pip install matplotlib")
    findings = Findings(strict=strict)
    try:
        opened = open_training(request, findings, _warn)
    finally:
        for warning in findings.warnings:
            warnings.warn(warning, stacklevel=2)
    with opened, _drawn(opened) if chart else nullcontext(_nowhere) as draw:
        return _trained(opened, cfg, draw)


def _trained(opened: Opened, cfg: AnyPath | Cfg, draw: Callable[[Progress], None]) -> Trained:
    figures, validation, loop = None, None, opened.loop
    with _interrupts() as noted:
        for progress in loop.iterations():
            figures, validation = progress.figures, progress.validation or validation
            draw(progress)
            if noted:
                loop.save_last()
                raise KeyboardInterrupt
    return Trained(
        cfg, opened.dataset.names, loop.graph.dialect.name, opened.folder, loop.training.iteration,
        loop.training.pictures, figures, loop.best, validation,
    )  # fmt: skip


@contextmanager
def _drawn(opened: Opened) -> Iterator[Callable[[Progress], None]]:
    """What draws the chart again from time to time, and once more at the end."""
    path = opened.folder.file("chart.png")
    course = read_course(opened.folder.file("metrics.csv"), until=opened.loop.training.iteration)
    chart = Chart(path, opened.folder.base, opened.loop.last, _warn)

    def draw(progress: Progress) -> None:
        course.follow(progress)
        chart.follow(course)

    try:
        yield draw
    finally:
        chart.finish(course)


def _nowhere(progress: Progress) -> None:
    """Draws nothing."""


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """While this lasts, the first Ctrl-C is only noted, for the iteration to come to its end; the second one counts.

    Only the main thread can ask for that; elsewhere nothing changes.
    """
    noted: list[int] = []

    def take(number: int, frame: FrameType | None) -> None:
        if noted:
            raise KeyboardInterrupt
        noted.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGINT, take)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _warn(warning: DarknetpyWarning) -> None:
    """Also from the threads that read pictures."""
    warnings.warn(warning, stacklevel=2)
