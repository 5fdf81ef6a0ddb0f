"""The project's files as data, for the tests that read them."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Source(NamedTuple):
    """A Python file of the project, parsed; ``path`` is relative to the project."""

    path: str
    text: str
    tree: ast.Module


class Import(NamedTuple):
    """``module`` imports ``target``, both without the leading ``darknetpy.``."""

    module: str
    target: str
    line: int
    for_types_only: bool


@cache
def files() -> list[Path]:
    """Every file of the project that .gitignore does not leave out."""
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split())]

    def walk(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored):
                continue
            if path.is_dir():
                yield from walk(path)
            else:
                yield path

    return list(walk(ROOT))


@cache
def sources() -> list[Source]:
    """Every Python file of the project."""
    return [
        Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text, str(path)))
        for path in files()
        if path.suffix == ".py" or path == ROOT / "tools" / "check"
        for text in [path.read_text("utf-8")]
    ]


@cache
def package() -> dict[str, Source]:
    """The package's modules by name without ``darknetpy.``: ``layers.maxpool``, ``layers``, ``__init__``."""
    return {
        source.path.removeprefix("darknetpy/").removesuffix(".py").removesuffix("/__init__").replace("/", "."): source
        for source in sources()
        if source.path.startswith("darknetpy/")
    }


def imports(module: str, source: Source) -> Iterator[Import]:
    """What a module imports of this package, anywhere in its text."""
    for_types = {
        inner
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    statements = (node for node in ast.walk(source.tree) if isinstance(node, ast.Import | ast.ImportFrom))
    for node in statements:
        for name in _imported_modules(node):
            outer, _, target = name.partition(".")
            if outer == "darknetpy":
                yield Import(module, target or "__init__", node.lineno, node in for_types)


def _imported_modules(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Full names of the modules that a statement imports, or imports names from.

    The version stands in the package's own ``__init__``, which is there before any room: it belongs to no floor.
    """
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    assert not node.level, f"line {node.lineno}: write the import with its full name"
    module = node.module or ""
    names = {f"{module}.{alias.name}" for alias in node.names} - {"darknetpy.__version__"}
    return {name if name.removeprefix("darknetpy.") in package() else module for name in names}


def room(module: str) -> str:
    """The room that a module belongs to."""
    return module.split(".")[0]


def every_import() -> Iterator[Import]:
    """All imports between the package's modules."""
    for module, source in package().items():
        yield from imports(module, source)


class PublicThing(NamedTuple):
    """A module, class, function or method that others may use, and whether a docstring describes it."""

    name: str
    line: int
    described: bool


def public_things(source: Source) -> Iterator[PublicThing]:
    """The public module, classes, functions and methods of a file. A method may inherit its docstring."""
    yield PublicThing("the module", 1, bool(ast.get_docstring(source.tree)))
    for node in source.tree.body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        yield PublicThing(node.name, node.lineno, bool(ast.get_docstring(node)))
        for method in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(method, ast.FunctionDef) and not method.name.startswith("_") and not _repeats(method):
                described = ast.get_docstring(method) or _inherits_docstring(node.name, method.name)
                yield PublicThing(f"{node.name}.{method.name}", method.lineno, bool(described))


def _repeats(method: ast.FunctionDef) -> bool:
    """Whether it is an overload or the setter of a property: another definition has the docstring."""
    return any(ast.unparse(decorator).endswith(("overload", ".setter")) for decorator in method.decorator_list)


@cache
def _classes() -> dict[str, tuple[set[str], set[str]]]:
    """Class name -> names of its base classes, and of its methods that have a docstring."""
    return {
        node.name: (
            {ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases},
            {method.name for method in node.body if isinstance(method, ast.FunctionDef) and ast.get_docstring(method)},
        )
        for source in package().values()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    }


def _inherits_docstring(class_name: str, method: str) -> bool:
    """Whether a base class within the package describes the method."""
    bases, _ = _classes().get(class_name, (set(), set()))
    return any(
        base in _classes() and (method in _classes()[base][1] or _inherits_docstring(base, method)) for base in bases
    )
