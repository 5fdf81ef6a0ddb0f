"""Fonts for any text: the one inside Pillow, and for characters that it has not, one that is found on the system.

A character that no font has is written as its escaped code point; no text fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from darknetpy.errors import printable

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, Layout

EXTENSIONS = (".ttf", ".otf", ".ttc")
MOST_FILES = 5000
_TRIAL_SIZE = 24
_NO_CHARACTER = "\U0010ffff"  # every font shows its sign for missing characters here
_UNUSUAL = ("bold", "italic", "oblique", "light", "thin", "black", "condensed", "mono", "serif", "math", "emoji")


class Run(NamedTuple):
    """A part of a line of text, and the file of its font (None: the one inside Pillow)."""

    text: str
    font: Path | None


class Fonts:
    """The font inside Pillow, called None, and the font files below some folders, plain sans serif ones first."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._files: list[Path] | None = None
        self._used: list[Path | None] = [None]
        self._lacking: set[str] = set()

    def runs(self, text: str) -> list[Run]:
        """Parts of a text with the font of each: a single part where one font has all of it.

        >>> Fonts([]).runs("zebra crossing")
        [Run(text='zebra crossing', font=None)]
        """
        known = "".join(self._shown(character) for character in printable(text, limit=None))
        for font in self._used:
            if all(_has(font, character) for character in known):
                return [Run(known, font)]
        by_font = groupby(known, self._font_of)
        return [Run("".join(characters), font) for font, characters in by_font]

    def _shown(self, character: str) -> str:
        """The character, or its escaped code point if no font has it."""
        if self._is_known(character):
            return character
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")

    def _is_known(self, character: str) -> bool:
        """Whether a font has the character; the files are searched for it once."""
        if any(_has(font, character) for font in self._used):
            return True
        if character in self._lacking:
            return False
        font = next((file for file in self._all_files() if _has(file, character)), None)
        if font is None:
            self._lacking.add(character)
        else:
            self._used.append(font)
        return font is not None

    def _font_of(self, character: str) -> Path | None:
        return next(font for font in self._used if _has(font, character))

    def _all_files(self) -> list[Path]:
        if self._files is None:
            self._files = sorted(_font_files(self._folders), key=_how_unusual)
        return self._files


@cache
def system_fonts() -> Fonts:
    """The fonts in the folders where this system and its user keep them."""
    home = Path("~").expanduser()
    if sys.platform == "win32":
        windows, own = os.environ.get("WINDIR", "C:\\Windows"), os.environ.get("LOCALAPPDATA", str(home))
        return Fonts([Path(windows, "Fonts"), Path(own, "Microsoft", "Windows", "Fonts")])
    if sys.platform == "darwin":
        return Fonts([Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"])
    return Fonts(
        [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local" / "share" / "fonts", home / ".fonts"]
    )


@lru_cache(maxsize=256)
def font(path: Path | None, size: int) -> FreeTypeFont:
    """A font, from a file or the one inside Pillow, ``size`` pixels high."""
    from PIL import ImageFont

    if path is None:
        return ImageFont.load_default(size)  # type: ignore[return-value]  # FreeType, because a size is given
    return ImageFont.truetype(path, size)


def _font_files(folders: Iterable[Path]) -> Iterator[Path]:
    """At most so many files that a look at all of them does not take long."""
    found = 0
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                if name.lower().endswith(EXTENSIONS) and found < MOST_FILES:
                    found += 1
                    yield Path(place, name)


def _how_unusual(path: Path) -> tuple[int, str]:
    name = path.stem.lower()
    return sum(word in name for word in _UNUSUAL) - ("regular" in name), str(path)


@lru_cache(maxsize=100_000)
def _has(path: Path | None, character: str) -> bool:
    """Whether a font has a sign of its own for a character."""
    if character == " ":
        return True
    trial = _trial(path)
    if trial is None:
        return False
    found, missing = trial
    try:
        return bytes(found.getmask(character)) != missing
    except (OSError, ValueError):
        return False


@lru_cache(maxsize=64)
def _trial(path: Path | None) -> tuple[FreeTypeFont, bytes] | None:
    """A font of one size with its sign for missing characters; None for a file that cannot be used."""
    try:
        basic = font(path, _TRIAL_SIZE).font_variant(layout_engine=_basic_layout())
        return basic, bytes(basic.getmask(_NO_CHARACTER))
    except (OSError, ValueError, SyntaxError):
        return None


def _basic_layout() -> Layout:
    from PIL.ImageFont import Layout

    return Layout.BASIC
