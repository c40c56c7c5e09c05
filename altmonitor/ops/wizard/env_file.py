"""Changing a few values of `.env` and nothing else: comments, order, spelling and line ends of the rest stay.

Read by the same parser that `config.py` uses, so that what is written here is what the monitor reads.
"""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from altmonitor.core.env_file import BOM, read_env_text
from altmonitor.core.errors import ConfigError
from altmonitor.core.files import PRIVATE, write_atomically

_BARE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*", re.ASCII)
# A line as python-dotenv reads it: `export`, name, value (quoted ones may hold line breaks), comment, end.
_LINE = re.compile(
    r"""(?P<before>\s*(?:export[^\S\r\n]+)?) (?:'[^']+'|[^=\#\s]+) [^\S\r\n]*
        (?: =[^\S\r\n]* (?: (?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*") (?P<behind>[^\S\r\n]*\#[^\r\n]*)?
                         | [^\r\n]*? (?P<comment>[^\S\r\n]+\#[^\r\n]*)? )
             | (?P<remark>\#[^\r\n]*) )?
        [^\S\r\n]* (?P<end>\r\n|\n|\r|)""",
    re.VERBOSE,
)


def values(text: str) -> dict[str, str]:
    """Name → value as the monitor reads it: of several lines with one name the last counts, a bare name for none; every
    line break within quotes, of a value or of a name, is \\n."""
    last = {_as_read(binding.key): binding.value for binding in _bindings(text) if binding.key}
    return {name: _as_read(value) for name, value in last.items() if value is not None}


def edited(text: str, changes: Mapping[str, str]) -> str:
    """`text` with these values: in place where the name stands (its last line counts), new ones at the end.

    Raises ValueError for a value with a line break or a NUL, which no reader of such files would read alike, and for a
    text in which an open quote swallows what stands behind it.
    """
    for name, value in changes.items():
        if re.search(r"[\r\n\0]", value):
            raise ValueError(f"{name} must stand on one line")
    bom = BOM if text.startswith(BOM) else ""
    bindings = _bindings(text)
    last = {binding.key: at for at, binding in enumerate(bindings) if binding.key in changes}
    body = "".join(
        _replaced(binding, changes) if last.get(binding.key) == at else binding.original.string
        for at, binding in enumerate(bindings)
    )
    end = "\r\n" if "\r\n" in text else "\n"
    new = "".join(f"{name}={quoted(value)}{end}" for name, value in changes.items() if name not in last)
    gap = end if new and body and not body.endswith(("\n", "\r")) else ""
    wanted = {**values(text), **changes}
    for result in (body + gap + new, new + body):  # a quote somebody left open reaches for what comes behind it
        if values(result) == wanted:
            return bom + result
    raise ValueError("a quote is opened and not closed")


def quoted(value: str) -> str:
    """As python-dotenv, docker compose and systemd all read it: bare where that is safe, else in single quotes."""
    if _BARE.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """backup: where the file as it was before is; None when there was none, or nothing was to be changed."""

    is_changed: bool
    backup: Path | None = None


def write(path: Path, changes: Mapping[str, str]) -> Written:
    """Whole or not at all, readable by nobody else from its first byte; the old file is kept beside it as private.

    A symbolic link stays one. Raises ConfigError with one line that says the way out.
    """
    real = Path(os.path.realpath(path))
    before = read_env_text(real)
    try:
        after = edited(before, changes)
    except ValueError as problem:
        raise ConfigError([f"{path} cannot be changed ({problem}): correct that line, or move the file away"]) from None
    had_file = real.exists()
    try:
        if had_file and after == before:
            real.chmod(PRIVATE)
            return Written(is_changed=False)
        backup = real.with_name(f"{real.name}.bak") if had_file else None
        if backup is not None:
            write_atomically(backup, before.encode())
        write_atomically(real, after.encode())
        _sync(real.parent)
    except OSError as problem:
        raise ConfigError([f"{path} cannot be written ({problem.strerror}): {_way_out(problem)}"]) from problem
    return Written(is_changed=True, backup=backup)


def _as_read(quoted_text: str) -> str:
    return re.sub(r"\r\n|\r", "\n", quoted_text)


def _bindings(text: str) -> list[Binding]:
    return list(parse_stream(io.StringIO(text.removeprefix(BOM), newline="")))


def _replaced(binding: Binding, changes: Mapping[str, str]) -> str:
    """The same line with its new value: what stands before the name and a comment behind the value stay."""
    name = binding.key or ""
    value, line = changes[name], _LINE.fullmatch(binding.original.string)
    if value == binding.value or line is None:
        return binding.original.string
    comment = line["behind"] or line["comment"] or line["remark"] or ""
    gap = " " if comment.startswith("#") else ""
    return f"{line['before']}{name}={quoted(value)}{gap}{comment}{line['end']}"


def _sync(folder: Path) -> None:
    """Without it the rename itself may be lost when the power goes; not every disk can do it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _way_out(problem: OSError) -> str:
    match problem.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "free some space and run this again; the file is as it was"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return "make its folder writable for this user, or name another file with --env-file"
        case errno.EBUSY:
            return "it is mounted as a single file; mount its folder instead"
        case errno.ENOENT | errno.ENOTDIR:
            return "its folder does not exist; create it"
        case _:
            return "run this again when it is solved; the file is as it was"
