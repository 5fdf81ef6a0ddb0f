"""The engine as on CPUs with narrower vectors: other tests again, in processes that compile for such a CPU.

Numba compiles for the CPU that NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name. Kernels of each are kept in pytest's cache.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from llvmlite import binding

ROOT = Path(__file__).resolve().parents[2]
EVERY_OPERATION = [
    f"tests/{module}.py"
    for module in (
        "engine/test_lower", "engine/test_winograd", "engine/test_grouped", "engine/test_depthwise",
        "engine/test_connected", "kernels/test_tiles", "kernels/test_curves", "kernels/test_simd",
        "kernels/test_filters", "kernels/test_depthwise",
    )
]  # fmt: skip
ASSEMBLY = """
import importlib, sys
from darknetpy.kernels.simd import accumulators
module, name = sys.argv[1].split(":")
assert accumulators() == int(sys.argv[2]), accumulators()
print(getattr(importlib.import_module(module), name)._compiled._library.get_asm_str())
"""


class Cpu(NamedTuple):
    """A kind of CPU: LLVM's name, its instruction sets, and the sums that its registers hold."""

    name: str
    features: tuple[str, ...]
    accumulators: int


BASELINE = ("cx16", "cmov", "mmx", "fxsr", "sse", "sse2")
CPUS = {
    "avx2": Cpu(
        "haswell",
        (*BASELINE, "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "fma", "bmi", "bmi2", "lzcnt"),
        6,
    ),
    "sse2": Cpu("x86-64", BASELINE, 2),
}


@pytest.fixture(params=CPUS)
def cpu(request: pytest.FixtureRequest) -> Cpu:
    """One of them, if this computer can run its instructions."""
    chosen = CPUS[request.param]
    here = binding.get_host_cpu_features()
    if platform.machine() not in ("x86_64", "AMD64") or not all(here.get(feature) for feature in chosen.features):
        pytest.skip(f"this CPU cannot run what is compiled for {chosen.name}")
    return chosen


def run(cpu: Cpu, kept: Path, *arguments: str) -> str:
    """What Python prints when it compiles for that CPU."""
    environment = {
        **os.environ, "NUMBA_CPU_NAME": cpu.name, "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name in cpu.features),
        "NUMBA_CACHE_DIR": str(kept), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return done.stdout


@pytest.mark.slow
def test_every_operation_agrees_with_the_plain_form(cpu: Cpu, request: pytest.FixtureRequest) -> None:
    assert request.config.cache is not None
    kept = Path(request.config.cache.mkdir("kernels"))
    kept.chmod(0o700)
    output = run(cpu, kept, "-m", "pytest", "-q", "-p", "no:cacheprovider", *EVERY_OPERATION)
    assert output.count(".") > 100


def functions(assembly: str) -> Iterator[tuple[str, list[str]]]:
    """Each function's name and the instructions of the block with most arithmetic: its innermost loop."""
    for part in re.split(r"^(?=[A-Za-z_]\w*:)", assembly, flags=re.MULTILINE):
        blocks = re.split(r"^\.L\w+:", part, flags=re.MULTILINE)
        hot = max(blocks, key=lambda block: len(re.findall(r"\tv?(?:fmadd\d*|mul|add)ps", block)))
        yield part.partition(":")[0], hot.splitlines()


def on_the_stack(instructions: list[str]) -> list[str]:
    """Those that load or store vectors there."""
    return [line for line in instructions if re.search(r"\(%r[sb]p\)", line) and "mm" in line.partition("\t")[2]]


def test_sums_of_tiles_stay_in_registers(cpu: Cpu, tmp_path: Path) -> None:
    assembly = run(cpu, tmp_path, "-c", ASSEMBLY, "darknetpy.kernels.tiles:run_tiles", str(cpu.accumulators))
    tiles = {name: hot for name, hot in functions(assembly) if name.startswith("tile_") and "planar" not in name}
    assert f"tile_{cpu.accumulators}x1" in tiles
    for name, hot in tiles.items():
        assert len(hot) > 10
        assert not on_the_stack(hot), name


def test_sums_of_depthwise_rows_stay_in_registers(cpu: Cpu, tmp_path: Path) -> None:
    assembly = run(cpu, tmp_path, "-c", ASSEMBLY, "darknetpy.kernels.depthwise:filter_row", str(cpu.accumulators))
    rows = {name: hot for name, hot in functions(assembly) if re.match(r"depthwise_1_[35]_", name)}
    assert len(rows) >= 4
    for name, hot in rows.items():
        assert len(on_the_stack(hot)) <= 0.03 * len(hot), name
