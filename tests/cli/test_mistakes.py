"""Lines and pictures of what a classifier gets wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.cli.mistakes import pair_lines, write_confusion, write_mistakes
from darknetpy.errors import DataError
from darknetpy.evaluation.confusion import draw_confusion
from darknetpy.evaluation.mistakes import draw_mistakes
from darknetpy.evaluation.tally import Tally


@pytest.fixture
def tally(tmp_path: Path) -> Tally:
    """Two classes, one of whose names is nothing to print; three of five pictures are wrong."""
    found = Tally(["cat", "dog\x1b"], worst=9)
    paths = [str(tmp_path / f"{number}.png") for number in range(5)]
    for path in paths:
        Image.new("RGB", (8, 8), (9, 99, 199)).save(path)
    answers = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9], [0.6, 0.4]], np.float32)
    found.add(answers, [0, 1, 0, 1, 1], paths)
    return found


def test_pairs_have_a_line_each(tally: Tally) -> None:
    lines = ["Most often:", "  2 x dog\\x1b taken for cat", "  1 x cat taken for dog\\x1b"]
    assert pair_lines(tally) == lines
    assert pair_lines(tally, 1) == lines[:2]
    assert pair_lines(Tally(["cat", "dog"])) == []


def test_pictures_are_written(tally: Tally, tmp_path: Path) -> None:
    write_confusion(tmp_path / "a.png", tally)
    write_mistakes(tmp_path / "b.png", tally)
    for name, expected in (
        ("a.png", draw_confusion(tally.confusion, tally.names)), ("b.png", draw_mistakes(tally.mistakes, tally.names))
    ):  # fmt: skip
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name)), expected)
    with pytest.raises(DataError, match="no such folder"):
        write_confusion(tmp_path / "none" / "a.png", tally)
