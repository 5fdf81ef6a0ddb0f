"""The accuracy of a network in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import DarknetpyWarning, DataError, ImageError, TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.dataset import Samples
from darknetpy.training.validation import Validation

CFG = "[net]\nwidth=8\nheight=8\nchannels=3\nmax_batches=1\n[avgpool]\n[dropout]\n[softmax]\n"
COLOURS = ((200, 50, 0), (0, 200, 50), (50, 0, 200), (10, 20, 30), (9, 0, 1))


@pytest.fixture
def brightest() -> Graph:
    """A network that answers with the brightest channel; dropout would make it random."""
    graph = build_graph(parse_cfg(CFG), training=True)
    initial_weights(graph)
    return graph


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    for number, colour in enumerate(COLOURS):
        picture = Image.new("RGB", (30, 10), (255, 255, 255))
        picture.paste(colour, (8, 0, 22, 10))  # the middle counts, not the sides
        picture.save(tmp_path / f"{number}.png")
    paths = tuple(str(tmp_path / f"{number}.png") for number in range(5))
    return Samples(paths, ((0,), (1,), (1,), (0, 2), (2,)))


def shares(validation: Validation, graph: Graph) -> tuple[int, int]:
    """Of how many pictures the best answer was right, and how many there were."""
    tally = validation.tally(graph)
    return tally.right, tally.count


@pytest.mark.parametrize("at_once", [1, 2, 5, 9])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("kept_bytes", [0, 2 * 3 * 8 * 8 * 4, 1 << 20])
def test_counts_best_answers_among_the_right_classes(
    brightest: Graph, samples: Samples, at_once: int, threads: int, kept_bytes: int
) -> None:
    validation = Validation(samples, at_once=at_once, threads=threads, report=pytest.fail, kept_bytes=kept_bytes)
    first, second = validation.tally(brightest), validation.tally(brightest)
    assert (first.right, first.count) == (second.right, second.count) == (3, 5)
    np.testing.assert_array_equal(first.confusion, second.confusion)
    assert first.loss == pytest.approx(second.loss)


def test_the_tally_says_which_pictures_and_how_far_off(brightest: Graph, samples: Samples) -> None:
    names = ["red", "green", "blue"]
    validation = Validation(samples, at_once=2, threads=1, report=pytest.fail, names=names, top=2, worst=3)
    tally = validation.tally(brightest)
    assert tally.names == names
    assert {Path(one.path).name for one in tally.mistakes} == {"2.png", "4.png"}
    assert tally.top_share == 0.8
    assert tally.loss > 0
    assert validation.tally(brightest).mistakes == tally.mistakes


def test_pictures_that_are_kept_are_read_once(brightest: Graph, samples: Samples) -> None:
    validation = Validation(samples, at_once=2, threads=1, report=pytest.fail)
    assert shares(validation, brightest) == (3, 5)
    for path in samples.paths:
        Path(path).unlink()
    assert shares(validation, brightest) == (3, 5)


def test_pictures_that_cannot_be_read_do_not_count_and_are_told_once(brightest: Graph, samples: Samples) -> None:
    for number in (0, 3):
        Path(samples.paths[number]).write_bytes(b"no picture")
    for kept_bytes in (0, 1 << 20):
        told: list[DarknetpyWarning] = []
        validation = Validation(samples, at_once=1, threads=2, report=told.append, kept_bytes=kept_bytes)
        assert [shares(validation, brightest) for _ in range(2)] == [(1, 3)] * 2
        assert validation.tally(brightest).skipped == 2
        assert len(told) == 2
        assert "0.png" in str(told[0])
        assert str(told[0]).endswith("It does not count in the validation.")


def test_without_a_picture_there_is_no_accuracy(brightest: Graph, samples: Samples) -> None:
    for path in samples.paths:
        Path(path).unlink()
    validation = Validation(samples, at_once=2, threads=2, report=lambda warning: None)
    with pytest.raises(DataError, match="no picture for validation can be read"):
        validation.tally(brightest)


def with_filters() -> Graph:
    graph = build_graph(parse_cfg(CFG.replace("[avgpool]", "[convolutional]\nfilters=3\nactivation=linear\n[avgpool]")))
    initial_weights(graph)
    return graph


def test_the_arrays_of_the_moment_count(samples: Samples) -> None:
    graph = with_filters()
    validation = Validation(samples, at_once=3, threads=1, report=pytest.fail)
    for answer, right in ((0, 2), (1, 2), (2, 2)):
        graph.nodes[0].weights["weights"][...] = 0
        graph.nodes[0].weights["biases"][...] = np.eye(3)[answer]
        tally = validation.tally(graph)
        assert (tally.right, tally.count) == (right, 5)
        assert tally.confusion[:, answer].sum() == 5


def test_answers_that_are_no_numbers_end_the_training(samples: Samples) -> None:
    graph = with_filters()
    graph.nodes[0].weights["biases"][...] = np.nan
    with pytest.raises(TrainingError, match="an answer in the validation is not finite"):
        Validation(samples, at_once=3, threads=1, report=pytest.fail).tally(graph)


def test_broken_and_odd_pictures_can_be_errors_and_damaged_ones_used(brightest: Graph, samples: Samples) -> None:
    colours = [Image.new("RGB", (30, 10), colour) for colour in ((200, 0, 0), (0, 200, 0))]
    colours[0].save(samples.paths[0], save_all=True, append_images=colours[1:])
    told: list[DarknetpyWarning] = []
    validation = Validation(samples, at_once=2, threads=1, report=told.append, kept_bytes=0)
    assert [shares(validation, brightest) for _ in range(2)] == [(3, 5)] * 2
    assert [warning.found for warning in told] == ["several pictures in one file: the first one is used"]
    with pytest.raises(ImageError, match="several pictures in one file"):
        Validation(samples, at_once=2, threads=1, report=pytest.fail, skip_broken=False).tally(brightest)
    Image.effect_noise((40, 40), 90).save(samples.paths[0])
    Path(samples.paths[0]).write_bytes(Path(samples.paths[0]).read_bytes()[:900])
    with pytest.raises(ImageError, match="damaged or cut short"):
        Validation(samples, at_once=2, threads=1, report=pytest.fail, skip_broken=False).tally(brightest)
    validation = Validation(samples, at_once=2, threads=1, report=told.append, allow_damaged=True)
    assert validation.tally(brightest).count == 5
    assert "only a part of it is used" in told[-1].found
