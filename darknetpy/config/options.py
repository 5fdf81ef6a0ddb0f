"""Options as declarations: one place for type, default, bounds and meaning.

From a section type's list of declarations come the reading of its options, the refusal of bad ones, docs/layers.md and
the tests with bad values.
"""

from __future__ import annotations

import math
import operator
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from darknetpy.config.sections import Section
from darknetpy.dialect import DEFAULT, Dialect
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings, did_you_mean, nearest, printable, printable_path

MAXIMUM_INTEGER = 2**31 - 1  # Darknet's int
_INTEGER = re.compile(r"[+-]?[0-9]+(\.0*)?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|nan)", re.IGNORECASE | re.ASCII)
_SPLIT_NUMBER = re.compile(r"[0-9.][ \t\r]+[0-9.]")  # a blank where a comma was meant?


class Required(Enum):
    """The default of an option that has none."""

    REQUIRED = "required"


REQUIRED = Required.REQUIRED


class Kind(Enum):
    """How the text of a value is read; the value is the phrase used in messages."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    FLAG = "0 or 1"
    WORD = "a word"
    PATH = "a path"
    INTEGERS = "whole numbers separated by commas"
    NUMBERS = "numbers separated by commas"


class Use(Enum):
    """What an option acts on."""

    RUN = "running and training"
    TRAIN = "training"
    NONE = "nothing on a CPU"


@dataclass(frozen=True)
class Default:
    """A default that depends on options read before it, or on the dialect; ``text`` describes it in the docs."""

    text: str
    value: Callable[[Options, Dialect], Any]


@dataclass(frozen=True)
class Option:
    """One ``name=value`` of a section: the source of parsing, checking, docs and bad-value tests.

    ``minimum`` and ``maximum`` are inclusive unless ``open_bounds``, ``below`` is a maximum that is not; for lists they
    hold for every element. ``choices`` are the allowed words, ``elsewhere`` what other programs call some of them.
    ``finite`` refuses nan and inf. What is ``REQUIRED`` for training alone may be missing when running.
    """

    name: str
    default: Any
    meaning: str
    kind: Kind = Kind.INTEGER
    minimum: float | None = None
    maximum: float | None = None
    open_bounds: bool = False
    below: float | None = None
    choices: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict, hash=False)
    finite: bool = True
    use: Use = Use.RUN

    def expected(self) -> str:
        """What a value must be, for messages and docs."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        bounds = " and ".join(f"{words} {_plain(value)}" for words, value in self._bounds())
        return f"{self.kind.value}, {bounds}" if bounds else self.kind.value

    def _bounds(self) -> Iterator[tuple[str, float]]:
        """The limits of a value, in words."""
        if self.minimum is not None:
            yield ("more than" if self.open_bounds else "at least"), self.minimum
        if self.maximum is not None:
            yield ("less than" if self.open_bounds else "at most"), self.maximum
        if self.below is not None:
            yield "less than", self.below

    def binds(self, training: bool) -> bool:
        """Whether the option must be in order for what is about to be done."""
        return self.use is Use.RUN or (self.use is Use.TRAIN and training)

    def default_for(self, earlier: Options, dialect: Dialect) -> Any:
        """The value when the section does not give one."""
        return self.default.value(earlier, dialect) if isinstance(self.default, Default) else self.default

    def default_text(self) -> str:
        """The default as docs print it."""
        if isinstance(self.default, Default):
            return self.default.text
        if self.default is REQUIRED:
            return "required"
        if self.default is None or self.default == ():
            return "none"
        if isinstance(self.default, bool):
            return str(int(self.default))
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    def parse(self, text: str) -> Any:
        """The value of a text without blanks or notes; raises ValueError where it is not one."""
        value = _READERS[self.kind](text)
        elements = value if isinstance(value, tuple) else (value,)
        if not all(self.allows(element) for element in elements):
            raise ValueError(text)
        return value

    def allows(self, value: Any) -> bool:
        """Whether a value, or one element of a list, is among the choices or within the bounds."""
        if self.choices:
            return value in self.choices
        if isinstance(value, float) and not math.isfinite(value):
            return not self.finite
        if isinstance(value, str):
            return True
        return all(_HOLDS[words](value, bound) for words, bound in self._bounds())

    def bad_values(self) -> Iterator[str]:
        """Texts that must be refused: the test of all layers feeds each of them to each option."""
        if self.choices:
            yield "no-such-choice"
        elif self.kind is Kind.PATH or self.kind is Kind.WORD:
            return
        else:
            yield "abc"
            yield "1=2"
            if self.kind in (Kind.INTEGER, Kind.INTEGERS, Kind.FLAG):
                yield "4.9"
                yield "99999999999"
            if self.finite and self.kind in (Kind.NUMBER, Kind.NUMBERS):
                yield "nan"
            for words, bound in self._bounds():
                yield f"{bound + _OUTSIDE[words]:g}"


_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "more than": operator.gt, "at least": operator.ge, "at most": operator.le, "less than": operator.lt,
}  # fmt: skip
_OUTSIDE = {"more than": 0, "at least": -1, "at most": 1, "less than": 0}  # the nearest whole step that does not hold


def _plain(value: float) -> str:
    return str(int(value) if value == int(value) else value)


