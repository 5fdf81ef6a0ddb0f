"""What differs between the two C programs: named facts that layers and readers ask for.

The two forks of Darknet give different answers to the same files. ``alexeyab`` (the default) is
AlexeyAB/darknet at 59596d78, ``pjreddie`` is pjreddie/darknet at f6afaabc. Nothing else in the package compares
dialect names; whoever needs to know asks for a fact here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dialect:
    """One fork's facts. ``name`` is what ``load(..., dialect=...)`` and ``--dialect`` take."""

    name: str
    batch_norm_epsilon: float
    """What is added to a variance, or to its root, so that batch normalization never divides by 0."""
    batch_norm_epsilon_inside: bool
    """Whether it is added to the variance, and not to its root."""
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
    gru_file_order: tuple[str, ...]
    """The parts of [gru] as their arrays follow each other in a weights file."""
    lstm_file_order: tuple[str, ...]
    """The parts of [lstm] as their arrays follow each other in a weights file."""
    rnn_hidden_is_output: bool
    """Whether [rnn] always has as many hidden values as output values."""
    crnn_keeps_sides: bool
    """Whether the convolutions of [crnn] are padded so that the picture keeps its size, without being asked."""
    saved_revision: int
    """Third number of the header that the fork's own program writes."""
    detector_preprocess: str
    """How ``detect`` fits a picture to the network: letterbox or stretch."""
    yolo_max: int
    """Default of max= in [yolo], [Gaussian_yolo] and [detection]."""
    region_max: int
    """Default of max= in [region]."""
    yolo_extensions: bool
    """Whether [yolo] knows the options of YOLOv4: scale_x_y=, new_coords=, nms_kind= and beta_nms=."""
    region_activates_all: bool
    """Whether [region] puts x, y and (without softmax=) the classes through the logistic, not the objectness only."""
    region_boxes_by_anchor: bool
    """Whether the boxes of [region] come anchor by anchor, weak ones with objectness 0, and not cell by cell."""
    region_walks_tree: bool
    """Whether a box's class is looked for from the root of the tree down, and not from its last node up."""
    updates_of_a_size: int
    """Updates after which another input size is drawn, in training with random=."""
    random_sides: range | None
    """The sides of the squares that are drawn then, in pixels; None for sizes in proportion to that of [net]."""

    def batch_norm_deviation(self, variance: np.ndarray) -> np.ndarray:
        """The divisor of batch normalization for variances, in their dtype."""
        epsilon = np.asarray(self.batch_norm_epsilon, variance.dtype)
        return np.sqrt(variance + epsilon) if self.batch_norm_epsilon_inside else np.sqrt(variance) + epsilon

    def batch_norm_deviation_slope(self, variance: np.ndarray) -> np.ndarray:
        """The derivative of `batch_norm_deviation` by the variance; 0 where that is infinite."""
        root = np.sqrt(variance + np.asarray(self.batch_norm_epsilon * self.batch_norm_epsilon_inside, variance.dtype))
        return np.divide(0.5, root, out=np.zeros_like(root), where=root > 0)


ALEXEYAB = Dialect(
    name="alexeyab",
    batch_norm_epsilon=1e-5,
    batch_norm_epsilon_inside=True,
    batchnorm_section_has_biases=True,
    xnor_padding=-1.0,
    classifier_preprocess="crop",
    tree_leaves_only=False,
    dropout_probability=0.2,
    gru_file_order=("input_z", "input_r", "input_h", "state_z", "state_r", "state_h"),
    lstm_file_order=("state_f", "state_i", "state_g", "state_o", "input_f", "input_i", "input_g", "input_o"),
    rnn_hidden_is_output=False,
    crnn_keeps_sides=False,
    saved_revision=5,
    detector_preprocess="stretch",
    yolo_max=200,
    region_max=200,
    yolo_extensions=True,
    region_activates_all=False,
    region_boxes_by_anchor=False,
    region_walks_tree=False,
    updates_of_a_size=10,
    random_sides=None,
)

PJREDDIE = Dialect(
    name="pjreddie",
    batch_norm_epsilon=1e-6,
    batch_norm_epsilon_inside=False,
    batchnorm_section_has_biases=False,
    xnor_padding=0.0,
    classifier_preprocess="letterbox",
    tree_leaves_only=True,
    dropout_probability=0.5,
    gru_file_order=("state_z", "state_r", "state_h", "input_z", "input_r", "input_h"),
    lstm_file_order=("state_i", "state_f", "state_o", "state_g", "input_i", "input_f", "input_o", "input_g"),
    rnn_hidden_is_output=True,
    crnn_keeps_sides=True,
    saved_revision=0,
    detector_preprocess="letterbox",
    yolo_max=90,
    region_max=30,
    yolo_extensions=False,
    region_activates_all=True,
    region_boxes_by_anchor=True,
    region_walks_tree=True,
    updates_of_a_size=40,
    random_sides=range(128, 449, 32),
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
