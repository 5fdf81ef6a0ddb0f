"""The rules of the house, checked by reading the code. Each failure says what to do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import darknetpy
from darknetpy.config.net_options import NET_OPTIONS
from darknetpy.config.options import Option
from darknetpy.kernels import FAST_MATH, kernel
from darknetpy.layers.base import COMMON_OPTIONS
from darknetpy.layers.registry import layer_types
from tests.source_code import ROOT, every_import, files, package, public_things, room, sources

pytestmark = pytest.mark.quick

FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "dialect"),
    ("files",),
    ("config", "kernels"),
    ("layers", "images"),
    ("graph",),
    ("receptive_field", "adaptation", "detection", "classification"),
    ("weights",),
    ("engine",),
    ("summary", "answers"),
    ("network",),
    ("evaluation",),
    ("training", "explain", "convert", "cluster", "generation"),
    ("__init__",),
    ("compat",),
    ("cv2dnn", "darknet"),
    ("cli",),
    ("__main__",),
)
"""Rooms from the ground up. A room may use the rooms of the floors below it, not its neighbours and nothing above."""
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}
MAY_IMPORT = {room: {other for other in FLOOR_OF if FLOOR_OF[other] < FLOOR_OF[room]} for room in FLOOR_OF}

ENGINE_KNOWS_LAYERS_IN = {"engine/lower.py"}
"""Each layer type is lowered by one small function there, so that a new layer touches one module of the engine."""

MAXIMUM_LINES = 400
LONGER_FOR_A_REASON: dict[str, str] = {}
"""Path -> why this file has one subject although it is long."""
MAXIMUM_FUNCTION_LINES = 80
MAXIMUM_FILE_BYTES = 2 * 2**20
MEANINGLESS_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "stuff"}
PROPER_NAMES = {"Adam", "Adam's", "CUDA", "GPU", "Darknet", "Darknet's"}

COVERED_BY: dict[str, str] = {
    "darknetpy/compat/darknet_network.py": "tests/compat/test_darknet.py",
    "darknetpy/darknet.py": "tests/compat/test_darknet.py",
    "darknetpy/compat/opencv_dnn.py": "tests/compat/test_cv2dnn.py",
    "darknetpy/compat/opencv_errors.py": "tests/compat/test_opencv_readers.py",
    "darknetpy/cv2dnn.py": "tests/compat/test_cv2dnn.py",
    "darknetpy/layers/tape.py": "tests/layers/test_gradients.py",
    "darknetpy/kernels/fixed_point.py": "tests/compat/test_opencv_resize.py",
}
"""Modules without a test module of their own -> the test that covers them."""

WORDS_THAT_DO_NOT_BELONG = {
    "a path of somebody's machine": r"(?<![\w.~*])/(work|farm|root|home|Users|tmp)/\w",
    "a mark for unfinished work (finish it)": r"\b(TO[D]O|FIXM[E]|XX[X]|HAC[K])\b|NotImplemente[d]Error",
    "a package index (whoever installs chooses it)": r"py[p]i\.(org|python)|pythonhoste[d]|(extra-)?index-ur[l]",
}


def report(found: list[str], advice: str) -> None:
    """Fail with the list of places and what to do about them."""
    if found:
        pytest.fail("\n".join([advice, *(f"  {place}" for place in found)]), pytrace=False)


def test_every_room_has_a_floor() -> None:
    report(
        sorted({room(module) for module in package()} - set(FLOOR_OF)),
        "a new room: put it on a floor in FLOORS, and in the plan of the house in ARCHITECTURE.md",
    )


def test_rooms_import_only_rooms_below() -> None:
    wrong = [
        f"{package()[found.module].path}:{found.line}: {room(found.module)} imports {found.target}"
        for found in every_import()
        if room(found.target) not in {room(found.module), *MAY_IMPORT[room(found.module)]}
    ]
    report(wrong, "arrows point down: move what is needed to a lower room, or pass it in as an argument")


def test_only_the_lowering_knows_layer_types() -> None:
    wrong = [
        f"{package()[found.module].path}:{found.line}: imports {found.target}"
        for found in every_import()
        if room(found.module) == "engine"
        and room(found.target) == "layers"
        and package()[found.module].path.removeprefix("darknetpy/") not in ENGINE_KNOWS_LAYERS_IN
    ]
    report(wrong, "the engine knows layers through engine/lower.py only: pass numbers and arrays from there")


def test_no_modules_import_each_other_in_a_circle() -> None:
    targets: dict[str, set[str]] = {module: set() for module in package()}
    for found in every_import():
        if not found.for_types_only and found.target in targets and found.target != found.module:
            targets[found.module].add(found.target)
    circles: list[str] = []
    done: set[str] = set()

    def visit(module: str, way: list[str]) -> None:
        if module in way:
            circles.append(" -> ".join([*way[way.index(module) :], module]))
        elif module not in done:
            for target in sorted(targets[module]):
                visit(target, [*way, module])
            done.add(module)

    for module in sorted(targets):
        visit(module, [])
    report(circles, "modules import each other: move what both need to a module of its own")


def test_public_things_have_docstrings() -> None:
    missing = [
        f"{source.path}:{thing.line}: {thing.name}"
        for source in sources()
        if source.path.startswith("darknetpy/")
        for thing in public_things(source)
        if not thing.described
    ]
    report(missing, "say what it is or does (shapes, dtypes, units, what it raises), or make it private with _")


def test_exported_names_agree() -> None:
    tree = package()["__init__"].tree
    typed = {
        alias.asname or alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    served = {name: module for module, names in darknetpy._HOMES.items() for name in names}
    advice = "a public name stands in __all__, under TYPE_CHECKING and in _HOMES of darknetpy/__init__.py"
    assert set(darknetpy.__all__) == {*typed, "__version__"}, advice
    assert served == typed, advice
    assert darknetpy.__all__ == sorted(darknetpy.__all__), "keep __all__ in alphabetical order"
    assert set(dir(darknetpy)) == set(darknetpy.__all__), advice
    for name in darknetpy.__all__:
        assert getattr(darknetpy, name) is not None, name
    with pytest.raises(AttributeError):
        _ = darknetpy.no_such_name


def test_kernels_are_declared_in_one_way() -> None:
    compilers = {"jit", "njit", "vectorize", "guvectorize", "stencil", "cfunc", "CFunc", "prange"}
    wrong = []
    for module, source in package().items():
        if module == "kernels":
            continue
        for node in ast.walk(source.tree):
            names = {getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "arg", None)}
            names |= {alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)}
            if names & (compilers | {"fastmath"}):
                wrong.append(f"{source.path}:{getattr(node, 'lineno', 1)}: {', '.join(filter(None, names))}")
    report(wrong, "declare kernels with the decorators of darknetpy.kernels, which set flags and cache for all")


def test_kernels_keep_nan_and_infinity() -> None:
    assert not FAST_MATH & {"nnan", "ninf", "fast"}, "with these the compiler takes NaN and infinity for impossible"
    options = kernel(lambda x: x).dispatcher.targetoptions
    assert options["fastmath"] == FAST_MATH
    assert options["nogil"]
    assert options["error_model"] == "numpy"
    wrong = [
        f"{source.path}:{node.lineno}: {ast.unparse(node.value)}"
        for source in package().values()
        if source.path.startswith("darknetpy/kernels/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.keyword) and node.arg == "fastmath" and ast.unparse(node.value) != "set(FAST_MATH)"
    ]
    report(wrong, "write fastmath=set(FAST_MATH)")


def test_files_have_one_subject() -> None:
    lines = {source.path: source.text.count("\n") for source in sources()}
    long = [
        f"{path}: {count} lines" for path, count in lines.items() if count > MAXIMUM_LINES
        and path not in LONGER_FOR_A_REASON
    ]  # fmt: skip
    report(long, f"over {MAXIMUM_LINES} lines: find the second subject and give it a file")
    report([path for path in LONGER_FOR_A_REASON if lines.get(path, 0) <= MAXIMUM_LINES], "no reason needed any more")


def test_functions_fit_a_screen() -> None:
    long = [
        f"{source.path}:{node.lineno}: {node.name}, {length} lines"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef)
        for length in [(node.end_lineno or node.lineno) - node.lineno + 1]
        if length > MAXIMUM_FUNCTION_LINES
    ]
    report(long, f"over {MAXIMUM_FUNCTION_LINES} lines: name its parts and make functions of them")


def test_modules_are_named_after_their_subject() -> None:
    names = [source.path for source in sources() if Path(source.path).stem.strip("_") in MEANINGLESS_NAMES]
    report(names, "a name that says nothing: move the contents to where they are used, or name the subject")


def test_no_words_that_do_not_belong() -> None:
    wrong = []
    for path in files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            wrong += [
                f"{path.relative_to(ROOT)}:{number}: {what}: {line.strip()[:100]}"
                for what, pattern in WORDS_THAT_DO_NOT_BELONG.items()
                if re.search(pattern, line)
            ]
    report(wrong, "words that do not belong in the project")


def test_files_are_small() -> None:
    large = [f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes" for path in files()
             if path.stat().st_size > MAXIMUM_FILE_BYTES]  # fmt: skip
    report(large, f"over {MAXIMUM_FILE_BYTES} bytes: split it, compress it, or make it when it is needed")


def test_tests_mirror_the_package() -> None:
    missing = []
    for source in package().values():
        path = Path(source.path).relative_to("darknetpy")
        if path.name in {"__init__.py", "__main__.py"}:
            continue
        expected = f"tests/{path.with_name('test_' + path.name).as_posix()}"
        if not (ROOT / COVERED_BY.get(source.path, expected)).is_file():
            missing.append(f"{source.path}: no {COVERED_BY.get(source.path, expected)}")
    report(missing, "write the test module, or name the one that covers it in COVERED_BY")
    report(
        [f"{module}: {test}" for module, test in COVERED_BY.items() if not (ROOT / module).is_file()],
        "COVERED_BY names a module that is gone",
    )


def every_option() -> Iterator[tuple[str, Option]]:
    """Every declared option with the section that it belongs to."""
    yield from (("[net]", option) for option in NET_OPTIONS)
    yield from (("every section", option) for option in COMMON_OPTIONS)
    for layer in set(layer_types().values()):
        yield from ((f"[{layer.names[0]}]", option) for option in layer.declared_options)


def test_options_say_what_they_mean() -> None:
    wrong = [
        f"{section} {option.name}: {option.meaning!r}"
        for section, option in every_option()
        if not option.meaning
        or option.meaning.endswith(".")
        or "\n" in option.meaning
        or not (option.meaning[0].islower() or option.meaning.split()[0] in PROPER_NAMES)
    ]
    report(wrong, "a meaning is one line, begins in lower case (or with a name) and has no full stop")


def test_options_are_declared_once() -> None:
    twice = []
    for section in {section for section, _ in every_option()}:
        names = sorted(option.name for owner, option in every_option() if owner == section)
        twice += [f"{section} {name}" for name, following in pairwise(names) if name == following]
    report(sorted(twice), "declared twice in one section")


@pytest.mark.parametrize(
    "code",
    ["import darknetpy", "from darknetpy.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass"],
    ids=["import darknetpy", "darknetpy --help"],
)
def test_starting_imports_nothing_slow(code: str) -> None:
    slow = {"numpy", "numba", "llvmlite", "PIL", "rich"}
    code = f"import sys\n{code}\nprint(*sorted({slow} & set(sys.modules)), file=sys.stderr)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.split() == [], "import these late, inside the functions that need them"
