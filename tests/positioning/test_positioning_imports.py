"""The library can be imported for itself: no loop, no network, no database, nothing started."""

from __future__ import annotations

import subprocess
import sys

ALL_OF_IT = """
import importlib, pkgutil, sys
import altmonitor.positioning as room
for module in pkgutil.iter_modules(room.__path__, "altmonitor.positioning."):
    importlib.import_module(module.name)
print(sorted({"asyncio", "aiohttp", "sqlite3", "aiosqlite", "socket", "telegram", "websockets"} & set(sys.modules)))
"""


def test_importing_all_of_it_loads_nothing_that_could_reach_outside() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", ALL_OF_IT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
