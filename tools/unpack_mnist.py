"""The handwritten digits of MNIST as a folder of pictures that ``darknetpy train`` reads.

    python tools/unpack_mnist.py FOLDER_OF_IDX_FILES --out mnist [--inks]

The set comes as four files: train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and
t10k-labels-idx1-ubyte.gz. 60,000 pictures go to mnist/train, in a folder for each digit, 10,000 others to
mnist/valid. With --inks the first also come in another ink on another paper, lighter or darker, so that a network
learns to read more than white on black.

Source of the format: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from pathlib import Path

import numpy as np
from PIL import Image

PARTS = {"train": "train", "valid": "t10k"}
KINDS = {"images": (0x803, 3), "labels": (0x801, 1)}
"""Of each kind of file: the number that it begins with, and its dimensions."""
LEAST_CONTRAST = 64
SEED = 0  # of inks and papers


def read_idx(path: Path, kind: str) -> np.ndarray:
    """The array in a file, uint8. Raises ValueError where it is not such a file, or not whole."""
    magic, dimensions = KINDS[kind]
    content = gzip.decompress(path.read_bytes())
    header = np.frombuffer(content, ">u4", 1 + dimensions)
    shape = tuple(int(side) for side in header[1:])
    body = np.frombuffer(content, np.uint8, offset=header.nbytes)
    if header[0] != magic or body.size != np.prod(shape):
        raise ValueError(f"{path}: not the {kind} of MNIST, or not whole")
    return body.reshape(shape)


def inked(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A white digit on black in another ink on another paper, which differ by `LEAST_CONTRAST` at least."""
    paper, ink = random.uniform(0, 255, 2)
    while abs(ink - paper) < LEAST_CONTRAST:
        paper, ink = random.uniform(0, 255, 2)
    return np.rint(paper + (ink - paper) * (image / 255)).astype(np.uint8)


def unpack(source: Path, out: Path, *, inks: bool = False) -> int:
    """Write all pictures, those to learn from also in other inks if wished; how many there are."""
    count, random = 0, np.random.default_rng(SEED)
    for part, prefix in PARTS.items():
        images = read_idx(source / f"{prefix}-images-idx3-ubyte.gz", "images")
        labels = read_idx(source / f"{prefix}-labels-idx1-ubyte.gz", "labels")
        for digit in range(10):
            (out / part / str(digit)).mkdir(parents=True, exist_ok=True)
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            folder = out / part / str(label)
            Image.fromarray(image).save(folder / f"{number:05}.png")
            count += 1
            if inks and part == "train":
                Image.fromarray(inked(image, random)).save(folder / f"{number:05}-ink.png")
                count += 1
    return count


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0, or 1 where the files cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the folder with the four files")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--inks", action="store_true", help="the pictures to learn from in other inks as well")
    given = parser.parse_args(arguments)
    try:
        print(f"{unpack(given.source, given.out, inks=given.inks):,} pictures in {given.out}")
    except (OSError, ValueError) as error:
        print(f"unpack_mnist: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
