"""Files that ``darknetpy detect`` makes of pictures: copies with boxes drawn in, crops, and label files.

Where each goes is settled, and what stands in its way is refused, before anything is computed. Files are drawn, encoded
and written in threads, while other pictures are computed; each appears whole or not at all.
"""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import TYPE_CHECKING

from darknetpy.errors import DataError, printable_path
from darknetpy.files import check_folder, check_target, replaced_file

if TYPE_CHECKING:
    import numpy as np

    from darknetpy.detection.detections import Detections

QUALITY = 90  # of JPEG and WebP, which lose a little
_FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF", ".tga": "TGA", ".ppm": "PPM", ".pnm": "PPM",
}  # fmt: skip
_OTHER_FORMAT = ".png"  # for files without an extension, and for those that hold few colours or numbers
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')  # for the name of a folder, on any system
_LONGEST_FOLDER = 100  # characters
_AT_HAND = 2  # finished pictures a thread that may wait to be written


class UniqueNames:
    """Names that nobody has had, also where upper and lower case are the same: ``a.jpg``, then ``a-2.jpg``."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._times: Counter[str] = Counter()

    def take(self, name: str) -> str:
        """The name itself, or if it is taken the first free one with a number."""
        stem, extension = os.path.splitext(name)  # noqa: PTH122  # two parts that make the name again
        free, folded = name, name.casefold()
        while free.casefold() in self._taken:
            self._times[folded] += 1
            free = f"{stem}-{self._times[folded] + 1}{extension}"
        self._taken.add(free.casefold())
        return free


@dataclass(frozen=True)
class Targets:
    """Where the files of one picture go; None for what is not wanted. ``crops`` is the beginning of their names."""

    copy: Path | None = None
    crops: str | None = None
    extension: str = _OTHER_FORMAT
    labels: Path | None = None


@dataclass
class Places:
    """Gives each picture its targets, in the order of the pictures, the same in every round."""

    arguments: argparse.Namespace
    copies: UniqueNames = field(default_factory=UniqueNames)
    crops: UniqueNames = field(default_factory=UniqueNames)
    labelled: dict[Path, str] = field(default_factory=dict)

    def next(self, path: str) -> Targets:
        """The targets of the next picture. Raises DataError where two pictures would share a label file."""
        from darknetpy.detection.formats import label_path

        given, source = self.arguments, Path(path)
        extension = source.suffix if source.suffix.lower() in _FORMATS else _OTHER_FORMAT
        labels = None
        if given.labels_out is not None:
            labels = Path(given.labels_out, source.stem + ".txt")
        elif given.save_labels:
            labels = Path(label_path(path))
        if labels is not None and self.labelled.setdefault(labels, path) != path:
            found = f"it would hold the labels of {printable_path(self.labelled[labels])} and of {printable_path(path)}"
            raise DataError(found, "one picture for a label file", "Run them one after the other", path=labels)
        return Targets(
            Path(given.out, self.copies.take(source.stem + extension)) if given.out is not None else None,
            self.crops.take(source.stem) if given.crop_out is not None else None,
            extension,
            labels,
        )


def check(arguments: argparse.Namespace, paths: Iterable[str] | None) -> None:
    """Refuse what cannot be written or stands in the way; make the folders. ``paths`` is None if nobody knows them yet.

    Raises DataError: a folder cannot be used; a file exists and there is no ``--overwrite``; a copy would take the
    place of a picture that is read.
    """
    for folder in (arguments.out, arguments.crop_out, arguments.labels_out):
        if folder is not None:
            check_folder(folder)
    if arguments.crop_out is not None and not arguments.overwrite and next(Path(arguments.crop_out).iterdir(), None):
        remedy = "Choose another one, or add --overwrite"
        raise DataError("the folder for crops is not empty", "an empty or new one", remedy, path=arguments.crop_out)
    if paths is None or not (arguments.out is not None or _wants_labels(arguments)):
        return
    places, sources, copies = Places(arguments), set(), {}
    for path in paths:
        targets = places.next(path)
        check_targets(targets, path, overwrite=arguments.overwrite)
        if targets.copy is not None and arguments.overwrite:
            sources.add(os.path.realpath(path))
            copies[os.path.realpath(targets.copy)] = targets.copy
    for copy in sources & set(copies):
        raise _replaces_a_source(copies[copy])


def check_targets(targets: Targets, path: str, *, overwrite: bool) -> None:
    """The same for the files of one picture."""
    for target in (targets.copy, targets.labels):
        if target is None:
            continue
        if not overwrite and os.path.lexists(target):
            raise DataError("the file exists already", "a new one", "Add --overwrite to replace it", path=target)
        if target.parent.is_dir():  # another folder for labels is made later
            check_target(target)
    if targets.copy is not None and os.path.realpath(targets.copy) == os.path.realpath(path):
        raise _replaces_a_source(targets.copy)


def _wants_labels(arguments: argparse.Namespace) -> bool:
    return arguments.save_labels or arguments.labels_out is not None


def _replaces_a_source(copy: Path) -> DataError:
    remedy = "Choose another folder for --out"
    return DataError("the copy would take the place of a picture", "another file", remedy, path=copy)


class Saver:
    """Writes the files of pictures in threads; a few may wait."""

    def __init__(self, arguments: argparse.Namespace, classes: int, workers: int) -> None:
        self._crop_folder = arguments.crop_out
        self._classes = classes
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="darknetpy-save")
        self._most = _AT_HAND * workers
        self._pending: deque[Future[None]] = deque()

    def save(self, targets: Targets, picture: np.ndarray | None, detections: Detections, size: tuple[int, int]) -> None:
        """Write what is wanted of one picture, later; raises DataError where an earlier one could not be written.

        Args:
            picture: (h, w, 3) uint8, needed for copies and crops.
            size: width and height of the picture.
        """
        self._pending.append(self._pool.submit(self._write, targets, picture, detections, size))
        while len(self._pending) > self._most:
            self._pending.popleft().result()

    def finish(self) -> None:
        """Wait until all is written. Raises DataError where something could not be."""
        while self._pending:
            self._pending.popleft().result()

    def close(self) -> None:
        """Finish what is under way and begin nothing else."""
        self._pool.shutdown(cancel_futures=True)

    def _write(
        self, targets: Targets, picture: np.ndarray | None, detections: Detections, size: tuple[int, int]
    ) -> None:
        from darknetpy.images.draw import draw_detections

        if targets.labels is not None:
            write_labels(targets.labels, detections, *size)
        if picture is not None and targets.copy is not None:
            write_picture(targets.copy, draw_detections(picture, detections, classes=self._classes))
        if picture is not None and targets.crops is not None:
            write_crops(Path(self._crop_folder), targets.crops, targets.extension, picture, detections)


@contextmanager
def saver(arguments: argparse.Namespace, classes: int, workers: int) -> Iterator[Saver | None]:
    """A `Saver` if files are wanted, else None; all is written at the end, unless something went wrong."""
    if arguments.out is None and arguments.crop_out is None and not _wants_labels(arguments):
        yield None
        return
    saving = Saver(arguments, classes, workers)
    try:
        yield saving
        saving.finish()
    finally:
        saving.close()


def check_picture(path: Path, *, overwrite: bool) -> None:
    """Refuse a file for a picture that cannot be written, or is none. Raises DataError."""
    if path.suffix.lower() not in _FORMATS:
        raise DataError(f"no format {path.suffix or 'without an ending'}", "a picture, such as one in .png", path=path)
    if not overwrite and os.path.lexists(path):
        raise DataError("the file exists already", "a new one", "Add --overwrite to replace it", path=path)
    check_target(path)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write (h, w, 3) uint8 in the format that the file's extension names."""
    from PIL import Image

    settings = {"JPEG": {"quality": QUALITY}, "WEBP": {"quality": QUALITY}, "PNG": {"compress_level": 3}}
    name = _FORMATS[path.suffix.lower()]
    _write_file(path, lambda file: Image.fromarray(picture).save(file, name, **settings.get(name, {})))


