"""What `tools/bench.py` measured, in words: means, what is behind, a narrow table, a chart, and the machine."""

from __future__ import annotations

import math
import platform
import statistics
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tools.peers.runtimes import Darknetpy

OURS = Darknetpy.name
FAMILIES = {
    "OpenVINO": ("openvino",),
    "onnxruntime": ("onnxruntime", "onnxruntime-spin"),
    "PyTorch": ("torch", "torch-last"),
    "OpenCV": ("opencv",),
}
"""Other projects -> their runtimes, of which the fastest counts."""
DISTRIBUTIONS = ("numpy", "numba", "llvmlite", "openvino", "onnxruntime", "torch", "opencv-python-headless")
TIE = 0.005  # of a ratio: what rounding to two digits hides
Figures = dict[str, Any]


def configuration_text(name: str) -> str:
    """``"8x2"`` in words."""
    batch, threads = name.split("x")
    return f"batch {batch}, {threads} thread" + ("" if threads == "1" else "s")


def best_ratio(by_name: Figures, family: str) -> float | None:
    """The time of a project's fastest runtime against darknetpy's; None if none ran."""
    ratios = [by_name[name]["ratio"] for name in FAMILIES[family] if "ratio" in by_name.get(name, {})]
    return min(ratios, default=None)


def geometric_means(networks: Figures) -> dict[str, tuple[float, int]]:
    """For each project: the mean ratio, and of how many networks."""
    means = {}
    for family in FAMILIES:
        ratios = [ratio for by_name in networks.values() if (ratio := best_ratio(by_name, family)) is not None]
        if ratios:
            means[family] = statistics.geometric_mean(ratios), len(ratios)
    return means


def behind(networks: Figures) -> list[str]:
    """Where another runtime is faster, as in ``"tiny: OpenVINO 0.80"``."""
    return [
        f"{network}: {family} {ratio:.2f}"
        for network, by_name in networks.items()
        for family in FAMILIES
        if (ratio := best_ratio(by_name, family)) is not None and ratio < 1 - TIE
    ]


def table(networks: Figures) -> str:
    """Markdown of at most 60 columns: darknetpy's milliseconds a batch, and the ratios of the others."""
    means = geometric_means(networks)
    families = [family for family in FAMILIES if family in means]
    rows = [["network", "ms", *families]]
    for network, by_name in networks.items():
        ours = by_name[OURS]
        ratios = [best_ratio(by_name, family) for family in families]
        rows.append([network, "-" if "failed" in ours else _milliseconds(ours["median_ms"]), *map(_ratio, ratios)])
    rows.append(["geometric mean", "", *(_ratio(means[family][0]) for family in families)])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["|".join(["", *(cell.ljust(width) for cell, width in zip(row, widths, strict=True)), ""]) for row in rows]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, "|".join(["", *rule, ""]))
    return "\n".join(lines)


def _milliseconds(time: float) -> str:
    return f"{time:.{2 if time < 100 else 1 if time < 1000 else 0}f}"


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def summary(networks: Figures) -> str:
    """The last line under a table."""
    slower = behind(networks)
    return "Behind: " + ", ".join(slower) if slower else "None of them is faster on any network."


def machine() -> dict[str, Any]:
    """The CPU, its cores that this process may use, and what is installed."""
    from darknetpy.engine.threads import available_cores

    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "cpu": _cpu(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def _cpu() -> str:
    """What Linux calls the CPU, and its widest vectors; elsewhere what Python knows."""
    book = Path("/proc/cpuinfo")
    lines = book.read_text().splitlines() if book.is_file() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name") or platform.processor() or "unknown CPU"
    flags = facts.get("flags", "").split()
    widest = next((text for flag, text in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    model = f"family {facts['cpu family']} model {facts['model']}" if "cpu family" in facts else ""
    return ", ".join(filter(None, (name, model, widest)))


def machine_line(facts: dict[str, Any]) -> str:
    """The same in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return f"{facts['cpu']}; {facts['cores']} cores; {facts['system']}; Python {facts['python']}, {versions}"


def draw(path: Path, configurations: dict[str, Figures], facts: dict[str, Any]) -> None:
    """A chart: for each configuration a panel with a row for each network and a dot for each other project."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text: small, and searchable
    from matplotlib import pyplot
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    names = list(dict.fromkeys(network for networks in configurations.values() for network in networks))
    ratios = [
        ratio
        for networks in configurations.values()
        for by_name in networks.values()
        for family in FAMILIES
        if (ratio := best_ratio(by_name, family)) is not None
    ]
    least, most = min([0.8, *ratios]), max([2, *ratios])
    size = (2.2 + 2.6 * len(configurations), 1.5 + 0.26 * len(names))
    figure, panels = pyplot.subplots(1, len(configurations), figsize=size, sharey=True, squeeze=False)
    for axes, (name, networks) in zip(panels[0], configurations.items(), strict=True):
        for family, marker in zip(FAMILIES, "osD^", strict=True):
            found = [(best_ratio(networks[network], family), names.index(network)) for network in networks]
            dots = [(ratio, row) for ratio, row in found if ratio is not None]
            if dots:
                axes.plot(*zip(*dots, strict=True), marker, label=family, markersize=6, alpha=0.85, clip_on=False)
        axes.axvline(1, color="black", linewidth=1.2)
        axes.axvspan(least / 1.1, 1, color="0.93", zorder=0)
        axes.set_xscale("log")
        axes.set_xlim(least / 1.1, most * 1.1)
        axes.xaxis.set_major_locator(FixedLocator([0.5, 1, 2, 3, 5, 8, 12, 20]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_title(configuration_text(name), fontsize=10)
        axes.grid(axis="both", color="0.88", linewidth=0.6)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
    panels[0][0].set_yticks(range(len(names)), names)
    panels[0][0].set_ylim(len(names) - 0.4, -0.6)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.suptitle("Times of other runtimes; darknetpy's is 1 (right of the line: darknetpy is faster)", fontsize=11)
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False, bbox_to_anchor=(0.5, 0.035))
    figure.text(0.5, 0.012, _short(facts), ha="center", fontsize=7, color="0.35")
    below = 0.95 / size[1]
    figure.subplots_adjust(left=1.45 / size[0], right=0.98, top=1 - 0.72 / size[1], bottom=below, wspace=0.08)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _short(facts: dict[str, Any]) -> str:
    """The machine in so few words that they fit below a chart."""
    return f"{facts['cpu']}, {facts['cores']} cores; float32, the same weights, medians of runs that take turns"


def network_lines(network: str, figures: Figures, agreeing: float) -> list[str]:
    """One line for each runtime; a difference above ``agreeing`` is pointed out."""
    lines = []
    for name, of_peer in figures.items():
        line = f"{network:16} {name:16} "
        if "failed" in of_peer:
            lines.append(f"{line}- {of_peer['failed']}")
            continue
        line += f"{of_peer['median_ms']:9.2f} ms [{of_peer['least_ms']:9.2f}]"
        line += f" {of_peer.get('ratio', math.nan):6.2f}x  difference {of_peer.get('difference', math.nan):.1e}"
        line += "!" if of_peer.get("difference", 0) > agreeing else " "
        line += f" peak {of_peer['peak_mib']:6.0f} MiB"
        if "cold_start_s" in of_peer:
            line += f"  start {of_peer['cold_start_s']:5.1f} s cold, {of_peer['warm_start_s']:5.2f} s warm"
        lines.append(line)
    return lines
