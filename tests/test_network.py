"""The API that users meet: loading, running, classifying, saving, and several threads at once."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import darknetpy
from darknetpy.errors import ConfigError, DarknetpyWarning, ImageError, WeightsError

CFG = """[net]
width=20
height=16
channels=3

[conv]
filters=20
size=3
stride=2
pad=1
batch_normalize=1
activation=leaky

[convolutional]
filters=7
size=3
pad=1
activation=mish

[shortcut]
from=-2
activation=linear

[convolutional]
filters=5
activation=linear

[avgpool]

[softmax]
"""
NAMES = ["ant", "bee", "cat", "dog", "emu"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with net.cfg, net.weights and net.names."""
    (tmp_path / "net.cfg").write_text(CFG)
    (tmp_path / "net.names").write_text("\n".join(NAMES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DarknetpyWarning)
        network = darknetpy.load(tmp_path / "net.cfg", seed=3)
    random = np.random.default_rng(4)
    for node in network.layers:
        for array in node.arrays:
            values = random.standard_normal(array.shape, dtype=np.float32)
            node.weights[array.name] = np.abs(values) + 0.5 if array.name == "rolling_variance" else values
    network.save_weights(tmp_path / "net.weights")
    return tmp_path


@pytest.fixture
def network(files: Path) -> darknetpy.Network:
    return load(files)


def load(files: Path, **options: object) -> darknetpy.Network:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DarknetpyWarning)  # channels of the shortcut differ
        return darknetpy.load(files / "net.cfg", files / "net.weights", **options)  # type: ignore[arg-type]


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(5).random((3, 3, 16, 20), dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "shape", "first", "parameters"),
    [("mnist", (1, 28, 28), ["0", "1", "2"], 182_314),
     ("cifar10-compact", (3, 32, 32), ["airplane", "automobile", "bird"], 513_130)],
)  # fmt: skip
def test_shipped_networks_are_found_by_name_with_weights_and_names(
    name: str, shape: tuple[int, ...], first: list[str], parameters: int
) -> None:
    network = darknetpy.load(name, name)
    assert (network.input_shape, network.classes) == (shape, 10)
    assert network.names is not None
    assert network.names[:3] == first
    assert network.loaded is not None
    assert network.loaded.parameters == network.graph.parameters == parameters


@pytest.mark.quick
@pytest.mark.parametrize("digit", range(10))
def test_mnist_reads_the_drawn_examples(digit: int) -> None:
    network = darknetpy.load("mnist", "mnist")
    best = network.classify(Path(__file__).parents[1] / "examples" / f"digit-{digit}.png", top=1)[0]
    assert (best.label, best.class_id) == (str(digit), digit)
    assert best.probability > 0.98


def test_engine_and_plain_form_agree(network: darknetpy.Network, batch: np.ndarray) -> None:
    every = range(len(network.layers))
    fast = network.predict(batch, outputs=every)
    plain = network.predict(batch, outputs=every, engine=False)
    for ours, definition in zip(fast, plain, strict=True):
        assert ours.shape == definition.shape
        assert np.abs(ours - definition).max() <= 1e-5 * np.abs(definition).max()


def test_a_batch_is_its_pictures_one_by_one(network: darknetpy.Network, batch: np.ndarray) -> None:
    together = network(batch)
    for row, picture in zip(together, batch, strict=True):
        np.testing.assert_array_equal(network(picture[np.newaxis])[0], row)


def test_double_precision_runs_in_double(network: darknetpy.Network, batch: np.ndarray) -> None:
    double = network.predict(batch.astype(np.float64), engine=False)
    assert isinstance(double, np.ndarray)
    assert double.dtype == np.float64
    np.testing.assert_allclose(double, network(batch), atol=1e-4)


def test_outputs_are_named_by_index_and_by_type(network: darknetpy.Network, batch: np.ndarray) -> None:
    by_name, by_index = network.predict(batch, outputs=["conv3", -1])
    np.testing.assert_array_equal(by_name, network.predict(batch, outputs=["convolutional3"])[0])
    np.testing.assert_array_equal(by_index, network(batch))
    assert network.layers["shortcut2"] is network.layers[2]
    with pytest.raises(KeyError, match=r"no layer conv2.*convolutional0"):
        network.layers["conv2"]


def test_activations_are_the_outputs_of_all_layers(network: darknetpy.Network, batch: np.ndarray) -> None:
    outputs = network.activations(batch)
    assert [output.shape[1:] for output in outputs] == [node.output_shape for node in network.layers]
    np.testing.assert_array_equal(outputs[-1], network.predict(batch, engine=False))


def test_another_size_of_picture_runs_where_layers_allow_it(network: darknetpy.Network) -> None:
    larger = np.random.default_rng(6).random((1, 3, 24, 33), dtype=np.float32)
    assert network(larger).shape == (1, 5)
    np.testing.assert_allclose(network(larger), network.predict(larger, engine=False), rtol=1e-4)


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        (np.zeros((1, 3, 16, 20)), "dtype float64"),
        (np.zeros((1, 3, 16, 20), np.uint8), "dtype uint8"),
        ([[1.0]], "a list"),
        (np.zeros((3, 16, 20), np.float32), r"shape \(3, 16, 20\)"),
        (np.zeros((1, 1, 16, 20), np.float32), r"shape \(1, 1, 16, 20\)"),
        (np.zeros((0, 3, 16, 20), np.float32), r"shape \(0, 3, 16, 20\)"),
        (np.full((1, 3, 16, 20), np.nan, np.float32), "not finite"),
        (np.full((1, 3, 16, 20), np.inf, np.float32), "not finite"),
    ],
)
def test_input_that_does_not_fit_is_refused_with_what_would(
    network: darknetpy.Network, batch: np.ndarray, found: str
) -> None:
    with pytest.raises(ImageError, match=found):
        network.predict(batch)


