"""Pictures of several sizes: which, when, and that a network learns from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.dialect import PJREDDIE
from darknetpy.errors import ConfigError, Findings
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.checkpoints import Folder, read_state
from darknetpy.training.checks import check_trainable
from darknetpy.training.dataset import read_dataset
from darknetpy.training.input_sizes import InputSizes
from darknetpy.training.loop import Loop, Settings
from tests.training.drawn import CFG, draw_all

SEVERAL = CFG.replace("policy=poly", "policy=poly\nrandom=1\nresize_step=4")


def network(text: str = SEVERAL) -> Graph:
    graph = build_graph(parse_cfg(text, "net.cfg"), training=True)
    initial_weights(graph, 5)
    return graph


def test_one_size_unless_several_are_asked_for() -> None:
    sizes = InputSizes(network(CFG.replace("width=16", "width=24")), 1)
    assert not sizes.are_several
    assert {sizes.at(iteration) for iteration in range(1, 300)} == {(24, 16)} == {sizes.largest}


def test_every_ten_updates_another_size_by_darknets_formula_and_its_own_at_the_end() -> None:
    """round(factor * side / step + 1) * step, with factors from 1/1.4 to 1.4; a smaller one never enlarges."""
    graph = network(SEVERAL.replace("width=16", "width=24").replace("max_batches=300", "max_batches=2100"))
    sizes = InputSizes(graph, 3)
    found = [sizes.at(iteration) for iteration in range(1, 2101)]
    assert all(len(set(found[first : first + 10])) == 1 for first in range(0, 2000, 10))
    assert set(found[2000:]) == {(24, 16)}
    drawn = set(found[:2000])
    possible = {(24, 16)}
    for factor in np.linspace(1 / 1.4, 1.4, 2001):
        one = tuple(int(np.floor(factor * side / 4 + 1 + 0.5)) * 4 for side in (24, 16))
        possible.add((24, 16) if factor < 1 and (one[0] > 24 or one[1] > 16) else one)
    assert drawn <= possible
    assert sizes.possible == possible
    assert len(drawn) >= len(possible) - 2
    assert sizes.largest == max(possible) == (36, 28)


def test_another_factor_and_the_other_programs_squares() -> None:
    twice = InputSizes(network(SEVERAL.replace("random=1", "random=2")), 1)
    assert twice.largest == (36, 36)
    graph = replace(network(), dialect=PJREDDIE)
    squares = InputSizes(graph, 1)
    assert squares.possible == {(side, side) for side in range(128, 449, 32)}
    found = [squares.at(iteration) for iteration in range(1, 2001)]
    assert all(len(set(found[first : first + 40])) == 1 for first in range(0, 2000, 40))
    assert {width for width, height in found if width == height} == set(range(128, 449, 32))
    assert squares.largest == (448, 448)


def test_the_seed_decides() -> None:
    graph = network()
    runs = [[InputSizes(graph, seed).at(iteration) for iteration in range(1, 150)] for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def begin(folder: Path, pictures: Path) -> Loop:
    data = read_dataset(pictures)
    assert data.training is not None
    held = Folder(folder, "net")
    held.release()
    text = SEVERAL.replace("max_batches=300", "max_batches=150").replace("batch=32", "batch=8")
    return Loop(network(text), data.training, data.validation, held, Settings(seed=4, save_last_every=7))


def test_a_network_learns_from_pictures_of_several_sizes_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    pictures, fed = draw_all(tmp_path, count=20) / "shapes", []
    with begin(tmp_path / "whole", pictures) as loop:
        loop.fed = lambda batch, truths: fed.append(batch.shape[2:])
        progress = list(loop.iterations())
    sizes = InputSizes(loop.graph, 4)
    assert fed == [sizes.at(iteration) for iteration in range(1, 151) for _ in range(2)]  # squares, in two parts
    assert len(set(fed)) == 2
    assert progress[-1].figures.average < progress[0].figures.loss
    with begin(tmp_path / "parts", pictures) as loop:
        for one in loop.iterations():
            if one.figures.iteration == 34:
                break
    loop = begin(tmp_path / "parts", pictures)
    loop.resume(*read_state(tmp_path / "parts" / "net_last.state"))
    with loop:
        list(loop.iterations())
    final = "net_final.weights"
    assert (tmp_path / "parts" / final).read_bytes() == (tmp_path / "whole" / final).read_bytes()


def test_networks_for_one_size_only_are_refused_before_the_training() -> None:
    text = SEVERAL.replace("[avgpool]\n", "[connected]\noutput=2\nactivation=linear\n")
    with pytest.raises(ConfigError, match=r"random= with .* which works at one size only"):
        check_trainable(build_graph(parse_cfg(text, "net.cfg"), training=True), Findings())
