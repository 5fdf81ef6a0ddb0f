"""``darknetpy detect``: answers and their forms, classes, tiles, sequences, files, mistakes."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darknetpy import load
from darknetpy.cli.main import main
from darknetpy.detection.formats import plain
from darknetpy.network import Network
from tests.compat.detector import NAMES, make_files

Run = Callable[..., tuple[int, str, str]]
PHOTOS = ["photos/0.png", "photos/1.jpg", "photos/2.png"]
THRESH = "0.2"  # at which the small network finds something in each picture
RECURRENT = """[net]
width=32
height=24
channels=3

[crnn]
batch_normalize=0
size=3
pad=1
output=8
hidden=8
activation=leaky

[convolutional]
filters=16
size=3
stride=8
pad=1
activation=leaky

[convolutional]
filters=16
size=1
activation=linear

[yolo]
mask=0,1
anchors=8,6, 14,12
classes=3
num=2
"""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small detector, and three photos of random squares."""
    folder = make_files(tmp_path_factory.mktemp("detector"))
    (folder / "photos").mkdir()
    for number, name in enumerate(PHOTOS):
        squares = np.random.default_rng(number).integers(0, 256, (10, 12 + number, 3), np.uint8)
        pixels = np.kron(squares, np.ones((8, 8, 1), np.uint8))
        Image.fromarray(pixels).save(folder / name, **({"quality": 95} if name.endswith("jpg") else {}))
    return folder


@pytest.fixture
def files(made_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made_once)
    return made_once


