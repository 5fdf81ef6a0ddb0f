"""Every row IMG-... of the catalogue of bad inputs, through the functions that read pictures.

(IMG-029, a picture that changes while it is read, is not handled and has no test.)
"""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from darknetpy.errors import Findings, ImageError
from darknetpy.images.arrays import picture_from_array
from darknetpy.images.decode import read_picture
from darknetpy.images.preprocess import PREPROCESSES, prepare

HEIGHT, WIDTH = 24, 36
JPEG = {"quality": 100, "subsampling": 0}


def colours() -> np.ndarray:
    """(24, 36, 3) uint8: three smooth ramps without any symmetry."""
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([column * 7, row * 10, 255 - row * 5 - column * 3], axis=2).astype(np.uint8)


def grey() -> np.ndarray:
    return colours()[..., 0]


def wide_grey() -> np.ndarray:
    """The same in 16 bits, with low bytes of 0."""
    return grey().astype(np.uint16) * 256


def file_of(image: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    """An array or image as the bytes of a file."""
    stream = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(stream, kind, **options)
    return stream.getvalue()


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and holds none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def frame_of(jpeg: bytes) -> int:
    """Where the frame header (SOF0) of a JPEG begins."""
    return jpeg.index(b"\xff\xc0")


def huge_jpeg() -> bytes:
    data = bytearray(file_of(colours(), "JPEG"))
    data[frame_of(data) + 5 : frame_of(data) + 9] = b"\xff\xff\xff\xff"
    return bytes(data)


def twelve_bit_jpeg() -> bytes:
    data = bytearray(file_of(colours(), "JPEG"))
    data[frame_of(data) + 4] = 12
    return bytes(data)


def jpeg_ls() -> bytes:
    return file_of(colours(), "JPEG").replace(b"\xff\xc0", b"\xff\xf7", 1)


REFUSED: list[tuple[str, str, bytes | None, str]] = [
    ("IMG-001", "missing.jpg", None, "no such file, expected a picture"),
    ("IMG-002", "empty.jpg", b"", "an empty file, expected an image"),
    ("IMG-003", "page.jpg", b"<!DOCTYPE html>\n<html><body>404</body></html>", "an HTML page"),
    ("IMG-003", "text.jpg", b"no picture, only words\r\n", "text, expected an image"),
    ("IMG-003", "pointer.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
    ("IMG-004", "half.jpg", half(file_of(colours(), "JPEG", quality=95)), "damaged or cut short"),
    ("IMG-005", "half.png", half(file_of(colours(), "PNG")), "damaged or cut short"),
    ("IMG-022", "bomb.png", png_header(30000, 30000), "30000x30000 = 900000000 pixels, expected at most 178000000"),
    ("IMG-023", "nothing.png", png_header(0, 0), "0 pixels"),
    ("IMG-024", "huge.jpg", huge_jpeg(), "65535x65535 = 4294836225 pixels, expected at most 178000000"),
    ("IMG-035", "twelve.jpg", twelve_bit_jpeg(), "a JPEG picture of 12 bits a sample"),
    ("IMG-035", "scan.jpg", jpeg_ls(), "a JPEG-LS picture"),
    ("IMG-035", "phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(80), "a HEIC picture, expected an image"),
]


@pytest.mark.parametrize(
    ("name", "content", "message"), [pytest.param(*row[1:], id=f"{row[0]}-{row[1]}") for row in REFUSED]
)
def test_what_is_no_usable_picture_is_an_error(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_picture(path)
    assert caught.value.path == str(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", [pytest.param("JPEG", id="IMG-004"), pytest.param("PNG", id="IMG-005")])
def test_a_truncated_picture_is_used_when_damaged_ones_are_allowed(kind: str) -> None:
    whole = file_of(colours(), kind, **(JPEG if kind == "JPEG" else {"compress_level": 0}))
    data = whole[: len(whole) * 4 // 5]
    with pytest.raises(ImageError, match="--allow-damaged"):
        read_picture(data)
    findings = Findings()
    picture = read_picture(data, allow_damaged=True, findings=findings)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(picture[:8].astype(int) - colours()[:8]).max() <= 3
    assert "only a part of it is used" in str(findings.warnings[0])


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("folder.jpg", id="IMG-007"),
        pytest.param("pipe.jpg", id="IMG-028-FIFO"),
        pytest.param("/dev/zero", id="IMG-028-device"),
        pytest.param("link.jpg", id="IMG-028-broken link"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
def test_only_regular_files_are_opened(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match=r"a folder|not a regular file|a link to a file that does not exist"):
        read_picture(tmp_path / place)


def cmyk_jpeg(adobe: bool) -> bytes:
    """Red, green, blue, black and white fields. Without Adobe's marker the values are stored as they are."""
    ink = np.zeros((16, 80, 4), np.uint8)
    ink[:, 0:16] = 0, 255, 255, 0
    ink[:, 16:32] = 255, 0, 255, 0
    ink[:, 32:48] = 255, 255, 0, 0
    ink[:, 48:64] = 0, 0, 0, 255
    if adobe:
        return file_of(Image.frombytes("CMYK", (80, 16), ink.tobytes()), "JPEG", **JPEG)
    data = file_of(Image.frombytes("CMYK", (80, 16), (255 - ink).tobytes()), "JPEG", **JPEG)
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def cmyk_colours() -> np.ndarray:
    fields = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0], [255, 255, 255]], np.uint8)
    return np.broadcast_to(fields.repeat(16, axis=0), (16, 80, 3))


def with_opacity(values: np.ndarray) -> np.ndarray:
    """The picture with an opacity that falls to nothing, and must not matter."""
    opacity = np.linspace(255, 0, values.shape[1]).astype(np.uint8)
    return np.dstack([values, np.broadcast_to(opacity, values.shape[:2])])


def palette() -> Image.Image:
    image = Image.fromarray(colours() & 0xC0).quantize(64)
    image.info["transparency"] = bytes(range(64))
    return image


def sixteen_bit_rgb_png() -> bytes:
    """Pillow writes none: made by hand, low bytes filled."""
    wide = (colours().astype(np.uint16) * 256 + 0xAB).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def replicated(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., np.newaxis], 3, axis=2)


ACCEPTED: list[tuple[str, str, Callable[[], bytes], Callable[[], np.ndarray], int]] = [
    ("IMG-006", "png.jpg", lambda: file_of(colours(), "PNG"), colours, 0),
    ("IMG-008", "grey.jpg", lambda: file_of(grey(), "JPEG", **JPEG), lambda: replicated(grey()), 3),
    ("IMG-009", "adobe.jpg", lambda: cmyk_jpeg(True), cmyk_colours, 3),
    ("IMG-009", "plain.jpg", lambda: cmyk_jpeg(False), cmyk_colours, 3),
    ("IMG-010", "palette.png", lambda: file_of(palette(), "PNG"), lambda: colours() & 0xC0, 0),
    ("IMG-010", "bits.png", lambda: file_of(grey() > 99, "PNG"), lambda: replicated((grey() > 99) * np.uint8(255)), 0),
    ("IMG-011", "rgba.png", lambda: file_of(with_opacity(colours()), "PNG"), colours, 0),
    ("IMG-011", "la.png", lambda: file_of(with_opacity(grey()), "PNG"), lambda: replicated(grey()), 0),
    ("IMG-012", "grey.png", lambda: file_of(wide_grey() + 255, "PNG"), lambda: replicated(grey()), 0),
    ("IMG-012", "rgb.png", sixteen_bit_rgb_png, colours, 0),
    ("IMG-013", "float.tif", lambda: file_of((grey() / 255).astype(np.float32), "TIFF"), lambda: replicated(grey()), 0),
    ("IMG-013", "i16.tif", lambda: file_of(wide_grey(), "TIFF"), lambda: replicated(grey()), 0),
    ("IMG-013", "i16.pgm", lambda: file_of(wide_grey(), "PPM"), lambda: replicated(grey()), 0),
    ("IMG-015", "web.webp", lambda: file_of(colours(), "WEBP", lossless=True), colours, 0),
    ("IMG-016", "plain.tif", lambda: file_of(colours(), "TIFF"), colours, 0),
    ("IMG-016", "packed.tif", lambda: file_of(colours(), "TIFF", compression="tiff_lzw"), colours, 0),
    ("IMG-017", "b.bmp", lambda: file_of(colours(), "BMP"), colours, 0),
    ("IMG-017", "p.ppm", lambda: file_of(colours(), "PPM"), colours, 0),
    ("IMG-017", "t.tga", lambda: file_of(colours(), "TGA"), colours, 0),
    ("IMG-017", "r.tga", lambda: file_of(colours(), "TGA", compression="tga_rle"), colours, 0),
    ("IMG-018", "p.jpg", lambda: file_of(colours(), "JPEG", progressive=True, **JPEG), colours, 3),
    ("IMG-019", "turned.jpg", lambda: file_of(np.rot90(colours()), "JPEG", exif=exif(6), **JPEG), colours, 3),
    ("IMG-025", "two words ñ 猫.png", lambda: file_of(colours(), "PNG"), colours, 0),
    ("IMG-026", "line\nbreak\ttab\x1b[2J.png", lambda: file_of(colours(), "PNG"), colours, 0),
    ("IMG-027", "/".join(["long" * 20] * 4) + ".png", lambda: file_of(colours(), "PNG"), colours, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "wanted", "tolerance"),
    [pytest.param(*row[1:], id=f"{row[0]}-{row[1][:12]!a}") for row in ACCEPTED],
)
def test_unusual_but_whole_pictures_are_read_silently(
    name: str, content: Callable[[], bytes], wanted: Callable[[], np.ndarray], tolerance: int, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content())
    findings = Findings()
    picture = read_picture(path, findings=findings)
    assert picture.dtype == np.uint8
    assert picture.shape == wanted().shape
    assert np.abs(picture.astype(int) - wanted()).max() <= tolerance
    assert findings.warnings == []


@pytest.mark.parametrize("name", [pytest.param("line\nbreak\x1b[2J.png", id="IMG-026")])
def test_names_are_shown_escaped(name: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        read_picture(tmp_path / name)
    assert "line\\nbreak\\x1b[2J.png: no such file" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            np.full((4, 5), 300, np.float32), "values from 300 to 300, expected values in 0..1", id="IMG-013-F"
        ),
        pytest.param(np.full((4, 5), np.nan, np.float32), "mode F", id="IMG-013-NaN"),
        pytest.param(np.full((4, 5), 70000, np.int32), "mode I", id="IMG-013-I"),
    ],
)
def test_pixels_without_a_plain_meaning_are_refused_by_name(values: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_picture(file_of(values, "TIFF"))
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=f"IMG-014-{kind}") for kind in ("GIF", "PNG", "TIFF", "WEBP")])
def test_of_several_pictures_the_first_is_used_with_a_warning(kind: str) -> None:
    first, second = Image.new("RGB", (5, 4), (0, 128, 255)), Image.new("RGB", (5, 4), (255, 0, 0))
    options = {"lossless": True} if kind == "WEBP" else {}
    findings = Findings()
    picture = read_picture(file_of(first, kind, save_all=True, append_images=[second], **options), findings=findings)
    assert (picture == (0, 128, 255)).all()
    assert "the first one is used" in str(findings.warnings[0])


