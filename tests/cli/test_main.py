"""The command as a whole: its help, its exit codes, how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import darknetpy
from darknetpy.cli.main import COMMANDS, main
from tests.cli.conftest import Command
from tests.cli.processes import PATIENCE, clean_environment

posix_only = pytest.mark.skipif(os.name == "nt", reason="signals and pipes as POSIX has them")


@pytest.mark.quick
def test_help_names_every_command_and_fits_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for words in ([], *([name] for name in COMMANDS)):
        assert main([*words, "--help"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert max(map(len, out.splitlines())) <= 60
        assert out.isascii()
        assert "examples:\n  darknetpy " in out
        assert all(name in out for name in (words or COMMANDS))


@pytest.mark.quick
def test_version_says_which_project_this_is(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--version", "-V"):
        assert main([option]) == 0
        out, _ = capsys.readouterr()
        assert out.startswith(f"darknetpy {darknetpy.__version__}\n")
        assert "darknetpy-numba" in out
        assert "another project" in out


@pytest.mark.quick
def test_without_arguments_the_help_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "commands:" in err


@pytest.mark.quick
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["clasify"], "speed, verify. Did you mean classify?"),
        (["xyz"], f"unknown command xyz, expected one of classify, detect, {', '.join(list(COMMANDS)[2:])}."),
        (["a\n\x1b[2Jb"], r"unknown command a\n\x1b[2Jb, expected"),
        (["-v"], "no command."),
        (["--top", "3", "classify"], "unknown option --top."),
        (["classify"], "the following arguments are required: CFG, WEIGHTS, IMAGE."),
        (["classify", "a.cfg", "a.weights"], "the following arguments are required: IMAGE."),
        (["check"], "the following arguments are required: CFG."),
        (["classify", "a", "b", "c", "--topp", "3"], "unknown option --topp. Did you mean --top?"),
        (["classify", "a", "--jsno"], "unknown option --jsno. Did you mean --json?"),
        (["classify", "a", "b", "-top", "3", "c"], "unknown option -top. Did you mean --top?"),
        (["classify", "a", "b", "c", "--to", "3"], "unknown option --to. Did you mean --top?"),
        (["classify", "a", "b", "-x.jpg"], "unknown option -x.jpg"),
        (["classify", "a", "b", "c", "--top"], "--top: expected one argument."),
        (["classify", "a", "b", "c", "--top", "0"], "--top: '0', expected a whole number from 1 to"),
        (["classify", "a", "b", "c", "--top", "-3"], "--top: '-3', expected a whole number"),
        (["classify", "a", "b", "c", "--top", "five"], "--top: 'five', expected a whole number"),
        (["classify", "a", "b", "c", "--threads=1_0"], "--threads: '1_0', expected a whole number"),
        (["classify", "a", "b", "c", "--dialect", "pjredie"], "'pjredie', expected alexeyab or pjreddie. Did you mean"),
        (["classify", "a", "b", "c", "--preprocess", "x"], "'x', expected crop, letterbox or stretch."),
        (["classify", "a", "b", "c", "--json", "--jsonl"], "--jsonl: not allowed with argument --json."),
        (["summary", "a", "b"], "unrecognized arguments: b."),
    ],
)
def test_a_wrong_command_line_is_explained(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, usage, more = err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert usage.startswith("usage: darknetpy ")
    assert re.fullmatch(r"darknetpy( \w+)? --help says more\.", more)


def test_options_of_all_commands_may_come_first(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["-q", "check", "small.cfg"], ["check", "-q", "small.cfg"], ["check", "small.cfg", "--quiet"]):
        assert main(words) == 0
        assert capsys.readouterr().err == ""


def test_debug_shows_where_an_error_came_from(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "none.cfg", "--debug"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("error: none.cfg: no such cfg file.")
    assert main(["summary", "none.cfg"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_too_little_memory_is_one_message(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(arguments: object) -> int:
        raise MemoryError

    monkeypatch.setattr("darknetpy.cli.summary.run", exhausted)
    assert main(["summary", "small.cfg"]) == 1
    assert capsys.readouterr().err == "error: not enough memory\n"


def test_it_runs_in_any_thread_and_leaves_signals_as_they_were(files: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["check", "small.cfg"])))
    thread.start()
    thread.join(PATIENCE)
    assert codes == [0]
    assert main(["check", "small.cfg"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """A shell has what it runs in the background ignore Ctrl-C, and processes inherit that; here they do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@posix_only
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_order(files: Path, heard_interrupts: None, number: int, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "darknetpy", "-v", "classify", "small.cfg", "small.weights", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stderr is not None
    assert "64,000 pictures" in process.stderr.readline()  # the network is read; now it waits for its list
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (code, "", "")


@posix_only
def test_a_closed_pipe_ends_it_quietly(files: Path, command: Command) -> None:
    many = ["-q", "classify", "small.cfg", "small.weights", *["photos"] * 9]
    for words in (["summary", "small.cfg"], ["--help"], many):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = command(*words, stdout=writer)
        finally:
            os.close(writer)
        assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_error(files: Path, command: Command) -> None:
    for words in (["summary", "small.cfg"], ["--help"]):
        with Path("/dev/full").open("w") as full:
            done = command(*words, stdout=full)
        message = "error: the answers cannot be written (No space left on device).\n"
        assert (done.returncode, done.stderr) == (1, message)


def test_every_command_has_a_module_that_declares_and_runs_it() -> None:
    for name in COMMANDS:
        command_module = __import__(f"darknetpy.cli.{name}", fromlist=["run"])
        assert callable(command_module.run)
        assert callable(command_module.add_arguments)


def test_mistakes_of_the_program_are_not_hidden(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(arguments: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("darknetpy.cli.summary.run", broken)
    with pytest.raises(ZeroDivisionError):
        main(["summary", "small.cfg"])