def test_classify_takes_arrays_and_lists(network: darknetpy.Network) -> None:
    pictures = list(np.random.default_rng(7).integers(0, 256, (5, 30, 40, 3), dtype=np.uint8))
    single = [network.classify(picture, top=2) for picture in pictures]
    network.batch = 2
    assert network.classify(pictures, top=2) == single
    assert all(answer.label == NAMES[answer.class_id] for answers in single for answer in answers)
    assert len(network.classify(pictures[0], top=99)) == 5


def test_bgr_is_rgb_turned_round(network: darknetpy.Network) -> None:
    picture = np.random.default_rng(8).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    assert network.classify(picture[..., ::-1], channels="bgr") == network.classify(picture)


def test_dialects_differ_in_batch_normalization_and_preprocessing(files: Path, batch: np.ndarray) -> None:
    ours, theirs = load(files), load(files, dialect="pjreddie")
    assert not np.array_equal(ours(batch), theirs(batch))
    np.testing.assert_allclose(ours(batch), theirs(batch), atol=1e-3)
    wide = np.random.default_rng(9).integers(0, 256, (16, 60, 3), dtype=np.uint8)
    np.testing.assert_array_equal(ours.prepare(wide), ours.prepare(wide, preprocess="crop"))
    np.testing.assert_array_equal(theirs.prepare(wide), theirs.prepare(wide, preprocess="letterbox"))
    with pytest.raises(ValueError, match="alexeyab, pjreddie"):
        load(files, dialect="opencv")


def test_saved_weights_are_the_loaded_file(network: darknetpy.Network, files: Path) -> None:
    network.save_weights(files / "again.weights")
    assert (files / "again.weights").read_bytes() == (files / "net.weights").read_bytes()
    network.save_weights(files / "part.weights", upto=1)
    with pytest.warns(DarknetpyWarning, match="equal shapes"):
        part = darknetpy.load(files / "net.cfg", files / "part.weights", upto=1, seed=1)
    np.testing.assert_array_equal(part.layers[0].weights["weights"], network.layers[0].weights["weights"])
    assert not np.array_equal(part.layers[1].weights["weights"], network.layers[1].weights["weights"])


@pytest.mark.parametrize(("memory", "tolerance"), [("packed", 0), ("low", 1e-5)])  # low: other kernels, other rounding
def test_less_memory_gives_the_same_answers_and_arrays(
    files: Path, batch: np.ndarray, memory: str, tolerance: float
) -> None:
    usual, low = load(files, memory="normal"), load(files, memory=memory)
    np.testing.assert_allclose(low(batch), usual(batch), rtol=0, atol=tolerance)
    assert not any(node.weights.held for node in low.layers), "nobody has asked for their arrays"
    for ours, theirs in zip(low.layers, usual.layers, strict=True):
        for array in theirs.arrays:
            np.testing.assert_array_equal(ours.weights[array.name], theirs.weights[array.name])
    np.testing.assert_array_equal(low.predict(batch, engine=False), usual.predict(batch, engine=False))
    low.save_weights(files / "again.weights")
    assert (files / "again.weights").read_bytes() == (files / "net.weights").read_bytes()


def test_without_weights_the_seed_decides(files: Path, batch: np.ndarray) -> None:
    def answer(seed: int) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DarknetpyWarning)
            return darknetpy.load(files / "net.cfg", seed=seed)(batch)

    np.testing.assert_array_equal(answer(1), answer(1))
    assert not np.array_equal(answer(1), answer(2))


def test_several_threads_get_the_answers_that_one_gets(network: darknetpy.Network, batch: np.ndarray) -> None:
    inputs = [np.roll(batch, turn, axis=3) for turn in range(8)]
    alone = [network(one) for one in inputs]
    together: list[np.ndarray | None] = [None] * len(inputs)

    def run(place: int) -> None:
        for _ in range(20):
            together[place] = network(inputs[place])

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, theirs in zip(together, alone, strict=True):
        assert ours is not None
        np.testing.assert_array_equal(ours, theirs)


def test_warnings_come_even_when_an_error_follows(files: Path) -> None:
    (files / "net.cfg").write_text(CFG.replace("filters=20", "fitlers=20"))
    with pytest.warns(DarknetpyWarning) as caught, pytest.raises(WeightsError):
        darknetpy.load(files / "net.cfg", files / "net.weights")
    assert any("unknown option fitlers=. Did you mean filters?" in str(warning.message) for warning in caught)


def test_strict_makes_warnings_errors(files: Path) -> None:
    with pytest.raises(ConfigError, match="layer 2"):
        darknetpy.load(files / "net.cfg", strict=True)


def test_names_are_checked_against_the_classes(files: Path) -> None:
    few = "3 class names, expected one for each of the 5 classes"
    with pytest.warns(DarknetpyWarning), pytest.raises(ConfigError, match=few):
        darknetpy.load(files / "net.cfg", names=NAMES[:3])
    (files / "net.names").unlink()
    answer = load(files).classify(np.zeros((16, 20, 3), np.uint8), top=1)[0]
    assert answer.label == f"class_{answer.class_id}"


def test_files_are_called_what_the_user_called_them(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    (files / "short.weights").write_bytes((files / "net.weights").read_bytes()[:-4])
    with pytest.warns(DarknetpyWarning), pytest.raises(WeightsError) as caught:
        darknetpy.load("net.cfg", "short.weights")
    assert caught.value.path == "short.weights"
