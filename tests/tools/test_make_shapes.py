"""The drawn set: the same for the same seed, in the folders that training reads, and classes that differ."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.config.names import read_names
from darknetpy.config.shipped import shipped_networks
from darknetpy.errors import Findings
from darknetpy.training.dataset import read_dataset
from tests.source_code import ROOT
from tools.make_shapes import NAMES, PARTS, SHAPES, SMALLEST_CONTRAST, Pose, coverage, draw, draw_colours, draw_pose

PROGRAM = ROOT / "tools" / "make_shapes.py"
UPRIGHT = Pose(0.5, 0.5, 0.45, 1.0, 0.0)


def make(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, where nothing but NumPy and Pillow is at hand."""
    command = [sys.executable, "-P", str(PROGRAM), "--out", str(out), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=out.parent)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


@pytest.mark.quick
def test_the_set_is_one_that_can_be_trained_on(tmp_path: Path) -> None:
    out = tmp_path / "shapes"
    done = make(out, "--count", "3", "--validation", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{out}: 30 pictures in train, 20 others in valid\n"
    dataset = read_dataset(out)
    assert dataset.names == NAMES
    assert dataset.training is not None
    assert dataset.validation is not None
    assert dataset.training.counts(10).tolist() == [3] * 10
    assert dataset.validation.counts(10).tolist() == [2] * 10
    assert {Image.open(path).size for path in dataset.training.paths} == {(32, 32)}
    assert len({hashlib.sha256(content).digest() for content in contents(out).values()}) == 50
    names = shipped_networks()["shapes"].names
    assert names is not None
    assert tuple(read_names(names, Findings())) == NAMES


def test_the_same_seed_gives_the_same_bytes_and_a_larger_set_begins_with_them(tmp_path: Path) -> None:
    for name, words in {
        "a": ["--count", "2", "--validation", "1"],
        "b": ["--count", "2", "--validation", "1"],
        "more": ["--count", "3", "--validation", "2"],
        "other": ["--count", "2", "--validation", "1", "--seed", "1"],
    }.items():
        assert make(tmp_path / name, *words).returncode == 0
    first = contents(tmp_path / "a")
    assert contents(tmp_path / "b") == first
    assert first.items() <= contents(tmp_path / "more").items()
    assert not set(contents(tmp_path / "other").values()) & set(first.values())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0"], "--count and --validation are at least 1"),
        (["--seed", "-1"], "--seed at least 0"),
        (["--size", "7"], "--size is from 8 to 1024"),
        (["--size", "x"], "invalid int value"),
    ],
)
def test_wrong_numbers_are_refused(tmp_path: Path, words: list[str], message: str) -> None:
    done = make(tmp_path / "shapes", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "shapes").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "shapes"
    out.mkdir()
    (out / "mine.txt").write_text("")
    done = make(out, "--count", "1", "--validation", "1")
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    done = make(out / "mine.txt")
    assert (done.returncode, done.stderr) == (1, f"error: {out / 'mine.txt'}: Not a directory\n")


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=NAMES)
def test_a_shape_lies_whole_in_the_picture_and_is_smooth(shape: int) -> None:
    random = np.random.default_rng(shape)
    for _ in range(20):
        covered = coverage(SHAPES[shape], 40, draw_pose(random), random.random())
        assert 0.05 < covered.mean() < 0.7
        assert covered.max() == 1
        assert ((covered > 0) & (covered < 1)).any(), "no pixel is covered in part"
        edge = np.concatenate([covered[[0, -1]].ravel(), covered[:, [0, -1]].ravel()])
        assert (edge > 0).mean() < 0.1, "cut off at the border"


def test_shapes_look_as_their_names_say() -> None:
    def covered(name: str) -> np.ndarray:
        return coverage(SHAPES[NAMES.index(name)], 41, UPRIGHT, 0.5)

    middle = {name: covered(name)[20, 20] for name in NAMES}
    assert [name for name in NAMES if middle[name] == 0] == ["bars", "crescent", "ring"]
    assert covered("circle").mean() == pytest.approx(0.9 * np.pi * 0.45**2, rel=0.02)
    assert covered("square").mean() == pytest.approx((2 * 0.75 * 0.45) ** 2, rel=0.03)
    assert covered("triangle").mean() == pytest.approx(3 / 4 * np.sqrt(3) * 0.45**2, rel=0.03)
    for name in ("arrow", "heart", "star", "triangle"):
        np.testing.assert_array_equal(covered(name), covered(name)[:, ::-1], err_msg=f"{name} has two equal sides")
    heart, arrow = covered("heart").sum(axis=1), covered("arrow").sum(axis=1)
    assert heart[10] > 3 * heart[33], "broad above, a tip below"
    assert arrow[3] < arrow[20], "a tip above"


def test_colours_can_be_told_apart() -> None:
    random = np.random.default_rng(4)
    distances = [np.linalg.norm(np.subtract(*draw_colours(random))) for _ in range(200)]
    assert min(distances) >= SMALLEST_CONTRAST
    assert max(distances) > 2 * SMALLEST_CONTRAST


def test_any_size() -> None:
    for size in (8, 57):
        picture = draw(0, size, np.random.default_rng(1))
        assert (picture.shape, picture.dtype) == ((size, size, 3), np.uint8)
    assert PARTS == ("train", "valid")
