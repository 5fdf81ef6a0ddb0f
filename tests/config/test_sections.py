"""Cfg text to sections: compared with a second reading of the rules, written in another way."""

from __future__ import annotations

import contextlib
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import darknetpy
from darknetpy.config.sections import Cfg, Section, parse_cfg, read_cfg
from darknetpy.errors import ConfigError, Findings

Reading = tuple[list[tuple[str | None, int, dict[str, tuple[str, int]]]], set[int]]
"""Name, line and options (value, line) of each section, and the lines that are refused."""


def naive_reading(data: bytes) -> Reading:
    """The rules of Darknet's cfg text as a loop over lines, going on after lines that are refused.

    Refused is what Darknet drops, misreads or crashes on. The name of a refused header is None.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    sections: list[tuple[str | None, int, dict[str, tuple[str, int]]]] = []
    refused: set[int] = set()
    for number, line in enumerate(text.split("\n") if "\n" in text else text.split("\r"), 1):
        bare = "".join(line.split(" ")).replace("\t", "").replace("\r", "")
        if bare == "" or bare[0] == "#" or bare[0] == ";":
            continue
        said = before_note(line)
        bare = "".join(character for character in said if character not in " \t\r")
        hidden = any(ord(character) > 126 and not character.isprintable() for character in said)
        if bare.startswith("["):
            sound = re.fullmatch(r"\[[^\[\]]+\]", bare) is not None and not hidden
            sections.append((bare[1:-1] if sound else None, number, {}))
            refused |= set() if sound else {number}
            continue
        key, _, value = bare.partition("=")
        if not sections or key == "" or value == "" or ":" in key or len(key) > 200 or hidden:
            refused.add(number)
        else:
            sections[-1][2].setdefault(key, (value, number))
    return sections, refused


def before_note(line: str) -> str:
    for position in range(1, len(line)):
        if line[position] in "#;" and line[position - 1].isspace():
            return line[: position - 1]
    return line


def our_reading(data: bytes) -> Reading:
    findings = Findings(collect=True)
    sections: list[Section] = []
    with contextlib.suppress(ConfigError):  # raised for a text without sections
        sections = parse_cfg(data, "net.cfg", findings).sections
    errors = [error for error in findings.errors if "the first section is" not in error.found]
    headers = {error.line for error in errors if error.section is None or "invisible" in error.found}
    read = [
        (
            None if section.line in headers else section.name,
            section.line,
            {name: (value, section.lines[name]) for name, value in section.values.items()},
        )
        for section in sections
    ]
    return read, {error.line or 0 for error in errors}


PIECES = [
    b"[net]", b"[", b"]", b"=", b" ", b"\t", b"\n", b"\n", b"\r\n", b"\r", b"#", b";", b",", b":", b"-", b".5", b"1",
    b"filters", b"a", b"size=3", b"\n[conv]\n", b"\nk=v\n", b" # n", "\u00e9".encode(), b"\xe9", "\u00a0".encode(),
    b"\x85", "\u2028".encode(), "\u3000".encode(), b"=1\n", b"\n#[maxpool]\n", b"\xef\xbb\xbf",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_a_naive_reading_on_random_bytes(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(100):
        start = source.choice([b"", b"[net]\n", b"\xef\xbb\xbf[net]\n", b"[net]\r\n", b"[net]\r"])
        data = start + b"".join(source.choices(PIECES, k=source.randrange(40)))
        assert our_reading(data) == naive_reading(data), data


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t\r"), max_size=200))
def test_equal_to_a_naive_reading_on_any_text(text: str) -> None:
    data = ("[net]\n" + text).encode()
    assert our_reading(data) == naive_reading(data)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_cfg_or_a_config_error(data: bytes) -> None:
    with contextlib.suppress(ConfigError):
        assert bytes(parse_cfg(data, "net.cfg")) == data


def zoo(shared: Path) -> list[Path]:
    paths = sorted((shared / "data").rglob("*.cfg"))
    assert len(paths) > 131
    return paths


def test_equal_to_a_naive_reading_on_the_zoo(shared: Path) -> None:
    for path in zoo(shared):
        sections, refused = naive_reading(path.read_bytes())
        assert our_reading(path.read_bytes()) == (sections, refused), path
        assert refused == set()


def test_files_of_the_zoo_are_given_back_unchanged(shared: Path) -> None:
    for path in zoo(shared):
        assert bytes(read_cfg(path)) == path.read_bytes(), path


TEXT = "# caf\u00e9\n[net]\nwidth = 8 ; note\n\n[conv]  # first\n\tfilters\t=\t2\n#[maxpool]\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("closed", [True, False])
def test_given_back_unchanged_and_read_the_same(ending: str, encoding: str, closed: bool) -> None:
    text = (TEXT if closed else TEXT.rstrip("\n")).replace("\n", ending)
    cfg = parse_cfg(text.encode(encoding))
    assert bytes(cfg) == text.encode(encoding)
    assert str(cfg) == text
    assert [(section.name, section.line, section.values) for section in cfg] == [
        ("net", 2, {"width": "8"}),
        ("conv", 5, {"filters": "2"}),
    ]


def test_text_in_memory_is_read_like_a_file() -> None:
    cfg = parse_cfg("\ufeff" + TEXT)
    assert str(cfg) == TEXT
    assert bytes(cfg) == ("\ufeff" + TEXT).encode()
    assert cfg.path is None
    assert len(cfg) == 2


def test_read_cfg_is_public_and_takes_every_kind_of_path(tmp_path: Path) -> None:
    path = tmp_path / "my net \u00e9.cfg"
    path.write_text(TEXT, "utf-8")
    for given_path in (path, str(path), str(path).encode()):
        cfg = darknetpy.read_cfg(given_path)
        assert isinstance(cfg, Cfg)
        assert cfg.path == str(path)
        assert str(cfg) == TEXT


def test_sections_keep_order_lines_columns_and_blanks() -> None:
    cfg = parse_cfg("[net]\nwidth=8\n\n[conv]\n  tree =  my data/9k tree  # note\nsteps= 1, 2 ,3\n", "a.cfg")
    assert cfg.net.name == "net"
    (layer,) = cfg.layers
    assert (layer.line, layer.layer, cfg.net.layer) == (4, 0, None)
    assert layer.values == {"tree": "mydata/9ktree", "steps": "1,2,3"}
    assert layer.raw == {"tree": "my data/9k tree", "steps": "1, 2 ,3"}
    assert layer.lines == {"tree": 5, "steps": 6}
    assert layer.columns == {"tree": 11, "steps": 8}
    assert layer.at("tree") == {
        "path": "a.cfg", "line": 5, "column": 11, "section": "conv", "layer": 0, "option": "tree",
    }  # fmt: skip
    assert layer.at("absent")["line"] == 4


def test_blanks_inside_names_are_removed() -> None:
    cfg = parse_cfg("[ n e t ]\nba tch = 1 \t2\n")
    assert (cfg.net.name, cfg.net.values) == ("net", {"batch": "12"})


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("a=1 # note", "1"),
        ("a=1\t; note", "1"),
        ("a=1 #", "1"),
        ("a=1#tail", "1#tail"),
        ("a=1;tail # note", "1;tail"),
        ("a=b=c", "b=c"),
        ("a=C:\\nets", "C:\\nets"),
        ("a='1'", "'1'"),
        ("a=[1]", "[1]"),
        ("a=\u00e9\u4e2d", "\u00e9\u4e2d"),
    ],
)
def test_values(line: str, value: str) -> None:
    assert parse_cfg(f"[net]\n{line}\n").net.values == {"a": value}


def test_a_half_commented_section_is_recognised() -> None:
    """``#[maxpool]`` whose options were left: they fall to the section above, and both lines are named."""
    findings = Findings()
    text = "[net]\nwidth=8\n[convolutional]\nsize=3\nstride=1\n\n#[maxpool]\nsize=2\nstride=2\n"
    cfg = parse_cfg(text, "net.cfg", findings)
    assert cfg.layers[0].values == {"size": "3", "stride": "1"}
    assert [warning.line for warning in findings.warnings] == [8, 9]
    for warning, first in zip(findings.warnings, (4, 5), strict=True):
        assert f"of line {first}" in warning.found
        assert "Line 7 comments out [maxpool]" in warning.remedy
        assert (warning.section, warning.layer) == ("convolutional", 0)


