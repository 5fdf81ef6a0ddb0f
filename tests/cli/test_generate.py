"""``darknetpy generate``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import darknetpy
from darknetpy.cli.main import main
from darknetpy.generation import generate
from tests.cli.conftest import Command
from tests.cli.processes import PATIENCE, clean_environment

CFG = """[net]
inputs=128
[gru]
output=16
[connected]
output=128
activation=linear
[softmax]
"""


@pytest.fixture
def model(tmp_path: Path) -> list[str]:
    """The words CFG and WEIGHTS of a network for ASCII."""
    (tmp_path / "text.cfg").write_text(CFG)
    net = darknetpy.load(tmp_path / "text.cfg", seed=5)
    net.save_weights(tmp_path / "text.weights")
    return [str(tmp_path / "text.cfg"), str(tmp_path / "text.weights")]


def test_prints_the_seed_and_what_the_library_adds(model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    net = darknetpy.load(*model)
    assert main(["generate", *model]) == 0
    out, err = capsys.readouterr()
    assert out == "\n\n" + "".join(generate(net)) + "\n"
    assert err == ""
    options = ["--seed", "Hi ", "--length", "30", "--temperature", ".5", "--random-seed", "9"]
    assert main(["generate", *model, *options]) == 0
    expected = "".join(generate(net, "Hi ", 30, temperature=0.5, random_seed=9))
    assert capsys.readouterr().out == f"Hi {expected}\n"


def test_text_is_there_before_all_is_computed(model: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "darknetpy", "generate", *model, "--seed", "begin", "--length", "100000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(10).startswith(b"begin")
    process.stdout.close()  # as `| head` does
    assert process.wait(PATIENCE) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--temperature", "0"], "error: --temperature: '0', expected a number above 0.\n"),
        (["--temperature", "warm"], "error: --temperature: 'warm', expected a number above 0.\n"),
        (["--length", "-5"], "error: --length: '-5', expected a whole number from 0 to 2147483647.\n"),
        (["--temperatur", "1"], "error: unknown option --temperatur. Did you mean --temperature?\n"),
    ],
)
def test_wrong_options(model: list[str], options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        raise SystemExit(main(["generate", *model, *options]))
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(message)


def test_a_seed_that_the_network_cannot_read_is_an_error_before_anything_is_printed(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", *model, "--seed", "café"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err
        == "error: number 195 at place 3 of the seed, expected 0 to 127, the network's inputs. Write another seed.\n"
    )


def test_a_network_for_pictures_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "mnist", "mnist"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "the network takes pictures of 28x28, expected one that takes characters" in err


def test_an_empty_seed_and_an_empty_text(model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", *model, "--seed", "", "--length", "0"]) == 0
    assert capsys.readouterr().out == "\n"


def test_the_seed_of_a_command_line_may_be_any_bytes(model: list[str], command: Command) -> None:
    answer = command("generate", *model, "--seed", b"\xff", "--length", "1")
    assert answer.returncode == 1
    assert "number 255 at place 0" in answer.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX terminal")
def test_control_characters_are_escaped_on_a_terminal_only(model: list[str], command: Command) -> None:
    import pty

    words = ["generate", *model, "--seed", "a\x1b[2Jb\tc\nd", "--length", "0"]
    assert command(*words).stdout == "a\x1b[2Jb\tc\nd\n"
    shown, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "darknetpy", *words], stdout=terminal, stderr=terminal, env=clean_environment()
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
    assert text.replace(b"\r\n", b"\n").replace(b"       ", b"\t").endswith(b"a\\x1b[2Jb\tc\nd\n")
