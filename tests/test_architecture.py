"""Which package may import which, and that only core/clock.py asks for the time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import altmonitor

ROOT = Path(altmonitor.__file__).parent
LOOSE = {"__init__.py", "__main__.py", "config.py"}
PACKAGES = [
    *(
        "market",
        "core",
        "positioning",
        "scores",
        "settings",
        "config",
        "interfaces",
        "sim",
        "detectors",
        "exchanges",
        "collect",
    ),
    *(
        "tracker",
        "commands",
        "engine",
        "storage",
        "replay",
        "render",
        "operations",
        "delivery",
        "web",
        "mcp",
        "telegram",
        "app",
        "ops",
    ),
    "cli",
]
"""Each may import those before it and itself. `config` is one module that is its own package."""

PURE = {"market", "positioning", "scores", "settings", "detectors"}
IMPURE = {"asyncio", "aiohttp", "websockets", "telegram", "aiosqlite", "sqlite3", "logging", "time", "socket"}
FILES = (".py", ".db", ".json", ".jinja")
TIME_CALLS = {"time.time", "time.monotonic", "time.time_ns", "time.perf_counter", "datetime.now", "datetime.utcnow"}


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path.relative_to(ROOT): ast.parse(path.read_text("utf-8")) for path in sorted(ROOT.rglob("*.py"))}


def imported(tree: ast.Module) -> Iterator[str]:
    """Full names; of `from package import name` both could be modules, so that is `package.name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names)


def test_imports_go_down_the_list_of_packages(trees: dict[Path, ast.Module]) -> None:
    wrong = []
    for path, tree in trees.items():
        package = path.parts[0].removesuffix(".py")
        if len(path.parts) == 1 and path.name not in LOOSE:
            wrong.append(f"{path} lies in no package")
        elif len(path.parts) > 1 and package not in PACKAGES:
            wrong.append(f"{path}: {package} is not in the list of packages")
        if path.name == "__main__.py" or path == Path("__init__.py"):  # the program; what a library offers
            continue
        for name in imported(tree):
            top, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if name.startswith("."):
                wrong.append(f"{path} imports relatively")
            elif top == "altmonitor" and other in PACKAGES and PACKAGES.index(other) > PACKAGES.index(package):
                wrong.append(f"{path} imports {name}, which lies above it")
            elif package in PURE and top in IMPURE:
                wrong.append(f"{path} imports {name}, but {package} is pure")
    assert wrong == []


def test_what_all_venues_share_knows_none_of_them(trees: dict[Path, ast.Module]) -> None:
    shared, venues = ("rest", "ws"), [folder.name for folder in (ROOT / "exchanges").iterdir() if folder.is_dir()]
    wrong = [
        f"{path} imports {name}"
        for path, tree in trees.items()
        if path.parts[:1] == ("exchanges",) and path.parts[1] in shared
        for name in imported(tree)
        for venue in venues
        if venue not in shared and (name + ".").startswith(f"altmonitor.exchanges.{venue}.")
    ]
    assert wrong == []


def test_only_the_clock_asks_for_the_time(trees: dict[Path, ast.Module]) -> None:
    asked = []
    for path, tree in trees.items():
        if path == Path("core/clock.py"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = f"{ast.unparse(node.func.value)}.{node.func.attr}"
                if name in TIME_CALLS:
                    asked.append(f"{path}:{node.lineno} {name}")
    assert asked == []


def test_two_classes_never_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_docstrings_name_only_modules_classes_and_functions_that_there_are(trees: dict[Path, ast.Module]) -> None:
    """`module.name` and `Class.method` in backticks: a renamed one leaves a docstring that leads nowhere."""
    there = {path.stem for path in trees} | {folder.name for path in trees for folder in path.parents}
    told = []
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                there.add(node.name)
            elif isinstance(node, ast.Name | ast.Attribute | ast.arg | ast.keyword | ast.alias):
                there |= {str(value) for _, value in ast.iter_fields(node) if isinstance(value, str)}
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found = re.findall(r"`([A-Za-z_]+(?:\.[A-Za-z_]+)+)`", ast.get_docstring(node) or "")
                told += [(str(path), name) for name in found if not name.endswith(FILES) and not name.isupper()]
    assert [(path, name) for path, name in told if not set(name.split(".")) <= there] == []
