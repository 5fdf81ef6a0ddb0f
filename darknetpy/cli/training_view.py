"""What a person sees of a training: a live panel or lines, its chart, what it is fed, and what it gets wrong."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, whole_number
from darknetpy.cli.mistakes import pair_lines, write_confusion, write_mistakes
from darknetpy.cli.training_lines import Lines, iteration_text, validated_text
from darknetpy.errors import DarknetpyError, DarknetpyWarning

if TYPE_CHECKING:
    from darknetpy.cli.training_panel import Panel
    from darknetpy.evaluation.tally import Tally
    from darknetpy.training.chart import Chart
    from darknetpy.training.opening import Opened
    from darknetpy.training.progress import Progress

SAMPLES = 32
PAIRS = 5  # classes taken for others that are named at the end
_HEADING = "most frequent mistakes in the last validation:"
FIRST_ESTIMATE = 1.0  # seconds of iterations before there is an estimate of the whole time
SOON = 5  # seconds that are not worth an estimate
_LONG, _VERY_LONG = 60, 12 * 3600  # seconds from which on the time of day is said, and the day


def add_arguments(parser: Parser) -> None:
    """Declare the options that decide what is seen."""
    parser.add_argument(
        "--log-every", type=whole_number(1, 2**31 - 1), metavar="N",
        help="iterations between lines, where there is no terminal [2 seconds to half a minute]",
    )  # fmt: skip
    parser.add_argument("--no-chart", action="store_true", help="draw no chart")
    parser.add_argument(
        "--save-samples", type=whole_number(1, 100_000), nargs="?", const=SAMPLES, metavar="N",
        help=f"write the first N pictures that the network is fed, as they are fed [{SAMPLES}]",
    )  # fmt: skip


def warn(warning: DarknetpyWarning) -> None:
    """Say what comes up while pictures are read and checkpoints are written."""
    terminal.warning(str(warning))


class View:
    """Shows a training while it is used as a context manager; `show` is called after each iteration.

    Args:
        arguments: with those of `add_arguments`, and ``quiet``.
        opened: the training, before its next iteration.
        status: gives the text of the last line of the panel.

    Raises TrainingError where samples cannot be written.
    """

    def __init__(self, arguments: argparse.Namespace, opened: Opened, status: Callable[[], str]) -> None:
        from darknetpy.training.course import read_course
        from darknetpy.training.pace import Pace

        self._opened, self._last, self._status = opened, opened.loop.last, status
        training = opened.loop.training
        self._course = read_course(opened.folder.file("metrics.csv"), until=training.iteration)
        self._pace = Pace(training.iteration, training.pictures)
        self._chart = None if arguments.no_chart else _chart(opened)
        self._stream = terminal.panel_stream()
        in_lines = not arguments.quiet and (self._stream is None or not terminal.is_terminal(sys.stdout))
        self._lines = Lines(self._last, arguments.log_every) if in_lines else None
        self._quiet = arguments.quiet
        self._panel: Panel | None = None
        self._shown = ExitStack()
        self._latest: Progress | None = None
        self._tally: Tally | None = None
        self._estimated = False
        if arguments.save_samples:
            _save_samples(arguments.save_samples, opened)

    def __enter__(self) -> Self:
        if self._stream is not None:
            from darknetpy.cli.training_panel import Panel, live

            self._panel = Panel(
                self._opened.folder.base, self._last, self._course, self._pace,
                done=self._opened.loop.training.iteration, status=self._status,
            )  # fmt: skip
            self._shown.enter_context(live(self._panel, self._stream))
        return self

    def __exit__(self, problem: type[BaseException] | None, *details: object) -> None:
        if problem is not None and not issubclass(problem, Exception):
            self._chart = None  # who stops it for the second time does not want to wait
        self.end()

    @property
    def is_live(self) -> bool:
        """Whether there is a panel, with its status."""
        return self._stream is not None

    def show(self, progress: Progress) -> None:
        """Say how an iteration went. Raises what `terminal.answer` raises."""
        figures, tally = progress.figures, progress.validation
        self._latest, self._tally = progress, tally or self._tally
        self._course.follow(progress)
        self._pace.add(figures.iteration, figures.pictures, progress.pictures_per_second)
        if self._panel is not None:
            self._panel.progress = progress
        if self._lines is not None:
            self._lines.show(progress, self._pace)
        if self._chart is not None:
            self._chart.follow(self._course)
        self._estimate()

    def end(self) -> None:
        """Leave the terminal with the last figures, the folder with the last chart."""
        self._shown.close()
        if not self._quiet and self._latest is not None:
            with suppress(BrokenPipeError, DarknetpyError):  # the files are written all the same
                self._say_last()
        chart, self._chart = self._chart, None
        if chart is not None:
            chart.finish(self._course)

    def draw_mistakes(self) -> None:
        """Say and draw what the last validation found; a picture that cannot be written is a warning."""
        if self._tally is None:
            return
        if not self._quiet and (lines := pair_lines(self._tally, PAIRS, _HEADING)):
            terminal.answer("\n".join(lines))
        for name, write in (("confusion.png", write_confusion), ("mistakes.png", write_mistakes)):
            path = self._opened.folder.file(name)
            try:
                write(path, self._tally)
            except DarknetpyError as error:
                warn(DarknetpyWarning(f"no picture: {error.found}", error.expected, error.remedy, path=path))

    def _say_last(self) -> None:
        assert self._latest is not None
        latest, self._latest = self._latest, None
        if self._lines is None or not self._lines.has_said(latest):
            terminal.answer(iteration_text(latest, self._last, self._pace))
        last, best = self._course.last_validated, self._course.best_validated
        if last is not None and best is not None:
            if self._lines is None:
                terminal.answer(f"last validation: {validated_text(last)}")
            if best != last:
                terminal.answer(f"best validation: {validated_text(best)}")

    def _estimate(self) -> None:
        """Say once how long it will take, as soon as that can be known."""
        left = self._pace.seconds_left(self._last)
        if self._estimated or left is None or self._pace.measured < FIRST_ESTIMATE:
            return
        self._estimated = True
        if left < SOON:
            return
        from darknetpy.training.pace import time_text

        moment = "%H:%M" if left < _VERY_LONG else "%Y-%m-%d %H:%M"
        until = time.strftime(f", until {moment}", time.localtime(time.time() + left)) if left >= _LONG else ""
        besides = self._opened.dataset.validation is not None and self._tally is None
        terminal.news(f"it will take about {time_text(left)}{until}{', besides validations' if besides else ''}")


def _chart(opened: Opened) -> Chart | None:
    """The chart, or None, with a note, where it cannot be drawn."""
    from darknetpy.training.chart import Chart, can_draw

    if not can_draw():
        terminal.news("no chart is drawn: that needs matplotlib (pip install matplotlib); --no-chart leaves this out")
        return None
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # what it says of its caches would break the panel
    return Chart(opened.folder.file("chart.png"), opened.folder.base, opened.loop.last, warn)


def _save_samples(count: int, opened: Opened) -> None:
    from darknetpy.training.samples import SampleWriter

    writer = SampleWriter(opened.folder.file("samples"), opened.dataset.names, count)
    opened.loop.fed = writer.add
    terminal.news(f"what the network is fed: {count} pictures in {opened.folder.file('samples')}")
