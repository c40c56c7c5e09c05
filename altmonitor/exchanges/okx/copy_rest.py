"""Questions to OKX's public copy trading: which of its lead traders it ranks, and what one of them has and had.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-copy-trading (2026-10): 20 traders a page, a new ranking
every 10 minutes, 5 requests per 2 seconds of each path. Some lead no more (code 60004), some hide what is open (empty
fields).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import NotOffered, UnknownTrader
from altmonitor.exchanges.okx import trader_rows as rows
from altmonitor.exchanges.okx.copy_rows import (
    LeadRanking,
    contract_values,
    lead_position,
    merged_ranking,
    page_of_ranking,
)
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.client import ANSWER_WITHIN_S, VenueRest
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.traders import TraderPosition

RANKS: Final = "/api/v5/copytrading/public-lead-traders"
STATS: Final = "/api/v5/copytrading/public-stats"
DAILY_PNL: Final = "/api/v5/copytrading/public-pnl"
CURRENT: Final = "/api/v5/copytrading/public-current-subpositions"
HISTORY: Final = "/api/v5/copytrading/public-subpositions-history"
COPY_PATHS: Final = (RANKS, STATS, DAILY_PNL, CURRENT, HISTORY)
INSTRUMENTS: Final = "/api/v5/public/instruments"

LAST_DAYS: Final[Mapping[int, str]] = {7: "1", 30: "2", 90: "3"}
PAGE: Final = 20
MOST_PAGES: Final = 60
HISTORY_PAGE: Final = 100
RANKING_KEPT_S: Final = 300.0
POSITIONS_KEPT_S: Final = 600.0
INSTRUMENTS_KEPT_S: Final = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBook:
    """What one trader has open. hidden: positions that are there but not shown. read_s: monotonic. is_gone: leads no
    more; a third of those in the ranking may, and asking them again would cost as much as asking the others."""

    positions: tuple[TraderPosition, ...]
    hidden: int
    read_s: float
    is_gone: bool = False


class OkxCopyRest:
    """`start` before the first question, `stop` after the last. Every question may raise ExchangeError."""

    def __init__(
        self, base_url: str, *, clock: Clock, guard: Guard, trust_env: bool = True, within_s: float = ANSWER_WITHIN_S
    ) -> None:
        self._clock = clock
        self._guard = guard
        self._rankings: Cache[str, LeadRanking] = Cache(clock=clock, ttl_s=RANKING_KEPT_S, capacity=8)
        self._books: Cache[str, OpenBook] = Cache(clock=clock, ttl_s=POSITIONS_KEPT_S)
        self._contract_values: Cache[str, Mapping[str, Decimal]] = Cache(clock=clock, ttl_s=INSTRUMENTS_KEPT_S)
        self._rest = VenueRest(
            base_url,
            clock=clock,
            guard=guard,
            is_refusal=rows.is_refusal,
            trust_env=trust_env,
            within_s=within_s,
            meaning=rows.meaning,
        )

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._rest.start()

    async def stop(self) -> None:
        await self._rest.stop()

    def exchange_now_ms(self) -> int:
        return self._guard.exchange_clock.now_ms()

    async def ranking(self, update_time: str | None) -> LeadRanking:
        """update_time: yyyyMMddHHmm of an older one. Raises: NotOffered where that is not kept any more."""
        version = None if update_time is None else f"{update_time}00"
        ranking = await self._rankings.get(version or "", lambda: self._read_ranking(version))
        if version is not None and ranking.version != version:
            raise NotOffered("okx_copy", f"the ranking of {update_time}: the newest is of {ranking.version[:12]}")
        return ranking

    async def _read_ranking(self, version: str | None) -> LeadRanking:
        """All pages of one version."""
        pages = []
        page, total = 1, 1
        while page <= min(total, MOST_PAGES):
            wanted: dict[str, str | int] = {"sortType": "pnl", "state": 0, "page": page, "limit": PAGE}
            if version is not None:
                wanted["dataVer"] = version
            found = page_of_ranking(await self._data(RANKS, wanted))
            pages.append(found)
            version, total, page = version or found.version, found.total_pages, page + 1
        return merged_ranking(pages, most_pages=MOST_PAGES, read_s=self._clock.monotonic())

    async def stats(self, code: str, *, days: int) -> list[rows.Row]:
        """days: one of LAST_DAYS. Raises: UnknownTrader."""
        return await self._rows(STATS, {"uniqueCode": code, "lastDays": LAST_DAYS[days]})

    async def daily_pnl(self, code: str, *, days: int) -> list[rows.Row]:
        """Newest first. Raises: UnknownTrader."""
        return await self._rows(DAILY_PNL, {"uniqueCode": code, "lastDays": LAST_DAYS[days]})

    async def book(self, code: str, *, is_fresh: bool = False) -> OpenBook:
        """Of whoever leads no more too: that is kept as well."""

        async def read() -> OpenBook:
            try:
                found = await self._rows(CURRENT, {"uniqueCode": code, "limit": HISTORY_PAGE})
            except UnknownTrader:
                return OpenBook(positions=(), hidden=0, read_s=self._clock.monotonic(), is_gone=True)
            sizes = await self.contract_values()
            positions = tuple(one for row in found if (one := lead_position(row, sizes)) is not None)
            return OpenBook(positions=positions, hidden=len(found) - len(positions), read_s=self._clock.monotonic())

        return await self._books.get(code, read, is_fresh=is_fresh)

    def kept_book(self, code: str) -> OpenBook | None:
        """What costs no request."""
        return self._books.kept(code, within_s=POSITIONS_KEPT_S)

    async def history_page(self, code: str, *, after: str | None, before: str | None, size: int) -> list[rows.Row]:
        """Closed positions, newest first. Raises: UnknownTrader."""
        wanted: dict[str, str | int] = {"uniqueCode": code, "limit": size}
        wanted |= {} if after is None else {"after": after}
        wanted |= {} if before is None else {"before": before}
        return await self._rows(HISTORY, wanted)

    async def contract_values(self) -> Mapping[str, Decimal]:
        """Coins in one contract, by instrument."""

        async def read() -> Mapping[str, Decimal]:
            return contract_values(await self._rows(INSTRUMENTS, {}))

        return await self._contract_values.get("", read)

    async def _rows(self, path: str, wanted: Mapping[str, str | int]) -> list[rows.Row]:
        return rows.rows_of(await self._data(path, wanted))

    async def _data(self, path: str, wanted: Mapping[str, str | int]) -> object:
        """Everything is said, also what is usual there."""
        query = urlencode({"instType": "SWAP", **wanted})
        ask = Ask(target=f"{path}?{query}", priority=Priority.UNIVERSE, weight=0, pool=path)
        return rows.data_of(await self._rest.ask(ask))
