"""docs/training.md, and the part of the README on training: what they tell people to type exists."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

import darknetpy
from darknetpy.cli.main import COMMANDS, command_parser
from darknetpy.config.net_options import NET_OPTIONS
from darknetpy.config.sections import read_cfg
from darknetpy.config.shipped import shipped_networks
from darknetpy.graph import build_graph
from tests.source_code import ROOT

pytestmark = pytest.mark.quick

PAGE = (ROOT / "docs" / "training.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8").split("\n## Train\n")[1].split("\n## ")[0]
MENTIONED = re.compile(r"`(--[a-z0-9-]+)")


def command_lines() -> Iterator[list[str]]:
    """The words behind ``darknetpy`` of every line in a block of commands; CFG, DATA and the like are left as names."""
    for block in re.findall(r"```sh\n(.*?)```", PAGE + README, re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "darknetpy":
                yield words[1:]


@pytest.mark.parametrize("words", list(command_lines()), ids=" ".join)
def test_every_command_line_can_be_typed(words: list[str]) -> None:
    assert words[0] in COMMANDS
    given = command_parser(words[0]).read(words[1:], argparse.Namespace())
    cfg = given.cfg
    assert cfg in shipped_networks() or cfg in {"my.cfg", "mine.cfg"}


def test_options_that_are_mentioned_exist() -> None:
    parsers = [command_parser(name) for name in ("train", "validate", "cfg")]
    missing = [name for name in MENTIONED.findall(PAGE) if not any(parser.option(name) for parser in parsers)]
    assert not missing
    table = PAGE.split("## 5. ")[1].split("\n\n`--no-augmentation`")[0]
    named = re.findall(r"`(\w+)=`", table)
    assert len(named) > 12
    assert set(named) <= {option.name for option in NET_OPTIONS}


def test_networks_in_the_table_are_as_it_says() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) x (\d+)( grey)? \| ([\d,]+) \|", PAGE, re.MULTILINE)
    ours = {name for name in shipped_networks() if name.startswith("course-") or name.endswith("-32x32")}
    assert {row[0] for row in rows} == ours | {"shapes", "mnist", "cifar10", "cifar10-compact"}
    for name, width, height, grey, parameters in rows:
        graph = build_graph(read_cfg(shipped_networks()[name].cfg))
        assert graph.input_shape == (1 if grey else 3, int(height), int(width))
        assert f"{graph.parameters:,}" == parameters


def test_names_of_python_exist() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    names = re.findall(r"darknetpy\.(\w+)\(", code)
    assert {"train", "Trainer", "load"} <= set(names)
    assert all(hasattr(darknetpy, name) for name in names)
