"""What happens when the exchange or Telegram misbehave."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import aiohttp

from altmonitor.core.types import Destination
from altmonitor.sim.script import Crash, Pump
from tests.e2e.stage import GROUP, START_MS, SYMBOLS, stage


async def test_a_feed_that_acknowledges_and_stays_mute_is_noticed_within_35_s_and_told_once(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=10) as here:
        await here.is_live()
        here.exchange.faults.mute = True
        began_s = here.since_start_s()
        message = await here.said("BLIND", within_s=60)
        assert message.date_ms - here.at(began_s) <= 37_000
        assert here.app.health().status != "ok"
        await here.clock.sleep(60)
        here.exchange.faults.mute = False
        await here.said("Data is back", within_s=150)
        assert here.count("BLIND") == 1
        await here.until(lambda: here.app.health().status == "ok", within_s=120)


async def test_an_unrouted_address_is_noticed_although_it_acknowledges(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=10) as other:
        unrouted = other.exchange.ws_url.removesuffix("/market")
        (tmp_path / "b").mkdir()
        async with stage(tmp_path / "b", speed=10, BINANCE_WS_URL=unrouted) as here:
            await here.said("BLIND", within_s=90)
            assert here.app.health().status != "ok"


async def test_what_happened_while_blind_is_told_as_late(tmp_path: Path) -> None:
    async with stage(tmp_path, Pump(SYMBOLS[0], START_MS + 250_000, 5.0, over_s=10), speed=15) as here:
        await here.is_live()
        await here.until(lambda: here.since_start_s() > 200, within_s=250)
        here.exchange.faults.mute = True
        await here.until(lambda: here.since_start_s() > 330, within_s=200)
        here.exchange.faults.mute = False
        message = await here.said("LATE", within_s=240)
        assert SYMBOLS[0] in message.text
        (alert,) = [a for a in await here.alerts() if a.symbol == SYMBOLS[0]]
        assert alert.late
        assert alert.candle_ms == START_MS + 240_000


async def test_a_market_wide_crash_reaches_a_group_within_its_limits(tmp_path: Path) -> None:
    crash = Crash(START_MS + 130_000, 4.0, over_s=20, share=0.9)
    where = Destination(chat_id=GROUP)
    async with stage(tmp_path, crash, symbols=300, frames_per_s=200, destination=where, speed=10) as here:
        await here.until(lambda: here.since_start_s() > 135, within_s=300)
        await here.until(
            lambda: here.app.store.outbox_status().queued == 0 and here.since_start_s() > 170, within_s=120
        )
        assert here.telegram.violations == []
        every_alert = await here.alerts()
        alerts = [a for a in every_alert if a.direction == "DUMP"]
        assert len(alerts) > 150
        told = "\n".join(message.text for message in here.messages)
        assert [a.symbol for a in alerts if a.symbol not in told] == []
    database = sqlite3.connect(tmp_path / "alerts.db")  # what the market does after the crash may still be waiting
    unsent = database.execute(
        "SELECT * FROM deliveries WHERE (state != 'sent' OR message_id IS NULL) AND alert_id <= ?", (len(every_alert),)
    ).fetchall()
    database.close()
    assert unsent == []


async def test_telegram_down_at_the_start_delays_nothing_but_the_messages(tmp_path: Path) -> None:
    async with stage(tmp_path, Pump(SYMBOLS[1], START_MS + 100_000, 5.0, over_s=5), speed=15) as here:
        here.telegram.faults.outage = "abort"
        await here.until(lambda: here.since_start_s() > 160, within_s=200)
        (alert,) = [a for a in await here.alerts() if a.symbol == SYMBOLS[1]]
        assert alert.event_ms < START_MS + 110_000
        assert here.messages == []
        here.telegram.faults.outage = ""
        await here.said(SYMBOLS[1], within_s=120)
        await here.until(lambda: here.app.store.outbox_status().queued == 0, within_s=30)
        assert here.count(f"PUMP {SYMBOLS[1]}") == 1


async def test_health_is_served_over_http(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, aiohttp.ClientSession() as http:
        await here.is_live()
        await here.until(lambda: here.app.health().sweep.sweep_age_s is not None, within_s=150)
        url = f"http://127.0.0.1:{here.app.server_port}/health"
        async with http.get(url) as answer:
            body = await answer.json()
        assert (answer.status, body["status"], body["reasons"]) == (200, "ok", [])
        assert body["feed"]["symbols_covered"] == body["feed"]["symbols_expected"] == len(SYMBOLS)
        assert body["oi"]["coverage"] == 1.0
        here.exchange.faults.mute = True
        await here.clock.sleep(58)
        async with http.get(url) as answer:
            assert answer.status == 503
