"""Positions that were closed by force while somebody listened, by minute and side: no venue tells them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.core.types import Venue
from altmonitor.market.liquidations import LiquidationMinute
from altmonitor.storage.rows import Fetch, Write

LIQUIDATION_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS liquidations (
    symbol TEXT NOT NULL, minute_ms INTEGER NOT NULL, venue TEXT NOT NULL, is_long INTEGER NOT NULL, usd REAL NOT NULL,
    price REAL NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (symbol, minute_ms, venue, is_long)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS liquidations_heard (
    venue TEXT PRIMARY KEY, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, is_sampled INTEGER NOT NULL
) WITHOUT ROWID;
"""
DEAF_MS: Final = 180_000
"""So long without listening, and what is known begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardSpan:
    """Since when a venue's liquidations are listened to without a break, and until when they were. is_sampled: it tells
    one a second of a contract at most, so that sums are a lower bound."""

    venue: Venue
    from_ms: int
    to_ms: int
    is_sampled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PastLiquidations:
    """Of one contract: heard by venue, minutes oldest → newest."""

    heard: tuple[HeardSpan, ...] = ()
    minutes: tuple[tuple[Venue, LiquidationMinute], ...] = ()


class LiquidationRecords:
    """Every method may raise StorageError."""

    def __init__(self, fetch: Fetch, write: Write) -> None:
        self._fetch = fetch
        self._write = write

    async def add(
        self, venue: Venue, minutes: Sequence[LiquidationMinute], *, from_ms: int, to_ms: int, is_sampled: bool
    ) -> None:
        """What came in since the last time, and that it was listened to from then until now (unix ms)."""
        await self._write(
            (
                "INSERT INTO liquidations (symbol, minute_ms, venue, is_long, usd, price, count) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (symbol, minute_ms, venue, is_long) DO UPDATE SET price = "
                "(liquidations.usd * liquidations.price + excluded.usd * excluded.price) "
                "/ (liquidations.usd + excluded.usd), "
                "usd = liquidations.usd + excluded.usd, count = liquidations.count + excluded.count",
                [
                    (one.symbol, one.minute_ms, venue, int(one.is_long), one.usd, one.price, one.count)
                    for one in minutes
                ],
            ),
            (
                "INSERT INTO liquidations_heard AS h (venue, from_ms, to_ms, is_sampled) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (venue) DO UPDATE SET "
                "from_ms = CASE WHEN excluded.from_ms - h.to_ms > ? THEN excluded.from_ms ELSE h.from_ms END, "
                "to_ms = excluded.to_ms, is_sampled = excluded.is_sampled",
                [(venue, from_ms, to_ms, int(is_sampled), DEAF_MS)],
            ),
        )

    async def of(self, symbol: str, *, since_ms: int) -> PastLiquidations:
        """heard: of every venue that was ever listened to."""
        heard = await self._fetch("SELECT venue, from_ms, to_ms, is_sampled FROM liquidations_heard ORDER BY venue", ())
        rows = await self._fetch(
            "SELECT venue, is_long, minute_ms, usd, price, count FROM liquidations "
            "WHERE symbol = ? AND minute_ms >= ? ORDER BY minute_ms, venue, is_long",
            (symbol, since_ms),
        )
        return PastLiquidations(
            heard=tuple(
                HeardSpan(venue=venue, from_ms=from_ms, to_ms=to_ms, is_sampled=bool(is_sampled))
                for venue, from_ms, to_ms, is_sampled in heard
            ),
            minutes=tuple(
                (
                    venue,
                    LiquidationMinute(
                        symbol=symbol,
                        is_long=bool(is_long),
                        minute_ms=minute_ms,
                        usd=usd,
                        price=price,
                        count=count,
                    ),
                )
                for venue, is_long, minute_ms, usd, price, count in rows
            ),
        )

    async def prune(self, *, before_ms: int) -> None:
        await self._write(("DELETE FROM liquidations WHERE minute_ms < ?", [(before_ms,)]))
