"""Pictures and their classes, from folders and from .data files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.errors import ConfigError, DataError, Findings
from darknetpy.training.dataset import Samples, read_dataset, read_validation, split

pytestmark = pytest.mark.quick


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names_of(samples: Samples | None, folder: Path) -> list[str]:
    assert samples is not None
    return [str(Path(path).relative_to(folder)) for path in samples.paths]


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    touch(tmp_path, "dog/2.png", "cat/1.jpg", "cat/more/3.jpg", "cat/notes.txt", ".git/x.png")
    dataset = read_dataset(tmp_path)
    assert dataset.names == ("cat", "dog")
    assert dataset.validation is None
    assert names_of(dataset.training, tmp_path) == ["cat/1.jpg", "cat/more/3.jpg", "dog/2.png"]
    assert dataset.training is not None
    assert [truth.tolist() for truth in dataset.training.truths(2)] == [[1, 0], [1, 0], [0, 1]]
    assert dataset.training.counts(2).tolist() == [2, 1]


def test_folders_for_training_and_validation(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/b/2.png", "train/c/3.png", "val/c/4.png", "val/a/5.png")
    dataset = read_dataset(tmp_path)
    assert dataset.names == ("a", "b", "c")
    assert names_of(dataset.validation, tmp_path) == ["val/a/5.png", "val/c/4.png"]
    assert dataset.validation is not None
    assert dataset.validation.classes == ((0,), (2,))


@pytest.mark.parametrize("files", [["a/1.png"], ["1.png", "2.png"], []])
def test_a_folder_without_two_classes_is_refused(tmp_path: Path, files: list[str]) -> None:
    touch(tmp_path, *files)
    with pytest.raises(DataError, match="a folder for each of at least two classes"):
        read_dataset(tmp_path)


def test_a_folder_with_nothing_but_train_is_that(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/1.png", "train/dog/2.png")
    dataset = read_dataset(tmp_path, validation=0.0)
    assert dataset.names == ("cat", "dog")
    assert dataset.validation is None
    touch(tmp_path, "bus/1.png")
    assert read_dataset(tmp_path).names == ("bus", "train")


def test_a_class_that_is_only_validated_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/b/2.png", "test/a/3.png", "test/c/4.png")
    with pytest.raises(DataError, match="a class c in test only"):
        read_dataset(tmp_path)


def test_to_validate_only_a_folder_needs_no_parts(tmp_path: Path) -> None:
    touch(tmp_path, "train/a/1.png", "train/b/2.png", "train/c/3.png", "val/c/4.png", "val/a/5.png")
    dataset, samples = read_validation(tmp_path)
    assert (dataset.names, dataset.training, dataset.validation) == (("a", "b", "c"), None, samples)
    assert names_of(samples, tmp_path) == ["val/a/5.png", "val/c/4.png"]
    assert samples.classes == ((0,), (2,))
    dataset, samples = read_validation(tmp_path / "train")
    assert len(samples) == 3


def test_to_validate_only_the_training_pictures_need_not_be_there(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/2.png")
    lines = "classes=2\ntrain=none.list\nvalid=valid.list\nnames=names.txt\n"
    dataset, samples = read_validation(written(tmp_path, valid="dog/2.png\n", data=lines))
    assert (dataset.names, dataset.training, samples.classes) == (("cat", "dog"), None, ((1,),))
    with pytest.raises(ConfigError, match="no valid=, expected a list of pictures"):
        read_validation(written(tmp_path, train="cat/1.png"))


def written(folder: Path, **files: str) -> Path:
    """A .data file and what it names."""
    defaults = {"names": "cat\ndog\n", "data": "classes=2\ntrain=train.list\nnames=names.txt\nlabels=names.txt\n"}
    for name, text in {**defaults, **files}.items():
        suffix = {"data": ".data", "train": ".list", "valid": ".list"}.get(name, ".txt")
        (folder / f"{name}{suffix}").write_text(text)
    return folder / "data.data"


def test_lists_are_read_from_their_own_folder_and_blank_lines_skipped(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/2.png")
    data = written(tmp_path, train="cat/1.png  \r\n\r\n\ndog/2.png\r\n")
    dataset = read_dataset(data)
    assert names_of(dataset.training, tmp_path) == ["cat/1.png", "dog/2.png"]
    assert dataset.data is not None
    assert dataset.data.options.classes == 2


def test_a_list_can_be_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "pictures/cat/1.png", "pictures/dog/2.png")
    data = written(tmp_path, data="train=pictures\nnames=names.txt\n")
    dataset = read_dataset(data)
    assert dataset.training is not None
    assert dataset.training.classes == ((0,), (1,))


def test_missing_pictures_are_left_out_and_counted(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png")
    data = written(tmp_path, train="cat/1.png\ndog/2.png\n\ndog/3.png\n")
    findings = Findings()
    dataset = read_dataset(data, findings=findings)
    assert names_of(dataset.training, tmp_path) == ["cat/1.png"]
    message = r"2 of 3 pictures are missing: dog/2\.png \(line 2\), dog/3\.png \(line 4\)"
    assert any("2 of 3 pictures are missing" in str(warning) for warning in findings.warnings)
    with pytest.raises(DataError, match=message):
        read_dataset(data, strict=True)


def test_a_list_without_any_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="an empty list"):
        read_dataset(written(tmp_path, train="\n \n"))
    with pytest.raises(DataError, match="2 of 2 pictures are missing"):
        read_dataset(written(tmp_path, train="a.png\nb.png"))


def test_lines_can_name_their_labels(tmp_path: Path) -> None:
    touch(tmp_path, "1.png", "2.png", "3.png")
    dataset = read_dataset(written(tmp_path, train="1.png\tdog\n2.png\t0\n3.png\tcat,dog\n"))
    assert dataset.training is not None
    assert dataset.training.classes == ((1,), (0,), (0, 1))
    with pytest.raises(DataError, match=r"train\.list:2: labels bird"):
        read_dataset(written(tmp_path, train="1.png\tdog\n2.png\tbird\n"))
    with pytest.raises(DataError, match=r"train\.list:3: no labels, where other lines have some"):
        read_dataset(written(tmp_path, train="1.png\tdog\n\n2.png\n"))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("names=names.txt\n", ConfigError, "no train= and no valid="),
        ("train=train.list\n", ConfigError, "no labels= and no names="),
        ("train=train.list\nnames=names.txt\ntag=1\n", ConfigError, "tag=1"),
        ("train=nowhere.list\nnames=names.txt\n", ConfigError, "no such file"),
        ("train=train.list\nnames=names.txt\nlabels=three.txt\n", ConfigError, "2 names for 3 labels"),
    ],
)
def test_what_does_not_fit_together_is_said(tmp_path: Path, data: str, error: type, message: str) -> None:
    touch(tmp_path, "cat/1.png")
    with pytest.raises(error, match=message):
        read_dataset(written(tmp_path, data=data, train="cat/1.png\n", three="a\nb\nc\n"))


def test_blank_lines_at_the_end_are_no_labels(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png")
    assert read_dataset(written(tmp_path, train="cat/1.png", names="cat\ndog\n\n \n")).names == ("cat", "dog")
    with pytest.raises(ConfigError, match="no labels in the file"):
        read_dataset(written(tmp_path, train="cat/1.png", names=" \n"))


def test_the_same_pictures_twice_are_warned_about(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/1.png")
    findings = Findings()
    data = written(tmp_path, data="train=train.list\nvalid=train.list\nnames=names.txt\n", train="cat/1.png\ndog/1.png")
    read_dataset(data, findings=findings)
    assert "the same pictures in train= and in valid=" in str(findings.warnings[0])


def many() -> Samples:
    paths = [f"{number}.png" for number in range(100)]
    return Samples(tuple(paths), tuple((int(number >= 80),) for number in range(100)))


def test_a_part_of_each_class_is_kept_back() -> None:
    first, second = split(many(), 0.1, seed=1)
    assert second.counts(2).tolist() == [8, 2]
    assert sorted((*first.paths, *second.paths)) == sorted(many().paths)
    assert split(many(), 0.1, seed=1) == (first, second)
    assert split(many(), 0.1, seed=2) != (first, second)
    few = Samples(("a", "b", "c"), ((0,), (1,), (1,)))
    assert split(few, 0.01, seed=0)[1].counts(2).tolist() == [0, 1]


def test_validation_is_split_off_or_there_but_not_both(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{name}/{number}.png" for name in ("a", "b") for number in range(10)))
    dataset = read_dataset(tmp_path, validation=0.2, seed=3)
    assert dataset.validation is not None
    assert dataset.validation.counts(2).tolist() == [2, 2]
    touch(tmp_path, "train/a/1.png", "train/b/1.png", "valid/a/1.png", "valid/b/2.png")
    with pytest.raises(DataError, match=r"pictures for validation of their own"):
        read_dataset(tmp_path, validation=0.2)
    with pytest.raises(ValueError, match=r"validation=1\.0"):
        read_dataset(tmp_path, validation=1.0)


def test_truths_have_a_one_for_each_class() -> None:
    truths = Samples(("a", "b", "c"), ((2,), (0, 1), (2,))).truths(3)
    np.testing.assert_array_equal(list(truths), [[0, 0, 1], [1, 1, 0], [0, 0, 1]])
    assert truths[0].dtype == np.float32
