"""Two feeds and two notifiers over a real PostgreSQL: who dies is replaced, and the chat hears of it."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.sim.script import Pump
from tests.patient_clock import Pulse, waits_s
from tests.scale.cluster import Cluster, cluster
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import NatsServer, PostgresServer

__all__ = ["postgres"]

pytestmark = [needs_servers, pytest.mark.timeout(240)]


async def pump(here: Cluster, symbol: str) -> None:
    """Let it rise now, in the middle of a minute."""
    now_ms = SystemClock().now_ms()
    await asyncio.sleep(max(0.0, (now_ms + 8_000) // 60_000 * 60_000 + 1_500 - now_ms) / 1000)
    here.market.add(Pump(symbol, SystemClock().now_ms() + 300, 4.0, over_s=0.5))


async def test_the_second_feed_takes_over_within_five_seconds_and_says_so_and_nothing_is_lost_or_doubled(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with cluster(tmp_path, postgres, telegram_speed=20, TG_MIN_SEND_INTERVAL="0.05") as here:
        for name in ("feed-1", "notify-1", "notify-2"):
            await here.start(name)
        await here.programs["feed-1"].line("this feed leads now", within_s=90)
        await here.start("feed-2")
        await here.programs["feed-2"].line("standing by", within_s=90)
        await here.is_watching("feed-1")
        await here.is_watching("feed-2")
        await here.until(lambda: any("watches" in m.text for m in here.said()), what="start message")
        first, second, third = here.symbols[:3]
        await here.until(lambda: "64 are ours" not in here.programs["notify-1"].lines[-1], what="shared chats")
        healths = {name: msgspec.json.decode((await here.programs[name].get("/health"))[1]) for name in here.programs}
        assert [healths[name]["cluster"]["is_leading"] for name in ("feed-1", "feed-2")] == [True, False]
        assert sum(healths[name]["chat_parts"] for name in ("notify-1", "notify-2")) == 64
        assert {healths[name]["status"] for name in ("notify-1", "notify-2")} == {"ok"}
        metrics = (await here.programs["notify-2"].get("/metrics"))[1]
        assert 'altmonitor_role{role="notify"} 1.0' in metrics
        assert "altmonitor_notifiers 2.0" in metrics
        assert "altmonitor_feed_leading 1.0" in (await here.programs["feed-1"].get("/metrics"))[1]

        await pump(here, first)
        await here.until(lambda: any(first in m.text for m in here.said()), what="first alert")
        killed_at = datetime.now(UTC)
        pulse, pid = Pulse(SystemClock()), here.programs["feed-2"].pid
        waited_s = waits_s(pid)
        await here.kill("feed-1")
        took_s = await here.until(lambda: any("has taken over" in m.text for m in here.said()), what="takeover")
        (told,) = [m.text for m in here.said() if "has taken over" in m.text]
        silent_s = float(re.findall(r"([\d.]+) s", told)[0])
        waiting_s = max((s - waited_s.get(thread, 0.0) for thread, s in waits_s(pid).items()), default=0.0)
        lost_s = pulse.stopped_s() + waiting_s  # without a processor, or the machine stood still
        assert silent_s <= 5.0 + lost_s
        assert took_s <= 7.0 + lost_s

        await pump(here, second)
        await here.until(lambda: any(second in m.text for m in here.said()), what="second alert")
        await here.until(lambda: not here.sql("SELECT 1 FROM deliveries WHERE state <> 'sent'"), what="all is recorded")
        await here.kill("notify-1")
        await pump(here, third)
        await here.until(lambda: any(third in m.text for m in here.said()), what="third alert")

        await here.until(lambda: not here.sql("SELECT 1 FROM deliveries WHERE state <> 'sent'"), what="all is recorded")
        rows = here.sql("SELECT key, state, attempts FROM alerts JOIN deliveries ON alert_id = id ORDER BY id")
        assert [row for row in rows if row[1:] != ["sent", "1"]] == []
        print(f"\nfeed-1 is killed at {killed_at:%H:%M:%S.%f}")  # docs/scale.md shows one such run
        for message in here.said():
            print("\n".join(message.text.splitlines()), end="\n\n")
        for symbol in (first, second, third):
            assert sum("PUMP" in m.text and symbol in m.text for m in here.said()) == 1


async def test_a_broker_without_jetstream_is_told_in_the_owners_chat_once_and_its_end_once(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    server = NatsServer(has_jetstream=False)
    server.start()
    try:
        async with cluster(tmp_path, postgres, NATS_URL=server.url, ALERT_LANG="ru", chats=(77, 78)) as here:
            for name in ("feed-1", "notify-1"):
                await here.start(name)
            await here.until(lambda: any("NATS работает без JetStream" in m.text for m in here.said()), what="trouble")
            health = msgspec.json.decode((await here.programs["feed-1"].get("/health"))[1])
            assert "has no JetStream" in str(health)
            await asyncio.sleep(12)  # the notifier's own trouble is the same
            server.kill()
            server.has_jetstream = True
            server.start()
            await here.until(lambda: any("NATS снова работает" in m.text for m in here.said()), what="its end")
            await asyncio.sleep(8)
            assert sum("NATS" in m.text for m in here.said()) == 2
            assert sum("NATS" in m.text for m in here.said(78)) == 0, "the others are not concerned"
    finally:
        server.remove()
