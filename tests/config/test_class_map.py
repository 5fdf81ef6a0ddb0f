"""Maps of classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknetpy.config.class_map import read_class_map
from darknetpy.errors import ConfigError


def test_numbers_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.map"
    path.write_text("5177\n3768\n 0\n\n")
    assert read_class_map(path) == (5177, 3768, 0)


def test_a_map_of_the_original_project(shared: Path) -> None:
    assert len(read_class_map(shared / "data" / "zoo" / "labels" / "coco9k.map")) == 80


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("1\ntwo\n", 2, "the line two"),
        ("1\n\n2\n", 2, "a blank line"),
        ("-1\n", 1, "the line -1"),
        ("1.5\n", 1, "the line 1.5"),
        ("99999999999\n", 1, "the line 99999999999"),
        ("", None, "no lines in the file"),
    ],
)
def test_other_lines_are_refused(text: str, line: int | None, found: str, tmp_path: Path) -> None:
    path = tmp_path / "a.map"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_class_map(path)
    assert (caught.value.line, caught.value.found) == (line, found)
