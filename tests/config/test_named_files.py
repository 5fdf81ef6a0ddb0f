"""Files that a cfg names."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknetpy.config.named_files import find_named_file
from darknetpy.config.sections import Section
from darknetpy.errors import ConfigError


def section(path: Path | None) -> Section:
    place = None if path is None else str(path)
    return Section("softmax", 3, 0, place, {"tree": "data/a.tree"}, {"tree": "data/a.tree"}, {"tree": 4}, {"tree": 6})


def put(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.tree").write_text("a -1\n")
    return folder


def test_the_current_folder_comes_before_that_of_the_cfg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = put(tmp_path / "here"), put(tmp_path / "there")
    monkeypatch.chdir(here)
    assert find_named_file(section(there / "net.cfg"), "tree", "data/a.tree").resolve() == here / "data" / "a.tree"
    monkeypatch.chdir(tmp_path)
    assert find_named_file(section(there / "net.cfg"), "tree", "data/a.tree").resolve() == there / "data" / "a.tree"


def test_absolute_paths_are_taken_as_they_are(tmp_path: Path) -> None:
    path = put(tmp_path / "elsewhere") / "data" / "a.tree"
    assert find_named_file(section(None), "tree", str(path)) == path


@pytest.mark.parametrize("name", ["net.cfg", None])
def test_a_missing_file_is_refused_at_its_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        find_named_file(section(None if name is None else tmp_path / name), "tree", "data/a.tree")
    assert caught.value.found.startswith("tree=data/a.tree: no such file in ")
    assert ("nor in the folder of the cfg" in caught.value.found) == (name is not None)
    assert (caught.value.line, caught.value.column, caught.value.option) == (4, 6, "tree")


def test_a_folder_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "a.tree").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        find_named_file(section(None), "tree", "data/a.tree")
