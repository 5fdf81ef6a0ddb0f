"""``darknetpy train``: from pictures to weights, stopped and killed on the way."""

from __future__ import annotations

import io
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
from PIL import Image

import darknetpy
from darknetpy.cli.main import main
from darknetpy.training import chart
from darknetpy.training.chart import can_draw
from darknetpy.training.checkpoints import read_state
from darknetpy.training.course import Span
from tests.cli.processes import PATIENCE, clean_environment
from tests.training.drawn import CFG, KINDS, draw_all

posix_only = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
LINE = re.compile(
    r"(\d+)/(\d+): loss \d+\.\d{4}, average \d+\.\d{4}, rate [\d.e-]+, \d+ pictures/s(, [\d:]+ (s|min|h) left)?"
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
        [sys.executable, "-m", "darknetpy", "train", "--log-every", "1", *words],
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


FILES = {
    "net_last.weights", "net_best.weights", "net_final.weights", "net_last.state", "net_metrics.csv",
    "net_metrics.jsonl", "net_chart.png", "net_confusion.png", "net_mistakes.png",
}  # fmt: skip
"""What a training of ``net.cfg`` with validation leaves, besides the checkpoints of some iterations."""


def test_trains_and_says_how_it_goes(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--iterations", "120", "--save-every", "50", "--seed", "3", "--log-every", "10"]
    assert main(["train", "net.cfg", "shapes", *words]) == 0
    out, err = capsys.readouterr()
    lines = [line for line in out.splitlines() if not line.startswith(("most frequent", "  "))]
    found = [LINE.fullmatch(line) for line in lines]
    assert [match[1] for match in found if match] == ["1", *(str(number) for number in range(10, 121, 10))]
    assert {match[2] for match in found if match} == {"120"}
    others = [line for line, match in zip(lines, found, strict=True) if not match]
    assert [line.split(":")[0] for line in others[:2]] == ["validation at iteration 100", "validation at iteration 120"]
    assert all(re.search(r": \d+\.\d\d% of 20 pictures right", line) for line in others[:2])
    assert others[0].endswith(", the best so far")
    said = [line for line in err.splitlines() if not line.startswith(("compiling", "it will take"))]
    final = Path("backup", "net_final.weights")
    assert said == [
        "training: 40 pictures in 2 classes: 20 of each: disc, square",
        "validation: 20 pictures in 2 classes: 10 of each: disc, square",
        said[2],
        "120 iterations; checkpoints go to backup",
        f"final weights: {final}",
    ]
    assert re.fullmatch(r"memory: about \d+ MB, and about 1 MB of decoded pictures", said[2])
    names = {path.name for path in (drawn / "backup").iterdir()}
    assert names == {*FILES, "net_50.weights", "net_100.weights"} - (set() if can_draw() else {"net_chart.png"})
    for name in sorted(name for name in names if name.endswith(".png")):
        Image.open(drawn / "backup" / name).load()


def test_no_chart_is_drawn_where_none_is_wanted_or_none_can_be(
    drawn: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", "net.cfg", "shapes", "--iterations", "2"]
    assert main([*words, "--backup", "none", "--no-chart"]) == 0
    assert "chart" not in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([*words, "--backup", "without"]) == 0
    assert "no chart is drawn: that needs matplotlib (pip install matplotlib); --no-chart" in capsys.readouterr().err
    for folder in ("none", "without"):
        assert {path.name for path in (drawn / folder).iterdir()} == FILES - {"net_chart.png"}


def test_what_the_network_is_fed_can_be_looked_at(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "net.cfg", "shapes", "--iterations", "3", "--seed", "5"]
    for number, options in enumerate((["--save-samples"], ["--save-samples", "70"], ["--save-samples=3"])):
        assert main([*words, "--backup", str(number), *options]) == 0
        expected = f"what the network is fed: {(32, 70, 3)[number]} pictures in {Path(str(number), 'net_samples')}"
        assert expected in capsys.readouterr().err
    samples = [sorted((drawn / str(number) / "net_samples").iterdir()) for number in range(3)]
    assert [len(files) for files in samples] == [32, 70, 3]
    for file, same in zip(samples[2], samples[1], strict=False):
        assert re.fullmatch(r"000[1-3]_(disc|square)\.png", file.name)
        assert file.name == same.name
        assert file.read_bytes() == same.read_bytes()
        assert Image.open(file).size == (16, 16)


class Terminal(io.StringIO):
    """Text that says it is shown on a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stdout_too", [True, False], ids=["all on a terminal", "answers to a file"])
def test_on_a_terminal_there_is_a_panel_and_at_its_end_the_last_figures(
    drawn: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stdout_too: bool
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    if stdout_too:
        monkeypatch.setattr(sys, "stdout", stream)
    assert main(["train", "net.cfg", "shapes", "--iterations", "12", "--validate-every", "6"]) == 0
    shown, out = stream.getvalue(), capsys.readouterr().out
    assert "starting" in shown
    assert "Ctrl-C saves and stops" in shown
    last = (shown[shown.rindex("\x1b[2K") + 4 :] if stdout_too else out).splitlines()
    said = [line for line in last if not line.startswith(("most frequent", "  ", "compiling"))]
    assert LINE.fullmatch(next(line for line in said if line.startswith("12/12")))
    if stdout_too:
        assert re.match(r"last validation: \d+\.\d\d% right at iteration 12", said[1])
    else:
        assert [line for line in said if "iteration 12:" in line]
        assert "12/12" not in shown[shown.rindex("\x1b[2K") :]
    assert shown.endswith(f"final weights: {Path('backup', 'net_final.weights')}\n")


def test_a_dumb_terminal_has_lines(
    drawn: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "dumb")
    assert main(["train", "net.cfg", "shapes", "--iterations", "2"]) == 0
    assert "\x1b" not in stream.getvalue()
    assert [line.partition("/")[0] for line in capsys.readouterr().out.splitlines()[:2]] == ["1", "2"]


def test_the_chart_of_a_resumed_training_shows_all_of_it(
    drawn: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn_spans: list[list[Span]] = []
    monkeypatch.setattr(chart, "can_draw", lambda: True)
    monkeypatch.setattr(chart, "draw_chart", lambda path, spans, **named: drawn_spans.append(list(spans)))
    (drawn / "net.cfg").write_text(CFG.replace("policy=poly", "policy=constant"))  # which knows of no end
    words = ["train", "net.cfg", "shapes", "--seed", "4", "--validate-every", "4"]
    assert main([*words, "--iterations", "20", "--backup", "whole"]) == 0
    assert main([*words, "--iterations", "13", "--backup", "parts"]) == 0
    with (drawn / "parts" / "net_metrics.csv").open("ab") as file:
        file.write(b"14,448,0.1,0.1")  # as a kill would leave it
    assert main([*words, "--iterations", "20", "--backup", "parts", "--resume"]) == 0
    whole, _, resumed = drawn_spans
    assert [span.last for span in resumed] == list(range(1, 21))
    assert [(span.loss, span.average) for span in resumed] == [(span.loss, span.average) for span in whole]
    assert [span.accuracy is None for span in resumed] == [number % 4 != 0 and number != 13 for number in range(1, 21)]


def test_pictures_that_cannot_be_written_do_not_end_a_training(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (drawn / "backup").mkdir()
    for name in ("confusion", "mistakes", "chart"):
        (drawn / "backup" / f"net_{name}.png").mkdir()
    assert main(["train", "net.cfg", "shapes", "--iterations", "2"]) == 0
    err = capsys.readouterr().err
    for name in ("confusion", "mistakes"):
        assert f"warning: {Path('backup', f'net_{name}.png')}: no picture: is a directory" in err
    assert (drawn / "backup" / "net_final.weights").exists()


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
    state, _, iteration = lines[-2].rpartition(" is that of iteration ")
    assert state == str(Path("backup/wild_last.state"))
    assert read_state(state)[0]["training"]["iteration"] == int(iteration)


@pytest.mark.parametrize(
    ("words", "message"),
    [
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
