"""Files made of pictures: names, what stands in the way, and what is in them."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.cli.saving import (
    Places,
    UniqueNames,
    check,
    check_targets,
    folder_name,
    saver,
    write_crops,
    write_labels,
    write_picture,
)
from darknetpy.detection.detections import Detections
from darknetpy.errors import DataError

pytestmark = pytest.mark.quick


def wishes(**given: object) -> argparse.Namespace:
    nothing = {"out": None, "crop_out": None, "save_labels": False, "labels_out": None, "overwrite": False}
    return argparse.Namespace(**{**nothing, **given})


def found(*boxes: tuple[float, float, float, float], names: tuple[str, ...] = ("dog",)) -> Detections:
    count = len(boxes)
    class_id = np.arange(count) % len(names)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.linspace(0.9, 0.5, count, dtype=np.float32),
        class_id,
        data={"class_name": np.array(names)[class_id]},
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_names_that_are_taken_get_numbers() -> None:
    names = UniqueNames()
    wanted = ["a.jpg", "b.jpg", "a.jpg", "A.JPG", "a-2.jpg", "a.jpg", "a.png", ".jpg", ".jpg"]
    taken = [names.take(name) for name in wanted]
    assert taken == ["a.jpg", "b.jpg", "a-2.jpg", "A-3.JPG", "a-2-2.jpg", "a-4.jpg", "a.png", ".jpg", ".jpg-2"]
    assert len({name.casefold() for name in taken}) == len(wanted)


def test_many_of_one_name_take_no_longer_each() -> None:
    names = UniqueNames()
    assert [names.take("a.jpg") for _ in range(20_000)][-1] == "a-20000.jpg"


def test_copies_keep_their_names_where_their_format_can_be_written(here: Path) -> None:
    places = Places(wishes(out="drawn"))
    paths = ["x/1.JPG", "y/1.jpg", "1.png", "1.gif", "scan", "photo.of.dog.tif", "1.pgm"]
    copies = [places.next(path).copy for path in paths]
    assert [copy.name for copy in copies if copy] == [
        "1.JPG", "1-2.jpg", "1.png", "1-2.png", "scan.png", "photo.of.dog.tif", "1-3.png",
    ]  # fmt: skip
    assert {copy.parent for copy in copies if copy} == {Path("drawn")}


def test_label_files_lie_beside_the_picture_or_in_a_folder() -> None:
    assert Places(wishes(save_labels=True)).next("a/1.jpg").labels == Path("a/1.txt")
    assert Places(wishes(save_labels=True)).next("images/val2017/1.jpg").labels == Path("images/val2017/1.txt")
    assert Places(wishes(save_labels=True)).next("x/images/val2017/1.jpg").labels == Path("x/labels/val2017/1.txt")
    assert Places(wishes(labels_out="found")).next("a/1.jpg").labels == Path("found/1.txt")


def test_two_pictures_do_not_share_a_label_file() -> None:
    places = Places(wishes(labels_out="found"))
    places.next("a/1.jpg")
    places.next("a/1.jpg")  # the same one twice gives the same labels
    with pytest.raises(DataError, match=r"labels of a/1.jpg and of b/1.png, expected one picture"):
        places.next("b/1.png")


def test_existing_files_are_refused_before_anything_is_made(here: Path) -> None:
    (here / "drawn").mkdir()
    (here / "drawn" / "2.jpg").touch()
    with pytest.raises(DataError, match=r"^drawn/2.jpg: the file exists already, expected a new one. Add --overwrite"):
        check(wishes(out="drawn"), ["a/1.jpg", "a/2.jpg"])
    check(wishes(out="drawn", overwrite=True), ["a/1.jpg", "a/2.jpg"])
    check(wishes(out="drawn"), ["a/1.jpg", "a/3.jpg"])
    (here / "1.txt").touch()
    with pytest.raises(DataError, match=r"^1.txt: the file exists"):
        check(wishes(save_labels=True), ["1.jpg"])
    (here / "link.txt").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"^link.txt: the file exists"):
        check(wishes(save_labels=True), ["link.jpg"])


def test_a_folder_for_crops_must_be_empty(here: Path) -> None:
    check(wishes(crop_out="crops"), ["1.jpg"])
    (here / "crops" / "dog").mkdir()
    with pytest.raises(DataError, match=r"^crops: the folder for crops is not empty"):
        check(wishes(crop_out="crops"), None)
    check(wishes(crop_out="crops", overwrite=True), None)


def test_folders_are_made_and_wrong_ones_refused(here: Path) -> None:
    check(wishes(out="a", crop_out="b", labels_out="c"), [])
    assert sorted(path.name for path in here.iterdir()) == ["a", "b", "c"]
    (here / "file").touch()
    for name, says in (("none/out", "no such folder"), ("file", "is a file")):
        with pytest.raises(DataError, match=says):
            check(wishes(out=name), [])


def test_places_that_may_not_be_written_to_are_refused(folder_of_ordinary_user: Path) -> None:
    (folder_of_ordinary_user / "out").mkdir(mode=0o500)
    with pytest.raises(DataError, match="read-only"):
        check(wishes(out=str(folder_of_ordinary_user / "out")), ["1.jpg"])
    folder_of_ordinary_user.chmod(0o500)
    with pytest.raises(DataError, match="read-only"):
        check(wishes(save_labels=True), [str(folder_of_ordinary_user / "1.jpg")])


def test_copies_never_take_the_place_of_a_picture(here: Path) -> None:
    for name in ("a", "b"):
        (here / name).mkdir()
        (here / name / "1.jpg").touch()
    for paths in (["a/1.jpg"], ["b/1.jpg", "a/1.jpg"], ["./b/../a/1.jpg"]):
        with pytest.raises(DataError, match="would take the place of a picture"):
            check(wishes(out="a", overwrite=True), paths)
    (here / "link").symlink_to("a")
    with pytest.raises(DataError, match="would take the place of a picture"):
        check_targets(Places(wishes(out="link")).next("a/1.jpg"), "a/1.jpg", overwrite=True)


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.png", "a.bmp", "a.webp", "a.tif", "a.tga", "a.ppm"])
def test_pictures_are_written_in_the_format_of_their_names(here: Path, name: str) -> None:
    pixels = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    write_picture(Path(name), pixels)
    with Image.open(name) as image:
        wanted = {"jpg": "JPEG", "jpeg": "JPEG", "tif": "TIFF", "webp": "WEBP"}
        extension = name.split(".")[1].lower()
        assert image.format == wanted.get(extension, extension.upper())
        np.testing.assert_allclose(np.asarray(image.convert("RGB"), int), pixels, atol=4)
    assert [path.name for path in here.iterdir()] == [name]


def test_crops_are_numbered_in_folders_of_their_classes(here: Path) -> None:
    pixels = np.arange(30 * 40 * 3, dtype=np.uint32).astype(np.uint8).reshape(30, 40, 3)
    boxes = ((1.2, 2.7, 10.1, 20), (39.9, 29.9, 40, 30), (40, 30, 40, 30), (0, 0, 40, 30))
    (here / "crops").mkdir()
    write_crops(Path("crops"), "street", ".png", pixels, found(*boxes, names=("dog", "a/c")))
    sizes = {path.as_posix(): Image.open(path).size for path in sorted(Path("crops").rglob("*.png"))}
    assert sizes == {
        "crops/a_c/street_2.png": (1, 1),
        "crops/a_c/street_4.png": (40, 30),
        "crops/dog/street_1.png": (10, 18),
        "crops/dog/street_3.png": (1, 1),
    }
    np.testing.assert_array_equal(np.asarray(Image.open("crops/dog/street_1.png")), pixels[2:20, 1:11])


@pytest.mark.parametrize(
    ("label", "folder"),
    [
        ("dog", "dog"), ("traffic light", "traffic light"), ("..", "class_7"), ("", "class_7"),
        ("../../etc", "_.._etc"),
        ("a\\b:c*d?", "a_b_c_d_"), ("a\nb\x1b", "a_b_"), ("собака", "собака"), ("x" * 500, "x" * 100),
    ],
)  # fmt: skip
def test_folders_of_classes_stay_where_they_belong(label: str, folder: str) -> None:
    assert folder_name(label, 7) == folder


def test_label_files_are_written_with_their_folder_and_empty_ones_too(here: Path) -> None:
    write_labels(Path("labels/val2017/1.txt"), found((10, 10, 30, 20)), 40, 40)
    write_labels(Path("2.txt"), found(), 40, 40)
    assert Path("labels/val2017/1.txt").read_text() == "0 0.500000 0.375000 0.500000 0.250000\n"
    assert Path("2.txt").read_bytes() == b""


def test_all_is_written_when_the_work_is_done(here: Path) -> None:
    given = wishes(out="out", crop_out="crops", labels_out="labels")
    paths = [f"{number}.png" for number in range(20)]
    check(given, paths)
    places, pixels = Places(given), np.full((60, 80, 3), 90, np.uint8)
    with saver(given, 80, 2) as saving:
        assert saving is not None
        for path in paths:
            saving.save(places.next(path), pixels, found((10, 20, 40, 50)), (80, 60))
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(paths)
    assert len(list(Path("crops/dog").iterdir())) == len(list(Path("labels").iterdir())) == 20
    assert (np.asarray(Image.open("out/3.png")) != 90).any()


def test_nothing_is_set_up_where_no_files_are_wanted() -> None:
    with saver(wishes(), 80, 2) as saving:
        assert saving is None


def test_what_cannot_be_written_is_an_error_of_the_command(here: Path) -> None:
    given = wishes(out="out")
    check(given, ["1.png"])
    (here / "out" / "1.png").mkdir()

    def save() -> None:
        with saver(given, 80, 1) as saving:
            assert saving is not None
            saving.save(Places(given).next("1.png"), np.zeros((9, 9, 3), np.uint8), found(), (9, 9))

    with pytest.raises(DataError, match="is a directory"):
        save()
