"""Several pictures in one, and their truths in proportion. Source: AlexeyAB/darknet src/data.c, load_data_augment;
Zhang et al. 2018, "mixup"; Yun et al. 2019, "CutMix"; Bochkovskiy et al. 2020, "YOLOv4" (mosaic).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MIXUP, CUTMIX, MOSAIC, EITHER = 1, 2, 3, 4
PARTNERS = {MIXUP: 1, CUTMIX: 1, MOSAIC: 3}
"""The kinds, and how many other pictures one is mixed with; either is cutmix or mosaic, picture by picture."""


class Mix(NamedTuple):
    """How pictures are mixed: the kind, and for cutmix and mosaic parts of width and height, from 0 to 1."""

    kind: int
    width: float = 0.0
    height: float = 0.0
    left: float = 0.0
    top: float = 0.0


def kind_of(mixup: int, cutmix: bool, mosaic: bool) -> int:
    """The kind that the options of [net] ask for; 0 is none.

    >>> kind_of(0, cutmix=True, mosaic=True) == EITHER
    True
    """
    if cutmix and mosaic:
        return EITHER
    return CUTMIX if cutmix else MOSAIC if mosaic else int(mixup)


def draw(kind: int, random: np.random.Generator, count: int) -> list[Mix | None]:
    """So many ways to mix; none for half of all. Cuts lie between 0.2 and 0.8, rectangles have sides of 0.3 to 0.8."""
    return [_way(kind, *numbers) for numbers in random.random((count, 6)).tolist()]


def _way(kind: int, *numbers: float) -> Mix | None:
    if not kind or numbers[0] < 0.5:
        return None
    chosen = kind if kind != EITHER else CUTMIX if numbers[1] < 0.5 else MOSAIC
    if chosen == CUTMIX:
        return Mix(CUTMIX, 0.3 + 0.5 * numbers[2], 0.3 + 0.5 * numbers[3], numbers[4], numbers[5])
    return Mix(chosen, 0.2 + 0.6 * numbers[2], 0.2 + 0.6 * numbers[3])


def mix(how: Mix, pictures: list[np.ndarray], truths: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One picture (c, h, w) and its truth (classes,), of as many as `PARTNERS` says and the first.

    A mosaic has the first at the top left, the second at the top right, the third at the bottom left.
    """
    if how.kind == MIXUP:
        return (pictures[0] + pictures[1]) / 2, (truths[0] + truths[1]) / 2
    _, h, w = pictures[0].shape
    if how.kind == CUTMIX:
        width, height = round(how.width * w), round(how.height * h)
        left, top = round(how.left * (w - width)), round(how.top * (h - height))
        return cutmix(pictures, truths, (left, top, width, height))
    return mosaic(pictures, truths, round(how.width * w), round(how.height * h))


def cutmix(
    pictures: list[np.ndarray], truths: list[np.ndarray], box: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The first picture with a box (left, top, width, height) of the second; truths in proportion to areas."""
    left, top, width, height = box
    result = pictures[0].copy()
    place = np.s_[:, top : top + height, left : left + width]
    result[place] = pictures[1][place]
    share = np.float32(width * height / (result.shape[1] * result.shape[2]))
    return result, truths[0] * (1 - share) + truths[1] * share


def mosaic(
    pictures: list[np.ndarray], truths: list[np.ndarray], cut_x: int, cut_y: int
) -> tuple[np.ndarray, np.ndarray]:
    """Quarters of four pictures, where they lie in them, meeting at a column and a row; truths in proportion."""
    _, h, w = pictures[0].shape
    result, truth = np.empty_like(pictures[0]), np.zeros_like(truths[0])
    rows, columns = (slice(0, cut_y), slice(cut_y, h)), (slice(0, cut_x), slice(cut_x, w))
    for number, (picture, own) in enumerate(zip(pictures, truths, strict=True)):
        place = (slice(None), rows[number // 2], columns[number % 2])
        result[place] = picture[place]
        truth += own * np.float32(result[place][0].size / (h * w))
    return result, truth
