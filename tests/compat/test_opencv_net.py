from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from darknetpy.compat import opencv_net
from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_net import Net, getAvailableTargets
from darknetpy.compat.opencv_readers import readNetFromDarknet
from darknetpy.config.shipped import find_cfg, find_weights
from darknetpy.errors import DarknetpyWarning
from tests.compat.detector import CFG, make_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small detector."""
    return make_files(tmp_path_factory.mktemp("detector"))


@pytest.fixture
def detector(files: Path) -> Net:
    return readNetFromDarknet(str(files / "small.cfg"), str(files / "small.weights"))


@pytest.fixture
def classifier() -> Net:
    return readNetFromDarknet(find_cfg("mnist"), find_weights("mnist"))


def blob(n: int = 1, h: int = 24, w: int = 32, c: int = 3) -> np.ndarray:
    return np.random.default_rng(1).random((n, c, h, w), np.float32)


def test_a_head_gives_rows_of_boxes(detector: Net) -> None:
    detector.setInput(blob())
    rows = detector.forward()
    assert (rows.shape, rows.dtype) == ((3 * 4 * 2, 8), np.float32)
    assert ((rows[:, 4:] >= 0) & (rows[:, 4:] <= 1)).all()
    detector.setInput(blob(2))
    assert detector.forward().shape == (2, 24, 8)


def test_pictures_of_another_size_and_several_at_once(detector: Net) -> None:
    several = blob(3, 48, 64)
    detector.setInput(several)
    together = detector.forward("yolo_3")
    assert together.shape == (3, 96, 8)
    for picture, rows in zip(several, together, strict=True):
        detector.setInput(picture[np.newaxis])
        np.testing.assert_allclose(detector.forward(), rows, atol=1e-6)


def test_names_give_an_array_and_lists_of_names_give_tuples(detector: Net) -> None:
    detector.setInput(blob())
    alone, listed = detector.forward("conv_2"), detector.forward(["conv_2", "yolo_3"])
    assert isinstance(listed, tuple)
    assert np.array_equal(alone, listed[0])
    assert np.array_equal(detector.forward(outBlobNames=["conv_2"])[0], alone)
    assert np.array_equal(detector.forwardAndRetrieve(["conv_2"])[0][0], alone)
    assert np.array_equal(detector.forward(""), listed[1])
    assert np.array_equal(detector.forward("permute_3"), alone.transpose(0, 2, 3, 1))


def test_the_input_is_less_the_mean_and_then_scaled(detector: Net) -> None:
    values = blob()
    detector.setInput((values - np.array([0.1, 0.2, 0.3], np.float32).reshape(3, 1, 1)) * 2)
    expected = detector.forward()
    detector.setInput(values, "data", 2.0, (0.1, 0.2, 0.3))
    np.testing.assert_allclose(detector.forward(), expected, atol=1e-5)


def test_bytes_become_numbers_and_the_callers_array_stays_as_it_is(classifier: Net) -> None:
    values = np.random.default_rng(1).integers(0, 256, (1, 1, 28, 28), np.uint8)
    kept = values.copy()
    classifier.setInput(values, scalefactor=1 / 255, mean=3)
    probabilities = classifier.forward()
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert np.array_equal(values, kept)


def test_layers_by_name_and_number(detector: Net) -> None:
    assert detector.getLayerNames()[:3] == ("conv_0", "bn_0", "leaky_1")
    assert [detector.getLayerId(name) for name in ("_input", "conv_0", "yolo_3", "nothing")] == [0, 1, 8, -1]
    assert detector.getLayer(1).name == detector.getLayer("conv_0").name == "conv_0"
    assert detector.getLayer(0).type == "__NetInputLayer__"
    assert detector.getLayer("conv_0").outputNameToIndex("conv_0") == 0
    assert detector.getUnconnectedOutLayers().tolist() == [8]
    assert detector.getUnconnectedOutLayers().dtype == np.int32
    assert detector.getUnconnectedOutLayersNames() == ("yolo_3",)
    assert detector.getLayerTypes() == (
        "BatchNorm", "Convolution", "Permute", "ReLU", "Region", "__NetInputLayer__",
    )  # fmt: skip
    assert [detector.getLayersCount(kind) for kind in ("Convolution", "__NetInputLayer__", "Nothing")] == [3, 1, 0]


def test_arrays_of_layers(detector: Net) -> None:
    assert detector.getParam("conv_0").shape == (8, 3, 3, 3)
    assert [blob.shape for blob in detector.getLayer("bn_0").blobs] == [(1, 8)] * 4
    assert [blob.shape for blob in detector.getLayer("conv_2").blobs] == [(16, 16, 1, 1), (1, 16)]
    assert detector.getParam("yolo_3").tolist() == [[8, 6, 14, 12]]
    detector.getParam(1)[:] = 0
    assert detector.getParam(1).any(), "what is given is a copy"
    with pytest.raises(error, match="numParam=1"):
        detector.getParam("conv_0", 1)


def test_times_are_kept(detector: Net) -> None:
    assert detector.getPerfProfile()[0] == 0
    detector.setInput(blob())
    detector.forward()
    ticks, timings = detector.getPerfProfile()
    assert ticks > 0
    assert (timings.shape, timings.sum()) == ((8,), ticks)


def test_a_wish_for_another_processor_is_answered_once(detector: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv_net, "_explained", set())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        detector.setPreferableBackend(3)
        detector.setPreferableTarget(0)
        assert caught == []
        detector.setPreferableBackend(5)
        detector.setPreferableTarget(6)
    (only,) = caught
    assert issubclass(only.category, DarknetpyWarning)
    assert "on the CPU alone" in str(only.message)
    assert only.filename == __file__
    assert getAvailableTargets(3) == (0,)
    assert getAvailableTargets(5) == ()


def test_other_switches_have_no_effect(detector: Net) -> None:
    detector.setInput(blob())
    before = detector.forward()
    detector.enableFusion(False)
    detector.enableWinograd(False)
    assert np.array_equal(detector.forward(), before)


def test_what_is_missing_is_said(detector: Net) -> None:
    with pytest.raises(error, match="Call setInput before forward"):
        detector.forward()
    with pytest.raises(error, match="empty"):
        Net().forward()
    assert Net().empty()
    assert Net().getUnconnectedOutLayersNames() == ()
    without = readNetFromDarknet(bytearray(CFG.encode()))
    without.setInput(blob())
    with pytest.raises(error, match=r"without weights.*Name the \.weights file"):
        without.forward()


def test_inputs_that_do_not_fit_are_refused(detector: Net) -> None:
    with pytest.raises(error, match="no input 'image'"):
        detector.setInput(blob(), "image")
    with pytest.raises(error, match="blobFromImage makes one"):
        detector.setInput([[1, 2]])  # type: ignore[arg-type]  # what is tested
    for wrong in (blob(c=4), blob()[0], np.float32(1)[np.newaxis]):
        detector.setInput(wrong)
        with pytest.raises(error, match=r"shape .*expected an array \(n, 3, 24, 32\)"):
            detector.forward()


@pytest.mark.parametrize("key", ["conv_9", 99, -1])
def test_layers_that_are_not_there(detector: Net, key: str | int) -> None:
    with pytest.raises(error, match="no layer"):
        detector.getLayer(key)
    detector.setInput(blob())
    with pytest.raises(error, match=r"no layer 'conv_9'.*Did you mean conv_"):
        detector.forward("conv_9")


def test_calls_that_are_not_there_name_those_that_are(detector: Net) -> None:
    with pytest.raises(AttributeError, match=r"Net has no forwardAsync. Did you mean forward"):
        _ = detector.forwardAsync
    with pytest.raises(AttributeError, match=r"There are: .*setInput"):
        _ = detector.quantize
