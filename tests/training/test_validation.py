"""The accuracy of a network in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import DarknetpyWarning, DataError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.dataset import Samples
from darknetpy.training.validation import Accuracy, Validation

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


@pytest.mark.parametrize("at_once", [1, 2, 5, 9])
@pytest.mark.parametrize("threads", [1, 3])
def test_counts_best_answers_among_the_right_classes(
    brightest: Graph, samples: Samples, at_once: int, threads: int
) -> None:
    validation = Validation(samples, at_once=at_once, threads=threads, report=pytest.fail)
    assert validation.accuracy(brightest) == validation.accuracy(brightest) == Accuracy(3, 5)
    assert Accuracy(3, 5).share == 0.6


def test_pictures_that_cannot_be_read_do_not_count(brightest: Graph, samples: Samples) -> None:
    for number in (0, 3):
        Path(samples.paths[number]).write_bytes(b"no picture")
    told: list[DarknetpyWarning] = []
    validation = Validation(samples, at_once=2, threads=2, report=told.append)
    assert validation.accuracy(brightest) == Accuracy(1, 3)
    assert len(told) == 2
    assert "0.png" in str(told[0])
    assert str(told[0]).endswith("It does not count in the validation.")


def test_without_a_picture_there_is_no_accuracy(brightest: Graph, samples: Samples) -> None:
    for path in samples.paths:
        Path(path).unlink()
    validation = Validation(samples, at_once=2, threads=2, report=lambda warning: None)
    with pytest.raises(DataError, match="no picture for validation can be read"):
        validation.accuracy(brightest)


def test_the_arrays_of_the_moment_count(samples: Samples) -> None:
    graph = build_graph(parse_cfg(CFG.replace("[avgpool]", "[convolutional]\nfilters=3\nactivation=linear\n[avgpool]")))
    initial_weights(graph)
    validation = Validation(samples, at_once=3, threads=1, report=pytest.fail)
    for answer, right in ((0, 2), (1, 2), (2, 2)):
        graph.nodes[0].weights["weights"][...] = 0
        graph.nodes[0].weights["biases"][...] = np.eye(3)[answer]
        assert validation.accuracy(graph) == Accuracy(right, 5)
