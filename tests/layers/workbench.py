"""A layer by itself on the bench: made from a few lines of cfg, with random arrays and inputs."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import read_options
from darknetpy.config.sections import parse_cfg
from darknetpy.dialect import dialect_named
from darknetpy.errors import Findings
from darknetpy.layers.base import COMMON_OPTIONS, Layer, Shape
from darknetpy.layers.registry import layer_types

Trials = list[tuple[str, list[Shape]]]
"""What the trial of every layer (test_every_layer.py) puts a type through: options, and the shapes of its inputs."""
SECTION_LINE = 3  # of the section in the cfg that make_layer writes; its options follow


def make_layer(text: str, *, index: int = 4, dialect: str = "alexeyab", training: bool = False) -> Layer:
    """The layer of ``[section] name=value name=value``, as if it had this index in ``net.cfg``."""
    section = parse_cfg("[net]\ninputs=1\n" + "\n".join(text.split()), "net.cfg").sections[1]
    section.layer = index
    layer_type = layer_types()[section.name]
    declared = (*layer_type.declared_options, *COMMON_OPTIONS)
    chosen = dialect_named(dialect)
    options = read_options(section, declared, Findings(strict=True), dialect=chosen, training=training)
    return layer_type(options, section, chosen)


def fill(layer: Layer, shapes: list[Shape], seed: int = 0) -> None:
    """Give a layer random arrays; variances are positive."""
    random = np.random.default_rng(seed)
    for array in layer.arrays(shapes):
        values = random.standard_normal(array.shape).astype(np.float32)
        layer.weights[array.name] = values**2 + np.float32(0.1) if array.name.endswith("rolling_variance") else values


def random_input(shape: Shape, n: int = 2, seed: int = 1) -> np.ndarray:
    """n random pictures (or rows) of a shape, float64."""
    return np.random.default_rng(seed).standard_normal((n, *shape))


def run(layer: Layer, inputs: list[np.ndarray], seed: int = 0) -> np.ndarray:
    """The output for these inputs, with random arrays; also checks it against the declared shape."""
    shapes = [x.shape[1:] for x in inputs]
    expected = layer.output_shape(shapes)
    fill(layer, shapes, seed)
    output = layer.forward(inputs)
    assert output.shape == (len(inputs[0]), *expected)
    return output


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-10) -> None:
    """Largest difference against the largest value; shapes must agree."""
    assert found.shape == expected.shape
    largest = max(float(np.abs(expected).max()), 1e-30)
    difference = float(np.abs(found - expected).max())
    assert difference <= tolerance * largest, f"largest difference {difference:.3g}, largest value {largest:.3g}"