@pytest.fixture
def run(files: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Detect with the small network: exit code, standard output, standard error without the note on compiling."""

    def detected(*words: str) -> tuple[int, str, str]:
        try:
            code = main(
                ["detect", "small.cfg", "small.weights", *words, *([] if "--thresh" in words else ["--thresh", THRESH])]
            )
        except SystemExit as stop:
            code = int(str(stop.code))
        out, err = capsys.readouterr()
        return code, out, "".join(line for line in err.splitlines(True) if not line.startswith("compiling "))

    return detected


def expected(path: str, **settings: Any) -> list[dict[str, Any]]:
    """What the library finds."""
    return plain(load("small.cfg", "small.weights").detect(path, **{"thresh": float(THRESH), **settings}))


def objects(out: str) -> list[list[dict[str, Any]]]:
    return [json.loads(line)["detections"] for line in out.splitlines()]


def same(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    assert [one["class_id"] for one in first] == [one["class_id"] for one in second]
    for one, other in zip(first, second, strict=True):
        assert one["confidence"] == pytest.approx(other["confidence"], abs=1e-4)
        assert one["box"] == pytest.approx(other["box"], abs=0.05)


def test_text_has_the_path_and_a_line_for_each_object(run: Run) -> None:
    code, out, err = run(*PHOTOS)
    assert (code, err) == (0, "")
    blocks = re.split(r"^(?=photos)", out, flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks] == PHOTOS
    for path, block in zip(PHOTOS, blocks, strict=True):
        lines = block.splitlines()[1:]
        assert len(lines) == len(expected(path)) > 0
        for line, one in zip(lines, expected(path), strict=True):
            match = re.fullmatch(
                r"  (.*): (\d+)%\t\(left_x: +(\d+)   top_y: +(\d+)   width: +(\d+)   height: +(\d+)\)", line
            )
            assert match
            assert match[1] == one["label"]
            assert int(match[2]) == pytest.approx(100 * one["confidence"], abs=0.6)
            left, top, width, height = (int(match[place]) for place in range(3, 7))
            assert [left, top, left + width, top + height] == pytest.approx(one["box"], abs=1.1)


def test_json_lines_and_the_json_document_hold_the_same(run: Run) -> None:
    code, out, _ = run(*PHOTOS, "--jsonl")
    assert code == 0
    images = [json.loads(line) for line in out.splitlines()]
    assert [list(image) for image in images] == [["path", "width", "height", "detections"]] * 3
    assert [(image["width"], image["height"]) for image in images] == [(96, 80), (104, 80), (112, 80)]
    for image in images:
        same(image["detections"], expected(image["path"]))
        assert all(one["label"] == NAMES[one["class_id"]] for one in image["detections"])
    code, out, _ = run(*PHOTOS, "--json")
    assert json.loads(out) == {"network": "small.cfg", "weights": "small.weights", "images": images}
    _, out, _ = run(*PHOTOS, "--jsonl", "--batch", "2", "--threads", "1")
    for image, other in zip(images, objects(out), strict=True):
        same(image["detections"], other)


def test_darknets_json_and_coco_results_are_valid_documents(run: Run) -> None:
    code, out, _ = run(*PHOTOS, "--format", "darknet-json")
    assert code == 0
    frames = json.loads(out)
    assert [(frame["frame_id"], frame["filename"]) for frame in frames] == list(enumerate(PHOTOS, start=1))
    assert [len(frame["objects"]) for frame in frames] == [len(expected(path)) for path in PHOTOS]
    _, out, _ = run(*PHOTOS, "--format", "coco")
    results = json.loads(out)
    assert [result["image_id"] for result in results] == [
        number for number, path in enumerate(PHOTOS) for _ in expected(path)
    ]
    first = expected(PHOTOS[0])[0]
    left, top, right, bottom = first["box"]
    assert results[0]["category_id"] == first["class_id"] + 1
    assert results[0]["bbox"] == pytest.approx([left, top, right - left, bottom - top], abs=0.05)


@pytest.mark.parametrize("form", [["--format", "darknet-json"], ["--format", "coco"], ["--json"], ["--jsonl"]])
def test_documents_are_valid_where_nothing_is_found(run: Run, form: list[str]) -> None:
    code, out, _ = run(PHOTOS[0], *form, "--thresh", "1")
    assert code == 0
    found = json.loads(out)
    if form[-1] == "coco":
        assert found == []
    elif form[-1] == "darknet-json":
        assert found[0]["objects"] == []
    else:
        image = found["images"][0] if form == ["--json"] else found
        assert image["detections"] == []


def test_thresholds_are_those_of_the_library(run: Run) -> None:
    _, low, _ = run(PHOTOS[0], "--jsonl", "--thresh", "0.05", "--nms", "0.3")
    same(objects(low)[0], expected(PHOTOS[0], thresh=0.05, nms=0.3))
    _, out, _ = run(PHOTOS[0], "--jsonl", "--thresh", "0.05", "--nms", "1")
    assert len(objects(out)[0]) > len(objects(low)[0])


@pytest.mark.parametrize("how", ["letterbox", "stretch", "crop"])
def test_preprocess_is_chosen_by_option(run: Run, how: str) -> None:
    _, out, _ = run(PHOTOS[2], "--jsonl", "--preprocess", how, "--thresh", "0.1")
    same(objects(out)[0], expected(PHOTOS[2], preprocess=how, thresh=0.1))


def test_classes_are_chosen_by_name_and_number(run: Run) -> None:
    everything = objects(run(PHOTOS[0], "--jsonl", "--thresh", "0.05")[1])[0]
    kinds = sorted({one["class_id"] for one in everything})
    assert len(kinds) > 1
    for wanted in (NAMES[kinds[0]], str(kinds[0]), f" {NAMES[kinds[0]]} ,{kinds[0]}"):
        found = objects(run(PHOTOS[0], "--jsonl", "--thresh", "0.05", "--classes", wanted)[1])[0]
        same(found, [one for one in everything if one["class_id"] == kinds[0]])


@pytest.mark.parametrize(("wanted", "hint"), [("dgo", " Did you mean dog?"), ("3", ""), ("-1", ""), ("cat,", "")])
def test_classes_that_there_are_not_are_refused(run: Run, wanted: str, hint: str) -> None:
    code, out, err = run(PHOTOS[0], f"--classes={wanted}")
    assert (code, out) == (1, "")
    assert "--classes: no class " in err
    assert err.endswith(f"expected a name or a number below 3.{hint}\n")


def test_names_that_begin_with_dont_show_are_not_shown(run: Run, tmp_path: Path) -> None:
    kinds = {one["class_id"] for one in objects(run(PHOTOS[0], "--jsonl", "--thresh", "0.05")[1])[0]}
    names = tmp_path / "some.names"
    names.write_text("\n".join(["dont_show cat", "dog", "dont_show_me"]) + "\n")
    found = objects(run(PHOTOS[0], "--jsonl", "--thresh", "0.05", "--names", str(names))[1])[0]
    assert {one["class_id"] for one in found} == kinds & {1}


def test_copies_are_drawn_and_named_after_their_sources(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "drawn"
    code, _, err = run("photos", PHOTOS[0], "--out", str(out))
    assert (code, err) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["0-2.png", "0.png", "1.jpg", "2.png"]
    for path in PHOTOS:
        drawn, plain_picture = (np.asarray(Image.open(name)) for name in (out / Path(path).name, path))
        assert drawn.shape == plain_picture.shape
        assert (np.abs(drawn.astype(int) - plain_picture) > 60).any()


def test_without_a_wish_nothing_is_written(run: Run, files: Path) -> None:
    before = sorted(files.rglob("*"))
    run(*PHOTOS)
    assert sorted(files.rglob("*")) == before


def test_existing_files_stop_the_command_before_it_computes(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "drawn"
    out.mkdir()
    (out / "2.png").write_bytes(b"mine")
    code, text, err = run(*PHOTOS, "--out", str(out))
    assert (code, text) == (1, "")
    assert (
        err == f"error: {out / '2.png'}: the file exists already, expected a new one. Add --overwrite to replace it.\n"
    )
    assert [path.name for path in out.iterdir()] == ["2.png"]
    assert run(*PHOTOS, "--out", str(out), "--overwrite")[0] == 0
    assert (out / "2.png").read_bytes() != b"mine"
    assert run(*PHOTOS, "--out", str(tmp_path / "none" / "drawn"))[0] == 1


def test_of_a_list_on_standard_input_files_are_checked_one_by_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1.jpg").write_bytes(b"mine")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(PHOTOS).encode())))
    code, out, err = run("-", "--jsonl", "--out", str(tmp_path))
    assert code == 1
    assert [json.loads(line)["path"] for line in out.splitlines()] == PHOTOS[:1]
    assert err.startswith(f"error: {tmp_path / '1.jpg'}: the file exists already")
    assert (tmp_path / "1.jpg").read_bytes() == b"mine"


def test_crops_and_labels_are_saved(run: Run, tmp_path: Path) -> None:
    crops, labels = tmp_path / "crops", tmp_path / "labels"
    code, out, _ = run(*PHOTOS, "--jsonl", "--crop-out", str(crops), "--labels-out", str(labels))
    assert code == 0
    found = dict(zip(PHOTOS, objects(out), strict=True))
    names = {f"{one['label']}/{Path(path).stem}_{number}{Path(path).suffix}"
             for path, ones in found.items() for number, one in enumerate(ones, start=1)}  # fmt: skip
    assert {path.relative_to(crops).as_posix() for path in crops.rglob("*.*")} == names
    for path, ones in found.items():
        lines = (labels / f"{Path(path).stem}.txt").read_text().splitlines()
        assert len(lines) == len({tuple(one["box"]) for one in ones})
        class_id, x, _, width, _ = map(float, lines[0].split())
        left, _, right, _ = ones[0]["box"]
        size = Image.open(path).size
        assert class_id == ones[0]["class_id"]
        assert [x * size[0], width * size[0]] == pytest.approx([(left + right) / 2, right - left], abs=0.02)


def test_labels_are_saved_beside_the_pictures(run: Run, tmp_path: Path) -> None:
    Image.open(PHOTOS[0]).save(tmp_path / "a.png")
    assert run(str(tmp_path / "a.png"), "--save-labels")[0] == 0
    assert (tmp_path / "a.txt").read_text()
    assert "exists already" in run(str(tmp_path / "a.png"), "--save-labels")[2]


def test_a_picture_that_cannot_be_read_is_reported_and_the_others_go_on(run: Run, tmp_path: Path) -> None:
    words = (PHOTOS[0], "none.png", "small.names", PHOTOS[1])
    for form in (["--jsonl"], ["--json"], ["--format", "darknet-json"], ["--format", "coco"]):
        code, out, err = run(*words, *form, "--batch", "3")
        assert code == 1
        assert err.splitlines()[0] == "error: none.png: no such file, expected a picture."
        assert err.splitlines()[-1] == "2 of 4 pictures have no answer."
        if form == ["--jsonl"]:
            images = [json.loads(line) for line in out.splitlines()]
            assert ["error" in image for image in images] == [False, True, True, False]
        else:
            json.loads(out)
    code, out, _ = run(*words, "--out", str(tmp_path / "drawn"))
    assert code == 1
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["0.png", "1.jpg"]


def test_an_answer_that_is_not_a_number_comes_after_the_answers_before_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, calls = Network.predict, iter(range(9))

    def predict(network: Network, *given: Any, **options: Any) -> Any:
        heads = right(network, *given, **options)
        return [head + np.float32("nan") for head in heads] if next(calls) == 1 else heads

    monkeypatch.setattr(Network, "predict", predict)
    code, out, err = run("photos", "--jsonl")
    assert (code, [json.loads(line)["path"] for line in out.splitlines()]) == (1, PHOTOS[:1])
    assert "small.weights: the network's answer is not finite, expected boxes and probabilities" in err


def test_tiles_find_what_the_whole_picture_does_not_show(run: Run, tmp_path: Path) -> None:
    with Image.open(PHOTOS[0]) as photo:
        large = Image.new("RGB", (160, 120), (128, 128, 128))
        large.paste(photo.resize((32, 24)), (64, 48))
    large.save(tmp_path / "large.png")
    words = (str(tmp_path / "large.png"), "--jsonl", "--thresh", "0.25")
    whole, tiled = (objects(run(*words, *more)[1])[0] for more in ([], ["--tiles", "--batch", "7"]))
    assert len(tiled) > len(whole)
    assert all(0 <= left < right <= 160 and 0 <= top < bottom <= 120 for left, top, right, bottom in
               (one["box"] for one in tiled))  # fmt: skip
    small = objects(run(PHOTOS[0], "--jsonl", "--tiles", "--tile-size", "200")[1])[0]
    same(small, expected(PHOTOS[0]))


@pytest.fixture
def recurrent(tmp_path: Path) -> list[str]:
    (tmp_path / "film.cfg").write_text(RECURRENT)
    load(tmp_path / "film.cfg").save_weights(tmp_path / "film.weights")
    return ["detect", str(tmp_path / "film.cfg"), str(tmp_path / "film.weights")]


def test_frames_of_a_sequence_remember_the_frames_before(
    files: Path, recurrent: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def confidences(*words: str) -> list[list[float]]:
        assert main([*recurrent, *words, "--jsonl", "--thresh", "0", "--nms", "1"]) == 0
        return [sorted(one["confidence"] for one in ones) for ones in objects(capsys.readouterr().out)]

    frames = [PHOTOS[0]] * 3
    alone, film = confidences(*frames), confidences(*frames, "--sequence")
    assert alone[0] == alone[1] == alone[2]
    assert film[0] == pytest.approx(alone[0], abs=1e-6)
    assert film[1] != pytest.approx(alone[1], abs=1e-4)
    network = load(*recurrent[1:])
    state = network.new_state()
    for frame, seen in zip(frames, film, strict=True):
        found = network.detect(frame, thresh=0, nms=None, state=state)
        assert sorted(found.confidence.tolist()) == pytest.approx(seen, abs=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--thresh", "5"], "--thresh: '5', expected a number from 0 to 1"),
        (["--thresh", "nan"], "--thresh: 'nan', expected"),
        (["--nms", "abc", "--thresh", "0"], "--nms: 'abc', expected"),
        (["--format", "darknet"], "--format: 'darknet', expected darknet-json or coco. Did you mean darknet-json?"),
        (["--tresh", ".5"], "unknown option --tresh. Did you mean --thresh?"),
        (["--json", "--jsonl"], "not allowed with"),
        (["--tiles", "--sequence"], "not allowed with"),
        (["--save-labels", "--labels-out", "x"], "not allowed with"),
        (["--sequence", "--batch", "2"], "--sequence takes one picture after the other"),
        (["--tile-size", "100"], "--tile-size without --tiles"),
        (["--out"], "--out: expected one argument"),
    ],
)
def test_a_wrong_command_line_is_refused(run: Run, words: list[str], message: str) -> None:
    code, out, err = run(PHOTOS[0], *words)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[0]


def test_a_network_that_finds_no_objects_is_refused(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.cfg"
    path.write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[avgpool]\n[softmax]\n")
    weights = tmp_path / "other.weights"
    weights.write_bytes((files / "small.weights").read_bytes()[:20])
    assert main(["detect", str(path), str(weights), *PHOTOS]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "finds no objects" in err
    assert "darknetpy classify" in err


def test_grey_networks_draw_into_colour_pictures(tmp_path: Path, files: Path) -> None:
    cfg = tmp_path / "grey.cfg"
    cfg.write_text((files / "small.cfg").read_text().replace("channels=3", "channels=1"))
    load(cfg).save_weights(tmp_path / "grey.weights")
    out = tmp_path / "drawn"
    assert (
        main(["detect", str(cfg), str(tmp_path / "grey.weights"), PHOTOS[0], "--thresh", "1", "--out", str(out)]) == 0
    )
    np.testing.assert_array_equal(np.asarray(Image.open(out / "0.png")), np.asarray(Image.open(PHOTOS[0])))
