"""``darknetpy validate``: how often a classifier is right on pictures whose classes are known."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darknetpy.cli import mistakes, pictures, terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, one_of, whole_number
from darknetpy.cli.table import Column, Table
from darknetpy.errors import Findings, printable

if TYPE_CHECKING:
    from darknetpy.evaluation.tally import Tally
    from darknetpy.network import Network
    from darknetpy.training.dataset import Dataset, Samples

CROPS = ("1", "10", "multi", "full")  # as in darknetpy.evaluation.crops, which takes NumPy to import
TOP = 5
AT_ONCE = 16
WIDTH = 60  # characters that a confusion table may take

_DESCRIPTION = """\
Count how often a classifier is right on pictures whose
classes are known. DATA is a .data file, whose list valid=
is used, or a folder: with folders train and valid (val,
test) the latter, else all of it, a folder for each class.
A picture that cannot be read is left out with a warning,
and counted as skipped."""
_EXAMPLES = """\
examples:
  darknetpy validate my.cfg my.weights my.data
  darknetpy validate my.cfg my.weights photos --crops 10
  darknetpy validate my.cfg my.weights my.data --top 2 \\
    --confusion --worst 20
  darknetpy validate my.cfg my.weights my.data \\
    --confusion-out table.png --worst-out mistakes.png
  darknetpy validate my.cfg my.weights my.data --json

Recall is the part of the pictures of a class that were
recognized, precision the part of the answers of a class
that were right. Classes of folders go by name where the
names of the network are those of the folders.

Views: 1 is the middle; 10 are the corners and the middle,
and their mirror images; multi is the whole picture at five
sizes, and mirrored; full is the whole picture. Answers to
several views are averaged.

