"""[net]: the size of the input, and what its options say about each other. Bad ones: tests/bad_inputs/rows_net.py."""

from __future__ import annotations

import pytest

from darknetpy.config.net_options import NET_OPTIONS, input_shape, read_net_options
from darknetpy.config.options import Options
from darknetpy.config.sections import Section, parse_cfg
from darknetpy.errors import ConfigError, Findings


def read(*lines: str, findings: Findings | None = None, training: bool = False) -> tuple[Options, Section]:
    section = parse_cfg("\n".join(["[net]", *lines, ""]), "net.cfg").net
    return read_net_options(section, findings or Findings(), training=training), section


def test_the_input_is_a_picture_or_a_row() -> None:
    assert input_shape(*read("width=5", "height=4", "channels=3")) == (3, 4, 5)
    assert input_shape(*read("width=5", "height=4", "channels=3", "inputs=60")) == (3, 4, 5)
    assert input_shape(*read("inputs=60")) == (60,)
    assert input_shape(*read("inputs=60", "width=5")) == (60,)
    assert input_shape(*read("inputs=60", "width=0", "height=0", "channels=0")) == (60,)


@pytest.mark.parametrize(
    ("given", "missing"),
    [(["width", "height"], ["channels"]), (["channels"], ["width", "height"]), ([], ["width", "height", "channels"])],
)
def test_missing_sizes_are_all_named(given: list[str], missing: list[str]) -> None:
    options, section = read(*(f"{name}=3" for name in given))
    with pytest.raises(ConfigError) as caught:
        input_shape(options, section)
    assert caught.value.found == " and ".join(f"no {name}=" for name in missing)


def test_defaults_are_those_of_darknet() -> None:
    """Source: the tables of src/parser.c, parse_net_options."""
    options, _ = read("width=100", "subdivisions=1", "max_batches=500")
    defaults = {
        "batch": 1, "time_steps": 1, "learning_rate_min": 1e-5, "momentum": 0.9, "decay": 1e-4, "policy": "constant",
        "step": 1, "scale": 1, "gamma": 1, "power": 4, "burn_in": 0, "B1": 0.9, "B2": 0.999, "eps": 1e-6,
        "learning_rate": 1e-3, "angle": 0, "aspect": 1, "saturation": 1, "exposure": 1, "hue": 0, "flip": True,
        "max_crop": 200, "min_crop": 100, "sgdr_cycle": 500, "sgdr_mult": 2, "letter_box": False, "resize_step": 32,
    }  # fmt: skip
    assert {name: options[name] for name in defaults} == defaults


def test_each_training_mistake_is_an_error_of_its_own() -> None:
    findings = Findings(collect=True)
    read("batch=2", "subdivisions=4", "policy=steps", "steps=9,3", "scales=1", "letter_box=1", "mosaic=1",
         findings=findings, training=True)  # fmt: skip
    assert [(error.option, error.line) for error in findings.errors] == [
        ("subdivisions", 3), ("max_batches", 1), ("steps", 5), ("scales", 6), ("letter_box", 7),
    ]  # fmt: skip


def test_cross_checks_wait_for_values_that_can_be_read() -> None:
    findings = Findings(collect=True)
    options, _ = read("batch=x", "subdivisions=4", findings=findings, training=True)
    assert options.failed
    assert [error.option for error in findings.errors] == ["batch"]


def test_running_takes_what_training_refuses() -> None:
    findings = Findings()
    read("policy=steps", "steps=9,3", "letter_box=1", "mosaic=1", "burn_in=7", "saturation=0", findings=findings)
    assert findings.warnings == []


def test_sound_training_options_raise_no_doubt() -> None:
    findings = Findings(strict=True)
    usual = ("batch=64", "subdivisions=8", "max_batches=500", "learning_rate=.001", "momentum=.9", "decay=.0005")
    read(*usual, "policy=steps", "steps=400,450", "scales=.1,.1", "burn_in=100", findings=findings, training=True)
    read(*usual, "policy=sgdr", "sgdr_cycle=3", "steps=4,8", "seq_scales=1,1", findings=findings, training=True)
    assert findings.notes == []


def test_names_are_declared_once() -> None:
    names = [option.name for option in NET_OPTIONS]
    assert len(names) == len(set(names))
