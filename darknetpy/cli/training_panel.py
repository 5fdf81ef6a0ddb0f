"""The live panel of a training on a terminal: how far it is, how it goes, how long it takes."""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment
from rich.table import Table
from rich.text import Text

from darknetpy.cli import terminal
from darknetpy.errors import printable
from darknetpy.training.pace import Pace, time_text

if TYPE_CHECKING:
    from darknetpy.training.course import Course
    from darknetpy.training.loop import Progress

SECONDS_BETWEEN = 0.25
"""Of redrawing, at least."""
WIDEST = 120
_LABEL = 14  # columns
_SPARE = 3  # columns on the right, for the ^C that terminals write
_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.,-=+*#"
_GAP = "   "


class Panel:
    """What rich draws: the state of a training in a few lines.

    Args:
        name: of the network.
        last: the iteration that ends the training.
        course, pace: of the training; they are read whenever it is drawn.
        done: iterations that a resumed training has had already.
        status: gives the text of the last line.
    """

    def __init__(
        self, name: str, last: int, course: Course, pace: Pace, *, done: int = 0, status: Callable[[], str]
    ) -> None:
        self._name, self._last, self._course, self._pace = printable(name, limit=None), last, course, pace
        self._done, self._status = done, status
        self.progress: Progress | None = None
        """The last one."""
        self.lengths: list[int] = []
        """Columns of the lines that were drawn last."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw for the width that there is."""
        width = max(min(options.max_width - _SPARE, WIDEST), 1)
        rows = Group(self._head(width, options), *self._rows(width, options))
        lines = console.render_lines(rows, options.update(width=width), pad=False)
        self.lengths = [Segment.get_line_length(line) for line in lines]
        for number, line in enumerate(lines):
            yield from line
            if number < len(lines) - 1:
                yield Segment.line()

    def _head(self, width: int, options: ConsoleOptions) -> RenderableType:
        """The name, a bar, and how much is done."""
        done = self._done if self.progress is None else self.progress.figures.iteration
        share = Text(f"{done:,}/{self._last:,}  {done / self._last:.0%}")
        name = Text(self._name, style="bold")
        name.truncate(max(width // 3, 1), overflow="crop" if options.ascii_only else "ellipsis")
        name.pad_right(min(_LABEL - 1, width // 3) - name.cell_len)
        bar = ProgressBar(self._last, done, width=max(width - name.cell_len - share.cell_len - 2, 1))
        grid = Table.grid(padding=(0, 1))
        for _ in range(3):
            grid.add_column(no_wrap=True)
        grid.add_row(name, bar, share)
        return grid

    def _rows(self, width: int, options: ConsoleOptions) -> Iterator[RenderableType]:
        if self.progress is None:
            yield Text("starting", style="dim")
        else:
            yield from self._figures(self.progress, width, options)
        status = Text(self._status(), style="dim")
        status.truncate(width, overflow="crop")
        yield status

    def _figures(self, progress: Progress, width: int, options: ConsoleOptions) -> Iterator[RenderableType]:
        figures, room = progress.figures, max(width - _LABEL, 1)
        loss = [f"{figures.loss:.4f}", f"average {figures.average:.4f}", f"rate {figures.rate:.4g}"]
        yield _row("loss", _flow(loss, room))
        yield _row("since start", self._sparkline(room, ascii_only=options.ascii_only))
        last, best = self._course.last_validated, self._course.best_validated
        if last is not None and best is not None:
            items = [f"{last.accuracy:.2%} at {last.iteration:,}", f"best {best.accuracy:.2%} at {best.iteration:,}"]
            yield _row("validation", _flow(items, room))
        yield _row("time", _flow(self._times(), room))

    def _times(self) -> list[str]:
        left = self._pace.seconds_left(self._last)
        return [
            time_text(self._pace.elapsed),
            f"{self._pace.pictures_per_second:,.0f} pictures/s",
            "time left: not known yet" if left is None else f"{time_text(left)} left",
        ]

    def _sparkline(self, room: int, *, ascii_only: bool) -> Text:
        """The loss from the first iteration to the last one, between the two numbers."""
        spans = self._course.spans
        first, last = f"{spans[0].loss:.4g}", f"{spans[-1].loss:.4g}"
        columns = room - len(first) - len(last) - 2
        if columns < 2:
            return Text(f"{first} {last}"[:room])
        return Text(f"{first} {sparkline(self._course.losses(columns), ascii_only=ascii_only)} {last}")


def sparkline(values: Sequence[float], *, ascii_only: bool = False) -> str:
    """Numbers as bars of eight heights, one character each; where all are above 0, by their logarithms.

    >>> sparkline([4.0, 2.0, 1.0, 1.0])
    '█▅▁▁'
    """
    bars = _PLAIN_BARS if ascii_only else _BARS
    heights = [math.log(value) for value in values] if all(value > 0 for value in values) else list(values)
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    if high == low:
        return bars[0] * len(heights)
    return "".join(bars[round((height - low) / (high - low) * (len(bars) - 1))] for height in heights)


def _row(label: str, content: Text) -> RenderableType:
    grid = Table.grid()
    grid.add_column(width=_LABEL, no_wrap=True, style="dim")
    grid.add_column(no_wrap=True)
    grid.add_row(label, content)
    return grid


def _flow(items: Iterable[str], room: int) -> Text:
    """Items beside each other, as many as there is room for in a line."""
    lines = [""]
    for item in items:
        longer = f"{lines[-1]}{_GAP}{item}" if lines[-1] else item
        if len(longer) <= room or not lines[-1]:
            lines[-1] = longer[:room]
        else:
            lines.append(item[:room])
    return Text("\n".join(lines))


@contextmanager
def live(panel: Panel, stream: TextIO) -> Iterator[None]:
    """While this lasts, the panel is on that terminal, drawn by a thread; afterwards it is gone.

    Messages of :mod:`darknetpy.cli.terminal` appear above it.
    """
    console, terminal_now, done = Console(file=stream), Console(file=stream), threading.Event()
    # Redirection would send what is written to standard output to the panel's console.
    drawn = Live(
        panel, console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    )

    def keep_up() -> None:
        while not done.wait(SECONDS_BETWEEN):
            console.size = terminal_now.size  # the same for both: it may change at any moment
            _forget_wrapped_lines(console, panel.lengths)
            drawn.refresh()

    thread = threading.Thread(target=keep_up, name="darknetpy-panel", daemon=True)
    # Messages go to standard error: where that is a file they cannot break a panel on standard output.
    messages = terminal.above(console) if stream is sys.stderr else nullcontext()
    with messages, drawn:
        drawn.refresh()
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            console.size = terminal_now.size
            _forget_wrapped_lines(console, panel.lengths)


def _forget_wrapped_lines(console: Console, lengths: Sequence[int]) -> None:
    """Erase what lines of these lengths take more since the terminal has become narrower; rich takes one for each.

    A few terminals cut lines off instead; there nothing more is taken.
    """
    if os.environ.get("TERM") == "linux" or "XTERM_VERSION" in os.environ or "STY" in os.environ:
        return
    more = sum(max(-(-length // max(console.width, 1)), 1) - 1 for length in lengths)
    if more:
        erased = (ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        console.control(Control(*erased * more))
