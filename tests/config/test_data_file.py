"""What .data files say. Bad files: tests/bad_inputs/test_data_files.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknetpy.config.data_file import DataFile, read_data
from darknetpy.errors import ConfigError, Findings

TEXT = """\
# two kinds of animals
classes = 2
train=lists/train.txt
  names\t=  pet names.txt   # as they are shown
valid = a#b.txt
; top = 3
top=5
eval = coco
"""


def read(folder: Path, text: str | bytes = TEXT, findings: Findings | None = None) -> DataFile:
    (folder / "pets.data").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_data(folder / "pets.data", findings)


def test_names_and_values(tmp_path: Path) -> None:
    findings = Findings()
    options = read(tmp_path, findings=findings).options
    assert (options.classes, options.top, options.eval) == (2, 5, "coco")
    assert (options.train, options.names, options.valid) == ("lists/train.txt", "pet names.txt", "a#b.txt")
    assert options.backup is None
    assert options.given == {"classes", "train", "names", "valid", "top", "eval"}
    assert findings.warnings == []


@pytest.mark.parametrize("written", ['"pet names.txt"', "'pet names.txt'"])
def test_quotes_around_a_path_are_no_part_of_it(tmp_path: Path, written: str) -> None:
    assert read(tmp_path, f"names = {written}\n").options.names == "pet names.txt"


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfclasses = 3\n").options.classes == 3


def test_files_are_looked_for_here_and_then_beside_the_data_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / "pet names.txt").write_text("cat\ndog\n")
    data = read(tmp_path / "cfg")
    monkeypatch.chdir(tmp_path)
    assert data.file("names") == tmp_path / "cfg" / "pet names.txt"
    (tmp_path / "pet names.txt").write_text("cat\ndog\n")
    assert data.file("names").resolve() == tmp_path / "pet names.txt"


def test_the_first_name_that_is_set_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.names", "a.labels"):
        (tmp_path / name).write_text("cat\n")
    assert read(tmp_path, "labels=a.labels\nnames=a.names\n").file("names", "labels").name == "a.names"
    assert read(tmp_path, "labels=a.labels\n").file("names", "labels").name == "a.labels"


def test_unknown_names_are_warned_about_with_the_nearest(tmp_path: Path) -> None:
    findings = Findings()
    read(tmp_path, "name = a.names\nclasses = 2\n", findings)
    (warning,) = findings.warnings
    assert (warning.line, warning.section, warning.remedy) == (1, None, "Did you mean names?")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("names", "names"),
        ("names =", "names ="),
        ("= a.names", "= a.names"),
        ("classes = two", "classes=two"),
        ("classes = 0", "classes=0"),
        ("eval = foo", "eval=foo"),
    ],
)
def test_a_line_that_says_nothing_or_something_wrong_is_refused(tmp_path: Path, line: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"# notes\n{line}\n")
    assert (caught.value.found, caught.value.line, caught.value.section) == (found, 2, None)


def test_the_column_of_a_bad_value(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "  classes =  two\n")
    assert caught.value.column == 14


def test_a_file_without_a_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing in the file"):
        read(tmp_path, "# nothing\n")


def test_a_folder_beside_the_data_file_is_used_when_there_is_none_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cfg" / "saved").mkdir(parents=True)
    data = read(tmp_path / "cfg", "backup = saved\n")
    monkeypatch.chdir(tmp_path)
    assert data.folder("backup", "backup", Findings()) == tmp_path / "cfg" / "saved"


def test_as_many_classes_as_the_network(tmp_path: Path) -> None:
    findings = Findings()
    read(tmp_path).require_classes(2, "pets.cfg", findings)
    assert findings.warnings == []
    read(tmp_path, "names=a.names\n").require_classes(2, "pets.cfg", findings)
    (warning,) = findings.warnings
    assert (warning.found, warning.remedy) == ("no classes=", "Add classes=2")
