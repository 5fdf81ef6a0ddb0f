"""``darknetpy train``: a classifier learns from pictures, and can be stopped at any moment."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from darknetpy.cli import terminal, training_options, training_view
from darknetpy.cli.arguments import Parser, add_cfg, share, whole_number
from darknetpy.cli.training_view import View
from darknetpy.errors import DarknetpyError, Findings, printable

if TYPE_CHECKING:
    from darknetpy.training.opening import Opened

MOST_ITERATIONS = 2**31 - 1
STOPPED_BY = 128  # added to the number of the signal
_BACKUP = "backup"
_STOPPING = "stopping behind this iteration; once more stops at once"

_DESCRIPTION = """\
Train a classifier. DATA is a .data file, or a folder with a
folder of pictures for each class (or with train and valid
that have these). Ctrl-C ends it behind the iteration under
way; --resume goes on as if nothing had happened, even after
a crash. The same seed gives the same weights on the same
machine, whatever --threads."""
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
  my_ema.weights                  averages, with ema_alpha=
  my_metrics.csv, .jsonl          figures of each iteration
  my_chart.png                    the same as curves
  my_confusion.png                at the end: what was taken
  my_mistakes.png                 for what; surest mistakes
  my_samples                      pictures of --save-samples

Exit code 130 or 143 after Ctrl-C or SIGTERM."""


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
        "--threads", type=whole_number(1, 1024), metavar="N", help="threads that compute and read pictures [one a core]"
    )
    parser.add_argument(
        "--save-every", type=iterations, metavar="N", help="iterations between checkpoints that stay [1000]"
    )
    parser.add_argument(
        "--save-last-every", type=iterations, metavar="N", help="iterations between those that are replaced [100]"
    )
    parser.add_argument(
        "--validate-every", type=iterations, metavar="N", help="iterations between validations [an epoch, at least 100]"
    )
    training_options.add_arguments(parser)
    training_view.add_arguments(parser)
    parser.add_rule(_misfit)


def _misfit(arguments: argparse.Namespace) -> str | None:
    if arguments.clear and arguments.resume:
        return "--clear is for WEIGHTS to begin with, and --resume has its own"
    if arguments.validation == 1:
        return "--validation: 1 leaves no picture to train with"
    return None


def run(arguments: argparse.Namespace) -> int:
    """Train; 0 when it has come to its end, 130 or 143 where a signal stopped it."""
    from darknetpy.kernels.cache import on_compile
    from darknetpy.training.opening import open_training

    on_compile(terminal.news)
    findings = Findings(strict=arguments.strict)
    try:
        opened = open_training(training_options.request_of(arguments), findings, training_view.warn)
    finally:
        for warning in findings.warnings:
            terminal.warning(str(warning))
        for note in findings.notes:
            terminal.note(note)
    with opened:
        _introduce(opened, arguments)
        with _stopped_in_order() as stop, View(arguments, opened, stop.status) as view:
            stop.tells = not view.is_live and not arguments.quiet
            return _train(opened, stop, view)


def _introduce(opened: Opened, arguments: argparse.Namespace) -> None:
    """What there is to know before the first iteration."""
    from darknetpy.training.beginning import counts_text
    from darknetpy.training.decoded_size import decoded_bytes
    from darknetpy.training.opening import layers_loaded
    from darknetpy.training.pictures import room_for_pictures

    loop, dataset = opened.loop, opened.dataset
    if opened.loaded is not None:
        loaded = f"{layers_loaded(opened.loaded, loop.graph)}, seen {opened.loaded.seen:,} pictures in training"
        terminal.news(f"{printable(arguments.weights, limit=None)}: {loaded}")
    terminal.news(f"training: {printable(counts_text(opened.samples, dataset.names), limit=None)}")
    if dataset.validation is not None:
        terminal.news(f"validation: {printable(counts_text(dataset.validation, dataset.names), limit=None)}")
    room, wanted = room_for_pictures(opened.memory), decoded_bytes(opened.samples.paths, loop.graph.input_shape[0])
    few = wanted is not None and wanted <= room
    pictures = f"about {_megabytes(wanted)}" if few else f"at most {_megabytes(room)}"
    terminal.news(f"memory: about {_megabytes(opened.memory)}, and {pictures} of decoded pictures")
    done = loop.training.iteration
    beginning = f"resuming at iteration {done} of {loop.last}" if done else f"{loop.last} iterations"
    terminal.news(f"{beginning}; checkpoints go to {opened.folder}")


def _megabytes(size: int | None) -> str:
    return f"{-(-(size or 0) // 2**20):,} MB"


# ---- iterations ----


class _Stop:
    """The signal that asks for the end; the second one ends at once.

    Attributes:
        number: of the signal, or 0. tells: whether it says that it has come, in a line of its own.
    """

    def __init__(self) -> None:
        self.number, self.tells = 0, False

    def take(self, number: int, frame: FrameType | None) -> None:
        """The signal is there."""
        if self.number:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            sys.exit(STOPPED_BY + number)
        self.number = number
        if self.tells and sys.stderr is not None:
            with suppress(OSError, ValueError):  # not print: the signal may have come in the middle of one
                os.write(sys.stderr.fileno(), f"\n{_STOPPING}\n".encode())

    def status(self) -> str:
        """What a person can do now."""
        return _STOPPING if self.number else "Ctrl-C saves and stops"


@contextmanager
def _stopped_in_order() -> Iterator[_Stop]:
    """While this lasts, Ctrl-C and SIGTERM are noted only; only the main thread can ask for that."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _train(opened: Opened, stop: _Stop, view: View) -> int:
    """Take one iteration after the other; the exit code."""
    loop = opened.loop
    try:
        for progress in loop.iterations():
            try:
                view.show(progress)
            except (BrokenPipeError, DarknetpyError):
                loop.save_last()
                raise
            if stop.number and loop.training.iteration < loop.last:
                loop.save_last()
                view.end()
                terminal.news(f"stopped behind iteration {loop.training.iteration}; --resume goes on from there")
                return STOPPED_BY + stop.number
    except DarknetpyError:
        view.end()
        if loop.saved_iteration is not None:
            terminal.news(f"{loop.folder.state} is that of iteration {loop.saved_iteration}")
        raise
    view.end()
    view.draw_mistakes()
    stopping = opened.early_stopping
    if stopping is not None and stopping.stopped:
        best = f"{stopping.monitor} was best at iteration {stopping.best_iteration}"
        terminal.news(f"ended behind iteration {loop.training.iteration} of {loop.last}: {best}")
    terminal.news(f"final weights: {loop.folder.weights('final')}")
    return 0
