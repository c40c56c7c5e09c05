"""Files that are whole or not there, and that nobody else on the machine can read or lead astray."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600
_OTHERS = 0o077
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def write_atomically(path: Path, content: bytes) -> None:
    """Readers see the old content or the new, never a part, also after a power cut. Raises: OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def open_private(path: Path, flags: int) -> int:
    """A descriptor of one of our small files, made when it is not there, and readable by nobody else.

    It is written over without a look at what it holds, so no link in its place is followed, be it symbolic or hard.
    Raises: OSError.
    """
    handle = os.open(path, flags | os.O_CREAT | _CAREFULLY, PRIVATE)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(handle)
        raise OSError(errno.EMLINK, "it is no file, or a second name of another one")
    close_to_others(path)
    return handle


def read_regular(path: Path) -> bytes:
    """What is in a file; a pipe in its place holds nobody up. Raises: OSError."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        return file.read()


def make_private(path: Path) -> None:
    """An empty file that nobody else can read, unless something is there already. Raises: OSError.

    A link that leads nowhere is not followed: somebody may have laid it so that we make a file where he cannot. One
    that belongs to somebody else is followed in no case.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CAREFULLY, PRIVATE))
    except FileExistsError:
        found = os.lstat(path)
        if not stat.S_ISLNK(found.st_mode):
            return
        if hasattr(os, "geteuid") and found.st_uid not in (0, os.geteuid()):
            raise OSError(errno.ELOOP, "it is a link that belongs to another user") from None
        if not path.exists():
            raise OSError(errno.ELOOP, f"it is a link that leads nowhere, to {os.readlink(path)}") from None


def close_to_others(path: Path, *, keep_group: bool = False) -> bool:
    """Takes the rights of other users away from a file of ours; True when there were any. Never raises.

    keep_group: a group that is not this user's own was given rights on purpose.
    """
    with suppress(OSError):
        found = os.stat(path)
        if not hasattr(os, "geteuid") or found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode):
            return False
        taken = _OTHERS & ~0o070 if keep_group and found.st_gid != os.getegid() else _OTHERS
        if found.st_mode & taken:
            os.chmod(path, stat.S_IMODE(found.st_mode) & ~taken)
            return True
    return False


def close_database_to_others(path: Path) -> None:
    """A database with its log, its lock, its copies from before a migration and what was set aside. Never raises."""
    close_to_others(path)
    for pattern in ("-wal", "-shm", "-journal", ".lock", ".seen", ".before-v*", ".corrupt-*"):
        for companion in path.parent.glob(f"{_literal(path.name)}{pattern}"):
            if not companion.is_symlink():
                close_to_others(companion)


def _literal(name: str) -> str:
    """For a glob."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
