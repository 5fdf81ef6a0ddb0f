"""What gets installed: the wheel's contents, and that networks we ship are found after both kinds of installation."""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from darknetpy.config.shipped import shipped_networks
from tests.source_code import ROOT

INGREDIENTS = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "darknetpy", "cfg", "weights")

FOUND = """
import json, sys
from darknetpy.config.shipped import shipped_networks
print(json.dumps({name: [str(path) for path in (network.cfg, network.weights, network.names) if path]
                  for name, network in shipped_networks().items()}))
"""


def setup() -> configparser.ConfigParser:
    """setup.cfg as data."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def build(hook: str, folder: Path) -> Path:
    """Copy the project (building leaves files behind), build a wheel by a hook of setuptools, and unpack it."""
    project, site = folder / "project", folder / "site"
    project.mkdir()
    for name in INGREDIENTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, project)
    code = f"import setuptools.build_meta, sys; print(setuptools.build_meta.{hook}(sys.argv[1]), file=sys.stderr)"
    built = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=project, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    return site


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that an installation fills."""
    return build("build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def metadata(installed: Path) -> Message:
    """What the wheel says about itself."""
    (path,) = installed.glob("*.dist-info/METADATA")
    return Parser().parsestr(path.read_text("utf-8"))


def relative_files(folder: Path, *patterns: str) -> set[str]:
    """Files below a folder, relative to it."""
    return {path.relative_to(folder).as_posix() for pattern in patterns for path in folder.rglob(pattern)}


def shipped_after(preparation: str) -> dict[str, list[str]]:
    """Files of the shipped networks as a Python without any other packages finds them."""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", preparation + FOUND], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def check_networks(found: dict[str, list[str]], root: Path) -> None:
    """Every network of the project is found below ``root``, with weights and names where the project has them."""
    assert set(found) == {path.stem for path in (ROOT / "cfg").glob("*.cfg")}
    assert found, "the project ships a network"
    for name, paths in found.items():
        here = shipped_networks()[name]
        assert len(paths) == sum(path is not None for path in (here.cfg, here.weights, here.names))
        for path in map(Path, paths):
            assert path.is_relative_to(root)
            assert path.read_bytes() == (ROOT / path.parent.name / path.name).read_bytes()


@pytest.mark.quick
def test_every_folder_of_the_package_is_listed() -> None:
    listed = set(setup()["options"]["packages"].split())
    folders = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in (ROOT / "darknetpy").rglob("__init__.py")
    }
    with_code = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in (ROOT / "darknetpy").rglob("*.py")
    }
    assert with_code == folders, "a folder of modules needs an __init__.py"
    assert listed == folders | {"darknetpy.shipped.cfg", "darknetpy.shipped.weights"}, "see packages in setup.cfg"


def test_the_wheel_holds_every_module_and_every_network(installed: Path) -> None:
    modules = relative_files(ROOT / "darknetpy", "*.py", "*.html", "py.typed")
    patterns = ("cfg/*.cfg", "cfg/*.names", "weights/*.weights")
    networks = {f"shipped/{path.parent.name}/{path.name}" for pattern in patterns for path in ROOT.glob(pattern)}
    assert relative_files(installed / "darknetpy", "*.*") == modules | networks


def test_the_wheel_says_what_it_is(metadata: Message, installed: Path) -> None:
    assert metadata["Name"] == "darknetpy-numba"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "MIT" in (metadata["License"] or metadata["License-Expression"])
    extras = {"plot", "onnx", "safetensors", "coco", "ray", "dask", "mpi", "test", "bench"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra" not in line]
    assert sorted(line.split(">")[0] for line in required) == ["iniconfig", "numba", "numpy", "pillow", "rich"]
    (commands,) = installed.glob("*.dist-info/entry_points.txt")
    assert "darknetpy = darknetpy.cli.main:main" in commands.read_text("utf-8")
    assert list(installed.glob("*.dist-info/**/LICENSE"))


def test_networks_are_found_after_an_installation(installed: Path) -> None:
    found = shipped_after(f"import sys; sys.path.insert(0, {str(installed)!r})")
    check_networks(found, installed / "darknetpy" / "shipped")


def test_networks_are_found_after_an_editable_installation(tmp_path: Path) -> None:
    site = build("build_editable", tmp_path)
    found = shipped_after(f"import site; site.addsitedir({str(site)!r})")
    check_networks(found, tmp_path / "project")
