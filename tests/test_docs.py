"""The documents agree with the code: generated pages are up to date, and what pages name exists."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import darknetpy
from darknetpy.dialect import ALEXEYAB, PJREDDIE, Dialect
from tests.source_code import ROOT, files, package

pytestmark = pytest.mark.quick

PAGES = [path for path in files() if path.suffix == ".md"]


def rows(page: Path, columns: int) -> Iterator[list[str]]:
    """The cells of every row of tables with that many columns, heads included."""
    for line in page.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and set(line) - set("|- "):
            yield cells


def test_the_page_of_layers_is_up_to_date() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "make_docs.py"))["layers_page"]()
    assert (ROOT / "docs" / "layers.md").read_text("utf-8") == made, "run: python tools/make_docs.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_to_files_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", page.read_text("utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


def test_the_page_of_dialects_has_every_fact_with_its_values() -> None:
    table = {cells[0].strip("`"): cells[2:] for cells in rows(ROOT / "docs" / "dialects.md", columns=4)}
    fields = [field.name for field in dataclasses.fields(Dialect) if field.name != "name"]
    assert sorted(fields) == sorted(set(table) - {"fact"}), "one row for each fact of darknetpy/dialect.py"
    for name in fields:
        for written, dialect in zip(table[name], (ALEXEYAB, PJREDDIE), strict=True):
            value = getattr(dialect, name)
            if isinstance(value, bool):
                assert written == ("yes" if value else "no"), name
            elif isinstance(value, float | int):
                assert written == f"{value:g}", name
            elif isinstance(value, str):
                assert written == value, name


def test_every_quirk_names_a_test_that_exists() -> None:
    named = [cells[2] for cells in rows(ROOT / "docs" / "quirks.md", columns=3) if cells[2] != "test"]
    assert len(named) > 20
    for cell in named:
        places = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cell)
        assert places, f"{cell}: name a test, as `tests/FILE.py::NAME`"
        for path, name in places:
            tree = ast.parse((ROOT / path).read_text("utf-8"))
            assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, (path, name)


def test_example_pictures_that_are_named_exist() -> None:
    texts = {
        path.relative_to(ROOT): path.read_text("utf-8") for path in files() if path.suffix in {".md", ".py", ".cfg"}
    }
    ours = re.compile(r"(?<!darknet )\bexamples/[\w-]+\.\w+")  # "darknet examples/..." is a source of a C program's
    named = [(page, name) for page, text in texts.items() for name in ours.findall(text)]
    assert named
    assert not [f"{page}: {name}" for page, name in named if not (ROOT / name).is_file()]


@pytest.mark.parametrize("module", [name for name, source in package().items() if ">>> " in source.text])
def test_examples_in_docstrings_work(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples may use ``np``, the network ``net`` that reads digits, and its ``graph``."""
    monkeypatch.chdir(ROOT)
    net = darknetpy.load("mnist", "mnist")
    name = "darknetpy" if module == "__init__" else f"darknetpy.{module}"
    result = doctest.testmod(
        importlib.import_module(name),
        extraglobs={"np": np, "net": net, "graph": net.graph},
        optionflags=doctest.ELLIPSIS,
    )
    assert not result.failed
