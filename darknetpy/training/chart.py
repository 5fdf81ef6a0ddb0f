"""The course of a training as a picture: loss, accuracy and learning rate. matplotlib draws it."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darknetpy.errors import DarknetpyError, DarknetpyWarning, TrainingError, printable
from darknetpy.files import check_target, replaced_file
from darknetpy.training.course import Course, Span, Validated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SECONDS_BETWEEN = 10.0
SHARE_OF_TIME = 0.01
"""Drawing takes at most this part of the time of a processor."""
WIDTH, HEIGHT, DOTS = 10.0, 7.0, 110  # inches, and pixels an inch
LOSS, ACCURACY, RATE, FAINT = "#0072B2", "#D55E00", "#009E73", "#8A8A8A"
"""Colours that people who see few colours can tell apart. Source: Okabe and Ito, Color Universal Design."""
_WIDE = 10  # the largest value by the smallest from which on a scale is logarithmic
_FEW = 60  # points that are drawn as such, besides the line
Report = Callable[[DarknetpyWarning], None]


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


class Chart:
    """Draws a chart again and again while a training runs, in a thread of its own. Use as a context manager.

    A chart that cannot be written does not end a training; ``report`` is told, the first time.

    Args:
        path: of the PNG; each chart replaces the one before it.
        title: over the chart.
        last: the iteration that ends the training.
    """

    def __init__(self, path: Path, title: str, last: int, report: Report) -> None:
        self._path, self._title, self._last, self._report = path, title, last, report
        self._thread: threading.Thread | None = None
        self._next = time.monotonic() + SECONDS_BETWEEN
        self._problem: DarknetpyError | None = None
        self._reported = False

    def follow(self, course: Course) -> None:
        """Draw, if it is time for it; returns at once."""
        if time.monotonic() < self._next or (self._thread is not None and self._thread.is_alive()):
            return
        self._tell()
        self._next = time.monotonic() + SECONDS_BETWEEN
        spans, best = list(course.spans), course.best_validated
        self._thread = threading.Thread(target=self._draw, args=(spans, best), name="darknetpy-chart", daemon=True)
        self._thread.start()

    def finish(self, course: Course) -> None:
        """Draw what there is, and wait for it."""
        if self._thread is not None:
            self._thread.join()
        if course.spans:
            self._draw(list(course.spans), course.best_validated)
        self._tell()

    def _draw(self, spans: list[Span], best: Validated | None) -> None:
        begun = time.thread_time()
        try:
            draw_chart(self._path, spans, title=self._title, last=self._last, best=best)
        except DarknetpyError as error:
            self._problem = error
        except Exception as error:  # matplotlib is somebody else's, with settings of its own
            found = f"matplotlib fails ({type(error).__name__}: {printable(error)})"
            self._problem = TrainingError(found, path=self._path)
        self._next = max(self._next, time.monotonic() + (time.thread_time() - begun) / SHARE_OF_TIME)

    def _tell(self) -> None:
        if self._problem is not None and not self._reported:
            self._reported = True
            found, remedy = self._problem.found, "The training goes on without it"
            self._report(DarknetpyWarning(f"no chart: {found}", self._problem.expected, remedy, path=self._path))


def draw_chart(path: Path, spans: Sequence[Span], *, title: str, last: int, best: Validated | None = None) -> None:
    """Write a chart as PNG; the one before it stays until all is written.

    Args:
        spans: see :class:`~darknetpy.training.course.Course`; at least one.
        last: the iteration that ends the training.
        best: is marked, if there is an accuracy.

    Raises TrainingError where the file cannot be written. Needs matplotlib.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    target = check_target(path, TrainingError)
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DOTS, layout="constrained", facecolor="white")
    canvas = FigureCanvasAgg(figure)  # no pyplot: it is not made for threads
    validated = [(span.last, span.accuracy) for span in spans if span.accuracy is not None]
    axes = _axes(figure, bool(validated))
    done = f"{title}: iteration {spans[-1].last:,} of {last:,}"
    axes[0].set_title(_written(done), loc="left", fontsize=13, parse_math=False)
    _draw_loss(axes[0], spans)
    if validated:
        _draw_accuracy(axes[1], validated, best)
    _draw_rate(axes[-1], spans)
    axes[-1].set_xlabel("iteration", fontsize=11)
    axes[-1].set_xlim(spans[0].first, max(spans[-1].last, spans[0].first + 1))
    axes[-1].xaxis.set_major_formatter(_whole_number)
    with replaced_file(target, path, TrainingError, lasting=False) as file:
        canvas.print_png(file)


