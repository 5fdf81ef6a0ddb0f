from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.compat.opencv_blobs import blobFromImage
from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_models import ClassificationModel, DetectionModel, Model
from darknetpy.compat.opencv_readers import readNetFromDarknet
from darknetpy.compat.opencv_suppression import NMSBoxes
from darknetpy.config.shipped import find_cfg, find_weights
from darknetpy.errors import DarknetpyWarning
from tests.compat.detector import NETWORK, PICTURE, make_files

WIDTH, HEIGHT = PICTURE


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The cfg and the weights of a small detector."""
    folder = make_files(tmp_path_factory.mktemp("detector"))
    return folder / "small.cfg", folder / "small.weights"


@pytest.fixture
def model(files: tuple[Path, Path]) -> DetectionModel:
    model = DetectionModel(*files)
    model.setInputParams(1 / 255, NETWORK, swapRB=True)
    return model


@pytest.fixture
def frame() -> np.ndarray:
    pixels = np.random.default_rng(1).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return np.kron(pixels, np.ones((8, 8, 1), np.uint8))


Found = list[tuple[int, float, list[int]]]


def boxes_by_loops(rows: np.ndarray, threshold: float) -> Found:
    """Best class, confidence and box of each row in whole pixels, cut at the picture's sides."""
    found = []
    for row in rows:
        best = int(row[5:].argmax())
        if row[5 + best] < threshold:
            continue
        x, y, w, h = (int(value * side) for value, side in zip(row[:4], (WIDTH, HEIGHT) * 2, strict=True))
        left, top = max(0, min(x - w // 2, WIDTH - 1)), max(0, min(y - h // 2, HEIGHT - 1))
        box = [left, top, max(1, min(w, WIDTH - left)), max(1, min(h, HEIGHT - top))]
        found.append((best, float(row[5 + best]), box))
    return found


def as_list(found: tuple[np.ndarray, ...]) -> Found:
    return [(int(one), float(sure), list(map(int, box))) for one, sure, box in zip(*found, strict=True)]


def test_boxes_are_those_of_the_rows_in_pixels(
    model: DetectionModel, files: tuple[Path, Path], frame: np.ndarray
) -> None:
    net = readNetFromDarknet(*files)
    net.setInput(blobFromImage(frame, 1 / 255, NETWORK, swapRB=True))
    expected = boxes_by_loops(net.forward(), 0.3)
    assert len(expected) > 2
    classes, confidences, boxes = found = model.detect(frame, 0.3)
    assert (classes.dtype, confidences.dtype, boxes.dtype) == (np.int32, np.float32, np.int32)
    assert as_list(found) == expected


def test_suppression_within_classes_and_across_them(model: DetectionModel, frame: np.ndarray) -> None:
    every = as_list(model.detect(frame, 0.1))
    kept = as_list(model.detect(frame, 0.1, 0.2))
    expected: Found = []
    for number in sorted({one for one, _, _ in every}):
        own = [found for found in every if found[0] == number]
        left = NMSBoxes([box for _, _, box in own], [sure for _, sure, _ in own], 0.1, 0.2)
        expected += [own[i] for i in left]
    assert kept == expected
    assert len(kept) < len(every)
    assert not model.getNmsAcrossClasses()
    assert model.setNmsAcrossClasses(True).getNmsAcrossClasses()
    left = NMSBoxes([box for _, _, box in every], [sure for _, sure, _ in every], 0.1, 0.2)
    assert as_list(model.detect(frame, 0.1, nmsThreshold=0.2)) == [every[i] for i in left]


def test_nothing_found_is_three_empty_tuples(model: DetectionModel, frame: np.ndarray) -> None:
    assert model.detect(frame, confThreshold=1.0) == ((), (), ())


def test_a_detection_model_suppresses_by_itself_and_not_in_the_head(
    files: tuple[Path, Path], frame: np.ndarray
) -> None:
    text = files[0].read_text() + "nms_threshold=0.01\n"
    with pytest.warns(DarknetpyWarning, match="nms_threshold"):  # which Darknet does not know
        net = readNetFromDarknet(text.encode(), files[1].read_bytes())
    net.setInput(blobFromImage(frame, 1 / 255, NETWORK))
    before = net.forward()
    DetectionModel(net)
    after = net.forward()
    assert (after[:, 5:] > 0).sum() > (before[:, 5:] > 0).sum()


def test_setters_can_be_chained(files: tuple[Path, Path], frame: np.ndarray) -> None:
    chained = DetectionModel(*reversed(files)).setInputScale(1 / 255).setInputSize(*NETWORK).setInputSwapRB(True)
    chained.setInputMean(0).setInputCrop(False).setPreferableBackend(0).setPreferableTarget(0).enableWinograd(True)
    plain = DetectionModel(*files)
    assert plain.setInputParams(size=NETWORK, scale=1 / 255, swapRB=True) is None
    assert as_list(chained.detect(frame, 0.2)) == as_list(plain.detect(frame, 0.2))
    assert chained.setInputCrop(True).predict(frame)[0].shape == (24, 8)
    assert chained.setOutputNames(["conv_2"]).predict(frame)[0].shape == (1, 16, 3, 4)


def test_a_scale_for_each_channel_or_for_all(files: tuple[Path, Path], frame: np.ndarray) -> None:
    model = Model(*files).setInputSize(NETWORK)
    alike = model.setInputScale(0.01).predict(frame)[0]
    assert np.array_equal(model.setInputScale((0.01, 0.01, 0.01)).predict(frame)[0], alike)
    assert not np.array_equal(model.setInputScale((0.01, 0.02, 0.01)).predict(frame)[0], alike)


def test_classifiers_name_the_likeliest_class() -> None:
    model = ClassificationModel(find_cfg("mnist"), find_weights("mnist")).setInputSize(28, 28).setInputScale(1 / 255)
    frame = np.zeros((28, 28), np.uint8)
    frame[4:24, 13:15] = 255
    class_id, probability = model.classify(frame)
    assert (type(class_id), type(probability)) == (int, float)
    values = model.predict(frame)[0].ravel()
    assert (class_id, probability) == (values.argmax(), pytest.approx(values.max()))
    assert not model.getEnableSoftmaxPostProcessing()
    softened = model.setEnableSoftmaxPostProcessing(True).classify(frame)[1]
    assert softened == pytest.approx(np.exp(values.max()) / np.exp(values).sum(), rel=1e-5)


def test_what_cannot_be_done_is_said(files: tuple[Path, Path], frame: np.ndarray) -> None:
    with pytest.raises(error, match=r"no input size.*setInputSize"):
        DetectionModel(*files).detect(frame)
    classifier = DetectionModel(find_cfg("mnist"), find_weights("mnist")).setInputSize(28, 28)
    with pytest.raises(error, match=r"ends with \[yolo\] or \[region\]"):
        classifier.detect(frame[:, :, 0])
    with pytest.raises(AttributeError, match=r"DetectionModel has no setInputScales. Did you mean setInputScale"):
        _ = classifier.setInputScales
    with pytest.raises(error, match="imread"):
        classifier.detect(None)
