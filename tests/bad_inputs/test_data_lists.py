"""Rows DATA-011 to 041 and TRAIN-014, 015, 021 to 024 of the catalogue: lists, labels and pictures of classifiers.

DATA-024 to 030 are in test_names.py. Rows about detectors only are not here: DATA-034, 039, 040, TRAIN-021, LBL-...
"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from darknetpy.cli.main import main
from darknetpy.config.data_file import read_data
from darknetpy.errors import ConfigError, DarknetpyError, DataError, Findings, ImageError
from darknetpy.evaluation.tally import Tally
from darknetpy.training.augment import Augmentation
from darknetpy.training.beginning import check_classifier
from darknetpy.training.dataset import Dataset, Samples, read_dataset, read_validation
from darknetpy.training.loader import Loader, Loading
from darknetpy.training.pictures import MOST_BROKEN
from tests.bad_inputs.rows import assert_one_clear_line
from tests.source_code import ROOT
from tests.training.drawn import CFG, draw_all
from tests.training.test_beginning import network

DATA = "classes=2\ntrain=train.list\nnames=my.names\nlabels=my.names\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a picture of each of two classes, and the files of a training that name them."""
    monkeypatch.chdir(tmp_path)
    for name in ("cat", "dog"):
        Path(name).mkdir()
        Image.new("RGB", (8, 8), (9, 99, 200)).save(f"{name}/1.png")
    Path("my.names").write_text("cat\ndog\n")
    Path("train.list").write_text("cat/1.png\ndog/1.png\n")
    Path("my.data").write_text(DATA)
    return tmp_path


def read(content: bytes | str | None = None, *, strict: bool = False) -> tuple[Dataset, Findings]:
    """The data set, with another list of the training pictures."""
    if content is not None:
        Path("train.list").write_bytes(content if isinstance(content, bytes) else content.encode())
    findings = Findings(strict=strict)
    return read_dataset("my.data", strict=strict, findings=findings), findings


def refused(content: bytes | str | None = None, *, strict: bool = False) -> DarknetpyError:
    with pytest.raises(DarknetpyError) as caught:
        read(content, strict=strict)
    assert_one_clear_line(caught.value)  # type: ignore[arg-type]  # the same fields
    return caught.value


def paths(content: bytes | str) -> tuple[str, ...]:
    """The training pictures of a list that nothing is wrong with."""
    dataset, findings = read(content)
    assert findings.warnings == []
    assert dataset.training is not None
    return dataset.training.paths


def loader(samples: Samples, **options: object) -> Loader:
    loading = Loading(Augmentation(8, 8, 8, 8), **options)  # type: ignore[arg-type]
    return Loader(samples, samples.truths(2), loading, batch=4, seed=1)


# ---- lists ----


def test_the_list_is_not_there() -> None:
    """DATA-011"""
    Path("train.list").unlink()
    error = refused()
    assert (error.path, error.line) == ("my.data", 2)
    assert error.found.startswith("train=train.list: no such file in ")


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n\t\r\n"])
def test_the_list_is_empty(content: str) -> None:
    """DATA-012"""
    assert refused(content).found == "an empty list"


@pytest.mark.parametrize(
    "content",
    ["cat/1.png\n\n\ndog/1.png\n\n", "cat/1.png \t\n  dog/1.png\n", "cat/1.png\r\ndog/1.png\r\n"],
    ids=["DATA-013", "DATA-014", "DATA-015"],
)
def test_blank_lines_blanks_and_other_line_ends(content: str) -> None:
    """DATA-013, DATA-014, DATA-015"""
    assert paths(content) == ("cat/1.png", "dog/1.png")


@pytest.mark.parametrize("line", ["cat/1.png dog/1.png", "cat/1.png,cat", "cat/1.png;0"])
def test_more_than_a_path_in_a_line(line: str) -> None:
    """DATA-016"""
    assert refused(f"dog/1.png\n{line}\n", strict=True).found == f"1 of 2 pictures are missing: {line} (line 2)"


def test_a_picture_is_missing() -> None:
    """DATA-017"""
    dataset, findings = read("cat/1.png\ncat/2.png\ndog/1.png\n")
    assert dataset.training is not None
    assert dataset.training.paths == ("cat/1.png", "dog/1.png")
    (warning,) = findings.warnings
    assert_one_clear_line(warning)
    assert warning.found == "1 of 3 pictures are missing: cat/2.png (line 2)"
    assert refused(strict=True).found == warning.found


