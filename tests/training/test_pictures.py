"""Pictures that are kept in memory while there is room."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darknetpy.errors import DarknetpyWarning, DataError, ImageError
from darknetpy.images.decode import read_picture
from darknetpy.training import pictures as pictures_module
from darknetpy.training.memory_left import memory_left
from darknetpy.training.pictures import Pictures, room_for_pictures

COUNT, BYTES = 6, 5 * 4 * 3


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    for number in range(COUNT):
        Image.new("RGB", (5, 4), (40 * number, 1, 2)).save(tmp_path / f"{number}.png")
    return [str(tmp_path / f"{number}.png") for number in range(COUNT)]


def opened(
    paths: list[str], room: int = 1 << 20, *, skip_broken: bool = True, allow_damaged: bool = False
) -> tuple[Pictures, list[str]]:
    """Pictures, and what is reported of them."""
    told: list[str] = []

    def report(warning: DarknetpyWarning) -> None:
        told.append(str(warning))

    return Pictures(paths, 3, room, skip_broken=skip_broken, report=report, allow_damaged=allow_damaged), told


@pytest.mark.parametrize("room", [0, 2 * BYTES, COUNT * BYTES])
def test_as_many_are_kept_as_there_is_room_for(paths: list[str], room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: str, **how: Any) -> np.ndarray:
        read.append(path)
        return read_picture(path, **how)

    monkeypatch.setattr(pictures_module, "read_picture", counted)
    pictures, told = opened(paths, room)
    for _ in range(3):
        for number in range(COUNT):
            found, picture = pictures.at(number)
            assert (found, picture.shape, picture[0, 0].tolist()) == (number, (4, 5, 3), [40 * number, 1, 2])
    assert len(read) == 3 * COUNT - 2 * (room // BYTES)
    assert told == []


def test_a_broken_one_is_told_once_and_the_next_one_taken(paths: list[str]) -> None:
    for number in (1, 2, 5):
        Path(paths[number]).write_bytes(b"no picture")
    pictures, told = opened(paths)
    assert [pictures.at(number)[0] for number in range(COUNT)] * 2 == [0, 3, 3, 3, 4, 0] * 2
    assert len(told) == 3
    assert told[0].startswith(f"{paths[1]}: ")
    assert told[0].endswith("It is left out; the next one takes its place.")
    strict, _ = opened(paths, skip_broken=False)
    assert strict.at(0)[0] == 0
    with pytest.raises(ImageError, match=r"1\.png"):
        strict.at(1)


def test_very_many_broken_ones_in_a_row_are_an_error(paths: list[str], tmp_path: Path) -> None:
    """As where a disk was taken away."""
    gone = [str(tmp_path / f"gone{number}.png") for number in range(200)]
    pictures, told = opened([*paths, *gone])
    assert pictures.at(0)[0] == 0
    with pytest.raises(DataError, match=r"100 pictures in a row that cannot be read.*Is the disk still there\?"):
        pictures.at(COUNT)
    assert len(told) == 100
    few, _ = opened(gone[:3])
    with pytest.raises(DataError, match="not one picture that can be read"):
        few.at(1)


def test_threads_may_ask_at_once(paths: list[str]) -> None:
    Path(paths[2]).write_bytes(b"no picture")
    pictures, told = opened(paths, 3 * BYTES)
    wrong: list[int] = []

    def ask() -> None:
        for number in list(range(COUNT)) * 20:
            found, picture = pictures.at(number)
            if picture[0, 0, 0] != 40 * found or found != (3 if number == 2 else number):
                wrong.append(number)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(told) == 1


def test_kept_pictures_leave_half_of_what_is_free() -> None:
    assert 0 < room_for_pictures() < 0.75 * memory_left()
    assert 0 < room_for_pictures(1 << 28) < room_for_pictures()
    assert room_for_pictures(1 << 60) == 0


def test_warnings_have_fields(paths: list[str]) -> None:
    Path(paths[0]).unlink()
    reports: list[DarknetpyWarning] = []
    Pictures(paths, 3, 0, skip_broken=True, report=reports.append).at(0)
    assert (reports[0].path, reports[0].found, reports[0].expected) == (paths[0], "no such file", "a picture")


@pytest.mark.parametrize("room", [0, 1 << 20])
def test_what_is_odd_about_a_picture_is_told_once_or_an_error(paths: list[str], room: int) -> None:
    first, second = (Image.new("RGB", (5, 4), (colour, 0, 0)) for colour in (10, 20))
    first.save(paths[1], save_all=True, append_images=[second])
    pictures, told = opened(paths, room)
    for _ in range(3):
        assert pictures.at(1)[1][0, 0].tolist() == [10, 0, 0]
    assert told == [f"{paths[1]}: several pictures in one file: the first one is used."]
    with pytest.raises(ImageError, match="several pictures in one file"):
        opened(paths, room, skip_broken=False)[0].at(1)


def test_what_there_is_of_a_damaged_picture_can_be_used(tmp_path: Path) -> None:
    Image.effect_noise((40, 40), 90).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:900])
    pictures, told = opened([str(tmp_path / "a.png")], allow_damaged=True)
    assert pictures.at(0)[1].shape == (40, 40, 3)
    assert "only a part of it is used" in told[0]
    with pytest.raises(DataError, match="not one picture"):
        opened([str(tmp_path / "a.png")])[0].at(0)
