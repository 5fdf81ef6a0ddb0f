"""[contrastive] passes values on when running."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests.layers.workbench import Trials, make_layer, random_input, run

TRIALS: Trials = [("yolo_layer=-2", [(3, 5, 4)]), ("yolo_layer=-2 classes=2", [(7,)])]


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)])
@pytest.mark.parametrize("text", ["", "classes=2 yolo_layer=-2 temperature=.5"])
def test_passes_values_on(shape: tuple[int, ...], text: str) -> None:
    x = random_input(shape)
    assert (run(make_layer(f"[contrastive] {text}"), [x]) == x).all()


def test_training_needs_a_yolo_layer() -> None:
    with pytest.raises(ConfigError, match=r"\[contrastive\] layer 4: no yolo_layer=, expected a whole number"):
        make_layer("[contrastive]", training=True)
    assert make_layer("[contrastive] yolo_layer=-2", training=True).options.yolo_layer == -2