def write_labels(path: Path, detections: Detections, width: int, height: int) -> None:
    """Write a label file as Darknet reads it; an empty one where nothing was found."""
    from darknetpy.detection.formats import label_lines

    text = "".join(f"{line}\n" for line in label_lines(detections, width, height))
    _make_folder(path.parent)
    _write_file(path, lambda file: file.write(text.encode("ascii")))


def write_crops(folder: Path, stem: str, extension: str, picture: np.ndarray, detections: Detections) -> None:
    """Write what is inside each box, as FOLDER/CLASS/STEM_NUMBER.EXTENSION, the most probable first."""
    height, width = picture.shape[:2]
    labels = zip(detections.labels, detections.class_id.tolist(), detections.xyxy.tolist(), strict=True)
    for number, (label, class_id, box) in enumerate(labels, start=1):
        left, top = min(int(box[0]), width - 1), min(int(box[1]), height - 1)
        right, bottom = max(left + 1, int(box[2] + 0.999)), max(top + 1, int(box[3] + 0.999))
        place = folder / folder_name(label, class_id)
        _make_folder(place)
        write_picture(place / f"{stem}_{number}{extension}", picture[top:bottom, left:right])


def folder_name(label: str, class_id: int) -> str:
    """A class name as the name of a folder, on any system.

    >>> folder_name("a/c unit", 7), folder_name("..", 8)
    ('a_c unit', 'class_8')
    """
    return _UNFIT.sub("_", label)[:_LONGEST_FOLDER].strip(" .") or f"class_{class_id}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(f"the folder cannot be made ({problem.strerror})", path=folder) from problem


def _write_file(path: Path, write: Callable[[BufferedWriter], object]) -> None:
    with replaced_file(check_target(path), path, lasting=False) as file:
        write(file)
