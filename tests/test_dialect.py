"""What differs between the two C programs. Facts: measured with both, see the recorded numbers in tests/golden."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from darknetpy.dialect import ALEXEYAB, DEFAULT, DIALECTS, PJREDDIE, Dialect, dialect_named


def test_names() -> None:
    assert list(DIALECTS) == ["alexeyab", "pjreddie"]
    assert dialect_named("alexeyab") is ALEXEYAB is DEFAULT
    assert dialect_named("pjreddie") is PJREDDIE
    assert dialect_named(PJREDDIE) is PJREDDIE


@pytest.mark.parametrize("name", ["darknet", "", "AlexeyAB", "alexeyab "])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ValueError, match="expected one of alexeyab, pjreddie"):
        dialect_named(name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_norm_divisors(dtype: type) -> None:
    variance = np.array([0, 1e-6, 1, 4], dtype)
    for dialect, expected in (
        (ALEXEYAB, [(v + 1e-5) ** 0.5 for v in (0, 1e-6, 1, 4)]),
        (PJREDDIE, [v**0.5 + 1e-6 for v in (0, 1e-6, 1, 4)]),
    ):
        divisor = dialect.batch_norm_deviation(variance)
        assert divisor.dtype == dtype
        np.testing.assert_allclose(divisor, expected, rtol=1e-6)


def test_facts() -> None:
    facts = {
        "batchnorm_section_has_biases": (True, False),
        "xnor_padding": (-1.0, 0.0),
        "classifier_preprocess": ("crop", "letterbox"),
        "tree_leaves_only": (False, True),
        "dropout_probability": (0.2, 0.5),
        "gru_file_order": (
            ("input_z", "input_r", "input_h", "state_z", "state_r", "state_h"),
            ("state_z", "state_r", "state_h", "input_z", "input_r", "input_h"),
        ),
        "lstm_file_order": (
            ("state_f", "state_i", "state_g", "state_o", "input_f", "input_i", "input_g", "input_o"),
            ("state_i", "state_f", "state_o", "state_g", "input_i", "input_f", "input_o", "input_g"),
        ),
        "rnn_hidden_is_output": (False, True),
        "crnn_keeps_sides": (False, True),
        "saved_revision": (5, 0),
        "detector_preprocess": ("stretch", "letterbox"),
        "yolo_max": (200, 90),
        "region_max": (200, 30),
        "yolo_extensions": (True, False),
        "region_activates_all": (False, True),
        "region_boxes_by_anchor": (False, True),
        "region_walks_tree": (False, True),
        "updates_of_a_size": (10, 40),
        "random_sides": (None, range(128, 449, 32)),
    }
    for name, values in facts.items():
        assert (getattr(ALEXEYAB, name), getattr(PJREDDIE, name)) == values, name
    others = {field.name for field in dataclasses.fields(Dialect)} - set(facts)
    assert others == {"name", "batch_norm_epsilon", "batch_norm_epsilon_inside"}


def test_dialects_cannot_be_changed_by_accident() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ALEXEYAB.xnor_padding = 1.0  # type: ignore[misc]
