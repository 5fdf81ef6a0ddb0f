"""One script under OpenCV 4 and under darknetpy, on every network that OpenCV reads; the imports alone differ.

Without OpenCV 4 (extra ``bench``) these comparisons are skipped, and say so; what does not need it is in the other
modules of this folder.
"""

from __future__ import annotations

import importlib
import os
import runpy
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import darknetpy.cv2dnn
from darknetpy.config.sections import read_cfg
from darknetpy.config.shipped import find_cfg, find_weights
from darknetpy.dialect import DIALECTS
from darknetpy.errors import DarknetpyError
from tests.compat.detector import NETWORK, make_files
from tests.source_code import ROOT

SCRIPT = ROOT / "tests" / "compat" / "opencv_calls.py"
MODELS = ("cifar_small", "mnist_lenet", "mobilenetv2-yolo-fastest-voc", "tiny", "yolo-fastest-1.1", "yolo-lite-coco",
          "yolo-lite-micro", "yolo-lite-voc", "yoloface-500k-v2", "yoloface-50k")  # fmt: skip
CLASSIFIERS = ("cifar_small", "mnist_lenet", "tiny")
CANNOT_RUN_SEVERAL = ("mobilenetv2-yolo-fastest-voc", "yoloface-500k-v2")
"""OpenCV 4.14 stops with an assertion when networks with [scale_channels] get several pictures."""
OF_RANGE = 1e-3  # what a forward pass may differ by, as a part of the range of values
OF_GREY = 1.0  # grey levels

Script = types.SimpleNamespace


def run_as(module: str) -> Script:
    """The script's functions, with ``cv2`` being that module."""
    text = SCRIPT.read_text("utf-8")
    assert text.count("import cv2\n") == 1
    names: dict[str, Any] = {}
    exec(compile(text.replace("import cv2\n", f"import {module} as cv2\n"), SCRIPT, "exec"), names)
    return types.SimpleNamespace(**names)


@pytest.fixture(scope="module")
def theirs() -> Script:
    """The script under OpenCV 4."""
    opencv = pytest.importorskip("cv2", reason="needs OpenCV 4 to compare with: pip install 'opencv-python-headless<5'")
    if not hasattr(opencv.dnn, "readNetFromDarknet"):
        pytest.skip(f"OpenCV {opencv.__version__} does not read Darknet's networks: install opencv-python-headless<5")
    return run_as("cv2")


@pytest.fixture(scope="module")
def ours() -> Script:
    """The script under darknetpy."""
    return run_as("darknetpy.cv2dnn")


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Two pictures that look like something, (h, w, 3) uint8."""
    random = np.random.default_rng(11)
    fields = [random.integers(0, 256, shape, np.uint8) for shape in ((10, 13, 3), (21, 9, 3))]
    return [np.kron(field, np.ones((16, 16, 1), np.uint8)) + random.integers(0, 3, (1, 1, 3), np.uint8)
            for field in fields]  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The cfg and the weights of a small detector."""
    folder = make_files(tmp_path_factory.mktemp("detector"))
    return str(folder / "small.cfg"), str(folder / "small.weights")


def compare(a: Any, b: Any, within: Callable[[np.ndarray, np.ndarray], None], way: str = "") -> None:
    """The same types, shapes and dtypes, and values that ``within`` accepts for arrays of numbers."""
    assert type(a) is type(b), way
    if isinstance(a, dict):
        assert a.keys() == b.keys(), way
        for key in a:
            compare(a[key], b[key], within, f"{way}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), way
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            compare(one, other, within, f"{way}[{number}]")
    elif isinstance(a, np.ndarray):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), way
        within(a, b)
    else:
        assert a == (pytest.approx(b, abs=1e-4) if isinstance(a, float) else b), way


def exactly(a: np.ndarray, b: np.ndarray) -> None:
    assert np.array_equal(a, b)


def within_range(a: np.ndarray, b: np.ndarray) -> None:
    assert np.abs(a - b).max() <= OF_RANGE * np.ptp(a)


def within_a_grey_level(a: np.ndarray, b: np.ndarray) -> None:
    assert np.abs(a.astype(float) - b).max() <= OF_GREY * max(1, np.abs(a).max()) / 255


