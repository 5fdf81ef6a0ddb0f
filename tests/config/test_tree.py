"""Trees of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.tree import Tree, read_tree
from darknetpy.errors import ConfigError

TREE = "a -1\nb -1\nc -1\na1 0\na2 0\nb1 1\nb2 1\nb3 1\na21 4\na22 4\n"


def written(folder: Path, text: str) -> Tree:
    path = folder / "classes.tree"
    path.write_bytes(text.encode())
    return read_tree(path)


def test_reads_names_parents_groups_and_leaves(tmp_path: Path) -> None:
    tree = written(tmp_path, TREE)
    assert len(tree) == 10
    assert tree.names[:4] == ("a", "b", "c", "a1")
    assert tree.parents == (-1, -1, -1, 0, 0, 1, 1, 1, 4, 4)
    assert [(group.start, group.stop) for group in tree.groups] == [(0, 3), (3, 5), (5, 8), (8, 10)]
    assert [tree.names[index] for index in np.flatnonzero(tree.leaves)] == ["c", "a1", "b1", "b2", "b3", "a21", "a22"]


def test_line_ends_and_blank_lines_at_the_end_do_not_matter(tmp_path: Path) -> None:
    assert written(tmp_path, TREE.replace("\n", "\r\n") + "\r\n\r\n") == written(tmp_path, TREE)
    assert written(tmp_path, TREE.replace(" ", "\t ").rstrip()) == written(tmp_path, TREE)


def test_absolute_multiplies_along_the_way_from_the_root(tmp_path: Path) -> None:
    tree = written(tmp_path, TREE)
    given = np.random.default_rng(0).random((2, 3, 10))
    found = tree.absolute(given)
    for place in np.ndindex(2, 3):
        for node in range(10):
            product, above = 1.0, node
            while above >= 0:
                product *= given[place][above]
                above = tree.parents[above]
            assert found[place][node] == pytest.approx(product, rel=1e-14)


def test_absolute_leaves_its_argument_alone_and_keeps_the_dtype(tmp_path: Path) -> None:
    tree = written(tmp_path, TREE)
    given = np.full((1, 10), 0.5, np.float32)
    assert tree.absolute(given).dtype == np.float32
    assert np.all(given == 0.5)


def test_leaves_only_sets_the_others_to_zero(tmp_path: Path) -> None:
    tree = written(tmp_path, TREE)
    found = tree.absolute(np.ones((1, 10)), leaves_only=True)
    assert np.array_equal(found[0] == 1, tree.leaves)
    assert np.array_equal(found[0] == 0, ~tree.leaves)


def test_absolute_probabilities_of_the_leaves_add_up_to_one(tmp_path: Path) -> None:
    tree = written(tmp_path, TREE)
    given = np.zeros(10)
    for group in tree.groups:
        given[group] = 1 / (group.stop - group.start)
    assert tree.absolute(given, leaves_only=True).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a -1\nb\n", 2, "the line b"),
        ("a -1\nb x\n", 2, "the line b x"),
        ("a -1\nb 0 1\n", 2, "the line b 0 1"),
        ("a -1\n\nb 0\n", 2, "a blank line"),
        ("a -1\nb 1\n", 2, "parent 1 of node 1"),
        ("a 0\n", 1, "parent 0 of node 0"),
        ("a -1\nb 7\n", 2, "parent 7 of node 1"),
        ("a -2\n", 1, "parent -2 of node 0"),
        ("a -1\nb 99999999999999999999\n", 2, "the line b 99999999999999999999"),
    ],
)
def test_wrong_lines_are_refused_with_their_number(tmp_path: Path, text: str, line: int, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, text)
    assert (caught.value.line, caught.value.found) == (line, found)
    assert str(caught.value.path).endswith("classes.tree")


def test_empty_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no lines in the file"):
        written(tmp_path, "\n\n")
    with pytest.raises(ConfigError, match="no such tree of classes"):
        read_tree(tmp_path / "other.tree")


def test_the_tree_of_9418_classes(shared: Path) -> None:
    tree = read_tree(shared / "data" / "zoo" / "labels" / "9k.tree")
    assert len(tree) == 9418
    uniform = np.concatenate(
        [np.full(group.stop - group.start, 1 / (group.stop - group.start)) for group in tree.groups]
    )
    assert tree.absolute(uniform, leaves_only=True).sum() == pytest.approx(1)


def test_children_of_nodes_and_of_the_root() -> None:
    tree = Tree(("animal", "plant", "dog", "cat", "oak"), (-1, -1, 0, 0, 1))
    assert tree.children == {-1: slice(0, 2), 0: slice(2, 4), 1: slice(4, 5)}


@pytest.mark.parametrize(
    ("probabilities", "thresh", "node"),
    [
        ([0.9, 0.1, 0.8, 0.2, 1.0], 0.5, 2),
        ([0.9, 0.1, 0.5, 0.4, 1.0], 0.5, 0),
        ([0.4, 0.6, 0.9, 0.1, 0.9], 0.5, 4),
        ([0.4, 0.3, 0.9, 0.1, 0.9], 0.5, 0),
    ],
)
def test_a_walk_goes_on_while_the_product_is_large(probabilities: list[float], thresh: float, node: int) -> None:
    tree = Tree(("animal", "plant", "dog", "cat", "oak"), (-1, -1, 0, 0, 1))
    assert tree.walk(np.array(probabilities), thresh) == node
