"""Random views of a picture: turned, cut and coloured. Source: AlexeyAB/darknet src/image.c."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from darknetpy.kernels import kernel


@kernel
def pixel_or_nothing(picture: np.ndarray, row: int, column: int, plane: int) -> np.float32:
    """The value at a place of a picture (h, w, c); 0 outside."""
    h, w, _ = picture.shape
    if 0 <= row < h and 0 <= column < w:
        return np.float32(picture[row, column, plane])
    return np.float32(0)


@kernel
def turn_and_cut(
    picture: np.ndarray, unit: float, radians: float, scale: float, aspect: float, across: float, down: float,
    out: np.ndarray,
) -> None:  # fmt: skip
    """The middle of a picture, enlarged, turned around its centre and shifted; bilinear, 0 outside the picture.

    picture (h, w, c), its values times ``unit`` are those of the result. ``scale``: pixels of the result for one of the
    picture's rows; a column has ``scale`` / ``aspect``. across, down: the shift in pixels of the result. Writes out
    (c, height, width) float32. Source: rotate_crop_image.
    """
    h, w, c = picture.shape
    _, height, width = out.shape
    cosine, sine = np.float32(math.cos(radians)), np.float32(math.sin(radians))
    stretch, step = np.float32(aspect / scale), np.float32(1 / scale)
    one = np.float32(1)
    for row in range(height):
        y = np.float32(row - height / 2 + down) * step
        for column in range(width):
            x = np.float32(column - width / 2 + across) * stretch
            place_x = cosine * x - sine * y + np.float32(w / 2)
            place_y = sine * x + cosine * y + np.float32(h / 2)
            left, top = math.floor(place_x), math.floor(place_y)
            right_part, lower_part = place_x - np.float32(left), place_y - np.float32(top)
            for plane in range(c):
                above = (one - right_part) * pixel_or_nothing(picture, top, left, plane)
                above += right_part * pixel_or_nothing(picture, top, left + 1, plane)
                below = (one - right_part) * pixel_or_nothing(picture, top + 1, left, plane)
                below += right_part * pixel_or_nothing(picture, top + 1, left + 1, plane)
                out[plane, row, column] = np.float32(unit) * ((one - lower_part) * above + lower_part * below)


@kernel
def change_colours(planes: np.ndarray, hue: float, saturation: float, exposure: float) -> None:
    """Turn the hue (1 is once around), multiply saturation and exposure, and bring values back to 0..1; in place.

    planes (3, h, w) float32, red, green, blue; other numbers of planes have their exposure changed only.
    Source: distort_image, rgb_to_hsv and hsv_to_rgb.
    """
    c, h, w = planes.shape
    for row in range(h):
        for column in range(w):
            if c == 3:
                colours = turned(
                    planes[0, row, column], planes[1, row, column], planes[2, row, column],
                    np.float32(hue), np.float32(saturation), np.float32(exposure),
                )  # fmt: skip
                for plane in range(3):
                    planes[plane, row, column] = colours[plane]
            else:
                for plane in range(c):
                    planes[plane, row, column] *= np.float32(exposure)
            for plane in range(c):
                planes[plane, row, column] = min(max(planes[plane, row, column], np.float32(0)), np.float32(1))


@kernel
def turned(red: Any, green: Any, blue: Any, hue: Any, saturation: Any, exposure: Any) -> tuple[Any, Any, Any]:
    """One colour, changed; all float32. A grey has no hue and no saturation, so neither changes it."""
    zero, one, six = np.float32(0), np.float32(1), np.float32(6)
    value = max(red, green, blue)
    spread = value - min(red, green, blue)
    place, share = zero, zero
    if value > zero and spread > zero:
        share = spread / value
        if red == value:
            place = (green - blue) / spread
        elif green == value:
            place = np.float32(2) + (blue - red) / spread
        else:
            place = np.float32(4) + (red - green) / spread
        place = place / six
        place = place + one if place < zero else place
    place = place + hue
    place = place - np.float32(math.floor(place))
    share, value = share * saturation, value * exposure
    sector = six * place
    number = math.floor(sector)
    part = sector - np.float32(number)
    p, q, t = value * (one - share), value * (one - share * part), value * (one - share * (one - part))
    if number in (0, 6):
        return value, t, p
    if number == 1:
        return q, value, p
    if number == 2:
        return p, value, t
    if number == 3:
        return p, q, value
    if number == 4:
        return t, p, value
    return value, p, q
