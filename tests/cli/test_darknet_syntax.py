"""Command lines of the C programs do what they did, in other words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from darknetpy.cli.darknet_syntax import Translation, is_meant, translate
from darknetpy.cli.main import COMMANDS, command_parser, main
from tests.cli.processes import PATIENCE, ROOT, clean_environment
from tests.compat.detector import make_files

DATA = "classes = 3\nnames = small.names\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with .data files for a network of three classes; the current one during the test."""
    (tmp_path / "small.names").write_text("cat\ndog\nzebra crossing\n")
    (tmp_path / "small.data").write_text(DATA)
    (tmp_path / "top.data").write_text(f"{DATA}top = 2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(line: str) -> list[str]:
    """The words of our command line for one of a C program."""
    return translate(line.split(), command_parser).words


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("detect a.cfg a.weights a.png -thresh .3", "detect a.cfg a.weights a.png --thresh .3"),
        ("detect -thresh=.3 a.cfg a.weights a.png", "detect a.cfg a.weights a.png --thresh .3"),
        ("detector test small.data a.cfg a.weights a.png", "detect a.cfg a.weights a.png --names small.names"),
        (
            "detector test small.data a.cfg a.weights a.png b.png -letter_box -save_labels -nms .4",
            "detect a.cfg a.weights a.png b.png --names small.names --preprocess letterbox --save-labels --nms .4",
        ),
        ("detector test small.data a.cfg a.weights", "detect a.cfg a.weights - --names small.names"),
        ("detector test small.data a.cfg a.weights -- -x.png", "detect a.cfg a.weights ./-x.png --names small.names"),
        (
            "detector test small.data a.cfg a.weights a.png -skipclasses=0,2-5",
            "detect a.cfg a.weights a.png --names small.names --classes 1",
        ),
        (
            "detector test small.data a.cfg a.weights a.png --json --threads 2 --names=b.names",
            "detect a.cfg a.weights a.png --json --threads 2 --names=b.names",
        ),
        ("yolo test a.cfg a.weights a.png", "detect a.cfg a.weights a.png --thresh 0.2 --nms 0.4"),
        ("classifier predict small.data a b a.png", "classify a b a.png --names small.names --top 1"),
        ("classifier predict top.data a b a.png", "classify a b a.png --names small.names --top 2"),
        ("classifier predict top.data a b a.png -t 3", "classify a b a.png --names small.names --top 3"),
        ("classify a.cfg a.weights a.png -t 3", "classify a.cfg a.weights a.png --top 3"),
        ("classifier valid small.data a b", "validate a b small.data"),
        ("classifier valid10 small.data a b -dont_show --worst 3", "validate a b small.data --crops 10 --worst 3"),
        ("classifier validmulti small.data a b", "validate a b small.data --crops multi"),
        ("classifier validfull small.data a b", "validate a b small.data --crops full"),
        ("classifier validcrop small.data a b", "validate a b small.data --preprocess stretch"),
        ("rnn generate a.cfg a.weights -len 50 -srand 7 -temp .5", "generate a.cfg a.weights --length 50 "
                                                                    "--random-seed 7 --temperature .5"),
        ("rnn generate a.cfg a.weights -seed -x", "generate a.cfg a.weights --seed=-x"),
        ("ops a.cfg", "summary a.cfg"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_command_line(here: Path, line: str, ours: str) -> None:
    assert words(line) == ours.split()


@pytest.mark.parametrize("spelling", ["-letter_box", "--letter-box", "-LetterBox", "--letterbox", "-LETTER_BOX"])
def test_any_spelling_of_an_option_will_do(here: Path, spelling: str) -> None:
    line = f"detector test small.data a.cfg a.weights a.png {spelling}"
    assert words(line)[-2:] == ["--preprocess", "letterbox"]


def test_line_ends_of_windows_are_no_part_of_the_words(here: Path) -> None:
    assert translate(["classify", "a", "b", "a.png", "-t", "3\r"], command_parser).words[-1] == "3"


def test_results_go_to_the_file_that_is_named(here: Path) -> None:
    translation = translate(["detect", "a.cfg", "a.weights", "a.png", "-out", "my.json"], command_parser)
    assert translation.words[-2:] == ["--format", "darknet-json"]
    assert translation.answers == "my.json"
    assert translation.spelled().endswith("--format darknet-json > my.json")


def test_names_of_files_stay_one_word_and_one_line() -> None:
    assert Translation(["classify", "a b.png"]).spelled() == "darknetpy classify 'a b.png'"
    assert "\n" not in Translation(["classify", "a\nb\x1b[2J.png"]).spelled()
    assert "\x1b" not in Translation(["classify", "a\nb\x1b[2J.png"]).spelled()


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("detector test", True),
        ("partial a b c 3", True),
        ("classify a b c", False),
        ("classify a b c --top 3", False),
        ("classify a b -q c", False),
        ("classify a b c -top 3", False),
        ("classify a b c -t 3", True),
        ("classify a b c -dont_show", True),
        ("classify a b -- -t", False),
        ("summary -i", False),
        ("no-such-thing", False),
    ],
)
def test_whose_command_line_it_is(line: str, meant: bool) -> None:
    assert is_meant(line.split(), COMMANDS) == meant


