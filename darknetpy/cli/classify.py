"""``darknetpy classify``: what is in pictures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, add_strict, one_of, whole_number
from darknetpy.errors import ConfigError, DarknetpyWarning, DataError, Findings, ImageError, printable

if TYPE_CHECKING:
    import numpy as np

    from darknetpy.classification import Classification
    from darknetpy.network import Network

PREPROCESSES = ("crop", "letterbox", "stretch")  # as in darknetpy.images.preprocess, which takes NumPy to import
MAXIMUM_PIXELS = 178_000_000  # as in darknetpy.images.decode
MOST_THREADS = 1024
MOST_AT_ONCE = 4096  # pictures

_DESCRIPTION = """\
Say what is in pictures: the most probable classes of each.
Answers go to standard output, everything else to standard
error. A picture that cannot be read is reported, the others
go on, and the exit code is 1."""
_EXAMPLES = """\
examples:
  darknetpy classify digits digits examples/digit-7.png
  darknetpy classify my.cfg my.weights photos --top 1
  darknetpy classify my.cfg my.weights '*.jpg' --json
  find . -name '*.png' |
    darknetpy classify my.cfg my.weights - --jsonl

JSON: --jsonl prints one object for each picture,
  {"path", "width", "height", "predictions":
    [{"class_id", "label", "probability"}, ...]}
or {"path", "error"}; --json prints one document,
  {"network", "weights", "images": [...]}"""

Outcome = dict[str, Any]
"""What is known of one picture, as ``--json`` and ``--jsonl`` print it."""


class _Prepared(NamedTuple):
    """A picture as the network takes it; its own size; what is odd about its file."""

    values: np.ndarray
    width: int
    height: int
    warnings: list[DarknetpyWarning]


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} [OPTION...] CFG WEIGHTS IMAGE..."
    add_cfg(parser)
    parser.add_argument("weights", metavar="WEIGHTS", help="its .weights file, or the same name")
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="a picture, a folder, a pattern in quotes, @list.txt (one path a line), or - for a list on standard input",
    )
    parser.add_argument(
        "--top", type=whole_number(1, 2**31 - 1), default=5, metavar="N", help="how many classes a picture [5]"
    )
    parser.add_argument("--names", metavar="FILE", help="names of the classes [those beside CFG]")
    parser.add_argument(
        "--preprocess",
        type=one_of(*PREPROCESSES),
        metavar="HOW",
        help="how a picture is fitted to the network: crop (the middle), letterbox (all of it, grey borders) or "
        "stretch [as the dialect's program does]",
    )
    add_dialect(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON document")
    output.add_argument("--jsonl", action="store_true", help="print one JSON object a line and picture")
    parser.add_argument(
        "--batch", type=whole_number(1, MOST_AT_ONCE), default=1, metavar="N", help="pictures computed at once [1]"
    )
    parser.add_argument(
        "--threads", type=whole_number(1, MOST_THREADS), metavar="N", help="threads that compute [one a core]"
    )
    parser.add_argument(
        "--max-pixels",
        type=whole_number(1, 2**40),
        default=MAXIMUM_PIXELS,
        metavar="N",
        help=f"refuse larger pictures (width x height) [{MAXIMUM_PIXELS}]",
    )
    parser.add_argument("--no-exif", action="store_true", help="do not turn pictures as the camera says")
    parser.add_argument(
        "--allow-damaged", action="store_true", help="use what can be read of damaged weights and pictures"
    )
    add_strict(parser)


def run(arguments: argparse.Namespace) -> int:
    """Classify; 1 if there is a picture without an answer, else 0."""
    network = _load(arguments)
    paths = _paths(arguments)
    total = _count(arguments) if terminal.shows_progress() else None
    answered = failed = 0
    with (
        _output(arguments) as write,
        terminal.progress(total) as advance,
        closing(_outcomes(network, paths, arguments)) as outcomes,
    ):
        for outcome in outcomes:
            write(outcome)
            advance()
            answered += "error" not in outcome
            failed += "error" in outcome
    if failed and answered + failed > 1:
        terminal.news(f"{failed} of {answered + failed} pictures have no answer.")
    return 1 if failed else 0


def _load(arguments: argparse.Namespace) -> Network:
    """The network, with what there is to say about its files."""
    from darknetpy.kernels.cache import on_compile
    from darknetpy.network import load

    network = load(
        arguments.cfg,
        arguments.weights,
        names=arguments.names,
        batch=arguments.batch,
        threads=arguments.threads,
        dialect=arguments.dialect,
        memory="low",
        strict=arguments.strict,
        allow_damaged=arguments.allow_damaged,
    )
    if network.loaded:
        terminal.note(
            f"{printable(arguments.weights, limit=None)}: {network.loaded.layers_loaded} layers with weights, "
            f"{network.loaded.parameters:,} parameters, seen {network.loaded.seen:,} pictures in training"
        )
    for remark in network.notes:
        terminal.note(remark)
    _require_classifier(network)
    on_compile(terminal.news)
    return network


def _require_classifier(network: Network) -> None:
    """Refuse, before any picture is read, a network that takes no pictures or does not answer with classes."""
    from darknetpy.images.channels import require_known_channels
    from darknetpy.layers.base import shape_text

    path, output = network.graph.cfg.path, network.layers[-1].output_shape
    if len(network.input_shape) != 3:
        raise ConfigError(f"the network takes {network.input_shape[0]} values", "pictures", path=path)
    if max(output[1:], default=1) > 1:
        raise ConfigError(f"the network answers with {shape_text(output)} values", "one for each class", path=path)
    require_known_channels(network.input_shape[0])


def _paths(arguments: argparse.Namespace) -> Iterator[str]:
    from darknetpy.images.sources import expand

    if "-" in arguments.images and sys.stdin is None:
        raise DataError("standard input is closed", "a list of pictures, one path a line")
    return expand(arguments.images)


def _count(arguments: argparse.Namespace) -> int | None:
    """How many pictures there are; None if only standard input knows."""
    return None if "-" in arguments.images else sum(1 for _ in _paths(arguments))


def _outcomes(network: Network, paths: Iterable[str], arguments: argparse.Namespace) -> Generator[Outcome, None, None]:
    """One for each path, in their order; pictures are decoded while others are computed."""
    from darknetpy.engine.threads import available_cores
    from darknetpy.images.ahead import decode_ahead

    workers = arguments.threads or available_cores()
    prepare = partial(_prepare, network, arguments)
    decoded = decode_ahead(paths, prepare, workers=workers, ahead=workers + arguments.batch)
    with closing(decoded):
        while batch := list(islice(decoded, arguments.batch)):
            yield from _answers(network, batch, arguments)


def _prepare(network: Network, arguments: argparse.Namespace, path: str) -> _Prepared:
    """Decode one picture and fit it to the network; runs in worker threads."""
    from darknetpy.images.decode import read_picture

    findings = Findings(strict=arguments.strict)
    picture = read_picture(
        path,
        channels=network.input_shape[0],
        maximum_pixels=arguments.max_pixels,
        exif=not arguments.no_exif,
        allow_damaged=arguments.allow_damaged,
        findings=findings,
    )
    height, width = picture.shape[:2]
    return _Prepared(network.prepare(picture, preprocess=arguments.preprocess), width, height, findings.warnings)


def _answers(
    network: Network, batch: list[tuple[str, _Prepared | ImageError]], arguments: argparse.Namespace
) -> Iterator[Outcome]:
    """Compute the readable pictures together; what was wrong or odd is said when it is the picture's turn."""
    import numpy as np

    readable = [result.values for _, result in batch if isinstance(result, _Prepared)]
    answers = iter(network.classify_prepared(np.stack(readable), arguments.top) if readable else ())
    for path, result in batch:
        if isinstance(result, ImageError):
            yield _failure(path, result)
            continue
        for warning in result.warnings:
            terminal.warning(str(warning))
        predictions = [_prediction(answer) for answer in next(answers)]
        yield {"path": path, "width": result.width, "height": result.height, "predictions": predictions}


