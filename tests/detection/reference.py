"""Boxes and their suppression as naive loops in float64, written from the formulas, not from our code.

A box is a tuple: centre x, centre y, width, height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.reference import logistic, places

Box = Sequence[float]


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    sides = []
    for axis in (0, 1):
        first = max(a[axis] - a[axis + 2] / 2, b[axis] - b[axis + 2] / 2)
        last = min(a[axis] + a[axis + 2] / 2, b[axis] + b[axis + 2] / 2)
        sides.append(last - first)
    shared = sides[0] * sides[1] if min(sides) >= 0 else 0.0
    covered = a[2] * a[3] + b[2] * b[3] - shared
    return shared / covered if shared and covered else 0.0


def distance(a: Box, b: Box) -> float:
    """Squared distance of the centres over the squared diagonal of the box around both."""
    diagonal = 0.0
    for axis in (0, 1):
        first = min(a[axis] - a[axis + 2] / 2, b[axis] - b[axis + 2] / 2)
        last = max(a[axis] + a[axis + 2] / 2, b[axis] + b[axis + 2] / 2)
        diagonal += (last - first) ** 2
    return ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / diagonal if diagonal else 0.0


def suppress(
    boxes: np.ndarray, objectness: np.ndarray, probabilities: np.ndarray, thresh: float, kind: str, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """What is left of objectness and probabilities, in the order given."""
    objects: list[dict[str, Any]] = [
        {"box": tuple(box), "objectness": float(one), "prob": [float(value) for value in row], "at": at}
        for at, (box, one, row) in enumerate(zip(boxes.tolist(), objectness, probabilities, strict=True))
    ]
    everything = list(objects)
    last = len(objects) - 1
    first = 0
    while first <= last:
        if objects[first]["objectness"] == 0:
            objects[first], objects[last] = objects[last], objects[first]
            last -= 1
        else:
            first += 1
    objects = objects[: last + 1]
    if kind == "obj":
        objects.sort(key=lambda one: -one["objectness"])
        for i, one in enumerate(objects):
            for other in objects[i + 1 :]:
                if one["objectness"] and other["objectness"] and overlap(one["box"], other["box"]) > thresh:
                    other["objectness"], other["prob"] = 0.0, [0.0] * len(other["prob"])
    else:
        for k in range(probabilities.shape[1]):
            objects.sort(key=lambda one: -one["prob"][k])
            for i, one in enumerate(objects):
                for other in objects[i + 1 :]:
                    if one["prob"][k] and _criterion(one["box"], other["box"], kind, beta) > thresh:
                        other["prob"][k] = 0.0
    left = [one["prob"] for one in everything]
    return np.array([one["objectness"] for one in everything]), np.array(left).reshape(probabilities.shape)


def _criterion(a: Box, b: Box, kind: str, beta: float) -> float:
    if kind in ("default", "cornersnms"):
        return overlap(a, b)
    return overlap(a, b) - distance(a, b) ** (0.6 if kind == "greedynms" else beta)


def yolo_output(x: np.ndarray, anchors: int, stretch: float = 1.0, new_coords: bool = False) -> np.ndarray:
    result = np.zeros(x.shape)
    values = x.shape[1] // anchors
    for place in places(x.shape):
        value, number = float(x[place]), place[1] % values
        if number not in (2, 3) and not new_coords:
            value = logistic(value)
        if number < 2:
            value = stretch * value - (stretch - 1) / 2
        result[place] = value
    return result


def gaussian_output(x: np.ndarray, anchors: int, stretch: float = 1.0) -> np.ndarray:
    result = np.zeros(x.shape)
    values = x.shape[1] // anchors
    for place in places(x.shape):
        value, number = float(x[place]), place[1] % values
        if number not in (4, 6):
            value = logistic(value)
        if number in (0, 2):
            value = stretch * value - (stretch - 1) / 2
        result[place] = value
    return result


Found = tuple[list[list[float]], list[float], list[list[float]]]
"""Boxes, objectness and probabilities."""


def yolo_boxes(
    output: np.ndarray, anchors: list[tuple[float, float]], size: tuple[int, int], thresh: float, new_coords: bool
) -> Found:
    """The boxes of one picture's output (c, h, w), relative to the network's input of ``size``."""
    found: Found = ([], [], [])
    values, h, w = output.shape[0] // len(anchors), *output.shape[1:]
    for row, column, n in places((h, w, len(anchors))):
        e = output[n * values : (n + 1) * values, row, column].tolist()
        if e[4] > thresh:
            sides = [4 * e[i] ** 2 if new_coords else math.exp(e[i]) for i in (2, 3)]
            scaled = [side * anchor / whole for side, anchor, whole in zip(sides, anchors[n], size, strict=True)]
            found[0].append([(column + e[0]) / w, (row + e[1]) / h, *scaled])
            found[1].append(e[4])
            found[2].append([e[4] * one if e[4] * one > thresh else 0.0 for one in e[5:]])
    return found


def gaussian_boxes(
    output: np.ndarray, anchors: list[tuple[float, float]], size: tuple[int, int], thresh: float, point: str
) -> Found:
    found: Found = ([], [], [])
    values, h, w = output.shape[0] // len(anchors), *output.shape[1:]
    part = {"center": 0.0, "left_top": 0.5, "right_bottom": -0.5}[point]
    for row, column, n in places((h, w, len(anchors))):
        e = output[n * values : (n + 1) * values, row, column].tolist()
        if e[8] > thresh:
            width = math.exp(e[4]) * anchors[n][0] / size[0]
            height = math.exp(e[6]) * anchors[n][1] / size[1]
            found[0].append([(column + e[0]) / w + part * width, (row + e[2]) / h + part * height, width, height])
            found[1].append(e[8])
            sure = 1 - (e[1] + e[3] + e[5] + e[7]) / 4
            found[2].append([e[8] * one * sure if e[8] * one * sure > thresh else 0.0 for one in e[9:]])
    return found


def region_boxes(
    output: np.ndarray, anchors: list[tuple[float, float]], classes: int, thresh: float, *, pjreddie: bool
) -> Found:
    """The boxes of an output without tree; in pjreddie's order and with its x and y, or in AlexeyAB's."""
    found: Found = ([], [], [])
    values, h, w = output.shape[0] // len(anchors), *output.shape[1:]
    order = places((len(anchors), h, w)) if pjreddie else ((p[2], p[0], p[1]) for p in places((h, w, len(anchors))))
    for n, row, column in order:
        e = output[n * values : (n + 1) * values, row, column].tolist()
        x, y = e[:2] if pjreddie else (logistic(e[0]), logistic(e[1]))
        sides = [math.exp(e[2]) * anchors[n][0] / w, math.exp(e[3]) * anchors[n][1] / h]
        found[0].append([(column + x) / w, (row + y) / h, *sides])
        scale = e[-classes - 1]
        found[1].append(scale if scale > thresh or not pjreddie else 0.0)
        found[2].append([scale * one if scale * one > thresh else 0.0 for one in e[-classes:]])
    return found


def first_boxes(values: np.ndarray, side: int, num: int, classes: int, thresh: float, root: bool) -> Found:
    """The boxes of a [detection]: its flat output."""
    found: Found = ([], [], [])
    for row, column, n in places((side, side, num)):
        cell = row * side + column
        scale = float(values[side * side * classes + cell * num + n])
        start = side * side * (classes + num) + (cell * num + n) * 4
        x, y, w, h = values[start : start + 4].tolist()
        sides = [w * w, h * h] if root else [w, h]
        found[0].append([(column + x) / side, (row + y) / side, *sides])
        found[1].append(scale)
        products = [scale * one for one in values[cell * classes : (cell + 1) * classes].tolist()]
        found[2].append([one if one > thresh else 0.0 for one in products])
    return found
