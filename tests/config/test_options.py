"""Declared options: every kind of value, defaults, bounds, tails, and names that nobody declared."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknetpy.config.net_options import NET_OPTIONS
from darknetpy.config.options import (
    MAXIMUM_INTEGER,
    REQUIRED,
    Default,
    Kind,
    Option,
    Options,
    Use,
    float32,
    read_options,
)
from darknetpy.config.sections import Section, parse_cfg
from darknetpy.dialect import ALEXEYAB, PJREDDIE
from darknetpy.errors import ConfigError, Findings
from darknetpy.layers.base import COMMON_OPTIONS
from darknetpy.layers.registry import layer_types


def section_of(*lines: str) -> Section:
    return parse_cfg("\n".join(["[net]", *lines, ""]), "net.cfg").net


def read(option: Option, *lines: str, findings: Findings | None = None, training: bool = False) -> Any:
    options = read_options(section_of(*lines), (option,), findings or Findings(), training=training)
    return options[option.name]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.INTEGER, "7", 7),
        (Kind.INTEGER, "+7", 7),
        (Kind.INTEGER, "-7", -7),
        (Kind.INTEGER, "007", 7),
        (Kind.INTEGER, "7.", 7),
        (Kind.INTEGER, "7.00", 7),
        (Kind.INTEGER, "2147483647", MAXIMUM_INTEGER),
        (Kind.INTEGER, "-2147483647", -MAXIMUM_INTEGER),
        (Kind.NUMBER, "7", 7.0),
        (Kind.NUMBER, ".5", 0.5),
        (Kind.NUMBER, "5.", 5.0),
        (Kind.NUMBER, "-1e-3", -float32(0.001)),
        (Kind.NUMBER, "1E3", 1000.0),
        (Kind.NUMBER, "1e-99", 0.0),
        (Kind.NUMBER, "0.1", 0.10000000149011612),
        (Kind.FLAG, "0", False),
        (Kind.FLAG, "1", True),
        (Kind.FLAG, "2", True),
        (Kind.WORD, "leaky", "leaky"),
        (Kind.PATH, "my data/9k tree", "my data/9k tree"),
        (Kind.INTEGERS, "-1,-4", (-1, -4)),
        (Kind.INTEGERS, "5", (5,)),
        (Kind.NUMBERS, ".1, 10 ,1e1", (float32(0.1), 10.0, 10.0)),
    ],
)
def test_values(kind: Kind, text: str, value: Any) -> None:
    found = read(Option("a", None, "meaning", kind), f"a={text}")
    assert found == value
    assert type(found) is type(value)


NO_INTEGERS = (
    "four", "4.9", "4x", "--4", "1e3", "0x10", "1_000", "\u0663", "\u00b2", "2147483648", "-2147483648",
    "9" * 41, "9" * 5000, "nan", "inf", "1,2", "+", ".", "1=2", "4..0",
)  # fmt: skip
NO_NUMBERS = ("four", "1,5", "1_0", "\u0663", "0x1p3", "1e", "e1", ".", "+", "--1", "1.2.3", "infinity", "nano", "1f")


@pytest.mark.parametrize("text", NO_INTEGERS)
def test_what_is_no_whole_number(text: str) -> None:
    for kind, written in ((Kind.INTEGER, text), (Kind.FLAG, text), (Kind.INTEGERS, f"1,{text}.5")):
        with pytest.raises(ConfigError) as caught:
            read(Option("a", 1, "meaning", kind), f"a={written}")
        assert caught.value.expected == kind.value


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number(text: str) -> None:
    for kind, written in ((Kind.NUMBER, text), (Kind.NUMBERS, f"1,{text}x")):
        with pytest.raises(ConfigError) as caught:
            read(Option("a", 1.0, "meaning", kind), f"a={written}")
        assert caught.value.expected == kind.value


@pytest.mark.parametrize("text", ["nan", "-nan", "inf", "-INF", "1e999", "3.5e38"])
def test_what_is_not_finite_is_refused_unless_declared(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(Option("a", 1.0, "meaning", Kind.NUMBER), f"a={text}")
    assert caught.value.remedy == "Write a finite number"
    assert not math.isfinite(read(Option("a", 1.0, "meaning", Kind.NUMBER, finite=False), f"a={text}"))


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cf")), min_size=1, max_size=12))
def test_any_text_is_read_as_python_reads_it_or_refused(text: str) -> None:
    """The only numbers beside Python's own are those that Python reads too: no silent zeros as in Darknet."""
    try:
        value = Option("a", 1.0, "meaning", Kind.NUMBER, finite=False).parse(text)
    except ValueError:
        return
    assert text.isascii()
    assert value == float32(float(text)) or math.isnan(value)


