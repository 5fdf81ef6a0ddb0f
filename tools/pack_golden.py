"""Packs numbers recorded from the C programs into tests/golden: the cases of a folder whose sections all exist here.

    python tools/pack_golden.py SHARED/golden/forward tests/golden
    python tools/pack_golden.py SHARED/golden/heads tests/golden
    python tools/pack_golden.py SHARED/golden/train tests/golden
    python tools/pack_golden.py SHARED/golden/schedule tests/golden

Run it again when section types are added. Writes ``forward.npz``, one array of bytes in which nothing is stored twice,
and ``forward.json``, which says for each case what it is and where its numbers begin (named after the folder).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from darknetpy.config.sections import parse_cfg
from darknetpy.layers.registry import layer_types

TRAINING = ("subdivisions", "time_steps", "rate_per_update", "momentum", "decay", "updates", "seen_at_start")
"""What is also kept of recorded trainings."""


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
        "dialect": about["fork"].lower().split()[0],
        "batch": about["batch"],
        "cfg": (folder / f"{name}.cfg").read_text(),
        "shapes": arrays.pop("shapes").tolist() if "shapes" in arrays else [],
        "arrays": {key: store.add(value.astype("<f4").tobytes()) for key, value in arrays.items()},
    }
    case.update({key: about[key] for key in TRAINING if key in about})
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
    case.setdefault("files", {}).update(named_files(folder, case["cfg"]))
    if not case["files"]:
        del case["files"]
    return case


def named_files(folder: Path, cfg: str) -> dict[str, str]:
    """The files beside a cfg that it names."""
    named = {section.values.get("tree") for section in parse_cfg(cfg).layers}
    return {name: (folder / name).read_text() for name in named if name and (folder / name).exists()}


def runs_here(folder: Path, name: str) -> bool:
    """Whether every section of the case's cfg is a layer type of ours."""
    known = layer_types()
    return all(section.name in known for section in parse_cfg((folder / f"{name}.cfg").read_bytes()).layers)


PICTURE_FUNCTIONS = {"rotate_crop_image", "distort_image"}


def pack_views(folder: Path, out: Path) -> None:
    """What the C programs make of pictures and truths for training: ``views.json`` and ``views.npz``."""
    about = json.loads((folder / "data_side.json").read_text())
    functions = [case for case in about["arrays"] if case["fn"] in PICTURE_FUNCTIONS]
    kept = {
        "functions": functions,
        "mixes": about["classifier_mix"],
        **{k: about[k] for k in ("classifier", "hierarchy")},
    }
    keys = tuple(case["key"] for case in (*functions, *about["classifier_mix"]))
    with np.load(folder / "data_side.npz") as numbers:
        arrays = {name: numbers[name] for name in numbers.files if name.startswith(keys)}
    np.savez_compressed(out / "views.npz", **arrays)
    (out / "views.json").write_text(json.dumps(kept, indent=0) + "\n")
    print(f"{len(keys)} views")


def recorded_cases(folder: Path) -> dict[str, dict[str, Any]]:
    """What is said of each case: in one file, or in one line each, where a case without layers is something else."""
    if (folder / "cases.json").exists():
        return json.loads((folder / "cases.json").read_text())  # type: ignore[no-any-return]
    lines = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    return {line.pop("case"): line for line in lines if line.get("layers")}


def pack_schedules(folder: Path, out: Path) -> None:
    """The tables of learning rates, in one file."""
    tables = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    lines = [f"{json.dumps(name)}: {json.dumps(table)}" for name, table in tables.items()]
    (out / "schedule.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(tables)} tables")


def main() -> None:
    """Pack the cases of one folder into another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with cases.json and a .cfg and .npz for each case")
    parser.add_argument("out", type=Path, help="where the .npz and .json file go")
    arguments = parser.parse_args()
    if arguments.folder.name == "schedule":
        pack_schedules(arguments.folder, arguments.out)
        return
    if (arguments.folder / "data_side.json").exists():
        pack_views(arguments.folder, arguments.out)
    about = recorded_cases(arguments.folder)
    store = Store()
    cases = {
        name: pack_case(arguments.folder, name, about[name], store)
        for name in about
        if runs_here(arguments.folder, name)
    }
    stem = arguments.folder.name
    if (arguments.folder / "adam.npz").exists():
        shutil.copyfile(arguments.folder / "adam.npz", arguments.out / "adam.npz")
    np.savez_compressed(arguments.out / f"{stem}.npz", data=np.frombuffer(b"".join(store.parts), np.uint8))
    lines = [f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items()]
    (arguments.out / f"{stem}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(cases)} of {len(about)} cases, {store.length} bytes of numbers")


if __name__ == "__main__":
    main()
