"""What a training says in lines: for a log, and for the end of what a terminal has shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from darknetpy.cli import terminal

if TYPE_CHECKING:
    from darknetpy.evaluation.tally import Tally
    from darknetpy.training.course import Validated
    from darknetpy.training.loop import Progress
    from darknetpy.training.pace import Pace

SECONDS_BETWEEN, SECONDS_OF_SILENCE = 2.0, 30.0
SHARE_BETWEEN = 0.01  # of all iterations


def iteration_text(progress: Progress, last: int, pace: Pace) -> str:
    """The figures of an iteration in one line."""
    from darknetpy.training.pace import time_text

    figures, left = progress.figures, pace.seconds_left(last)
    return (
        f"{figures.iteration}/{last}: loss {figures.loss:.4f}, average {figures.average:.4f}, "
        f"rate {figures.rate:.4g}, {pace.pictures_per_second:.0f} pictures/s"
        + ("" if left is None or figures.iteration >= last else f", {time_text(left)} left")
    )


def validation_text(iteration: int, tally: Tally, *, is_best: bool) -> str:
    """What came of a validation, in one line."""
    best = ", the best so far" if is_best else ""
    top = f" ({tally.top_share:.2%} among the best {tally.top})" if 1 < tally.top < len(tally.names) else ""
    return f"validation at iteration {iteration}: {tally.accuracy:.2%} of {tally.count} pictures right{top}{best}"


def validated_text(one: Validated) -> str:
    """What an earlier validation was, in words."""
    return f"{one.accuracy:.2%} right at iteration {one.iteration}"


class Lines:
    """Lines on standard output: of the first iteration, of the last one and of some between, and of each validation.

    Args:
        last: the iteration that ends the training.
        every: iterations between lines. If None, a line is written when a hundredth of the iterations is done or half a
            minute has passed, but two seconds lie between them.
        clock: gives seconds.
    """

    def __init__(self, last: int, every: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._last, self._every, self._clock = last, every, clock
        self._said_at: float | None = None
        self._said: int = 0

    def show(self, progress: Progress, pace: Pace) -> None:
        """Say how an iteration went, if it is time for it. Raises what `terminal.answer` raises."""
        iteration = progress.figures.iteration
        if self._is_due(iteration) or progress.validation is not None:
            self._said_at, self._said = self._clock(), iteration
            terminal.answer(iteration_text(progress, self._last, pace))
        if progress.validation is not None:
            terminal.answer(validation_text(iteration, progress.validation, is_best=progress.is_best))

    def has_said(self, progress: Progress) -> bool:
        """Whether there was a line for this iteration."""
        return self._said == progress.figures.iteration

    def _is_due(self, iteration: int) -> bool:
        if self._said_at is None or iteration == self._last:
            return True
        if self._every is not None:
            return iteration % self._every == 0
        passed = self._clock() - self._said_at
        much = iteration - self._said >= SHARE_BETWEEN * self._last
        return passed >= SECONDS_OF_SILENCE or (much and passed >= SECONDS_BETWEEN)
