"""Scripts written for Darknet's ctypes module run with ``from darknetpy import darknet``."""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darknetpy import darknet
from darknetpy.errors import ConfigError, DarknetpyWarning, ImageError
from tests.cli.processes import PATIENCE, ROOT, clean_environment
from tests.compat.detector import NAMES, NETWORK, PICTURE, make_files

BEST_OF_DARKNET = [
    ("dog", 48.39, (45.026, 14.873, 58.848, 17.402)),
    ("dog", 45.63, (93.410, 14.531, 52.603, 16.678)),
    ("dog", 44.65, (92.745, 68.180, 27.777, 13.594)),
    ("dog", 43.86, (68.946, 15.881, 54.675, 17.207)),
    ("dog", 43.31, (92.954, 42.899, 27.593, 13.611)),
    ("dog", 40.55, (67.960, 40.401, 18.677, 12.540)),
]
"""What AlexeyAB/darknet finds in the picture with -thresh 0.2: the best of 39 answers."""
SUM_OF_DARKNET = 1170.557
"""Of the percent of all 39; without suppression there are 43."""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_files(tmp_path_factory.mktemp("detector"))


@pytest.fixture
def files(made_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the detector, which is the current one."""
    monkeypatch.chdir(made_once)
    return made_once


@pytest.fixture
def network(files: Path) -> darknet.DarknetNetwork:
    return darknet.load_network("small.cfg", "small.data", "small.weights")[0]


@pytest.fixture
def photo(files: Path) -> darknet.IMAGE:
    return darknet.load_image("photo.png", 0, 0)


def values(network: darknet.DarknetNetwork, image: darknet.IMAGE) -> np.ndarray:
    """The picture at the network's size, (3, h, w)."""
    return np.asarray(network.network.prepare(np.ascontiguousarray(image.planes()[0].transpose(1, 2, 0)),
                                              preprocess="stretch"))  # fmt: skip


def test_a_network_comes_with_names_and_colours(files: Path) -> None:
    network, class_names, colours = darknet.load_network("small.cfg", "small.data", "small.weights", batch_size=1)
    assert class_names == NAMES
    assert list(colours) == NAMES
    assert (darknet.network_width(network), darknet.network_height(network)) == NETWORK


def test_answers_are_those_of_darknet(network: darknet.DarknetNetwork, photo: darknet.IMAGE) -> None:
    found = darknet.detect_image(network, NAMES, photo, thresh=0.2)
    percents = [float(confidence) for _, confidence, _ in found]
    assert len(found) == 39
    assert percents == sorted(percents)
    assert sum(percents) == pytest.approx(SUM_OF_DARKNET, abs=0.2)  # each is rounded to hundredths
    for (label, confidence, bbox), (expected, percent, bounds) in zip(found[::-1], BEST_OF_DARKNET, strict=False):
        assert (label, float(confidence)) == (expected, pytest.approx(percent, abs=0.011))
        assert bbox == pytest.approx(bounds, abs=2e-3)
    assert len(darknet.detect_image(network, NAMES, photo, thresh=0.2, nms=0)) == 43
    assert darknet.detect_image(network, NAMES, photo, thresh=0.6) == []


def test_the_same_step_by_step(network: darknet.DarknetNetwork, photo: darknet.IMAGE) -> None:
    number = ctypes.pointer(ctypes.c_int(0))
    darknet.predict_image(network, photo)
    found = darknet.get_network_boxes(network, photo.w, photo.h, 0.2, 0.5, None, 0, number, 0)
    assert number[0] == len(found)
    darknet.do_nms_sort(found, number[0], len(NAMES), 0.45)
    answers = darknet.decode_detection(darknet.remove_negatives(found, NAMES, number[0]))
    darknet.free_detections(found, number[0])
    assert sorted(answers) == sorted(darknet.detect_image(network, NAMES, photo, thresh=0.2))
    relative = darknet.get_network_boxes(network, photo.w, photo.h, 0.2, 0.5, None, 1, None, 0)
    assert relative[0].bbox.x * photo.w == pytest.approx(found[0].bbox.x, rel=1e-6)


def test_a_letterboxed_picture_gives_boxes_in_its_own_pixels(
    network: darknet.DarknetNetwork, photo: darknet.IMAGE
) -> None:
    darknet.predict_image_letterbox(network, photo)
    found = darknet.get_network_boxes(network, photo.w, photo.h, 0.2, 0.5, None, 0, None, 1)
    answers = darknet.remove_negatives(found, NAMES, len(found))
    same = network.network.detect("photo.png", thresh=0.2, nms=None, preprocess="letterbox")
    assert max(probability for _, probability, _ in answers) == pytest.approx(float(same.confidence.max()), abs=1e-6)
    best = max(answers, key=lambda answer: answer[1])
    assert best[2] == pytest.approx(same.relative[0] * (*PICTURE, *PICTURE), abs=1e-3)


def test_suppression_of_all_classes_at_once(network: darknet.DarknetNetwork, photo: darknet.IMAGE) -> None:
    darknet.predict_image(network, photo)
    found = darknet.get_network_boxes(network, photo.w, photo.h, 0.2, 0.5, None, 0, None, 0)
    before = [detection.prob.copy() for detection in found]
    darknet.do_nms_obj(found, len(found), len(NAMES), 0.45)
    left = [detection for detection in found if detection.objectness > 0]
    assert 0 < len(left) < len(found)
    for detection, probabilities in zip(found, before, strict=True):
        assert np.array_equal(detection.prob, probabilities if detection.objectness > 0 else 0 * probabilities)
    darknet.do_nms_obj([], 0, len(NAMES), 0.45)


def test_a_batch_gives_what_single_pictures_give(files: Path, photo: darknet.IMAGE) -> None:
    network, class_names, _ = darknet.load_network("small.cfg", "small.data", "small.weights", batch_size=2)
    first = values(network, photo)
    batch = np.stack([first, first[:, ::-1]])
    pointer = batch.ctypes.data_as(darknet.POINTER(darknet.c_float))
    pairs = darknet.network_predict_batch(
        network, darknet.IMAGE(*NETWORK, 3, pointer), 2, *PICTURE, 0.2, 0.5, None, 0, 0
    )
    for picture, pair in zip(batch, pairs, strict=True):
        darknet.predict_image(network, darknet.IMAGE(*NETWORK, 3, picture))
        alone = darknet.get_network_boxes(network, *PICTURE, 0.2, 0.5, None, 0, None, 0)
        assert pair.num == len(pair.dets) == len(alone)
        together, single = (darknet.remove_negatives(dets, class_names, pair.num) for dets in (pair.dets, alone))
        assert [name for name, _, _ in together] == [name for name, _, _ in single]
        for (_, probability, bounds), (_, expected, expected_bounds) in zip(together, single, strict=True):
            assert (probability, *bounds) == pytest.approx((expected, *expected_bounds), rel=1e-5)
    darknet.free_batch_detections(pairs, 2)
    outputs = darknet.network_predict(network, pointer)
    assert outputs.size == 2 * darknet.predict_image(network, darknet.IMAGE(*NETWORK, 3, first)).size


def test_the_names_of_older_scripts(files: Path, photo: darknet.IMAGE) -> None:
    network = darknet.load_net(b"small.cfg", b"small.weights", 0)
    meta = darknet.load_meta(b"small.data")
    assert (meta.classes, [name.decode() for name in meta.names]) == (3, NAMES)
    found = darknet.detect(network, meta, b"photo.png", thresh=0.2)
    label, probability, bounds = found[0]
    assert (label, len(found)) == (b"dog", 39)
    assert probability == pytest.approx(0.4839, abs=1e-4)
    assert bounds == pytest.approx(BEST_OF_DARKNET[0][2], abs=2e-3)


def test_pictures_are_resized_when_they_are_read(files: Path, photo: darknet.IMAGE) -> None:
    small = darknet.load_image("photo.png", 32, 24)
    assert (small.w, small.h, small.c) == (32, 24, 3)
    boxed = darknet.letterbox_image(photo, 32, 24)
    assert boxed.planes().shape == (1, 3, 24, 32)
    assert (boxed.planes()[0, :, :, 0] == 0.5).all()  # grey beside a picture that is higher than the network


def test_a_classifier_answers_for_every_class(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.data").write_text(f"classes = 10\nnames = {ROOT / 'cfg' / 'mnist.names'}\n")
    network, class_names, _ = darknet.load_network("mnist", "digits.data", "mnist")
    picture = np.asarray(Image.open(ROOT / "examples" / "digit-7.png").convert("L").resize((28, 28)))
    image = darknet.make_image(28, 28, 1)
    darknet.copy_image_from_bytes(image, picture.tobytes())
    predictions = darknet.predict_image(network, image)
    assert class_names[int(predictions.argmax())] == "7"
    answers = darknet.classify(network, darknet.load_meta("digits.data"), image)
    assert (answers[0][0], len(answers)) == (b"7", 10)
    assert darknet.get_network_boxes(network, 28, 28, 0.2, 0.5, None, 0, None, 0) == []


def test_other_classes_than_the_network_are_refused(files: Path, tmp_path: Path) -> None:
    """DATA-009"""
    (tmp_path / "wrong.data").write_text(f"classes = 9\nnames = {files / 'small.names'}\n")
    with pytest.raises(ConfigError, match=r"wrong\.data:1:11: classes=9, expected the 3 classes of small\.cfg"):
        darknet.load_network("small.cfg", str(tmp_path / "wrong.data"), "small.weights")


def test_there_is_no_gpu() -> None:
    darknet.init_cpu()
    with pytest.warns(DarknetpyWarning, match="there is no GPU support"):
        darknet.set_gpu(0)


def test_a_threshold_that_is_none_is_refused(network: darknet.DarknetNetwork, photo: darknet.IMAGE) -> None:
    with pytest.raises(ValueError, match=r"thresh=25, expected a number from 0 to 1"):
        darknet.detect_image(network, NAMES, photo, thresh=25)


def test_an_image_of_another_kind_is_refused(network: darknet.DarknetNetwork) -> None:
    with pytest.raises(ImageError):
        darknet.predict_image(network, darknet.make_image(*NETWORK, 1))


def test_what_a_recurrent_network_remembers_can_be_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.cfg").write_text(
        "[net]\nwidth=2\nheight=2\nchannels=3\n\n[crnn]\nhidden_filters=4\noutput_filters=3\nactivation=logistic\n"
        "size=3\npad=1\n"
    )
    from darknetpy.network import load

    load("a.cfg").save_weights("a.weights")
    network = darknet.load_net("a.cfg", "a.weights", 0)
    image = darknet.make_image(2, 2, 3)
    image.data[:] = 0.5
    first, second = (darknet.predict_image(network, image).copy() for _ in range(2))
    darknet.reset_rnn(network)
    assert not np.array_equal(first, second)
    assert np.array_equal(darknet.predict_image(network, image), first)


def run_example(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "examples" / "detect_with_ctypes_names.py"
    return subprocess.run(
        [sys.executable, str(script), *words], cwd=folder, env=clean_environment(), timeout=PATIENCE,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def printed(text: str) -> list[tuple[str, float]]:
    return [(name, float(percent)) for name, percent in re.findall(r"^(.+): ([0-9.]+)%    \(left_x: ", text, re.M)]


def test_the_example_script_runs(files: Path, tmp_path: Path) -> None:
    done = run_example("small.cfg", "small.data", "small.weights", "photo.png", "--thresh", "0.3",
                       "--drawn", str(tmp_path / "drawn.png"), folder=files)  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = printed(done.stdout)
    assert answers
    assert all(name in NAMES and 30 <= percent <= 100 for name, percent in answers)
    before, after = (np.asarray(Image.open(path)) for path in (files / "photo.png", tmp_path / "drawn.png"))
    assert after.shape == before.shape
    assert (after != before).any()


def test_the_example_script_runs_with_a_network_of_others(shared: Path, tmp_path: Path) -> None:
    model = shared / "data" / "models" / "yoloface-50k"
    (tmp_path / "face.data").write_text(f"classes = 1\nnames = {model / 'yoloface-50k.names'}\n")
    picture = shared / "data" / "images" / "dog_small.png"
    done = run_example(str(model / "yoloface-50k.cfg"), "face.data", str(model / "yoloface-50k.weights"), str(picture),
                       "--thresh", "0.1", folder=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {name for name, _ in printed(done.stdout)} == {"face"}


def test_numbers_of_a_network_of_others(shared: Path, tmp_path: Path) -> None:
    model = shared / "data" / "models" / "yoloface-50k"
    (tmp_path / "face.data").write_text(f"classes = 1\nnames = {model / 'yoloface-50k.names'}\n")
    network, names, _ = darknet.load_network(
        model / "yoloface-50k.cfg", tmp_path / "face.data", model / "yoloface-50k.weights"
    )
    recorded: dict[str, Any] = json.loads((model / "results.json").read_text())
    runs = recorded.get("runs", recorded)["ab_resize"]
    for name in [name for name in runs if name.endswith(".png")]:
        image = darknet.load_image(shared / "data" / "images" / name, 0, 0)
        found = darknet.detect_image(network, names, image, thresh=0.1)[::-1]
        assert len(found) == len(runs[name]["dets"])
        for (_, confidence, bbox), (_, probability, *relative) in zip(found, runs[name]["dets"], strict=True):
            assert float(confidence) == pytest.approx(100 * probability, abs=0.011)
            assert bbox == pytest.approx(np.array(relative) * (image.w, image.h, image.w, image.h), abs=0.01)
