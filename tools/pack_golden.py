"""Packs numbers recorded from the C programs into tests/golden: the cases of a folder whose sections all exist here.

    python tools/pack_golden.py SHARED/golden/forward tests/golden
    python tools/pack_golden.py SHARED/golden/heads tests/golden

Run it again when section types are added. Writes ``forward.npz``, one array of bytes in which nothing is stored twice,
and ``forward.json``, which says for each case what it is and where its numbers begin (named after the folder).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from darknetpy.config.sections import parse_cfg
from darknetpy.layers.registry import layer_types


class Store:
    """Bytes one behind the other; equal ones are stored once."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0
        self._places: dict[bytes, int] = {}

    def add(self, data: bytes) -> list[int]:
        """Where the data begins, and how many bytes it has."""
        if data not in self._places:
            self._places[data] = self.length
            self.parts.append(data)
            self.length += len(data)
        return [self._places[data], len(data)]


def pack_case(folder: Path, name: str, about: dict[str, Any], store: Store) -> dict[str, Any]:
    """What the JSON file says of one case; its numbers go to the store."""
    with np.load(folder / f"{name}.npz") as numbers:
        arrays = {key: numbers[key] for key in numbers.files}
    case: dict[str, Any] = {
        "dialect": about["fork"].lower(),
        "batch": about["batch"],
        "cfg": (folder / f"{name}.cfg").read_text(),
        "shapes": arrays.pop("shapes").tolist(),
        "arrays": {key: store.add(value.astype("<f4").tobytes()) for key, value in arrays.items()},
    }
    if "quirk" in about:
        case["quirk"] = True
    if "queries" in about:
        case["queries"] = about["queries"]
    weights = folder / f"{name}.weights"
    if weights.exists():
        case["arrays"]["weights"] = store.add(weights.read_bytes())
    tree = folder / f"{name}.tree"
    if not tree.exists():
        tree = folder / f"{name.removesuffix('_pj')}.tree"
    if tree.exists():
        case["files"] = {tree.name: tree.read_text()}
    return case


def runs_here(folder: Path, name: str) -> bool:
    """Whether every section of the case's cfg is a layer type of ours."""
    known = layer_types()
    return all(section.name in known for section in parse_cfg((folder / f"{name}.cfg").read_bytes()).layers)


def main() -> None:
    """Pack the cases of one folder into another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with cases.json and a .cfg and .npz for each case")
    parser.add_argument("out", type=Path, help="where the .npz and .json file go")
    arguments = parser.parse_args()
    about = json.loads((arguments.folder / "cases.json").read_text())
    store = Store()
    cases = {
        name: pack_case(arguments.folder, name, about[name], store)
        for name in about
        if runs_here(arguments.folder, name)
    }
    stem = arguments.folder.name
    np.savez_compressed(arguments.out / f"{stem}.npz", data=np.frombuffer(b"".join(store.parts), np.uint8))
    lines = [f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items()]
    (arguments.out / f"{stem}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(cases)} of {len(about)} cases, {store.length} bytes of numbers")


if __name__ == "__main__":
    main()
