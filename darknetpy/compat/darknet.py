"""The names of Darknet's ctypes module (``darknet.py``), without Darknet: import it as ``darknetpy.darknet``.

Scripts that say ``import darknet`` run when that line says ``from darknetpy import darknet``. Numbers are those of
AlexeyAB/darknet, where the module is from; what the functions take and give is described there and in
docs/from-darknet.md.

>>> network, class_names, class_colors = load_network("yolov4.cfg", "coco.data", "yolov4.weights")  # doctest: +SKIP
>>> detect_image(network, class_names, load_image("dog.jpg", 0, 0), thresh=0.25)  # doctest: +SKIP
[('dog', '97.31', (231.5, 380.25, 180.0, 320.0))]
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, MutableSequence, Sequence
from ctypes import POINTER, c_char_p, c_float, c_int, c_void_p, pointer
from typing import Any

import numpy as np

from darknetpy.compat.darknet_network import DarknetNetwork, Floats
from darknetpy.compat.darknet_results import (
    Bounds,
    Colour,
    bbox2points,
    class_colors,
    decode_detection,
    draw_boxes,
    print_detections,
    remove_negatives,
    remove_negatives_faster,
)
from darknetpy.compat.darknet_structures import (
    BOX,
    DETECTION,
    DETNUMPAIR,
    IMAGE,
    METADATA,
    copy_image_from_bytes,
    free_image,
    make_image,
    rgbgr_image,
)
from darknetpy.config.data_file import read_data
from darknetpy.config.names import read_names
from darknetpy.detection.decode import Limits
from darknetpy.detection.nms import suppress
from darknetpy.errors import DarknetpyWarning, Findings
from darknetpy.images.decode import read_picture
from darknetpy.images.resize import letterbox, resize
from darknetpy.network import load

__all__ = [
    "BOX",
    "DETECTION",
    "DETNUMPAIR",
    "IMAGE",
    "METADATA",
    "POINTER",
    "DarknetNetwork",
    "bbox2points",
    "c_char_p",
    "c_float",
    "c_int",
    "c_void_p",
    "class_colors",
    "classify",
    "copy_image_from_bytes",
    "decode_detection",
    "detect",
    "detect_image",
    "do_nms_obj",
    "do_nms_sort",
    "draw_boxes",
    "free_batch_detections",
    "free_detections",
    "free_image",
    "free_network_ptr",
    "get_network_boxes",
    "init_cpu",
    "letterbox_image",
    "load_image",
    "load_meta",
    "load_net",
    "load_net_custom",
    "load_network",
    "make_image",
    "network_height",
    "network_predict",
    "network_predict_batch",
    "network_width",
    "pointer",
    "predict",
    "predict_image",
    "predict_image_letterbox",
    "print_detections",
    "remove_negatives",
    "remove_negatives_faster",
    "reset_rnn",
    "rgbgr_image",
    "set_gpu",
]

Path = str | bytes | os.PathLike[str]


def load_network(
    config_file: Path, data_file: Path, weights: Path, batch_size: int = 1
) -> tuple[DarknetNetwork, list[str], dict[str, Colour]]:
    """Read a network and the names of its classes.

    Args:
        config_file, weights: as in :func:`darknetpy.load`. data_file: the ``.data`` file; its ``names=`` are used.
        batch_size: how many pictures ``network_predict`` computes together.

    Returns the network, its class names, and a colour (blue, green, red) for each of them.
    Raises ConfigError and WeightsError, with the place, where files do not fit together.
    """
    findings = Findings()
    data = read_data(os.fsdecode(data_file), findings)
    names = read_names(data.file("names", "labels"), findings)
    network = load(os.fsdecode(config_file), os.fsdecode(weights), names=names, batch=batch_size)
    graph = network.graph
    classes = graph.classes
    data.require_classes(classes, graph.cfg.path, findings)
    for warning in findings.warnings:
        warnings.warn(warning, stacklevel=2)
    class_names = network.names or names
    return DarknetNetwork(network), class_names, class_colors(class_names)


def load_net_custom(config_file: Path, weights: Path, clear: int, batch: int) -> DarknetNetwork:
    """Read a network for batches of that many pictures; ``clear`` matters for training only."""
    return DarknetNetwork(load(os.fsdecode(config_file), os.fsdecode(weights), batch=batch))


def load_net(config_file: Path, weights: Path, clear: int) -> DarknetNetwork:
    """Read a network; ``clear`` matters for training only."""
    return load_net_custom(config_file, weights, clear, 1)


def load_meta(data_file: Path) -> METADATA:
    """The number of classes, and their names as bytes, that a ``.data`` file gives."""
    data = read_data(os.fsdecode(data_file))
    names = read_names(data.file("names", "labels"))
    return METADATA(data.options.classes or len(names), [name.encode() for name in names])


def network_width(net: DarknetNetwork) -> int:
    """Width of the network's input, in pixels."""
    return net.size[0]


