"""Maps of classes: for each class of one list, its number in another, one a line.

Source of the format: AlexeyAB/darknet src/utils.c, read_map.
"""

from __future__ import annotations

import os

from darknetpy.config.text import read_text
from darknetpy.errors import ConfigError, printable


def read_class_map(path: str | os.PathLike[str]) -> tuple[int, ...]:
    """The numbers of a map file, in order. Raises ConfigError, with the line, where one is not a class number.

    >>> read_class_map("coco9k.map")[:2]  # doctest: +SKIP
    (5177, 3768)
    """
    lines = [line.strip() for line in read_text(path, "map of classes").lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise ConfigError("no lines in the file", "a class number a line", "Get the file again", path=path)
    for number, line in enumerate(lines, 1):
        if not (line.isascii() and line.isdigit() and len(line) < 10):
            found = f"the line {printable(line)}" if line else "a blank line"
            remedy = "Write one number a line, counted from 0"
            raise ConfigError(found, "a class number", remedy, path=path, line=number)
    return tuple(int(line) for line in lines)
