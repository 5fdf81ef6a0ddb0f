"""Rows DATA-001 to DATA-010 and DATA-035 of the catalogue of bad inputs: .data files."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknetpy.config.data_file import DataFile, read_data
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings
from tests.bad_inputs.rows import assert_one_clear_line


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str) -> DataFile:
    Path("a.data").write_bytes(text.encode())
    return read_data("a.data")


def refused(caught: pytest.ExceptionInfo[ConfigError], found: str) -> None:
    assert_one_clear_line(caught.value)
    assert caught.value.path == "a.data"
    assert found in caught.value.found


def test_missing() -> None:
    """DATA-001"""
    with pytest.raises(ConfigError) as caught:
        read_data("a.data")
    refused(caught, "no such .data file")


def test_line_ends_of_other_systems() -> None:
    """DATA-002"""
    assert read("classes=2\r\ntop=3\r\n").options.top == 3


def test_blanks_in_a_path() -> None:
    """DATA-003"""
    Path("my data").mkdir()
    Path("my data/train.txt").write_text("a.png\n")
    assert read("train = my data/train.txt\n").file("train") == Path("my data/train.txt")


@pytest.mark.parametrize("name", ["train", "names"])
def test_a_name_that_is_not_set(name: str) -> None:
    """DATA-004, DATA-005"""
    with pytest.raises(ConfigError) as caught:
        read("classes=2\n").file(name)
    refused(caught, f"no {name}=")


def test_no_backup() -> None:
    """DATA-006"""
    findings = Findings()
    assert read("classes=2\n").folder("backup", "backup", findings) == Path("backup")
    warning: DarknetpyWarning
    (warning,) = findings.warnings
    assert_one_clear_line(warning)
    assert warning.found == "no backup="
    assert Path("backup").is_dir()


def test_a_backup_folder_that_does_not_exist_is_made() -> None:
    """DATA-007"""
    findings = Findings()
    assert read("backup = runs/one\n").folder("backup", "backup", findings) == Path("runs/one")
    assert Path("runs/one").is_dir()
    assert findings.warnings == []


@pytest.mark.parametrize("path", ["taken", "taken/below"])
def test_a_backup_folder_that_cannot_be_written(path: str) -> None:
    """DATA-008"""
    Path("taken").write_text("a file")
    with pytest.raises(ConfigError) as caught:
        read(f"backup = {path}\n").folder("backup", "backup", Findings())
    refused(caught, f"backup={path}: nothing can be written there")


def test_other_classes_than_the_network() -> None:
    """DATA-009, DATA-010"""
    with pytest.raises(ConfigError) as caught:
        read("classes = 9\n").require_classes(2, "a.cfg", Findings())
    refused(caught, "classes=9")
    assert caught.value.expected == "the 2 classes of a.cfg"


def test_a_name_that_is_set_twice() -> None:
    """DATA-035"""
    with pytest.raises(ConfigError) as caught:
        read("train=a.txt\n\ntrain=b.txt\n")
    refused(caught, "train=b.txt repeats train= of line 1")
    assert caught.value.line == 3


def test_a_cfg_in_its_place() -> None:
    """CLI-011"""
    with pytest.raises(ConfigError) as caught:
        read("[net]\nwidth=8\n")
    refused(caught, "this is a Darknet cfg file")
