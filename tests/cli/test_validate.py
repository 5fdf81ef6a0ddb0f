"""``darknetpy validate``: its figures and their forms, where pictures come from, mistakes, and being stopped."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darknetpy import load
from darknetpy.cli import validate
from darknetpy.cli.main import main
from darknetpy.evaluation import classifier
from darknetpy.evaluation.crops import CROPS
from darknetpy.evaluation.tally import Tally
from tests.cli.conftest import NAMES

PHOTOS = ["photos/0.png", "photos/1.png", "photos/2.png"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(files: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Validate the small network: exit code, standard output, standard error without the note on compiling."""

    def validated(*words: object) -> tuple[int, str, str]:
        code = main(["validate", "small.cfg", "small.weights", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, "".join(line for line in err.splitlines(True) if not line.startswith("compiling "))

    return validated


@pytest.fixture
def answers(files: Path) -> np.ndarray:
    """What the plain form of the network says about the photos, (3, 3)."""
    network = load("small.cfg", "small.weights")
    prepared = np.stack([network.prepare(path, preprocess="crop") for path in PHOTOS])
    return np.asarray(network.predict(prepared, engine=False)).reshape(3, 3)


@pytest.fixture
def data(answers: np.ndarray, files: Path, tmp_path: Path) -> Path:
    """A .data file: the classes of two photos are their best answers, that of the first is its second best."""
    order = np.argsort(-answers, axis=1)
    classes = [order[0, 1], order[1, 0], order[2, 0]]
    lines = [f"{files / path}\t{number}" for path, number in zip(PHOTOS, classes, strict=True)]
    (tmp_path / "valid.list").write_text("\n".join(lines))
    names = files / "small.names"
    (tmp_path / "my.data").write_text(f"classes=3\ntrain=none.list\nvalid=valid.list\nnames={names}\ntop=2\n")
    return tmp_path / "my.data"


def test_the_table_has_a_row_for_each_class_and_shares_of_all(run: Run, data: Path, answers: np.ndarray) -> None:
    code, out, err = run(data)
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["#", "class", "pictures", "recall", "precision"]
    assert [row[3:].strip().startswith(name) for row, name in zip(rows, NAMES, strict=False)] == [True] * 3
    assert rows[3:] == ["", "pictures  3", "top-1     66.67%", "top-2     100.00%"]
    counts = [int(row.split()[-3]) for row in rows[:3]]
    assert sum(counts) == 3
    assert {row.split()[-2] for row, count in zip(rows, counts, strict=False) if not count} <= {"-"}


def test_json_holds_all_figures(run: Run, data: Path, answers: np.ndarray) -> None:
    code, out, _ = run(data, "--json")
    assert code == 0
    found = json.loads(out)
    names = ["network", "weights", "data", "crops", "pictures", "skipped", "top1", "top2", "loss", "classes"]
    assert list(found) == names
    assert (found["network"], found["weights"], found["data"]) == ("small.cfg", "small.weights", str(data))
    assert (found["pictures"], found["skipped"], found["top1"], found["top2"]) == (3, 0, 2 / 3, 1.0)
    assert [one["label"] for one in found["classes"]] == NAMES
    found = json.loads(run(data, "--json", "--confusion", "--worst", "5", "--top", "3")[1])
    assert found["top3"] == 1.0
    assert np.trace(found["confusion"]) == 2
    (mistake,) = found["mistakes"]
    best, second, _ = np.argsort(-answers[0])
    assert (mistake["answered"], mistake["right"]) == (NAMES[best], NAMES[second])
    assert mistake["path"].endswith(PHOTOS[0])
    assert mistake["probability"] == pytest.approx(answers[0, best], abs=1e-4)
    assert mistake["probability_of_right"] == pytest.approx(answers[0, second], abs=1e-4)


def test_confusion_and_the_surest_mistakes_are_shown(run: Run, data: Path, answers: np.ndarray) -> None:
    out = run(data, "--confusion", "--worst", 1)[1]
    best, second, _ = np.argsort(-answers[0])
    confusion = json.loads(run(data, "--json", "--confusion")[1])["confusion"]
    table = out[out.index("row: the right class") :].splitlines()
    assert [line.split() for line in table[1:5]] == [
        ["0", "1", "2"], *([str(number), *map(str, row)] for number, row in enumerate(confusion))
    ]  # fmt: skip
    assert table[6] == "the surest mistakes"
    assert table[7].endswith(PHOTOS[0])
    assert table[8] == f"    {NAMES[best]} {answers[0, best]:.1%}, right: {NAMES[second]} {answers[0, second]:.1%}"


def test_mistakes_are_drawn(run: Run, data: Path, tmp_path: Path) -> None:
    table, sheet = tmp_path / "table.png", tmp_path / "worst.jpg"
    code, out, err = run(data, "--confusion-out", table, "--worst-out", sheet)
    assert (code, err) == (0, "")
    assert "surest mistakes" not in out
    assert [Image.open(path).format for path in (table, sheet)] == ["PNG", "JPEG"]
    code, _, err = run(data, "--worst-out", sheet)
    assert code == 1
    assert "the file exists already, expected a new one. Add --overwrite to replace it" in err
    small = Image.open(sheet).size
    assert run(data, "--worst-out", sheet, "--overwrite", "--worst", 1)[0] == 0
    assert Image.open(sheet).size == small, "there is one mistake only"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--confusion-out", "table.txt"], "table.txt: no format .txt, expected a picture, such as one in .png"),
        (["--worst-out", "table"], "table: no format without an ending"),
        (["--worst-out", "none/a.png"], "no such folder"),
    ],
)
def test_pictures_that_cannot_be_drawn_are_refused_before_anything_is_computed(
    run: Run, words: list[str], message: str
) -> None:
    code, out, err = run("none.data", *words)
    assert (code, out) == (1, "")
    assert message in err