def float32(value: float) -> float:
    """A number as Darknet keeps it: rounded to 32 bits (too large is infinite)."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    value = int(text.partition(".")[0])
    if abs(value) > MAXIMUM_INTEGER:
        raise ValueError(text)
    return value


def _read_number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float32(float(text))


def _read_list(read: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    return lambda text: tuple(read(element) for element in text.removesuffix(",").split(","))


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: _read_integer,
    Kind.NUMBER: _read_number,
    Kind.FLAG: lambda text: _read_integer(text) != 0,
    Kind.WORD: str,
    Kind.PATH: str,
    Kind.INTEGERS: _read_list(_read_integer),
    Kind.NUMBERS: _read_list(_read_number),
}


class Options(Mapping[str, Any]):
    """The values of one section's options, by attribute or by name; ``given`` names those that the cfg itself sets.

    ``failed`` is true when an error was collected while reading, so that nothing should be built on the values.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self.given: set[str] = set()
        self.failed = False

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"no option {name}") from None

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"


def read_options(
    section: Section,
    declared: tuple[Option, ...],
    findings: Findings,
    *,
    dialect: Dialect = DEFAULT,
    training: bool = False,
) -> Options:
    """Read a section's options by their declarations, in that order.

    A bad value raises ConfigError (or is collected by ``findings``); a bad value of an option that only training uses
    is a warning unless ``training``. Unknown options are warned about with the nearest known name.
    """
    options = Options()
    for option in declared:
        value = option.default_for(options, dialect)
        if option.name in section.values:
            options.given.add(option.name)
            value = _read_given(option, section, value, options, findings, training)
        elif value is REQUIRED:
            if option.binds(training):
                found, remedy = f"no {option.name}=", f"Add {option.name}="
                findings.error(ConfigError(found, option.expected(), remedy, **section.at()))
                options.failed = True
            value = None
        options._values[option.name] = value
    _warn_unknown(section, declared, findings)
    return options


def _read_given(
    option: Option, section: Section, default: Any, options: Options, findings: Findings, training: bool
) -> Any:
    text = section.raw[option.name] if option.kind is Kind.PATH else section.values[option.name]
    if option.kind is not Kind.PATH:
        text = _without_tail(option, text, section, findings)
    try:
        value = option.parse(text)
    except ValueError:
        binding = option.binds(training)
        _report_bad(option, text, section, findings, binding)
        options.failed |= binding
        return None if default is REQUIRED else default
    if option.use is Use.NONE and value != default:
        place = f"{printable_path(section.path or '<cfg>')}:{section.lines[option.name]}"
        findings.note(f"{place}: {option.name}= has no effect on a CPU")
    return value


def _report_bad(option: Option, text: str, section: Section, findings: Findings, binding: bool) -> None:
    """A value that cannot be read: an error where it is ``binding``, else a warning."""
    found, place = f"{option.name}={printable(text)}", section.at(option.name)
    if binding:
        findings.error(ConfigError(found, option.expected(), _remedy(option, text), **place))
    else:
        acts_on = "only matters for training" if option.use is Use.TRAIN else "has no effect on a CPU"
        findings.warning(DarknetpyWarning(found, option.expected(), f"It {acts_on}", **place))


def _remedy(option: Option, text: str) -> str:
    """What to write instead."""
    if text.lower() in option.elsewhere:
        choice = option.elsewhere[text.lower()]
        return f"Darknet calls it {choice}: write {option.name}={choice}"
    if option.choices:
        return did_you_mean(text, option.choices) or "Choose one of them"
    if option.kind is Kind.FLAG:
        return "Write 1 for yes, 0 for no"
    if option.kind in (Kind.INTEGER, Kind.NUMBER) and _NUMBER.fullmatch(text):
        number = float(text)
        if option.kind is Kind.INTEGER and number > MAXIMUM_INTEGER:
            return f"The largest number is {MAXIMUM_INTEGER}"
        if option.kind is Kind.INTEGER and number.is_integer() and option.allows(int(number)):
            return f"Write {option.name}={int(number)}"
        if not math.isfinite(float32(number)):
            return "Write a finite number"
    default = option.default_text()
    return "Correct it" + (f"; without this line it is {default}" if default not in ("required", "none") else "")


def _without_tail(option: Option, text: str, section: Section, findings: Findings) -> str:
    """Text after # or ; that no blank separates is dropped with a warning; other doubtful texts are warned about."""

    def warn(found: str, expected: str, remedy: str) -> None:
        found = f"{option.name}={printable(found)}"
        findings.warning(DarknetpyWarning(found, expected, remedy, **section.at(option.name)))

    kept = re.split(r"[#;]", text, maxsplit=1)[0]
    if kept and kept != text:
        warn(text, f"nothing after {printable(kept)}", "Put a blank before a note")
        text = kept
    if option.kind in (Kind.INTEGERS, Kind.NUMBERS) and text.endswith(","):
        warn(text, "no comma at the end", "It is ignored")
    raw = section.raw[option.name]
    if option.kind not in (Kind.WORD, Kind.PATH) and _SPLIT_NUMBER.search(raw):
        warn(raw, "no blank inside a number", f"It is read as {printable(text)}; put commas between numbers")
    return text


def _warn_unknown(section: Section, declared: tuple[Option, ...], findings: Findings) -> None:
    names = tuple(option.name for option in declared)
    for name in section.values:
        if name in names:
            continue
        near = nearest(name, names)
        remedy = f"Did you mean {near[0]}?" if near else "It is ignored"
        findings.warning(DarknetpyWarning(f"unknown option {printable(name)}=", "", remedy, **section.at(name)))
