"""From a cfg, pictures and what somebody asks for to a training that is ready for its next iteration.

The command and :func:`darknetpy.train` both come through here. Whatever can be known to be wrong is an error here,
before the first iteration.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from darknetpy.config.data_file import read_data
from darknetpy.config.sections import Cfg, read_cfg
from darknetpy.config.shipped import find_cfg, find_weights
from darknetpy.dialect import dialect_named
from darknetpy.engine.threads import available_cores
from darknetpy.errors import DarknetpyWarning, DataError, Findings, TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.beginning import (
    by_nodes,
    check_classifier,
    check_memory,
    memory_estimate,
    read_what_fits,
    with_net_options,
)
from darknetpy.training.checkpoints import Folder, base_name, read_state
from darknetpy.training.dataset import Dataset, Samples, read_dataset
from darknetpy.training.early_stopping import EarlyStopping
from darknetpy.training.input_sizes import InputSizes
from darknetpy.training.loader import Report
from darknetpy.training.loop import Loop, Settings
from darknetpy.training.pictures import room_for_pictures
from darknetpy.training.progress import AnyCallback
from darknetpy.training.updates import optimizer_of
from darknetpy.weights.layout import VALUE_BYTES
from darknetpy.weights.reader import LoadReport

BACKUP = "backup"
AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to train, and how. Where it is None: as the training that is resumed, else the value in brackets.

    Attributes:
        cfg: path of a .cfg file, name of a shipped network, or a :class:`~darknetpy.config.sections.Cfg`.
        data: a .data file, or a folder with a folder of pictures for each class.
        weights: to begin with, of all layers or of the first ones; "clear" counts iterations from 0 whatever they have
            seen.
        backup: folder of the checkpoints [``backup=`` of the .data file, else "backup"].
        resume: go on from the last state in that folder.
        seed: of all that is random [0].
        iterations: how many in all [``max_batches`` of the cfg].
        validation: part of the pictures kept back for validation [0].
        validate_every: iterations between validations [an epoch, but at least 100].
        augmentation: whether pictures are changed at random, as [net] says [yes].
        optimizer: "sgd", "adam" or "adamw" [what [net] says].
        l1: pull of the weights to zero, the same for small and large ones; that in proportion to them is ``decay`` of
            the cfg [0].
        input_noise: standard deviation of noise added to the pictures, whose values are 0 to 1 [0].
        allow_damaged: use what can be read of damaged pictures [no].
        dialect: "alexeyab" or "pjreddie" ["alexeyab"].
        early_stopping: ends the training where nothing becomes better any more [none].
        threads: that read pictures, and that compute [one a core].
        save_every, save_last_every: iterations between checkpoints that stay, and between those that are replaced
            [1000 and 100, or what the .data file says].
        strict: warnings are errors, a picture that cannot be read too.
        callbacks: are told of each iteration, see :class:`~darknetpy.training.progress.Callback`.
    """

    cfg: AnyPath | Cfg
    data: AnyPath
    weights: AnyPath | None = None
    clear: bool = False
    backup: AnyPath | None = None
    resume: bool = False
    seed: int | None = None
    iterations: int | None = None
    validation: float | None = None
    validate_every: int | None = None
    augmentation: bool | None = None
    optimizer: str | None = None
    l1: float | None = None
    input_noise: float | None = None
    allow_damaged: bool | None = None
    dialect: str | None = None
    early_stopping: EarlyStopping | None = None
    threads: int | None = None
    save_every: int | None = None
    save_last_every: int | None = None
    strict: bool = False
    callbacks: tuple[AnyCallback, ...] = ()

    def remembered(self, saved: SavedState | None) -> dict[str, Any]:
        """The values that a resumed training has from the one before, where they are not given again."""
        before = _USUAL if saved is None else {**_USUAL, **saved.about["remembered"]}
        given = {name: getattr(self, name) for name in _USUAL}
        if self.early_stopping is not None:
            given["early_stopping"] = self.early_stopping.settings
        return {name: before[name] if given[name] is None else given[name] for name in _USUAL}


_USUAL: dict[str, Any] = {
    "iterations": None, "validation": 0.0, "validate_every": None, "optimizer": None, "l1": 0.0, "input_noise": 0.0,
    "dialect": "alexeyab", "early_stopping": None, "allow_damaged": False,
}  # fmt: skip


class SavedState(NamedTuple):
    """The state to go on from."""

    about: dict[str, Any]
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Opened:
    """A training that is ready, with its folder, which nobody else can have until this is closed.

    Attributes:
        loop: the training. folder: where it writes. dataset: its pictures, of which samples are those for training.
        loaded: what was read of the weights that it begins with. memory: bytes that an iteration needs, about.
        early_stopping: the one that was asked for, now or when the training began.
    """

    loop: Loop
    folder: Folder
    dataset: Dataset
    samples: Samples
    loaded: LoadReport | None
    memory: int
    early_stopping: EarlyStopping | None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.loop.__exit__(*problem)
        self.folder.release()


def open_training(request: Request, findings: Findings, report: Report = lambda warning: None) -> Opened:
    """Read, check and prepare everything, for use with ``with``.

    Args:
        request: what to train. findings: receives what is odd. report: is told of what comes up later.

    Raises:
        DarknetpyError: of the class that fits, for whatever stands in the way of the training.
    """
    _check(request)
    path = request.cfg.path if isinstance(request.cfg, Cfg) else find_cfg(request.cfg)
    folder = Folder(_backup(request), base_name(path))
    try:
        saved = SavedState(*read_state(folder.state)) if request.resume else None
        if saved is None:
            _require_no_state(folder)
        cfg = request.cfg if isinstance(request.cfg, Cfg) else read_cfg(path or "", findings)
        return _prepared(request, cfg, folder, saved, findings, report)
    except BaseException:
        folder.release()
        raise


