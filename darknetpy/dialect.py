"""What differs between the two C programs: named facts that layers and readers ask for.

The two forks of Darknet give different answers to the same files. ``alexeyab`` (the default) is
AlexeyAB/darknet at 59596d78, ``pjreddie`` is pjreddie/darknet at f6afaabc. Nothing else in the package compares
dialect names; whoever needs to know asks for a fact here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dialect:
    """One fork's facts. ``name`` is what ``load(..., dialect=...)`` and ``--dialect`` take."""

    name: str
    batch_norm_deviation: Callable[[np.ndarray], np.ndarray]
    """Rolling variance -> the divisor of batch normalization, in the dtype given."""
    batchnorm_section_has_biases: bool
    """Whether the arrays of a [batchnorm] section in a weights file begin with its biases."""
    xnor_padding: float
    """What a binary convolution sees outside the picture."""
    classifier_preprocess: str
    """How ``classify`` fits a picture to the network: crop, letterbox or stretch."""
    tree_leaves_only: bool
    """Whether classification along a tree answers with leaves only."""
    dropout_probability: float
    """Default of [dropout] probability=."""
    saved_revision: int
    """Third number of the header that the fork's own program writes."""


ALEXEYAB = Dialect(
    name="alexeyab",
    batch_norm_deviation=lambda variance: np.sqrt(variance + np.asarray(1e-5, variance.dtype)),
    batchnorm_section_has_biases=True,
    xnor_padding=-1.0,
    classifier_preprocess="crop",
    tree_leaves_only=False,
    dropout_probability=0.2,
    saved_revision=5,
)

PJREDDIE = Dialect(
    name="pjreddie",
    batch_norm_deviation=lambda variance: np.sqrt(variance) + np.asarray(1e-6, variance.dtype),
    batchnorm_section_has_biases=False,
    xnor_padding=0.0,
    classifier_preprocess="letterbox",
    tree_leaves_only=True,
    dropout_probability=0.5,
    saved_revision=0,
)

DIALECTS = {dialect.name: dialect for dialect in (ALEXEYAB, PJREDDIE)}
DEFAULT = ALEXEYAB


def dialect_named(name: str | Dialect) -> Dialect:
    """The dialect of that name; raises ValueError with the known names."""
    if isinstance(name, Dialect):
        return name
    try:
        return DIALECTS[name]
    except KeyError:
        raise ValueError(f"dialect={name!r}, expected one of {', '.join(DIALECTS)}") from None
