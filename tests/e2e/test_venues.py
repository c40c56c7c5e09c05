"""Several exchanges at once: each is seen, told and blind by itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import aiohttp
import pytest

from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.sim.control import RestFault
from altmonitor.sim.script import Pump
from tests.e2e.stage import READER, START_MS, SYMBOLS, Stage, stage

VENUES = "binance,bybit"


async def all_live(here: Stage) -> None:
    await here.until(lambda: all(not m.feed.status().is_blind for m in here.app.markets.all), within_s=180)
    for market in here.app.markets.all:
        await market.backfill.settled()


@pytest.mark.parametrize(
    ("venue", "path", "status"),
    [
        ("bybit", "/v5/market/tickers", 403),
        ("okx", "/api/v5/public/open-interest", 429),
        ("hyperliquid", "/hyperliquid/info#metaAndAssetCtxs", 429),
    ],
)
async def test_one_venue_that_falls_mute_and_refuses_us_is_told_once_in_the_chats_language_and_the_others_go_on(
    venue: Venue, path: str, status: int, tmp_path: Path
) -> None:
    title = VENUE_TITLES[venue]
    async with stage(tmp_path, speed=40, VENUES=f"binance,{venue}", CHART="false", ALERT_LANG="ru") as here:
        await all_live(here)
        there = here.exchange.venues[venue]
        there.faults.mute = True
        here.exchange.faults.rest[path] = RestFault(status=status, body="<html>Forbidden</html>")
        await here.until(lambda: here.count(title) >= 2, within_s=240)
        before = here.app.market.feed.status().frames
        await here.clock.sleep(120)
        assert here.app.market.feed.status().frames > before + 100
        assert not here.app.market.feed.status().is_blind
        told = [message.text for message in here.messages if message.text.startswith(title)]
        assert len(told) == 2, told
        assert all(any("а" <= letter.lower() <= "я" for letter in text) for text in told)
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{here.app.server_port}/health") as answer:
                assert answer.status == 200
                body = await answer.json()
            async with http.get(f"http://127.0.0.1:{here.app.server_port}/metrics") as answer:
                metrics = await answer.text()
        assert body["status"] == "degraded"
        assert body["venues"][venue]["is_blind"] is True
        assert body["venues"][venue]["guard"]["state"] == "blocked"
        assert body["venues"]["binance"]["is_blind"] is False
        assert f'altmonitor_venue_blind{{venue="{venue}"}} 1.0' in metrics
        assert 'altmonitor_venue_blind{venue="binance"} 0.0' in metrics
        assert here.app.market.rest.guard_status().state == "open"
        there.faults.mute = False
        await here.until(lambda: not here.app.markets.others[0].feed.status().is_blind, within_s=200)


async def test_an_alert_of_another_venue_names_it_in_message_and_row(tmp_path: Path) -> None:
    move = Pump("SOLUSDT", START_MS + 180_000, 5.0, over_s=5)
    async with stage(tmp_path, move, speed=20, VENUES="bybit", CHART="false") as here:
        await all_live(here)
        message = await here.said("PUMP SOLUSDT", within_s=400)
        assert message.text.splitlines()[0].endswith("Bybit")
        alerts = [alert for alert in await here.alerts() if alert.kind == "price"]
    assert {alert.venue for alert in alerts} == {"bybit"}
    assert all(alert.key.startswith("bybit:price:") for alert in alerts)


async def test_one_move_over_two_venues_is_one_message_that_learns_the_other_by_an_edit(tmp_path: Path) -> None:
    move = Pump("SOLUSDT", START_MS + 180_000, 5.0, over_s=3)
    async with stage(tmp_path, move, speed=10, VENUES=VENUES, CHART="false", ROLLING="false") as here:
        here.exchange.venues["bybit"].lag_ms = 2_000
        await all_live(here)
        await here.said("PUMP SOLUSDT", within_s=400)
        await here.until(lambda: any("on Bybit" in m.text for m in here.messages), within_s=120)
        alerts = [alert for alert in await here.alerts() if alert.kind == "price" and alert.direction == "PUMP"]
        message = next(m for m in here.messages if "on Bybit" in m.text)
    assert message.text.startswith("🚀 PUMP SOLUSDT") or "PUMP SOLUSDT" in message.text.splitlines()[0]
    line = next(line for line in message.text.splitlines() if "on Bybit" in line)
    assert line.startswith("🌐 also +")
    assert "later by" in line
    firsts = [alert for alert in alerts if alert.details.episode_key is None and alert.symbol == "SOLUSDT"]
    assert sorted(alert.venue for alert in firsts) == ["binance", "bybit"]
    there = next(alert for alert in firsts if alert.venue == "bybit")
    here_alert = next(alert for alert in firsts if alert.venue == "binance")
    assert there.details.merged_into == here_alert.key
    assert [move.venue for move in here_alert.details.venues] == ["bybit"]


async def test_a_cascade_over_three_venues_is_one_message_with_the_right_side_and_what_each_told(
    tmp_path: Path,
) -> None:
    environ = {"VENUES": "binance,bybit,okx,hyperliquid", "LIQUIDATIONS_USD": "300000", "CHART": "false"}
    async with stage(tmp_path, speed=10, **environ) as here:
        await here.until(lambda: all(not m.feed.status().is_blind for m in here.app.markets.all), within_s=240)
        watches = {m.name: m.liquidations for m in here.app.markets.all}
        assert watches["hyperliquid"] is None
        telling = [watch.feed for watch in watches.values() if watch is not None]
        await here.until(lambda: all(feed.connections == 1 for feed in telling), within_s=60)
        told = [market.engine for market in here.app.markets.all if market.liquidations is not None]
        for _ in range(60):  # until every subscription is heard of: the connection alone proves nothing
            here.exchange.liquidate("BTCUSDT", is_long=True, usd=10.0)
            await here.clock.sleep(5)
            if all(engine.liquidations.larger_side("BTCUSDT") is not None for engine in told):
                break
        else:
            raise AssertionError("a venue's liquidations were not heard of within five minutes")
        for usd in (200_000.0, 150_000.0):
            here.exchange.liquidate("BTCUSDT", is_long=True, usd=usd)
            await here.clock.sleep(2)
        await here.until(lambda: any(m.text.count("🌐") == 2 for m in here.messages), within_s=120)
        alerts = [alert for alert in await here.alerts() if alert.kind == "liq"]
        texts = [message.text for message in here.messages if "LONGS LIQUIDATED" in message.text]
    assert sorted(alert.venue for alert in alerts) == ["binance", "bybit", "okx"]
    assert {alert.direction for alert in alerts} == {"DOWN"}
    assert all(abs((alert.metric or 0) + 350_000) < 2_000 for alert in alerts)
    (text,) = texts
    (first,) = [alert for alert in alerts if alert.details.merged_into is None]
    assert ("one a second" in text) is (first.venue != "bybit")
    lines = [line for line in text.splitlines() if line.startswith("🌐")]
    assert len(lines) == 2
    assert all(("≥" in line) is ("Bybit" not in line) and "35" in line for line in lines), lines


async def test_what_cannot_be_is_left_out_and_counted_for_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"lastFundingRate": "0.0001", "indexPrice": "100", "nextFundingTime": START_MS + 3_600_000, "time": START_MS}
    table = [row | {"symbol": "SOLUSDT", "markPrice": "100.1"}, row | {"symbol": "BTCUSDT", "markPrice": "1e12"}]
    async with stage(tmp_path, speed=20, CHART="false") as here:
        here.exchange.faults.rest["/fapi/v1/premiumIndex"] = RestFault(status=200, body=json.dumps(table))
        snapshots = here.app.market.snapshots
        await here.until(lambda: snapshots.refused["funding"] > 0, within_s=200)
        assert snapshots.fundings().keys() == {"SOLUSDT"}
        await here.until(lambda: any("told what cannot be" in line for line in caplog.messages), within_s=60)
        url = f"http://127.0.0.1:{here.app.server_port}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            metrics = await answer.text()
    assert re.search(r'altmonitor_venue_not_believed_total\{venue="binance",what="funding"\} [1-9]', metrics)
    (line,) = [line for line in caplog.messages if "told what cannot be" in line]
    assert re.fullmatch(r"binance told what cannot be, it is left out: \d+ funding", line)


async def test_what_ends_by_force_is_kept_where_nobody_wants_to_be_alerted(tmp_path: Path) -> None:
    environ = {"VENUES": VENUES, "LIQUIDATIONS_KEPT": "true", "CHART": "false"}
    async with stage(tmp_path, speed=20, **environ) as here:
        await all_live(here)

        def is_heard() -> bool:
            here.exchange.liquidate("BTCUSDT", is_long=True, usd=10_000_000.0)
            return all(m.engine.liquidations.larger_side("BTCUSDT") is not None for m in here.app.markets.all)

        for _ in range(60):
            await here.clock.sleep(5)
            if is_heard():
                break
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{here.app.server_port}/v1/liquidations?symbol=BTC"
            for _ in range(60):
                await here.clock.sleep(10)
                async with http.get(url) as response:
                    answer = await response.json()
                if answer["past"] is not None:
                    break
        assert answer["past"]["1h"]["long_usd"] >= 10_000_000.0
        assert answer["past"]["1h"]["short_usd"] == 0.0
        assert [message.text for message in here.messages if "LIQUIDATED" in message.text] == []


async def test_questions_and_conditions_are_about_the_exchange_that_is_named(tmp_path: Path) -> None:
    move = Pump("SOLUSDT", START_MS + 240_000, 5.0, over_s=3)
    async with stage(tmp_path, move, speed=20, VENUES=VENUES, CHART="false") as here:
        await all_live(here)
        for asked, answer in {
            "/price sol bybit": "· Bybit\n",
            "/price sol": "· Binance\n",
            "/price sol okx": "OKX is not watched here; watched: Binance, Bybit",
            "/alert sol bybit move 1m 3": "Bybit: SOLUSDT moves 3 %",
        }.items():
            here.telegram.inject_message(READER, asked, user_id=READER)
            await here.said(answer, within_s=60)
        told = await here.said("CONDITION SOLUSDT", within_s=400)
        assert told.text.splitlines()[0].endswith("Bybit")
        async with aiohttp.ClientSession() as http:
            base = f"http://127.0.0.1:{here.app.server_port}"
            async with http.get(f"{base}/api/market?venue=bybit&limit=1") as response:
                assert (await response.json())["source"].startswith("Bybit")
            async with http.get(f"{base}/api/funding?symbol=sol") as response:
                (coin,) = (await response.json())["coins"]
        alerts = [alert for alert in await here.alerts() if alert.kind == "condition"]
    assert [row["venue"] for row in coin["venues"]] == ["binance", "bybit"]
    assert {alert.venue for alert in alerts} == {"bybit"}


async def test_an_alert_of_binance_comes_as_soon_while_another_venue_stalls(tmp_path: Path) -> None:
    """The same moves in one run: first with both venues well, then with the other one mute and its answers hanging."""
    first_s, second_s, each_s = 180, 420, 8
    moved = SYMBOLS[:10]
    script = [
        Pump(symbol, START_MS + (begin_s + each_s * number) * 1_000, 6.0, over_s=2)
        for begin_s in (first_s, second_s)
        for number, symbol in enumerate(moved)
    ]
    environ = {"VENUES": VENUES, "CHART": "false", "COOLDOWN_SEC": "60", "ROLLING": "false", "VOL_BURST_MULT": "0"}
    async with stage(tmp_path, *script, speed=40, **environ) as here:
        await all_live(here)
        took_ms = here.app.market.engine.detect_ms
        took_ms.clear()
        await here.until(lambda: here.since_start_s() > first_s + each_s * len(moved) + 30, within_s=600)
        well = sorted(took_ms)
        there = here.exchange.venues["bybit"]
        there.faults.mute = True
        for path in ("/v5/market/tickers", "/v5/market/kline", "/v5/market/instruments-info", "/v5/market/time"):
            here.exchange.faults.rest[path] = RestFault(delay_s=600)
        await here.until(lambda: here.app.markets.others[0].feed.status().is_blind, within_s=300)
        took_ms.clear()
        await here.until(lambda: here.since_start_s() > second_s + each_s * len(moved) + 30, within_s=900)
        stalled = sorted(took_ms)
        assert here.app.markets.others[0].feed.status().is_blind
    assert min(len(well), len(stalled)) >= len(moved) - 2
    p99 = [took[round(0.99 * (len(took) - 1))] for took in (well, stalled)]
    p50 = [took[len(took) // 2] for took in (well, stalled)]
    assert p50[1] <= 2 * p50[0] + 800, (p50, p99)  # 20 ms of the machine
    assert p99[1] <= 2 * p99[0] + 4_000, (p50, p99)  # its pauses are in the slowest of a dozen
