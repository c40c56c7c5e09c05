"""One wallet that somebody asks about, whether or not it is watched: asked for now, kept for a moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeUnreachable
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.wallets import WalletSource
from altmonitor.positioning.wallet_fills import EquityCurve, Fill
from altmonitor.positioning.wallets import WalletState

T = TypeVar("T")

ASKED: Final = Priority.ENRICH
"""Somebody waits for it: it may use what is kept free of the budget while the venue's history is loaded."""
STATE_KEPT_S: Final = 10.0
HISTORY_KEPT_S: Final = 120.0
KEPT: Final = 64
"""Of each kind; the fills of one wallet are up to 2,000."""


class WalletLookups:
    """`interfaces.wallets.WalletLookup`. source: connected with the first question. answer_within_s: how long one may
    take, with the wait for the venue's budget."""

    def __init__(self, source: Callable[[], Awaitable[WalletSource]], *, clock: Clock, answer_within_s: float) -> None:
        self._source = source
        self._clock = clock
        self._within_s = answer_within_s
        self._states: Cache[str, WalletState] = Cache(clock=clock, ttl_s=STATE_KEPT_S, capacity=KEPT)
        self._fills: Cache[str, Sequence[Fill]] = Cache(clock=clock, ttl_s=HISTORY_KEPT_S, capacity=KEPT)
        self._curves: Cache[str, EquityCurve] = Cache(clock=clock, ttl_s=HISTORY_KEPT_S, capacity=KEPT)

    async def state(self, address: str) -> WalletState:
        return await self._states.get(
            address, lambda: self._asked(lambda source: source.state(address, priority=ASKED))
        )

    async def fills(self, address: str) -> Sequence[Fill]:
        return await self._fills.get(address, lambda: self._asked(lambda source: source.fills(address, priority=ASKED)))

    async def equity(self, address: str) -> EquityCurve:
        return await self._curves.get(
            address, lambda: self._asked(lambda source: source.equity(address, priority=ASKED))
        )

    async def _asked(self, question: Callable[[WalletSource], Awaitable[T]]) -> T:
        try:
            async with self._clock.timeout(self._within_s):
                return await question(await self._source())
        except TimeoutError:
            raise ExchangeUnreachable(f"no answer within {self._within_s:.0f} s") from None
