"""One program per database: two would send everything twice and could damage the file."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from altmonitor.core.errors import StorageError

if sys.platform != "win32":
    import fcntl


class FileLock:
    """Held from construction until `release`, or until the process ends in any way (kill −9 included).

    A file beside the database and not the database itself: closing any handle of that one would drop SQLite's own
    locks on it. variable: the setting that names the database, for the texts.

    Raises:
        StorageError: another process holds it; the text names the database and that process.
    """

    def __init__(self, database: Path, *, variable: str = "DB_FILE") -> None:
        self._handle: int | None = None
        path = database.with_name(database.name + ".lock")
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as problem:
            raise StorageError(
                f"{path} cannot be written ({problem.strerror}): make its directory writable, "
                f"or set {variable} elsewhere"
            ) from problem
        try:
            _take(handle, database, variable)
        except BaseException:
            os.close(handle)
            raise
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _take(handle: int, database: Path, variable: str) -> None:
    if sys.platform == "win32":  # no flock there: the rule is the operator's
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        # A file system without locks (some network mounts) must not keep the monitor from running.
        if problem.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return
        holder = os.read(handle, 20).decode(errors="replace").strip() or "unknown"
        raise StorageError(
            f"{database} is in use by another altmonitor (process {holder}): stop that one, or set another {variable}"
        ) from problem
