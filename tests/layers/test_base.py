"""What every layer type inherits."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.base import Array, Layer, shape_text, size_of
from tests.layers.workbench import make_layer


def test_sizes_and_texts_of_shapes() -> None:
    assert size_of((3, 4, 5)) == 60
    assert size_of((7,)) == 7
    assert shape_text((64, 13, 12)) == "64x13x12"


def test_negative_references_count_back_from_the_layer() -> None:
    layer = make_layer("[activation]", index=4)
    assert layer.resolve(-1, "from") == 3
    assert layer.resolve(0, "from") == 0
    assert layer.resolve(3, "from") == 3


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        (4, "from=4 refers to the layer itself"),
        (5, "from=5 means layer 5, which does not come before layer 4"),
        (-5, "from=-5 means layer -1, which does not come before layer 4"),
    ],
)
def test_references_elsewhere_are_refused(reference: int, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer("[activation]", index=4).resolve(reference, "from")
    assert caught.value.found == found


def test_refusals_point_at_the_section_or_the_option() -> None:
    layer = make_layer("[activation] activation=relu", index=4)
    assert str(layer.refusal("this", "that")) == "net.cfg:3: [activation] layer 4: this, expected that."
    assert str(layer.refusal("this", option="activation")) == "net.cfg:4:12: [activation] layer 4: this."


def test_an_alias_has_the_usual_type() -> None:
    assert make_layer("[conn]").type == "connected"


def test_numload_shortens_the_part_in_the_file() -> None:
    array = Array("weights", (6, 2, 3, 3), leading=4)
    assert array.size == 108
    assert array.file_shape == (4, 2, 3, 3)
    assert Array("biases", (6,)).file_shape == (6,)


def test_a_layer_without_forward_says_so() -> None:
    class Silent(Layer):
        names = ("silent",)

    layer = make_layer("[activation]")
    with pytest.raises(TypeError, match=r"\[silent\] has no forward"):
        Silent(layer.options, layer.section, layer.dialect).forward([np.zeros((1, 1))])