def test_float32_rounds_as_darknet_keeps_numbers() -> None:
    assert float32(0.1) == 0.10000000149011612
    assert float32(16777217.0) == 16777216.0
    assert float32(1e39) == math.inf
    assert float32(-1e39) == -math.inf
    assert math.isnan(float32(math.nan))


BOUNDED = [
    (Option("a", 2, "meaning", minimum=1), ["1", "5"], ["0", "-1"], "a whole number, at least 1"),
    (Option("a", 2, "meaning", maximum=3), ["3", "-9"], ["4"], "a whole number, at most 3"),
    (Option("a", 2, "meaning", minimum=1, maximum=3), ["1", "3"], ["0", "4"],
     "a whole number, at least 1 and at most 3"),
    (Option("a", 0.5, "meaning", Kind.NUMBER, minimum=0, open_bounds=True), ["1e-9"], ["0", "-1"],
     "a number, more than 0"),
    (Option("a", 0.5, "meaning", Kind.NUMBER, minimum=0, maximum=1, open_bounds=True), [".5"], ["0", "1"],
     "a number, more than 0 and less than 1"),
    (Option("a", 0.5, "meaning", Kind.NUMBER, minimum=0, below=1), ["0", ".999"], ["1", "-.1"],
     "a number, at least 0 and less than 1"),
    (Option("a", 0.5, "meaning", Kind.NUMBER, minimum=0.5), [".5"], [".4"], "a number, at least 0.5"),
    (Option("a", (), "meaning", Kind.INTEGERS, minimum=0), ["0,1,2"], ["0,-1,2", "-1"],
     "whole numbers separated by commas, at least 0"),
    (Option("a", "x", "meaning", Kind.WORD, choices=("x", "yes")), ["x", "yes"], ["X", "y", "xx"], "one of x, yes"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "good", "bad", "expected"), BOUNDED)
def test_bounds_and_choices(option: Option, good: list[str], bad: list[str], expected: str) -> None:
    assert option.expected() == expected
    for text in good:
        read(option, f"a={text}")
    for text in (*bad, *option.bad_values()):
        with pytest.raises(ConfigError) as caught:
            read(option, f"a={text}")
        assert (caught.value.expected, caught.value.option, caught.value.column) == (expected, "a", 3)


def test_defaults() -> None:
    declared = (
        Option("plain", 3, "meaning"),
        Option("twice", Default("2 * plain", lambda earlier, dialect: 2 * earlier.plain), "meaning"),
        Option("fork", Default("by dialect", lambda earlier, dialect: dialect.name), "meaning", Kind.WORD),
        Option("nothing", None, "meaning"),
    )
    options = read_options(section_of("plain=5"), declared, Findings(), dialect=PJREDDIE)
    assert dict(options) == {"plain": 5, "twice": 10, "fork": "pjreddie", "nothing": None}
    assert options.given == {"plain"}
    options = read_options(section_of(), declared, Findings(), dialect=ALEXEYAB)
    assert dict(options) == {"plain": 3, "twice": 6, "fork": "alexeyab", "nothing": None}
    assert [option.default_text() for option in declared] == ["3", "2 * plain", "by dialect", "none"]
    assert Option("a", REQUIRED, "m").default_text() == "required"
    assert Option("a", True, "m", Kind.FLAG).default_text() == "1"
    assert Option("a", 0.00001, "m", Kind.NUMBER).default_text() == "1e-05"
    assert Option("a", (), "m", Kind.INTEGERS).default_text() == "none"


