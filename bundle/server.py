"""Started by a client that opened the bundle: `altmonitor mcp` in the folder that was named, or in one of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """ALTMONITOR_FOLDER: where a monitor keeps .env and its databases; empty, or not filled in: ~/.altmonitor."""
    named = os.environ.get("ALTMONITOR_FOLDER", "")
    folder = Path(named) if named and not named.startswith("${") else Path.home() / ".altmonitor"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chdir(folder)
    sys.path.insert(0, str(HERE))
    sys.argv = ["altmonitor", "mcp", *sys.argv[1:]]
    from altmonitor.cli.main import main as altmonitor

    altmonitor()


if __name__ == "__main__":
    main()
