"""tools/unpack_mnist.py: pictures in folders, of whole files only."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.unpack_mnist import KINDS, LEAST_CONTRAST, SEED, inked, main, read_idx

pytestmark = pytest.mark.quick
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
LABELS = np.array([7, 0, 7], np.uint8)


def written(folder: Path) -> Path:
    """The four files of a tiny set."""
    for prefix in ("train", "t10k"):
        for kind, array in (("images", IMAGES), ("labels", LABELS)):
            magic, dimensions = KINDS[kind]
            header = np.array([magic, *array.shape], ">u4").tobytes()
            path = folder / f"{prefix}-{kind}-idx{dimensions}-ubyte.gz"
            path.write_bytes(gzip.compress(header + array.tobytes()))
    return folder


def test_each_picture_goes_to_the_folder_of_its_digit(tmp_path: Path) -> None:
    assert main([str(written(tmp_path)), "--out", str(tmp_path / "out")]) == 0
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png"))
    assert found == [f"{part}/{name}.png" for part in ("train", "valid") for name in ("0/00001", "7/00000", "7/00002")]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/train/7/00002.png")), IMAGES[2])


def test_other_inks_are_learnt_from_only(tmp_path: Path) -> None:
    main([str(written(tmp_path)), "--out", str(tmp_path / "out"), "--inks"])
    inks = sorted((tmp_path / "out").rglob("*-ink.png"))
    assert [path.relative_to(tmp_path / "out").as_posix() for path in inks] == [
        "train/0/00001-ink.png", "train/7/00000-ink.png", "train/7/00002-ink.png",
    ]  # fmt: skip
    again = np.random.default_rng(SEED)
    expected = [inked(image, again) for image in IMAGES]
    np.testing.assert_array_equal(np.asarray(Image.open(inks[0])), expected[1])


def test_an_ink_can_be_told_from_its_paper_and_keeps_the_shape() -> None:
    random, ramp = np.random.default_rng(1), np.arange(0, 256, 5, dtype=np.uint8).reshape(4, 13)
    lighter = set()
    for _ in range(50):
        values = inked(ramp, random).astype(float).ravel()
        lighter.add(bool(values[-1] > values[0]))
        assert abs(values[-1] - values[0]) >= LEAST_CONTRAST - 1
        assert np.abs(np.corrcoef(values, ramp.ravel())[0, 1]) > 0.999
    assert lighter == {True, False}


def test_other_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path)
    with pytest.raises(ValueError, match="not the labels of MNIST"):
        read_idx(folder / "train-images-idx3-ubyte.gz", "labels")
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x03"))
    assert main([str(folder), "--out", str(tmp_path / "out")]) == 1
    assert "unpack_mnist" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 1
