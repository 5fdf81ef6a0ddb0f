"""The live panel: what it shows at any width, and how it leaves the terminal."""

from __future__ import annotations

import io
import re
import sys
import time
from typing import TextIO

import pytest
from rich.console import Console

from darknetpy.cli import terminal, training_panel
from darknetpy.cli.training_panel import Panel, live, sparkline
from darknetpy.training.course import Course
from darknetpy.training.pace import Pace
from tests.cli.trainings import Clock, progress


class Terminal(io.StringIO):
    """Text that says it is shown on a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def panel(iterations: int = 0, *, name: str = "net", last: int = 10_000, validated: bool = True) -> Panel:
    """Behind so many iterations of a second each; the 500th and the 1000th were validated."""
    clock = Clock()
    course, pace = Course(), Pace(0, 0, clock)
    found = Panel(name, last, course, pace, status=lambda: "Ctrl-C saves and stops")
    for iteration in range(1, iterations + 1):
        clock.now += 1
        accuracy = {500: 0.931, 1000: 0.925}.get(iteration) if validated else None
        loss = 2.5 * 0.999**iteration
        course.add(iteration, loss=loss, average=loss, rate=0.001, accuracy=accuracy)
        pace.add(iteration, 32 * iteration, 64.0)
        found.progress = progress(iteration, loss=loss)
    return found


def drawn(what: Panel, width: int, **settings: object) -> list[str]:
    """Its lines on a console of that width."""
    file = io.StringIO()
    Console(file=file, width=width, height=50, **settings).print(what)  # type: ignore[arg-type]
    return file.getvalue().splitlines()


def test_of_80_columns() -> None:
    lines = drawn(panel(1234), 80)
    assert lines[0].startswith("net           ━━━━━")
    assert lines[0].endswith(" 1,234/10,000  12%")
    assert len(lines[0]) == 77
    assert lines[1] == "loss          0.7274   average 1.5000   rate 0.001"
    assert re.fullmatch(r"since start   2\.49\d [▁-█]{45,56} 0\.7\d+", lines[2])
    assert lines[2][20:23] == "███"
    assert lines[2].split()[-2][-3:] == "▁▁▁"
    assert lines[3:] == [
        "validation    92.50% at 1,000   best 93.10% at 500",
        "time          20:34 min   64 pictures/s   2:26 h left",
        "Ctrl-C saves and stops",
    ]


def test_of_60_columns() -> None:
    lines = drawn(panel(1234), 60)
    assert max(map(len, lines)) <= 57
    assert lines[0].startswith("net           ━━━")
    assert lines[3:] == [
        "validation    92.50% at 1,000   best 93.10% at 500",
        "time          20:34 min   64 pictures/s   2:26 h left",
        "Ctrl-C saves and stops",
    ]


def test_of_200_columns_it_takes_no_more_than_can_be_seen_at_once() -> None:
    lines = drawn(panel(1234), 200)
    assert max(map(len, lines)) == len(lines[0]) == training_panel.WIDEST
    assert len(lines) == 6


@pytest.mark.parametrize("width", [1, 5, 20, 35, 40, 50])
def test_in_little_room_figures_flow_into_further_lines(width: int) -> None:
    lines = drawn(panel(1234, name="a long name of a network"), width)
    assert max(map(len, lines)) <= max(width, 2)
    if width >= 40:
        text = " ".join(line.strip() for line in lines)
        for figure in ("loss", "0.7274", "average 1.5000", "rate 0.001", "best 93.10% at 500", "2:26 h left"):
            assert figure in text


def test_before_the_first_iteration_and_without_validation() -> None:
    lines = drawn(panel(), 80)
    assert lines[0].endswith(" 0/10,000  0%")
    assert lines[1:] == ["starting", "Ctrl-C saves and stops"]
    lines = drawn(panel(1, validated=False), 80)
    assert [line.split()[0] for line in lines[1:4]] == ["loss", "since", "time"]
    assert lines[3].endswith("time left: not known yet")


def test_a_resumed_training_shows_where_it_stands() -> None:
    what = Panel("net", 100, Course(), Pace(40, 0), done=40, status=lambda: "")
    assert drawn(what, 80)[0].endswith(" 40/100  40%")


@pytest.mark.parametrize("name", ["x" * 300, "日本" * 100, "a\x1b[2J\n\t", "[bold]not markup[/bold] :smile:", ""])
def test_names_of_any_kind_take_a_third_of_a_line_at_most(name: str) -> None:
    lines = drawn(panel(5, name=name), 80)
    assert len(lines) == 5
    assert "\x1b" not in lines[0]
    assert lines[0].endswith(" 5/10,000  0%")


def test_colours_are_left_out_where_nobody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = "\n".join(drawn(panel(1234), 80, force_terminal=True))
    plain = "\n".join(drawn(panel(1234), 80, force_terminal=True, no_color=True))
    colour = re.compile(r"\x1b\[(\d+;)*(3|4|9)\d[;m]")
    assert colour.search(coloured)
    assert not colour.search(plain)


def test_terminals_without_unicode_have_plain_signs() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(file=file, width=80).print(panel(1234, name="x" * 300))
    file.seek(0)
    lines = file.read().splitlines()
    assert lines[0].startswith("x" * 25 + " ---")
    assert re.match(r"since start   2\.49\d ####", lines[2])


def test_sparklines_follow_the_numbers() -> None:
    assert sparkline([]) == ""
    assert sparkline([5.0]) == sparkline([0.0]) == "▁"
    assert sparkline([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]) == "▁▂▃▄▅▆▇█"
    assert sparkline([0.0, 7.0, 3.0]) == "▁█▄"
    assert sparkline([0.0, 7.0, 3.0], ascii_only=True) == "_#-"


def seen_on(stream: TextIO, monkeypatch: pytest.MonkeyPatch, what: Panel, message: str = "") -> None:
    """Show a panel for a few drawings, with a message in the meantime."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(training_panel, "SECONDS_BETWEEN", 0.01)
    with live(what, stream):
        time.sleep(0.1)
        if message:
            terminal.news(message)
            time.sleep(0.05)