def closely(a: np.ndarray, b: np.ndarray) -> None:
    """For answers: whole numbers alike, others within 1e-4."""
    if a.dtype.kind == "i":
        assert np.array_equal(a, b)
    else:
        assert np.abs(a - b).max() <= 1e-4


def size_in(cfg: str) -> tuple[int, int]:
    net = read_cfg(cfg).net.values
    return int(net["width"]), int(net["height"])


def compare_network(theirs: Script, ours: Script, cfg: str, weights: str, pictures: list[np.ndarray]) -> None:
    """Layers, and outputs for equal blobs."""
    compare(theirs.look_at_layers(cfg, weights), ours.look_at_layers(cfg, weights), exactly)
    blobs = theirs.make_blobs(pictures, size_in(cfg))
    compare(theirs.run(cfg, weights, blobs["usual"]), ours.run(cfg, weights, blobs["usual"]), within_range)
    if not cfg.endswith(tuple(f"{name}.cfg" for name in CANNOT_RUN_SEVERAL)):
        several = blobs["several"]
        compare(theirs.run_several(cfg, weights, several), ours.run_several(cfg, weights, several), within_range)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, shared: Path) -> tuple[str, str]:
    """The cfg and the weights of each model that OpenCV reads."""
    stem = shared / "data" / "models" / request.param / request.param
    return f"{stem}.cfg", f"{stem}.weights"


@pytest.fixture(scope="module")
def photos(shared: Path) -> list[np.ndarray]:
    """Darknet's own sample photos, small, as OpenCV reads them."""
    opencv = pytest.importorskip("cv2", reason="needs OpenCV to read the photos")
    names = ("dog", "eagle", "giraffe", "horses", "person")
    return [opencv.imread(str(shared / "data" / "images" / f"{name}_small.png")) for name in names]


def test_models_give_the_same_layers_and_outputs(
    theirs: Script, ours: Script, model: tuple[str, str], photos: list[np.ndarray]
) -> None:
    compare_network(theirs, ours, *model, photos)


def test_models_find_and_name_the_same_things(
    theirs: Script, ours: Script, model: tuple[str, str], photos: list[np.ndarray]
) -> None:
    task = "classify" if Path(model[0]).stem in CLASSIFIERS else "detect"
    arguments = (*model, photos, size_in(model[0]))
    compare(getattr(theirs, task)(*arguments), getattr(ours, task)(*arguments), closely)


def test_small_detector(theirs: Script, ours: Script, small: tuple[str, str], pictures: list[np.ndarray]) -> None:
    compare_network(theirs, ours, *small, pictures)
    found = ours.detect(*small, pictures, NETWORK)
    assert any(len(boxes) for _, _, boxes in found)
    compare(theirs.detect(*small, pictures, NETWORK), found, closely)


def test_every_layer_of_the_small_detector(
    theirs: Script, ours: Script, small: tuple[str, str], pictures: list[np.ndarray]
) -> None:
    blob = ours.make_blobs(pictures, NETWORK)["usual"]
    for name in ours.look_at_layers(*small)["names"]:
        compare(theirs.run_layer(*small, blob, name), ours.run_layer(*small, blob, name), within_range, name)


def test_shipped_classifier(theirs: Script, ours: Script, pictures: list[np.ndarray]) -> None:
    cfg, weights = str(find_cfg("mnist")), str(find_weights("mnist"))
    blob = np.random.default_rng(2).random((1, 1, 28, 28), np.float32)
    compare(theirs.look_at_layers(cfg, weights), ours.look_at_layers(cfg, weights), exactly)
    for name in ours.look_at_layers(cfg, weights)["names"]:
        compare(
            theirs.run_layer(cfg, weights, blob, name), ours.run_layer(cfg, weights, blob, name), within_range, name
        )


@pytest.mark.parametrize("size", [(416, 416), (61, 47), (300, 200)], ids=str)
def test_blobs(theirs: Script, ours: Script, pictures: list[np.ndarray], size: tuple[int, int]) -> None:
    compare(theirs.make_blobs(pictures, size), ours.make_blobs(pictures, size), within_a_grey_level)