@pytest.mark.parametrize(
    ("option", "remark"),
    [("-i 3", "no GPU support"), ("-gpus 0,1", "no GPU support"), ("-mjpeg_port 8090", "no video"),
     ("-show", "no window"), ("-hier .5", "no effect")],
)  # fmt: skip
def test_options_without_a_meaning_are_warned_about_once(here: Path, option: str, remark: str) -> None:
    """CLI-012, CLI-013"""
    translation = translate(f"detector test small.data a.cfg a.weights a.png {option}".split(), command_parser)
    (warning,) = translation.warnings
    assert remark in warning
    assert translation.words[-2:] == ["--names", "small.names"]


@pytest.mark.parametrize("option", ["-dont_show", "-ext_output", "-nogpu"])
def test_what_is_done_anyway_needs_no_remark(here: Path, option: str) -> None:
    translation = translate(f"detector test small.data a.cfg a.weights a.png {option}".split(), command_parser)
    assert translation.warnings == []
    assert translation.words[-2:] == ["--names", "small.names"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("detector", "detector is half of a command, expected one of test, train,"),  # CLI-003
        ("detector foo a b", "unknown: detector foo, expected one of test, "),
        ("detector tset a b", "Did you mean test?"),
        ("detector test", "missing: DATA, CFG, WEIGHTS."),  # CLI-004
        ("detector test small.data a.cfg", "missing: WEIGHTS."),
        ("partial a.cfg", "Darknet's partial: in Python: darknetpy.load(CFG, WEIGHTS).save_weights(OUT, upto=LAYERS)."),
        ("ops a.cfg b.cfg", "one argument too many: b.cfg."),
        ("imtest", "Darknet's imtest: it is no part of darknetpy."),  # CLI-005
        ("detector test small.data a b c -tresh .5", "unknown option -tresh. Did you mean -thresh?"),  # CLI-006
        ("detector test small.data a b c -dont_shw", "unknown option -dont_shw. Did you mean -dont_show?"),
        ("detector test small.data a b c -thresh", "-thresh needs a value."),  # CLI-007
        ("detector test small.data a b c -letter_box=1", "-letter_box takes no value."),
        ("detector test small.data a b c -thresh abc", "--thresh: 'abc'"),  # CLI-008
        ("detector test small.data a b c -thresh 5", "--thresh: '5'"),  # CLI-009
        ("detector test small.data a b c -thresh -1", "--thresh: '-1'"),
        ("detector test small.data a b c -thresh nan", "--thresh: 'nan'"),
        ("detector test small.data a b c -skipclasses 1-x", "-skip_classes: '1-x', expected numbers of classes"),
        ("detect a b c -skipclasses 1", "-skip_classes needs the classes of a .data file"),
        ("detector map small.data a b -points 1", "validation comes in a later version"),  # CLI-024
        ("detector train small.data a b -clear", "training comes in a later version, as darknetpy train."),
        ("detector calc_anchors small.data", "anchors come in a later version"),  # CLI-026
        ("detector demo small.data a b c.mp4", "there is no video"),
        ("classifier valid small.data a", "missing: WEIGHTS."),
        ("classifier valid small.data a b c.png", "one argument too many: c.png."),
        ("rnn train a.cfg", "training comes in a later version"),
    ],
)
def test_usage_errors_end_with_2_and_one_clear_message(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("data", "message"),
    [("none.data", "none.data: no such .data file"), ("small.cfg", "small.cfg: this is a Darknet cfg file")],
)
def test_bad_data_files_end_with_1(here: Path, capsys: pytest.CaptureFixture[str], data: str, message: str) -> None:
    """DATA-001, CLI-011"""
    (here / "small.cfg").write_text("[net]\nwidth=8\n")
    assert main(["detector", "test", data, "a.cfg", "a.weights", "a.png"]) == 1
    assert message in capsys.readouterr().err


