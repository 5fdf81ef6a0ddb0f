"""Every row DATA-024 to DATA-030 of the catalogue of bad inputs: files of class names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from darknetpy.config.names import fit_names, read_names
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings, printable
from tests.bad_inputs.rows import assert_one_clear_line


def read(tmp_path: Path, data: bytes) -> tuple[list[str], list[DarknetpyWarning]]:
    (tmp_path / "a.names").write_bytes(data)
    findings = Findings()
    names = read_names(tmp_path / "a.names", findings)
    for warning in findings.warnings:
        assert_one_clear_line(warning)
        assert warning.path == str(tmp_path / "a.names")
    return names, findings.warnings


def refusal(tmp_path: Path, data: bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, data)
    assert_one_clear_line(caught.value)
    assert caught.value.path == str(tmp_path / "a.names")
    return caught.value


def test_fewer_names_than_classes() -> None:
    """DATA-024"""
    with pytest.raises(ConfigError) as caught:
        fit_names(["cat"], 2, "a.names", "a.cfg", Findings())
    assert_one_clear_line(caught.value)
    assert str(caught.value).startswith("a.names: 1 class name, expected one for each of the 2 classes of a.cfg. ")


def test_more_names_than_classes() -> None:
    """DATA-025"""
    with pytest.raises(ConfigError) as caught:
        fit_names(["a", "b", "c"], 2, "a.names", "a.cfg", Findings(), exact=True)
    assert_one_clear_line(caught.value)
    findings = Findings()
    assert fit_names(["a", "b", "c"], 2, "a.names", "a.cfg", findings) == ["a", "b"]
    (warning,) = findings.warnings
    assert_one_clear_line(warning)
    assert (warning.found, warning.remedy) == ("3 class names", "The first 2 are used")


@pytest.mark.parametrize("end", [b"\n", b"\n\n", b"\n  \n\t\r\n"])
def test_blank_lines_at_the_end(end: bytes, tmp_path: Path) -> None:
    """DATA-026"""
    assert read(tmp_path, b"cat\ndog" + end) == (["cat", "dog"], [])


def test_blank_line_inside(tmp_path: Path) -> None:
    """DATA-027"""
    names, (warning,) = read(tmp_path, b"cat\n\ndog\n")
    assert names == ["cat", "class_1", "dog"]
    assert (warning.line, warning.found, warning.remedy) == (2, "a blank line", "This class is called class_1")


def test_names_that_attack_whoever_shows_them(tmp_path: Path) -> None:
    """DATA-028: they are kept, and made harmless where they are shown"""
    hostile = ["<script>", "\x1b[2Jcat", 'say "cat"', "C:\\cat", "a\u202etac", "\x07bell"]
    names, warnings = read(tmp_path, "\n".join(hostile).encode())
    assert (names, warnings) == (hostile, [])
    assert all(printable(name).isprintable() for name in names)
    assert json.loads(json.dumps(names)) == hostile


def test_nul_in_a_name(tmp_path: Path) -> None:
    """DATA-028, further"""
    error = refusal(tmp_path, b"cat\nd\0g\n")
    assert (error.line, error.column, error.found) == (2, 2, "a NUL byte")


def test_latin_1(tmp_path: Path) -> None:
    """DATA-029"""
    names, (warning,) = read(tmp_path, b"b\xe4r\n")
    assert names == ["b\u00e4r"]
    assert str(warning).endswith("Latin-1 text, expected UTF-8. Save the file as UTF-8.")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_utf_16(encoding: str, tmp_path: Path) -> None:
    """DATA-029"""
    error = refusal(tmp_path, "cat\ndog\nhorse\n".encode(encoding))
    assert error.found in ("UTF-16 text", "this is not a text file")


def test_duplicate_names(tmp_path: Path) -> None:
    """DATA-030"""
    names, (warning,) = read(tmp_path, b"cat\ndog\ncat\n")
    assert names == ["cat", "dog", "cat"]
    assert (warning.line, warning.found) == (3, "cat stands here and in line 1")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "no class names in the file"),
        (b"\n \n\n", "no class names in the file"),
        (b"[net]\nwidth=8\n", "this is a Darknet cfg file"),
        (b"# a network\n\n[convolutional]\n", "this is a Darknet cfg file"),
        (b"<!DOCTYPE html>\n<html>", "this is an HTML page (did a download fail?)"),
        (b"\0\0\0\0\2\0\0\0\5\0\0\0\0\0\0\0", "this is a Darknet weights file"),
        (b"\xff\xd8\xff\xe0....", "this is a JPEG picture"),
        (bytes(range(256)) * 4, "this is not a text file"),
    ],
)
def test_files_that_hold_no_names(data: bytes, found: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, data).found == found


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "nope.names", tmp_path):
        with pytest.raises(ConfigError) as caught:
            read_names(path)
        assert_one_clear_line(caught.value)
        assert "file of class names" in str(caught.value)
