"""Funding and basis are read from tables once a minute, by each feed at moments of its own. Whichever of two feeds has
read a crossing when the leader dies, it is told once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.sim.market import SeededMarket
from tests.scale.cluster import Cluster, cluster
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

pytestmark = [needs_servers, pytest.mark.timeout(420)]

TABLE_S = 60.0
APART_S = 25.0
"""Between the starts of the two feeds, and so between their readings."""
STEP_S = 5.0
FUNDING_TOPIC = 0
EXTREME = 20.0
"""Of the market's mood: 1.01 % of funding a settlement, and as far from the index."""
VENUES = ("binance", "hyperliquid")


class MarketOfFundings(SeededMarket):
    """extreme: symbols whose funding and basis are far beyond their usual values, from the next answer on."""

    extreme: frozenset[str] = frozenset()

    def moods(self, symbols: Sequence[str], topic: int, step: int) -> list[float]:
        found = super().moods(symbols, topic, step)
        if topic != FUNDING_TOPIC:
            return found
        return [EXTREME if symbol in self.extreme else mood for symbol, mood in zip(symbols, found, strict=True)]


def told(here: Cluster) -> Counter[tuple[str, ...]]:
    """Venue, kind and symbol of each alert that is stored."""
    rows = here.sql("SELECT venue, kind, symbol FROM alerts WHERE kind IN ('funding', 'basis')")
    return Counter(tuple(row) for row in rows)


async def test_what_crosses_while_one_of_two_feeds_has_read_it_is_told_once_over_the_death_of_the_leader(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    market = MarketOfFundings(seed=3, start_ms=SystemClock().now_ms(), symbols=24, frames_per_s=60)
    settings = {"FUNDING_EXTREME_PCT": "0.5", "BASIS_EXTREME_PCT": "0.5", "TG_MIN_SEND_INTERVAL": "0.05"}
    async with cluster(tmp_path, postgres, market=market, telegram_speed=20, **settings) as here:
        here.environ |= {**here.exchange.environment(), "VENUES": ",".join(VENUES)}
        await here.start("notify-1")
        await here.start("feed-1")
        await here.programs["feed-1"].line("this feed leads now", within_s=90)
        await here.is_watching("feed-1")
        await asyncio.sleep(APART_S)
        await here.start("feed-2")
        await here.is_watching("feed-2")

        symbols = here.symbols[:12]
        for number in range(1, len(symbols) + 1):
            await asyncio.sleep(STEP_S)
            market.extreme = frozenset(symbols[:number])
        before = told(here)
        await here.kill("feed-1")
        await here.programs["feed-2"].line("this feed leads now", within_s=30)
        await asyncio.sleep(TABLE_S + 10.0)

        expected = Counter(
            (venue, kind, symbol) for venue in VENUES for kind in ("funding", "basis") for symbol in symbols
        )
        assert {at: count for at, count in told(here).items() if count > 1} == {}
        assert told(here) == expected
        assert set() < set(before) < set(expected), "the leader had read some of them and not all"
        await here.until(lambda: not here.sql("SELECT 1 FROM deliveries WHERE state <> 'sent'"), what="all is told")
