"""The direction of imports: pure ◀ monitor, delivery, replay ◀ I/O ◀ app ◀ cli, and only clock.py asks for the time."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import altmonitor

ROOT = Path(altmonitor.__file__).parent
PURE = {"market", "detectors", "positioning", "control"}
MIDDLE = {"monitor", "delivery", "replay"}
OUTSIDE = {"exchanges", "chat", "storage", "web", "sim", "mcp_server"}
ON_TOP = {"app", "cli", "ops"}
OF_THE_OUTSIDE_WORLD = {"asyncio", "aiohttp", "websockets", "telegram", "aiosqlite", "sqlite3", "logging", "time"}
FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def rooms_of(path: Path) -> set[str]:
    return {parts[1] for name in imports_of(path) if (parts := name.split("."))[0] == "altmonitor" and len(parts) > 1}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_inwards(path: Path) -> None:
    room = path.parts[0]
    rooms = rooms_of(path) - {room}
    if room in PURE:
        assert not rooms & (MIDDLE | OUTSIDE | ON_TOP | {"clock"})
        assert not {name.split(".")[0] for name in imports_of(path)} & OF_THE_OUTSIDE_WORLD
    elif room in MIDDLE:
        assert not rooms & (OUTSIDE | ON_TOP)
    elif room in OUTSIDE:
        assert not rooms & ((OUTSIDE - {room}) | ON_TOP)


@pytest.mark.parametrize("path", [path for path in FILES if path != Path("clock.py")], ids=str)
def test_only_the_clock_asks_for_the_time(path: Path) -> None:
    asked = []
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = f"{ast.unparse(node.func.value)}.{node.func.attr}"
            if name in {"time.time", "time.monotonic", "time.time_ns", "datetime.now", "datetime.utcnow"}:
                asked.append(f"{path}:{node.lineno} {name}")
    assert asked == []