@pytest.mark.parametrize(("classes", "pictures", "fits"), [(10, 1000, True), (10, 100_000, False), (60, 10, False)])
def test_a_table_of_confusion_fits_60_columns_or_says_so(classes: int, pictures: int, fits: bool) -> None:
    tally = Tally([f"name {number}" for number in range(classes)])
    rows = np.eye(classes, dtype=np.float32)
    for right, answered, times in ((0, 0, pictures - 7), (1, 2, 2), (3, 0, 5)):
        tally.add(np.repeat(rows[[answered]], times, axis=0), [right] * times)
    lines = validate._confusion(tally)
    assert (len(lines) == classes + 2) == fits
    if fits:
        assert max(map(len, lines)) <= 60
        assert len(set(map(len, lines[1:]))) == 1
    else:
        assert "more than 60: --json has it" in lines[0]
        assert lines[2:] == ["  5 x name 3 taken for name 0", "  2 x name 1 taken for name 2"]


def folders(place: Path, classes: dict[str, list[str]]) -> Path:
    for name, photos in classes.items():
        (place / name).mkdir(parents=True)
        for photo in photos:
            shutil.copy(photo, place / name)
    return place


def figures(answer: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = answer
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_folder_is_validated_whole_and_its_classes_go_by_name(run: Run, tmp_path: Path, answers: np.ndarray) -> None:
    best, worst = answers.argmax(axis=1).tolist(), answers.argmin(axis=1).tolist()
    named: dict[str, list[str]] = {name: [] for name in NAMES}
    for path, right, wrong in zip(PHOTOS, best, worst, strict=True):
        named[NAMES[right]].append(path)
        named[NAMES[wrong]].append(path)
    named = {name: paths or PHOTOS[:1] for name, paths in named.items()}
    found = figures(run(folders(tmp_path / "all", named), "--json"))
    assert found["pictures"] == sum(map(len, named.values()))
    assert found["top1"] == 3 / found["pictures"]
    names = tmp_path / "turned.names"
    names.write_text("\n".join(reversed(NAMES)), encoding="utf-8")
    found = figures(run(tmp_path / "all", "--json", "--names", names))
    assert [one["label"] for one in found["classes"]] == NAMES[::-1]
    assert [one["pictures"] for one in found["classes"]] == [len(named[name]) for name in NAMES[::-1]]


def test_of_a_folder_with_parts_that_for_validation_is_taken(run: Run, tmp_path: Path) -> None:
    folders(tmp_path / "train", dict.fromkeys(NAMES, PHOTOS[:1]))
    folders(tmp_path / "valid", {NAMES[0]: PHOTOS[1:], NAMES[2]: PHOTOS[:1]})
    found = figures(run(tmp_path, "--json"))
    assert [one["pictures"] for one in found["classes"]] == [2, 0, 1]


@pytest.mark.parametrize("crops", CROPS)
def test_views_are_chosen_by_option(run: Run, data: Path, crops: str) -> None:
    found = figures(run(data, "--json", "--crops", crops, "--threads", "2", "--batch", "2"))
    assert (found["crops"], found["pictures"]) == (crops, 3)


def test_numbers_given_twice_agree_with_the_library() -> None:
    assert tuple(CROPS) == validate.CROPS


def test_options_reach_the_library(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def kept(network: object, samples: object, **settings: object) -> Tally:
        seen.update(settings, dialect=network.dialect.name, threads=network.threads)  # type: ignore[attr-defined]
        return Tally(NAMES)

    monkeypatch.setattr(classifier, "validate", kept)
    words = "--preprocess stretch --dialect pjreddie --threads 1 --batch 7 --no-exif --max-pixels 99 --allow-damaged"
    assert run(data, *words.split(), "--worst", 4, "--top", 1)[0] == 0
    del seen["progress"]
    assert seen == {
        "names": None, "crops": "1", "preprocess": "stretch", "top": 1, "batch": 7, "worst": 4, "maximum_pixels": 99,
        "exif": False, "allow_damaged": True, "strict": False, "dialect": "pjreddie", "threads": 1,
    }  # fmt: skip


def test_pictures_that_cannot_be_read_are_skipped_or_errors(run: Run, data: Path) -> None:
    (data.parent / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with (data.parent / "valid.list").open("a") as file:
        file.write(f"\n{data.parent / 'broken.png'}\t1")
    code, out, err = run(data)
    assert code == 0
    assert err.startswith(f"warning: {data.parent / 'broken.png'}: ")
    assert out.splitlines()[-4:] == ["pictures  3", "top-1     66.67%", "top-2     100.00%",
                                     "skipped   1 that cannot be read"]  # fmt: skip
    assert json.loads(run(data, "--json")[1])["skipped"] == 1
    code, out, err = run(data, "--strict")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {data.parent / 'broken.png'}: ")
    assert run(data, "-q")[2] == ""


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("classes=4\nvalid=valid.list\nnames={names}\n", "classes=4, expected the 3 classes of small.cfg"),
        ("classes=3\nvalid=valid.list\nnames=two.names\n", "2 class names, expected one for each of the 3 classes"),
        ("classes=3\ntrain=valid.list\nnames={names}\n", "no valid=, expected a list of pictures"),
        ("classes=3\nvalid=none.list\nnames={names}\n", "none.list"),
    ],
)
def test_data_that_do_not_fit_are_an_error(run: Run, data: Path, files: Path, lines: str, message: str) -> None:
    (data.parent / "two.names").write_text("a\nb\n")
    valid = (data.parent / "valid.list").read_text().replace("\t2", "\t1")
    (data.parent / "valid.list").write_text(valid)
    data.write_text(lines.format(names=files / "small.names"))
    code, out, err = run(data)
    assert (code, out) == (1, "")
    assert message in err


def test_another_number_of_folders_is_an_error_with_both_numbers(run: Run, tmp_path: Path) -> None:
    code, out, err = run(folders(tmp_path / "two", dict.fromkeys(NAMES[:2], PHOTOS[:1])))
    assert (code, out) == (1, "")
    assert "2 classes of pictures, expected the 3 classes of small.cfg" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--preprocess stretch --crops 10", "--preprocess is for one view, not for --crops 10"),
        ("--crops 5", "--crops: '5', expected 1, 10, multi or full"),
        ("--top 0", "--top: '0'"),
        ("--worst -1", "--worst: '-1'"),
    ],
)
def test_wrong_usage_ends_with_2(run: Run, words: str, message: str) -> None:
    code, out, err = run("my.data", *words.split())
    assert (code, out) == (2, "")
    assert message in err


