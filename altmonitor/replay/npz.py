"""Reading a numpy `.npz`, array by array."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray


class NpzArrays(Mapping[str, NDArray[Any]]):
    """The arrays of an archive by name, each read in one piece when it is asked for: `np.load` reads them in blocks
    and parses every header as Python text, which is a quarter of what reading a month of candles takes.
    Raises: KeyError; ValueError, zipfile.BadZipFile for what is damaged."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._names = frozenset(packed.namelist())

    def __getitem__(self, name: str) -> NDArray[Any]:
        if not self.__contains__(name):
            raise KeyError(name)
        content = self._packed.read(f"{name}.npy")
        after = _HEADER_BEGIN + 2 + int.from_bytes(content[_HEADER_BEGIN : _HEADER_BEGIN + 2], "little")
        if content[:_HEADER_BEGIN] != _MAGIC:
            raise ValueError(f"{name} is no array")
        shape, kind = _described(content[_HEADER_BEGIN:after])
        return np.frombuffer(content, kind, prod(shape), after).reshape(shape).copy()

    def __contains__(self, name: object) -> bool:
        return f"{name}.npy" in self._names

    def __iter__(self) -> Iterator[str]:
        return (name.removesuffix(".npy") for name in self._names)

    def __len__(self) -> int:
        return len(self._names)


_MAGIC: Final = b"\x93NUMPY\x01\x00"
_HEADER_BEGIN: Final = len(_MAGIC)


@lru_cache(maxsize=256)
def _described(header: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array from its header; a month's columns have the same few. Raises: ValueError."""
    shape, is_by_column, kind = np.lib.format.read_array_header_1_0(io.BytesIO(header))
    if kind.hasobject or (is_by_column and len(shape) > 1):
        raise ValueError("an array of something else than numbers")
    return shape, kind