def network_height(net: DarknetNetwork) -> int:
    """Height of the network's input, in pixels."""
    return net.size[1]


def load_image(filename: Path, w: int, h: int) -> IMAGE:
    """A picture from a file, in three colours; resized to w x h unless one of them is 0. Raises ImageError."""
    picture = read_picture(os.fsdecode(filename), channels=3)
    height, width = picture.shape[:2]
    planes = resize(picture, w, h) if w and h else resize(picture, width, height)
    return IMAGE(planes.shape[2], planes.shape[1], 3, planes)


def letterbox_image(im: IMAGE, w: int, h: int) -> IMAGE:
    """The whole picture in the middle of w x h grey pixels, its proportions kept."""
    return IMAGE(w, h, im.c, letterbox(im.planes()[0], w, h))


def network_predict(net: DarknetNetwork, data: Floats) -> np.ndarray:
    """Compute as many pictures as the network's batch; the values of its last layer, one after the other."""
    return net.run(data, net.network.batch).ravel()


predict = network_predict


def predict_image(net: DarknetNetwork, im: IMAGE) -> np.ndarray:
    """Compute one picture, resized to the network's input unless it has that size; the values of its last layer."""
    return _predict(net, im, resize)


def predict_image_letterbox(net: DarknetNetwork, im: IMAGE) -> np.ndarray:
    """The same with the proportions of the picture kept."""
    return _predict(net, im, letterbox)


def _predict(net: DarknetNetwork, im: IMAGE, fit: Callable[[np.ndarray, int, int], np.ndarray]) -> np.ndarray:
    planes = im.planes()[0]
    return net.run(planes if (im.w, im.h) == net.size else fit(planes, *net.size), 1).ravel()


def get_network_boxes(
    net: DarknetNetwork,
    w: int,
    h: int,
    thresh: float,
    hier: float,
    class_map: Sequence[int] | None,
    relative: int,
    num: MutableSequence[int] | Any,
    letter: int = 0,
) -> list[DETECTION]:
    """The boxes in the picture that was computed last, before suppression.

    Args:
        w, h: the picture's size; boxes are in its pixels, or with ``relative`` parts of them.
        thresh: what the objectness must exceed, 0 to 1. hier: what a class of a tree must exceed.
        class_map: for each class to answer with, its number in the tree; None where there is none.
        num: their number is put into ``num[0]``, unless it is None.
        letter: whether the picture was letterboxed.
    """
    limits = Limits(thresh, None, hier, class_map)
    found = net.boxes(0, (w, h), limits, relative=bool(relative), letterboxed=bool(letter))
    if num is not None:
        num[0] = len(found)
    return found


def network_predict_batch(
    net: DarknetNetwork,
    im: IMAGE,
    batch_size: int,
    w: int,
    h: int,
    thresh: float,
    hier: float,
    class_map: Sequence[int] | None,
    relative: int,
    letter: int,
) -> list[DETNUMPAIR]:
    """Compute a batch; the boxes of each picture, before suppression. Arguments as in ``get_network_boxes``.

    ``im.data`` has the pictures one after the other, each of the network's size.
    """
    limits = Limits(thresh, None, hier, class_map)
    net.run(im.data, batch_size)
    found = [
        net.boxes(image, (w, h), limits, relative=bool(relative), letterboxed=bool(letter))
        for image in range(batch_size)
    ]
    return [DETNUMPAIR(len(dets), dets) for dets in found]


