"""Networks that come with the package, found by name; a stand-in folder takes the place of the package's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from darknetpy.config import shipped
from darknetpy.config.shipped import find_cfg, find_weights, names_beside, shipped_networks
from darknetpy.errors import ConfigError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that ships ``digits`` (whole) and ``letters`` (a cfg alone); the current folder is another, empty."""
    root = tmp_path / "package"
    (root / "cfg").mkdir(parents=True)
    (root / "weights").mkdir()
    for name in ("cfg/digits.cfg", "cfg/digits.names", "weights/digits.weights", "cfg/letters.cfg"):
        (root / name).write_text("")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(shipped, "_ROOTS", (tmp_path / "nowhere", root))
    shipped_networks.cache_clear()
    yield root
    shipped_networks.cache_clear()


def test_networks_by_name(package: Path) -> None:
    networks = shipped_networks()
    assert list(networks) == ["digits", "letters"]
    assert networks["digits"].names == package / "cfg" / "digits.names"
    assert (networks["letters"].weights, networks["letters"].names) == (None, None)
    assert find_cfg("digits") == package / "cfg" / "digits.cfg"
    assert find_weights("digits") == package / "weights" / "digits.weights"


def test_files_come_before_names(package: Path) -> None:
    Path("digits").write_text("")
    assert find_cfg("digits") == Path("digits")
    assert find_weights("digits") == Path("digits")


def test_a_folder_does_not_hide_a_network(package: Path) -> None:
    """Somebody's folder of pictures called digits."""
    Path("digits").mkdir()
    assert find_cfg("digits") == package / "cfg" / "digits.cfg"
    assert find_weights("digits") == package / "weights" / "digits.weights"


@pytest.mark.parametrize("given", ["nope.cfg", "./digits", "a/digits", b"nope.cfg", Path("digits"), Path("nope")])
def test_what_looks_like_a_path_is_taken_for_one(package: Path, given: str | bytes | Path) -> None:
    """The reader of the file then says that it is missing."""
    expected = Path(given.decode() if isinstance(given, bytes) else given)
    assert find_cfg(given) == expected
    assert find_weights(given) == expected


def test_weights_that_nobody_ships_are_a_path(package: Path) -> None:
    assert find_weights("letters") == Path("letters")
    assert find_weights("nope") == Path("nope")


_SPELLING = "Check how the name is written; the networks are the .cfg files in {}"


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("digit", "Did you mean digits?"),
        ("zzz", _SPELLING),
        ("x" * 5000, _SPELLING),
        ("a\0b", _SPELLING),
    ],
)
def test_unknown_names(package: Path, given: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_cfg(given)
    assert caught.value.expected == "a cfg file, or the name of a network that comes with darknetpy"
    assert caught.value.remedy == remedy.format(package / "cfg")
    assert len(str(caught.value)) < 800
    assert str(caught.value).isprintable()


def test_an_empty_name(package: Path) -> None:
    with pytest.raises(ConfigError, match=r"an empty path, expected a cfg file, or the name of"):
        find_cfg("")


def test_an_installation_without_networks(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_ROOTS", ())
    shipped_networks.cache_clear()
    with pytest.raises(ConfigError, match=r"expected a cfg file\. Check how the name is written\."):
        find_cfg("digits")


def test_names_beside_a_cfg(package: Path) -> None:
    assert names_beside(package / "cfg" / "digits.cfg") == package / "cfg" / "digits.names"
    assert names_beside(package / "cfg" / "letters.cfg") is None
    assert names_beside(Path("x" * 5000 + ".cfg")) is None
    assert names_beside(Path()) is None


@pytest.fixture
def birds(package: Path) -> Path:
    """The cfg folder of a package whose network ``finches`` names a class list in its header."""
    cfg = package / "cfg"
    (cfg / "finches.cfg").write_text("# Finches\n#\n# Classes: birds\n# Dialect: alexeyab\n\n[net]\n")
    (cfg / "birds.names").write_text("chaffinch\n")
    shipped_networks.cache_clear()
    return cfg


def test_a_list_of_classes_named_in_the_header(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped_networks()["finches"].names == birds / "birds.names"
    assert names_beside(birds / "finches.cfg") == birds / "birds.names"
    monkeypatch.chdir(birds.parent)
    assert names_beside(Path("cfg/finches.cfg")) == birds / "birds.names"


def test_names_with_the_stem_come_before_the_header(birds: Path) -> None:
    (birds / "finches.names").write_text("brambling\n")
    assert names_beside(birds / "finches.cfg") == birds / "finches.names"


@pytest.mark.parametrize(
    "text",
    [
        "# Classes: nope\n\n[net]\n",
        "# Classes: none\n",
        "# Classes: a/b\n",
        "# Finches\n\n# Classes: birds\n[net]\n",
        "[net]\n# Classes: birds\n",
        "",
    ],
)
def test_headers_that_name_no_list(birds: Path, text: str) -> None:
    (birds / "finches.cfg").write_text(text)
    assert names_beside(birds / "finches.cfg") is None


def test_the_header_of_a_copy_is_not_asked(birds: Path) -> None:
    """Whoever copies a cfg may change its classes and leave the comment."""
    copy = Path("finches.cfg")
    copy.write_bytes((birds / "finches.cfg").read_bytes())
    Path("birds.names").write_text("chaffinch\n")
    assert names_beside(copy) is None
