"""The rows WGT-... of the catalogue of bad inputs that are about files to write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from darknetpy.errors import WeightsError
from darknetpy.weights.reader import read_weights
from darknetpy.weights.writer import write_weights
from tests.source_code import ROOT
from tests.weights.catalogue import row, save
from tests.weights.networks import base_file, filled, graph_of

KILLED_WHILE_WRITING = """
import os, sys
from darknetpy.weights.writer import write_weights
from tests.weights.networks import base_file, graph_of
from darknetpy.graph import initial_weights

def wait_to_be_killed(descriptor):
    print("written", flush=True)
    sys.stdin.read()

graph = graph_of()
initial_weights(graph)
os.fsync = wait_to_be_killed
write_weights(sys.argv[1], graph)
"""


def refusal(path: str | os.PathLike[str]) -> WeightsError:
    graph = graph_of()
    read_weights(base_file(), graph)
    with pytest.raises(WeightsError) as caught:
        write_weights(path, graph)
    assert caught.value.path == os.fspath(path)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("name", [row(52, "missing/out.weights")])
def test_a_missing_folder_is_reported(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name).found == "no such folder"


@pytest.mark.parametrize("name", [row(53, "out.weights")])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, name: str, files_of_10_kb_at_most: None) -> None:
    path = save(tmp_path, b"old", name)
    assert refusal(path).found.startswith("cannot write the file: ")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [row(53, "/dev/full")])
def test_a_device_is_not_replaced(name: str) -> None:
    assert refusal(name).found == "is not a regular file"


@pytest.mark.parametrize("name", [row(54, "out.weights")])
def test_a_directory_or_a_read_only_file_is_not_replaced(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, b"old", name)
    path.chmod(0o444)
    assert refusal(path).found == "the file is read-only"
    assert path.read_bytes() == b"old"
    assert refusal(tmp_path).found == "is a directory"


@pytest.mark.parametrize("name", [row(55, "out.weights")])
def test_a_program_killed_while_writing_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, b"old", name)
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_WRITING, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline().strip() == b"written"
    writer.kill()
    writer.communicate()
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    graph = graph_of()
    read_weights(base_file(), graph)
    write_weights(path, graph)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == base_file()


@pytest.mark.parametrize(
    "name",
    [row(56, "my best.weights"), row(56, "gewichte ä é 重み.weights"), row(56, "two\nlines.weights")],
)
def test_any_name_that_a_file_can_have_is_fine(tmp_path: Path, name: str) -> None:
    graph, again, path = graph_of(), graph_of(), tmp_path / name
    read_weights(base_file(), graph)
    write_weights(path, graph)
    assert read_weights(path, again).path == str(path)
    assert np.array_equal(filled(again), filled(graph))
    os.truncate(path, 100)
    with pytest.raises(WeightsError) as caught:
        read_weights(path, again)
    message = str(caught.value)
    assert name.replace("\n", "\\n") in message
    assert "\n" not in message
