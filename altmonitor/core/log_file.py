"""The last of the log beside the database, so that a report about trouble can hold it wherever the monitor ran."""

from __future__ import annotations

import logging
import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from altmonitor.core.files import open_private

LOG_BYTES: Final = 256_000
"""Of one of the two files, the running one and the one before."""


class _RecentLog(RotatingFileHandler):
    """For its owner alone, through no link; what cannot be written is left out, it went to stderr all the same."""

    def _open(self) -> TextIOWrapper:
        descriptor = open_private(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND)
        return open(descriptor, "a", encoding="utf-8", errors="replace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 — the library's name
        """Nothing: a full disk must not fill stderr, too."""


def log_beside(database: Path) -> Path:
    return database.with_name(f"{database.name}.log")


def keep_log(database: Path) -> None:
    """What is logged from now on also goes into a file, as the first handler formats it."""
    root = logging.getLogger()
    handler = _RecentLog(log_beside(database), maxBytes=LOG_BYTES, backupCount=1, delay=True)
    handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)


def kept_lines(database: Path) -> list[str]:
    """Oldest → newest, of both files; empty where nothing was kept."""
    path = log_beside(database)
    lines: list[str] = []
    for file in (path.with_name(f"{path.name}.1"), path):
        try:
            lines += file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
    return lines
