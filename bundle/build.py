"""`make mcpb`: one file that AI clients open to install the server: dist/altmonitor-<version>.mcpb.

A zip of the package, a manifest made of the table of operations, and a project file from which the client's runtime
installs what is needed.
"""

from __future__ import annotations

import json
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from altmonitor import __version__  # noqa: E402
from altmonitor.mcp.server import WHALE_COST  # noqa: E402
from altmonitor.operations.table import OPERATIONS  # noqa: E402

LEFT_OUT = ("__pycache__", "sim")
MOMENT = (2026, 1, 1, 0, 0, 0)
"""The same content is the same file."""


def manifest(project: dict[str, Any]) -> dict[str, Any]:
    return {
        "manifest_version": "0.4",
        "name": "altmonitor",
        "display_name": "altmonitor",
        "version": __version__,
        "description": "Who is positioned in Binance USDT perpetuals, what a monitor raised and why. Data, no advice.",
        "author": {"name": "altmonitor contributors"},
        "license": "MIT",
        "keywords": project["keywords"],
        "server": {
            "type": "uv",
            "entry_point": "server.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "server.py"],
                "env": {"ALTMONITOR_FOLDER": "${user_config.folder}"},
            },
        },
        "tools": [{"name": row.name, "description": row.summary} for row in OPERATIONS if row.tool and not row.writes],
        "prompts": [
            {
                "name": WHALE_COST.name,
                "description": WHALE_COST.description,
                "arguments": ["symbol"],
                "text": "At which prices are the whales of ${arguments.symbol} positioned, and what does holding cost?",
            }
        ],
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": project["requires-python"]},
        },
        "user_config": {
            "folder": {
                "type": "directory",
                "title": "Folder of a monitor",
                "description": "Where altmonitor keeps .env, alerts.db and snapshots. Leave it empty without one.",
                "required": False,
            }
        },
    }


def project_file(project: dict[str, Any]) -> str:
    needed = [*project["dependencies"], *project["optional-dependencies"]["mcp"]]
    lines = "".join(f"    {json.dumps(one)},\n" for one in needed)
    return (
        f'[project]\nname = "altmonitor-bundle"\nversion = "{__version__}"\n'
        f'requires-python = "{project["requires-python"]}"\ndependencies = [\n{lines}]\n\n[tool.uv]\npackage = false\n'
    )


def sources() -> Iterator[Path]:
    """What the server needs of the package, in a fixed order."""
    for path in sorted((ROOT / "altmonitor").rglob("*")):
        inside = path.relative_to(ROOT / "altmonitor").parts
        if path.is_file() and not set(inside) & set(LEFT_OUT):
            yield path


def build(target: Path) -> Path:
    """target: the folder it is written to."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    target.mkdir(parents=True, exist_ok=True)
    file = target / f"altmonitor-{__version__}.mcpb"
    texts = {
        "manifest.json": json.dumps(manifest(project), indent=2, ensure_ascii=False) + "\n",
        "pyproject.toml": project_file(project),
        "server.py": (ROOT / "bundle/server.py").read_text("utf-8"),
        "LICENSE": (ROOT / "LICENSE").read_text("utf-8"),
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            _add(archive, name, text.encode())
        for path in sources():
            _add(archive, path.relative_to(ROOT).as_posix(), path.read_bytes())
    return file


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, MOMENT)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    archive.writestr(entry, content)


if __name__ == "__main__":
    made = build(ROOT / "dist")
    print(f"{made.relative_to(ROOT)} ({made.stat().st_size // 1024} kB)")  # noqa: T201