def test_blobs_of_bytes_are_the_same_to_the_bit(theirs: Script, ours: Script) -> None:
    random = np.random.default_rng(4)
    for _ in range(40):
        h, w, height, width = random.integers(20, 200, 4)
        picture = random.integers(0, 256, (h, w, 3), np.uint8)
        a, b = (script.make_blobs([picture], (int(width), int(height))) for script in (theirs, ours))
        for key in ("usual", "cropped", "mean", "swapped mean", "bytes", "grey", "letterbox", "larger"):
            assert np.array_equal(a[key], b[key]), (key, picture.shape, width, height)


def boxes_with_scores() -> Iterator[tuple[Any, ...]]:
    random = np.random.default_rng(9)
    for number in range(40):
        count = int(random.integers(1, 60))
        boxes = np.concatenate([random.uniform(-20, 100, (count, 2)), random.uniform(0, 60, (count, 2))], axis=1)
        scores = random.uniform(0, 1, count).round(1 if number % 3 == 0 else 6)  # many equal ones now and then
        classes = random.integers(0, 4, count)
        score, overlap = random.choice([0.0, 0.2, 0.5]), random.choice([0.0, 0.3, 0.6])
        yield boxes.tolist(), scores.tolist(), classes.tolist(), score, overlap, (1.0, 0.9)[number % 2], number % 9
    yield [], [], [], 0.5, 0.4, 1.0, 0


def test_suppression(theirs: Script, ours: Script) -> None:
    for number, arguments in enumerate(boxes_with_scores()):
        if arguments[0]:
            compare(theirs.suppress(*arguments), ours.suppress(*arguments), closely, str(number))


def test_the_example_prints_and_draws_the_same_under_both(
    theirs: Script, small: tuple[str, str], tmp_path: Path
) -> None:
    text = (ROOT / "examples" / "detect_with_opencv_calls.py").read_text("utf-8")
    one_word = text.replace("import darknetpy.cv2dnn as cv2", "import cv2")
    assert one_word != text
    answers = []
    for name, script in (("ours", text), ("theirs", one_word)):
        (tmp_path / f"{name}.py").write_text(script.replace("CONFIDENCE = 0.5", "CONFIDENCE = 0.3"))
        folder = Path(small[0]).parent
        out = tmp_path / f"{name}.png"
        arguments = [*small, folder / "small.names", folder / "photo.png", out, "--size", "32"]
        done = subprocess.run(
            [sys.executable, tmp_path / f"{name}.py", *arguments],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        answers.append((done.stdout, out.read_bytes()))
    assert answers[0][0].count("\n") > 0
    assert answers[0] == answers[1]


def test_one_changed_import_is_enough() -> None:
    door = darknetpy.cv2dnn
    assert door.dnn.readNetFromDarknet is door.readNetFromDarknet is darknetpy.compat.cv2dnn.readNetFromDarknet
    assert door.dnn_DetectionModel is door.dnn.DetectionModel
    assert issubclass(door.error, DarknetpyError)
    assert door.CV_32F == 5


def test_other_names_are_those_of_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = types.ModuleType("cv2")
    installed.imread = object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv2", installed)
    assert darknetpy.cv2dnn.imread is installed.imread
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = darknetpy.cv2dnn.no_such_name


def test_without_opencv_its_names_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(AttributeError, match=r"cv2\.imread is a name of OpenCV's own.*install opencv-python"):
        _ = darknetpy.cv2dnn.imread


def test_calls_for_other_networks_are_refused_by_name() -> None:
    with pytest.raises(AttributeError, match=r"no readNetFromONNX; it has .*readNetFromDarknet.*OpenCV's own"):
        _ = darknetpy.cv2dnn.dnn.readNetFromONNX
    assert set(dir(darknetpy.cv2dnn.dnn)) == set(darknetpy.cv2dnn.dnn.__all__)


def test_constants_are_those_of_opencv(theirs: Script) -> None:
    opencv = importlib.import_module("cv2")
    for name in darknetpy.cv2dnn.dnn.__all__:
        if isinstance(getattr(darknetpy.cv2dnn.dnn, name), int):
            assert getattr(darknetpy.cv2dnn.dnn, name) == getattr(opencv.dnn, name), name


def test_the_dialect_is_no_third_choice_for_users() -> None:
    assert "opencv" not in DIALECTS


def test_the_example_is_a_script() -> None:
    names = runpy.run_path(str(ROOT / "examples" / "detect_with_opencv_calls.py"))
    assert callable(names["find"])
