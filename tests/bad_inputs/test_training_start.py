"""Rows TRAIN-005, 006, 025, 026, 029 to 031 of the catalogue: how a training begins, and how it goes on."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from darknetpy.cli.main import main
from darknetpy.training import beginning
from tests.training.bright import CFG, draw_all

WORDS = ["train", "net.cfg", "pictures"]
FINAL = Path("backup", "net_final.weights")


@pytest.fixture(autouse=True)
def bright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with ``net.cfg`` of 6 iterations and ``pictures``; a training has come to its end there."""
    monkeypatch.chdir(tmp_path)
    draw_all(tmp_path, 6)
    assert main([*WORDS, "-q"]) == 0
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_state_behind_the_end_is_an_error_with_both_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-005"""
    before = FINAL.read_bytes()
    assert main([*WORDS, "--resume", "--iterations", "5"]) == 1
    message = "the saved training is at iteration 6, expected at most max_batches=5. Ask for more iterations."
    assert said(capsys)[-1] == f"error: {Path('backup', 'net_last.state')}: {message}"
    assert FINAL.read_bytes() == before


def test_weights_behind_the_end_are_an_error_with_both_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-005 and 029"""
    for iterations in ("5", "6"):
        assert main([*WORDS, str(FINAL), "--iterations", iterations, "--backup", "other"]) == 1
        error = said(capsys)[-1]
        assert "the weights have seen 48 pictures, which is iteration 6 of this training" in error
        assert f"less than max_batches={iterations}" in error
    assert not list(Path("other").glob("*.weights"))


def test_a_state_exactly_at_the_end_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-029: the same final weights are there behind it."""
    before = FINAL.read_bytes()
    FINAL.unlink()
    assert main([*WORDS, "--resume"]) == 0
    assert "resuming at iteration 6 of 6; checkpoints go to backup" in said(capsys)
    assert FINAL.read_bytes() == before


def test_going_on_with_another_batch_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-006: the iteration stays, pictures are counted on."""
    Path("net.cfg").write_text(CFG.format(iterations=9).replace("batch=8", "batch=16"))
    assert main([*WORDS, "--resume"]) == 0
    found = said(capsys)
    assert [line for line in found if line.startswith("warning: ")] == [
        f"warning: {Path('backup', 'net_last.state')}: the saved training has seen 48 pictures in 6 iterations, "
        "expected 16 in each, as now. It goes on behind iteration 6 with another batch, and ends with other weights."
    ]
    assert "resuming at iteration 6 of 9; checkpoints go to backup" in found
    rows = [line.split(",")[:2] for line in Path("backup", "net_metrics.csv").read_text().splitlines()]
    assert rows[6:] == [["6", "48"], ["7", "64"], ["8", "80"], ["9", "96"]]


def test_going_on_from_weights_of_another_batch_says_the_iteration(capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-006: they know pictures only."""
    Path("net.cfg").write_text(CFG.format(iterations=9).replace("batch=8", "batch=16"))
    assert main([*WORDS, str(FINAL), "--backup", "other"]) == 0
    found = said(capsys)
    assert any("seen 48 pictures in training" in line for line in found)
    assert "resuming at iteration 3 of 9; checkpoints go to other" in found


def test_too_little_memory_is_said_before_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRAIN-025"""
    monkeypatch.setattr(beginning, "memory_left", lambda: 1000)
    assert main([*WORDS, "--backup", "other"]) == 0
    found = said(capsys)
    (warning,) = [number for number, line in enumerate(found) if "MB of memory, expected at most the 0 MB" in line]
    (start,) = [number for number, line in enumerate(found) if line.startswith("6 iterations;")]
    assert warning < start
    assert re.search(r"net.cfg:\d+:\d+: \[net\]: an iteration needs about \d+ MB", found[warning])
    assert "Raise subdivisions=" in found[warning]


def test_a_clock_that_is_set_back_changes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRAIN-026: no times below zero anywhere."""
    clock = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    monkeypatch.setattr(time, "time_ns", lambda: 10**9 * next(clock))
    assert main([*WORDS, "--backup", "other", "--log-every", "1"]) == 0
    out, err = capsys.readouterr()
    assert not re.search(r"(?<![\w.e])-\d", out + err)
    table = [line.split(",") for line in Path("other", "net_metrics.csv").read_text().splitlines()]
    column = table[0].index("seconds")
    assert all(0 < float(row[column]) < 100 for row in table[1:])


def test_clear_without_weights_is_fine() -> None:
    """TRAIN-030: there is nothing to clear."""
    assert main([*WORDS, "--backup", "other", "--clear", "-q"]) == 0
    assert Path("other", "net_final.weights").read_bytes() == FINAL.read_bytes()


def test_weights_of_a_longer_network_are_taken_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-031; a file that ends behind a layer of this network is taken without one."""
    text = CFG.format(iterations=6)
    layers = "".join(f"[convolutional]\nfilters={filters}\nsize=1\nactivation=linear\n\n" for filters in (5, 2))
    longer = text.replace("[avgpool]", f"{layers}[avgpool]")
    Path("longer.cfg").write_text(longer)
    assert main(["train", "longer.cfg", "pictures", "-q", "--backup", "long"]) == 0
    weights, part = Path("long", "longer_final.weights"), Path("part.weights")
    part.write_bytes(weights.read_bytes()[: 20 + 4 * (4 * 27 + 16)])  # all of layer 0
    capsys.readouterr()
    for path, expected in (
        (weights, [
            f"warning: {weights}: the 108 bytes after layer 4 are not those of the next layers. "
            "They are not read: is the part before them right?"
        ]),
        (part, []),
    ):  # fmt: skip
        assert main([*WORDS, str(path), "--clear", "--backup", f"from {path.name}", "--iterations", "1"]) == 0
        assert [line for line in said(capsys) if line.startswith("warning: ")] == expected
