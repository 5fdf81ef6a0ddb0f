"""How much memory pictures take once they are decoded, without decoding them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from darknetpy.images.formats import HEAD, open_header, recognise

LOOKED_AT = 50


def decoded_bytes(paths: Sequence[str], channels: int) -> int | None:
    """About how many bytes pictures take, by the sizes of some of them; None where none of these can be read.

    >>> decoded_bytes([], 3) is None
    True
    """
    step = max(len(paths) // LOOKED_AT, 1)
    sizes = [size for path in paths[::step] if (size := _pixels(path, channels))]
    return round(sum(sizes) / len(sizes) * len(paths) * channels) if sizes else None


def _pixels(path: str, channels: int) -> int:
    """Width by height; 0 where that cannot be read."""
    try:
        with Path(path).open("rb") as file:
            name = recognise(file.read(HEAD))
            file.seek(0)
            if name is None:
                return 0
            image = open_header(file, name, channels)
            return int(image.width * image.height)
    except Exception:  # whatever Pillow raises: who reads the picture says what is wrong with it
        return 0
