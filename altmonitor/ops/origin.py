"""How this altmonitor came here, and what its setup is called there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import altmonitor

WIZARD = "setup_wizard.py"


class Origin(Enum):
    CLONE = "clone"
    PACKAGE = "package"
    CONTAINER = "container"


def origin(environ: Mapping[str, str], source: Path | None = None) -> Origin:
    """source: the folder the package lies in; None for this one's."""
    if environ.get("ALTMONITOR_IN") == "container":
        return Origin.CONTAINER
    folder = Path(altmonitor.__file__).parent.parent if source is None else source
    return Origin.CLONE if (folder / WIZARD).is_file() else Origin.PACKAGE


def setup_command(environ: Mapping[str, str] | None = None, source: Path | None = None) -> str:
    """As a person types it; in a container on the machine around it."""
    found = origin(os.environ if environ is None else environ, source)
    return "altmonitor setup" if found is Origin.PACKAGE else f"python3 {WIZARD}"