def test_an_option_that_must_be_there() -> None:
    with pytest.raises(ConfigError) as caught:
        read(Option("layers", REQUIRED, "meaning", Kind.INTEGERS), "width=1")
    assert str(caught.value) == (
        "net.cfg:1: [net]: no layers=, expected whole numbers separated by commas. Add layers=."
    )


@pytest.mark.parametrize(
    ("use", "training", "binding"),
    [(Use.RUN, False, True), (Use.TRAIN, True, True), (Use.TRAIN, False, False), (Use.NONE, True, False)],
)
def test_an_option_must_be_there_for_what_it_acts_on(use: Use, training: bool, binding: bool) -> None:
    findings = Findings(collect=True)
    options = read_options(section_of("width=1"), (Option("a", REQUIRED, "m", use=use),), findings, training=training)
    assert options.a is None
    assert options.failed == binding
    assert [error.found for error in findings.errors] == (["no a="] if binding else [])


@pytest.mark.parametrize(
    ("option", "text", "remedy"),
    [
        (Option("a", 1, "meaning", minimum=1), "four", "Correct it; without this line it is 1"),
        (Option("a", None, "meaning"), "four", "Correct it"),
        (Option("a", REQUIRED, "meaning", Kind.INTEGERS), "four", "Correct it"),
        (Option("a", 1, "meaning"), "5e3", "Write a=5000"),
        (Option("a", 1, "meaning", maximum=10), "5e3", "Correct it; without this line it is 1"),
        (Option("a", 1, "meaning"), "3000000000", f"The largest number is {MAXIMUM_INTEGER}"),
        (Option("a", 1, "meaning"), "nan", "Write a finite number"),
        (Option("a", False, "meaning", Kind.FLAG), "yes", "Write 1 for yes, 0 for no"),
        (Option("a", "leaky", "meaning", Kind.WORD, choices=("leaky", "relu")), "leakey", "Did you mean leaky?"),
        (Option("a", "leaky", "meaning", Kind.WORD, choices=("leaky", "relu")), "zzz", "Choose one of them"),
        (
            Option("a", "swish", "meaning", Kind.WORD, choices=("swish",), elsewhere={"silu": "swish"}),
            "SiLU",
            "Darknet calls it swish: write a=swish",
        ),
    ],
)
def test_remedies(option: Option, text: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(option, f"a={text}")
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    ("kind", "text", "value", "says"),
    [
        (Kind.INTEGER, "3;x", 3, "expected nothing after 3"),
        (Kind.INTEGER, "3#x", 3, "expected nothing after 3"),
        (Kind.WORD, "leaky#c", "leaky", "expected nothing after leaky"),
        (Kind.INTEGERS, "1,2,", (1, 2), "expected no comma at the end"),
        (Kind.NUMBERS, "1,#x", (1.0,), "expected no comma at the end"),
        (Kind.INTEGERS, "100 200", (100200,), "It is read as 100200; put commas between numbers"),
        (Kind.NUMBERS, "10,13  16,30", (10.0, 1316.0, 30.0), "put commas between numbers"),
        (Kind.INTEGER, "1\t2", 12, "expected no blank inside a number"),
    ],
)
def test_doubtful_values_are_read_with_a_warning(kind: Kind, text: str, value: Any, says: str) -> None:
    findings = Findings()
    assert read(Option("a", None, "meaning", kind), f"a={text}", findings=findings) == value
    assert says in str(findings.warnings[-1])
    with pytest.raises(ConfigError):
        read(Option("a", None, "meaning", kind), f"a={text}", findings=Findings(strict=True))


