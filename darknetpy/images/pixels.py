"""From Pillow's many kinds of pixels to 8 bits a channel, the way stb_image (and so Darknet) does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from darknetpy.errors import ImageError
from darknetpy.images.channels import with_channels

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

STRIP = 16  # rows handed over at once: four times faster than the whole picture at once, and without a second copy
_GREY = {"1", "L", "LA", "La"}
_COLOUR = {"RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "CMYK", "YCbCr"}
_BITS_PER_SAMPLE = 258  # TIFF tag


def bits_of(image: ImageFile) -> int | None:
    """Bits of the samples of an opened file whose pixels Pillow keeps as wide whole numbers; None when they are not
    plain brightness from 0 on.
    """
    if image.mode == "I":
        return 16 if image.format == "PPM" else None  # elsewhere signed, or wider
    return getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]


def pixels_of(image: Image, channels: int, bits: int | None) -> np.ndarray:
    """The decoded image as (h, w, channels) uint8, channels being 1, 3 or 4.

    Opacity is dropped, not blended; 16-bit values lose their low byte; floating-point values must lie in 0..1 and are
    rounded. ``bits`` is what `bits_of` says of the file. Raises ImageError for kinds of pixels without a plain meaning
    in 8 bits.
    """
    if image.mode in _GREY | _COLOUR:
        return _in_strips(image, channels)
    if image.mode == "F":
        grey = _from_float(np.asarray(image))
    elif image.mode.startswith("I") and bits is not None:
        grey = (np.asarray(image) >> (bits - 8)).astype(np.uint8)
    else:
        kind = {"I": "32-bit whole numbers or signed 16-bit ones (mode I)", "LAB": "CIE L*a*b* colours"}
        raise ImageError(
            f"a picture of {kind.get(image.mode, f'mode {image.mode}')}",
            "8 or 16 bits a channel, or floating point in 0..1",
            "Save it as a PNG",
        )
    return with_channels(grey[..., np.newaxis], channels)


def _from_float(values: np.ndarray) -> np.ndarray:
    """Values in 0..1 to the nearest byte."""
    lowest, highest = float(values.min()), float(values.max())
    if not (lowest >= 0 and highest <= 1):  # also true for NaN
        raise ImageError(
            f"a floating-point picture (mode F) with values from {lowest:g} to {highest:g}",
            "values in 0..1",
            "Scale it and save it as a PNG",
        )
    return np.rint(values * 255).astype(np.uint8)


def _in_strips(image: Image, channels: int) -> np.ndarray:
    """Convert and copy some rows at a time into one array."""
    mode = "RGBA" if channels == 4 else "L" if image.mode in _GREY else "RGB"
    if mode != "RGBA":
        image.info.pop("transparency", None)  # so that colours stay as they are, seen or not
    width, height = image.size
    out = np.empty((height, width, channels), np.uint8)
    for top in range(0, height, STRIP):
        strip = _converted(image.crop((0, top, width, min(top + STRIP, height))), mode)
        values = np.asarray(strip)
        out[top : top + STRIP] = with_channels(values if values.ndim == 3 else values[..., np.newaxis], channels)
    return out


def _converted(strip: Image, mode: str) -> Image:
    """The strip in another mode, without blending; associated opacity is divided out first."""
    through = {"La": "LA", "RGBa": "RGBA", "PA": "RGBA"}.get(strip.mode, strip.mode)
    strip = strip if strip.mode == through else strip.convert(through)
    if strip.mode == "LA" and mode == "L":
        return strip.getchannel("L")
    return strip if strip.mode == mode else strip.convert(mode)
