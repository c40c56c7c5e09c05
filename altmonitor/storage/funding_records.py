"""Funding at every venue as a running monitor knows it, for a process beside it that asks no venue for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from altmonitor.core.types import Fraction
from altmonitor.positioning.funding import SizedFunding, VenueFunding
from altmonitor.storage.rows import Fetch, Write

FUNDING_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS fundings (
    venue TEXT NOT NULL, symbol TEXT NOT NULL, rate_8h REAL NOT NULL, interval_h REAL NOT NULL, next_ms INTEGER,
    as_of_ms INTEGER NOT NULL, source TEXT NOT NULL, oi_usd REAL, oi_ms INTEGER, PRIMARY KEY (venue, symbol)
) WITHOUT ROWID;
"""


_NAMES = ("venue", "symbol", "rate_8h", "interval_h", "next_ms", "as_of_ms", "source", "oi_usd", "oi_ms")
_COLUMNS = ", ".join(_NAMES)
_REPLACED = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[2:])


class FundingRecords:
    """Both methods may raise StorageError."""

    def __init__(self, fetch: Fetch, write: Write) -> None:
        self._fetch = fetch
        self._write = write

    async def replace(self, rows: Sequence[SizedFunding]) -> None:
        """These and no others are known now."""
        await self._write(
            ("DELETE FROM fundings", [()]),
            (
                f"INSERT INTO fundings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
                f"ON CONFLICT (venue, symbol) DO UPDATE SET {_REPLACED}",
                [
                    (
                        *(one.funding.venue, one.funding.symbol, one.funding.rate_8h, one.funding.interval_h),
                        *(one.funding.next_ms, one.funding.as_of_ms, one.funding.source, one.oi_usd, one.oi_ms),
                    )
                    for one in rows
                ],
            ),
        )

    async def all(self, *, since_ms: int) -> list[SizedFunding]:
        """Those that are not older."""
        rows = await self._fetch(
            f"SELECT {_COLUMNS} FROM fundings "  # noqa: S608
            "WHERE as_of_ms >= ? ORDER BY symbol, venue",
            (since_ms,),
        )
        return [
            SizedFunding(
                funding=VenueFunding(
                    venue=venue,
                    symbol=symbol,
                    rate_8h=Fraction(rate),
                    interval_h=interval_h,
                    next_ms=next_ms,
                    as_of_ms=as_of_ms,
                    source=source,
                ),
                oi_usd=oi_usd,
                oi_ms=oi_ms,
            )
            for venue, symbol, rate, interval_h, next_ms, as_of_ms, source, oi_usd, oi_ms in rows
        ]
