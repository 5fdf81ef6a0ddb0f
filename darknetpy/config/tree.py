"""Trees of classes: a network answers for each group of siblings, given their parent.

Source: Redmon and Farhadi 2017, "YOLO9000: better, faster, stronger"; AlexeyAB/darknet src/tree.c.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from darknetpy.config.text import read_text
from darknetpy.errors import ConfigError, printable

ROOT = -1  # the parent of nodes without one


@dataclass(frozen=True)
class Tree:
    """Nodes in the order of their file, each with the index of its parent, which comes before it; -1 is no parent.

    >>> tree = Tree(("animal", "plant", "dog", "cat"), (-1, -1, 0, 0))
    >>> tree.groups
    (slice(0, 2, None), slice(2, 4, None))
    >>> tree.absolute(np.array([0.5, 0.5, 0.75, 0.25])).tolist()
    [0.5, 0.5, 0.375, 0.125]
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def groups(self) -> tuple[slice, ...]:
        """Runs of neighbouring nodes with the same parent: the probabilities of each group add up to 1."""
        parents = np.array(self.parents)
        starts = [0, *(np.flatnonzero(parents[1:] != parents[:-1]) + 1).tolist(), len(parents)]
        return tuple(slice(first, after) for first, after in pairwise(starts))

    @cached_property
    def leaves(self) -> np.ndarray:
        """(nodes,) bool: true for nodes that are nobody's parent."""
        return ~np.isin(np.arange(len(self)), self.parents)

    @cached_property
    def children(self) -> dict[int, slice]:
        """The group of each node that is a parent (the last one, should it have several), and of the root, -1."""
        return {self.parents[group.start]: group for group in self.groups}

    def walk(self, probabilities: np.ndarray, thresh: float) -> int:
        """The node that a walk from the root ends at, always to the most probable child.

        It goes on while the product of the probabilities that it meets exceeds ``thresh``, and ends at the parent of
        the group where it does not; in the first group it ends at the most probable node. pjreddie's program walks on
        probabilities that are products already (`absolute`), so that they count several times.
        Source: pjreddie/darknet src/tree.c, hierarchy_top_prediction.
        """
        product, group = 1.0, self.groups[0]
        while True:
            best = group.start + int(probabilities[group].argmax())
            product *= float(probabilities[best])
            if product <= thresh:
                return best if group == self.groups[0] else self.parents[group.start]
            if best not in self.children:
                return best
            group = self.children[best]

    def absolute(self, probabilities: np.ndarray, *, leaves_only: bool = False) -> np.ndarray:
        """Probabilities given the parent, (..., nodes), multiplied along the way from the root.

        With ``leaves_only`` the other nodes get 0. Returns a new array of the same dtype.
        """
        result = probabilities.copy()
        for group in self.groups:
            parent = self.parents[group.start]
            if parent != ROOT:
                result[..., group] *= result[..., parent, np.newaxis]
        if leaves_only:
            result[..., ~self.leaves] = 0
        return result


def read_tree(path: str | os.PathLike[str]) -> Tree:
    """Read a tree file: a line ``NAME PARENT`` for each node, the parent by its index, -1 for none.

    Raises ConfigError, with the line, where that is not so.
    """
    text = read_text(path, "tree of classes")
    lines = [line.split() for line in text.lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise ConfigError("no lines in the file", "a line NAME PARENT for each class", "Get the file again", path=path)
    parents = [_parent(words, index, path) for index, words in enumerate(lines)]
    return Tree(tuple(words[0] for words in lines), tuple(parents))


def _parent(words: list[str], index: int, path: str | os.PathLike[str]) -> int:
    digits = words[1].removeprefix("-") if len(words) == 2 else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        found = f"the line {printable(' '.join(words))}" if words else "a blank line"
        expected, remedy = "NAME PARENT, the parent as a number", "Write -1 for a class without a parent"
        raise ConfigError(found, expected, remedy, path=path, line=index + 1)
    parent = int(words[1])
    if not ROOT <= parent < index:
        found, expected = f"parent {parent} of node {index}", "-1, or the number of a node before it"
        raise ConfigError(found, expected, "Nodes count from 0", path=path, line=index + 1)
    return parent
