"""What a network is fed, as picture files: to see whether labels and augmentation are what was meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darknetpy.errors import TrainingError
from darknetpy.files import check_folder, check_target, replaced_file
from darknetpy.images.channels import require_known_channels

MOST_NAMED = 3  # classes in a name
SMALLEST_NAMED = 0.1  # share of a class, by the largest one
_OWN = re.compile(r"\d{4,}_.*\.png")
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\s]+')  # for the name of a file, on any system
_LONGEST_NAME = 60  # characters of a class


class SampleWriter:
    """Writes the first pictures that a network is fed, after all that was done to them, as PNG.

    They are called ``0001_cat.png``, and mixed ones ``0002_cat-0.75_dog-0.25.png``; those of an earlier training are
    removed.

    Args:
        folder: made if only its own name is missing.
        names: of the classes.
        count: how many are written.

    Raises TrainingError where nothing can be written there.
    """

    def __init__(self, folder: Path, names: Sequence[str], count: int) -> None:
        self.folder, self._names, self._count = check_folder(folder, TrainingError), names, count
        self.written = 0
        for path in folder.iterdir():
            if _OWN.fullmatch(path.name):
                path.unlink()

    def add(self, pictures: np.ndarray, truths: np.ndarray) -> None:
        """Write the first ones of a batch, as long as there are not enough.

        Args:
            pictures: (n, c, h, w) float32, 0 to 1, of one channel or three.
            truths: (n, classes) float32.

        Raises TrainingError where a file cannot be written, ConfigError for other channels.
        """
        from PIL import Image

        require_known_channels(pictures.shape[1])
        for picture, truth in zip(pictures[: self._count - self.written], truths, strict=False):
            self.written += 1
            path = self.folder / f"{self.written:04}_{self._label(truth)}.png"
            values = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
            with replaced_file(check_target(path, TrainingError), path, TrainingError, lasting=False) as file:
                Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).save(file, "PNG")

    def _label(self, truth: np.ndarray) -> str:
        """The classes of a picture, the most probable first; with their shares where it is not simply one.

        What smoothing gives to all the others is not named.
        """
        least = max(float(truth.max()) * SMALLEST_NAMED, float(np.finfo(truth.dtype).tiny))
        present = [number for number in np.argsort(-truth, kind="stable").tolist() if truth[number] >= least]
        named = [self._name(number) for number in present[:MOST_NAMED]]
        if len(present) == 1 and truth[present[0]] == 1:
            return named[0]
        parts = [f"{name}-{truth[number]:.2g}" for name, number in zip(named, present, strict=False)]
        return "_".join(parts + ["and-others"] * (len(present) > MOST_NAMED)) or "no-class"

    def _name(self, number: int) -> str:
        return _UNFIT.sub("-", self._names[number])[:_LONGEST_NAME].strip(" .-") or f"class-{number}"
