"""The networks that come with the package: cfg, names and weights, found by name."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from darknetpy.errors import ConfigError, did_you_mean, printable

_PACKAGE = Path(__file__).resolve().parent.parent
_ROOTS = (_PACKAGE / "shipped", _PACKAGE.parent)  # installed; in a checkout
_CLASSES = re.compile(r"# Classes: (\w+)")


@dataclass(frozen=True)
class ShippedNetwork:
    """Files of one network; ``weights`` is None where we ship none."""

    name: str
    cfg: Path
    weights: Path | None

    @property
    def names(self) -> Path | None:
        """Its class names: the file with its stem, else the list that the comment at the top of the cfg names.

        Many networks share a list: ``# Classes: coco`` means coco.names beside the cfg. None where there is neither.
        """
        return _existing(self.cfg.with_suffix(".names")) or _class_list(self.cfg)


@cache
def shipped_networks() -> dict[str, ShippedNetwork]:
    """Every network that we ship, by name."""
    root = next((root for root in _ROOTS if (root / "cfg").is_dir()), None)
    if root is None:
        return {}
    return {
        cfg.stem: ShippedNetwork(cfg.stem, cfg, _existing(root / "weights" / f"{cfg.stem}.weights"))
        for cfg in sorted((root / "cfg").glob("*.cfg"))
    }


def _class_list(cfg: Path) -> Path | None:
    with cfg.open(encoding="utf-8") as lines:
        for line in itertools.takewhile(lambda line: line.startswith("#"), lines):
            found = _CLASSES.fullmatch(line.strip())
            if found:
                return _existing(cfg.with_name(f"{found[1]}.names"))
    return None


def _existing(path: Path) -> Path | None:
    return path if _is_file(path) else None


def find_cfg(given: str | bytes | os.PathLike[str]) -> Path:
    """The path of a cfg: a file, or the name of a network that we ship. Raises ConfigError for an unknown name."""
    network = _network_named(given)
    if network:
        return network.cfg
    name = os.fsdecode(given)
    if name and (_is_path(given) or os.path.exists(name)):  # noqa: PTH110  # see _is_file
        return Path(name)
    raise ConfigError(
        f"no such file, and no network called {printable(name)}" if name else "an empty path",
        "a cfg file, or the name of a network that comes with darknetpy" if shipped_networks() else "a cfg file",
        did_you_mean(name, shipped_networks()) or _where_to_look(),
        path=name or None,
    )


def _where_to_look() -> str:
    """What to do where no name is near: there are too many networks to list."""
    folders = {network.cfg.parent for network in shipped_networks().values()}
    listed = "".join(f"; the networks are the .cfg files in {folder}" for folder in folders)
    return f"Check how the name is written{listed}"


def find_weights(given: str | bytes | os.PathLike[str]) -> Path:
    """The path of a weights file: a file, or the name of a network whose weights we ship."""
    network = _network_named(given)
    return network.weights if network and network.weights else Path(os.fsdecode(given))


def _network_named(given: str | bytes | os.PathLike[str]) -> ShippedNetwork | None:
    """The shipped network of that name, unless a file has it; a folder of the same name does not count."""
    if not isinstance(given, str) or _is_path(given) or _is_file(given):
        return None
    return shipped_networks().get(given)


def _is_path(given: str | bytes | os.PathLike[str]) -> bool:
    return not isinstance(given, str) or bool(Path(given).suffix) or Path(given).name != given


def _is_file(path: str | Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113  # Path.is_file raises for names that are too long


def names_beside(cfg: Path) -> Path | None:
    """The .names file that goes with a cfg: the one with its stem, beside it; for a network that we ship also the list
    that its cfg names (see :class:`ShippedNetwork`).

    A cfg of somebody else's with such a comment is not asked: copies get other classes, and the comment stays.
    """
    if not cfg.name:
        return None
    network = shipped_networks().get(cfg.stem)
    if network and network.cfg == cfg.absolute():
        return network.names
    return _existing(cfg.with_suffix(".names"))
