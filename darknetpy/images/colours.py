"""The colours in which detections are drawn. Source: AlexeyAB/darknet src/image.c, get_color."""

from __future__ import annotations

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
_WHEEL = ((1, 0, 1), (0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 1, 0), (1, 0, 0))
_STEP = 123457  # spreads neighbouring classes over the wheel


def class_colour(class_id: int, classes: int) -> Colour:
    """The colour that Darknet gives to a class of a network with so many classes.

    >>> class_colour(0, 80), class_colour(1, 80)
    ((255, 0, 255), (255, 15, 0))
    """
    place = class_id * _STEP % classes / classes * (len(_WHEEL) - 1)
    before = int(place)
    share = place - before
    low, high = _WHEEL[before], _WHEEL[min(before + 1, len(_WHEEL) - 1)]
    red, green, blue = (
        int(255 * ((1 - share) * low[channel] + share * high[channel])) for channel in (2, 1, 0)
    )  # in this order in C
    return red, green, blue


def readable_on(colour: Colour) -> Colour:
    """Black or white, whichever stands out more against a colour.

    Source: the relative luminance and contrast of the Web Content Accessibility Guidelines 2.

    >>> readable_on((255, 255, 0)), readable_on((0, 0, 255))
    ((0, 0, 0), (255, 255, 255))
    """
    light = _luminance(colour)
    return BLACK if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else WHITE


def _luminance(colour: Colour) -> float:
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in _unit(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _unit(colour: Colour) -> list[float]:
    return [value / 255 for value in colour]
