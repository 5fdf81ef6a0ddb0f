"""The networks that come with the package: cfg, names and weights, found by name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from darknetpy.errors import ConfigError, did_you_mean, printable

_PACKAGE = Path(__file__).resolve().parent.parent
_ROOTS = (_PACKAGE / "shipped", _PACKAGE.parent)  # installed; in a checkout


@dataclass(frozen=True)
class ShippedNetwork:
    """Files of one network; ``weights`` and ``names`` are None where we ship none."""

    name: str
    cfg: Path
    weights: Path | None
    names: Path | None


@cache
def shipped_networks() -> dict[str, ShippedNetwork]:
    """Every network that we ship, by name."""
    root = next((root for root in _ROOTS if (root / "cfg").is_dir()), None)
    if root is None:
        return {}
    return {
        cfg.stem: ShippedNetwork(
            cfg.stem, cfg, _existing(root / "weights" / f"{cfg.stem}.weights"), _existing(cfg.with_suffix(".names"))
        )
        for cfg in sorted((root / "cfg").glob("*.cfg"))
    }


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
    shipped = ", ".join(shipped_networks())
    raise ConfigError(
        f"no such file, and no network called {printable(name)}" if name else "an empty path",
        f"a cfg file, or one of {shipped}" if shipped else "a cfg file",
        did_you_mean(name, shipped_networks()) or "Check how the name is written",
        path=name or None,
    )


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
    """The .names file that goes with a cfg: the one with its stem, beside it."""
    return _existing(cfg.with_suffix(".names")) if cfg.name else None
