"""The command ``darknetpy``: finds the command that is meant, runs it, and turns what goes wrong into one message.

Nothing here imports NumPy, Numba, Pillow or rich: ``darknetpy --help`` takes no time.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType, ModuleType

from darknetpy import __version__
from darknetpy.cli import darknet_syntax, terminal
from darknetpy.cli.arguments import Parser, add_verbosity
from darknetpy.errors import DarknetpyError, did_you_mean, printable

FAILED = 1
STOPPED_BY = 128  # added to the number of the signal
BROKEN_PIPE = 13  # SIGPIPE, which Windows has not

COMMANDS = {
    "classify": "say what is in pictures",
    "detect": "say what is where in pictures",
    "train": "let a classifier learn from pictures",
    "validate": "count how often a classifier is right",
    "summary": "show the layers of a network in a table",
    "check": "list all mistakes in a cfg and its other files",
    "cfg": "write a cfg for another number of classes",
    "generate": "go on with a text, by a recurrent network",
    "speed": "measure how fast a network runs here",
    "verify": "compare the fast engine with plain arithmetic",
}
"""Each is a module of this folder with ``add_arguments(parser)`` and ``run(arguments) -> exit code``."""

_VERSION = f"""darknetpy {__version__}
This is the distribution darknetpy-numba; the distribution that
is called darknetpy on the package index is another project."""
_EXAMPLES = """\
examples:
  darknetpy classify mnist mnist examples/digit-7.png
  darknetpy summary mnist
  darknetpy check my.cfg my.weights

darknetpy COMMAND --help says more about a command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    0 done, 1 something that the user can mend (one message), 2 a wrong command line, 130 interrupted, 141 nobody
    reads the answers any more, 143 terminated.

    Args:
        argv: the words after ``darknetpy``; by default those of this process.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    _never_fail_to_print()
    try:
        with _ended_by_sigterm(), _flushed():
            return _run(words)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    except KeyboardInterrupt:
        return STOPPED_BY + signal.SIGINT
    except BrokenPipeError:
        terminal.discard_unwritten()
        return STOPPED_BY + BROKEN_PIPE
    except DarknetpyError as error:
        terminal.error(str(error))
        return FAILED


def _run(words: list[str]) -> int:
    place = next((place for place, word in enumerate(words) if not word.startswith("-")), len(words))
    parser = _main_parser()
    arguments = parser.read(words[:place], argparse.Namespace())
    if place == len(words):
        if not words:
            parser.print_help(sys.stderr)
            parser.exit(2)
        parser.error("no command")
    name, rest = words[place], words[place + 1 :]
    answering: AbstractContextManager[None] = nullcontext()
    if darknet_syntax.is_meant(words[place:], COMMANDS):
        with terminal.messages(quiet=arguments.quiet, verbose=arguments.verbose):
            translation = darknet_syntax.translate(words[place:], command_parser)
            translation.tell()
        (name, *rest), answering = translation.words, translation.answering()
    if name not in COMMANDS:
        expected = f"unknown command {printable(name)}, expected one of {', '.join(COMMANDS)}"
        parser.error(f"{expected}. {did_you_mean(name, COMMANDS)}".rstrip(" ."))
    arguments = command_parser(name).read(rest, arguments)
    with terminal.messages(quiet=arguments.quiet, verbose=arguments.verbose):
        return _run_command(_module(name).run, arguments, answering)


def command_parser(name: str) -> Parser:
    """What reads the arguments of one of the ``COMMANDS``."""
    parser = Parser(prog=f"darknetpy {name}")
    _module(name).add_arguments(parser)
    add_verbosity(parser)
    return parser


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"darknetpy.cli.{name}")


def _run_command(
    run: Callable[[argparse.Namespace], int], arguments: argparse.Namespace, answering: AbstractContextManager[None]
) -> int:
    try:
        with answering:
            return run(arguments)
    except (DarknetpyError, MemoryError) as error:
        if arguments.debug:
            traceback.print_exc()
        terminal.error(str(error) if isinstance(error, DarknetpyError) else "not enough memory")
        return FAILED


def _main_parser() -> Parser:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {meaning}" for name, meaning in COMMANDS.items())
    parser = Parser(
        prog="darknetpy",
        usage="darknetpy COMMAND ...",
        description=f"Reads, runs and explains Darknet networks on any CPU.\n\ncommands:\n{commands}",
        epilog=_EXAMPLES,
    )
    parser.add_argument("-V", "--version", action="version", version=_VERSION, help="show which darknetpy this is")
    add_verbosity(parser)
    return parser


def _never_fail_to_print() -> None:
    """Characters that a terminal's encoding has not are printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the program in order, as Ctrl-C does; only the main thread can ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(STOPPED_BY + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _flushed() -> Iterator[None]:
    """What argparse prints (``--help``) reaches a closed pipe here, and not when Python ends."""
    try:
        yield
    finally:
        terminal.answer("", end="")