@pytest.mark.parametrize("size", [pytest.param((1, 1), id="IMG-020"), pytest.param((20000, 1), id="IMG-021")])
@pytest.mark.parametrize("how", PREPROCESSES)
def test_extreme_shapes_fit_any_network(size: tuple[int, int], how: str) -> None:
    picture = read_picture(file_of(Image.new("RGB", size, (255, 0, 51)), "PNG"))
    prepared = prepare(picture, 32, 24, how)
    covered = prepared[:, 11, 15]  # the middle
    assert np.abs(covered - np.float32([1, 0, 0.2])).max() < 1e-6
    assert np.isfinite(prepared).all()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"exif": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xee" * 40}, id="IMG-030-EXIF"),
        pytest.param({"exif": b"Exif\0\0no such thing"}, id="IMG-030-EXIF-text"),
        pytest.param({"icc_profile": b"\xff" * 200}, id="IMG-030-ICC"),
    ],
)
@pytest.mark.parametrize("filters", ["default", "error"])
def test_damaged_extras_do_not_spoil_a_good_picture(options: dict[str, bytes], filters: str) -> None:
    findings = Findings()
    with warnings.catch_warnings():
        warnings.simplefilter(filters)
        picture = read_picture(file_of(colours(), "JPEG", **JPEG, **options), findings=findings)
    assert np.abs(picture.astype(int) - colours()).max() <= 3
    assert len(findings.warnings) <= 3


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.full((4, 5, 3), np.nan, np.float32), id="IMG-031-NaN"),
        pytest.param(np.full((4, 5, 3), np.inf, np.float32), id="IMG-031-inf"),
        pytest.param(np.zeros((3, 40, 50), np.float32), id="IMG-032-planes"),
        pytest.param(np.zeros((4, 5, 2), np.uint8), id="IMG-032-two channels"),
        pytest.param(np.zeros((4, 5, 3), np.int64), id="IMG-032-int64"),
        pytest.param(np.zeros((0, 5, 3), np.uint8), id="IMG-032-no pixels"),
        pytest.param(np.zeros(5, np.uint8), id="IMG-032-one axis"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused_with_shape_and_dtype(array: np.ndarray) -> None:
    with pytest.raises(ImageError) as caught:
        picture_from_array(array)
    assert str(array.shape) in str(caught.value)
    assert str(array.dtype) in str(caught.value)


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        pytest.param(colours(), colours(), id="IMG-032-RGB"),
        pytest.param(with_opacity(colours()), colours(), id="IMG-032-RGBA"),
        pytest.param(grey(), replicated(grey()), id="IMG-032-grey"),
    ],
)
def test_documented_arrays_are_pictures(array: np.ndarray, wanted: np.ndarray) -> None:
    assert np.array_equal(picture_from_array(array), wanted)


@pytest.mark.parametrize(
    "error", [pytest.param(error, id=f"IMG-033-{error.__name__}") for error in (MemoryError, UserWarning, KeyError)]
)
def test_whatever_the_decoder_raises_concerns_this_picture_only(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(file_of(colours(), "JPEG"))

    def fail(image: object) -> None:
        raise error("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(JpegImagePlugin.JpegImageFile, "load", fail)
        with pytest.raises(ImageError) as caught:
            read_picture(path)
    assert caught.value.path == str(path)
    assert read_picture(path).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(("name", "channels"), [pytest.param("la.png", 1, id="IMG-034")])
def test_grey_with_opacity_is_grey_for_a_network_of_one_channel(name: str, channels: int, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(file_of(with_opacity(grey()), "PNG"))
    assert np.array_equal(read_picture(tmp_path / name, channels=channels)[..., 0], grey())
