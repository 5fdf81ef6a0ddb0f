"""``darknetpy summary``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from darknetpy.cli.main import main
from darknetpy.config.sections import read_cfg
from darknetpy.graph import build_graph
from darknetpy.summary import Summary
from tests.cli.conftest import CFG
from tests.cli.processes import PATIENCE, clean_environment


def test_the_table_is_that_of_the_library(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = Summary(build_graph(read_cfg("small.cfg")))
    assert main(["summary", "small.cfg"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"{summary}\n", "")
    assert main(["summary", "small.cfg", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(summary.to_json())


def test_warnings_are_told_even_when_an_error_follows(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.cfg"
    path.write_text(CFG.replace("filters=4", "fitlers=4").replace("temperature=8", "groups=2"))
    assert main(["summary", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    warning, error = err.splitlines()
    assert warning.startswith("warning: ")
    assert "Did you mean filters?" in warning
    assert error.startswith("error: ")
    assert "groups=2" in error


def test_strict_makes_warnings_errors(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.cfg"
    path.write_text(CFG + "temperatur=3\n")
    assert main(["summary", str(path), "--strict"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert main(["summary", str(path)]) == 0
    assert capsys.readouterr().err.startswith("warning: ")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX terminal")
@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_terminal_of_60_columns_is_enough(files: Path, environment: dict[str, str]) -> None:
    import pty
    import termios

    shown, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 60))
    process = subprocess.Popen(
        [sys.executable, "-m", "darknetpy", "summary", "small.cfg"],
        stdout=terminal,
        stderr=terminal,
        env=clean_environment(TERM="xterm-256color", **environment),
    )
    os.close(terminal)
    text = b""
    try:
        while part := os.read(shown, 65536):
            text += part
    except OSError:  # how Linux says that nobody has the terminal open any more
        pass
    os.close(shown)
    assert process.wait(PATIENCE) == 0
    lines = text.decode().replace("\r\n", "\n").splitlines()
    assert "\x1b[3" not in text.decode() or not environment.get("NO_COLOR")
    assert all(len(line) <= 60 for line in lines if "\x1b" not in line)
    assert any(line.split()[:2] == ["3", "softmax"] for line in lines)
    assert "\\u" not in text.decode()