def _axes(figure: Figure, has_accuracy: bool) -> Sequence[Axes]:
    ratios = [5, 3, 1.5] if has_accuracy else [5, 1.5]
    axes: Sequence[Axes] = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
    for one in axes:
        one.grid(True, color="#DDDDDD", linewidth=0.8)
        one.set_axisbelow(True)
        one.tick_params(labelsize=10)
        for side in ("top", "right"):
            one.spines[side].set_visible(False)
    return axes


def _draw_loss(axes: Axes, spans: Sequence[Span]) -> None:
    """The loss of each iteration behind its average; of spans also how far it varies."""
    places = [span.last for span in spans]
    several = any(span.last > span.first for span in spans)
    if several:
        lowest, highest = [span.lowest for span in spans], [span.highest for span in spans]
        axes.fill_between(places, lowest, highest, color="#CFE3F1", linewidth=0, label="range of the iterations")
    else:
        dots: dict[str, Any] = {"marker": "."} if len(spans) <= _FEW else {}
        axes.plot(places, [span.loss for span in spans], color=FAINT, linewidth=0.7, label="of each iteration", **dots)
    axes.plot(places, [span.average for span in spans], color=LOSS, linewidth=2, label="average")
    values = [value for span in spans for value in (span.lowest, span.highest, span.average)]
    if _is_wide(values):
        axes.set_yscale("log")
        _label_between_powers(axes)
    axes.set_ylabel("loss", fontsize=11)
    axes.legend(loc="upper right", fontsize=10, framealpha=0.9)


def _draw_accuracy(axes: Axes, validated: Sequence[tuple[int, float]], best: Validated | None) -> None:
    places, shares = [place for place, _ in validated], [100 * share for _, share in validated]
    marker = "o" if len(validated) <= _FEW else ""
    axes.plot(places, shares, color=ACCURACY, linewidth=2, marker=marker, markersize=5, clip_on=False)
    if best is not None:
        top = 100 * best.accuracy
        axes.plot([best.iteration], [top], "*", markersize=15, color=ACCURACY, markeredgecolor="black", clip_on=False)
        text = f" best {top:.2f} % at {best.iteration:,}, last {shares[-1]:.2f} % at {places[-1]:,}"
        axes.set_title(text, loc="left", fontsize=10)
    axes.set_ylabel("validation\naccuracy, %", fontsize=11)
    axes.margins(y=0.12)


def _draw_rate(axes: Axes, spans: Sequence[Span]) -> None:
    rates = [span.rate for span in spans]
    axes.plot([span.last for span in spans], rates, color=RATE, linewidth=2)
    if _is_wide(rates):
        axes.set_yscale("log")
    elif min(rates) >= 0:
        axes.set_ylim(0, 1.1 * max(rates) or 1)
    axes.set_ylabel("learning\nrate", fontsize=11)


def _is_wide(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) > _WIDE * min(values)


def _label_between_powers(axes: Axes) -> None:
    """Labels between powers of ten too, where there are few of these."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    few = high / low < 1000
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}") if few else NullFormatter())
    axes.tick_params(axis="y", which="minor", labelsize=9)


def _whole_number(value: float, _: object) -> str:
    return f"{value:,.0f}" if value == round(value) else ""


def _written(text: str) -> str:
    """A text in characters that the font has; the others are escaped."""
    from matplotlib import font_manager, ft2font

    font = ft2font.FT2Font(font_manager.findfont("sans"))
    known = (one if font.get_char_index(ord(one)) else one.encode("unicode_escape").decode() for one in printable(text))
    return "".join(known)
