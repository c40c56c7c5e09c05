"""A surge of open interest stands in no candle, so what the leader read of it and did not store dies with it. The feed
that stands by reads the same figures, and tells at the takeover what is not stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import OiStep
from tests.scale.cluster import cluster
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.proxy import Wire
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

pytestmark = [needs_servers, pytest.mark.timeout(300)]

SWEEP_S = 15
BEFORE_S = 60.0
"""A sweep, and as old as a figure must be that a change over a minute is measured against."""
LEASE_ENDS_S = 3.0
RECOUNTED_MS = 3_000
"""The exchange's answer is so old at most."""


def surges(symbols: Sequence[str]) -> list[OiStep]:
    """In every answer from now on."""
    return [OiStep(symbol, SystemClock().now_ms() - RECOUNTED_MS, 20.0) for symbol in symbols]


async def test_surges_that_the_dead_leader_had_read_and_not_stored_are_told_once_by_the_feed_that_stood_by(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    settings = {"OI_POLL_SEC": str(SWEEP_S), "OI_MIN_USD": "0", "TG_MIN_SEND_INTERVAL": "0.05"}
    market = SeededMarket(seed=3, start_ms=SystemClock().now_ms(), symbols=100, frames_per_s=60)
    async with cluster(tmp_path, postgres, market=market, telegram_speed=20, **settings) as here:
        with Wire(postgres.port) as wire:
            at, _, name = here.database.rpartition("/")
            await here.start("notify-1")
            await here.start("feed-1", DATABASE_URL=f"{at.rpartition(':')[0]}:{wire.port}/{name}")
            await here.programs["feed-1"].line("this feed leads now", within_s=90)
            await here.start("feed-2")
            await here.programs["feed-2"].line("standing by", within_s=90)
            for feed in ("feed-1", "feed-2"):
                await here.is_watching(feed)
            await asyncio.sleep(BEFORE_S)

            # Every second contract of a sweep, so that either feed comes to some of either half at any moment.
            stored, unstored = sorted(here.symbols)[::2], sorted(here.symbols)[1::2]
            here.market.add(*surges(stored))
            await asyncio.sleep(SWEEP_S + 3.0)
            wire.hold()
            here.market.add(*surges(unstored))
            await asyncio.sleep(LEASE_ENDS_S - 0.5)
            await here.kill("feed-1")
            known = {row[0] for row in here.sql("SELECT symbol FROM alerts")}
            assert known
            assert known.isdisjoint(unstored), "what came after the wire was held is with the feeds alone"
            await here.programs["feed-2"].line("this feed leads now", within_s=30)

            alerts = "SELECT symbol FROM alerts WHERE kind = 'oi'"
            await here.until(lambda: len(here.sql(alerts)) >= len(here.symbols), what="all surges are stored")
            await here.until(lambda: not here.sql("SELECT 1 FROM deliveries WHERE state <> 'sent'"), what="all is told")
            await asyncio.sleep(SWEEP_S + 3.0)
            assert Counter(row[0] for row in here.sql(alerts)) == Counter(here.symbols)
            (taken_over,) = [message.text for message in here.said() if "has taken over" in message.text]
            assert "Alerts of these seconds, which come now" in taken_over
            assert "nothing was left unseen" in taken_over
