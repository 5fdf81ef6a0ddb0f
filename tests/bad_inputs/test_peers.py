"""Small mistakes that other programs answer with silence, wrong numbers or a crash.

Each is made in the cfg or the names of a small classifier. What is accepted must give the very numbers of the honest
cfg; what is not must give one error with place, finding, expectation and remedy. Mistakes in weights and pictures are
tested in tests/weights and tests/images; ``filters=`` before a detector's head is a row of rows_heads.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.names import fit_names, read_names
from darknetpy.errors import ConfigError, Findings
from darknetpy.graph import initial_weights
from tests.bad_inputs.rows import Row, assert_one_clear_line, assert_points_at, run

HONEST = """[net]
width=24
height=24
channels=3

[convolutional]
batch_normalize=1
filters=16
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=20
size=1
activation=linear

[avgpool]

[softmax]
"""
LAYER = "[convolutional] layer 0"


def mistake(old: str, new: str) -> str:
    """The honest cfg with the first ``old`` written as ``new``."""
    assert old in HONEST
    return HONEST.replace(old, new, 1)


ERRORS = (
    Row("activation=leakyy", mistake("leaky", "leakyy"), "activation=leakyy", LAYER, "activation", ("mean leaky?",)),
    Row("[maxpol]", mistake("maxpool", "maxpol"), "[maxpol]", "[maxpol] layer 1", says=("Did you mean [maxpool]?",)),
    Row("size=abc", mistake("size=3", "size=abc"), "size=abc", LAYER, "size", ("size=abc, expected a whole number",)),
    Row("stride=0", mistake("stride=1", "stride=0"), "stride=0", LAYER, "stride", ("at least 1",)),
    Row("filters=-16", mistake("filters=16", "filters=-16"), "filters=-16", LAYER, "filters", ("at least 1",)),
    Row("width=height=100000", mistake("width=24\nheight=24", "width=100000\nheight=100000"), "[net]", "[net]",
        says=("this needs 112 GiB",)),
    Row("empty cfg", "", says=("no section in the file",)),
)  # fmt: skip

WARNINGS = (
    Row("fitlers=16", mistake("filters=16", "fitlers=16"), "fitlers=16", LAYER, says=("Did you mean filters?",)),
    Row("repeated key", mistake("filters=16", "filters=16\nfilters=32"), "filters=32", LAYER,
        says=("filters=32 repeats filters=16 of line 8", "The first one counts")),
    Row("#[maxpool], its options left", mistake("[maxpool]", "#[maxpool]"), "size=2", LAYER,
        says=("size=2 repeats size=3 of line 9", "Line 14 comments out [maxpool]: comment out its options too")),
)  # fmt: skip

ACCEPTED = {
    "activation=leaky # note": mistake("leaky", "leaky # note"),
    "filters=16 # first": mistake("filters=16", "filters=16 # first"),
    "cfg with CRLF": HONEST.replace("\n", "\r\n"),
    "cfg with a byte-order mark": b"\xef\xbb\xbf" + HONEST.encode(),
    "batch=64 left in the cfg": mistake("[net]\n", "[net]\nbatch=64\nsubdivisions=16\n"),
    "repeated key": mistake("filters=16", "filters=16\nfilters=32"),
}


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ERRORS])
def test_error(row: Row) -> None:
    with pytest.raises(ConfigError) as caught:
        run(row.text)
    assert_one_clear_line(caught.value)
    assert_points_at(caught.value, row)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in WARNINGS])
def test_warning(row: Row) -> None:
    _, findings = run(row.text)
    assert_one_clear_line(findings.warnings[0])
    assert_points_at(findings.warnings[0], row)


def answer(text: str | bytes) -> np.ndarray:
    graph, _ = run(text)
    initial_weights(graph)
    picture = np.random.default_rng(5).random((1, 3, 24, 24), np.float32)
    return graph.run(picture)[graph.output_index]


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_with_the_same_numbers(name: str) -> None:
    np.testing.assert_array_equal(answer(ACCEPTED[name]), answer(HONEST))


def test_an_odd_width_runs() -> None:
    """width=225"""
    graph, findings = run(mistake("width=24", "width=25"))
    assert graph.nodes[1].output_shape == (16, 12, 13)
    assert findings.warnings == []


def test_names_with_crlf(tmp_path: Path) -> None:
    (tmp_path / "a.names").write_bytes(b"dog\r\nkit fox\r\n")
    assert read_names(tmp_path / "a.names") == ["dog", "kit fox"]


def test_19_names_for_20_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.names"
    path.write_text("".join(f"class {number}\n" for number in range(19)))
    with pytest.raises(ConfigError) as caught:
        fit_names(read_names(path), 20, str(path), "net.cfg", Findings())
    assert_one_clear_line(caught.value)
    assert str(caught.value).startswith(f"{path}: 19 class names, expected one for each of the 20 classes of net.cfg.")
