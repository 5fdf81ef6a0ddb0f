"""``darknetpy train``: a classifier learns from pictures, and can be stopped at any moment."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, share, whole_number
from darknetpy.errors import DarknetpyError, DarknetpyWarning, Findings, TrainingError, printable

if TYPE_CHECKING:
    import numpy as np

    from darknetpy.config.sections import Cfg
    from darknetpy.graph import Graph
    from darknetpy.training.checkpoints import Folder
    from darknetpy.training.dataset import Dataset
    from darknetpy.training.loop import Loop, Progress, Settings

MOST_ITERATIONS = 2**31 - 1
STOPPED_BY = 128  # added to the number of the signal
_BACKUP = "backup"
_MEGABYTE = 2**20

_DESCRIPTION = """\
Train a classifier. DATA is a .data file, or a folder with a
folder of pictures for each class (or with train and valid
that have these). Ctrl-C ends it behind the iteration under
way; --resume goes on as if nothing had happened, even after
a crash. The same seed gives the same weights on the same
machine. So far the plain arithmetic is used, which is slow."""
_EXAMPLES = """\
examples:
  darknetpy train my.cfg animals --validation .1
  darknetpy train my.cfg my.data
  darknetpy train my.cfg my.data --resume
  darknetpy train my.cfg my.data darknet19.weights --clear

Files in the folder of --backup, for my.cfg:
  my_last.weights, my_last.state  what --resume goes on from
  my_1000.weights, ...            every --save-every
  my_best.weights                 the best in the validation
  my_final.weights                at the end
  my_metrics.csv, .jsonl          figures of each iteration

Exit code 130 or 143 after Ctrl-C or SIGTERM."""


class _Saved(NamedTuple):
    """The state to go on from."""

    about: dict[str, Any]
    arrays: dict[str, np.ndarray]


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} [OPTION...] CFG DATA [WEIGHTS]"
    add_cfg(parser)
    parser.add_argument("data", metavar="DATA", help="a .data file, or a folder of folders of pictures")
    parser.add_argument(
        "weights", metavar="WEIGHTS", nargs="?", help="weights to begin with, of all layers or of the first ones"
    )
    iterations = whole_number(1, MOST_ITERATIONS)
    parser.add_argument(
        "--backup", metavar="FOLDER", help=f"where the checkpoints go [backup= of DATA, else {_BACKUP}]"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last state in that folder")
    parser.add_argument("--clear", action="store_true", help="count iterations from 0, whatever WEIGHTS have seen")
    parser.add_argument("--seed", type=whole_number(0, 2**32 - 1), metavar="N", help="of all that is random [0]")
    parser.add_argument("--iterations", type=iterations, metavar="N", help="how many in all [max_batches= of CFG]")
    parser.add_argument(
        "--validation", type=share, metavar="P", help="part of the pictures kept back for validation, 0 to 1 [0]"
    )
    parser.add_argument("--no-augmentation", action="store_true", help="take pictures as they are: their middle")
    parser.add_argument(
        "--threads", type=whole_number(1, 1024), metavar="N", help="threads that read pictures [one a core]"
    )
    parser.add_argument(
        "--save-every", type=iterations, metavar="N", help="iterations between checkpoints that stay [1000]"
    )
    parser.add_argument(
        "--save-last-every", type=iterations, metavar="N", help="iterations between those that are replaced [100]"
    )
    parser.add_rule(_misfit)


def _misfit(arguments: argparse.Namespace) -> str | None:
    if arguments.clear and (arguments.resume or not arguments.weights):
        return "--clear is for WEIGHTS to begin with" + (", and --resume has its own" if arguments.resume else "")
    if arguments.validation == 1:
        return "--validation: 1 leaves no picture to train with"
    return None


def run(arguments: argparse.Namespace) -> int:
    """Train; 0 when it has come to its end, 130 or 143 where a signal stopped it."""
    from darknetpy.config.shipped import find_cfg
    from darknetpy.kernels.cache import on_compile
    from darknetpy.training.checkpoints import Folder, base_name, read_state

    on_compile(terminal.news)
    cfg_path = find_cfg(arguments.cfg)
    folder = Folder(_backup(arguments), base_name(cfg_path))
    try:
        saved = _Saved(*read_state(folder.state)) if arguments.resume else None
        if saved is None:
            _require_no_state(folder)
        line = _Line(arguments.quiet)
        with _prepared(arguments, cfg_path, folder, saved, line) as loop, _stopped_in_order(arguments.quiet) as stop:
            return _train(loop, stop, line)
    finally:
        folder.release()


def _backup(arguments: argparse.Namespace) -> str | Path:
    from darknetpy.config.data_file import read_data

    if arguments.backup or Path(arguments.data).is_dir():
        return str(arguments.backup or _BACKUP)
    data = read_data(arguments.data, Findings())  # it is read again, with its warnings, for the pictures
    return data.folder("backup", _BACKUP, Findings()) if "backup" in data.options.given else _BACKUP


def _require_no_state(folder: Folder) -> None:
    """Nobody's training is lost because --resume was forgotten."""
    from darknetpy.training.checkpoints import read_state

    if not folder.state.exists():
        return
    try:
        about, _ = read_state(folder.state)
    except TrainingError:
        return  # nothing that could be gone on from
    if about["training"]["iteration"]:
        found = f"a training to iteration {about['training']['iteration']} is there"
        remedy = "Add --resume to go on with it, name another folder with --backup, or delete this file"
        raise TrainingError(found, "a folder without one", remedy, path=folder.state)


