"""The table of the C programs' commands and options agrees with itself and with our commands."""

from __future__ import annotations

import re

import pytest

from darknetpy import darknet
from darknetpy.cli.darknet_words import ABSENT, COMMANDS, SHORT_FORMS, OldCommand, folded
from darknetpy.cli.main import COMMANDS as OURS
from darknetpy.cli.main import command_parser
from tests.cli.processes import ROOT

EVERY = [
    pytest.param(command, id=f"{name} {function}".strip())
    for name, functions in COMMANDS.items()
    for function, command in functions.items()
]


@pytest.mark.parametrize("command", EVERY)
def test_what_it_becomes_is_a_command_with_these_options(command: OldCommand) -> None:
    parser = command_parser(command.becomes)
    words = [option.becomes.split()[0] for option in command.options if option.becomes]
    words += [word for word in command.settings if word.startswith("--")]
    words += ["--names"] * (command.needed[0] == "DATA")
    assert [word for word in words if parser.option(word) is None] == []


@pytest.mark.parametrize("command", EVERY)
def test_options_differ_in_more_than_dashes(command: OldCommand) -> None:
    names = [folded(option.name) for option in command.options]
    assert len(set(names)) == len(names)
    assert "h" not in names  # it is --help


@pytest.mark.parametrize("command", EVERY)
def test_an_option_becomes_something_or_is_remarked_upon(command: OldCommand) -> None:
    assert not [option.name for option in command.options if option.becomes and option.remark]


def test_our_own_commands_are_not_called_absent() -> None:
    assert not set(ABSENT) & set(OURS)
    assert set(COMMANDS) & set(OURS) <= set(SHORT_FORMS)


def test_a_function_is_there_or_absent() -> None:
    for name in set(COMMANDS) & set(ABSENT):
        absent = ABSENT[name]
        assert isinstance(absent, dict)
        assert not set(absent) & set(COMMANDS[name]), name


def test_spellings_are_one() -> None:
    assert len({folded(name) for name in ("-dont_show", "--dont-show", "-DontShow", "--DONTSHOW")}) == 1


def test_the_page_for_users_of_darknet_names_what_is_there() -> None:
    page = (ROOT / "docs" / "from-darknet.md").read_text("utf-8")
    commands = re.findall(r"^\| `([^`|]+)`.* \| .* \|$", page, re.M)
    first = [command.split()[0] for command in commands if not command.startswith("-")]
    assert set(first) >= {"detector", "classifier", "rnn", "partial"}
    assert set(first) <= {*COMMANDS, *ABSENT, *darknet.__all__}
    options = {folded(name) for name in re.findall(r"`-([a-z_]+)[ `]", page)}
    known = {folded(option.name) for functions in COMMANDS.values() for command in functions.values()
             for option in command.options}  # fmt: skip
    assert len(options) > 10
    assert options <= known
    missing = [name for name in darknet.__all__ if f"`{name}`" not in page]
    assert missing == ["DarknetNetwork"]
