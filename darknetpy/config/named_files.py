"""Files that a cfg or a .data file names: a tree of classes, a map of class numbers, class names."""

from __future__ import annotations

import os
from pathlib import Path

from darknetpy.config.sections import Section
from darknetpy.errors import ConfigError, printable, printable_path


def find_named_file(section: Section, option: str, name: str, *, owner: str = "cfg") -> Path:
    """The file that ``option=name`` of a section means: from the current folder, else from the folder of the ``owner``,
    the file that it stands in.

    Raises ConfigError, pointing at the option, where neither has it.
    """
    folders = [Path()] if section.path is None else [Path(), Path(os.fspath(section.path)).parent]
    for folder in folders:
        if os.path.isfile(folder / name):  # noqa: PTH113  # Path.is_file raises for names that are too long
            return folder / name
    looked = f", nor in the folder of the {owner}" if section.path is not None else ""
    raise ConfigError(
        f"{option}={printable(name)}: no such file in {printable_path(str(Path.cwd()))}{looked}",
        "a file that can be read",
        "Check how the path is written",
        **section.at(option),
    )
