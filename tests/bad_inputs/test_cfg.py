"""Every row CFG-... of the catalogue of bad inputs.

Rows about a whole network that is to be trained (145 to 147) are in test_training.py.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from darknetpy.config.sections import MAXIMUM_LAYERS, parse_cfg, read_cfg
from darknetpy.config.text import MAXIMUM_BYTES
from darknetpy.errors import MAXIMUM_KEPT, ConfigError, Findings
from darknetpy.graph import build_graph
from tests.bad_inputs import rows_heads, rows_layers, rows_more_layers, rows_net, rows_text, test_training
from tests.bad_inputs.rows import (
    BASE,
    Row,
    assert_one_clear_line,
    assert_points_at,
    collected,
    conv,
    run,
    then,
)

PROJECT = Path(__file__).resolve().parents[2]
ROWS = (
    *rows_text.ROWS, *rows_text.BEYOND, *rows_net.ROWS, *rows_layers.ROWS, *rows_more_layers.ROWS, *rows_heads.ROWS,
)  # fmt: skip


def rows_with(outcome: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if row.outcome == outcome])


@rows_with("error")
def test_error(row: Row) -> None:
    with pytest.raises(ConfigError) as caught:
        run(row.text, training=row.training)
    assert_one_clear_line(caught.value)
    assert_points_at(caught.value, row)


@rows_with("error")
def test_check_finds_the_same_error(row: Row) -> None:
    with pytest.raises(ConfigError) as caught:
        run(row.text, training=row.training)
    found = collected(row.text, training=row.training).errors
    assert str(caught.value) in [str(error) for error in found]
    for error in found:
        assert_one_clear_line(error)


@rows_with("warning")
def test_warning(row: Row) -> None:
    _, findings = run(row.text, training=row.training)
    assert findings.warnings, "no warning"
    for warning in findings.warnings:
        assert_one_clear_line(warning)
    assert_points_at(findings.warnings[0], row)


@rows_with("warning")
def test_a_warning_is_an_error_when_strict(row: Row) -> None:
    with pytest.raises(ConfigError) as caught:
        run(row.text, training=row.training, strict=True)
    assert_points_at(caught.value, row)


@rows_with("ok")
def test_accepted_in_silence(row: Row) -> None:
    graph, findings = run(row.text, training=row.training)
    assert findings.warnings == []
    assert findings.notes == []
    assert len(graph.nodes) >= 1


FILES = {3, 4, 5, 15, 104, 105, 132, 133, 134, 135}
IN_TRAINING = {int(row.name[4:7]) for row in test_training.ROWS if row.name.startswith("CFG-")}


def test_every_row_of_the_catalogue_is_tested() -> None:
    here = {int(row.name[4:7]) for row in ROWS if row.name.startswith("CFG-")} | FILES
    assert here | IN_TRAINING == set(range(1, 153))
    assert not here & IN_TRAINING


def refusal(path: str | bytes | Path) -> ConfigError:
    """The error for a file that cannot be read."""
    with pytest.raises(ConfigError) as caught:
        read_cfg(path)
    assert_one_clear_line(caught.value)
    return caught.value


def test_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CFG-003"""
    monkeypatch.chdir(tmp_path)
    error = refusal("nope.cfg")
    assert (error.path, error.found) == ("nope.cfg", "no such cfg file")
    assert str(tmp_path) in error.remedy


def test_directory(tmp_path: Path) -> None:
    """CFG-004"""
    error = refusal(tmp_path)
    assert (error.path, error.found, error.expected) == (str(tmp_path), "is a directory", "a cfg file")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_unreadable_file(tmp_path: Path) -> None:
    """CFG-005"""
    path = tmp_path / "net.cfg"
    path.write_text(BASE)
    path.chmod(0)
    assert "Permission denied" in refusal(path).found


def test_file_below_a_file(tmp_path: Path) -> None:
    """CFG-005, in a form that binds every user."""
    (tmp_path / "net.cfg").write_text(BASE)
    assert "Not a directory" in refusal(tmp_path / "net.cfg" / "net.cfg").found


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes(seed: int, tmp_path: Path) -> None:
    """CFG-015"""
    (tmp_path / "net.cfg").write_bytes(random.Random(seed).randbytes(4000))
    error = refusal(tmp_path / "net.cfg")
    assert error.expected == "a cfg file"
    assert error.found.startswith("this is ")


TREES = {
    "leaf count": ("a -1\nb -1\n", None, "2 nodes for 4096 inputs"),
    "parent is the node": ("a -1\nb 1\n", 2, "parent 1 of node 1"),
    "parent comes later": ("a 1\nb -1\n", 1, "parent 1 of node 0"),
    "line without number": ("a -1\nb\n", 2, "NAME PARENT"),
    "digits of another script": ("a -1\nb \u0660\n", 2, "NAME PARENT"),
    "empty": ("", None, "NAME PARENT"),
    "weights": ("\0\0\0\0\2\0\0\0\5\0\0\0", None, "weights file"),
}


