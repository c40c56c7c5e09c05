"""The feed that leads finds a move, the database does not answer it, and another feed that came too late for the move
takes the lead: it is told all the same, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.sim.script import Pump
from tests.scale.cluster import Cluster, cluster
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.proxy import Wire
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

pytestmark = [needs_servers, pytest.mark.timeout(240)]


@asynccontextmanager
async def led_over_a_wire(folder: Path, postgres: PostgresServer) -> AsyncIterator[tuple[Cluster, Wire]]:
    """feed-1 leads, and the wire is between it and the database."""
    async with cluster(folder, postgres, telegram_speed=20, TG_MIN_SEND_INTERVAL="0.05") as here:
        with Wire(postgres.port) as wire:
            at, _, name = here.database.rpartition("/")
            url = f"{at.rpartition(':')[0]}:{wire.port}/{name}"
            await here.start("notify-1")
            await here.start("feed-1", DATABASE_URL=url)
            await here.programs["feed-1"].line("this feed leads now", within_s=90)
            await here.is_watching("feed-1")
            await here.until(lambda: bool(here.sql("SELECT 1 FROM meta WHERE key = 'seen_until_ms'")), what="it sees")
            yield here, wire


async def next_minute() -> None:
    await asyncio.sleep(60.5 - SystemClock().now_ms() % 60_000 / 1000)


async def move(here: Cluster, symbol: str, *, left_s: float) -> None:
    """It rises now, with so much of the minute left."""
    if 60_000 - SystemClock().now_ms() % 60_000 < left_s * 1000:
        await next_minute()
    here.market.add(Pump(symbol, SystemClock().now_ms() + 300, 4.0, over_s=0.3))
    await asyncio.sleep(2.0)


def told(here: Cluster, symbol: str) -> list[str]:
    """Alerts and digests that name it."""
    return [message.text for message in here.said() if {"PUMP", symbol} <= set(message.text.split())]


async def test_the_one_that_lost_the_lead_hands_over_what_it_could_not_store(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with led_over_a_wire(tmp_path, postgres) as (here, wire):
        symbol = here.symbols[0]
        wire.hold()
        await move(here, symbol, left_s=25.0)
        await here.start("feed-2")
        await here.programs["feed-2"].line("this feed leads now", within_s=60)
        assert told(here, symbol) == []
        wire.mend()
        await here.programs["feed-1"].line("1 alerts are handed over", within_s=60)
        await here.until(lambda: bool(told(here, symbol)), what="what was handed over")
        await here.until(lambda: not here.sql("SELECT 1 FROM handed_over"), what="the table is empty")
        assert len(told(here, symbol)) == 1
        assert here.sql("SELECT count(*), max(late) FROM alerts") == [["1", "0"]]


async def test_what_died_with_the_leader_is_found_in_the_closed_minutes(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with led_over_a_wire(tmp_path, postgres) as (here, wire):
        symbol = here.symbols[0]
        wire.hold()
        await move(here, symbol, left_s=10.0)
        await here.kill("feed-1")
        await next_minute()  # what rose stays there, and in its own candle that could still be seen
        await here.start("feed-2")
        await here.until(lambda: bool(told(here, symbol)), within_s=150, what="what nobody stored")
        assert "LATE" in told(here, symbol)[0]
        assert any("what they hold is told as late" in message.text for message in here.said())
        await asyncio.sleep(5.0)
        assert len(told(here, symbol)) == 1