def _failure(path: str, error: ImageError) -> Outcome:
    terminal.error(str(error))
    return {"path": path, "error": str(error)}


def _prediction(answer: Classification) -> Outcome:
    return {"class_id": answer.class_id, "label": answer.label, "probability": answer.probability}


def _output(arguments: argparse.Namespace) -> AbstractContextManager[Callable[[Outcome], None]]:
    if arguments.json:
        return _json_document(arguments.cfg, arguments.weights)
    return _lines(json.dumps) if arguments.jsonl else _lines(_text)


@contextmanager
def _lines(form: Callable[[Outcome], str]) -> Iterator[Callable[[Outcome], None]]:
    """Print each outcome by itself, at once; nothing where ``form`` has nothing to say."""

    def write(outcome: Outcome) -> None:
        text = form(outcome)
        if text:
            terminal.answer(text)

    yield write


@contextmanager
def _json_document(network: str, weights: str) -> Iterator[Callable[[Outcome], None]]:
    """Print one document, picture by picture; it is closed even when something ends the command early."""
    opening = f'{{"network": {json.dumps(network)}, "weights": {json.dumps(weights)}, "images": [\n'
    started = False

    def write(outcome: Outcome) -> None:
        nonlocal started
        terminal.answer((",\n" if started else opening) + json.dumps(outcome), end="")
        started = True

    try:
        yield write
    finally:
        if started:
            terminal.answer("\n]}")


def _text(outcome: Outcome) -> str:
    """The path, then a line for each class; nothing for a picture without an answer."""
    if "error" in outcome:
        return ""
    labels = [printable(prediction["label"]) for prediction in outcome["predictions"]]
    width = max(map(len, labels))
    lines = [
        f"  {label:{width}}  {prediction['probability']:7.2%}"
        for label, prediction in zip(labels, outcome["predictions"], strict=True)
    ]
    return "\n".join([printable(outcome["path"], limit=None), *lines])
