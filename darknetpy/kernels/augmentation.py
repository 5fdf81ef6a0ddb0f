"""Random views of a picture: turned, cut and coloured. Source: AlexeyAB/darknet src/image.c."""

from __future__ import annotations

import math

import numpy as np

from darknetpy.kernels import kernel


@kernel
def look_at(
    picture: np.ndarray, unit: float, radians: float, scale: float, aspect: float, across: float, down: float,
    flip: bool, hue: float, saturation: float, exposure: float, out: np.ndarray,
) -> None:  # fmt: skip
    """A view of a picture (h, w, c), written into out (c, height, width) float32: turned and cut, then coloured."""
    turn_and_cut(picture, unit, radians, scale, aspect, across, down, flip, out)
    if hue != 0 or saturation != 1 or exposure != 1:
        change_colours(out, hue, saturation, exposure)


@kernel
def turn_and_cut(
    picture: np.ndarray, unit: float, radians: float, scale: float, aspect: float, across: float, down: float,
    flip: bool, out: np.ndarray,
) -> None:  # fmt: skip
    """The middle of a picture, enlarged, turned around its centre and shifted; bilinear, 0 outside the picture.

    picture (h, w, c), its values times ``unit`` are those of the result. ``scale``: pixels of the result for one of the
    picture's rows; a column has ``scale`` / ``aspect``. across, down: the shift in pixels of the result. flip: the
    result is mirrored, left and right. Writes out (c, height, width) float32. Source: rotate_crop_image.
    """
    h, w, c = picture.shape
    _, height, width = out.shape
    cosine, sine = np.float32(math.cos(radians)), np.float32(math.sin(radians))
    stretch, step = np.float32(aspect / scale), np.float32(1 / scale)
    middle_x, middle_y = np.float32(w / 2), np.float32(h / 2)
    last_x, last_y = np.float32(w - 1), np.float32(h - 1)
    one, zero, level = np.float32(1), np.float32(0), np.float32(unit)
    out[...] = zero
    for row in range(height):
        y = np.float32(row - height / 2 + down) * step
        for column in range(width):
            x = np.float32(column - width / 2 + across) * stretch
            place_x = cosine * x - sine * y + middle_x
            place_y = sine * x + cosine * y + middle_y
            target = width - 1 - column if flip else column
            if zero <= place_x < last_x and zero <= place_y < last_y:
                left, top = np.int64(place_x), np.int64(place_y)
                right_part, lower_part = place_x - np.float32(left), place_y - np.float32(top)
                left_part, upper_part = one - right_part, one - lower_part
                for plane in range(c):
                    above = left_part * np.float32(picture[top, left, plane])
                    above += right_part * np.float32(picture[top, left + 1, plane])
                    below = left_part * np.float32(picture[top + 1, left, plane])
                    below += right_part * np.float32(picture[top + 1, left + 1, plane])
                    out[plane, row, target] = level * (upper_part * above + lower_part * below)
            elif -one < place_x < last_x + one and -one < place_y < last_y + one:
                for plane in range(c):
                    out[plane, row, target] = level * at_the_edge(picture, place_x, place_y, plane)


@kernel
def at_the_edge(picture: np.ndarray, place_x: np.float32, place_y: np.float32, plane: int) -> np.float32:
    """The value between four places of a picture (h, w, c), some of which are outside, where there is nothing."""
    one = np.float32(1)
    left, top = math.floor(place_x), math.floor(place_y)
    right_part, lower_part = place_x - np.float32(left), place_y - np.float32(top)
    above = (one - right_part) * pixel_or_nothing(picture, top, left, plane)
    above += right_part * pixel_or_nothing(picture, top, left + 1, plane)
    below = (one - right_part) * pixel_or_nothing(picture, top + 1, left, plane)
    below += right_part * pixel_or_nothing(picture, top + 1, left + 1, plane)
    return (one - lower_part) * above + lower_part * below


@kernel
def pixel_or_nothing(picture: np.ndarray, row: int, column: int, plane: int) -> np.float32:
    """The value at a place of a picture (h, w, c); 0 outside."""
    h, w, _ = picture.shape
    if 0 <= row < h and 0 <= column < w:
        return np.float32(picture[row, column, plane])
    return np.float32(0)


@kernel
def change_colours(planes: np.ndarray, hue: float, saturation: float, exposure: float) -> None:
    """Turn the hue (1 is once around), multiply saturation and exposure, and bring values back to 0..1; in place.

    planes (3, h, w) float32, red, green, blue; other numbers of planes have their exposure changed only.
    Source: distort_image, rgb_to_hsv and hsv_to_rgb.
    """
    zero, one = np.float32(0), np.float32(1)
    factor = np.float32(exposure)
    c, h, _ = planes.shape
    for row in range(h):
        if c == 3:
            turn_colours(planes[0, row], planes[1, row], planes[2, row], hue, saturation, exposure)
            continue
        for plane in range(c):
            values = planes[plane, row]
            for column in range(len(values)):
                value = values[column] * factor
                value = value if value > zero else zero
                values[column] = value if value < one else one


@kernel
def turn_colours(
    reds: np.ndarray, greens: np.ndarray, blues: np.ndarray, hue: float, saturation: float, exposure: float
) -> None:
    """Change some colours, each array (n,) float32; a grey has no hue and no saturation, so neither changes it.

    Hues are counted in sixths of the circle. Without branches, so that the compiler does several colours at once.
    """
    zero, one, six = np.float32(0), np.float32(1), np.float32(6)
    turn, richer, lighter = np.float32(6 * hue), np.float32(saturation), np.float32(exposure)
    for place in range(len(reds)):
        red, green, blue = reds[place], greens[place], blues[place]
        value = larger(larger(red, green), blue)
        spread = value - smaller(smaller(red, green), blue)
        difference = green - blue if red == value else (blue - red if green == value else red - green)
        sector = zero if red == value else (np.float32(2) if green == value else np.float32(4))
        coloured = spread > zero
        sector += difference / (spread if coloured else one) + turn
        sector -= six * np.floor(sector / six)
        share = (spread / (value if coloured else one)) * richer
        value = value * lighter
        chroma = value * share
        reds[place] = within(value - chroma * part_of(sector + np.float32(5)), one)
        greens[place] = within(value - chroma * part_of(sector + np.float32(3)), one)
        blues[place] = within(value - chroma * part_of(sector + one), one)


@kernel
def part_of(sector: np.float32) -> np.float32:
    """How much of the chroma a colour lacks, that is brightest (0) at sectors 5 to 7 and darkest (1) at 2 to 4."""
    sector = sector - np.float32(6) if sector >= np.float32(6) else sector
    return within(smaller(sector, np.float32(4) - sector), np.float32(1))


@kernel
def within(value: np.float32, most: np.float32) -> np.float32:
    """The value, brought to 0..most."""
    return smaller(larger(value, np.float32(0)), most)


@kernel
def larger(one: np.float32, other: np.float32) -> np.float32:
    """The larger of two, as one instruction."""
    return one if one > other else other


@kernel
def smaller(one: np.float32, other: np.float32) -> np.float32:
    """The smaller of two, as one instruction."""
    return one if one < other else other
