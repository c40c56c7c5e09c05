"""A leading feed that the exchange refuses gives way to one that it answers, and to nobody who is refused with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.sim.control import ANY_PATH, RestFault
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import OiStep
from tests.scale.cluster import cluster
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

pytestmark = [needs_servers, pytest.mark.timeout(480)]

SWEEP_S = 15
STEADY_S = 60.0
GIVEN_UP_S = 20.0
SILENT_S = 30.0
HOUR_MS = 3_600_000


async def test_a_feed_that_is_banned_for_an_hour_gives_way_to_the_one_at_another_address_and_is_told_of_once(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    clock = SystemClock()
    settings = {"OI_POLL_SEC": str(SWEEP_S), "OI_MIN_USD": "0", "TG_MIN_SEND_INTERVAL": "0.05"}
    market = SeededMarket(seed=3, start_ms=clock.now_ms(), symbols=24, frames_per_s=60)
    same_market = SeededMarket(seed=3, start_ms=clock.now_ms(), symbols=24, frames_per_s=60)
    async with (
        SimExchange(same_market, clock=clock) as elsewhere,
        cluster(tmp_path, postgres, market=market, chats=(77, 78), telegram_speed=20, **settings) as here,
    ):
        for name in ("notify-1", "feed-1"):
            await here.start(name)
        await here.programs["feed-1"].line("this feed leads now", within_s=90)
        await here.start("feed-2")
        for name in ("feed-1", "feed-2"):
            await here.is_watching(name)
        await asyncio.sleep(2 * SWEEP_S + STEADY_S)

        # Both are refused, one of them a moment after the other: the lead stays where it is.
        here.exchange.faults.rest[ANY_PATH] = RestFault(status=418, banned_until_ms=clock.now_ms() + HOUR_MS)
        await here.until(lambda: any("refuses our requests" in m.text for m in here.said()), what="the ban is told")
        await asyncio.sleep(GIVEN_UP_S + 10.0)
        assert here.leader == "feed-1"

        await here.start("feed-3", BINANCE_REST_URL=elsewhere.rest_url)
        took_s = await here.until(
            lambda: any("has given the watch to" in m.text for m in here.said()), what="it gives way", within_s=180
        )
        assert took_s >= STEADY_S
        await here.programs["feed-1"].line("gets no figures", within_s=10)
        health = msgspec.json.decode((await here.programs["feed-3"].get("/health"))[1])
        assert health["cluster"]["is_leading"]
        (told,) = [m.text for m in here.said() if "has given the watch to" in m.text]
        assert "gets no open interest and no other answers of Binance" in told
        assert "banned for too many requests (HTTP 418)" in told
        assert [m.text for m in here.said(78) if "the watch" in m.text] == [], "others have missed nothing"

        surges = [OiStep(symbol, clock.now_ms(), 20.0) for symbol in here.symbols[:3]]
        same_market.add(*surges)
        await here.until(
            lambda: all(any("OI SURGE" in m.text and s.symbol in m.text for m in here.said()) for s in surges),
            what="what the leader samples",
            within_s=90,
        )
        assert sum("the watch" in m.text for m in here.said()) == 1
        assert [name for name, program in here.programs.items() if not program.is_running] == []
        print(f"\nfeed-3 leads {took_s:.1f} s after its start:")  # docs/scale.md shows one such run
        for message in here.said():
            print("\n".join(message.text.splitlines()), end="\n\n")


async def test_a_feed_whose_socket_says_nothing_gives_way_at_once_and_everybody_hears_why(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    clock = SystemClock()
    market = SeededMarket(seed=3, start_ms=clock.now_ms(), symbols=24, frames_per_s=60)
    same_market = SeededMarket(seed=3, start_ms=clock.now_ms(), symbols=24, frames_per_s=60)
    async with (
        SimExchange(same_market, clock=clock) as mute,
        cluster(
            tmp_path, postgres, market=market, chats=(77, 78), telegram_speed=20, TG_MIN_SEND_INTERVAL="0.05"
        ) as here,
    ):
        await here.start("notify-1")
        await here.start("feed-1", BINANCE_REST_URL=mute.rest_url, BINANCE_WS_URL=mute.ws_url)
        await here.programs["feed-1"].line("this feed leads now", within_s=90)
        await here.start("feed-2")
        for name in ("feed-1", "feed-2"):
            await here.is_watching(name)
        await here.programs["feed-1"].line("feed live", within_s=60)
        await here.programs["feed-2"].line("feed live", within_s=60)
        mute.faults.mute = True
        took_s = await here.until(
            lambda: all(any("has given the watch to" in m.text for m in here.said(chat)) for chat in here.chats),
            what="it gives way",
            within_s=SILENT_S + 15.0,
        )
        assert took_s >= SILENT_S - 5.0
        for chat in here.chats:
            (told,) = [m.text for m in here.said(chat) if "the watch" in m.text]
            assert "sees no prices of Binance" in told
            assert "nothing was left unseen" in told
            assert not any("BLIND" in m.text for m in here.said(chat)), "another feed saw all the time"
