"""Validation of classifiers: against the plain form of the network, view by view, and against the C program."""

from __future__ import annotations

import json
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy import load
from darknetpy.config.names import read_names
from darknetpy.config.shipped import shipped_networks
from darknetpy.errors import ConfigError, DarknetpyWarning, DataError, ImageError
from darknetpy.evaluation.classifier import validate
from darknetpy.evaluation.crops import CROPS
from darknetpy.evaluation.tally import Tally
from darknetpy.images.decode import read_picture
from darknetpy.images.preprocess import prepare
from darknetpy.network import Network
from darknetpy.training.dataset import Samples

NET = "[net]\nwidth=16\nheight=12\nchannels=3\n"
FILTERS = "[convolutional]\nfilters={}\nsize=3\npad=1\nstride=2\nactivation={}\n"
CFG = f"{NET}{FILTERS.format(5, 'leaky')}{FILTERS.format(4, 'linear')}[avgpool]\n[softmax]\ntemperature=.05\n"
NAMES = ["cat", "dog", "owl", "pig"]
SIZES = [(30, 20), (20, 30), (16, 12), (31, 20), (40, 40), (30, 20), (25, 13)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier for pictures of any size, and pictures of random pixels of several sizes and colours."""
    folder = tmp_path_factory.mktemp("classifier")
    (folder / "any.cfg").write_text(CFG)
    (folder / "any.names").write_text("\n".join(NAMES))
    for number, (width, height) in enumerate(SIZES):
        random = np.random.default_rng(number)
        pixels = random.integers(0, 256, (height, width, 3)) * random.random(3) ** 2
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def network(folder: Path) -> Network:
    return load(folder / "any.cfg", seed=5)


def pictures(folder: Path, classes: list[int]) -> Samples:
    paths = [str(folder / f"{number}.png") for number in range(len(classes))]
    return Samples(tuple(paths), tuple((number,) for number in classes))


def plain_answers(network: Network, folder: Path, crops: str, preprocess: str | None = None) -> np.ndarray:
    """The mean over the views of each picture, each view by itself through the plain form."""
    answers = []
    for number in range(len(SIZES)):
        picture = read_picture(folder / f"{number}.png")
        views = [prepare(picture, 16, 12, preprocess)] if preprocess else CROPS[crops](picture, 16, 12)
        every = [network.predict(view[np.newaxis], engine=False)[0] for view in views]  # type: ignore[index]
        answers.append(np.mean(every, axis=0, dtype=np.float64).ravel())
    return np.array(answers)


def right_but_for(answers: np.ndarray, wrong: int) -> list[int]:
    """Classes that are the best answers, but for the first pictures, whose class is their second best answer."""
    order = np.argsort(-answers, axis=1, kind="stable")
    return [int(row[1 if place < wrong else 0]) for place, row in enumerate(order)]


@pytest.mark.parametrize("crops", CROPS)
def test_views_are_averaged_as_the_plain_form_sees_them(network: Network, folder: Path, crops: str) -> None:
    answers = plain_answers(network, folder, crops)
    assert len(set(answers.argmax(axis=1).tolist())) > 1
    classes = right_but_for(answers, 3)
    tally = validate(network, pictures(folder, classes), crops=crops, top=2, worst=9, batch=3)
    assert (tally.count, tally.right, tally.top_share) == (7, 4, 1.0)
    expected = np.zeros((4, 4), np.int64)
    np.add.at(expected, (classes, answers.argmax(axis=1)), 1)
    np.testing.assert_array_equal(tally.confusion, expected)
    assert {Path(one.path).name for one in tally.mistakes} == {"0.png", "1.png", "2.png"}
    for one in tally.mistakes:
        row = answers[int(Path(one.path).stem)]
        assert one.probability == pytest.approx(row.max(), abs=1e-5)
        assert one.probability_of_right == pytest.approx(row[one.right], abs=1e-5)


@pytest.mark.parametrize("preprocess", ["letterbox", "stretch"])
def test_the_one_view_can_be_fitted_otherwise(network: Network, folder: Path, preprocess: str) -> None:
    answers = plain_answers(network, folder, "1", preprocess)
    tally = validate(network, pictures(folder, right_but_for(answers, 7)), preprocess=preprocess, worst=7)
    assert sorted(one.probability for one in tally.mistakes) == pytest.approx(sorted(answers.max(axis=1)), abs=1e-5)
    with pytest.raises(ValueError, match="expected crops='1'"):
        validate(network, pictures(folder, [0]), preprocess=preprocess, crops="10")
    with pytest.raises(ValueError, match="expected one of 1, 10, multi, full"):
        validate(network, pictures(folder, [0]), crops="11")


@pytest.mark.parametrize("batch", [1, 3, 7, 50])
def test_the_last_pictures_count_too_and_progress_is_told(network: Network, folder: Path, batch: int) -> None:
    counts: list[int] = []
    tally = validate(network, pictures(folder, [0] * 7), batch=batch, progress=lambda tally: counts.append(tally.count))
    assert tally.count == 7
    assert counts == [min(7, done) for done in range(batch, 7 + batch, batch)]


def mixed(folder: Path, place: Path) -> Samples:
    """A picture, a text, one that is not there, another picture."""
    (place / "text.png").write_text("no picture")
    paths = (str(folder / "0.png"), str(place / "text.png"), str(place / "none.png"), str(folder / "1.png"))
    return Samples(paths, ((0,), (1,), (2,), (3,)))


def test_pictures_that_cannot_be_read_are_left_out_and_counted(network: Network, folder: Path, tmp_path: Path) -> None:
    samples, done = mixed(folder, tmp_path), []
    with pytest.warns(DarknetpyWarning) as told:
        tally = validate(network, samples, batch=2, progress=lambda tally: done.append(tally.count + tally.skipped))
    assert (tally.count, tally.skipped) == (2, 2)
    assert tally.confusion.sum(axis=1).tolist() == [1, 0, 0, 1]
    assert done == [2, 4]
    messages = [str(warning.message) for warning in told]
    assert messages[0].startswith(f"{tmp_path}/text.png: text")
    assert messages[1] == f"{tmp_path}/none.png: no such file, expected a picture. The picture is left out."


def test_pictures_that_cannot_be_read_are_errors_when_strict(network: Network, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"text\.png: text"):
        validate(network, mixed(folder, tmp_path), strict=True)


def test_without_any_picture_there_is_nothing_to_say(network: Network, folder: Path, tmp_path: Path) -> None:
    with pytest.warns(DarknetpyWarning), pytest.raises(DataError, match="none of 2 pictures can be read"):
        validate(network, mixed(folder, tmp_path).part([1, 2]))
    with pytest.raises(DataError, match="no picture"):
        validate(network, Samples((), ()))


def test_a_long_and_narrow_picture_is_not_made_huge(network: Network, folder: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "line.png")
    Image.new("RGB", (9000, 1)).save(path)
    samples = Samples((path, str(folder / "0.png")), ((0,), (0,)))
    with pytest.warns(DarknetpyWarning, match=r"line\.png: a picture of 9000x1 would be 3456000x384 pixels"):
        assert validate(network, samples, crops="multi").skipped == 1
    assert validate(network, samples).skipped == 0


def test_classes_of_folders_go_by_name(network: Network, folder: Path) -> None:
    network.names = ["pig", "cat", "dog", "owl"]
    tally = validate(network, pictures(folder, [0, 0, 0, 1, 1, 2, 3]), names=NAMES)
    assert tally.names == ["pig", "cat", "dog", "owl"]
    assert tally.confusion.sum(axis=1).tolist() == [1, 3, 2, 1]


def test_names_that_are_others_are_taken_in_order_with_a_warning(network: Network, folder: Path) -> None:
    samples, others = pictures(folder, [0, 0, 3]), ["cat", "hen", "owl", "pig"]
    with pytest.warns(DarknetpyWarning, match="pictures of hen, expected dog, as in the names of the network"):
        tally = validate(network, samples, names=others)
    assert tally.confusion.sum(axis=1).tolist() == [2, 0, 0, 1]
    assert tally.names == NAMES
    with pytest.raises(DataError, match="pictures of hen"):
        validate(network, samples, names=others, strict=True)
    network.names = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert validate(network, samples, names=others).names == others
        assert validate(network, samples).names == [f"class_{number}" for number in range(4)]


def test_the_numbers_of_classes_must_agree(network: Network, folder: Path) -> None:
    with pytest.raises(DataError, match=r"3 classes of pictures, expected the 4 classes of .*any\.cfg"):
        validate(network, pictures(folder, [0]), names=NAMES[:3])
    with pytest.raises(DataError, match=r"class 4 of .*1\.png, expected a number below 4"):
        validate(network, pictures(folder, [0, 4]))
    several = Samples(("a.png", "b.png"), ((0,), (1, 2)))
    with pytest.raises(DataError, match=r"1 of 2 pictures have several classes, or none: b\.png"):
        validate(network, several)


@pytest.mark.parametrize(
    ("net", "layers", "crops", "message"),
    [
        (NET, FILTERS.format(4, "linear"), "1", "the network answers with 4x6x8 values, expected one for each class"),
        ("[net]\ninputs=9\n", "[connected]\noutput=4\n", "1", "the network takes 9 values, expected pictures"),
        (NET, "[connected]\noutput=4\n", "multi", "a picture of"),
        ("[net]\nwidth=8\nheight=8\nchannels=3\n", "[maxpool]\nsize=8\nstride=4\npadding=0\n[softmax]\n", "full",
         "values for a picture of 12x8, expected one for each of the 3 classes"),
        (NET, "[convolutional]\nfilters=18\nsize=1\n[yolo]\nclasses=1\nnum=3\nanchors=1,2,3,4,5,6\nmask=0,1,2\n", "1",
         "this network is a detector, expected a classifier"),
    ],
)  # fmt: skip
def test_a_network_that_is_not_for_this_is_refused(
    folder: Path, tmp_path: Path, net: str, layers: str, crops: str, message: str
) -> None:
    (tmp_path / "other.cfg").write_text(f"{net}{layers}")
    with pytest.raises(ConfigError) as refused:
        validate(load(tmp_path / "other.cfg"), pictures(folder, [0, 0]), crops=crops)
    assert message in str(refused.value)


def test_in_a_tree_of_classes_only_leaves_are_answers(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "four.tree").write_text("animal -1\nplant -1\ncat 0\ndog 0\n")
    (tmp_path / "tree.cfg").write_text(CFG.replace("[softmax]", f"[softmax]\ntree={tmp_path / 'four.tree'}"))
    network = load(tmp_path / "tree.cfg", seed=5)
    tally = validate(network, pictures(folder, [2] * 7), worst=7)
    assert tally.confusion[:, 0].sum() == 0
    for one in tally.mistakes:
        prepared = prepare(read_picture(one.path), 16, 12, "crop")
        own = network.predict(prepared[np.newaxis], engine=False)[0].ravel()  # type: ignore[index]
        assert one.answered in (1, 3)
        assert one.probability == pytest.approx({1: own[1], 3: own[0] * own[3]}[one.answered], abs=1e-5)


def photos(shared: Path, folder: Path) -> Samples:
    """1,000 pictures that CIFAR-10 is learnt from."""
    archive = shared / "data" / "datasets" / "cifar10" / "cifar10_png1000.tar"
    if not archive.is_file():
        pytest.skip("needs the pictures in datasets/cifar10")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    names = shipped_networks()["cifar10"].names
    assert names is not None
    known = read_names(names)
    paths = sorted(folder.rglob("*.png"))
    return Samples(tuple(map(str, paths)), tuple((known.index(path.stem.split("_")[1]),) for path in paths))


def test_the_shipped_network_knows_what_it_learnt(shared: Path, tmp_path: Path) -> None:
    tally = validate(load("cifar10-compact", "cifar10-compact", batch=50), photos(shared, tmp_path))
    assert tally.accuracy > 0.9


def test_accuracy_is_that_of_the_c_program(shared: Path, tmp_path: Path) -> None:
    model = shared / "data" / "models" / "cifar_small"
    samples = photos(shared, tmp_path)
    network = load(model / "cifar_small.cfg", model / "cifar_small.weights", dialect="pjreddie", batch=50)
    assert network.names is not None
    classes = [number for (number,) in samples.classes]
    tally = validate(network, samples)
    recorded = json.loads((model / "results.json").read_text())["png1000_pj"]
    expected = Tally(network.names)
    expected.add(np.eye(10, dtype=np.float32)[list(map(int, recorded["pred"]))], classes)
    assert tally.accuracy == recorded["accuracy"]
    np.testing.assert_array_equal(tally.confusion, expected.confusion)
