"""How fast a training is, and when it will be done."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

MEMORY_SECONDS = 600.0
"""What is that much older counts a third as much in the estimate of the time that is left."""
SPEED_SECONDS = 5.0
"""The same for the pictures a second."""


class Pace:
    """Measures iterations as they come, with all that belongs to them: validations and checkpoints too.

    The first iteration is not counted: what is compiled and read for the first time takes longer once.

    Args:
        iteration, pictures: where the training stands when this is made.
        clock: gives seconds.

    >>> pace = Pace(0, 0)
    >>> pace.add(1, 64, 500.0)
    >>> pace.seconds_left(1000) is None, round(pace.pictures_per_second)
    (True, 500)
    """

    def __init__(self, iteration: int, pictures: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._begun = clock, clock()
        self._first: int = iteration + 1
        self._iteration, self._pictures, self._reached_at = iteration, pictures, self._begun
        self._lately = _Lately(MEMORY_SECONDS)
        self._computed = _Lately(SPEED_SECONDS)

    def add(self, iteration: int, pictures: int, pictures_per_second: float) -> None:
        """An iteration is done, at that speed; so many pictures have been seen in all."""
        now = self._clock()
        seconds, self._reached_at = now - self._reached_at, now
        if iteration > self._first:
            self._lately.add(iteration - self._iteration, seconds)
        new = pictures - self._pictures
        self._computed.add(new, new / pictures_per_second)
        self._iteration, self._pictures = iteration, pictures

    @property
    def elapsed(self) -> float:
        """Seconds since this was made."""
        return self._clock() - self._begun

    @property
    def pictures_per_second(self) -> float:
        """Lately, without validations; 0 before the first iteration is done."""
        return self._computed.speed

    @property
    def measured(self) -> float:
        """Seconds of iterations behind the first one, from which the time that is left is estimated."""
        return self._lately.seconds

    def seconds_left(self, last: int) -> float | None:
        """Until that iteration is done, as far as one can know; None before the second iteration is done."""
        if not self._lately.speed:
            return None
        left = (last - self._iteration) / self._lately.speed
        return max(left - (self._clock() - self._reached_at), 0.0)


class _Lately:
    """How much is done in a second; what was long ago counts less and less."""

    def __init__(self, memory: float) -> None:
        self._memory, self._amount, self.seconds = memory, 0.0, 0.0

    def add(self, amount: float, seconds: float) -> None:
        kept = math.exp(-seconds / self._memory)
        self._amount, self.seconds = self._amount * kept + amount, self.seconds * kept + seconds

    @property
    def speed(self) -> float:
        """0 before there is anything."""
        return self._amount / self.seconds if self.seconds > 0 else 0.0


def time_text(seconds: float) -> str:
    """A time for people.

    >>> time_text(12), time_text(187), time_text(19_200), time_text(200_000)
    ('12 s', '3:07 min', '5:20 h', '2 d 7 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    if whole < 48 * 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02} h"
    return f"{whole // 86400} d {whole // 3600 % 24} h"
