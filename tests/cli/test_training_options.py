"""The options that say how a network learns: as words of the command and as a request for a training."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknetpy.cli.arguments import Parser
from darknetpy.cli.main import main
from darknetpy.cli.train import add_arguments
from darknetpy.cli.training_options import MONITORS, OPTIMIZERS, request_of
from darknetpy.training import early_stopping
from darknetpy.training.opening import Request
from darknetpy.training.updates import OPTIMIZERS as KNOWN_OPTIMIZERS
from tests.training.drawn import draw_all


def asked_for(*words: str) -> Request:
    parser = Parser(prog="darknetpy train")
    add_arguments(parser)
    return request_of(parser.parse_args(["net.cfg", "shapes", *words]))


def test_names_are_those_of_the_package() -> None:
    assert tuple(KNOWN_OPTIMIZERS) == OPTIMIZERS
    assert early_stopping.MONITORS == MONITORS


def test_what_is_not_given_is_left_open() -> None:
    assert asked_for() == Request(cfg="net.cfg", data="shapes")


def test_every_option_arrives() -> None:
    words = (
        "w.weights --clear --backup b --seed 3 --iterations 4 --validation .5 --validate-every 6 --no-augmentation "
        "--optimizer adamw --l1 0.25 --input-noise 0.5 --dialect pjreddie --threads 2 --save-every 7 "
        "--save-last-every 8 --strict --allow-damaged"
    )
    assert asked_for(*words.split()) == Request(
        cfg="net.cfg", data="shapes", weights="w.weights", clear=True, backup="b", seed=3, iterations=4, validation=0.5,
        validate_every=6, augmentation=False, optimizer="adamw", l1=0.25, input_noise=0.5, dialect="pjreddie",
        threads=2, save_every=7, save_last_every=8, strict=True, allow_damaged=True,
    )  # fmt: skip
    stopping = asked_for(
        "--resume", "--early-stopping", "val_loss", "--patience", "3", "--min-delta", ".5", "--restore-best-weights"
    ).early_stopping
    assert stopping is not None
    expected = {"monitor": "val_loss", "patience": 3, "min_delta": 0.5, "restore_best_weights": True}
    assert stopping.settings == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--patience", "3"], "--patience is for --early-stopping WHAT"),
        (["--restore-best-weights"], "--restore-best-weights is for --early-stopping WHAT"),
        (["--early-stopping", "val_los"], "expected loss, accuracy, val_loss or val_accuracy. Did you mean val_loss?"),
        (["--early-stopping", "loss", "--min-delta", "-1"], "--min-delta: '-1', expected a number that is not below 0"),
        (["--optimizer", "sdg"], "expected sgd, adam or adamw. Did you mean sgd?"),
        (["--l1", "nan"], "--l1: 'nan', expected a number that is not below 0"),
        (["--dialect", "other"], "expected alexeyab or pjreddie"),
    ],
)
def test_wrong_words(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "net.cfg", "shapes", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_training_that_ends_early_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    draw_all(tmp_path, count=10)
    words = ["train", "net.cfg", "shapes"]
    options = ["--early-stopping", "val_accuracy", "--min-delta", "2", "--validate-every", "2", "--patience", "2"]
    assert main([*words, *options]) == 0
    err = capsys.readouterr().err
    assert "ended behind iteration 6" in err
    final = Path("backup", "net_final.weights").read_bytes()
    assert main([*words, "--resume"]) == 0
    assert Path("backup", "net_final.weights").read_bytes() == final
    assert main(["train", "net.cfg", "shapes/train", "--early-stopping", "val_loss", "--backup", "other"]) == 1
    assert "val_loss is watched, expected pictures for validation" in capsys.readouterr().err