def test_other_networks_are_refused_before_pictures_are_looked_for(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.cfg"
    path.write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\n")
    load(path).save_weights(tmp_path / "other.weights")
    assert main(["validate", str(path), str(tmp_path / "other.weights"), "none.data"]) == 1
    assert "with 1x8x8 values, expected one for each class" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stop", "code"),
    [(KeyboardInterrupt, 128 + signal.SIGINT), (SystemExit, 128 + signal.SIGTERM)],
)
def test_who_stops_it_is_told_how_far_it_came(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException], code: int
) -> None:
    add, added = Tally.add, []

    def stopped(self: Tally, *words: Any) -> None:
        if len(added) == 2:
            raise stop(code)
        added.append(words)
        add(self, *words)

    monkeypatch.setattr(Tally, "add", stopped)
    answer = run(data, "--batch", "1")
    assert answer == (code, "", "Stopped after 2 of 3 pictures: top-1 50.00% so far.\n")
    added[:] = [()] * 2
    assert run(data)[2] == "Stopped after 0 of 3 pictures.\n"
    assert run(data, "-q")[2] == ""


def test_of_darknets_commands_data_may_come_first(files: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classifier", "valid10", str(data), "small.cfg", "small.weights", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[0] == f"darknetpy validate small.cfg small.weights {data} --crops 10 --json"
    assert json.loads(out)["crops"] == "10"


def test_a_grey_picture_of_another_size_counts_as_any(run: Run, data: Path) -> None:
    Image.new("L", (5, 50), 90).save(data.parent / "grey.png")
    with (data.parent / "valid.list").open("a") as file:
        file.write(f"\n{data.parent / 'grey.png'}\t1")
    assert figures(run(data, "--json"))["pictures"] == 4