JSON: {"network", "weights", "data", "crops", "pictures",
"skipped", "top1", "top5" (or as --top says), "loss" (of
the training, for a picture), "classes": [{"label",
"pictures", "recall", "precision"}, ...]}, a share of
nothing being null; with --confusion "confusion",
rows of counts (row: the right class, column: the answer);
with --worst "mistakes": [{"path", "answered", "right",
"probability", "probability_of_right"}, ...]."""


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} [OPTION...] CFG WEIGHTS DATA"
    add_cfg(parser)
    parser.add_argument("weights", metavar="WEIGHTS", help="its .weights file, or the same name")
    parser.add_argument("data", metavar="DATA", help="a .data file, or a folder")
    parser.add_argument(
        "--crops",
        type=one_of(*CROPS),
        default=CROPS[0],
        metavar="HOW",
        help="which views of a picture the network sees: 1, 10, multi or full [1]",
    )
    parser.add_argument(
        "--top",
        type=whole_number(1, 2**31 - 1),
        metavar="N",
        help="among how many best answers the right one is looked for [top= of DATA, else 5]",
    )
    parser.add_argument("--confusion", action="store_true", help="show which classes are taken for which")
    parser.add_argument(
        "--worst", type=whole_number(0, 1_000_000), default=0, metavar="N", help="list the N surest mistakes [0]"
    )
    parser.add_argument("--confusion-out", metavar="FILE", help="draw the table of confusion, such as into a.png")
    parser.add_argument(
        "--worst-out",
        metavar="FILE",
        help=f"draw the surest mistakes on a sheet: as many as --worst says, at most {mistakes.MOST_ON_A_SHEET} "
        f"[{mistakes.ON_A_SHEET}]",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument("--names", metavar="FILE", help="names of the classes [those of DATA, or beside CFG]")
    parser.add_argument(
        "--preprocess",
        type=one_of(*pictures.PREPROCESSES),
        metavar="HOW",
        help="how a picture is fitted to the network for one view: crop (the middle, as both C programs do when they "
        "validate), letterbox (all of it, grey borders) or stretch [crop]",
    )
    add_dialect(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    pictures.add_computing_and_reading(parser, batch=AT_ONCE)
    parser.add_rule(_complaint)


def _complaint(arguments: argparse.Namespace) -> str | None:
    """What does not go together."""
    if arguments.preprocess is not None and arguments.crops != CROPS[0]:
        return f"--preprocess is for one view, not for --crops {arguments.crops}"
    return None


def run(arguments: argparse.Namespace) -> int:
    """Validate and print; always 0, for a low accuracy too."""
    targets = _targets(arguments)
    network = pictures.load_network(arguments)
    network.require_classifier()
    tally = _validated(network, *_dataset(network, arguments), arguments)
    for path, write in targets:
        write(path, tally)
    if arguments.json:
        terminal.answer(json.dumps(_document(tally, arguments), indent=1, allow_nan=False))
    else:
        terminal.answer_table(_table(tally))
        for lines in (_confusion(tally) if arguments.confusion else [], _worst(tally) if arguments.worst else []):
            if lines:
                terminal.answer("\n".join(["", *lines]))
    return 0


def _targets(arguments: argparse.Namespace) -> list[tuple[Path, Callable[[Path, Tally], None]]]:
    """The pictures to draw, and how. DataError, before anything is computed, where one cannot be written."""
    from darknetpy.cli.saving import check_picture

    wanted = ((arguments.confusion_out, mistakes.write_confusion), (arguments.worst_out, mistakes.write_mistakes))
    targets: list[tuple[Path, Callable[[Path, Tally], None]]]
    targets = [(Path(path), write) for path, write in wanted if path is not None]
    for path, _ in targets:
        check_picture(path, overwrite=arguments.overwrite)
    return targets


def _dataset(network: Network, arguments: argparse.Namespace) -> tuple[Dataset, Samples]:
    """The pictures; the network gets the names of a ``.data`` file, unless there are others on the command line."""
    from darknetpy.config.names import fit_names
    from darknetpy.training.dataset import read_validation

    findings, cfg = Findings(strict=arguments.strict), network.graph.cfg.path
    try:
        dataset, samples = read_validation(arguments.data, strict=arguments.strict, findings=findings)
        if dataset.data is not None:
            dataset.data.require_classes(network.classes, cfg, findings)
            names = fit_names(list(dataset.names), network.classes, arguments.data, cfg, findings, exact=True)
            network.names = names if arguments.names is None else network.names
    finally:
        pictures.say_warnings(findings.warnings)
    return dataset, samples


def _validated(network: Network, dataset: Dataset, samples: Samples, arguments: argparse.Namespace) -> Tally:
    """Run all pictures through the network, with a progress bar; who stops it is told how far it came."""
    from darknetpy.evaluation.classifier import validate

    data = dataset.data
    top = arguments.top or (data.options.top if data is not None and "top" in data.options.given else TOP)
    with terminal.progress(len(samples), answers_later=True) as advance:
        reached = _Reached(advance)
        try:
            return validate(
                network,
                samples,
                names=dataset.names if data is None else None,
                crops=arguments.crops,
                preprocess=arguments.preprocess,
                top=top,
                batch=arguments.batch,
                worst=arguments.worst or (mistakes.ON_A_SHEET if arguments.worst_out is not None else 0),
                maximum_pixels=arguments.max_pixels,
                exif=not arguments.no_exif,
                allow_damaged=arguments.allow_damaged,
                strict=arguments.strict,
                progress=reached,
            )
        except (KeyboardInterrupt, SystemExit):
            terminal.news(f"Stopped after {reached.count:,} of {len(samples):,} pictures{reached.so_far()}.")
            raise


class _Reached:
    """How far a validation has come: moves the bar, and keeps what has been counted."""

    def __init__(self, advance: Callable[[], None]) -> None:
        self.count = 0
        self._advance = advance
        self._tally: Tally | None = None

    def __call__(self, tally: Tally) -> None:
        self._tally = tally
        for _ in range(tally.count + tally.skipped - self.count):
            self._advance()
        self.count = tally.count + tally.skipped

    def so_far(self) -> str:
        """What is known already, as the end of a sentence."""
        return f": top-1 {self._tally.accuracy:.2%} so far" if self._tally is not None and self._tally.count else ""


# ---- forms of the answer ----


def _document(tally: Tally, arguments: argparse.Namespace) -> dict[str, Any]:
    """What ``--json`` prints."""
    given = {"network": arguments.cfg, "weights": arguments.weights, "data": arguments.data, "crops": arguments.crops}
    found = tally.as_json()
    confusion = found.pop("confusion")
    if arguments.confusion:
        found["confusion"] = confusion
    if arguments.worst:
        named = {"answered", "right"}
        found["mistakes"] = [
            {name: tally.names[value] if name in named else value for name, value in mistake._asdict().items()}
            for mistake in tally.mistakes
        ]
    return {**given, **found}


def _table(tally: Tally) -> Table:
    """A row for each class, then the figures of all together."""
    counts = tally.confusion.sum(axis=1).tolist()
    columns = [
        Column("#", [str(number) for number in range(len(tally.names))], number=True, rank=2),
        Column("class", [printable(name) for name in tally.names]),
        Column("pictures", [f"{count:,}" for count in counts], number=True),
        Column("recall", [_percent(share) for share in tally.recalls.tolist()], number=True),
        Column("precision", [_percent(share) for share in tally.precisions.tolist()], number=True),
    ]
    lines = [f"pictures  {tally.count:,}", f"top-1     {tally.accuracy:.2%}"]
    if tally.top > 1:
        lines.append(f"{f'top-{tally.top}':8}  {tally.top_share:.2%}")
    if tally.skipped:
        lines.append(f"skipped   {tally.skipped:,} that cannot be read")
    return Table(columns, lines)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share == share else "-"  # NaN, of nothing, differs from itself


def _confusion(tally: Tally) -> list[str]:
    """Counts with a row for each right class and a column for each answer; the largest where there is no room."""
    classes, counts = len(tally.names), tally.confusion.tolist()
    head, cell = len(str(classes - 1)), max(len(str(tally.confusion.max())), len(str(classes - 1)))
    width = head + classes * (cell + 1)
    if width > WIDTH:
        reason = f"The table of confusion takes {width} columns, more than {WIDTH}: --json has it."
        return [reason, *mistakes.pair_lines(tally)]
    rows = [["", *map(str, range(classes))]]
    rows += [[str(number), *map(str, row)] for number, row in enumerate(counts)]
    table = [" ".join([row[0].rjust(head), *(text.rjust(cell) for text in row[1:])]).rstrip() for row in rows]
    return ["row: the right class, column: the answer", *table]


def _worst(tally: Tally) -> list[str]:
    """The surest mistakes, two lines each."""
    lines = ["the surest mistakes"] if tally.mistakes else []
    for one in tally.mistakes:
        answered, right = printable(tally.names[one.answered]), printable(tally.names[one.right])
        lines.append(f"  {printable(one.path, limit=None)}")
        lines.append(f"    {answered} {one.probability:.1%}, right: {right} {one.probability_of_right:.1%}")
    return lines
