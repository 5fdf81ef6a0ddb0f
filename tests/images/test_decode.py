from __future__ import annotations

import io
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darknetpy.errors import DarknetpyWarning, Findings, ImageError
from darknetpy.images.decode import read_picture

KINDS = ["JPEG", "PNG", "BMP", "GIF", "PPM", "TGA", "WEBP", "TIFF"]


def ramp(height: int = 17, width: int = 23) -> np.ndarray:
    row, column = np.mgrid[0:height, 0:width]
    return np.stack([column * 11, row * 15, row * 7 + column * 5], axis=2).astype(np.uint8)


def file_of(values: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    (Image.fromarray(values) if isinstance(values, np.ndarray) else values).save(stream, kind, **options)
    return stream.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """What the eight orientations mean: 2, 3, 4 mirror and turn by half, 5 to 8 exchange rows and columns."""
    return {
        1: values,
        2: values[:, ::-1],
        3: values[::-1, ::-1],
        4: values[::-1],
        5: values.transpose(1, 0, 2),
        6: np.rot90(values, -1),
        7: values[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(values),
    }[orientation]


@pytest.mark.parametrize("source", ["path", "text", "bytes", "file"])
def test_a_picture_comes_from_a_path_bytes_or_an_open_file(source: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(file_of(ramp(), "PNG"))
    with path.open("rb") as file:
        given = {"path": path, "text": str(path), "bytes": path.read_bytes(), "file": file}[source]
        picture = read_picture(given)
    assert np.array_equal(picture, ramp())
    assert picture.flags.writeable
    assert picture.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_the_exif_orientation_is_applied_unless_told_otherwise(kind: str, orientation: int) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = file_of(ramp(), kind, exif=exif(orientation), **options)
    assert np.array_equal(read_picture(data), upright(ramp(), orientation))
    assert np.array_equal(read_picture(data, exif=False), ramp())


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "L", "P"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_file_gives_the_channels_asked_for(kind: str, channels: int) -> None:
    values = ramp() & 0xC0
    opaque = Image.fromarray(values)
    image = opaque.quantize(64) if kind == "P" else opaque.convert(kind)
    picture = read_picture(file_of(image, "PNG"), channels=channels)
    red, green, blue = (np.asarray(image.convert("RGB"))[..., k].astype(int) for k in range(3))
    if channels == 1:
        assert np.array_equal(picture[..., 0], (77 * red + 150 * green + 29 * blue) // 256)
    else:
        wanted = np.stack([red, green, blue, np.full_like(red, 255)][:channels], axis=2)
        assert np.array_equal(picture, wanted)


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P"])
def test_opacity_is_the_fourth_channel_and_nothing_else(kind: str) -> None:
    opacity = np.linspace(0, 255, ramp().shape[1]).astype(np.uint8)
    if kind == "P":
        image = Image.fromarray(np.broadcast_to(np.arange(23, dtype=np.uint8), (17, 23)).copy())
        image.putpalette(np.repeat(np.arange(23, dtype=np.uint8) * 9, 3).tobytes())
        data = file_of(image, "PNG", transparency=opacity.tobytes())
        colours = np.broadcast_to(np.arange(23)[:, np.newaxis] * 9, (17, 23, 3))
    else:
        values = ramp() if kind == "RGBA" else ramp()[..., :1]
        data = file_of(np.dstack([values, np.broadcast_to(opacity, (17, 23))]), "PNG")
        colours = np.broadcast_to(values, (17, 23, 3))
    picture = read_picture(data, channels=4)
    assert np.array_equal(picture[..., 3], np.broadcast_to(opacity, (17, 23)))
    assert np.array_equal(picture[..., :3], colours)
    assert np.array_equal(read_picture(data), colours)


@pytest.mark.parametrize("channels", [0, 2, 5])
def test_other_numbers_of_channels_are_refused(channels: int) -> None:
    with pytest.raises(ImageError, match=f"{channels} channels"):
        read_picture(file_of(ramp(), "PNG"), channels=channels)


@pytest.mark.parametrize("kind", KINDS)
def test_the_limit_of_pixels_is_exact_and_spares_the_decoder(kind: str) -> None:
    data = file_of(ramp(), kind)
    assert read_picture(data, maximum_pixels=17 * 23).shape == (17, 23, 3)
    with pytest.raises(ImageError, match=r"23x17 = 391 pixels, expected at most 390"):
        read_picture(data if kind == "WEBP" else data[:-4], maximum_pixels=17 * 23 - 1)


def test_the_limit_of_pixels_does_not_depend_on_the_one_of_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file_of(ramp(), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 195)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))
    findings = Findings()
    assert read_picture(data, findings=findings).shape == (17, 23, 3)
    assert findings.warnings == []
    assert Image.MAX_IMAGE_PIXELS == 195


def test_the_limit_of_pillow_is_named_where_it_cannot_be_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file_of(ramp(), "TIFF")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 195)
    with pytest.raises(ImageError, match=r"more pixels than Pillow allows.*PIL\.Image\.MAX_IMAGE_PIXELS"):
        read_picture(data, allow_damaged=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_is_read_or_an_error_of_its_own(kind: str, tmp_path: Path) -> None:
    data = file_of(ramp(), kind)
    path = tmp_path / "cut"
    refused = set()
    for length in {*range(0, len(data), max(1, len(data) // 60)), len(data) - 1}:
        path.write_bytes(data[:length])
        for allow_damaged in (False, True):
            try:
                picture = read_picture(path, allow_damaged=allow_damaged, findings=Findings())
            except ImageError as error:
                refused.add(error.path)
            else:
                assert picture.shape == (17, 23, 3)
    assert refused == {str(path)}


@pytest.mark.parametrize("kind", KINDS)
def test_random_damage_never_raises_anything_else(kind: str) -> None:
    rng = np.random.default_rng(5)
    whole = np.frombuffer(file_of(ramp(), kind), np.uint8)
    for _ in range(60):
        data = whole.copy()
        places = rng.integers(0, min(len(data), 300), 4)
        data[places] = rng.integers(0, 256, 4)
        try:
            picture = read_picture(data.tobytes(), findings=Findings(), maximum_pixels=1_000_000)
        except ImageError:
            continue
        assert picture.dtype == np.uint8


def test_a_second_picture_that_is_cut_short_does_not_spoil_the_first() -> None:
    frames = [Image.fromarray(ramp()).quantize(16), Image.new("RGB", (23, 17), (1, 2, 3)).quantize(16)]
    whole = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    first = np.asarray(frames[0].convert("RGB"))
    begin = whole.rindex(b",\0\0\0\0")
    for length in range(begin + 1, len(whole)):
        assert np.array_equal(read_picture(whole[:length], findings=Findings()), first)


def test_warnings_go_to_python_where_nobody_collects_them() -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    data = file_of(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    with pytest.warns(DarknetpyWarning, match="several pictures in one file") as caught:
        read_picture(data)
    assert caught[0].filename == __file__


def test_a_warning_is_an_error_in_strict_mode(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    path = tmp_path / "two.tif"
    path.write_bytes(file_of(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    with pytest.raises(ImageError, match="several pictures") as caught:
        read_picture(path, findings=Findings(strict=True))
    assert caught.value.path == str(path)


def test_many_threads_read_at_once_and_each_gets_its_own_warnings() -> None:
    good = file_of(ramp(), "JPEG")
    odd = file_of(ramp(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xee" * 40)
    wanted = read_picture(good)
    told: dict[int, int] = {}
    wrong: list[int] = []

    def read(index: int) -> None:
        findings = Findings()
        for _ in range(20):
            if not np.array_equal(read_picture(odd if index % 2 else good, findings=findings), wanted):
                wrong.append(index)
        told[index] = len(findings.warnings)

    filters, show = list(warnings.filters), warnings.showwarning
    threads = [threading.Thread(target=read, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [told[index] > 0 for index in range(6)] == [False, True] * 3
    assert (list(warnings.filters), warnings.showwarning) == (filters, show)


def test_real_photos_decode_whole(shared: Path) -> None:
    folder = shared / "data" / "images"
    for path in sorted(folder.glob("*_small.png")):
        picture = read_picture(path)
        assert np.array_equal(picture, np.asarray(Image.open(path).convert("RGB")))
    assert read_picture(folder / "dog.jpg").shape == (576, 768, 3)


@pytest.mark.parametrize(("path", "found"), [("", "an empty name"), ("a\0.jpg", "the file cannot be opened")])
def test_names_that_no_file_can_have_are_errors(path: str, found: str) -> None:
    with pytest.raises(ImageError, match=found):
        read_picture(path)
