"""What `tools/bench_training.py` measured, in words."""

from __future__ import annotations

import math
import statistics
from typing import Any

from tools.peers.report import OURS, best_ratio

Figures = dict[str, Any]


def pictures_a_second(figures: Figures, trainer: str) -> float | None:
    """By the median time of a step; None where the trainer did not run."""
    of_trainer = figures["trainers"].get(trainer, {})
    return 1000 * figures["batch"] / of_trainer["median_ms"] if "median_ms" in of_trainer else None


def best_of_pytorch(figures: Figures) -> str | None:
    """The name of the faster of its layouts; None where neither ran."""
    ran = {name: found["median_ms"] for name, found in figures["trainers"].items() if "median_ms" in found}
    ran.pop(OURS, None)
    return min(ran, key=lambda name: ran[name], default=None)


def network_lines(network: str, figures: Figures, agreeing: float) -> list[str]:
    """One line for each trainer; a difference of losses above ``agreeing`` is pointed out."""
    lines = []
    for name, found in figures["trainers"].items():
        line = f"{network:12} {name:10} "
        if "failed" in found:
            lines.append(f"{line}- {found['failed']}")
            continue
        line += f"{found['median_ms']:8.1f} ms [{found['least_ms']:8.1f}]"
        line += f" {pictures_a_second(figures, name):8.1f} pictures/s"
        line += f" {found.get('ratio', math.nan):6.2f}x  peak {found['peak_mib']:6.0f} MiB"
        line += f"  losses {' '.join(f'{loss:.5g}' for loss in found['losses'])}"
        difference = found.get("difference", math.nan)
        lines.append(f"{line}, difference {difference:.1e}{'!' if difference > agreeing else ''}")
    return lines


def text(networks: Figures, threads: int) -> str:
    """A table of Markdown, and what the acceptance of the project asks for."""
    rows = [["network", "batch", "pictures/s", "PyTorch", "ratio", "MiB", "PyTorch"]]
    for network, figures in networks.items():
        best = best_of_pytorch(figures)
        trainers = figures["trainers"]
        rows.append([
            network, str(figures["batch"]), _number(pictures_a_second(figures, OURS), 1),
            _number(pictures_a_second(figures, best or ""), 1), _number(best_ratio(trainers, "PyTorch"), 2),
            _number(trainers[OURS].get("peak_mib"), 0), _number(trainers.get(best or "", {}).get("peak_mib"), 0),
        ])  # fmt: skip
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["|".join(["", *map(str.ljust, row, widths), ""]) for row in rows]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, "|".join(["", *rule, ""]))
    found = {name: best_ratio(figures["trainers"], "PyTorch") for name, figures in networks.items()}
    ratios = {name: ratio for name, ratio in found.items() if ratio is not None}
    table = "\n".join(lines)
    if not ratios:
        return f"\n{table}\n\nNothing to compare with."
    least = min(ratios, key=lambda name: ratios[name])
    mean = statistics.geometric_mean(ratios.values())
    counted = f"{threads} thread" + ("" if threads == 1 else "s")
    return f"\n{table}\n\n{counted}: {mean:.2f} by geometric mean, {ratios[least]:.2f} at least ({least})."


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
