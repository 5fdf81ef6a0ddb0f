"""What the commands that look at pictures share: arguments, loading, decoding ahead, progress, forms of answers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, add_strict, one_of, whole_number
from darknetpy.errors import ConfigError, DarknetpyWarning, DataError, Findings, ImageError, printable

if TYPE_CHECKING:
    import numpy as np

    from darknetpy.network import Network

PREPROCESSES = ("crop", "letterbox", "stretch")  # as in darknetpy.images.preprocess, which takes NumPy to import
MAXIMUM_PIXELS = 178_000_000  # as in darknetpy.images.decode
MOST_THREADS = 1024
MOST_AT_ONCE = 4096  # pictures

AHEAD = 2  # batches that are computed, or wait for it, while the answers of one are written

Readable = TypeVar("Readable")
Computed = TypeVar("Computed")
Answer = TypeVar("Answer")
Batch = list[tuple[str, Readable | ImageError]]  # paths, with what was made of the pictures
Write = Callable[[str], None]


class Decoded(NamedTuple):
    """A picture in the form for preparing, (h, w, channels of the network) uint8; what is odd about its file."""

    picture: np.ndarray
    warnings: list[DarknetpyWarning]


def add_network_and_images(parser: Parser) -> None:
    """The arguments CFG, WEIGHTS and IMAGE."""
    parser.usage = f"{parser.prog} [OPTION...] CFG WEIGHTS IMAGE..."
    add_cfg(parser)
    parser.add_argument("weights", metavar="WEIGHTS", help="its .weights file, or the same name")
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="a picture, a folder, a pattern in quotes, @list.txt (one path a line), or - for a list on standard input",
    )


def add_names_and_preprocess(parser: Parser) -> None:
    """The options ``--names``, ``--preprocess`` and ``--dialect``."""
    parser.add_argument("--names", metavar="FILE", help="names of the classes [those beside CFG]")
    parser.add_argument(
        "--preprocess",
        type=one_of(*PREPROCESSES),
        metavar="HOW",
        help="how a picture is fitted to the network: crop (the middle), letterbox (all of it, grey borders) or "
        "stretch [as the dialect's program does]",
    )
    add_dialect(parser)


def add_computing_and_reading(parser: Parser, *, batch: int = 1) -> None:
    """Options on how much is computed at once, by default ``batch`` pictures, and on what is read of pictures."""
    parser.add_argument(
        "--batch",
        type=whole_number(1, MOST_AT_ONCE),
        default=batch,
        metavar="N",
        help=f"pictures computed at once [{batch}]",
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


def load_network(arguments: argparse.Namespace) -> Network:
    """The network, with what there is to say about its files; one that takes no pictures is refused."""
    from darknetpy.images.channels import require_known_channels
    from darknetpy.kernels.cache import on_compile
    from darknetpy.network import load

    network = load(
        arguments.cfg,
        arguments.weights,
        names=arguments.names,
        batch=arguments.batch,
        threads=arguments.threads,
        dialect=arguments.dialect,
        memory="packed",
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
    if len(network.input_shape) != 3:
        found = f"the network takes {network.input_shape[0]} values"
        raise ConfigError(found, "pictures", path=network.graph.cfg.path)
    require_known_channels(network.input_shape[0])
    on_compile(terminal.news)
    return network


def paths_of(arguments: argparse.Namespace) -> Iterator[str]:
    """The paths of the pictures, one at a time."""
    from darknetpy.images.sources import expand

    if reads_stdin(arguments) and sys.stdin is None:
        raise DataError("standard input is closed", "a list of pictures, one path a line")
    return expand(arguments.images)


def reads_stdin(arguments: argparse.Namespace) -> bool:
    """Whether there is a list on standard input, which can be read once only."""
    return "-" in arguments.images


def decode(path: str, channels: int, arguments: argparse.Namespace) -> Decoded:
    """Decode one picture; may be called from several threads. Raises ImageError."""
    from darknetpy.images.decode import read_picture

    findings = Findings(strict=arguments.strict)
    picture = read_picture(
        path,
        channels=channels,
        maximum_pixels=arguments.max_pixels,
        exif=not arguments.no_exif,
        allow_damaged=arguments.allow_damaged,
        findings=findings,
    )
    return Decoded(picture, findings.warnings)


def computed(
    paths: Iterable[str],
    prepare: Callable[[str], Readable],
    compute: Callable[[list[Readable]], Computed],
    arguments: argparse.Namespace,
) -> Generator[tuple[Batch[Readable], Computed], None, None]:
    """Batches, and what ``compute`` makes of their readable pictures, in their order.

    Three stages at once: some threads prepare pictures, one thread computes batch after batch, and the caller uses what
    comes out. Close the generator to stop early.
    """
    from darknetpy.images.ahead import apply_ahead

    def with_computed(batch: Batch[Readable]) -> tuple[Batch[Readable], Computed]:
        return batch, compute([result for _, result in batch if not isinstance(result, ImageError)])

    with closing(batches(paths, prepare, arguments)) as prepared:
        yield from apply_ahead(prepared, with_computed, workers=1, ahead=AHEAD, name="darknetpy-compute")


def batches(
    paths: Iterable[str], prepare: Callable[[str], Readable], arguments: argparse.Namespace
) -> Generator[Batch[Readable], None, None]:
    """Paths with what ``prepare`` makes of them, ``--batch`` at a time; made in threads while others are computed."""
    from darknetpy.engine.threads import available_cores
    from darknetpy.images.ahead import decode_ahead

    workers = arguments.threads or available_cores()
    decoded = decode_ahead(paths, prepare, workers=workers, ahead=workers + arguments.batch)
    with closing(decoded):
        while batch := list(islice(decoded, arguments.batch)):
            yield batch


def say_failure(error: ImageError) -> str:
    """Report a picture without an answer; the others go on. Returns the message."""
    terminal.error(str(error))
    return str(error)


def say_warnings(warnings: Iterable[DarknetpyWarning]) -> None:
    """Report what is odd about a picture, when it is its turn."""
    for warning in warnings:
        terminal.warning(str(warning))


def answer_all(
    answers: Generator[Answer, None, None], write: Callable[[Answer], bool], arguments: argparse.Namespace
) -> int:
    """Write all answers as they come, with a progress bar; the exit code.

    ``write`` says whether it was an answer at all: 1 is returned if there is a picture without one, else 0.
    """
    total = None
    if terminal.shows_progress() and not reads_stdin(arguments):
        total = sum(1 for _ in paths_of(arguments))
    answered = failed = 0
    with terminal.progress(total) as advance, closing(answers):
        for answer in answers:
            is_answer = write(answer)
            advance()
            answered += is_answer
            failed += not is_answer
    if failed and answered + failed > 1:
        terminal.news(f"{failed} of {answered + failed} pictures have no answer.")
    return 1 if failed else 0


@contextmanager
def lines() -> Iterator[Write]:
    """Print each text by itself, at once; nothing for an empty one."""

    def write(text: str) -> None:
        if text:
            terminal.answer(text)

    yield write


@contextmanager
def document(opening: str, separator: str, closing: str) -> Iterator[Write]:
    """Print one document part by part; it is closed even when something ends the command early.

    Nothing is printed before the first part; an empty one opens the document and adds nothing.
    """
    started = has_parts = False

    def write(part: str) -> None:
        nonlocal started, has_parts
        text = ("" if started else opening) + (separator if has_parts and part else "") + part
        terminal.answer(text, end="")
        started, has_parts = True, has_parts or bool(part)

    try:
        yield write
    finally:
        if started:
            terminal.answer(closing, end="")


def json_document(arguments: argparse.Namespace) -> Any:
    """What ``--json`` prints: ``{"network", "weights", "images": [...]}``, see `document`."""
    network, weights = json.dumps(arguments.cfg), json.dumps(arguments.weights)
    return document(f'{{"network": {network}, "weights": {weights}, "images": [\n', ",\n", "\n]}\n")