def test_a_commented_header_before_the_first_of_two_keys_is_not_blamed() -> None:
    findings = Findings()
    parse_cfg("[net]\n#[old]\nwidth=8\nwidth=9\n", "net.cfg", findings)
    assert "comments out" not in findings.warnings[0].remedy


def test_all_mistakes_are_collected() -> None:
    findings = Findings(collect=True)
    text = "a=1\n[net]\nwidth=8\n=3\nalone\n[conv\nfilters=\n[]\n[soft]\n"
    cfg = parse_cfg(text, "net.cfg", findings)
    assert [error.line for error in findings.errors] == [1, 4, 5, 6, 7, 8]
    assert [section.name for section in cfg] == ["net", "conv", "", "soft"]


def test_an_error_on_a_header_does_not_name_the_section_before() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cfg("[net]\nwidth=8\n[conv\n", "net.cfg")
    assert str(caught.value).startswith("net.cfg:3: [conv, expected")
    assert caught.value.section is None


def calls_for(sections: int) -> int:
    """How many functions are called for a cfg of so many sections: a measure of work that no clock disturbs."""
    text = "[net]\nwidth=8\n" + "[convolutional]\nfilters=4 # note\nfilters=5\n# comment\n\n" * sections
    findings, count = Findings(), 0

    def counting(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counting)
    try:
        parse_cfg(text, "net.cfg", findings)
    finally:
        sys.setprofile(None)
    return count


def test_work_grows_with_the_length_of_the_text_and_no_faster() -> None:
    few, many = calls_for(100), calls_for(900)
    assert many < 9.5 * few