def _check(request: Request) -> None:
    """What does not depend on any file."""
    if request.clear and request.resume:
        remedy = "Leave clear out: a training that is resumed counts on from its own iterations"
        raise TrainingError("clear and resume", "one of them", remedy)
    for name, least in (("l1", 0), ("input_noise", 0), ("iterations", 1), ("validate_every", 1), ("threads", 1),
                        ("save_every", 1), ("save_last_every", 1), ("seed", 0)):  # fmt: skip
        value = getattr(request, name)
        if value is not None and not least <= value < np.inf:
            raise TrainingError(f"{name}={value}", f"a number that is at least {least}")


def _backup(request: Request) -> AnyPath:
    if request.backup or Path(request.data).is_dir():
        return request.backup or BACKUP
    data = read_data(request.data, Findings())  # it is read again, with its warnings, for the pictures
    return data.folder("backup", BACKUP, Findings()) if "backup" in data.options.given else BACKUP


def _require_no_state(folder: Folder) -> None:
    """Nobody's training is lost because --resume was forgotten."""
    if not folder.state.exists():
        return
    try:
        about, _ = read_state(folder.state)
    except TrainingError:
        return  # nothing that could be gone on from
    if about["training"]["iteration"]:
        found = f"a training to iteration {about['training']['iteration']} is there"
        remedy = "Resume it with --resume (resume=True), name another folder for --backup, or delete this file"
        raise TrainingError(found, "a folder without one", remedy, path=folder.state)


def _prepared(
    request: Request, cfg: Cfg, folder: Folder, saved: SavedState | None, findings: Findings, report: Report
) -> Opened:
    remembered = request.remembered(saved)
    dialect = dialect_named(remembered["dialect"])
    if remembered["iterations"] is not None:
        cfg = with_net_options(cfg, {"max_batches": str(remembered["iterations"])})
    graph = build_graph(cfg, dialect=dialect, findings=findings, training=True)
    seed = request.seed if request.seed is not None else 0 if saved is None else int(saved.about["settings"]["seed"])
    dataset = read_dataset(
        request.data, validation=remembered["validation"], seed=seed, strict=request.strict, findings=findings
    )
    dataset = by_nodes(dataset, graph)
    samples = check_classifier(graph, dataset, findings)
    if request.validate_every is not None and dataset.validation is None:
        found, expected = f"validate_every={request.validate_every} without pictures for it", "pictures to validate on"
        raise DataError(found, expected, "Keep some back: validation=.1", path=request.data)
    width, height = InputSizes(graph, seed).largest
    memory = memory_estimate(graph.resized(height, width), optimizer_of(graph.net, remembered["optimizer"]))
    check_memory(memory, graph, findings)
    initial_weights(graph, seed)
    loaded = None
    if request.weights is not None and saved is None:
        loaded = read_what_fits(find_weights(request.weights), graph, seed=seed, findings=findings)
    stopping = EarlyStopping(**remembered["early_stopping"]) if remembered["early_stopping"] else None
    if request.early_stopping is not None:
        stopping = request.early_stopping  # the caller's own, to be asked what it saw
    loop = Loop(
        graph, samples, dataset.validation, folder,
        replace(_settings(request, remembered, saved, seed, dataset), cache_bytes=room_for_pictures(memory)),
        report=report, remembered=remembered, names=dataset.names,
        callbacks=(*([stopping] if stopping else []), *request.callbacks),
    )  # fmt: skip
    try:
        if saved is not None:
            loop.resume(*saved)
        elif loaded is not None and not request.clear:
            loop.training.begin_at(loaded.seen)
        warning = _lack_of_room(loop)
        if warning is not None:
            findings.warning(warning)
    except BaseException:
        loop.__exit__()
        raise
    return Opened(loop, folder, dataset, samples, loaded, memory, stopping)


def _lack_of_room(loop: Loop) -> DarknetpyWarning | None:
    weights = VALUE_BYTES * loop.graph.parameters
    state = weights * (1 + len(loop.training.updates.optimizer.memories))
    return loop.folder.lack_of_room(weights, state, (loop.last - loop.training.iteration) // loop.settings.save_every)


def _settings(
    request: Request, remembered: dict[str, Any], saved: SavedState | None, seed: int, dataset: Dataset
) -> Settings:
    usual = Settings()
    options = dataset.data.options if dataset.data is not None else {}
    augmentation = request.augmentation
    if augmentation is None:
        augmentation = True if saved is None else bool(saved.about["settings"]["augmentation"])
    return Settings(
        seed=seed,
        augmentation=augmentation,
        threads=request.threads or available_cores(),
        skip_broken=not request.strict,
        allow_damaged=remembered["allow_damaged"],
        save_every=request.save_every or options.get("saveweights") or usual.save_every,
        save_last_every=request.save_last_every or options.get("savelast") or usual.save_last_every,
        validate_every=remembered["validate_every"],
        optimizer=remembered["optimizer"],
        l1=remembered["l1"],
        input_noise=remembered["input_noise"],
        top=dataset.data.options.top if dataset.data is not None and "top" in dataset.data.options.given else usual.top,
    )


def layers_loaded(loaded: LoadReport, graph: Graph) -> str:
    """How much of a network came from a weights file, in words: ``3 of 5 layers with weights``."""
    return f"{loaded.layers_loaded} of {sum(bool(node.arrays) for node in graph.nodes)} layers with weights"