@pytest.mark.parametrize("text", ["1, 2", " 1 ", "1 ,2", "-1 -2,3"])
def test_blanks_beside_commas_are_no_doubt(text: str) -> None:
    findings = Findings(collect=True)
    read(Option("a", None, "meaning", Kind.INTEGERS), f"a={text}", findings=findings)
    assert findings.warnings == []


def test_paths_keep_their_blanks_and_signs() -> None:
    findings = Findings()
    option = Option("tree", None, "meaning", Kind.PATH)
    assert read(option, "tree = my 1 2;data#/9k.tree  # note", findings=findings) == "my 1 2;data#/9k.tree"
    assert findings.warnings == []


def test_unknown_options_are_warned_about_with_the_nearest_name() -> None:
    findings = Findings()
    declared = (Option("filters", 1, "meaning"), Option("stride", 1, "meaning"))
    read_options(section_of("fitlers=4", "zzz=1"), declared, findings)
    assert [str(warning) for warning in findings.warnings] == [
        "net.cfg:2:9: [net]: unknown option fitlers=. Did you mean filters?",
        "net.cfg:3:5: [net]: unknown option zzz=. It is ignored.",
    ]


def test_options_without_effect_get_a_quiet_note() -> None:
    findings = Findings()
    option = Option("stream", -1, "meaning", use=Use.NONE)
    assert read(option, "stream=3", findings=findings) == 3
    assert findings.notes == ["net.cfg:2: stream= has no effect on a CPU"]
    assert findings.warnings == []
    assert read(option, "stream=-1", findings=findings) == -1
    assert len(findings.notes) == 1


@pytest.mark.parametrize(
    ("use", "training", "binding"),
    [
        (Use.RUN, False, True),
        (Use.RUN, True, True),
        (Use.TRAIN, False, False),
        (Use.TRAIN, True, True),
        (Use.NONE, False, False),
        (Use.NONE, True, False),
    ],
)
def test_a_bad_value_binds_where_the_option_acts(use: Use, training: bool, binding: bool) -> None:
    findings = Findings(collect=True)
    option = Option("a", 7, "meaning", minimum=0, use=use)
    assert read(option, "a=-1", findings=findings, training=training) == 7
    assert (len(findings.errors), len(findings.warnings)) == ((1, 0) if binding else (0, 1))


def test_reading_goes_on_after_errors_that_are_collected() -> None:
    findings = Findings(collect=True)
    declared = (Option("a", 1, "m"), Option("b", REQUIRED, "m"), Option("c", REQUIRED, "m"), Option("d", 1, "m"))
    options = read_options(section_of("a=x", "b=y", "d=5"), declared, findings)
    assert options.failed
    assert dict(options) == {"a": 1, "b": None, "c": None, "d": 5}
    assert [error.option for error in findings.errors] == ["a", "b", None]


def test_options_read_by_attribute_and_by_name() -> None:
    options = read_options(section_of("from=2"), (Option("from", 1, "m"), Option("size", 4, "m")), Findings())
    assert (options["from"], options.size, len(options)) == (2, 4, 2)
    assert repr(options) == "Options(from=2, size=4)"
    with pytest.raises(AttributeError, match="no option stride"):
        _ = options.stride
    with pytest.raises(KeyError):
        _ = options["stride"]


def test_no_declared_option_is_hidden_by_the_mapping_itself() -> None:
    declared = {option.name for option in (*NET_OPTIONS, *COMMON_OPTIONS)}
    declared |= {option.name for layer in layer_types().values() for option in layer.declared_options}
    assert not declared & (set(dir(Options)) | {"given", "failed"})


def test_every_declared_default_is_allowed() -> None:
    """A section without options never fails for its defaults."""
    declared = {(layer.names[0], option) for layer in layer_types().values() for option in layer.declared_options}
    for name, option in (*declared, *(("net", option) for option in (*NET_OPTIONS, *COMMON_OPTIONS))):
        default = option.default
        if not isinstance(default, Default) and default is not None and default is not REQUIRED:
            for element in default if isinstance(default, tuple) else (default,):
                assert option.allows(element), (name, option.name)
