"""``darknetpy detect``: what is where in pictures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from darknetpy.cli import pictures, saving
from darknetpy.cli.arguments import Parser, one_of, share, whole_number
from darknetpy.errors import ConfigError, DarknetpyWarning, ImageError, did_you_mean, printable

if TYPE_CHECKING:
    import numpy as np

    from darknetpy.detection.detections import Detections
    from darknetpy.images.preprocess import Placement
    from darknetpy.layers.state import State
    from darknetpy.network import Network

FORMATS = ("darknet-json", "coco")

_DESCRIPTION = """\
Say what is where in pictures. Answers go to standard
output, everything else to standard error. A picture that
cannot be read is reported, the others go on, and the exit
code is 1.

Of each picture the path is printed, then a line an object,
the most probable first, with its class, its probability and
its box in pixels of the picture, as Darknet's -ext_output:
    dog: 97%<tab>(left_x:  114   top_y:  128 ...
        ...   width:  458   height:  299)"""
_EXAMPLES = """\
examples:
  darknetpy detect my.cfg my.weights street.jpg --out drawn
  darknetpy detect my.cfg my.weights photos \\
    --classes person,car --jsonl
  darknetpy detect my.cfg my.weights '*.jpg' --format coco
  darknetpy detect my.cfg my.weights aerial.tif --tiles

JSON: --jsonl prints one object for each picture,
  {"path", "width", "height", "detections":
    [{"class_id", "label", "confidence",
      "box": [left, top, right, bottom]}, ...]}
or {"path", "error"}; --json prints one document,
  {"network", "weights", "images": [...]}