def do_nms_sort(dets: Sequence[DETECTION], total: int, classes: int, thresh: float) -> None:
    """Put the probabilities of boxes to 0 that overlap a better one of the same class by more than ``thresh``."""
    _suppress(dets[:total], thresh, "default")


def do_nms_obj(dets: Sequence[DETECTION], total: int, classes: int, thresh: float) -> None:
    """The same for all classes of a box at once, the better box being the one with the higher objectness."""
    _suppress(dets[:total], thresh, "obj")


def _suppress(dets: Sequence[DETECTION], thresh: float, kind: str) -> None:
    if not dets:
        return
    boxes = np.array([(det.bbox.x, det.bbox.y, det.bbox.w, det.bbox.h) for det in dets], np.float32)
    objectness = np.array([det.objectness for det in dets], np.float32)
    kept = suppress(boxes, objectness, np.stack([det.prob for det in dets]), thresh, kind)
    for det, objectness_left, left in zip(dets, *kept, strict=True):
        det.objectness, det.prob = float(objectness_left), left


def detect_image(
    network: DarknetNetwork,
    class_names: Sequence[str],
    image: IMAGE,
    thresh: float = 0.5,
    hier_thresh: float = 0.5,
    nms: float = 0.45,
) -> list[tuple[str, str, Bounds]]:
    """What is in a picture, least certain first: name, percent as text, and box.

    Args:
        image: from ``make_image`` or ``load_image``; boxes are in its pixels: centre x, centre y, width, height.
        thresh: what a probability must exceed, 0 to 1. nms: the overlap above which boxes are suppressed; 0 for none.

    >>> detect_image(network, class_names, image)  # doctest: +SKIP
    [('bicycle', '61.3', (302.1, 220.9, 110.0, 91.4)), ('dog', '97.31', (231.5, 380.25, 180.0, 320.0))]
    """
    predict_image(network, image)
    found = get_network_boxes(network, image.w, image.h, thresh, hier_thresh, None, 0, None, 0)
    if nms:
        do_nms_sort(found, len(found), len(class_names), nms)
    answers = remove_negatives(found, class_names, len(found))
    return decode_detection(sorted(answers, key=lambda answer: answer[1]))


def detect(
    net: DarknetNetwork,
    meta: METADATA,
    image: Path,
    thresh: float = 0.5,
    hier_thresh: float = 0.5,
    nms: float = 0.45,
) -> list[tuple[bytes, float, Bounds]]:
    """What is in the picture of a file, most certain first: name as bytes, probability, box in pixels of the file."""
    picture = load_image(image, 0, 0)
    predict_image(net, picture)
    found = get_network_boxes(net, picture.w, picture.h, thresh, hier_thresh, None, 0, None, 0)
    if nms:
        do_nms_sort(found, len(found), meta.classes, nms)
    names = [name.decode() for name in meta.names]
    answers = sorted(remove_negatives(found, names, len(found)), key=lambda answer: -answer[1])
    return [(name.encode(), probability, bounds) for name, probability, bounds in answers]


def classify(net: DarknetNetwork, meta: METADATA, im: IMAGE) -> list[tuple[bytes, float]]:
    """Every class of a picture with its probability, most probable first; names as bytes."""
    output = predict_image(net, im)
    return sorted(zip(meta.names, map(float, output), strict=False), key=lambda answer: -answer[1])


def reset_rnn(net: DarknetNetwork) -> None:
    """Have the recurrent layers forget what they saw."""
    if net.state is not None:
        net.state.reset()


def set_gpu(n: int) -> None:
    """Warn that there is no GPU support; everything is computed on the CPU."""
    warnings.warn(DarknetpyWarning("there is no GPU support", "", "The CPU computes"), stacklevel=2)


def init_cpu() -> None:
    """Nothing: the CPU needs no preparation."""


def free_detections(dets: Sequence[DETECTION], n: int) -> None:
    """Nothing: Python lets go of detections by itself."""


def free_batch_detections(det_num_pairs: Sequence[DETNUMPAIR], n: int) -> None:
    """Nothing: Python lets go of detections by itself."""


def free_network_ptr(net: DarknetNetwork) -> None:
    """Nothing: Python lets go of networks by itself."""
