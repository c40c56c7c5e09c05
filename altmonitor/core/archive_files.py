"""The text of a file as exchanges publish them: plain, gzipped or zipped, told apart by what is in it."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

LONGEST_TEXT: Final = 512 * 1024 * 1024
"""Of an unpacked file, bytes; a month of minutes has 6 MB."""
ENCRYPTED: Final = 1
"""Of the flags of a zip's member."""


class ArchiveFileError(Exception):
    """Nothing of a file can be used; `str()` says why in one line, without its name."""


def texts_in(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """(name, text) of each CSV in it, without a byte-order mark. Raises: ArchiveFileError."""
    if content[:2] == b"PK" or name.lower().endswith(".zip"):
        yield from _zipped(content)
    elif content[:2] == b"\x1f\x8b" or name.lower().endswith(".gz"):
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                yield name, _text(packed.read(LONGEST_TEXT + 1))
        except (OSError, EOFError, zlib.error) as problem:
            raise ArchiveFileError(f"it is not a whole gzip file: {problem}") from problem
    else:
        yield name, _text(content)


def _zipped(content: bytes) -> Iterator[tuple[str, str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members = [one for one in packed.infolist() if one.filename.lower().endswith(".csv")]
            if not members:
                raise ArchiveFileError("the zip holds no .csv")
            if any(member.flag_bits & ENCRYPTED for member in members):
                raise ArchiveFileError("the zip is encrypted")
            for member in members:
                with packed.open(member) as text:
                    yield member.filename, _text(text.read(LONGEST_TEXT + 1))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, LookupError, RuntimeError) as problem:
        raise ArchiveFileError(f"it is not a whole zip file: {problem}") from problem


def _text(content: bytes) -> str:
    if len(content) > LONGEST_TEXT:
        raise ArchiveFileError(f"more than {LONGEST_TEXT >> 20} MB of text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ArchiveFileError("it is not UTF-8 text") from problem
