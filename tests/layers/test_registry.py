"""Layer types are found by themselves."""

from __future__ import annotations

import pkgutil

import darknetpy.layers
from darknetpy.layers.registry import FOREIGN, layer_types


def test_every_module_has_one_layer_type() -> None:
    modules = {info.name for info in pkgutil.iter_modules(darknetpy.layers.__path__) if not info.ispkg}
    homes = {layer_type.__module__.rpartition(".")[2] for layer_type in layer_types().values()}
    assert homes == modules - {"base", "registry", "state", "tape", "weights"}


def test_modules_are_named_after_their_section() -> None:
    for layer_type in layer_types().values():
        assert layer_type.__module__.endswith(f".{layer_type.names[0].lower()}")


def test_all_names_lead_to_their_type() -> None:
    for name, layer_type in layer_types().items():
        assert name in layer_type.names


def test_sections_of_other_programs_are_none_of_darknets() -> None:
    assert not set(FOREIGN) & set(layer_types())


def test_sections_of_classifiers_exist() -> None:
    wanted = {
        "convolutional", "conv", "connected", "conn", "maxpool", "max", "avgpool", "avg", "local_avgpool", "local_avg",
        "reorg", "route", "shortcut", "dropout", "softmax", "soft", "cost", "crop", "normalization", "lrn", "batchnorm",
        "activation", "scale_channels",
    }  # fmt: skip
    assert wanted <= set(layer_types())
