"""JSON bytes → wire structs → values, tolerant of single odd rows, never of a damaged whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from altmonitor.core.errors import BadAnswer

V_co = TypeVar("V_co", covariant=True)
V = TypeVar("V")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises on bytes that are no JSON, no UTF-8, or nested beyond reason."""


class Wire(Protocol[V_co]):
    def parse(self) -> V_co:
        """Raises: ValueError for what cannot be: a number that is not finite, a symbol that is none."""


@dataclass(frozen=True, slots=True)
class Read(Generic[V]):
    """skipped: rows that were left out."""

    values: list[V]
    skipped: int


class Rows(Generic[V]):
    """Reader of a JSON array of one kind of row."""

    def __init__(self, wire: type[Wire[V]]) -> None:
        self._all = msgspec.json.Decoder(list[wire], strict=False)  # type: ignore[valid-type]
        self._one = msgspec.json.Decoder(wire, strict=False)
        self._raw = msgspec.json.Decoder(list[msgspec.Raw])

    def read(self, body: bytes | msgspec.Raw) -> Read[V]:
        """Raises: BadAnswer when this is no array, or an array without one good row but not empty."""
        values: list[V] = []
        skipped = 0
        for row in self._rows(body):
            try:
                values.append((self._one.decode(row) if isinstance(row, msgspec.Raw) else row).parse())
            except (ValueError, *UNREADABLE):
                skipped += 1
        if skipped and not values:
            raise BadAnswer(f"none of {skipped} rows is readable")
        return Read(values, skipped)

    def _rows(self, body: bytes | msgspec.Raw) -> list[Wire[V]] | list[msgspec.Raw]:
        try:
            rows: list[Wire[V]] = self._all.decode(body)
        except msgspec.ValidationError:  # at least one odd row, or no array: row by row
            try:
                return self._raw.decode(body)
            except UNREADABLE as problem:
                raise BadAnswer(f"not a list: {problem}") from None
        except UNREADABLE as problem:
            raise BadAnswer(_not_json(bytes(body), problem)) from None
        return rows


class One(Generic[V]):
    """Reader of a single JSON object."""

    def __init__(self, wire: type[V]) -> None:
        self._decoder = msgspec.json.Decoder(wire, strict=False)

    def read(self, body: bytes) -> V:
        """Raises: BadAnswer."""
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as problem:
            raise BadAnswer(f"not what the endpoint promises: {problem}") from None
        except UNREADABLE as problem:
            raise BadAnswer(_not_json(body, problem)) from None


def _not_json(body: bytes, problem: Exception) -> str:
    if not body.strip():
        return "empty answer"
    if body.lstrip()[:1] == b"<":
        return "a web page instead of JSON"
    return f"damaged JSON: {problem}"
