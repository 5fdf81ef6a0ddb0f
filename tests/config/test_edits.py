"""Single lines of a cfg change, and no other byte."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from darknetpy.config.edits import Edit, difference, edited
from darknetpy.config.sections import parse_cfg

TEXT = b"# top\n[net]\ninputs=4\n\n[connected]  # the answer\n output =\t10 ; ten\nactivation=linear\n\n[softmax]\n"


def change(text: bytes, option: str, value: str | None, layer: int = 0) -> bytes:
    cfg = parse_cfg(text)
    return bytes(edited(cfg, [Edit(cfg.layers[layer], option, value, "")]))


def test_a_value_changes_and_nothing_beside_it() -> None:
    assert change(TEXT, "output", "255") == TEXT.replace(b"\t10 ;", b"\t255 ;")
    assert change(TEXT, "activation", "relu") == TEXT.replace(b"=linear\n", b"=relu\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"output=10#ten", b"output=3#ten"),
        (b"output=10;", b"output=3;"),
        (b"output=1 0  ", b"output=3  "),
        (b"  output = 10 # 10", b"  output = 3 # 10"),
    ],
)
def test_notes_and_blanks_behind_a_value_stay(line: bytes, expected: bytes) -> None:
    text = b"[net]\ninputs=4\n[connected]\n%s\n"
    assert change(text % line, "output", "3") == text % expected


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [True, False], ids=["with a last line end", "without"])
def test_line_ends_stay(end: bytes, last: bool) -> None:
    text = TEXT.replace(b"\n", end)
    text = text if last else text.removesuffix(end)
    assert change(text, "output", "3") == text.replace(b"\t10 ;", b"\t3 ;")
    assert change(text, "activation", None) == text.replace(b"activation=linear" + end, b"")
    new = b"[softmax]" + end + b"groups=2"
    assert change(text, "groups", "2", layer=1) == text.replace(b"[softmax]", new)


def test_an_option_that_is_not_written_gets_a_line_below_its_section() -> None:
    assert change(TEXT, "filters", "7") == TEXT.replace(b"# the answer\n", b"# the answer\nfilters=7\n")


@pytest.mark.parametrize(
    ("note", "mark"),
    [("Zürich, 数字".encode(), b""), ("Zürich, 数字".encode(), b"\xef\xbb\xbf"), ("Zürich".encode("latin-1"), b"")],
    ids=["UTF-8", "UTF-8 with a byte-order mark", "Latin-1"],
)
def test_other_encodings_stay(note: bytes, mark: bytes) -> None:
    text = mark + TEXT.replace(b"ten", note).replace(b"top", note)
    assert change(text, "output", "3") == text.replace(b"\t10 ;", b"\t3 ;")


def test_several_changes_do_not_disturb_each_other() -> None:
    cfg = parse_cfg(TEXT)
    connected, softmax = cfg.layers
    edits = [
        Edit(softmax, "groups", "1", ""), Edit(connected, "batch_normalize", "1", ""),
        Edit(connected, "activation", None, ""), Edit(connected, "output", "3", ""), Edit(cfg.net, "inputs", "4", ""),
    ]  # fmt: skip
    expected = (
        b"# top\n[net]\ninputs=4\n\n[connected]  # the answer\nbatch_normalize=1\n output =\t3 ; ten\n\n[softmax]\n"
    )
    for order in (edits, edits[::-1]):
        assert bytes(edited(cfg, order)) == expected + b"groups=1\n"
    assert bytes(cfg) == TEXT


def test_what_an_edit_says() -> None:
    cfg = parse_cfg(TEXT)
    connected = cfg.layers[0]
    assert str(Edit(connected, "output", "3", "why")) == "line 6: output=3 (was 10): why"
    assert str(Edit(connected, "filters", "3", "why")) == "line 5: filters=3 (not written): why"
    assert str(Edit(connected, "activation", None, "why")) == "line 7: no activation= (was linear): why"
    assert not Edit(connected, "output", "10", "").changes_something
    assert not Edit(connected, "filters", None, "").changes_something


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
@pytest.mark.parametrize("text", [TEXT, TEXT.removesuffix(b"\n"), TEXT.replace(b"\n", b"\r\n")])
def test_patch_takes_the_difference(text: bytes, tmp_path: Path) -> None:
    cfg = parse_cfg(text, "net.cfg")
    last = cfg.layers[1]
    after = edited(cfg, [Edit(cfg.layers[0], "output", "3", ""), Edit(last, "groups", "3", "")])
    file = tmp_path / "net.cfg"
    file.write_bytes(text)
    made = difference(cfg, after, ("net.cfg", "net.cfg")).encode()
    assert made.startswith(b"--- net.cfg\n+++ net.cfg\n@@ ")
    subprocess.run(["patch", "--binary", str(file)], input=made, check=True, capture_output=True)
    assert file.read_bytes() == bytes(after)


def test_no_change_makes_no_difference() -> None:
    cfg = parse_cfg(TEXT)
    assert difference(cfg, edited(cfg, []), ("a", "b")) == ""
