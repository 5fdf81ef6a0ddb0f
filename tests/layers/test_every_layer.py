"""The trial that every layer type stands, over the registry."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from darknetpy.config.options import Option, read_options
from darknetpy.config.sections import Section
from darknetpy.dialect import DIALECTS
from darknetpy.errors import ConfigError, Findings
from darknetpy.layers.base import COMMON_OPTIONS, Layer, Shape, Window
from darknetpy.layers.registry import layer_types
from tests.layers.workbench import Trials, fill, make_layer, random_input

TYPES = {layer_type.names[0]: layer_type for layer_type in layer_types().values()}
TRIALS: dict[str, Trials] = {
    name: importlib.import_module(f"tests.layers.test_{name.lower()}").TRIALS for name in TYPES
}
"""Options and input shapes for each type, as its own test module gives them."""
CASES = [
    pytest.param(f"[{name}] {text}", shapes, id=f"{name} {text}".strip())
    for name, trials in TRIALS.items()
    for text, shapes in trials
]


def inputs_for(shapes: list[Shape], n: int = 2) -> list[np.ndarray]:
    return [random_input(shape, n, seed) for seed, shape in enumerate(shapes)]


def filled(text: str, shapes: list[Shape]) -> Layer:
    layer = make_layer(text)
    fill(layer, shapes)
    return layer


def bad_values() -> Iterator[tuple[str, Option, str]]:
    for name, layer_type in TYPES.items():
        for option in (*layer_type.declared_options, *COMMON_OPTIONS):
            for text in option.bad_values():
                yield name, option, text


def test_every_type_has_a_trial() -> None:
    assert [name for name, trials in TRIALS.items() if not trials] == []


def test_every_type_says_what_its_shapes_are() -> None:
    silent = [name for name, layer_type in TYPES.items() if "Shapes: " not in (layer_type.__doc__ or "")]
    assert silent == []


@pytest.mark.parametrize(
    ("name", "option", "text"),
    [pytest.param(name, option, text, id=f"{name} {option.name}={text}") for name, option, text in bad_values()],
)
def test_every_option_refuses_bad_values_and_says_where(name: str, option: Option, text: str) -> None:
    given = dict(part.split("=", 1) for part in TRIALS[name][0][0].split()) | {option.name: text}
    section = Section(name, 10, 3, "net.cfg", given, given, {option.name: 12}, {option.name: 6})
    declared = (*TYPES[name].declared_options, *COMMON_OPTIONS)
    with pytest.raises(ConfigError) as caught:
        read_options(section, declared, Findings(strict=True), training=True)
    assert str(caught.value).startswith(f"net.cfg:12:6: [{name}] layer 3: {option.name}={text}, expected ")
    assert caught.value.option == option.name


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("name", list(TYPES))
def test_defaults_are_allowed_values(name: str, dialect: str) -> None:
    layer = make_layer(f"[{name}] {TRIALS[name][0][0]}", dialect=dialect)
    for option in (*TYPES[name].declared_options, *COMMON_OPTIONS):
        value = layer.options[option.name]
        if option.name not in layer.options.given and value not in (None, ()):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            text = str(int(value)) if isinstance(value, bool) else text
            assert option.parse(text) == (pytest.approx(value) if isinstance(value, float) else value)


@pytest.mark.parametrize("name", list(TYPES))
def test_unknown_options_are_warned_about(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown option no_such_option="):  # the workbench is strict
        make_layer(f"[{name}] {TRIALS[name][0][0]} no_such_option=1")


@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_output_has_the_declared_shape_and_the_dtype_of_the_input(text: str, shapes: list[Shape]) -> None:
    layer = filled(text, shapes)
    for dtype in (np.float32, np.float64):
        output = layer.forward([x.astype(dtype) for x in inputs_for(shapes)])
        assert output.shape == (2, *layer.output_shape(shapes))
        assert output.dtype == dtype


@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_float32_is_close_to_float64(text: str, shapes: list[Shape]) -> None:
    layer = filled(text, shapes)
    inputs = [x.astype(np.float32) for x in inputs_for(shapes)]
    single, double = layer.forward(inputs), layer.forward([x.astype(np.float64) for x in inputs])
    assert np.abs(single - double).max() <= 5e-6 * np.abs(double).max()


@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_forward_changes_neither_inputs_nor_arrays(text: str, shapes: list[Shape]) -> None:
    layer = filled(text, shapes)
    inputs = inputs_for(shapes)
    before = [x.copy() for x in inputs]
    arrays = {name: array.copy() for name, array in layer.weights.items()}
    layer.forward(inputs)
    assert all(np.array_equal(x, old) for x, old in zip(inputs, before, strict=True))
    assert all(np.array_equal(layer.weights[name], old) for name, old in arrays.items())


@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_pictures_of_a_batch_do_not_meet(text: str, shapes: list[Shape]) -> None:
    layer = filled(text, shapes)
    inputs = inputs_for(shapes, n=3)
    together = layer.forward(inputs)
    for index in range(3):
        alone = layer.forward([x[index : index + 1] for x in inputs])
        np.testing.assert_allclose(alone[0], together[index], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_threads_can_share_a_layer(text: str, shapes: list[Shape]) -> None:
    layer = filled(text, shapes)
    batches = [[x + shift for x in inputs_for(shapes)] for shift in (0, 1, 2, 3)]
    expected = [layer.forward(inputs) for inputs in batches]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(layer.forward, batches))
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(("text", "shapes"), CASES)
def test_arrays_flops_and_window_are_what_they_should_be(text: str, shapes: list[Shape]) -> None:
    layer = make_layer(text)
    arrays = layer.arrays(shapes)
    assert len({array.name for array in arrays}) == len(arrays)
    assert all(side > 0 for array in arrays for side in array.shape)
    assert isinstance(layer.flops(shapes), int)
    assert layer.flops(shapes) >= 0
    window = layer.window()
    assert window is None or (isinstance(window, Window) and min(window) > 0)
