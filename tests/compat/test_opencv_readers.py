from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_net import Net
from darknetpy.compat.opencv_readers import readNet, readNetFromDarknet
from darknetpy.errors import DarknetpyError, DarknetpyWarning
from tests.compat.detector import make_files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The cfg and the weights of a small detector."""
    folder = make_files(tmp_path_factory.mktemp("detector"))
    return folder / "small.cfg", folder / "small.weights"


def answer(net: Net) -> np.ndarray:
    net.setInput(np.random.default_rng(1).random((1, 3, 24, 32), np.float32))
    output: np.ndarray = net.forward()
    return output


def test_every_way_of_naming_the_files_gives_the_same_network(files: tuple[Path, Path]) -> None:
    cfg, weights = (str(path) for path in files)
    texts = [path.read_bytes() for path in files]
    arrays = [np.fromfile(path, np.uint8) for path in files]
    networks = [
        readNetFromDarknet(cfg, weights),
        readNetFromDarknet(*files),
        readNetFromDarknet(cfgFile=cfg, darknetModel=weights),
        readNetFromDarknet(*texts),
        readNetFromDarknet(*arrays),
        readNetFromDarknet(*(bytearray(text) for text in texts)),
        readNetFromDarknet(*(memoryview(text) for text in texts)),
        readNetFromDarknet(bufferCfg=texts[0], bufferModel=texts[1]),
        readNet(cfg, weights),
        readNet(weights, cfg),
        readNet(weights, cfg, "darknet"),
        readNet(*reversed(files)),
        readNet("darknet", arrays[1], arrays[0]),
        readNet(framework="Darknet", model=texts[1], config=texts[0]),
    ]
    expected = answer(networks[0])
    for net in networks[1:]:
        assert np.array_equal(answer(net), expected)


def test_layers_can_be_looked_at_without_weights(files: tuple[Path, Path]) -> None:
    for net in (readNetFromDarknet(files[0]), readNet(str(files[0])), readNetFromDarknet(files[0], "")):
        assert net.getLayerNames()[-1] == "yolo_3"


def test_batch_normalization_adds_a_millionth_to_the_variance() -> None:
    cfg = b"[net]\nwidth=1\nheight=1\nchannels=1\n[convolutional]\nbatch_normalize=1\nactivation=linear\n"
    variance = 3e-6
    weights = bytes(16) + np.array([0, 1, 0, variance, 1], "<f4").tobytes()  # bias, scale, mean, variance, weight
    net = readNetFromDarknet(cfg, weights)
    net.setInput(np.ones((1, 1, 1, 1), np.float32))
    assert net.forward().item() == pytest.approx(1 / np.sqrt(variance + 1e-6), rel=1e-6)


def test_a_file_of_names_beside_the_cfg_is_not_looked_at(tmp_path: Path) -> None:
    folder = make_files(tmp_path)
    (folder / "small.names").write_text("only one\n")
    readNetFromDarknet(folder / "small.cfg", folder / "small.weights")


def test_errors_of_files_are_those_that_scripts_catch(files: tuple[Path, Path], tmp_path: Path) -> None:
    cfg, weights = files
    with pytest.raises(error, match=r"nothing\.cfg: no such cfg file") as caught:
        readNetFromDarknet("nothing.cfg", weights)
    assert isinstance(caught.value, DarknetpyError)
    assert caught.value.path == "nothing.cfg"
    assert caught.value.msg == str(caught.value)
    broken = tmp_path / "broken.cfg"
    broken.write_text(cfg.read_text().replace("filters=8", "filters=four"))
    with pytest.raises(error, match="filters=four") as caught:
        readNet(str(broken), str(weights))
    assert (caught.value.section, caught.value.option) == ("convolutional", "filters")
    with pytest.raises(error, match="bytes"):
        readNetFromDarknet(cfg.read_bytes(), weights.read_bytes()[:-8])


def test_warnings_of_files_are_passed_on(files: tuple[Path, Path]) -> None:
    text = files[0].read_text().replace("stride=4", "stride=4\nstryde=4")
    with pytest.warns(DarknetpyWarning, match="stryde"):
        readNetFromDarknet(text.encode(), files[1])


@pytest.mark.parametrize(
    "arguments",
    [("net.onnx",), ("net.caffemodel", "net.prototxt"), ("net.weights",), ("a.cfg", "b.cfg"),
     ("a.weights", "a.cfg", "caffe"), ("",)],
    ids=" ".join,
)  # fmt: skip
def test_networks_of_other_programs_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(error, match=r"a \.cfg and a \.weights file of Darknet"):
        readNet(*arguments)
