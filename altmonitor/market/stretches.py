"""Minutes of symbols, as stretches: those that still have to be looked through, or those that were counted already."""

from __future__ import annotations

from collections.abc import Iterator


class Stretches:
    """Per symbol any number of stretches [begin_ms, end_ms) of whole minutes, unix ms, apart from one another."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[int, int]]] = {}

    def add(self, symbol: str, begin_ms: int, end_ms: int) -> None:
        """Also when parts of it are in it already."""
        if begin_ms >= end_ms:
            return
        apart = []
        for begin, end in self._spans.get(symbol, ()):
            if end < begin_ms or end_ms < begin:
                apart.append((begin, end))
            else:
                begin_ms, end_ms = min(begin, begin_ms), max(end, end_ms)
        self._spans[symbol] = [*apart, (begin_ms, end_ms)]

    def fill(self, symbol: str, begin_ms: int, end_ms: int) -> None:
        """These minutes are in it no more."""
        left = []
        for begin, end in self._spans.get(symbol, ()):
            pieces = (begin, min(end, begin_ms)), (max(begin, end_ms), end)
            left += [(first, last) for first, last in pieces if first < last]
        if left:
            self._spans[symbol] = left
        else:
            self._spans.pop(symbol, None)

    def forget(self, symbol: str) -> None:
        self._spans.pop(symbol, None)

    def covers(self, symbol: str, open_ms: int) -> bool:
        """True for a minute that is in it."""
        return any(begin <= open_ms < end for begin, end in self._spans.get(symbol, ()))

    def spans(self) -> Iterator[tuple[str, int, int]]:
        """(symbol, begin_ms, end_ms) of every stretch."""
        return ((symbol, begin, end) for symbol, spans in self._spans.items() for begin, end in spans)

    def forget_before(self, oldest_ms: int) -> None:
        """Of every symbol."""
        for symbol in list(self._spans):
            self.fill(symbol, 0, oldest_ms)

    def oldest_ms(self) -> int | None:
        """Beginning of the oldest minute of all symbols; None when it is empty."""
        return min((begin for spans in self._spans.values() for begin, _ in spans), default=None)
