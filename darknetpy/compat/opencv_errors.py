"""The error that OpenCV's names raise here, and how other errors become it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from darknetpy.errors import DarknetpyError


class error(DarknetpyError):  # scripts write ``except cv2.error``
    """What ``except cv2.error`` catches: something that a script can mend, with the fields of a DarknetpyError."""

    @property
    def msg(self) -> str:
        """The whole message, by OpenCV's name."""
        return str(self)


@contextmanager
def errors_of_opencv() -> Iterator[None]:
    """Raise every DarknetpyError of the block as `error`, with the same fields."""
    try:
        yield
    except error:
        raise
    except DarknetpyError as problem:
        raise error(**problem.fields()) from problem  # type: ignore[arg-type]  # the same fields by construction
