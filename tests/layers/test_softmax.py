"""[softmax] against naive loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.sections import read_cfg
from darknetpy.errors import ConfigError
from darknetpy.graph import build_graph
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("", [(3, 5, 4)]), ("groups=2 temperature=3", [(6,)]), ("spatial=1", [(3, 5, 4)])]

TREE = "a -1\nb -1\nc -1\na1 0\na2 0\nb1 1\nb2 1\nb3 1\na21 4\na22 4\n"
TREE_GROUPS = [(0, 3), (3, 2), (5, 3), (8, 2)]


@pytest.mark.parametrize("shape", [(12,), (2, 3, 2), (12, 1, 1)])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_equals_naive_loops(shape: tuple[int, ...], groups: int, temperature: float) -> None:
    x = 3 * random_input(shape)
    layer = make_layer(f"[softmax] groups={groups} temperature={temperature}")
    parts = [(first, 12 // groups) for first in range(0, 12, 12 // groups)]
    assert_close(run(layer, [x]), reference.softmax_in_groups(x.reshape(2, -1), parts, temperature))
    assert layer.output_shape([shape]) == (12,)


@pytest.mark.parametrize(("groups", "temperature"), [(1, 1.0), (2, 1.0), (3, 2.0)])
def test_spatial_goes_over_the_channels_of_each_pixel(groups: int, temperature: float) -> None:
    x = random_input((6, 3, 4))
    layer = make_layer(f"[softmax] spatial=1 groups={groups} temperature={temperature}")
    assert_close(run(layer, [x]), reference.spatial_softmax(x, groups, temperature))
    assert layer.output_shape([(6, 3, 4)]) == (6, 3, 4)


def test_large_values_do_not_overflow() -> None:
    x = np.array([[1000, 0, -1000], [-1000, -1000, -1000]], np.float32)
    found = make_layer("[softmax]").forward([x])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)


def test_tree_is_normalized_group_by_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "classes.tree").write_text(TREE)
    monkeypatch.chdir(tmp_path)
    layer = make_layer("[softmax] tree=classes.tree temperature=2")
    x = random_input((10, 1, 1))
    assert_close(run(layer, [x]), reference.softmax_in_groups(x.reshape(2, -1), TREE_GROUPS, 2))


def test_graph_knows_the_tree_that_stands_beside_the_cfg(tmp_path: Path) -> None:
    (tmp_path / "classes.tree").write_text(TREE)
    (tmp_path / "net.cfg").write_text("[net]\ninputs=10\n[softmax]\ntree=classes.tree\n[cost]\n")
    graph = build_graph(read_cfg(tmp_path / "net.cfg"))
    assert graph.tree is not None
    assert graph.tree.names[-1] == "a22"


def test_missing_tree_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer("[softmax] tree=no-such.tree")
    assert caught.value.found.startswith("tree=no-such.tree: no such file in ")
    assert (caught.value.line, caught.value.option) == (4, "tree")


def test_tree_of_another_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "classes.tree").write_text(TREE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"tree=classes\.tree has 10 nodes for 12 inputs, expected one for each"):
        make_layer("[softmax] tree=classes.tree").output_shape([(12, 1, 1)])
    with pytest.raises(ConfigError, match="groups=2 with tree="):
        make_layer("[softmax] tree=classes.tree groups=2")


def test_groups_must_divide_what_they_divide() -> None:
    with pytest.raises(ConfigError, match="groups=7 with 4096 inputs"):
        make_layer("[softmax] groups=7").output_shape([(4096, 1, 1)])
    with pytest.raises(ConfigError, match="groups=4 with 6 channels"):
        make_layer("[softmax] groups=4 spatial=1").output_shape([(6, 2, 2)])


def test_spatial_needs_a_picture() -> None:
    with pytest.raises(ConfigError, match="spatial=1 for 6 values"):
        make_layer("[softmax] spatial=1").output_shape([(6,)])


@pytest.mark.parametrize("text", ["groups=0", "temperature=0", "temperature=-1", "temperature=inf"])
def test_bad_options_are_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[softmax] {text}")
    assert caught.value.option == text.split("=")[0]


def test_window_is_a_pixel_with_spatial_only() -> None:
    assert make_layer("[softmax]").window() is None
    assert make_layer("[softmax] spatial=1").window() == (1, 1, 1, 1)
