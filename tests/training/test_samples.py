"""Pictures that a network is fed, as files: the same pixels, with their classes in the name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.errors import TrainingError
from darknetpy.training.augment import Augmentation
from darknetpy.training.dataset import read_dataset
from darknetpy.training.loader import Loader, Loading
from darknetpy.training.samples import SampleWriter
from tests.training.drawn import KINDS, draw_all


def batch(count: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(2).random((count, channels, 5, 7), np.float32)


def one_hot(*classes: int, count: int = 3) -> np.ndarray:
    return np.eye(count, dtype=np.float32)[list(classes)]


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_first_pictures_of_the_first_batches_are_written(tmp_path: Path) -> None:
    writer, names = SampleWriter(tmp_path / "samples", ["cat", "dog", "owl"], 5), one_hot(2, 0, 1)
    for _ in range(3):
        writer.add(batch(3), names)
    files = written(tmp_path / "samples")
    assert files == ["0001_owl.png", "0002_cat.png", "0003_dog.png", "0004_owl.png", "0005_cat.png"]
    for number, file in enumerate(files):
        pixels = np.asarray(Image.open(tmp_path / "samples" / file))
        np.testing.assert_array_equal(pixels, np.rint(batch(3)[number % 3] * 255).transpose(1, 2, 0))


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    SampleWriter(tmp_path, ["cat", "dog", "owl"], 9).add(batch(2, channels=1), one_hot(0, 1))
    picture = Image.open(tmp_path / "0002_dog.png")
    assert picture.mode == "L"
    np.testing.assert_array_equal(np.asarray(picture), np.rint(batch(2, channels=1)[1, 0] * 255))


@pytest.mark.parametrize(
    ("truth", "name"),
    [
        ((0.25, 0, 0.75, 0, 0), "owl-0.75_cat-0.25"),
        ((0, 1, 1, 0, 0), "dog-1_owl-1"),
        ((0.02, 0.92, 0.02, 0.02, 0.02), "dog-0.92"),
        ((0.1, 0.4, 0.2, 0.15, 0.15), "dog-0.4_owl-0.2_a-b-0.15_and-others"),
        ((0, 0, 0, 0, 0), "no-class"),
        ((0, 0, 0, 0, 1), "class-4"),
        ((0, 0, 0, 1, 0), "a-b"),
    ],
)
def test_names_tell_the_classes_and_their_shares(tmp_path: Path, truth: tuple[float, ...], name: str) -> None:
    writer = SampleWriter(tmp_path, ["cat", "dog", "owl", "a/ b", "..."], 1)
    writer.add(batch(1), np.array([truth], np.float32))
    assert written(tmp_path) == [f"0001_{name}.png"]


def test_they_are_what_the_loader_gives(tmp_path: Path) -> None:
    samples = read_dataset(draw_all(tmp_path, count=8) / "shapes").training
    assert samples is not None
    view = Augmentation(16, 16, min_crop=16, max_crop=24, angle=20, hue=0.1, saturation=1.5, exposure=1.5)
    writer = SampleWriter(tmp_path / "samples", KINDS, 20)
    given: list[tuple[np.ndarray, np.ndarray]] = []
    with Loader(samples, samples.truths(2), Loading(view, 3), batch=8, seed=4) as batches:
        for _ in range(3):
            pictures, truths, _ = next(batches)
            writer.add(pictures, truths)
            given += list(zip(pictures, truths, strict=True))
    files = sorted((tmp_path / "samples").iterdir())
    assert len(files) == 20
    for number, path in enumerate(files):
        picture, truth = given[number]
        assert path.name == f"{number + 1:04}_{KINDS[int(truth.argmax())]}.png"
        assert np.abs(np.asarray(Image.open(path)) / 255 - picture.transpose(1, 2, 0)).max() <= 0.5 / 255 + 1e-6


def test_those_of_an_earlier_training_go_and_other_files_stay(tmp_path: Path) -> None:
    SampleWriter(tmp_path, ["cat", "dog", "owl"], 9).add(batch(3), one_hot(0, 1, 2))
    (tmp_path / "mine.png").write_bytes(b"")
    SampleWriter(tmp_path, ["cat", "dog", "owl"], 9).add(batch(1), one_hot(1))
    assert written(tmp_path) == ["0001_dog.png", "mine.png"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="is a file, expected a folder"):
        SampleWriter(tmp_path / "file", ["cat"], 1)
