"""Where files of a run lie that no test's `tmp_path` is at hand for.

Among pytest's own, which removes those of older runs: a run that is killed removes nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_folder: list[Path] = []


def folder() -> Path | None:
    """None outside of a run: the system's folder for temporary files."""
    return _folder[-1] if _folder else None


@contextmanager
def within(path: Path) -> Iterator[None]:
    _folder.append(path)
    try:
        yield
    finally:
        _folder.pop()
