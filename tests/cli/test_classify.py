"""``darknetpy classify``: answers and their forms, unreadable pictures, one process for each kind of mistake."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darknetpy import load
from darknetpy.cli import pictures
from darknetpy.cli.main import main
from darknetpy.images.decode import MAXIMUM_PIXELS
from darknetpy.images.preprocess import PREPROCESSES
from tests.cli.conftest import NAMES, Command

PHOTOS = ["photos/0.png", "photos/1.png", "photos/2.png"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(files: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Classify with the small network: exit code, standard output, standard error without the note on compiling."""

    def classified(*words: str) -> tuple[int, str, str]:
        code = main(["classify", "small.cfg", "small.weights", *words])
        out, err = capsys.readouterr()
        return code, out, "".join(line for line in err.splitlines(True) if not line.startswith("compiling "))

    return classified


def plain_probabilities(path: str, how: str = "crop", dialect: str = "alexeyab") -> np.ndarray:
    """What the plain form of the network says about a picture, by class."""
    network = load("small.cfg", "small.weights", dialect=dialect)
    return network.predict(network.prepare(path, preprocess=how)[np.newaxis], engine=False)[0]  # type: ignore[index]


def by_class(image: dict[str, Any]) -> list[float]:
    return [answer["probability"] for answer in sorted(image["predictions"], key=lambda answer: answer["class_id"])]


def test_text_has_a_block_for_each_picture(run: Run) -> None:
    code, out, err = run(*PHOTOS[:2])
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[::4] == PHOTOS[:2]
    probabilities = plain_probabilities(PHOTOS[0])
    best = sorted(range(3), key=lambda index: -probabilities[index])
    width = max(map(len, NAMES))
    for line, index in zip(lines[1:4], best, strict=True):
        assert line[: 2 + width] == f"  {NAMES[index]:{width}}"
        assert float(line[2 + width :].rstrip("%")) == pytest.approx(100 * probabilities[index], abs=0.02)


def test_json_lines_and_the_json_document_hold_the_same(run: Run) -> None:
    code, out, _ = run(*PHOTOS, "--jsonl")
    assert code == 0
    images = [json.loads(line) for line in out.splitlines()]
    assert [list(image) for image in images] == [["path", "width", "height", "predictions"]] * 3
    assert [(image["path"], image["width"], image["height"]) for image in images] == [
        (path, 30 + number, 20) for number, path in enumerate(PHOTOS)
    ]
    for image in images:
        np.testing.assert_allclose(by_class(image), plain_probabilities(image["path"]), atol=1e-4)
        assert all(answer["label"] == NAMES[answer["class_id"]] for answer in image["predictions"])
    code, out, _ = run(*PHOTOS, "--json")
    assert code == 0
    assert json.loads(out) == {"network": "small.cfg", "weights": "small.weights", "images": images}
    code, out, _ = run(*PHOTOS, "--json", "--batch", "2", "--threads", "1")
    for image, other in zip(images, json.loads(out)["images"], strict=True):
        np.testing.assert_allclose(by_class(image), by_class(other), atol=1e-6)


def test_top_limits_the_answers_and_may_be_more_than_there_are(run: Run) -> None:
    assert len(run(PHOTOS[0], "--top", "1")[1].splitlines()) == 2
    assert len(run(PHOTOS[0], "--top", "1000")[1].splitlines()) == 4


@pytest.mark.parametrize("how", PREPROCESSES)
def test_preprocess_is_chosen_by_option(run: Run, how: str) -> None:
    code, out, _ = run(PHOTOS[0], "--jsonl", "--preprocess", how)
    assert code == 0
    np.testing.assert_allclose(by_class(json.loads(out)), plain_probabilities(PHOTOS[0], how), atol=1e-4)


def test_the_other_dialect_has_its_own_numbers(run: Run) -> None:
    code, out, _ = run(PHOTOS[0], "--jsonl", "--dialect", "pjreddie")
    assert code == 0
    expected = plain_probabilities(PHOTOS[0], "letterbox", "pjreddie")
    np.testing.assert_allclose(by_class(json.loads(out)), expected, atol=1e-4)


