"""Which package may import which, and that only core/clock.py asks for the time."""

from __future__ import annotations

import ast
from pathlib import Path

import altmonitor

ROOT = Path(altmonitor.__file__).parent
TIME_CALLS = {"time.time", "time.monotonic", "time.time_ns", "time.perf_counter", "datetime.now", "datetime.utcnow"}


def trees() -> dict[Path, ast.Module]:
    return {path.relative_to(ROOT): ast.parse(path.read_text("utf-8")) for path in sorted(ROOT.rglob("*.py"))}


def test_only_the_clock_asks_for_the_time() -> None:
    asked = []
    for path, tree in trees().items():
        if path == Path("core/clock.py"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = f"{ast.unparse(node.func.value)}.{node.func.attr}"
                if name in TIME_CALLS:
                    asked.append(f"{path}:{node.lineno} {name}")
    assert asked == []