def test_help_tells_what_becomes_of_each_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classifier", "predict", "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "usage: darknetpy classifier predict [OPTION...] DATA CFG WEIGHTS [IMAGE]..." in out
    assert "  -t N                   --top\n" in out


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small detector, its .data file and a picture; and a program called darknetpy."""
    folder = make_files(tmp_path_factory.mktemp("detector"))
    program = folder / "bin" / "darknetpy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m darknetpy "$@"\n')
    program.chmod(0o755)
    return folder


def run_example(detector: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ROOT / "examples" / "darknet_command_line.sh"), *words],
        cwd=folder, env=clean_environment(PATH=f"{detector / 'bin'}{os.pathsep}{os.environ['PATH']}"),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def answers(text: str) -> list[tuple[str, int]]:
    """Names and percents of lines as Darknet prints them."""
    found = re.findall(r"^ *(.+): +(\d+)%\t\(left_x: +-?\d+ +top_y: +-?\d+ +width: +\d+ +height: +\d+\)$", text, re.M)
    return sorted((name, int(percent)) for name, percent in found)


DARKNET_PRINTS = sorted(
    [("cat", 31), ("cat", 31), ("cat", 32), ("cat", 32)]
    + [("dog", percent) for percent in (33, 33, 36, 38, 39, 40, 41, 43, 44, 45, 46, 48)]
)
"""Of ``./darknet detector test small.data small.cfg small.weights photo.png -thresh 0.3`` (AlexeyAB's)."""


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_example_script_answers_as_darknet_does(detector: Path) -> None:
    done = run_example(detector, detector, "small.data", "small.cfg", "small.weights", "photo.png")
    assert done.returncode == 0, done.stderr
    assert "darknetpy detect small.cfg small.weights photo.png --names small.names --thresh 0.3\n" in done.stderr
    assert answers(done.stdout) == DARKNET_PRINTS
    (picture,) = json.loads((detector / "result.json").read_text("utf-8"))
    assert picture["filename"] == "photo.png"
    written = [(thing["name"], round(100 * thing["confidence"])) for thing in picture["objects"]]
    assert sorted(written) == DARKNET_PRINTS


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_example_script_runs_with_a_network_of_others(detector: Path, shared: Path, tmp_path: Path) -> None:
    model = shared / "data" / "models" / "yoloface-50k"
    (tmp_path / "face.data").write_text(f"classes = 1\nnames = {model / 'yoloface-50k.names'}\n")
    picture = shared / "data" / "images" / "dog_small.png"
    done = run_example(
        detector, tmp_path, "face.data", str(model / "yoloface-50k.cfg"), str(model / "yoloface-50k.weights"),
        str(picture),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    recorded = json.loads((model / "results.json").read_text())
    boxes = recorded.get("runs", recorded)["ab_resize"]["dog_small.png"]["dets"]
    assert answers(done.stdout) == sorted(("face", round(100 * box[1])) for box in boxes if box[1] > 0.3)


LINE = ["detector", "test", "small.data", "small.cfg", "small.weights"]


def test_results_are_written_whole_or_not_at_all(
    detector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CLI-016, CLI-017"""
    monkeypatch.chdir(detector)
    out = tmp_path / "out.json"
    out.write_text("before")
    assert main([*LINE, "photo.png", "-out", str(out), "--names", "none.names"]) == 1
    assert out.read_text() == "before"
    assert main([*LINE, "photo.png", "-thresh", "0.3", "-out", str(out)]) == 0
    assert len(json.loads(out.read_text())[0]["objects"]) == len(DARKNET_PRINTS)
    assert main([*LINE, "photo.png", "-out", str(tmp_path / "none" / "out.json")]) == 1
    printed, err = capsys.readouterr()
    assert printed == ""
    assert "no such folder" in err


def test_quiet_says_nothing_of_the_translation(
    detector: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(detector)
    assert main(["-q", *LINE, "photo.png", "-i", "0"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_without_a_picture_paths_are_read_from_standard_input(
    detector: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line_end: str
) -> None:
    monkeypatch.chdir(detector)
    paths = TextIOWrapper(BytesIO(f"photo.png{line_end}photo.png{line_end}".encode()))
    monkeypatch.setattr(sys, "stdin", paths)
    assert main([*LINE, "-thresh", "0.3"]) == 0
    out, err = capsys.readouterr()
    assert answers(out) == sorted(2 * DARKNET_PRINTS)
    assert "read from standard input" in err


@pytest.mark.parametrize("stdin", [None, TextIOWrapper(BytesIO())], ids=["closed", "empty"])
def test_no_picture_at_all_is_an_error(
    detector: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stdin: object
) -> None:
    """CLI-015"""
    monkeypatch.chdir(detector)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(LINE) == 1
    assert "one path a line" in capsys.readouterr().err


def test_other_classes_in_the_data_file_are_an_error(
    detector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DATA-009, DATA-010"""
    monkeypatch.chdir(detector)
    data = tmp_path / "nine.data"
    data.write_text("names = small.names\nclasses = 9\n")
    assert main(["detector", "test", str(data), "small.cfg", "small.weights", "photo.png"]) == 1
    assert "classes=9, expected the 3 classes of small.cfg" in capsys.readouterr().err
    assert main(["classifier", "predict", str(data), "mnist", "mnist", "photo.png"]) == 1
    assert "classes=9, expected the 10 classes of mnist" in capsys.readouterr().err


def test_a_classifier_answers_as_our_own_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.data").write_text(f"classes = 10\nnames = {ROOT / 'cfg' / 'mnist.names'}\n")
    picture = str(ROOT / "examples" / "digit-7.png")
    assert main(["classifier", "predict", "digits.data", "mnist", "mnist", picture, "-t", "3"]) == 0
    theirs = capsys.readouterr().out
    assert main(["classify", "mnist", "mnist", picture, "--top", "3"]) == 0
    assert capsys.readouterr().out == theirs != ""