@pytest.mark.parametrize("name", TREES)
def test_tree_that_does_not_fit(name: str, tmp_path: Path) -> None:
    """CFG-105"""
    text, line, words = TREES[name]
    (tmp_path / "classes.tree").write_text(text)
    cfg = parse_cfg(then("[softmax] tree=classes.tree"), str(tmp_path / "net.cfg"))
    with pytest.raises(ConfigError) as caught:
        build_graph(cfg)
    assert words in str(caught.value)
    assert_one_clear_line(caught.value)
    if line is not None:
        assert (caught.value.path, caught.value.line) == (str(tmp_path / "classes.tree"), line)


def test_tree_with_a_name_that_no_file_can_have() -> None:
    """CFG-104, further"""
    for name in ("x" * 5000, "\u00e9" * 300, "/", "..", "nope/\ttab"):
        with pytest.raises(ConfigError) as caught:
            run(then(f"[softmax] tree={name}".replace("\t", "")))
        assert_one_clear_line(caught.value)


def test_twenty_thousand_sections() -> None:
    """CFG-133"""
    graph, findings = run(then(*["[avgpool]"] * 20_000))
    assert len(graph.nodes) == 20_001
    assert findings.warnings == []


@pytest.mark.parametrize("layers", [MAXIMUM_LAYERS + 1, 1_000_000])
def test_too_many_sections(layers: int) -> None:
    """CFG-134"""
    with pytest.raises(ConfigError) as caught:
        parse_cfg("[net]\n" + "[avgpool]\n" * layers, "net.cfg")
    assert (caught.value.found, caught.value.line) == ("section number 100002", 100_002)
    assert caught.value.expected == "[net] and at most 100000 layers"
    assert_one_clear_line(caught.value)


def test_as_many_sections_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darknetpy.config.sections.MAXIMUM_LAYERS", 5)
    assert len(parse_cfg("[net]\n" + "[avgpool]\n" * 5).layers) == 5
    with pytest.raises(ConfigError):
        parse_cfg("[net]\n" + "[avgpool]\n" * 6)


def test_too_large_a_file(tmp_path: Path) -> None:
    """CFG-135: a file of holes, so that the test costs nothing"""
    with (tmp_path / "net.cfg").open("wb") as file:
        file.truncate(2**30)
    error = refusal(tmp_path / "net.cfg")
    assert (error.found, error.expected) == (f"{2**30} bytes", f"a cfg file of at most {MAXIMUM_BYTES} bytes")


@pytest.mark.parametrize("path", ["", "a\0b.cfg", "x" * 5000 + ".cfg", "\ud800.cfg", b"nope.cfg", b"\xff.cfg"])
def test_paths_that_lead_nowhere(path: str | bytes) -> None:
    refusal(path)


def test_a_whole_cfg_given_as_a_path() -> None:
    error = refusal(BASE * 100)
    assert error.path == BASE * 100


def test_special_files() -> None:
    assert refusal(os.devnull).found == "is not a regular file"


def test_no_end_of_warnings() -> None:
    """Very many mistakes are kept within bounds, and the last of those kept says so."""
    _, findings = run(BASE + "filters=4\n" * 3000)
    assert len(findings.warnings) == MAXIMUM_KEPT
    assert "more warnings follow" in str(findings.warnings[-1])


def test_no_end_of_errors() -> None:
    findings = Findings(collect=True)
    with pytest.raises(ConfigError):
        parse_cfg("[net]\n" + "=\n" * 3000, "net.cfg", findings)
    assert len(findings.errors) == MAXIMUM_KEPT


def test_first_value_counts_where_a_key_repeats() -> None:
    """CFG-025"""
    graph, _ = run(BASE + "filters=9\n")
    assert graph.nodes[0].options.filters == 4


def test_values_of_accepted_rows() -> None:
    """CFG-021 to 024, 031, 143: what is accepted means what it says."""
    for line, option, value in (
        ("filters = 4", "filters", 4),
        ("filters=4 # four", "filters", 4),
        ("filters=4\t; four", "filters", 4),
        ("activation=leaky # c", "activation", "leaky"),
        ("activation=leaky#c", "activation", "leaky"),
        ("size=3;x", "size", 3),
        ("filters=4.0", "filters", 4),
        ("filters=+4", "filters", 4),
        ("filters=04", "filters", 4),
    ):
        graph, _ = run(conv(line))
        assert graph.nodes[0].options[option] == value, line


def test_a_command_answers_with_one_line(tmp_path: Path) -> None:
    """The whole family once as a user meets it: exit code 1, one line, no traceback, nothing on stdout."""
    path = tmp_path / "net.cfg"
    path.write_text(conv("filters=four"))
    command = [sys.executable, "-m", "darknetpy", "summary", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert (answer.returncode, answer.stdout) == (1, "")
    expected = f"{path}:9:9: [convolutional] layer 0: filters=four, expected a whole number, at least 1."
    assert answer.stderr.startswith(f"error: {expected}")
    assert answer.stderr.count("\n") == 1
