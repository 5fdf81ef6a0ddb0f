"""Where vectors cannot be compiled the plain form answers, with one warning."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import darknetpy
from darknetpy import network
from darknetpy.engine.program import Program
from darknetpy.errors import DarknetpyError, DarknetpyWarning
from darknetpy.kernels import CompiledFunction, available

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import warnings
import numpy as np
import darknetpy
net = darknetpy.load("mnist", "mnist")
batch = np.random.default_rng(0).random((2, 1, 28, 28), dtype=np.float32)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    first, second = net.predict(batch), net.predict(batch)
assert (first == net.predict(batch, engine=False)).all() and (first == second).all()
for warning in caught:
    print(warning.category.__name__, warning.message)
"""


@pytest.fixture
def fresh() -> Iterator[None]:
    """What was found out about this computer is forgotten before and after."""
    for cached in (available.obstacle, network._engine_runs):
        cached.cache_clear()
    yield
    for cached in (available.obstacle, network._engine_runs):
        cached.cache_clear()


def test_nothing_keeps_this_computer_from_it(fresh: None) -> None:
    assert available.obstacle() == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert network._engine_runs()


def test_with_numbas_compiler_switched_off_the_plain_form_answers() -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("DarknetpyWarning")
    assert "NUMBA_DISABLE_JIT" in line
    assert "plain form" in line


def test_where_compiling_fails_the_plain_form_answers(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: CompiledFunction) -> int:
        raise RuntimeError("Cannot select: fma\nand more")

    monkeypatch.setattr(CompiledFunction, "address", property(fail))
    net = darknetpy.load("mnist", "mnist")
    batch = np.zeros((1, 1, 28, 28), np.float32)
    with pytest.warns(DarknetpyWarning, match=r"cannot be compiled on this computer \(Cannot select: fma\)"):
        found = net.predict(batch)
    np.testing.assert_array_equal(found, net.predict(batch, engine=False))
    with pytest.raises(DarknetpyError, match="plain form"):
        Program(net.graph)


def test_wrong_numbers_are_noticed(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(available.ctypes, "CFUNCTYPE", lambda *_: lambda _address: lambda *_addresses: None)
    assert "wrong numbers" in available.obstacle()
