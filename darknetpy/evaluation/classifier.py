"""Validation of a classifier: how often it is right on pictures whose classes are known.

Source: AlexeyAB/darknet src/classifier.c (validate_classifier_single and its kin).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np

from darknetpy.engine.threads import available_cores
from darknetpy.errors import ConfigError, DarknetpyWarning, DataError, Findings, ImageError, printable, printable_path
from darknetpy.evaluation.crops import COUNTS, CROPS, Views
from darknetpy.evaluation.losses import loss_of
from darknetpy.evaluation.tally import Tally
from darknetpy.images.ahead import decode_ahead
from darknetpy.images.channels import require_known_channels
from darknetpy.images.decode import MAXIMUM_PIXELS, read_picture
from darknetpy.images.preprocess import prepare
from darknetpy.layers.base import shape_text
from darknetpy.network import Network


class Labelled(Protocol):
    """Pictures with their classes, such as :class:`darknetpy.training.dataset.Samples`."""

    @property
    def paths(self) -> Sequence[str]:
        """Of the pictures."""

    @property
    def classes(self) -> Sequence[Sequence[int]]:
        """The numbers of the classes of each."""


class _Seen(NamedTuple):
    """A picture as the network is to see it, in one view or several; what is odd about its file."""

    views: list[np.ndarray]
    warnings: list[DarknetpyWarning]


def validate(
    network: Network,
    samples: Labelled,
    *,
    names: Sequence[str] | None = None,
    crops: str = "1",
    preprocess: str | None = None,
    top: int = 5,
    batch: int | None = None,
    worst: int = 0,
    maximum_pixels: int = MAXIMUM_PIXELS,
    exif: bool = True,
    allow_damaged: bool = False,
    strict: bool = False,
    progress: Callable[[Tally], None] | None = None,
) -> Tally:
    """Ask a classifier about pictures whose classes are known, and count how often it is right.

    Args:
        network: a classifier. In a network with a tree of classes only leaves are answers.
        samples: the pictures, each with the number of its class, such as ``read_dataset(...).validation``.
        names: of the classes of ``samples``, where their numbers may not be those of the network, as with folders: if
            the network has the same names in another order, classes are those of the same name.
        crops: "1" (the middle), "10" (corners, middle and their mirror images), "multi" (all of it at five sizes, and
            mirrored) or "full" (all of it once); what the network says about several views is averaged. "multi" and
            "full" need a network for pictures of any size.
        preprocess: how a picture is fitted to the network for "1": "crop", "letterbox" or "stretch"; "crop" if None.
        top: how many best answers count as right in ``Tally.top_share``.
        batch: how many views are computed together, or those of one picture; ``batch`` of the network if None.
        worst: how many of the surest mistakes are kept.
        maximum_pixels, exif, allow_damaged: of pictures, see :func:`darknetpy.images.decode.read_picture`.
        strict: a picture that cannot be read is an error; otherwise it is left out with a warning, and counted.
        progress: called with what has been counted so far, after each batch.

    Raises:
        ConfigError: the network is no classifier, or not for such views. DataError: classes that the network has not,
        a picture of several classes, no picture that can be read. ImageError: when ``strict``. WeightsError: an answer
        of the network is not finite.

    >>> net = darknetpy.load("my.cfg", "my.weights")  # doctest: +SKIP
    >>> validate(net, darknetpy.read_dataset("my.data").validation).accuracy  # doctest: +SKIP
    0.917
    """
    network.require_classifier()
    if len(network.input_shape) != 3:
        found = f"the network takes {network.input_shape[0]} values"
        raise ConfigError(found, "pictures", path=network.graph.cfg.path)
    require_known_channels(network.input_shape[0])
    view = partial(
        _see, network.input_shape, _views(crops, preprocess), strict=strict, maximum_pixels=maximum_pixels, exif=exif,
        allow_damaged=allow_damaged,
    )  # fmt: skip
    numbers = _class_numbers(network, names, strict)
    classes = [numbers[number] for number in _single_classes(samples, len(numbers))]
    tally = Tally(_labels(network, names), top=top, worst=worst, losses=loss_of(network.graph))
    workers, at_once = network.threads or available_cores(), max(1, (batch or network.batch) // COUNTS[crops])
    with closing(decode_ahead(samples.paths, view, workers=workers, ahead=workers + at_once)) as seen:
        waiting = zip(seen, classes, strict=True)
        while some := list(islice(waiting, at_once)):
            _count(tally, network, some, strict)
            if progress is not None:
                progress(tally)
    if not tally.count:
        expected = "pictures to validate on"
        raise DataError(f"none of {tally.skipped} pictures can be read" if tally.skipped else "no picture", expected)
    return tally


def _views(crops: str, preprocess: str | None) -> Views:
    if crops not in CROPS:
        raise ValueError(f"crops={crops!r}, expected one of {', '.join(CROPS)}")
    if preprocess is None:
        return CROPS[crops]
    if crops != "1":
        raise ValueError(f"preprocess={preprocess!r} with crops={crops!r}, expected crops='1'")
    return lambda picture, width, height: [prepare(picture, width, height, preprocess)]


def _see(
    input_shape: tuple[int, ...], views: Views, path: str, *, strict: bool, maximum_pixels: int, exif: bool,
    allow_damaged: bool,
) -> _Seen:  # fmt: skip
    """Decode one picture and make its views; runs in worker threads."""
    channels, height, width = input_shape
    findings = Findings(strict=strict)
    picture = read_picture(
        path, channels=channels, maximum_pixels=maximum_pixels, exif=exif, allow_damaged=allow_damaged,
        findings=findings,
    )  # fmt: skip
    try:
        return _Seen(views(picture, width, height), findings.warnings)
    except ImageError as error:
        raise ImageError(error.found, error.expected, error.remedy, path=path) from error


def _count(
    tally: Tally, network: Network, some: list[tuple[tuple[str, _Seen | ImageError], int]], strict: bool
) -> None:
    """Compute some pictures together and count the answers; those that cannot be read are left out."""
    paths, views, classes = [], [], []
    for (path, seen), number in some:
        if isinstance(seen, ImageError):
            if strict:
                raise seen
            tally.skipped += 1
            remedy = seen.remedy or "The picture is left out"
            warnings.warn(DarknetpyWarning(seen.found, seen.expected, remedy, path=seen.path), stacklevel=3)
            continue
        for warning in seen.warnings:
            warnings.warn(warning, stacklevel=3)
        paths.append(path)
        views.append(seen.views)
        classes.append(number)
    if paths:
        tally.add(_answers(network, views), classes, paths)


def _answers(network: Network, views: list[list[np.ndarray]]) -> np.ndarray:
    """(n, classes) float32: what the network says about each picture, on average over its views.

    Views of one shape are computed together. The sums are in double precision, in the order of the views.
    """
    places: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for picture, some in enumerate(views):
        for number, view in enumerate(some):
            places.setdefault(view.shape, []).append((picture, number))
    answers: dict[tuple[int, int], np.ndarray] = {}
    for same in places.values():
        together = np.stack([views[picture][number] for picture, number in same])
        answers.update(zip(same, answers_to(network, together), strict=True))
    means = [
        np.mean([answers[picture, number] for number in range(len(some))], axis=0, dtype=np.float64)
        for picture, some in enumerate(views)
    ]
    return np.stack(means).astype(np.float32)


def answers_to(network: Network, batch: np.ndarray) -> np.ndarray:
    """(n, classes) float32: what a classifier says about prepared pictures (n, c, h, w).

    In a tree of classes those that have others below them are 0. Raises ConfigError where the network does not answer
    with one value for each class to pictures of that size, WeightsError where an answer is not finite.
    """
    outputs = network.outputs_for_answers(batch)
    if outputs[0][0].size != network.classes:
        found = f"{shape_text(outputs[0].shape[1:])} values for a picture of {batch.shape[3]}x{batch.shape[2]}"
        remedy = 'Use crops "1" or "10"; the others need an [avgpool] before the classes'
        raise ConfigError(found, f"one for each of the {network.classes} classes", remedy, path=network.graph.cfg.path)
    return network.probabilities_from(outputs, leaves_only=True)


# ---- classes ----


def _labels(network: Network, names: Sequence[str] | None) -> list[str]:
    return list(network.names or names or [f"class_{number}" for number in range(network.classes)])


def _class_numbers(network: Network, names: Sequence[str] | None, strict: bool) -> list[int]:
    """For each class of the data its number in the network."""
    path = network.graph.cfg.path
    here = f" of {printable_path(path)}" if path else " of the network"
    if names is None:
        return list(range(network.classes))
    if len(names) != network.classes:
        found, expected = f"{len(names)} classes of pictures", f"the {network.classes} classes{here}"
        raise DataError(found, expected, "Name the network that these pictures are for, or all of its classes")
    own = list(network.names or names)
    if sorted(own) == sorted(names) and len(set(own)) == len(own):
        return [own.index(name) for name in names]
    ours, theirs = next((one, other) for one, other in zip(names, own, strict=True) if one != other)
    found, expected = f"pictures of {printable(ours)}", f"{printable(theirs)}, as in the names of the network"
    remedy = "Classes are taken in the order of the folders"
    findings = Findings(strict=strict)
    findings.warning(DarknetpyWarning(found, expected, remedy), DataError)
    for warning in findings.warnings:
        warnings.warn(warning, stacklevel=4)
    return list(range(network.classes))


def _single_classes(samples: Labelled, count: int) -> list[int]:
    """The one class of each picture."""
    several = [path for path, classes in zip(samples.paths, samples.classes, strict=True) if len(classes) != 1]
    if several:
        found = f"{len(several)} of {len(samples.paths)} pictures have several classes, or none"
        raise DataError(f"{found}: {printable(several[0])}", "one class for each picture")
    numbers = [classes[0] for classes in samples.classes]
    wrong = next((place for place, number in enumerate(numbers) if not 0 <= number < count), None)
    if wrong is not None:
        found = f"class {numbers[wrong]} of {printable(samples.paths[wrong])}"
        raise DataError(found, f"a number below {count}, the classes of the network")
    return numbers