def test_all_pictures_are_missing() -> None:
    """DATA-018"""
    error = refused("cat/8.png\ndog/8.png\n")
    assert error.found.startswith("2 of 2 pictures are missing: ")


def test_a_list_that_is_read_from_elsewhere(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """DATA-020"""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        dataset = read_dataset(here / "my.data")
    assert dataset.training is not None
    assert dataset.training.paths == (str(here / "cat/1.png"), str(here / "dog/1.png"))


@pytest.mark.parametrize("character", ["\0", "\x1b[2J", "\x07"])
def test_control_characters_in_a_path(character: str) -> None:
    """DATA-021"""
    error = refused(f"cat/1.png\ndog{character}/1.png\n")
    assert (error.path, error.line) == ("train.list", 2)


@pytest.mark.parametrize("content", [bytes(range(256)) * 9, b"\xff\xd8\xff\xe0JFIF....", b"\0\0\0\0\2\0\0\0" * 9])
def test_a_list_that_is_no_text(content: bytes) -> None:
    """DATA-022"""
    error = refused(content)
    assert error.path == "train.list"
    assert "list of pictures" in error.expected


def test_a_folder_in_place_of_a_list() -> None:
    """DATA-023"""
    Path("my.data").write_text(DATA.replace("train.list", "."))
    dataset, _ = read()
    assert dataset.training is not None
    assert sorted(Path(path).as_posix() for path in dataset.training.paths) == ["cat/1.png", "dog/1.png"]
    assert dataset.training.counts(2).tolist() == [1, 1]


# ---- labels ----


def test_labels_that_no_path_contains() -> None:
    """DATA-031"""
    Path("my.names").write_text("hen\npig\n")
    error = refused()
    assert error.found == "no label for 2 of 2 pictures"
    assert "cat/1.png" in error.remedy


def test_labels_that_several_paths_contain() -> None:
    """DATA-032: a folder or the beginning of the name decides; where they do not, it is an error"""
    Path("my.names").write_text("a\nb\n")
    for name in ("a_1.png", "b_1.png", "1_ab.png"):
        Image.new("RGB", (8, 8)).save(name)
    dataset, _ = read("a_1.png\nb_1.png\n")
    assert dataset.training is not None
    assert dataset.training.classes == ((0,), (1,))
    error = refused("a_1.png\n1_ab.png\n")
    assert error.found == "1 of 2 pictures have several labels: a and b in 1_ab.png"
    Path("my.data").write_text(DATA + "multi_label=1\n")
    dataset, _ = read()
    assert dataset.training is not None
    assert dataset.training.classes[1] == (0, 1)


def test_a_blank_line_among_labels() -> None:
    """DATA-033"""
    Path("my.labels").write_text("cat\n\ndog\n")
    Path("my.data").write_text(DATA.replace("labels=my.names", "labels=my.labels"))
    error = refused()
    assert (error.path, error.line, error.found) == ("my.labels", 2, "an empty label, which every path contains")


def test_the_same_pictures_for_training_and_validation() -> None:
    """DATA-036"""
    Path("my.data").write_text(DATA + "valid=train.list\n")
    _, findings = read()
    (warning,) = findings.warnings
    assert_one_clear_line(warning)
    assert warning.found == "the same pictures in train= and in valid="


def test_more_best_answers_than_classes() -> None:
    """DATA-037"""
    Path("my.data").write_text(DATA + "top=50\n")
    tally = Tally(["cat", "dog"], top=read_data("my.data").options.top)
    assert tally.top == 2


def test_a_format_that_there_is_not() -> None:
    """DATA-038"""
    with pytest.raises(ConfigError) as caught:
        read_data_with("eval=foo\n")
    assert_one_clear_line(caught.value)
    assert "voc, coco, imagenet" in str(caught.value)


def read_data_with(line: str) -> None:
    Path("my.data").write_text(DATA + line)
    read_data("my.data")


# ---- while it runs ----


def test_a_disk_that_is_gone() -> None:
    """DATA-041: after very many pictures in a row that cannot be read the training ends"""
    told: list[str] = []
    gone = tuple(f"gone/{number}.png" for number in range(3 * MOST_BROKEN))
    samples = Samples(("cat/1.png", *gone), ((0,),) * (1 + len(gone)))
    batches = Loader(
        samples, samples.truths(2), Loading(Augmentation(8, 8, 8, 8)), batch=4, seed=1,
        report=lambda warning: told.append(str(warning)),
    )  # fmt: skip
    with batches as some, pytest.raises(DataError) as caught:
        next(some)
    assert_one_clear_line(caught.value)  # type: ignore[arg-type]  # the same fields
    assert caught.value.found == f"{MOST_BROKEN} pictures in a row that cannot be read"
    assert "gone/" in told[0]


def test_a_broken_picture_is_left_out_or_an_error() -> None:
    """DATA-041, DATA-017: by the word strict"""
    Path("dog/1.png").write_bytes(b"no picture")
    dataset, _ = read()
    assert dataset.training is not None
    with loader(dataset.training) as batches:
        assert next(batches).truths[:, 1].sum() == 0
    with loader(dataset.training, skip_broken=False) as batches, pytest.raises(ImageError, match=r"dog/1\.png"):
        list(islice(batches, 2))


def test_a_thread_that_finds_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRAIN-024: the training ends with an error; nothing waits for what never comes"""

    def no_room(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Augmentation, "look", no_room)
    dataset, _ = read()
    assert dataset.training is not None
    with loader(dataset.training, threads=3) as batches, pytest.raises(DataError) as caught:
        next(batches)
    assert_one_clear_line(caught.value)  # type: ignore[arg-type]  # the same fields
    assert caught.value.found == "not enough memory to load pictures"


# ---- before a training starts ----


def test_other_names_than_classes() -> None:
    """TRAIN-014"""
    Path("my.names").write_text("cat\ndog\npig\n")
    Path("my.data").write_text(DATA.replace("classes=2\n", ""))
    dataset, findings = read()
    with pytest.raises(DataError, match="pictures of 3 classes, expected the 2 of the network"):
        check_classifier(network(CFG), dataset, findings)


def test_a_validation_without_pictures() -> None:
    """TRAIN-015"""
    with pytest.raises(ConfigError, match="no valid=, expected a list of pictures"):
        read_validation("my.data")
    Path("my.data").write_text(DATA + "valid=none.list\n")
    error = refused()
    assert error.found.startswith("valid=none.list: no such file in ")


def test_a_class_without_pictures() -> None:
    """TRAIN-022"""
    dataset, findings = read("cat/1.png\n")
    check_classifier(network(CFG.replace("batch=32", "batch=1").replace("subdivisions=2", "")), dataset, findings)
    (warning,) = findings.warnings
    assert_one_clear_line(warning)
    assert warning.found == "no training picture of dog"


def test_fewer_pictures_than_a_batch() -> None:
    """TRAIN-023"""
    dataset, findings = read()
    check_classifier(network(CFG), dataset, findings)
    (warning,) = findings.warnings
    assert_one_clear_line(warning)
    assert str(warning) == "my.data: 2 training pictures, expected at least batch=32. Updates see some of them twice."
    assert dataset.training is not None
    with loader(dataset.training) as batches:
        assert next(batches).truths.sum(axis=0).tolist() == [2, 2]


def test_a_broken_picture_in_a_training(capsys: pytest.CaptureFixture[str]) -> None:
    """DATA-041: named and left out, or with --strict the end"""
    pictures = draw_all(Path()) / "shapes"
    for broken in ("train/disc/3.png", "valid/disc/4.png"):
        (pictures / broken).write_bytes(b"no picture")
    command = ["train", "net.cfg", "shapes", "--iterations", "7"]
    assert main(command) == 0
    told = capsys.readouterr().err
    assert told.count("shapes/train/disc/3.png: text, expected an image") == 1
    assert told.count("It is left out; the next one takes its place.") == 1
    assert told.count("shapes/valid/disc/4.png: text, expected an image") == 1
    assert told.count("It does not count in the validation.") == 1
    assert main([*command, "--strict", "--backup", "strict"]) == 1
    assert "shapes/train/disc/3.png: text, expected an image" in capsys.readouterr().err


def test_validations_without_pictures_to_validate_on(capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-015"""
    Path("my.cfg").write_text(CFG)
    assert main(["train", "my.cfg", "my.data", "--validate-every", "5", "--backup", "b"]) == 1
    assert "validate_every=5 without pictures for it, expected pictures to validate on" in capsys.readouterr().err


def test_commands_say_it_in_one_line() -> None:
    """One run for all: exit code 1, the reason, no traceback."""
    Path("train.list").write_text("cat/8.png\n")
    Path("my.cfg").write_text(CFG)
    command = [sys.executable, "-m", "darknetpy", "train", "my.cfg", "my.data"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 1
    assert "train.list: 1 of 1 pictures are missing: cat/8.png (line 1)" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list(Path("backup").glob("*.weights"))
