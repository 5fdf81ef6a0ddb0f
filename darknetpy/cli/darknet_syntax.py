"""Command lines of the C programs, put into darknetpy's own words.

``darknetpy detector test coco.data yolov4.cfg yolov4.weights dog.jpg -thresh 0.3`` becomes
``darknetpy detect yolov4.cfg yolov4.weights dog.jpg --names data/coco.names --thresh 0.3``, which is printed and run.
The words themselves are in :mod:`darknetpy.cli.darknet_words`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import NoReturn

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser
from darknetpy.cli.darknet_words import ABSENT, COMMANDS, SHORT_FORMS, OldCommand, OldOption, folded
from darknetpy.errors import ConfigError, Findings, did_you_mean, printable

ParserOf = Callable[[str], Parser]
"""The parser of a command of darknetpy, by its name."""

_SINGLE_DASH = re.compile(r"-[A-Za-z].*")
_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")
_NO_IMAGE = "No picture is given: their paths are read from standard input, one a line."
_NOT_DRAWN = "No predictions.jpg is written: --out FOLDER draws the boxes into copies of the pictures."


@dataclass(frozen=True)
class Translation:
    """A command line of darknetpy: its words, the file that takes its answers, and what is to be said about it."""

    words: list[str]
    answers: str | None = None
    warnings: list[str] = field(default_factory=list)
    news: list[str] = field(default_factory=list)

    def spelled(self) -> str:
        """The command line as one would type it."""
        text = shlex.join(["darknetpy", *self.words])
        return printable(text if self.answers is None else f"{text} > {shlex.quote(self.answers)}", limit=None)

    def tell(self) -> None:
        """Say, on standard error, what is run, and what of the old command line has no meaning here."""
        terminal.news(self.spelled())
        for text in self.warnings:
            terminal.warning(text)
        for text in self.news:
            terminal.news(text)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While this lasts, answers go where the old command line wants them; that file is replaced at the end."""
        if self.answers is None:
            yield
            return
        from darknetpy.files import check_target, replaced_file

        with replaced_file(check_target(self.answers), self.answers) as file:
            text = TextIOWrapper(file, encoding="utf-8", newline="\n")
            with redirect_stdout(text):
                yield
            text.detach()


def is_meant(words: Sequence[str], known: Collection[str]) -> bool:
    """Whether the words after ``darknetpy`` are a command line of the C programs; ``known`` are our own commands.

    ``detect``, ``classify`` and ``speed`` are commands of both: without an option of the C programs, written with one
    dash, they are ours.

    >>> is_meant(["detector", "test"], {"detect"}), is_meant(["detect", "a.cfg", "a.weights", "a.png"], {"detect"})
    (True, False)
    """
    name = words[0]
    if name not in known or name not in SHORT_FORMS:
        return name not in known and (name in COMMANDS or name in ABSENT)
    end = words.index("--") if "--" in words else len(words)
    options = {folded(option.name) for option in COMMANDS[name][""].options}
    return any(_SINGLE_DASH.fullmatch(word) and folded(word.partition("=")[0]) in options for word in words[:end])


def translate(words: Sequence[str], parser_of: ParserOf) -> Translation:
    """The command line of darknetpy that does what these words ask of a C program.

    A command line that cannot be understood ends the program with exit code 2, as `Parser.error` does. Raises
    ConfigError where the ``.data`` file cannot be used.

    >>> from darknetpy.cli.main import command_parser
    >>> translate(["classify", "a.cfg", "a.weights", "a.png", "-t", "3"], command_parser).words
    ['classify', 'a.cfg', 'a.weights', 'a.png', '--top', '3']
    """
    words = [word.rstrip("\r") for word in words]  # of a script with the line ends of Windows
    name, function, command = _command(words)
    line = _OldLine(f"darknetpy {name} {function}".rstrip(), command, parser_of(command.becomes))
    line.read(words[1:])
    return line.translation(line.positions[1:] if function else line.positions)


def _command(words: Sequence[str]) -> tuple[str, str, OldCommand]:
    """The command that the words begin with: its name, its function, and what it takes."""
    name, absent = words[0], ABSENT.get(words[0], {})
    functions = COMMANDS.get(name, {})
    if "" in functions:
        return name, "", functions[""]
    if isinstance(absent, str):
        _refuse(f"Darknet's {name}: {absent}")
    known = [*functions, *absent]
    given = [word for word in words[1:] if not word.startswith("-")]
    function = next((word for word in given if word in known), None)
    if function is None:
        found = f"unknown: {name} {printable(given[0])}" if given else f"{name} is half of a command"
        hint = did_you_mean(given[0], known) if given else ""
        _refuse(f"{found}, expected one of {', '.join(known)} after {name}. {hint}".rstrip(" ."))
    if function in absent:
        _refuse(f"Darknet's {name} {function}: {absent[function]}")
    return name, function, functions[function]


def _refuse(message: str) -> NoReturn:
    Parser(prog="darknetpy", usage="darknetpy COMMAND ...").error(message)