# ---- before the first iteration ----


def _prepared(arguments: argparse.Namespace, cfg_path: Path, folder: Folder, saved: _Saved | None, line: _Line) -> Loop:
    """The training, ready for its next iteration; everything that can be known to be wrong is an error here."""
    from darknetpy.config.sections import read_cfg
    from darknetpy.graph import build_graph, initial_weights
    from darknetpy.training.beginning import check_classifier, counts_text, memory_estimate
    from darknetpy.training.dataset import read_dataset
    from darknetpy.training.loader import CACHE_BYTES
    from darknetpy.training.loop import Loop

    findings = Findings()
    remembered = _remembered(arguments, saved)
    try:
        cfg = _with_iterations(read_cfg(cfg_path, findings), remembered["iterations"])
        graph = build_graph(cfg, findings=findings, training=True)
        seed = _seed(arguments, saved)
        dataset = read_dataset(arguments.data, validation=remembered["validation"], seed=seed, findings=findings)
        samples = check_classifier(graph, dataset, findings)
        seen = 0
        initial_weights(graph, seed)
        if arguments.weights and saved is None:
            seen = _begin_with(arguments.weights, graph, seed, findings)
    finally:
        for warning in findings.warnings:
            terminal.warning(str(warning))
        for note in findings.notes:
            terminal.note(note)
    loop = Loop(
        graph, samples, dataset.validation, folder, _settings(arguments, saved, seed, dataset),
        report=line.warn, remembered=remembered,
    )  # fmt: skip
    if saved is not None:
        loop.resume(*saved)
    elif seen and not arguments.clear:
        loop.training.begin_at(seen)
    terminal.news(f"training: {printable(counts_text(samples, dataset.names), limit=None)}")
    if dataset.validation is not None:
        terminal.news(f"validation: {printable(counts_text(dataset.validation, dataset.names), limit=None)}")
    memory, pictures = (round(size / _MEGABYTE) for size in (memory_estimate(graph), CACHE_BYTES))
    terminal.news(f"memory: about {memory} MB, and up to {pictures} MB of decoded pictures")
    done = loop.training.iteration
    beginning = f"resuming at iteration {done} of {loop.last}" if done else f"{loop.last} iterations"
    terminal.news(f"{beginning}; checkpoints go to {folder}")
    return loop


def _remembered(arguments: argparse.Namespace, saved: _Saved | None) -> dict[str, Any]:
    """Options of this command that a resumed training has from the one before, where they are not given again."""
    before = {"iterations": None, "validation": 0.0} if saved is None else saved.about["remembered"]
    return {name: before[name] if getattr(arguments, name) is None else getattr(arguments, name) for name in before}


def _seed(arguments: argparse.Namespace, saved: _Saved | None) -> int:
    if arguments.seed is not None:
        return int(arguments.seed)
    return 0 if saved is None else int(saved.about["settings"]["seed"])


def _settings(arguments: argparse.Namespace, saved: _Saved | None, seed: int, dataset: Dataset) -> Settings:
    from darknetpy.engine.threads import available_cores
    from darknetpy.training.loop import Settings

    augmentation = not arguments.no_augmentation
    if saved is not None and augmentation:
        augmentation = saved.about["settings"]["augmentation"]
    usual = Settings()
    options = dataset.data.options if dataset.data is not None else {}
    return Settings(
        seed=seed,
        augmentation=augmentation,
        threads=arguments.threads or available_cores(),
        save_every=arguments.save_every or options.get("saveweights") or usual.save_every,
        save_last_every=arguments.save_last_every or options.get("savelast") or usual.save_last_every,
    )


