"""Reading command lines: one spelling an option, the nearest name for a wrong one, and values within their bounds."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from darknetpy.errors import did_you_mean, printable

USAGE = 2  # the exit code of a command line that cannot be read
DIALECTS = ("alexeyab", "pjreddie")  # as in darknetpy.dialect, which takes NumPy to import
_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
_POSITIVE = re.compile(r"\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """A parser that takes options and other arguments in any order.

    What it refuses it reports in two lines, without a traceback, and ends with exit code 2.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            allow_abbrev=False,
            add_help=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **settings,
        )
        self.add_argument("-h", "--help", action="help", help="show this text")
        self._rules: list[Callable[[argparse.Namespace], str | None]] = []

    def read(self, words: Sequence[str], into: argparse.Namespace) -> argparse.Namespace:
        """The values of these arguments, put ``into`` a namespace; a wrong option is named before anything missing.

        What follows ``--`` is no option: a path with a leading dash is taken as ``./-path``.
        """
        end = words.index("--") if "--" in words else len(words)
        for word in words[:end]:
            if word.startswith("-") and word != "-" and not _NUMBER.fullmatch(word) and not self._knows(word):
                name = word.partition("=")[0]
                hint = did_you_mean(name, self._option_string_actions)
                self.error(f"unknown option {name}" + (f". {hint}" if hint else ""))
        paths = [f"./{word}" if word.startswith("-") and word != "-" else word for word in words[end + 1 :]]
        arguments = self.parse_intermixed_args([*words[:end], *paths], into)
        for rule in self._rules:
            if complaint := rule(arguments):
                self.error(complaint)
        return arguments

    def add_rule(self, rule: Callable[[argparse.Namespace], str | None]) -> None:
        """What must hold between arguments: ``rule`` gives the text of the error, or None if all is well."""
        self._rules.append(rule)

    def option(self, name: str) -> argparse.Action | None:
        """The option of that name, dashes included, or None; its ``nargs`` is 0 where it takes no value."""
        return self._option_string_actions.get(name)

    def _knows(self, word: str) -> bool:
        """Whether a word is one of the options, with or without ``=value``, or several short ones in one (``-qv``)."""
        if word.startswith("--"):
            return word.partition("=")[0] in self._option_string_actions
        return all(f"-{letter}" in self._option_string_actions for letter in word[1:])

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read more, on standard error; exit code 2."""
        text = printable(message.removeprefix("argument "), limit=None)
        end = "" if text.endswith("?") else "."
        usage = " ".join(self.format_usage().split())
        self.exit(USAGE, f"error: {text}{end}\n{usage}\n{self.prog} --help says more.\n")


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    """A type of arguments: whole numbers in these bounds."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", text) or not minimum <= int(text) <= maximum:
            raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number from {minimum} to {maximum}")
        return int(text)

    return read


def share(text: str) -> float:
    """A type of arguments: numbers from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:  # also for NaN
        raise argparse.ArgumentTypeError(f"{text!r}, expected a number from 0 to 1")
    return number


def positive_number(text: str) -> float:
    """A type of arguments: numbers above 0."""
    number = float(text) if _POSITIVE.fullmatch(text) else math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a number above 0")
    return number


def one_of(*words: str) -> Callable[[str], str]:
    """A type of arguments: one of these words."""

    def read(text: str) -> str:
        if text not in words:
            hint = did_you_mean(text, words)
            known = f"{', '.join(words[:-1])} or {words[-1]}"
            raise argparse.ArgumentTypeError(f"{text!r}, expected {known}" + (f". {hint}" if hint else ""))
        return text

    return read


def add_verbosity(parser: Parser) -> None:
    """The options that every command takes, before or after its name."""
    parser.add_argument("-q", "--quiet", action="store_true", help="errors only")
    parser.add_argument("-v", "--verbose", action="store_true", help="also what was read, and remarks")
    parser.add_argument("--debug", action="store_true", help="errors with their traceback")


def add_cfg(parser: Parser) -> None:
    """The argument CFG."""
    parser.add_argument("cfg", metavar="CFG", help="a .cfg file, or the name of a network that comes with darknetpy")


def add_dialect(parser: Parser) -> None:
    """The option ``--dialect``."""
    parser.add_argument(
        "--dialect",
        type=one_of(*DIALECTS),
        default=DIALECTS[0],
        metavar="NAME",
        help="whose numbers to give where the C programs differ: alexeyab or pjreddie [alexeyab]",
    )


def add_strict(parser: Parser) -> None:
    """The option ``--strict``."""
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
