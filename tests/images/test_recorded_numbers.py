"""Pictures against numbers that the C program computed (`tests/golden/images.*`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darknetpy.images.crop import center_crop, crop
from darknetpy.images.decode import read_picture
from darknetpy.images.preprocess import prepare
from darknetpy.images.resize import GREY, embed, letterbox, resize, resize_max, resize_min

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
CASES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "images.json").read_text())
OPERATIONS: dict[str, Callable[..., np.ndarray]] = {
    "resize": resize,
    "letterbox": letterbox,
    "resize_min": resize_min,
    "resize_max": resize_max,
    "crop": crop,
    "center_crop": center_crop,
    "embed": embed,
    "classifier_pj": lambda picture, width, height: prepare(picture, width, height, "crop"),
}
TOLERANCE = 1e-6
JPEG_TOLERANCE = 3  # levels; the two decoders round differently


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "images.npz") as stored:
        return dict(stored)


def cases(*operations: str, quirk: bool = False) -> list[str]:
    return [
        name
        for name, case in CASES.items()
        if case["op"] in operations and ("quirk" in case) == quirk and "crash" not in case
    ]


def both_layouts(name: str, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    planes = arrays[f"{name}_in"]
    return [np.ascontiguousarray(planes.transpose(1, 2, 0)), (planes / 255).astype(np.float32)]


@pytest.mark.parametrize("name", [name for name in cases(*OPERATIONS) if name != "letterbox_too_thin"])
def test_geometry_gives_the_numbers_of_the_c_program(name: str, arrays: dict[str, np.ndarray]) -> None:
    for picture in both_layouts(name, arrays):
        ours = OPERATIONS[CASES[name]["op"]](picture, *CASES[name]["args"])
        assert ours.dtype == np.float32
        assert ours.shape == arrays[f"{name}_out"].shape
        assert np.abs(ours - arrays[f"{name}_out"]).max() <= TOLERANCE


@pytest.mark.parametrize("name", cases(*OPERATIONS, quirk=True))
def test_a_last_row_that_the_c_program_leaves_black_is_the_last_source_row(
    name: str, arrays: dict[str, np.ndarray]
) -> None:
    recorded = arrays[f"{name}_out"]
    for picture in both_layouts(name, arrays):
        ours = OPERATIONS[CASES[name]["op"]](picture, *CASES[name]["args"])
        differing = np.unique(np.nonzero(np.abs(ours - recorded) > TOLERANCE)[1])
        assert len(differing) == 1  # that row and nothing else
        last_source_row = (arrays[f"{name}_in"] / 255).astype(np.float32)[:, -1:]
        wanted = resize(np.ascontiguousarray(last_source_row), recorded.shape[2], 1)[:, 0]
        assert np.abs(ours[:, differing[0]] - wanted).max() <= TOLERANCE


def test_a_letterboxed_picture_too_thin_for_a_row_still_has_one(arrays: dict[str, np.ndarray]) -> None:
    assert (arrays["letterbox_too_thin_out"] == GREY).all()  # the C program shows nothing of it
    for picture in both_layouts("letterbox_too_thin", arrays):
        ours = letterbox(picture, *CASES["letterbox_too_thin"]["args"])
        rows = np.unique(np.nonzero(ours != GREY)[1])
        first_row = (arrays["letterbox_too_thin_in"] / 255).astype(np.float32)[:, :1]
        assert rows.tolist() == [11]
        assert np.abs(ours[:, 11] - resize(np.ascontiguousarray(first_row), 24, 1)[:, 0]).max() <= TOLERANCE


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "crash" in case])
def test_a_height_of_one_at_which_the_c_program_crashes_is_the_first_row(name: str) -> None:
    picture = np.arange(7 * 9 * 3, dtype=np.uint8).reshape(7, 9, 3)
    ours = resize(picture, *CASES[name]["args"])
    wanted = resize(np.ascontiguousarray(picture[:1]), *CASES[name]["args"])
    assert np.array_equal(ours, wanted)
    assert np.abs(ours[:, 0, -1] - picture[0, -1] / 255).max() <= TOLERANCE


LOSSLESS = {
    "rgb.png": "RGB", "grey.png": "L", "rgba.png": "RGBA", "rgb.bmp": "RGB", "grey16.png": "I;16",
    "palette.png": "P", "rgb.gif": "P",
}  # fmt: skip


def redrawn(file: str, pixels: np.ndarray, folder: Path) -> Path:
    """A file of the same kind with the recorded pixels (c, h, w); their low bytes, where it has some, are noise."""
    values = pixels.transpose(1, 2, 0).squeeze()
    if LOSSLESS[file] == "I;16":
        values = values.astype(np.uint16) * 256 + np.arange(values.size, dtype=np.uint16).reshape(values.shape) % 256
    image = Image.fromarray(values)
    if LOSSLESS[file] == "P":
        image = image.quantize(256)
        assert np.array_equal(np.asarray(image.convert("RGB")), values)  # few enough colours to keep all
    image.save(folder / file)
    return folder / file


@pytest.mark.parametrize("name", [name for name in cases("load_image") if CASES[name]["file"] in LOSSLESS])
def test_files_without_loss_decode_to_the_bytes_of_the_c_program(
    name: str, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    case = CASES[name]
    recorded = arrays[f"{name}_out"]
    as_stored = arrays.get(name[: name.rindex("_c")] + "_c0_out", recorded)
    path = redrawn(case["file"], as_stored, tmp_path)
    ours = read_picture(path, channels=case["channels"] or len(recorded))
    assert np.array_equal(ours, recorded.transpose(1, 2, 0))


@pytest.mark.parametrize("name", cases("load_image"))
def test_the_recorded_files_decode_as_in_the_c_program(name: str, arrays: dict[str, np.ndarray], shared: Path) -> None:
    case = CASES[name]
    recorded = arrays[f"{name}_out"]
    path = shared / "golden" / "images" / case["file"]
    ours = read_picture(path, channels=case["channels"] or len(recorded), exif=False)
    difference = np.abs(ours.astype(int) - recorded.transpose(1, 2, 0))
    assert difference.max() <= (JPEG_TOLERANCE if path.suffix == ".jpg" else 0)
    assert difference.mean() < 0.1
