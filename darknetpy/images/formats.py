"""Which kind of file holds a picture, judged by its first bytes and never by its name."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from darknetpy.config.file_kinds import describe_content

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

HEAD = 4096  # bytes that `recognise` and `describe` want to see
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TGA", "WebP", "TIFF")
EXTENSIONS = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm",
    ".tga", ".webp", ".tif", ".tiff",
})  # fmt: skip

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_OTHER_PICTURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop picture"),
    (b"qoif", "a QOI picture"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"\0\0\x01\0", "a Windows icon"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"\0\0\x01\xba", "an MPEG video"),
)
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_USUAL_JPEG_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # sequential and progressive; the others: lossless, hierarchical
_JPEG_LS_FRAME = 0xF7
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def recognise(head: bytes) -> str | None:
    """The one of `FORMATS` that a file with these first bytes is in, or None.

    >>> recognise(b"GIF89a...")
    'GIF'
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head[:1] == b"P" and head[1:2] in b"123456f" and head[2:3].isspace():
        return "PPM"
    if describe(head) is None and _may_be_targa(head):
        return "TGA"
    return None


def _may_be_targa(head: bytes) -> bool:
    """TGA files have no signature: every field of the header must make sense."""
    if len(head) < 18:
        return False
    map_type, image_type = head[1], head[2]
    width, height, depth = struct.unpack_from("<HHB", head, 12)
    return (
        map_type in (0, 1)
        and image_type in (1, 2, 3, 9, 10, 11)
        and head[7] in (0, 15, 16, 24, 32)
        and width > 0
        and height > 0
        and depth in (8, 15, 16, 24, 32)
    )


def describe(head: bytes) -> str | None:
    """What a file that is no usable picture is, as far as its first bytes tell, or None.

    >>> describe(b"....ftypheic")
    'a HEIC picture'
    """
    for signature, kind in _OTHER_PICTURES:
        if head.startswith(signature):
            return kind
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "an AVIF picture" if brand[:3] == b"avi" else "a HEIC picture" if brand in _HEIC_BRANDS else "a video"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "an AVI video"
    if b"<svg" in head[:1024].lower():
        return "an SVG drawing"
    known = describe_content(head)
    if known is None and _is_text(head):
        return "text"
    return known


def _is_text(head: bytes) -> bool:
    """Whether these bytes are printable ASCII or UTF-8 with line ends and tabs."""
    try:
        text = head[: HEAD - 4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character in "\r\n\t\f\ufeff" for character in text)


def jpeg_variant(file: BinaryIO) -> str | None:
    """Name the rare kind of JPEG in a file, or None for a usual one or where the file does not tell."""
    file.seek(2)
    while len(segment := file.read(4)) == 4 and segment[0] == 0xFF:
        marker, length = segment[1], int.from_bytes(segment[2:], "big")
        if marker == _JPEG_LS_FRAME:
            return "a JPEG-LS picture"
        if marker in _JPEG_FRAMES:
            precision = file.read(1)
            if precision not in (b"", b"\x08"):
                return f"a JPEG picture of {precision[0]} bits a sample"
            return None if marker in _USUAL_JPEG_FRAMES else "a lossless or hierarchical JPEG picture"
        file.seek(length - 2, 1)
    return None


def open_header(file: BinaryIO, name: str, channels: int) -> ImageFile:
    """Read the header of a file in that format (one of `FORMATS`); Pillow decodes the pixels on ``load()``.

    The classes themselves are used, because ``PIL.Image.open`` applies a limit of pixels that is one for the process.
    Where one channel is wanted, a JPEG is opened as its brightness alone, as stb_image decodes it.
    Raises whatever Pillow raises for a header that it cannot use.
    """
    from PIL import (
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        PpmImagePlugin,
        TgaImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    classes: dict[str, Callable[[BinaryIO, str], ImageFile]] = {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "PPM": PpmImagePlugin.PpmImageFile,
        "TGA": TgaImagePlugin.TgaImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
    }
    file.seek(0)
    image = classes[name](file, "")
    if name == "JPEG" and channels == 1:
        image.draft("L", None)
    return image
