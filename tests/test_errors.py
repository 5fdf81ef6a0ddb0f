"""Errors and warnings: one grammar, harmless text, fields that travel, and findings."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknetpy import errors
from darknetpy.errors import (
    MAXIMUM_KEPT,
    ConfigError,
    DarknetpyError,
    DarknetpyWarning,
    DataError,
    Findings,
    ImageError,
    TrainingError,
    WeightsError,
    did_you_mean,
    nearest,
    printable,
    printable_path,
)

CLASSES = (ConfigError, WeightsError, ImageError, DataError, TrainingError, DarknetpyError, DarknetpyWarning)
ESCAPE = chr(27)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"found": "size=0"}, "size=0."),
        ({"found": "size=0", "expected": "a number"}, "size=0, expected a number."),
        ({"found": "size=0", "expected": "a number", "remedy": "Write size=1"},
         "size=0, expected a number. Write size=1."),
        ({"found": "size=0", "remedy": "Did you mean size=1?"}, "size=0. Did you mean size=1?"),
        ({"found": "x", "path": "a.cfg"}, "a.cfg: x."),
        ({"found": "x", "path": "a.cfg", "line": 3}, "a.cfg:3: x."),
        ({"found": "x", "path": "a.cfg", "line": 3, "column": 7}, "a.cfg:3:7: x."),
        ({"found": "x", "path": "a.cfg", "column": 7}, "a.cfg: x."),
        ({"found": "x", "line": 3, "column": 7}, "3:7: x."),
        ({"found": "x", "section": "net"}, "[net]: x."),
        ({"found": "x", "layer": 0}, "layer 0: x."),
        ({"found": "x", "path": "a.cfg", "line": 3, "section": "yolo", "layer": 15, "option": "mask"},
         "a.cfg:3: [yolo] layer 15: x."),
        ({"found": "x", "path": Path("a b.cfg")}, "a b.cfg: x."),
        ({"found": "x", "path": b"a.cfg"}, "a.cfg: x."),
    ],
)  # fmt: skip
def test_grammar(fields: dict[str, object], text: str) -> None:
    for kind in CLASSES:
        assert str(kind(**fields)) == text  # type: ignore[arg-type]


def test_classes_are_value_errors_and_a_warning() -> None:
    for kind in CLASSES[:-1]:
        assert issubclass(kind, DarknetpyError)
        assert issubclass(kind, ValueError)
    assert issubclass(DarknetpyWarning, UserWarning)
    assert not issubclass(DarknetpyWarning, DarknetpyError)


@pytest.mark.parametrize("kind", CLASSES)
def test_fields_travel_between_processes(kind: type[DarknetpyError]) -> None:
    error = kind("found", "expected", "Remedy", path="a\udcff.cfg", line=3, column=4, section="s", layer=0, option="o")
    fields = {
        "found": "found", "expected": "expected", "remedy": "Remedy", "path": "a\udcff.cfg", "line": 3, "column": 4,
        "section": "s", "layer": 0, "option": "o",
    }  # fmt: skip
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is kind
        assert other.fields() == error.fields() == fields
        assert str(other) == str(error)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("b\u00e4r \u732b", "b\u00e4r \u732b"),
        (f"a{ESCAPE}[2J", "a\\x1b[2J"),
        ("a\nb\tc\rd\0", "a\\nb\\tc\\rd\\x00"),
        ("a\u202eb\u200bc\u2028\x85", "a\\u202eb\\u200bc\\u2028\\x85"),
        ("\ud800\udcff", "\\ud800\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("a\\x1b", "a\\x1b"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "... (81 characters)"),
        (7, "7"),
    ],
)
def test_printable(text: object, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown, None) == shown


def test_printable_without_limit() -> None:
    assert printable("x" * 500, None) == "x" * 500


def test_long_paths_keep_beginning_and_end() -> None:
    assert printable_path("/a" * 100) == "/a" * 100
    shown = printable_path("start" + "x" * 5000 + "end.cfg")
    assert shown.startswith("startx")
    assert shown.endswith("xend.cfg")
    assert len(shown) < 210
    assert printable_path(f"a{ESCAPE}.cfg") == "a\\x1b.cfg"
    error = ConfigError("x", path="y" * 5000)
    assert len(str(error)) < 220
    assert error.path == "y" * 5000


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=400), st.text(min_size=1), st.text())
def test_any_fields_make_one_harmless_line(found: str, expected: str, remedy: str, path: str, section: str) -> None:
    text = str(ConfigError(found, expected, remedy, path=path, line=1, section=section, layer=2))
    assert text.isprintable()
    assert text.endswith((".", "?"))
    text.encode("utf-8")


def test_long_parts_are_cut() -> None:
    error = DataError("f" * 10_000, "e" * 10_000, "r" * 10_000)
    assert len(str(error)) < 850
    assert error.found == "f" * 10_000


def test_findings_raise_the_first_error() -> None:
    findings = Findings()
    error = DataError("x")
    with pytest.raises(DataError) as caught:
        findings.error(error)
    assert caught.value is error
    assert findings.errors == []


def test_findings_collect() -> None:
    findings = Findings(collect=True)
    findings.error(ConfigError("x"))
    findings.error(DataError("y"))
    findings.warning(DarknetpyWarning("z"))
    findings.note("n")
    assert [type(error) for error in findings.errors] == [ConfigError, DataError]
    assert [warning.found for warning in findings.warnings] == ["z"]
    assert findings.notes == ["n"]


def test_strict_findings_take_warnings_for_errors() -> None:
    with pytest.raises(ImageError) as caught:
        Findings(strict=True).warning(DarknetpyWarning("x", "y", path="a.jpg", line=2), ImageError)
    assert str(caught.value) == "a.jpg:2: x, expected y."
    findings = Findings(strict=True, collect=True)
    findings.warning(DarknetpyWarning("x"))
    assert [type(error) for error in findings.errors] == [ConfigError]
    assert findings.warnings == []


def test_findings_are_kept_within_bounds() -> None:
    findings = Findings(collect=True)
    for number in range(MAXIMUM_KEPT + 10):
        findings.warning(DarknetpyWarning(str(number), path="a.cfg"))
    assert [warning.found for warning in findings.warnings[:-1]] == [str(number) for number in range(MAXIMUM_KEPT - 1)]
    assert str(findings.warnings[-1]).startswith("a.cfg: more warnings follow")
    for _ in range(MAXIMUM_KEPT):
        findings.error(ConfigError("x"))
    with pytest.raises(ConfigError):
        findings.error(ConfigError("x"))
    assert len(findings.errors) == MAXIMUM_KEPT


def test_warnings_go_through_python_s_own_machinery() -> None:
    with pytest.warns(DarknetpyWarning, match=r"a\.cfg: x\."):
        warnings.warn(DarknetpyWarning("x", path="a.cfg"), stacklevel=1)


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("fitlers", ["filters", "groups"], ["filters"]),
        ("LEAKY", ["leaky", "relu"], ["leaky"]),
        ("gaussian_yolo", ["Gaussian_yolo", "yolo"], ["Gaussian_yolo"]),
        ("zzz", ["filters"], []),
        ("", ["filters"], []),
        ("x" * 100_000, ["filters"], []),
        ("filters", [], []),
    ],
)
def test_nearest(name: str, known: list[str], expected: list[str]) -> None:
    assert nearest(name, known) == expected
    assert did_you_mean(name, known) == (f"Did you mean {expected[0]}?" if expected else "")


def test_several_nearest_best_first() -> None:
    assert nearest("strides", ["pad", "stride_x", "stride"], 2) == ["stride", "stride_x"]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    named = {word for word in errors.__doc__.split() if word.endswith("Error") and word.isidentifier()}
    assert named - {"ValueError"} == {kind.__name__ for kind in CLASSES[:-1]}
