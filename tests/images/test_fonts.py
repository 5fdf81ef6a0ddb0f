"""Fonts for any text."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest
from PIL import ImageFont

from darknetpy.images.fonts import Fonts, Run, font, system_fonts

pytestmark = pytest.mark.quick
UNUSUAL = [
    "",
    " ",
    "dog",
    "Åland",
    "собака",
    "كلب",
    "狗",
    "🐶",
    "a\tb\n\x1b[2J",
    "\ud800",
    "\U0010ffff",
    "e\u0301",
    "x" * 5000,
]


def test_plain_text_is_one_run_in_the_font_inside_pillow() -> None:
    assert Fonts([]).runs("zebra crossing 97%") == [Run("zebra crossing 97%", None)]


def test_characters_that_no_font_has_become_code_points() -> None:
    assert Fonts([]).runs("dog \u72d7") == [Run("dog \\u72d7", None)]
    assert Fonts([]).runs("\U0001f436") == [Run("\\U0001f436", None)]


def test_control_characters_are_escaped() -> None:
    assert Fonts([]).runs("a\x1b[2J\n") == [Run("a\\x1b[2J\\n", None)]


@pytest.mark.parametrize("text", UNUSUAL)
def test_any_text_can_be_measured(text: str) -> None:
    for fonts in (Fonts([]), Fonts([Path("no such folder")]), system_fonts()):
        assert sum(font(run.font, 20).getlength(run.text) for run in fonts.runs(text)) >= 0


def a_font_with_cyrillic() -> Path:
    found = system_fonts().runs("собака")
    if found[0].font is None:
        pytest.skip("needs a font with Cyrillic letters on this system")
    return found[0].font


def test_a_font_of_the_system_helps_where_it_must(tmp_path: Path) -> None:
    shutil.copy(a_font_with_cyrillic(), tmp_path / "found.ttf")
    fonts = Fonts([tmp_path])
    assert fonts.runs("dog") == [Run("dog", None)]
    assert fonts.runs("собака 97%") == [Run("собака 97%", tmp_path / "found.ttf")]
    assert fonts.runs("dog") == [Run("dog", None)]


def test_plain_fonts_come_before_unusual_ones(tmp_path: Path) -> None:
    source = a_font_with_cyrillic()
    for name in ("A-Bold.ttf", "B-Oblique.ttf", "C.ttf", "AMono.otf"):
        shutil.copy(source, tmp_path / name)
    assert Fonts([tmp_path]).runs("собака")[0].font == tmp_path / "C.ttf"


def test_files_that_are_no_fonts_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.ttf").write_bytes(b"")
    (tmp_path / "b.otf").write_bytes(base64.b64decode("AAEAAAAMAIAAAwBA") * 100)
    (tmp_path / "c.ttc").mkdir()
    assert Fonts([tmp_path]).runs("собака") == [Run("собака".encode("unicode_escape").decode(), None)]


def test_the_font_inside_pillow_grows_with_the_size() -> None:
    small, large = font(None, 10), font(None, 100)
    assert isinstance(small, ImageFont.FreeTypeFont)
    assert large.getlength("dog") == pytest.approx(10 * small.getlength("dog"), rel=0.1)
