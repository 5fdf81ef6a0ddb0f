"""``darknetpy train``: from pictures to weights, stopped and killed on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import darknetpy
from darknetpy.cli.main import main
from darknetpy.training.checkpoints import read_state
from tests.cli.processes import PATIENCE, clean_environment
from tests.training.drawn import CFG, KINDS, draw_all

posix_only = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
LINE = re.compile(
    r"(\d+)/(\d+): loss \d+\.\d{4}, average \d+\.\d{4}, rate [\d.e-]+, \d+ pictures/s, [\d:]+ (s|min|h) left"
)


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with ``net.cfg`` and ``shapes``."""
    monkeypatch.chdir(tmp_path)
    draw_all(tmp_path, count=20)
    return tmp_path


@contextmanager
def process(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own, with pipes; it is gone at the end."""
    one = subprocess.Popen(
        [sys.executable, "-m", "darknetpy", "train", *words],
        cwd=folder,
        env=clean_environment(),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with one:
        try:
            yield one
        finally:
            one.kill()


def wait_for(one: subprocess.Popen[str], iteration: int) -> None:
    """Read what it says, until that iteration is done."""
    assert one.stdout is not None
    for line in one.stdout:
        if line.startswith(f"{iteration}/"):
            return
    pytest.fail(f"it ended before iteration {iteration}: {one.stderr.read() if one.stderr else ''}")


def test_trains_and_says_how_it_goes(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "net.cfg", "shapes", "--iterations", "120", "--save-every", "50", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    found = [LINE.fullmatch(line) for line in lines]
    assert [match[1] for match in found if match] == [str(number) for number in range(1, 121)]
    assert {match[2] for match in found if match} == {"120"}
    others = [line for line, match in zip(lines, found, strict=True) if not match]
    assert [line.split(":")[0] for line in others] == ["validation at iteration 100", "validation at iteration 120"]
    assert all(re.search(r": \d+\.\d\d% of 20 pictures right", line) for line in others)
    assert others[0].endswith(", the best so far")
    said = [line for line in err.splitlines() if not line.startswith("compiling")]
    assert said[:2] == [
        "training: 40 pictures in 2 classes: 20 disc, 20 square",
        "validation: 20 pictures in 2 classes: 10 disc, 10 square",
    ]
    assert re.fullmatch(r"memory: about \d+ MB, and up to 2048 MB of decoded pictures", said[2])
    final = Path("backup", "net_final.weights")
    assert said[3:] == ["120 iterations; checkpoints go to backup", f"final weights: {final}"]
    assert {path.name for path in (drawn / "backup").iterdir()} == {
        "net_50.weights", "net_100.weights", "net_last.weights", "net_best.weights", "net_final.weights",
        "net_last.state", "net_metrics.csv", "net_metrics.jsonl",
    }  # fmt: skip


def test_on_a_terminal_one_line_changes(
    drawn: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["train", "net.cfg", "shapes", "--iterations", "12"]) == 0
    out, _ = capsys.readouterr()
    changing, validation, *rest = out.split("\n")
    assert [text.partition("/")[0] for text in changing.split("\r")] == ["", *map(str, range(1, 13))]
    assert max(map(len, changing.split("\r"))) == 59
    assert validation.startswith("validation at iteration 12: ")
    assert rest == [""]


def test_quiet_says_nothing(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "net.cfg", "shapes", "--iterations", "2", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_what_it_learnt_is_there_for_classify(drawn: Path) -> None:
    assert main(["train", "net.cfg", "shapes", "-q", "--no-augmentation"]) == 0
    net = darknetpy.load("net.cfg", drawn / "backup" / "net_final.weights", names=KINDS)
    assert net.loaded is not None
    assert net.loaded.seen == 300 * 32
    answers = {kind: [net.classify(path, top=1)[0].label for path in (drawn / "shapes" / "train" / kind).iterdir()]
               for kind in KINDS}  # fmt: skip
    assert sum(answers[kind].count(kind) for kind in KINDS) >= 38


@posix_only
def test_killed_at_three_moments_it_ends_with_the_same_bytes(drawn: Path) -> None:
    words = ["net.cfg", "shapes", "--iterations", "130", "--seed", "4", "--save-every", "40"]
    assert main(["train", *words, "--backup", "whole", "-q"]) == 0
    moments = sorted(np.random.default_rng(8).choice(np.arange(1, 129), 3, replace=False).tolist())
    resume: list[str] = []
    for moment in moments:
        with process(drawn, *words, "--backup", "parts", "--save-last-every", "7", *resume) as one:
            wait_for(one, moment)
            one.kill()
        assert one.returncode == -signal.SIGKILL
        resume = ["--resume"]
    assert main(["train", *words, "--backup", "parts", "-q", "--resume"]) == 0
    for which in ("40", "80", "120", "last", "best", "final"):
        name = f"net_{which}.weights"
        assert (drawn / "parts" / name).read_bytes() == (drawn / "whole" / name).read_bytes(), (which, moments)
    rows = [[line.split(",")[:5] for line in (drawn / folder / "net_metrics.csv").read_text().splitlines()]
            for folder in ("whole", "parts")]  # fmt: skip
    assert rows[0] == rows[1], moments
    assert len(rows[0]) == 131


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(drawn: Path, number: signal.Signals) -> None:
    with process(drawn, "net.cfg", "shapes", "--iterations", "100000") as one:
        wait_for(one, 3)
        one.send_signal(number)
        out, err = one.communicate(timeout=PATIENCE)
        assert one.returncode == 128 + number
    last = int(out.splitlines()[-1].partition("/")[0]) if out else 3
    assert err.splitlines()[-1] == f"stopped behind iteration {last}; --resume goes on from there"
    about, _ = read_state(drawn / "backup" / "net_last.state")
    assert about["training"]["iteration"] == last
    assert not list((drawn / "backup").glob("*.lock"))
    assert not (drawn / "backup" / "net_final.weights").exists()


def test_resume_goes_on_with_the_options_it_began_with(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "net.cfg", str(Path("shapes", "train"))]
    options = ["--validation", ".3", "--seed", "6", "--no-augmentation", "--iterations", "6"]
    assert main([*words, *options]) == 0
    first = (drawn / "backup" / "net_final.weights").read_bytes()
    assert main([*words, "--resume", "--iterations", "9"]) == 0
    assert "validation: 12 pictures" in capsys.readouterr().err
    assert (drawn / "backup" / "net_final.weights").read_bytes() != first
    assert main([*words, "--resume"]) == 0
    assert "resuming at iteration 9 of 9" in capsys.readouterr().err
    for other, message in (("--seed=7", "other training pictures|another seed"), ("--validation=.4", "other training")):
        assert main([*words, "--resume", other]) == 1
        assert re.search(f"the saved training has ({message})", capsys.readouterr().err)


def test_a_training_is_not_lost_when_resume_is_forgotten(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "net.cfg", "shapes", "--iterations", "4", "-q"]
    assert main(words) == 0
    before = (drawn / "backup" / "net_last.state").read_bytes()
    assert main(words) == 1
    message = f"error: {Path('backup/net_last.state')}: a training to iteration 4 is there, expected a folder without"
    assert capsys.readouterr().err.startswith(message)
    assert (drawn / "backup" / "net_last.state").read_bytes() == before
    assert main(["train", "net.cfg", "shapes", "--resume", "--backup", "none"]) == 1
    assert "no such file, expected a state of a training" in capsys.readouterr().err


def test_begins_with_weights(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def begin(folder: str, *words: str) -> str:
        code = main(["train", "net.cfg", "shapes", "--backup", folder, *words])
        text = capsys.readouterr().err
        assert code == ("error:" in text)
        return text

    begin("first", "--iterations", "5")
    darknetpy.load("net.cfg", "first/net_final.weights").save_weights("part.weights", upto=3)
    assert "resuming at iteration 5 of 8" in begin("further", "first/net_final.weights", "--iterations", "8")
    text = begin("anew", "part.weights", "--clear", "--iterations", "3")
    assert "part.weights: 2 of 4 layers with weights, seen 160 pictures in training" in text
    assert "3 iterations; checkpoints" in text
    text = begin("behind", "first/net_final.weights", "--iterations", "5")
    assert "the weights have seen 160 pictures, which is iteration 5" in text
    text = begin("damaged", "first/net_metrics.csv", "--iterations", "5")
    assert "error: first" in text
    assert not list(Path("damaged").glob("*.weights"))


def test_a_data_file_says_where_everything_is(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (drawn / "kinds.txt").write_text("disc\nsquare\n")
    text = "classes=2\ntrain=shapes/train\nvalid=shapes/valid\nnames=kinds.txt\nlabels=kinds.txt\n"
    (drawn / "my.data").write_text(f"{text}backup=kept\nsaveweights=3\nsavelast=2\n")
    assert main(["train", "net.cfg", "my.data", "--iterations", "7"]) == 0
    assert "checkpoints go to kept" in capsys.readouterr().err
    assert {path.name for path in (drawn / "kept").glob("net_[0-9]*")} == {"net_3.weights", "net_6.weights"}
    (drawn / "my.data").write_text(text.replace("classes=2", "classes=3"))
    assert main(["train", "net.cfg", "my.data"]) == 1
    assert "my.data:1:9: classes=3, expected the 2 classes of net.cfg" in capsys.readouterr().err


def test_what_cannot_be_trained_is_said_before_the_first_iteration(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drawn / "wide.cfg").write_text(CFG.replace("filters=2", "filters=5"))
    (drawn / "short.cfg").write_text(CFG.replace("max_batches=300", ""))
    (drawn / "file").write_text("")
    for words, message in (
        (["wide.cfg", "shapes"], "pictures of 2 classes, expected the 5 of the network"),
        (["short.cfg", "shapes"], "no max_batches=, expected the number of updates"),
        (["net.cfg", "nowhere"], "nowhere"),
        (["net.cfg", "shapes", "--validation", ".1"], "pictures for validation of their own"),
        (["net.cfg", "shapes", "--backup", "file"], "file: is a file, expected a folder"),
        (["net.cfg", "shapes", "none.weights"], "none.weights"),
    ):
        assert main(["train", *words]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err
        assert not list(drawn.glob("*/*.lock"))


def test_diverging_ends_with_the_place_of_the_last_good_state(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (drawn / "wild.cfg").write_text(CFG.replace("learning_rate=0.05", "learning_rate=1e30"))
    with np.errstate(all="ignore"):
        assert main(["train", "wild.cfg", "shapes"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert re.search(r"error: wild.cfg:\d+: .* expected finite numbers. Lower learning_rate", lines[-1])
    assert lines[-2] == f"{Path('backup/wild_last.state')} is that of iteration 0"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--clear"], "--clear is for WEIGHTS to begin with"),
        (["w.weights", "--clear", "--resume"], "--clear is for WEIGHTS to begin with, and --resume has its own"),
        (["--validation", "1"], "--validation: 1 leaves no picture to train with"),
        (["--iterations", "0"], "--iterations: '0', expected a whole number"),
    ],
)
def test_wrong_options(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "net.cfg", "shapes", *words]) == 2
    assert message in capsys.readouterr().err


def test_nobody_reading_ends_it_with_a_state(drawn: Path) -> None:
    with process(drawn, "net.cfg", "shapes", "--iterations", "100000") as one:
        assert one.stdout is not None
        one.stdout.readline()
        one.stdout.close()  # as `| head -1` does
        assert one.wait(PATIENCE) == 141
    about, _ = read_state(drawn / "backup" / "net_last.state")
    assert about["training"]["iteration"] > 0
