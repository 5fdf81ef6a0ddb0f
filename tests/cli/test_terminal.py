"""Messages and the progress bar."""

from __future__ import annotations

import io
import sys
import warnings

import pytest

from darknetpy.cli import terminal
from darknetpy.errors import DarknetpyError, DarknetpyWarning


class Terminal(io.StringIO):
    """Text that says it is shown on a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def all_kinds() -> None:
    terminal.error("an error")
    terminal.warning("a warning")
    terminal.news("some news")
    terminal.note("a note")


@pytest.mark.parametrize(
    ("quiet", "verbose", "shown"),
    [
        (False, False, ["error: an error", "warning: a warning", "some news"]),
        (False, True, ["error: an error", "warning: a warning", "some news", "note: a note"]),
        (True, False, ["error: an error"]),
        (True, True, ["error: an error"]),
    ],
)
def test_how_much_is_said(quiet: bool, verbose: bool, shown: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.messages(quiet=quiet, verbose=verbose):
        all_kinds()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == shown


def test_warnings_of_the_library_are_messages_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    before = warnings.showwarning
    with terminal.messages(quiet=False, verbose=False):
        for _ in range(3):
            warnings.warn(DarknetpyWarning("odd", path="a.cfg", line=3), stacklevel=1)
    assert capsys.readouterr().err == "warning: a.cfg:3: odd.\n"
    assert warnings.showwarning is before


@pytest.mark.filterwarnings("error")
def test_they_do_not_become_errors_by_pythons_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.messages(quiet=True, verbose=False):
        warnings.warn(DarknetpyWarning("odd"), stacklevel=1)
    assert capsys.readouterr().err == ""


def test_warnings_of_others_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(RuntimeWarning, match="theirs"), terminal.messages(quiet=False, verbose=False):
        warnings.warn("theirs", RuntimeWarning, stacklevel=1)
    assert "warning: theirs" not in capsys.readouterr().err


def test_without_standard_error_nothing_is_printed_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    all_kinds()
    assert not terminal.shows_progress()
    terminal.discard_unwritten()
    assert capsys.readouterr().out == ""


def test_an_answer_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(DarknetpyError, match="cannot be written"):
        terminal.answer("text")


def show_on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error is a terminal of 60 columns from now on."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    return stream


def test_a_bar_is_of_use_only_beside_answers_that_go_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    show_on_terminal(monkeypatch)
    assert terminal.shows_progress()
    with terminal.messages(quiet=True, verbose=False):
        assert not terminal.shows_progress()
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert not terminal.shows_progress()
    assert terminal.shows_progress(answers_later=True)
    monkeypatch.setattr(sys, "stdout", None)
    assert terminal.shows_progress()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not terminal.shows_progress()


def test_a_panel_has_its_place_on_a_terminal_that_can_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    error, answers = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stderr", error)
    monkeypatch.setattr(sys, "stdout", answers)
    assert terminal.panel_stream() is error
    with terminal.messages(quiet=True, verbose=False):
        assert terminal.panel_stream() is None
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert terminal.panel_stream() is answers
    monkeypatch.setenv("TERM", "dumb")
    assert terminal.panel_stream() is None
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", None)
    assert terminal.panel_stream() is None


def test_a_few_pictures_need_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = show_on_terminal(monkeypatch)
    with terminal.progress(terminal.FEW) as advance:
        advance()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("total", [9, None])
def test_a_bar_counts_and_lets_messages_through(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], total: int | None
) -> None:
    stream = show_on_terminal(monkeypatch)
    message = "x.png: [bold]no such file[/bold] :smile:" + " a long message" * 5
    with terminal.progress(total) as advance:
        for _ in range(9):
            advance()
        terminal.error(message)
        print("an answer")
    assert ("9/9" if total else "9/?") in stream.getvalue()
    assert f"error: {message}" in stream.getvalue()
    assert capsys.readouterr().out == "an answer\n"
    terminal.error("after the bar")
    assert stream.getvalue().endswith("error: after the bar\n")