def test_names_come_from_where_one_says(run: Run, tmp_path: Path) -> None:
    names = tmp_path / "my.names"
    names.write_text("one\ntwo\nthree\nfour\n")
    code, out, err = run(PHOTOS[0], "--jsonl", "--names", str(names))
    assert code == 0
    assert {answer["label"] for answer in json.loads(out)["predictions"]} == {"one", "two", "three"}
    assert err.startswith(f"warning: {names}: 4 class names")
    code, out, err = run(PHOTOS[0], "--names", str(names), "--strict")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {names}: 4 class names")


def test_a_picture_that_cannot_be_read_is_reported_and_the_others_go_on(run: Run) -> None:
    words = (PHOTOS[0], "none.png", "small.names", PHOTOS[1])
    code, out, err = run(*words, "--top", "1")
    assert code == 1
    assert out.splitlines()[::2] == PHOTOS[:2]
    first, second, count = err.splitlines()
    assert first == "error: none.png: no such file, expected a picture."
    assert second.startswith("error: small.names: text, expected an image")
    assert count == "2 of 4 pictures have no answer."
    for form in ("--json", "--jsonl"):
        code, out, err = run(*words, form, "--batch", "3")
        images = json.loads(out)["images"] if form == "--json" else list(map(json.loads, out.splitlines()))
        assert code == 1
        assert [image["path"] for image in images] == list(words)
        assert ["error" in image for image in images] == [False, True, True, False]
        assert images[1] == {"path": "none.png", "error": "none.png: no such file, expected a picture."}
        assert err.splitlines()[0] == "error: none.png: no such file, expected a picture."


def test_of_one_unreadable_picture_there_is_one_message(run: Run) -> None:
    assert run("none.png") == (1, "", "error: none.png: no such file, expected a picture.\n")


def test_pictures_come_in_the_order_of_the_arguments(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.txt").write_text("photos/2.png\r\n\n  photos/0.png  \n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"photos/1.png\n")))
    code, out, _ = run("photos", f"@{tmp_path}/list.txt", "photos/[01].png", "-", PHOTOS[2], "--top", "1")
    assert code == 0
    assert out.splitlines()[::2] == [
        *PHOTOS, "photos/2.png", "photos/0.png", "photos/0.png", "photos/1.png", "photos/1.png", "photos/2.png",
    ]  # fmt: skip


def test_an_error_in_a_list_comes_after_the_answers_before_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"photos/0.png\nphotos/\x00.png\n")
    code, out, err = run(f"@{tmp_path}/list.txt", "--json", "--top", "1")
    assert code == 1
    assert [image["path"] for image in json.loads(out)["images"]] == ["photos/0.png"]
    assert err.startswith(f"error: {tmp_path}/list.txt:2: ")


@pytest.mark.parametrize("form", ["--json", "--jsonl"])
def test_nothing_is_printed_before_the_first_answer(run: Run, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["none*.png"], ["@none.txt"]):
        code, out, err = run(*words, form)
        assert (code, out) == (1, "")
        assert err.startswith("error: none")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert run("-", form)[:2] == (1, "")
    monkeypatch.setattr(sys, "stdin", None)
    code, out, err = run("-", form)
    assert (code, out) == (1, "")
    assert err == "error: standard input is closed, expected a list of pictures, one path a line.\n"


def test_options_on_pictures(run: Run, tmp_path: Path) -> None:
    turned, cut = tmp_path / "turned.jpg", tmp_path / "cut.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    with Image.open(PHOTOS[0]) as photo:
        photo.convert("RGB").save(turned, exif=exif)
    cut.write_bytes(turned.read_bytes()[:-200])

    def size(*words: str) -> tuple[int, int]:
        code, out, _ = run(*words, "--jsonl")
        assert code == 0
        return json.loads(out)["width"], json.loads(out)["height"]

    assert size(str(turned)) == (20, 30)
    assert size(str(turned), "--no-exif") == (30, 20)
    code, out, err = run(str(cut))
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {cut}: ")
    assert "--allow-damaged" in err
    assert size(str(cut), "--allow-damaged") == (20, 30)
    assert run(str(cut), "--allow-damaged")[2].startswith(f"warning: {cut}: ")
    code, _, err = run(PHOTOS[0], "--max-pixels", "599")
    assert code == 1
    assert "30x20 = 600 pixels, expected at most 599" in err


