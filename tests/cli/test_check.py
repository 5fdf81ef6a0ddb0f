"""``darknetpy check``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from darknetpy.cli.main import main
from tests.cli.conftest import CFG

BROKEN = (
    CFG.replace("filters=4", "fitlers=4")
    .replace("size=3", "size=abc")
    .replace("leaky", "leakyy")
    .replace("[avgpool]", "[avgpol]")
)


def checked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """Exit code and lines of the answer; nothing goes to standard error."""
    code = main(["check", *words])
    out, err = capsys.readouterr()
    assert err == ""
    return code, out.splitlines()


def test_what_is_right_takes_one_line(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["small.cfg"], ["small.cfg", "small.weights"], ["small.cfg", "small.weights", "--strict"]):
        assert checked(capsys, *words) == (0, ["small.cfg: ok, 4 layers, 139 parameters"])


def test_all_mistakes_are_listed_at_once(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.cfg"
    path.write_text(BROKEN)
    code, lines = checked(capsys, str(path), "small.weights")
    assert code == 1
    starts = [
        f"error: {path}:9:6: [convolutional] layer 0: size=abc, expected a whole number",
        f"error: {path}:11:12: [convolutional] layer 0: activation=leakyy, expected one of",
        f"error: {path}:18: [avgpol] layer 2: unknown section [avgpol]. Did you mean [avgpool]?",
        f"warning: {path}:8:9: [convolutional] layer 0: unknown option fitlers=. Did you mean filters?",
        "note: small.weights is not checked before the cfg is right",
        f"{path}: 3 errors, 1 warning",
    ]
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=True)] == starts


def test_warnings_alone_are_no_failure_unless_strict(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.cfg"
    path.write_text(CFG + "temperatur=3\n")
    code, lines = checked(capsys, str(path), "small.weights")
    assert code == 0
    assert lines[0].startswith(f"warning: {path}:")
    assert lines[1].startswith("note: no names of classes")
    assert lines[2] == f"{path}: ok, 4 layers, 139 parameters, 1 warning"
    code, lines = checked(capsys, str(path), "--strict")
    assert code == 1
    assert lines[0].startswith(f"error: {path}:")
    assert lines[-1] == f"{path}: 1 error"


def test_files_that_do_not_fit_are_listed_too(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, (first, second, last) = checked(capsys, "small.cfg", "cut.weights", "--names", "two.names")
    assert code == 1
    assert first.startswith("error: two.names: 2 class names, expected ")
    assert second.startswith("error: cut.weights: ")
    assert "layer 0" in second
    assert last == "small.cfg: 2 errors"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.cfg"], "none.cfg: no such cfg file"),
        (["small.weights", "small.cfg"], "small.weights: this is a Darknet weights file, expected a cfg file"),
        (["small.cfg", "none.weights"], "none.weights: no such weights file"),
        (["small.cfg", "photos/0.png"], "photos/0.png: this is a PNG picture"),
        (["small.cfg", "--names", "none.names"], "none.names: no such file of class names"),
        (["no-such-network"], "no network called no-such-network"),
    ],
)
def test_files_that_cannot_be_read_are_findings(
    files: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    code, (error, last) = checked(capsys, *words)
    assert code == 1
    assert error.startswith("error: ")
    assert message in error
    assert last == f"{words[0]}: 1 error"


def test_json_has_the_fields_of_every_finding(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.cfg"
    path.write_text(BROKEN)
    assert main(["check", str(path), "small.weights", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["network"], document["weights"]) == (str(path), "small.weights")
    assert (document["errors"], document["warnings"]) == (3, 1)
    assert [finding["kind"] for finding in document["findings"]] == ["error"] * 3 + ["warning", "note"]
    first = document["findings"][0]
    place = {name: first[name] for name in ("path", "line", "column", "section", "layer", "option")}
    assert place == {
        "path": str(path), "line": 9, "column": 6, "section": "convolutional", "layer": 0, "option": "size",
    }  # fmt: skip
    assert first["message"].startswith(f"{path}:9:6: ")
    assert document["findings"][-1].keys() == first.keys()


def test_json_of_what_is_right(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "small.cfg", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "network": "small.cfg", "weights": None, "findings": [], "errors": 0, "warnings": 0,
    }  # fmt: skip
