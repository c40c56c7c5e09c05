"""What a score was made of, for a moment: who asks about many contracts asks the same one again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

KEPT_S: Final = 20.0
"""A venue's buckets change every five minutes."""
KEPT_MOST: Final = 500


class Gathered(Protocol):
    @property
    def now_ms(self) -> int: ...


G = TypeVar("G", bound=Gathered)


class ScoreCache:
    """By contract. Whoever asks while it is being gathered waits for that.

    last: the answers given last, by what was asked.
    """

    def __init__(self) -> None:
        self._known: dict[str, Gathered] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self.last: dict[tuple[str, ...], Mapping[str, Any]] = {}

    async def of(self, symbol: str, *, gather: Callable[[], Awaitable[G]], now_ms: Callable[[], int]) -> G:
        if len(self._known) > KEPT_MOST:
            self._known.clear()
            self.last.clear()
            self._turns = {name: turn for name, turn in self._turns.items() if turn.locked()}
        async with self._turns.setdefault(symbol, asyncio.Lock()):
            known = self._known.get(symbol)
            if known is None or not 0 <= now_ms() - known.now_ms < KEPT_S * 1000:
                known = self._known[symbol] = await gather()
            return known  # type: ignore[return-value]  # one type is put in
