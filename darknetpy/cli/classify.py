"""``darknetpy classify``: what is in pictures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Generator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from darknetpy.cli import pictures
from darknetpy.cli.arguments import Parser, whole_number
from darknetpy.errors import DarknetpyWarning, ImageError, printable

if TYPE_CHECKING:
    import numpy as np

    from darknetpy.classification import Classification
    from darknetpy.network import Network

_DESCRIPTION = """\
Say what is in pictures: the most probable classes of each.
Answers go to standard output, everything else to standard
error. A picture that cannot be read is reported, the others
go on, and the exit code is 1."""
_EXAMPLES = """\
examples:
  darknetpy classify mnist mnist examples/digit-7.png
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
    pictures.add_network_and_images(parser)
    parser.add_argument(
        "--top", type=whole_number(1, 2**31 - 1), default=5, metavar="N", help="how many classes a picture [5]"
    )
    pictures.add_names_and_preprocess(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON document")
    output.add_argument("--jsonl", action="store_true", help="print one JSON object a line and picture")
    pictures.add_computing_and_reading(parser)


def run(arguments: argparse.Namespace) -> int:
    """Classify; 1 if there is a picture without an answer, else 0."""
    network = pictures.load_network(arguments)
    network.require_classifier()
    form = json.dumps if arguments.json or arguments.jsonl else _text
    with pictures.json_document(arguments) if arguments.json else pictures.lines() as write:

        def write_outcome(outcome: Outcome) -> bool:
            write(form(outcome))
            return "error" not in outcome

        return pictures.answer_all(_outcomes(network, arguments), write_outcome, arguments)


def _outcomes(network: Network, arguments: argparse.Namespace) -> Generator[Outcome, None, None]:
    """One for each picture, in their order; what was wrong or odd is said when it is the picture's turn."""
    prepare, compute = partial(_prepare, network, arguments), partial(_compute, network)
    paths = pictures.paths_of(arguments)
    with closing(pictures.computed(paths, prepare, compute, arguments)) as computed:
        for batch, outputs in computed:
            answers = iter(network.classes_from(outputs, arguments.top) if outputs else ())
            for path, result in batch:
                if isinstance(result, ImageError):
                    yield {"path": path, "error": pictures.say_failure(result)}
                    continue
                pictures.say_warnings(result.warnings)
                predictions = [_prediction(answer) for answer in next(answers)]
                yield {"path": path, "width": result.width, "height": result.height, "predictions": predictions}


def _prepare(network: Network, arguments: argparse.Namespace, path: str) -> _Prepared:
    """Decode one picture and fit it to the network; runs in worker threads."""
    picture, warnings = pictures.decode(path, network.input_shape[0], arguments)
    height, width = picture.shape[:2]
    return _Prepared(network.prepare(picture, preprocess=arguments.preprocess), width, height, warnings)


def _compute(network: Network, prepared: list[_Prepared]) -> list[np.ndarray]:
    """The outputs of the network for some pictures together; nothing for none."""
    import numpy as np

    return network.outputs_for_answers(np.stack([one.values for one in prepared])) if prepared else []


def _prediction(answer: Classification) -> Outcome:
    return {"class_id": answer.class_id, "label": answer.label, "probability": answer.probability}


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
