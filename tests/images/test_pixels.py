from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from darknetpy.errors import ImageError
from darknetpy.images.decode import read_picture
from darknetpy.images.pixels import STRIP, pixels_of


def tiff(values: bytes, width: int, height: int, bits: int, orientation: int = 1) -> bytes:
    """A grey little-endian TIFF made by hand."""
    tags = [
        (256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8),
        (274, 3, orientation), (277, 3, 1), (278, 3, height), (279, 4, len(values)),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(values)) + values + directory


def test_twelve_bits_lose_their_four_low_bits() -> None:
    samples = [0x000, 0xFFF, 0x123, 0x80F]
    packed = bytes([0x00, 0x0F, 0xFF, 0x12, 0x38, 0x0F])
    for orientation, exif in ((1, True), (2, False)):
        picture = read_picture(tiff(packed, 4, 1, 12, orientation), exif=exif)
        assert picture[0, :, 0].tolist() == [sample >> 4 for sample in samples]


@pytest.mark.parametrize("kind", ["PPM", "PNG", "TIFF"])
def test_sixteen_bits_lose_their_low_byte(kind: str) -> None:
    values = np.arange(0, 65536, 37, dtype=np.uint16)[:1768].reshape(34, 52)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind)
    for channels in (1, 3):
        picture = read_picture(stream.getvalue(), channels=channels)
        assert np.array_equal(picture, np.repeat(values[..., np.newaxis] >> 8, channels, axis=2))


def test_floats_are_rounded_to_the_nearest_level() -> None:
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 0.5 / 255 + 1e-4, 0.999, 1]], np.float32)).save(stream, "TIFF")
    assert read_picture(stream.getvalue(), channels=1).ravel().tolist() == [0, 1, 255, 255]


@pytest.mark.parametrize("height", [1, STRIP - 1, STRIP, STRIP + 1, 3 * STRIP + 5])
@pytest.mark.parametrize("mode", ["L", "RGB", "P", "CMYK"])
def test_pictures_of_any_height_are_converted_whole(mode: str, height: int) -> None:
    values = np.random.default_rng(height).integers(0, 256, (height, 7, 3), dtype=np.uint8)
    image = Image.fromarray(values).convert(mode)
    assert np.array_equal(pixels_of(image, 3, None), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_associated_opacity_is_divided_out(mode: str) -> None:
    plain = Image.new("LA" if mode == "La" else "RGBA", (3, 2), (200, 128) if mode == "La" else (200, 100, 50, 128))
    colours = pixels_of(plain.convert(mode), 3, None).astype(int)
    assert np.abs(colours - (200 if mode == "La" else np.array([200, 100, 50]))).max() <= 1


@pytest.mark.parametrize("mode", ["LAB", "HSV", "I"])
def test_other_kinds_of_pixels_are_refused_by_name(mode: str) -> None:
    with pytest.raises(ImageError, match=r"mode (HSV|I)|L\*a\*b\*"):
        pixels_of(Image.new(mode, (3, 2)), 3, None)
