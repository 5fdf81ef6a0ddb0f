"""``darknetpy generate``: text from a recurrent network."""

from __future__ import annotations

import argparse
import sys

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, add_strict, positive_number, whole_number

MOST_CHARACTERS = 2**31 - 1
LARGEST_RANDOM_SEED = 2**32 - 1

_DESCRIPTION = """\
Go on with a text, by a recurrent network that was trained
on one. The text and what is added to it go to standard
output, as they are computed. The same random seed gives the
same text."""
_EXAMPLES = """\
examples:
  darknetpy generate my.cfg my.weights --seed 'ROMEO:'
  darknetpy generate my.cfg my.weights --temperature .4
  darknetpy generate my.cfg my.weights --random-seed 7"""


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} [OPTION...] CFG WEIGHTS"
    add_cfg(parser)
    parser.add_argument("weights", metavar="WEIGHTS", help="its .weights file, or the same name")
    parser.add_argument("--seed", default="\n\n", metavar="TEXT", help="the text to go on from [two line ends]")
    parser.add_argument(
        "--length", type=whole_number(0, MOST_CHARACTERS), default=1000, metavar="N", help="bytes to add to it [1000]"
    )
    parser.add_argument(
        "--temperature",
        type=positive_number,
        default=0.7,
        metavar="T",
        help="below 1: more of what is probable; above 1: more surprises [.7]",
    )
    parser.add_argument(
        "--random-seed",
        type=whole_number(0, LARGEST_RANDOM_SEED),
        default=0,
        metavar="N",
        help="another number gives another text [0]",
    )
    add_dialect(parser)
    parser.add_argument("--allow-damaged", action="store_true", help="use what can be read of damaged weights")
    add_strict(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the text; always 0."""
    from darknetpy.generation import generate
    from darknetpy.kernels.cache import on_compile
    from darknetpy.network import load

    network = load(
        arguments.cfg,
        arguments.weights,
        dialect=arguments.dialect,
        strict=arguments.strict,
        allow_damaged=arguments.allow_damaged,
    )
    for remark in network.notes:
        terminal.note(remark)
    on_compile(terminal.news)
    text = generate(
        network,
        arguments.seed,
        arguments.length,
        temperature=arguments.temperature,
        random_seed=arguments.random_seed,
    )
    terminal.answer(_shown(arguments.seed), end="")
    for piece in text:
        terminal.answer(_shown(piece), end="")
    terminal.answer("")
    return 0


def _shown(text: str) -> str:
    """Text as it is; on a terminal with control characters escaped, since nobody knows what a network says."""
    if sys.stdout is None or not sys.stdout.isatty():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1] for character in text
    )