def _with_iterations(cfg: Cfg, iterations: int | None) -> Cfg:
    """The cfg as if it said so many ``max_batches``; what depends on them follows."""
    if iterations is not None:
        written = {"max_batches": str(iterations)}
        cfg.sections[0] = replace(cfg.net, values={**cfg.net.values, **written}, raw={**cfg.net.raw, **written})
    return cfg


def _begin_with(weights: str, graph: Graph, seed: int, findings: Findings) -> int:
    """Load what a weights file has; how many pictures it has seen."""
    from darknetpy.config.shipped import find_weights
    from darknetpy.training.beginning import read_what_fits

    report = read_what_fits(find_weights(weights), graph, seed=seed, findings=findings)
    with_arrays = sum(bool(node.arrays) for node in graph.nodes)
    loaded = f"{report.layers_loaded} of {with_arrays} layers with weights"
    terminal.news(f"{printable(weights, limit=None)}: {loaded}, seen {report.seen:,} pictures in training")
    return report.seen


# ---- iterations ----


class _Stop:
    """The signal that asks for the end; the second one ends at once."""

    def __init__(self, quiet: bool) -> None:
        self.number, self._quiet = 0, quiet

    def take(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            sys.exit(STOPPED_BY + number)
        self.number = number
        if not self._quiet and sys.stderr is not None:
            with suppress(OSError, ValueError):  # not print: the signal may have come in the middle of one
                os.write(sys.stderr.fileno(), b"\nstopping behind this iteration; once more stops at once\n")


@contextmanager
def _stopped_in_order(quiet: bool) -> Iterator[_Stop]:
    """While this lasts, Ctrl-C and SIGTERM are noted only; only the main thread can ask for that."""
    stop = _Stop(quiet)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _train(loop: Loop, stop: _Stop, line: _Line) -> int:
    """Take one iteration after the other; the exit code."""
    try:
        for progress in loop.iterations():
            try:
                line.show(progress, loop)
            except (BrokenPipeError, DarknetpyError):
                loop.save_last()
                raise
            if stop.number and loop.training.iteration < loop.last:
                loop.save_last()
                line.end()
                terminal.news(f"stopped behind iteration {loop.training.iteration}; --resume goes on from there")
                return STOPPED_BY + stop.number
    except TrainingError:
        line.end()
        if loop.saved_iteration is not None:
            terminal.news(f"{loop.folder.state} is that of iteration {loop.saved_iteration}")
        raise
    finally:
        line.end()
    terminal.news(f"final weights: {loop.folder.weights('final')}")
    return 0


class _Line:
    """The figures of the iterations on standard output: a line each, on a terminal one that changes; quiet: none."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._rewritten = sys.stdout is not None and sys.stdout.isatty()
        self._open = 0  # characters of the line that is not ended

    def show(self, progress: Progress, loop: Loop) -> None:
        """Say how an iteration went."""
        if self._quiet:
            return
        figures = progress.figures
        text = (
            f"{figures.iteration}/{loop.last}: loss {figures.loss:.4f}, average {figures.average:.4f}, "
            f"rate {figures.rate:.4g}, {progress.pictures_per_second:.0f} pictures/s, {_left(progress.seconds_left)}"
        )
        if not self._rewritten:
            terminal.answer(text)
        else:
            text = text[: shutil.get_terminal_size().columns - 1]  # a line that wraps cannot be written over
            terminal.answer(f"\r{text:{self._open}}", end="")
            self._open = len(text)
        if progress.accuracy is not None:
            self.end()
            best = ", the best so far" if progress.is_best else ""
            right = f"{progress.accuracy.share:.2%} of {progress.accuracy.pictures} pictures right{best}"
            terminal.answer(f"validation at iteration {figures.iteration}: {right}")

    def warn(self, warning: DarknetpyWarning) -> None:
        """Say something on a line of its own."""
        self.end()
        terminal.warning(str(warning))

    def end(self) -> None:
        """Leave the line, for something else to be said."""
        if self._open:
            self._open = 0
            with suppress(BrokenPipeError, DarknetpyError):
                terminal.answer("")


def _left(seconds: float) -> str:
    """A time for people: ``12 s left``, ``3:07 min left``, ``5:20 h left``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s left"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min left"
    return f"{whole // 3600}:{whole // 60 % 60:02} h left"