def test_warnings_about_pictures_are_errors_when_strict(run: Run, tmp_path: Path) -> None:
    animated = tmp_path / "two.gif"
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 200)]
    frames[0].save(animated, save_all=True, append_images=frames[1:])
    code, out, err = run(str(animated), "--top", "1")
    assert (code, out.splitlines()[0]) == (0, str(animated))
    assert err.startswith(f"warning: {animated}: several pictures")
    code, out, err = run(str(animated), "--strict")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {animated}: several pictures")


def test_an_answer_that_is_not_a_number_is_an_error(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = bytearray((files / "small.weights").read_bytes())
    weights[-4:] = np.float32("nan").tobytes()
    (tmp_path / "nan.weights").write_bytes(weights)
    for form in ([], ["--json"], ["--jsonl"]):
        assert main(["classify", "small.cfg", str(tmp_path / "nan.weights"), PHOTOS[0], *form]) == 1
        out, err = capsys.readouterr()
        assert "nan" not in out.lower().replace("nan.weights", "")
        assert "nan.weights: the network's answer is not finite, expected probabilities" in err
        assert "predictions" not in out


def test_verbose_says_what_was_loaded(run: Run) -> None:
    note = "note: small.weights: 2 layers with weights, 139 parameters, seen 64,000 pictures in training\n"
    assert run(PHOTOS[0], "-v")[2] == note


@pytest.mark.parametrize(
    ("net", "layers", "message"),
    [
        ("inputs=10", "[connected]\noutput=3\nactivation=linear\n", "the network takes 10 values, expected pictures"),
        (
            "width=8\nheight=8\nchannels=3",
            "[convolutional]\n",
            "with 1x8x8 values, expected one for each class",
        ),
        ("width=8\nheight=8\nchannels=5", "[avgpool]\n", "pictures with 5 channels, expected 1"),
    ],
)
def test_a_network_that_does_not_classify_pictures_is_refused(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], net: str, layers: str, message: str
) -> None:
    path = tmp_path / "other.cfg"
    path.write_text(f"[net]\n{net}\n{layers}")
    network = load(path)
    network.save_weights(tmp_path / "other.weights")
    assert main(["classify", str(path), str(tmp_path / "other.weights"), *PHOTOS]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_numbers_given_twice_agree_with_the_library() -> None:
    assert pictures.PREPROCESSES == PREPROCESSES
    assert pictures.MAXIMUM_PIXELS == MAXIMUM_PIXELS


def test_a_terminal_that_has_no_such_letters_gets_escapes(command: Command, made_once: Path, tmp_path: Path) -> None:
    names = ["Ausfahrt\N{LATIN SMALL LETTER SHARP S}.png", "\N{SNOWMAN}.png", "line\nbreak.png"]
    if os.name != "nt":
        names.append("esc\x1b[2J.png")
    for name in names:
        shutil.copy(made_once / "photos/0.png", tmp_path / name)
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii:strict", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "60"}
    done = command("classify", "small.cfg", "small.weights", str(tmp_path), "none\n.png", environment=environment)
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert done.stderr.isascii()
    assert done.stdout.count("\\xc5land") + done.stdout.count("\\u") >= len(names)
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 4 * len(names)
    assert "error: none\\n.png: no such file" in done.stderr
    done = command("classify", "small.cfg", "small.weights", str(tmp_path), "--jsonl", environment=environment)
    assert sorted(Path(json.loads(line)["path"]).name for line in done.stdout.splitlines()) == sorted(names)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(["small.weights", "small.cfg"], 1, "small.weights: this is a Darknet weights", id="cfg"),
        pytest.param(["small.cfg", "cut.weights"], 1, "cut.weights: ", id="weights"),
        pytest.param(["small.cfg", "small.weights", "--names=two.names"], 1, "two.names: 2 class", id="names"),
        pytest.param(["small.cfg", "small.weights", "two.names"], 1, "two.names: text", id="picture"),
        pytest.param(["small.cfg", "--tpo=1", "small.weights"], 2, "unknown option --tpo.", id="usage"),
    ],
)
def test_each_kind_of_mistake_is_one_error(command: Command, words: list[str], code: int, message: str) -> None:
    picture = [] if "two.names" in words else ["photos/0.png"]
    done = command("classify", *words, *picture)
    assert (done.returncode, done.stdout) == (code, "")
    errors = [line for line in done.stderr.splitlines() if not line.startswith("compiling ")]
    assert errors[0].startswith("error: ")
    assert message in errors[0]
    assert len(errors) == (1 if code == 1 else 3)
    assert "Traceback" not in done.stderr
