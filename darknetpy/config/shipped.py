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
    return path if path.is_file() else None


def find_cfg(given: str | os.PathLike[str]) -> Path:
    """The path of a cfg: a file, or the name of a network that we ship. Raises ConfigError for an unknown name."""
    path = Path(given)
    if _is_path(given) or path.exists():
        return path
    network = shipped_networks().get(os.fspath(given))
    if network:
        return network.cfg
    raise ConfigError(
        f"no such file, and no network called {printable(given)}",
        "a cfg file, or one of " + ", ".join(shipped_networks()),
        did_you_mean(os.fspath(given), shipped_networks()),
        path=given,
    )


def find_weights(given: str | os.PathLike[str]) -> Path:
    """The path of a weights file: a file, or the name of a network whose weights we ship."""
    path = Path(given)
    if _is_path(given) or path.exists():
        return path
    network = shipped_networks().get(os.fspath(given))
    return network.weights if network and network.weights else path


def _is_path(given: str | os.PathLike[str]) -> bool:
    return not isinstance(given, str) or bool(Path(given).suffix) or os.sep in given


def names_beside(cfg: Path) -> Path | None:
    """The .names file that goes with a cfg: the one with its stem, beside it."""
    return _existing(cfg.with_suffix(".names"))