class _OldLine:
    """One command line of a C program: read word by word, then put into other words."""

    def __init__(self, program: str, command: OldCommand, modern: Parser) -> None:
        self.positions: list[str] = []
        self._command, self._modern = command, modern
        places = [*command.needed, *(["[IMAGE]..."] if command.takes_images else [])]
        usage = " ".join([program, "[OPTION...]", *places])
        self._parser = Parser(prog=program, usage=usage, description=_explained(command))
        self._options = {folded(option.name): option for option in command.options}
        self._given: list[tuple[OldOption, str]] = []
        self._passed: list[str] = []

    def read(self, words: Sequence[str]) -> None:
        """Tell options, their values and the other arguments apart."""
        rest = iter(words)
        for word in rest:
            if word == "--":
                self.positions += [f"./{path}" if path.startswith("-") and path != "-" else path for path in rest]
            elif not word.startswith("-") or word == "-":
                self.positions.append(word)
            elif word in ("-h", "--help"):
                self._parser.print_help()
                self._parser.exit()
            else:
                self._take(word, rest)

    def _take(self, word: str, rest: Iterator[str]) -> None:
        """An option of the C programs in any spelling, or one of darknetpy's own; ``rest`` may begin with its value."""
        name, equals, value = word.partition("=")
        own, old = self._modern.option(name), self._options.get(folded(name))
        if old is not None and not (name.startswith("--") and own):
            if equals and not old.value:
                self._parser.error(f"{name} takes no value")
            self._given.append((old, (value if equals else self._next(name, rest)) if old.value else ""))
        elif own is not None:
            self._passed.append(word)
            if own.nargs != 0 and not equals:
                self._passed.append(self._next(name, rest))
        else:
            hint = did_you_mean(name, [f"-{option.name}" for option in self._command.options])
            self._parser.error(f"unknown option {name}" + (f". {hint}" if hint else ""))

    def _next(self, name: str, rest: Iterator[str]) -> str:
        value = next(rest, None)
        if value is None:
            self._parser.error(f"{name} needs a value")
        return value

    def translation(self, positions: Sequence[str]) -> Translation:
        """What has been read, in darknetpy's words; ``positions`` are the arguments after the command's name."""
        command = self._command
        if len(positions) < len(command.needed):
            self._parser.error(f"missing: {', '.join(command.needed[len(positions) :])}")
        if len(positions) > len(command.places) and not command.takes_images:
            self._parser.error(f"one argument too many: {positions[len(command.places)]}")
        data = positions[0] if command.needed[0] == "DATA" else None
        warnings: list[str] = []
        names = [] if data is None or command.order else self._names(data, positions[1], warnings)
        options = [*command.settings, *names]
        answers = None
        for option, value in self._given:
            if option.name == "out":
                answers = value
            options += self._in_our_words(option, value, names)
            if option.remark:
                warnings.append(f"-{option.name} is not used: {option.remark}.")
        paths = list(positions[0 if data is None else 1 :])
        if command.order:
            paths = [positions[command.places.index(place)] for place in command.order]
        news = []
        if command.takes_images and len(positions) == len(command.needed):
            paths.append("-")
            news.append(_NO_IMAGE)
        if command.becomes == "detect" and not self._passes("--out"):
            news.append(_NOT_DRAWN)
        return Translation([command.becomes, *paths, *options, *self._passed], answers, warnings, news)

    def _names(self, data: str, cfg: str, warnings: list[str]) -> list[str]:
        """What a ``.data`` file says about the answers: the names of the classes, and how many a classifier gives."""
        from darknetpy.config.data_file import read_data

        findings = Findings()
        read = read_data(data, findings)
        classes = _classes(cfg)
        if classes is not None:
            read.require_classes(classes, cfg, findings)
        warnings += map(str, findings.warnings)
        names = [] if self._passes("--names") else ["--names", str(read.file("names", "labels"))]
        says_top = self._command.becomes == "classify" and "t" not in {option.name for option, _ in self._given}
        return [*names, *(["--top", str(read.options.top)] if says_top else [])]

    def _passes(self, option: str) -> bool:
        """Whether an option of darknetpy's own is among the words."""
        return any(word.partition("=")[0] == option for word in self._passed)

    def _in_our_words(self, option: OldOption, value: str, names: Sequence[str]) -> list[str]:
        """An option as darknetpy spells it: no word, one, or two."""
        words = option.becomes.split()
        if not words or not option.value or option.name == "out":
            return words
        if option.name == "skip_classes":
            value = self._other_classes(value, names)
        return [f"{words[0]}={value}"] if value.startswith("-") else [*words, value]

    def _other_classes(self, skipped: str, names: Sequence[str]) -> str:
        """The numbers of all classes but those that a list like ``2,5-8`` names."""
        from darknetpy.config.names import read_names

        if not names:
            self._parser.error("-skip_classes needs the classes of a .data file; name those to be found with --classes")
        ranges = [_RANGE.fullmatch(part.strip()) for part in skipped.split(",")]
        if None in ranges:
            self._parser.error(f"-skip_classes: {skipped!r}, expected numbers of classes like 2,5-8")
        firsts_and_lasts = [(int(part[1]), int(part[2] or part[1])) for part in ranges if part is not None]
        return ",".join(
            str(number)
            for number in range(len(read_names(names[1])))
            if not any(first <= number <= last for first, last in firsts_and_lasts)
        )


def _classes(cfg: str) -> int | None:
    """How many classes a network answers with; None for a cfg that cannot be used, of which the command will tell."""
    from darknetpy.config.sections import read_cfg
    from darknetpy.config.shipped import find_cfg
    from darknetpy.graph import build_graph
    from darknetpy.network import Network

    try:
        graph = build_graph(read_cfg(find_cfg(cfg)))
    except ConfigError:
        return None
    return Network(graph, None, None, []).classes


def _explained(command: OldCommand) -> str:
    """The text of ``--help`` for a command of the C programs."""
    lines = [f"The same as darknetpy {command.becomes}, in the words of the C programs.", "", "what becomes of them:"]
    for option in command.options:
        name = f"-{option.name} {option.value}".rstrip()
        lines.append(f"  {name:22} {option.becomes or option.remark or 'nothing more to do'}")
    return "\n".join(lines)
