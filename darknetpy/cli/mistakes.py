"""What a classifier gets wrong, for people: lines of what is taken for what, and pictures of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from darknetpy.cli.saving import write_picture
from darknetpy.errors import printable

if TYPE_CHECKING:
    from darknetpy.evaluation.tally import Tally

PAIRS = 10  # classes taken for others that are shown
ON_A_SHEET, MOST_ON_A_SHEET = 40, 400  # mistakes


def pair_lines(tally: Tally, most: int = PAIRS, heading: str = "Most often:") -> list[str]:
    """The mistakes that are made most often, a line each, under a heading; none where there is no mistake."""
    from darknetpy.evaluation.confusion import confused_pairs

    names = [printable(name) for name in tally.names]
    pairs = confused_pairs(tally.confusion, most)
    lines = [f"  {pair.times:,} x {names[pair.right]} taken for {names[pair.answered]}" for pair in pairs]
    return [heading, *lines] if lines else []


def write_confusion(path: Path, tally: Tally) -> None:
    """Draw the table of confusion. Raises DataError where the file cannot be written."""
    from darknetpy.evaluation.confusion import draw_confusion

    write_picture(path, draw_confusion(tally.confusion, tally.names))


def write_mistakes(path: Path, tally: Tally) -> None:
    """Draw the surest mistakes on a sheet, at most 400. Raises DataError where the file cannot be written."""
    from darknetpy.evaluation.mistakes import draw_mistakes

    write_picture(path, draw_mistakes(tally.mistakes[:MOST_ON_A_SHEET], tally.names))
