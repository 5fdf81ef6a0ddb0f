"""Files that a cfg names: a tree of classes, a map of class numbers."""

from __future__ import annotations

import os
from pathlib import Path

from darknetpy.config.sections import Section
from darknetpy.errors import ConfigError, printable, printable_path


def find_named_file(section: Section, option: str, name: str) -> Path:
    """The file that ``option=name`` of a section means: from the current folder, else from the folder of the cfg.

    Raises ConfigError, pointing at the option, where neither has it.
    """
    folders = [Path()] if section.path is None else [Path(), Path(os.fspath(section.path)).parent]
    for folder in folders:
        if os.path.isfile(folder / name):  # noqa: PTH113  # Path.is_file raises for names that are too long
            return folder / name
    looked = ", nor in the folder of the cfg" if section.path is not None else ""
    raise ConfigError(
        f"{option}={printable(name)}: no such file in {printable_path(str(Path.cwd()))}{looked}",
        "a file that can be read",
        "Check how the path is written",
        **section.at(option),
    )
