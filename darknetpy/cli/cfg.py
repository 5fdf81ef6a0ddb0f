"""``darknetpy cfg adapt``: the cfg of a network for another number of classes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, add_strict, whole_number
from darknetpy.errors import ConfigError, Findings, did_you_mean, printable

if TYPE_CHECKING:
    from darknetpy.adaptation import Adaptation

MOST_CLASSES = 1_000_000
ACTIONS = ("adapt",)

_DESCRIPTION = """\
Change the cfg of a classifier or a detector to another
number of classes. The new cfg goes to FILE or to standard
output, what changed and why to standard error. All other
lines stay as they are, comments included."""
_EXAMPLES = """\
examples:
  darknetpy cfg adapt resnet18 --classes 2 --out my.cfg
  darknetpy cfg adapt resnet18 --data animals --out my.cfg
  darknetpy cfg adapt yolov4-tiny --classes 3 --training \\
    --out my.cfg
  darknetpy cfg adapt my.cfg --classes 5 --diff

--data DATA, in place of --classes, takes the classes of a
.data file, or of a folder with a folder for each class.
With --out my.cfg their names go to my.names, where classify
and detect look for them.

What changes: filters= or output= of the layer that gives
the values of the classes, by the needs of the layer behind
it ([softmax], [yolo], [Gaussian_yolo], [region] or
[detection]), and classes= of each head.

Patch a file in place:
  darknetpy cfg adapt my.cfg --classes 5 --diff |
    patch my.cfg"""


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} adapt [OPTION...] CFG --classes N"
    parser.add_argument("action", metavar="adapt", type=_action, help="what to do; there is one action so far")
    add_cfg(parser)
    parser.add_argument("--classes", type=whole_number(1, MOST_CLASSES), metavar="N", help="the new number of classes")
    parser.add_argument("--data", metavar="DATA", help="pictures or a .data file, whose classes are taken")
    parser.add_argument("--out", metavar="FILE", help="where the new cfg goes [standard output]")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.add_argument("--diff", action="store_true", help="print the changes as a diff instead of the new cfg")
    parser.add_argument(
        "--training",
        action="store_true",
        help="of a detector, also max_batches= and steps=: 2000 updates for each class, at least 6000",
    )
    add_dialect(parser)
    add_strict(parser)
    parser.add_rule(_misfit)


def _misfit(arguments: argparse.Namespace) -> str | None:
    if (arguments.classes is None) == (arguments.data is None):
        return "expected one of --classes N and --data DATA" + ("" if arguments.data is None else ", not both")
    return "--overwrite is for --out" if arguments.overwrite and arguments.out is None else None


def _action(text: str) -> str:
    if text not in ACTIONS:
        hint = did_you_mean(text, ACTIONS)
        raise argparse.ArgumentTypeError(f"unknown action {text!r}, expected adapt" + (f". {hint}" if hint else ""))
    return text


def run(arguments: argparse.Namespace) -> int:
    """Write the new cfg and say what changed; always 0."""
    from darknetpy.adaptation import adapt
    from darknetpy.config.sections import read_cfg
    from darknetpy.config.shipped import find_cfg
    from darknetpy.dialect import dialect_named

    findings = Findings(strict=arguments.strict)
    try:
        names = _names(arguments.data, findings) if arguments.data is not None else None
        contents: dict[str, bytes] = {}
        if arguments.out is not None and names is not None:
            contents[str(Path(arguments.out).with_suffix(".names"))] = "".join(f"{name}\n" for name in names).encode()
        cfg = read_cfg(find_cfg(arguments.cfg), findings)
        classes = arguments.classes if names is None else len(names)
        dialect = dialect_named(arguments.dialect)
        adapted = adapt(cfg, classes, training=arguments.training, dialect=dialect, findings=findings)
        if arguments.out is not None:
            contents[arguments.out] = bytes(adapted.after)
    finally:
        for warning in findings.warnings:
            terminal.warning(str(warning))
        for remark in findings.notes:
            terminal.note(remark)
    _write(contents, arguments.overwrite)
    difference = adapted.difference(arguments.out)
    if arguments.diff:
        terminal.answer(difference, end="")
    else:
        if arguments.out is None:
            terminal.answer(str(adapted.after), end="")
        if difference:
            terminal.news(printable_lines(difference))
    _say_what_stays(adapted, classes, arguments)
    return 0


def _names(data: str, findings: Findings) -> Sequence[str]:
    """The names of the classes of a folder of pictures, or of a ``.data`` file."""
    from darknetpy.config.data_file import read_data
    from darknetpy.config.names import read_names
    from darknetpy.training.dataset import read_dataset

    if Path(data).is_dir():
        return read_dataset(data, findings=findings).names
    return read_names(read_data(data, findings).file("names", "labels"), findings)


def _write(contents: Mapping[str, bytes], overwrite: bool) -> None:
    """Write files, after all of them are known to be possible."""
    from darknetpy.files import check_target, replaced_file

    targets = {given: check_target(given, ConfigError) for given in contents}
    for given, target in targets.items():
        if target.exists() and not overwrite:
            remedy = "Add --overwrite to replace it"
            raise ConfigError("the file exists already", "a new one", remedy, path=given)
    for given, target in targets.items():
        with replaced_file(target, given, ConfigError) as file:
            file.write(contents[given])


def printable_lines(text: str) -> str:
    """Lines of somebody's file, safe for a terminal.

    >>> printable_lines("a\\r\\n\\x1b[2J\\n")
    'a\\n\\\\x1b[2J'
    """
    return "\n".join(printable(line, limit=None) for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n"))


def _say_what_stays(adapted: Adaptation, classes: int, arguments: argparse.Namespace) -> None:
    """How long to train depends on the classes, too."""
    if not adapted.edits:
        terminal.news(f"{printable(arguments.cfg, limit=None)} has {classes} classes already")
        return
    values = adapted.before.net.values
    if arguments.training or "max_batches" not in values:
        return
    stays = ", ".join(f"{name}={printable(values[name])}" for name in ("max_batches", "steps") if name in values)
    others = "darknetpy train --iterations N takes another number"
    way_out = "--training changes that" if adapted.is_detector else others
    terminal.news(f"unchanged, as for {adapted.classes} classes: {stays}; {way_out}")