Files: FOLDER is made if only its own name is missing. Files
that exist are an error before anything is computed, unless
there is --overwrite. Copies have the names of their
pictures; that of a second one of a name ends in -2, and so
on. They are JPEG (quality 90), PNG, BMP, WebP, TIFF, TGA or
PPM as their pictures are, else PNG. Crops are
CLASS/NAME_1.jpg, CLASS/NAME_2.jpg, ... in FOLDER, which
must be empty."""


class _Prepared(NamedTuple):
    """A picture as the network takes it, unless it goes in tiles; its pixels where they are needed again."""

    values: np.ndarray | None
    placement: Placement | None
    picture: np.ndarray | None
    drawn_on: np.ndarray | None
    width: int
    height: int
    warnings: list[DarknetpyWarning]


class _Answer(NamedTuple):
    """What is known of one picture: its size and what was found, or an error. ``number`` counts pictures from 1."""

    path: str
    number: int
    width: int = 0
    height: int = 0
    detections: Detections | None = None
    error: str = ""


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    pictures.add_network_and_images(parser)
    parser.add_argument(
        "--thresh", type=share, default=0.25, metavar="P", help="least probability of an object, 0 to 1 [0.25]"
    )
    parser.add_argument(
        "--nms",
        type=share,
        default=0.45,
        metavar="IOU",
        help="of boxes of one class that overlap more than this, 0 to 1, the best one stays [0.45]",
    )
    parser.add_argument("--classes", metavar="LIST", help="names or numbers of classes to look for, as in person,car")
    pictures.add_names_and_preprocess(parser)
    _add_answers(parser)
    _add_files(parser)
    looks = parser.add_mutually_exclusive_group()
    looks.add_argument(
        "--tiles", action="store_true", help="look at large pictures in overlapping tiles, too, for small objects"
    )
    looks.add_argument(
        "--sequence",
        action="store_true",
        help="the pictures are frames of a film: recurrent layers remember what they saw",
    )
    parser.add_argument(
        "--tile-size",
        type=whole_number(16, 65536),
        metavar="N",
        help="width of a tile in pixels of the picture [that of the network's input]",
    )
    pictures.add_computing_and_reading(parser)
    parser.add_rule(_complaint)


def _add_answers(parser: Parser) -> None:
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON document")
    output.add_argument("--jsonl", action="store_true", help="print one JSON object a line and picture")
    output.add_argument(
        "--format",
        type=one_of(*FORMATS),
        metavar="NAME",
        help="print the document of Darknet's -out (darknet-json), or the results file of COCO's tools (coco: image_id "
        "is the number that ends the file's name, else the name; category_id is COCO's for its 80 classes, else "
        "class_id + 1)",
    )


def _add_files(parser: Parser) -> None:
    parser.add_argument("--out", metavar="FOLDER", help="save copies of the pictures with the boxes drawn in")
    parser.add_argument("--crop-out", metavar="FOLDER", help="save what is in each box, in a folder for each class")
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument(
        "--save-labels",
        action="store_true",
        help="save a label file NAME.txt where Darknet looks for it: beside the picture, or for the folders of COCO "
        "and VOC in labels",
    )
    labels.add_argument("--labels-out", metavar="FOLDER", help="save the label files there")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def _complaint(arguments: argparse.Namespace) -> str | None:
    """What does not go together."""
    if arguments.sequence and arguments.batch > 1:
        return "--sequence takes one picture after the other, without --batch"
    if arguments.tile_size is not None and not arguments.tiles:
        return "--tile-size without --tiles"
    return None


def run(arguments: argparse.Namespace) -> int:
    """Detect; 1 if there is a picture without an answer, else 0."""
    from darknetpy.engine.threads import available_cores

    network = pictures.load_network(arguments)
    if not network.is_detector:
        found, expected = "this network finds no objects", "a head such as [yolo] or [region]"
        raise ConfigError(found, expected, "Use darknetpy classify", path=network.graph.cfg.path)
    classes = None if arguments.classes is None else _class_numbers(network, arguments.classes)
    saving.check(arguments, None if pictures.reads_stdin(arguments) else pictures.paths_of(arguments))
    with (
        saving.saver(arguments, network.classes, arguments.threads or available_cores()) as saver,
        _output(arguments) as write,
    ):
        detecting = _Detecting(network, arguments, classes, saver)
        form = _form(network, arguments)

        def write_answer(answer: _Answer) -> bool:
            write(form(answer))
            return not answer.error

        return pictures.answer_all(detecting.answers(), write_answer, arguments)


def _class_numbers(network: Network, text: str) -> list[int]:
    """The classes of a list like ``person,2``; a name that is a number, or has a comma, is a name first."""
    from darknetpy.detection.detections import class_labels

    labels = class_labels(network.names, network.classes).tolist()
    wanted = [text] if text in labels else [part.strip() for part in text.split(",")]
    numbers = []
    for part in wanted:
        same = [number for number, label in enumerate(labels) if label == part]
        if not same and part.isdecimal() and int(part) < len(labels):
            same = [int(part)]
        if not same:
            found, expected = f"--classes: no class {printable(part)!r}", f"a name or a number below {len(labels)}"
            raise ConfigError(found, expected, did_you_mean(part, labels), path=network.graph.cfg.path)
        numbers += same
    return numbers


class _Detecting:
    """One run of the command: from paths to answers, with pictures decoded ahead and files written behind."""

    def __init__(
        self,
        network: Network,
        arguments: argparse.Namespace,
        classes: Sequence[int] | None,
        saver: saving.Saver | None,
    ) -> None:
        from darknetpy.detection.decode import Limits

        self._network, self._arguments, self._saver = network, arguments, saver
        self._limits, self._classes = Limits(arguments.thresh, arguments.nms), classes
        self._state: State | None = network.new_state() if arguments.sequence else None
        self._places = saving.Places(arguments)
        self._draws = arguments.out is not None or arguments.crop_out is not None

    def answers(self) -> Generator[_Answer, None, None]:
        """One for each picture, in their order."""
        paths, number = pictures.paths_of(self._arguments), 0
        with closing(pictures.computed(paths, self._prepare, self._compute, self._arguments)) as computed:
            for batch, find in computed:
                targets = [self._targets(path) for path, _ in batch]
                found = iter(find())
                for (path, result), target in zip(batch, targets, strict=True):
                    number += 1
                    if isinstance(result, ImageError):
                        yield _Answer(path, number, error=pictures.say_failure(result))
                        continue
                    pictures.say_warnings(result.warnings)
                    detections = next(found)
                    if self._saver is not None:
                        self._saver.save(target, result.drawn_on, detections, (result.width, result.height))
                    yield _Answer(path, number, result.width, result.height, detections)

    def _targets(self, path: str) -> saving.Targets:
        """Where the files of the next picture go; those of a list on standard input are checked only now."""
        targets = self._places.next(path)
        if pictures.reads_stdin(self._arguments):
            saving.check_targets(targets, path, overwrite=self._arguments.overwrite)
        return targets

    def _prepare(self, path: str) -> _Prepared:
        """Decode one picture and fit it to the network; runs in worker threads."""
        arguments, channels = self._arguments, self._network.input_shape[0]
        picture, warnings = pictures.decode(path, channels, arguments)
        height, width = picture.shape[:2]
        drawn_on = None
        if self._draws:
            drawn_on = picture if channels == 3 else pictures.decode(path, 3, arguments).picture
        if arguments.tiles:
            return _Prepared(None, None, picture, drawn_on, width, height, warnings)
        values, placement = self._network.prepare_placed(picture, preprocess=arguments.preprocess)
        return _Prepared(values, placement, None, drawn_on, width, height, warnings)

    def _compute(self, prepared: list[_Prepared]) -> Callable[[], list[Detections]]:
        """What the network has to do for some pictures; the function returned makes detections of it.

        Runs in the one thread that computes, so that this thread goes on with the next pictures at once. Tiles are
        computed and joined picture by picture.
        """
        import numpy as np

        if self._arguments.tiles:
            joined = [self._in_tiles(one.picture) for one in prepared if one.picture is not None]
            return lambda: joined
        values = [one.values for one in prepared if one.values is not None]
        placements = [one.placement for one in prepared if one.placement is not None]
        if not values:
            return list
        batch = np.stack(values) if len(values) > 1 else values[0][np.newaxis]  # one needs no copy
        outputs = self._network.outputs_for_answers(batch, state=self._state)
        return partial(self._network.detections_from, outputs, placements, self._limits, classes=self._classes)

    def _in_tiles(self, picture: np.ndarray) -> Detections:
        from darknetpy.detection.tiles import detect_in_tiles

        _, height, width = self._network.input_shape
        tile_width = self._arguments.tile_size or width

        def detect(tiles: list[np.ndarray]) -> list[Detections]:
            return self._network.detect(
                list(tiles),
                self._limits.thresh,
                nms=self._limits.nms,
                classes=self._classes,
                preprocess=self._arguments.preprocess,
            )

        return detect_in_tiles(
            picture,
            tile_width,
            max(1, round(tile_width * height / width)),
            detect,
            nms=self._arguments.nms,
            at_once=self._arguments.batch,
        )


def _output(arguments: argparse.Namespace) -> AbstractContextManager[pictures.Write]:
    if arguments.json:
        return pictures.json_document(arguments)
    if arguments.format == "darknet-json":
        return pictures.document("[\n", ", \n", "\n]")
    if arguments.format == "coco":
        return pictures.document("[\n", ",\n", "\n]\n")
    return pictures.lines()


def _form(network: Network, arguments: argparse.Namespace) -> Any:
    """What makes the text of an answer, in the form asked for."""
    if arguments.json or arguments.jsonl:
        return _json
    if arguments.format == "darknet-json":
        return _darknet_json
    if arguments.format == "coco":
        from darknetpy.detection.formats import category_ids

        return partial(_coco, category_ids(network.classes, network.names))
    return _text


def _json(answer: _Answer) -> str:
    from darknetpy.detection.formats import plain

    if answer.detections is None:
        return json.dumps({"path": answer.path, "error": answer.error})
    size = {"width": answer.width, "height": answer.height}
    return json.dumps({"path": answer.path, **size, "detections": plain(answer.detections)})


def _darknet_json(answer: _Answer) -> str:
    """The picture in Darknet's layout; nothing for one without an answer."""
    from darknetpy.detection.formats import darknet_json

    return "" if answer.detections is None else darknet_json(answer.detections, answer.path, answer.number)


def _coco(category_ids: Sequence[int], answer: _Answer) -> str:
    """A line for each result; nothing for a picture without any."""
    from darknetpy.detection.formats import coco_results

    results = [] if answer.detections is None else coco_results(answer.detections, answer.path, category_ids)
    return ",\n".join(map(json.dumps, results))


def _text(answer: _Answer) -> str:
    """The path, then a line for each object; nothing for a picture without an answer."""
    from darknetpy.detection.formats import darknet_lines

    if answer.detections is None:
        return ""
    return "\n".join([printable(answer.path, limit=None), *(f"  {line}" for line in darknet_lines(answer.detections))])
