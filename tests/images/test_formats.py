from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from darknetpy.images.formats import EXTENSIONS, FORMATS, HEAD, describe, jpeg_variant, recognise

PICTURE = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3))


def head_of(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    PICTURE.save(stream, kind, **options)
    return stream.getvalue()[:HEAD]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_recognised_by_its_content(name: str) -> None:
    assert recognise(head_of(name)) == name


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_all_kinds_of_ppm_are_recognised(mode: str) -> None:
    stream = io.BytesIO()
    PICTURE.convert(mode).save(stream, "PPM")
    assert recognise(stream.getvalue()) == "PPM"
    assert recognise(b"P3\n1 1\n255\n1 2 3\n") == "PPM"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA"])
def test_all_kinds_of_tga_are_recognised(mode: str) -> None:
    stream = io.BytesIO()
    PICTURE.convert(mode).save(stream, "TGA")
    assert recognise(stream.getvalue()) == "TGA"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0", "a HEIC picture"),
        (b"\0\0\0\x1cftypisom\0\0\0\0", "a video"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\xff\x0a\0\0", "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"8BPS\0\1", "a Photoshop picture"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "an SVG drawing"),
        (b"\xef\xbb\xbf  <!doctype HTML>", "an HTML page (did a download fail?)"),
        (b"%PDF-1.7", "a PDF document"),
        ("Grüße\n".encode(), "text"),
        (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
    ],
)
def test_what_is_no_usable_picture_is_named(head: bytes, kind: str) -> None:
    assert recognise(head) is None
    assert describe(head) == kind


@pytest.mark.parametrize("head", [b"", b"\0", b"\0" * 100, b"\xfe" * 100, bytes(range(256))])
def test_what_is_nothing_known_is_nothing(head: bytes) -> None:
    assert recognise(head) is None
    assert describe(head) is None


@pytest.mark.parametrize(
    ("frame", "precision", "kind"),
    [
        (0xC0, 8, None),
        (0xC2, 8, None),
        (0xC1, 12, "a JPEG picture of 12 bits a sample"),
        (0xC3, 8, "a lossless or hierarchical JPEG picture"),
        (0xC5, 8, "a lossless or hierarchical JPEG picture"),
        (0xF7, 8, "a JPEG-LS picture"),
    ],
)
def test_rare_kinds_of_jpeg_are_named(frame: int, precision: int, kind: str | None) -> None:
    table, comment = b"\xff\xc4\0\x05abc", b"\xff\xfe\0\x04\xff\xc3"
    head = b"\xff\xd8" + comment + table + bytes([0xFF, frame, 0, 11, precision]) + bytes(8)
    assert jpeg_variant(io.BytesIO(head)) == kind
    assert jpeg_variant(io.BytesIO(head[:12])) is None


def test_extensions_are_lower_case_with_their_dot() -> None:
    assert all(extension == extension.lower() and extension.startswith(".") for extension in EXTENSIONS)
    assert {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".tga", ".webp", ".tif", ".tiff"} <= EXTENSIONS
