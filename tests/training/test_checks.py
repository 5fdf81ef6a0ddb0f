"""What is known of a training before it starts. The rows of the catalogue are in tests/bad_inputs/test_training.py."""

from __future__ import annotations

import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import Findings
from darknetpy.graph import build_graph
from darknetpy.training.checks import check_trainable

pytestmark = pytest.mark.quick
NET = "[net]\nwidth=8\nheight=8\nchannels=3\nbatch=4\nmax_batches=10\n"
CONVOLUTIONAL = "[convolutional]\nfilters=2\nactivation=leaky\n"


def found_in(text: str) -> Findings:
    findings = Findings(collect=True)
    check_trainable(build_graph(parse_cfg(text, "net.cfg"), training=True), findings)
    return findings


def test_an_ordinary_network_has_nothing_to_say() -> None:
    findings = found_in(NET + CONVOLUTIONAL + "batch_normalize=1\n[avgpool]\n[softmax]\n")
    assert not findings.errors
    assert not findings.warnings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NET.replace("max_batches=10", "max_batches=2000\nema_alpha=.9") + CONVOLUTIONAL + "[cost]", "more than 2000"),
        (NET + "attention=1\n" + CONVOLUTIONAL + "[cost]\n", "attention= is ignored"),
        (NET + CONVOLUTIONAL + "assisted_excitation=1\n[cost]\n", "assisted_excitation= is ignored"),
        (NET + CONVOLUTIONAL + "[cost]\nratio=.5\n", "ratio= is ignored"),
        (NET + CONVOLUTIONAL + "[dropout]\ndropblock=1\n[cost]\n", "dropblock=1. Single values are dropped"),
    ],
)  # fmt: skip
def test_doubts(text: str, words: str) -> None:
    findings = found_in(text)
    assert not findings.errors
    assert [words in str(warning) for warning in findings.warnings] == [True]
    assert findings.warnings[0].line


def test_everything_is_listed() -> None:
    text = NET.replace("batch=4", "batch=1") + CONVOLUTIONAL + "size=3\nstretch=1\n[avgpool]\n[batchnorm]\n"
    found = [error.found for error in found_in(text).errors]
    assert ["loss" in found[0], "batch normalization" in found[1], "stretch" in found[2]] == [True] * 3


def test_arrays_that_rest_to_the_end() -> None:
    for option in ("train_only_bn=1", "dont_update=10"):
        errors = found_in(NET + CONVOLUTIONAL + f"{option}\n[cost]\n").errors
        assert [error.found for error in errors] == ["all arrays stay as they are to the end"]
    assert not found_in(NET + CONVOLUTIONAL + "dont_update=9\n[cost]\n").errors


def test_frozen_batch_normalization_needs_no_second_value() -> None:
    text = NET.replace("batch=4", "batch=1") + CONVOLUTIONAL + "[avgpool]\n[batchnorm]\nstopbackward=1\n"
    assert not found_in(text + CONVOLUTIONAL + "[cost]\n").errors
