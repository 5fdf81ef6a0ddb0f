"""What people see: answers on standard output; messages and a progress bar on standard error."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from darknetpy.errors import DarknetpyError, DarknetpyWarning

if TYPE_CHECKING:
    from rich.console import Console

FEW = 3  # pictures that need no progress bar


@dataclass
class _State:
    """How much to say, what has been said, and the console of the bar or panel that messages must not break."""

    quiet: bool = False
    verbose: bool = False
    warned: set[str] = field(default_factory=set)
    live: Console | None = None


_state = _State()


@contextmanager
def messages(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """While this lasts, messages are as loud as asked, and darknetpy's Python warnings are among them."""
    global _state
    before, _state = _state, _State(quiet, verbose)
    with warnings.catch_warnings():
        warnings.simplefilter("always", DarknetpyWarning)
        show_others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, DarknetpyWarning):
                warning(str(message))
            else:
                show_others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        try:
            yield
        finally:
            _state = before


def answer(text: str, end: str = "\n") -> None:
    """A part of what was asked for, on standard output, at once.

    Raises DarknetpyError where it cannot be written, such as on a full disk, and BrokenPipeError where nobody reads it.
    """
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as problem:
        discard_unwritten()
        raise DarknetpyError(f"the answers cannot be written ({problem.strerror})") from problem


def answer_in_colour(what: object) -> None:
    """The same for something that rich can draw, on a terminal."""
    from rich.console import Console

    Console(markup=False, highlight=False, emoji=False).print(what)


def answer_table(table: object) -> None:
    """A table on standard output: as wide as the terminal allows, else as its text."""
    if sys.stdout is not None and sys.stdout.isatty():
        answer_in_colour(table)
    else:
        answer(str(table))


def discard_unwritten() -> None:
    """Forget what a closed pipe or a full disk has not taken; Python would complain about it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def error(text: str) -> None:
    """Something that makes the command fail."""
    _say(f"error: {text}")


def warning(text: str) -> None:
    """Something that looks like a mistake; the same text is said once, and not at all with ``--quiet``."""
    if not _state.quiet and text not in _state.warned:
        _state.warned.add(text)
        _say(f"warning: {text}")


def news(text: str) -> None:
    """Something to know while waiting; not said with ``--quiet``."""
    if not _state.quiet:
        _say(text)


def note(text: str) -> None:
    """Something for the curious, said with ``--verbose`` only."""
    if _state.verbose and not _state.quiet:
        _say(f"note: {text}")


def _say(text: str) -> None:
    if _state.live is not None:
        _state.live.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
    elif sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def above(console: Console) -> Iterator[None]:
    """While this lasts, messages are printed by the console of something live, above it."""
    _state.live = console
    try:
        yield
    finally:
        _state.live = None


def panel_stream() -> TextIO | None:
    """The terminal for a panel: standard error or else standard output; None with ``--quiet``, or where there is none.

    Terminals that cannot go back to a line that is written are none.
    """
    if _state.quiet or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return None
    return next((stream for stream in (sys.stderr, sys.stdout) if is_terminal(stream)), None)


def shows_progress(*, answers_later: bool = False) -> bool:
    """Whether a bar can be seen and is of use: a terminal on which no answers are written, or none before its end."""
    return not _state.quiet and is_terminal(sys.stderr) and (answers_later or not is_terminal(sys.stdout))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at a stream."""
    return stream is not None and stream.isatty()


@contextmanager
def progress(total: int | None, *, answers_later: bool = False) -> Iterator[Callable[[], None]]:
    """A bar on standard error; gives the function that is called after each picture.

    ``total`` is None where nobody knows how many there are. With ``answers_later`` the answers come after the bar, and
    so may be written on the same terminal. Without a use for it (see `shows_progress`; a few pictures
    only) nothing is drawn.
    """
    if not shows_progress(answers_later=answers_later) or (total is not None and total <= FEW):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

    # Redirection would send the answers, which are on standard output, to the bar's console.
    bar = Progress(
        MofNCompleteColumn(),
        BarColumn(bar_width=None),
        TimeElapsedColumn() if total is None else TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with bar:
        task = bar.add_task("pictures", total=total)
        with above(bar.console):
            yield lambda: bar.advance(task)
