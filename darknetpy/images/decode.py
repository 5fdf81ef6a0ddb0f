"""Reading pictures from files: JPEG, PNG, BMP, GIF, PPM, TGA, WebP and TIFF, decoded by Pillow.

Pixels come out as Darknet's own reader (stb_image) gives them; JPEG pixels may differ by up to 3 levels, because the
decoders round differently. Unlike Darknet, nothing that cannot be read becomes a black picture: it is an ImageError.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from darknetpy.errors import DarknetpyWarning, Findings, ImageError, printable
from darknetpy.images.channels import require_known_channels
from darknetpy.images.formats import FORMATS, HEAD, describe, jpeg_variant, open_header, recognise
from darknetpy.images.pillow_warnings import pillow_warnings
from darknetpy.images.pixels import bits_of, pixels_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MAXIMUM_PIXELS = 178_000_000  # width x height; what Pillow refuses by itself begins a little above
_READ_ROW_BY_ROW = {"PNG", "BMP", "GIF", "PPM", "TGA"}  # when cut short, the rows before the cut are good
_END_OF_JPEG = b"\xff\xd9"
_ORIENTATION = 0x0112  # EXIF and TIFF tag


@dataclass(frozen=True)
class _Wishes:
    """The arguments of `read_picture`, and the warnings on the way."""

    path: str | None
    channels: int
    maximum_pixels: int
    exif: bool
    allow_damaged: bool
    noticed: list[DarknetpyWarning] = field(default_factory=list)

    def notice(self, found: str, remedy: str = "") -> None:
        self.noticed.append(DarknetpyWarning(found, "", remedy, path=self.path))

    def error(self, found: str, expected: str = "", remedy: str = "") -> ImageError:
        return ImageError(found, expected, remedy, path=self.path)


def read_picture(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    channels: int = 3,
    maximum_pixels: int = MAXIMUM_PIXELS,
    exif: bool = True,
    allow_damaged: bool = False,
    findings: Findings | None = None,
) -> np.ndarray:
    """Decode one picture; of an animation or a file of several pages, the first one, with a warning.

    Args:
        source: a path, the bytes of a file, or a file opened for reading bytes (read to its end).
        channels: 1 (grey), 3 (RGB; opacity is dropped, not blended) or 4 (RGBA).
        maximum_pixels: larger pictures (width x height) are refused before anything is decoded.
        exif: turn the picture upright as its EXIF orientation says.
        allow_damaged: use what can be read of a damaged or truncated picture, with a warning.
        findings: where warnings go; Python's ``warnings`` if None.

    Returns (h, w, channels) uint8. 16-bit values lose their low byte. Safe to call from several threads at once.
    Raises ImageError, with the path, for everything that is wrong with the file.

    >>> read_picture("dog.jpg").shape  # doctest: +SKIP
    (576, 768, 3)
    """
    require_known_channels(channels)
    path = os.fsdecode(source) if isinstance(source, str | os.PathLike) else None
    wishes = _Wishes(path, channels, maximum_pixels, exif, allow_damaged)
    try:
        with pillow_warnings() as told, _opened(source, wishes) as file:
            picture = _decode(file, wishes)
    except ImageError:
        raise
    except Exception as error:  # Pillow meets a damaged file with nearly any class of error
        raise _lack_or_damage(error, wishes) from error
    for text in dict.fromkeys(told):
        wishes.notice(f"the picture is not quite in order ({printable(text)})")
    _report(wishes.noticed, findings)
    return picture


def _report(noticed: list[DarknetpyWarning], findings: Findings | None) -> None:
    for warning in noticed:
        if findings is None:
            warnings.warn(warning, stacklevel=3)
        else:
            findings.warning(warning, ImageError)


def _lack_or_damage(error: Exception, wishes: _Wishes) -> ImageError:
    if isinstance(error, MemoryError):
        return wishes.error("not enough memory for this picture")
    if _is_limit_of_pillow(error):
        remedy = "Shrink the picture, or raise PIL.Image.MAX_IMAGE_PIXELS, too"
        return wishes.error("more pixels than Pillow allows in this kind of file", remedy=remedy)
    return wishes.error(f"the picture cannot be read ({_reason(error)})")


def _is_limit_of_pillow(error: Exception) -> bool:
    from PIL.Image import DecompressionBombError

    return isinstance(error, DecompressionBombError)


def _require_damage(error: Exception) -> None:
    """Raise the error again if it does not say that the file is damaged."""
    if isinstance(error, MemoryError) or _is_limit_of_pillow(error):
        raise error


def _reason(error: Exception) -> str:
    return printable(" ".join(str(error).split()) or type(error).__name__)


@contextmanager
def _opened(source: str | os.PathLike[str] | bytes | BinaryIO, wishes: _Wishes) -> Iterator[BinaryIO]:
    """The source as a file that can be read from any place."""
    if wishes.path is None:
        data = source if isinstance(source, bytes) else source.read()  # type: ignore[union-attr]  # paths are out
        yield io.BytesIO(data)
        return
    path = Path(wishes.path)
    _require_regular_file(path, wishes)
    try:
        file = path.open("rb")
    except OSError as error:
        raise wishes.error(f"the file cannot be opened ({error.strerror})") from error
    with file:
        yield file


def _require_regular_file(path: Path, wishes: _Wishes) -> None:
    """Refuse what would block, never end, or is not there, before it is opened."""
    expected = "a picture"
    if not wishes.path:
        raise wishes.error("an empty name", expected)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        if path.is_symlink():
            raise wishes.error("a link to a file that does not exist", expected) from error
        raise wishes.error("no such file", expected) from error
    except (OSError, ValueError) as error:
        raise wishes.error(f"the file cannot be opened ({getattr(error, 'strerror', error)})", expected) from error
    if stat.S_ISDIR(mode):
        raise wishes.error("a folder", expected)
    if not stat.S_ISREG(mode):
        raise wishes.error("not a regular file (a pipe, device or socket)", expected)


def _decode(file: BinaryIO, wishes: _Wishes) -> np.ndarray:
    head = file.read(HEAD)
    name = recognise(head)
    if name is None:
        kind = (describe(head) or "a file of an unknown kind") if head else "an empty file"
        raise wishes.error(kind, f"an image ({', '.join(FORMATS[:-1])} or {FORMATS[-1]})")
    image = _header(file, name, wishes)
    width, height = image.size
    if width * height > wishes.maximum_pixels:
        raise wishes.error(
            f"{width}x{height} = {width * height} pixels",
            f"at most {wishes.maximum_pixels}",
            "Shrink the picture, or raise the limit with --max-pixels (maximum_pixels=)",
        )
    if _holds_several(image):
        wishes.notice("several pictures in one file: the first one is used")
    turned_by_pillow = _orientation(image, wishes) if name == "TIFF" else 1
    loaded = _load(image, file, name, wishes)
    if name == "TIFF":
        upright = loaded if wishes.exif else _turned(loaded, _BACK.get(turned_by_pillow, turned_by_pillow))
    else:
        upright = _turned(loaded, _orientation(loaded, wishes)) if wishes.exif else loaded
    return pixels_of(_true_colours(upright, name), wishes.channels, bits_of(loaded))


def _header(file: BinaryIO, name: str, wishes: _Wishes) -> ImageFile:
    """The picture, not yet decoded."""
    try:
        return open_header(file, name, wishes.channels)
    except Exception as error:
        _require_damage(error)
        variant = jpeg_variant(file) if name == "JPEG" else None
        if variant is not None:
            raise wishes.error(f"{variant}, which cannot be decoded here", remedy="Save it as a PNG") from error
        reason = _reason(error)
        if "not identified by this driver" in reason:
            reason = "0 pixels, or no usable kind of pixels"
        raise wishes.error(f"a {name} file whose header is damaged or cut short ({reason})") from error


def _holds_several(image: ImageFile) -> bool:
    """Whether another picture follows the first one, whole or not."""
    try:
        return getattr(image, "is_animated", False)
    except Exception as error:  # it was begun, and Pillow stumbled over it
        _require_damage(error)
        return True


def _load(image: ImageFile, file: BinaryIO, name: str, wishes: _Wishes) -> ImageFile:
    """Decode the pixels; where they are damaged, what there is of them if that is wished."""
    try:
        image.load()
        return image
    except Exception as error:
        _require_damage(error)
        found = f"the picture is damaged or cut short ({_reason(error)})"
        if not wishes.allow_damaged:
            remedy = "Get the file again, or use what can be read of it with --allow-damaged (allow_damaged=True)"
            raise wishes.error(found, remedy=remedy) from error
        try:
            rescued = _rescued(image, file, name, wishes.channels)
        except Exception as second:
            raise wishes.error(f"{found}, and nothing of it can be read") from second
    wishes.notice(f"{found}: only a part of it is used")
    return rescued


def _rescued(image: ImageFile, file: BinaryIO, name: str, channels: int) -> ImageFile:
    """What can be had of a damaged picture: the rest is black, or grey in a JPEG. Raises if there is nothing."""
    if name == "JPEG":
        file.seek(0)
        image = open_header(io.BytesIO(file.read() + _END_OF_JPEG), name, channels)
    elif name in _READ_ROW_BY_ROW:
        image.tile = []  # nothing more to decode: the rows so far are the picture
    image.load()
    return image


def _orientation(image: Image, wishes: _Wishes) -> int:
    """The EXIF orientation, 1 (upright) where there is none or it cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception as error:
        _require_damage(error)
        wishes.notice(f"the EXIF data is damaged ({_reason(error)}), so the picture is not turned")
        return 1


_BACK = {6: 8, 8: 6}  # the other ways of turning undo themselves


def _turned(image: Image, orientation: int) -> Image:
    """The picture after the turn that an EXIF orientation of 1 to 8 asks for."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _true_colours(image: Image, name: str) -> Image:
    """CMYK of a JPEG is stored inverted by Adobe's programs only; Pillow takes every one as inverted."""
    if name == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info:
        from PIL.ImageChops import invert

        return invert(image)
    return image
