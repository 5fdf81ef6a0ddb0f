"""Class names: one a line, fitted to the classes of a network. Bad files: tests/bad_inputs/test_names.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknetpy.config.names import fit_names, read_names
from darknetpy.errors import ConfigError, Findings


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"cat\ndog\n", ["cat", "dog"]),
        (b"cat\ndog", ["cat", "dog"]),
        (b"cat\r\ndog\r\n", ["cat", "dog"]),
        (b"cat\rdog\r", ["cat", "dog"]),
        (b"\xef\xbb\xbfcat\ndog\n", ["cat", "dog"]),
        (b"  cat \ndog\t\n", ["cat", "dog"]),
        ("b\u00e4r\n\u732b\n".encode(), ["b\u00e4r", "\u732b"]),
        (b"kit fox\n# 1\n[net]\n", ["kit fox", "# 1", "[net]"]),
    ],
)
def test_names_as_they_stand(data: bytes, names: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.names").write_bytes(data)
    findings = Findings()
    assert read_names(tmp_path / "a.names", findings) == names
    assert findings.warnings == []


def test_as_many_names_as_classes() -> None:
    findings = Findings()
    assert fit_names(["a", "b"], 2, "x.names", "x.cfg", findings, exact=True) == ["a", "b"]
    assert findings.warnings == []


def test_names_given_in_a_program_have_no_path() -> None:
    with pytest.raises(ConfigError) as caught:
        fit_names(["a", "b"], 3, None, None, Findings())
    assert str(caught.value).startswith("2 class names, expected one for each of 3 classes. ")


def test_official_lists(shared: Path) -> None:
    assert len(read_names(shared / "data" / "models" / "tiny" / "tiny.names")) == 1000
    assert len(read_names(shared / "data" / "models" / "yolo-lite-voc" / "yolo-lite-voc.names")) == 20
