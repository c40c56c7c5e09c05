"""What a chat is told about watched wallets: who holds a coin, and what one wallet holds and did."""

from __future__ import annotations

from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import UnknownTrader
from altmonitor.core.venue_names import hyperliquid_coin
from altmonitor.interfaces.wallets import WalletFacts, WalletLookup, WalletQueries, WhaleFacts
from altmonitor.positioning.wallet_pool import coin_totals, held, liquidation_map
from altmonitor.positioning.wallets import ADDRESS

DAY_MS: Final = 86_400_000
LARGEST: Final = 5
EVENTS: Final = 5


class PoolAnswers:
    """`interfaces.wallets.WalletAnswers`."""

    def __init__(self, pool: WalletQueries, lookup: WalletLookup, *, clock: Clock) -> None:
        self._pool = pool
        self._lookup = lookup
        self._clock = clock

    async def whales(self, symbol: str) -> WhaleFacts:
        seen = await self._pool.snapshot()
        if seen.unavailable:
            return WhaleFacts(symbol=symbol, watched=len(seen.wallets), unavailable=seen.unavailable)
        coin, states = hyperliquid_coin(symbol), seen.of_roles()
        rows = held(states, coin)
        newest = max((position for _, position in rows), key=lambda position: position.as_of_ms, default=None)
        price = None if newest is None else newest.mark_price
        rows.sort(key=lambda row: (-row[1].notional_usd, row[0].address))
        events = await self._pool.events(since_ms=seen.now_ms - DAY_MS, coin=coin, limit=4 * EVENTS)
        return WhaleFacts(
            symbol=symbol,
            totals=coin_totals(states, coin),
            price=price,
            largest=tuple((seen.wallets[state.address], position) for state, position in rows[:LARGEST]),
            levels=None if price is None else liquidation_map(states, coin, price=price),
            events=tuple(event for event in events if event.role != "market_maker")[:EVENTS],
            counted=len(seen.states),
            watched=len(seen.wallets),
            age_s=seen.oldest_age_s,
        )

    async def wallet(self, address: str) -> WalletFacts:
        asked = address.strip().lower()
        if not ADDRESS.fullmatch(asked):
            raise UnknownTrader(f"a wallet is known by an address of 0x and 40 digits, not by {address[:50]!r}")
        state = await self._lookup.state(asked)
        wallet = (await self._pool.snapshot()).wallets.get(asked)
        events = await self._pool.events(since_ms=self._clock.now_ms() - 7 * DAY_MS, address=asked, limit=EVENTS)
        return WalletFacts(
            state=state,
            wallet=wallet,
            positions=tuple(sorted(state.positions, key=lambda one: (-one.notional_usd, one.coin))),
            events=tuple(events),
            age_s=max(0.0, (self._clock.now_ms() - state.as_of_ms) / 1000),
        )