def test_it_is_gone_at_the_end_and_the_cursor_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    seen_on(stream, monkeypatch, panel(1234))
    text = stream.getvalue()
    assert text.startswith("\x1b[?25l")
    assert text.count("1,234/10,000") >= 2
    assert "\x1b[?25h" in text
    assert text[text.rindex("Ctrl-C saves and stops") :].count("\x1b[2K") >= 6, "each line of it is erased"


def test_messages_appear_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    seen_on(stream, monkeypatch, panel(1234), "some [bold]news[/bold]")
    text = stream.getvalue()
    assert text.count("some [bold]news[/bold]\n") == 1
    assert "1,234/10,000" in text[text.index("some [bold]news") :]


def test_where_it_is_on_standard_output_messages_go_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = Terminal()
    seen_on(stream, monkeypatch, panel(1234), "some news")
    assert "some news" not in stream.getvalue()
    assert capsys.readouterr().err == "some news\n"


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_ends_it_the_terminal_is_as_before(monkeypatch: pytest.MonkeyPatch, ends: type[BaseException]) -> None:
    stream = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    with pytest.raises(ends), live(panel(3), stream):
        raise ends
    assert stream.getvalue().rstrip("\x1b[2K1A\r").endswith("\x1b[?25h")
    before = stream.getvalue()
    time.sleep(0.3)
    assert stream.getvalue() == before, "nobody draws any more"


def test_lines_that_a_narrower_terminal_has_wrapped_are_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XTERM_VERSION", "STY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for width, more in ((100, 0), (50, 1 + 1), (30, 3 + 1)):
        stream = Terminal()
        training_panel._forget_wrapped_lines(Console(file=stream, width=width), [100, 20, 60])
        assert stream.getvalue() == "\r\x1b[2K\x1b[1A" * more
    monkeypatch.setenv("TERM", "linux")  # which cuts them off instead
    stream = Terminal()
    training_panel._forget_wrapped_lines(Console(file=stream, width=30), [100, 20, 60])
    assert stream.getvalue() == ""
