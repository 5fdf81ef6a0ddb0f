#!/usr/bin/env python3
"""Writes docs/layers.md from what the layers, activations and [net] declare about themselves.

A test compares the page with what this program would write, so run it after changing an option or a docstring.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from darknetpy.config.net_options import NET_OPTIONS
from darknetpy.config.options import Option
from darknetpy.kernels.activations import ACTIVATIONS
from darknetpy.layers.base import COMMON_OPTIONS, Layer
from darknetpy.layers.registry import layer_types

WIDTH = 120
PAGE = Path(__file__).resolve().parent.parent / "docs" / "layers.md"

INTRODUCTION = """\
# Sections and their options

<!-- Made by tools/make_docs.py from the code; edit the declarations there. -->

Every section of a `.cfg` that darknetpy runs, with every option it knows. Anything else in a section is warned about,
with the nearest known name. Shapes are those of one picture: `(c, h, w)` channels, height and width, or `(length,)`
where values have no picture's order. A default may name another option of the same section. The last column says what
an option acts on; what only training uses does not change the answers of a network.
"""


def layers_page() -> str:
    """The text of docs/layers.md."""
    layers = list(dict.fromkeys(layer_types().values()))
    parts = [
        INTRODUCTION,
        _contents(layers),
        "## [net]\n\nThe first section, also written `[network]`: the size of the input, and how to train.",
        _options_table(NET_OPTIONS),
        *(_layer_section(layer) for layer in layers),
        "## Options of every section",
        _options_table(COMMON_OPTIONS),
        "## Activations\n\nValues of `activation=`. An unknown name is an error; Darknet takes it for relu.",
        _table(("activation", "formula"), ((f"`{name}`", entry.formula) for name, entry in ACTIVATIONS.items())),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _contents(layers: list[type[Layer]]) -> str:
    names = ["net", *(layer.names[0] for layer in layers)]
    links = [f"[{name}](#{name})" for name in names]
    links += ["[options of every section](#options-of-every-section)", "[activations](#activations)"]
    return textwrap.fill(", ".join(links), WIDTH, break_on_hyphens=False)


def _layer_section(layer: type[Layer]) -> str:
    name, *aliases = layer.names
    also = f"Also written {' or '.join(f'`[{alias}]`' for alias in aliases)}. " if aliases else ""
    module = layer.__module__.replace(".", "/")
    options = _options_table(layer.declared_options) if layer.declared_options else "No options of its own."
    return "\n\n".join(
        [f"## [{name}]", _markdown(inspect.getdoc(layer) or ""), f"{also}Code: [{module}.py](../{module}.py).", options]
    )


def _markdown(docstring: str) -> str:
    """A docstring as Markdown: names in single backquotes, formulas as blocks of code."""
    text = re.sub(r":\w+:`([^`]*)`", r"`\1`", docstring).replace("``", "`")
    return "\n\n".join(
        f"```\n{paragraph}\n```" if re.match(r"\w+\[[^]]*\] = ", paragraph) else paragraph
        for paragraph in text.split("\n\n")
    )


def _options_table(options: Iterable[Option]) -> str:
    rows = (
        (f"`{option.name}`", _expected(option), option.default_text(), option.meaning, option.use.value)
        for option in options
    )
    return _table(("option", "value", "default", "meaning", "acts on"), rows)


def _expected(option: Option) -> str:
    return "an [activation](#activations)" if option.choices == tuple(ACTIVATIONS) else option.expected()


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> None:
    """Write the page."""
    PAGE.write_text(layers_page(), encoding="utf-8", newline="\n")
    print(f"{PAGE.name}: {len(set(layer_types().values()))} layer types, {len(ACTIVATIONS)} activations")


if __name__ == "__main__":
    main()
