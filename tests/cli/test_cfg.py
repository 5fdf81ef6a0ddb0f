"""``darknetpy cfg adapt``: own classes in one command."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.cli.main import main
from darknetpy.config.sections import read_cfg
from darknetpy.config.shipped import shipped_networks
from darknetpy.graph import build_graph

CLASSIFIER = (
    "# mine\r\n[net]\r\nwidth=8\r\nheight=8\r\nchannels=3\r\n\r\n"
    "[convolutional]\r\nfilters=10 # one each\r\n[avgpool]\r\n[softmax]\r\n"
)
REASON = "line 8: filters=2 (was 10): one filter for each class"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with ``net.cfg``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.cfg").write_bytes(CLASSIFIER.encode())
    return tmp_path


def test_the_new_cfg_goes_to_standard_output_and_the_reasons_to_standard_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cfg", "adapt", "net.cfg", "--classes", "2"]) == 0
    out, err = capsys.readouterr()
    assert out == CLASSIFIER.replace("=10", "=2")
    assert err.startswith(f"# {REASON}\n--- net.cfg\n+++ net.cfg\n@@ ")
    assert "-filters=10 # one each\n+filters=2 # one each\n" in err
    assert main(["cfg", "adapt", "net.cfg", "--classes", "2", "--quiet"]) == 0
    assert capsys.readouterr() == (out, "")


def test_out_takes_the_new_cfg_byte_for_byte(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cfg", "adapt", "net.cfg", "--classes", "2", "--out", "my.cfg"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "+++ my.cfg\n" in err
    assert Path("my.cfg").read_bytes() == CLASSIFIER.replace("=10", "=2").encode()


def test_what_is_there_is_replaced_only_on_demand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cfg", "adapt", "net.cfg", "--classes", "2", "--out", "net.cfg"]
    assert main(words) == 1
    assert capsys.readouterr().err == (
        "error: net.cfg: the file exists already, expected a new one. Add --overwrite to replace it.\n"
    )
    assert Path("net.cfg").read_bytes() == CLASSIFIER.encode()
    assert main([*words, "--overwrite"]) == 0
    assert Path("net.cfg").read_bytes() == CLASSIFIER.replace("=10", "=2").encode()


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
def test_diff_prints_a_patch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cfg", "adapt", "yolov4-tiny", "--classes", "2", "--training", "--diff"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("# line 21: steps=4800,5400 (was 1600000,1800000): the rate falls behind 80% of them\n")
    shutil.copy(shipped_networks()["yolov4-tiny"].cfg, "tiny.cfg")
    subprocess.run(["patch", "tiny.cfg"], input=out, text=True, check=True, capture_output=True)
    graph = build_graph(read_cfg("tiny.cfg"))
    assert (graph.classes, graph.net.max_batches) == (2, 6000)


def test_what_stays_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def last_line(*words: str) -> str:
        assert main(["cfg", "adapt", *words, "--out", "new.cfg", "--overwrite"]) == 0
        return capsys.readouterr().err.splitlines()[-1]

    assert last_line("yolov3", "--classes", "5") == (
        "unchanged, as for 80 classes: max_batches=500200, steps=400000,450000; --training changes that"
    )
    assert last_line("resnet18", "--classes", "5").endswith("darknetpy train --iterations N takes another number")
    assert last_line("yolov3", "--classes", "80") == "yolov3 has 80 classes already"
    assert last_line("yolov3", "--classes", "5", "--training").startswith(" ")  # the end of the diff


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["adapt", "net.cfg"], 2, "expected one of --classes N and --data DATA."),
        (
            ["adapt", "net.cfg", "--classes", "2", "--data", "x"],
            2,
            "expected one of --classes N and --data DATA, not both",
        ),
        (["adapt", "net.cfg", "--classes", "0"], 2, "expected a whole number from 1 to 1000000"),
        (["adopt", "net.cfg", "--classes", "2"], 2, "unknown action 'adopt', expected adapt. Did you mean adapt?"),
        (["adapt", "net.cfg", "--classes", "2", "--overwrite"], 2, "--overwrite is for --out"),
        (["adapt", "net.cfg", "--classes", "1"], 1, "of which a softmax is always sure"),
        (["adapt", "net.cfg", "--classes", "3", "--training"], 1, "there is no rule for a classifier"),
        (["adapt", "rnn", "--classes", "3"], 1, "this network takes no pictures"),
        (["adapt", "net.cfg", "--classes", "3", "--out", "no/my.cfg"], 1, "no/my.cfg: no such folder"),
    ],
)
def test_what_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert main(["cfg", *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


@pytest.fixture
def animals(folder: Path) -> Path:
    """A folder of own pictures in two classes, which differ in their brightness."""
    for number, name in enumerate(("cat", "dog")):
        place = folder / "animals" / name
        place.mkdir(parents=True)
        for count in range(4):
            pixels = np.random.default_rng([number, count]).integers(0, 128, (40, 30, 3)) + 100 * number
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{count}.jpg")
    return folder / "animals"


@pytest.mark.parametrize("classes", [["--classes", "2"], ["--data", "animals"]])
def test_own_two_classes_in_one_command_and_a_training(
    animals: Path, classes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cfg", "adapt", "course-28x28-4-8-16", *classes, "--out", "my.cfg"]) == 0
    assert main(["train", "my.cfg", "animals", "--iterations", "2"]) == 0
    capsys.readouterr()
    assert main(["classify", "my.cfg", "backup/my_final.weights", "animals/dog/0.jpg", "--json"]) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    labels = {answer["label"] for answer in image["predictions"]}
    assert labels == ({"cat", "dog"} if "--data" in classes else {"class_0", "class_1"})


def test_the_names_of_own_classes_go_beside_the_cfg(animals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cfg", "adapt", "shapes", "--data", "animals", "--out", "my.cfg"]
    Path("my.names").write_text("mine\n")
    assert main(words) == 1
    assert "my.names: the file exists already" in capsys.readouterr().err
    assert not Path("my.cfg").exists()
    assert main([*words, "--overwrite"]) == 0
    assert Path("my.names").read_text() == "cat\ndog\n"
    assert build_graph(read_cfg("my.cfg")).classes == 2


def test_a_data_file_says_the_classes_of_a_detector(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("three.list").write_text("ant\nbee\nwasp\n")
    Path("my.data").write_text("train = none.txt\nnames = three.list\n")
    assert main(["cfg", "adapt", "yolov3-tiny", "--data", "my.data", "--out", "my.cfg"]) == 0
    assert build_graph(read_cfg("my.cfg")).classes == 3
    assert Path("my.names").read_text() == "ant\nbee\nwasp\n"
    assert main(["cfg", "adapt", "yolov3-tiny", "--data", "no.data"]) == 1
    assert "no.data: no such" in capsys.readouterr().err
