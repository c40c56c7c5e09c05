"""What a tracker stored and how the ratios stand become alerts like the others: from the outbox, once, in the chat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from altmonitor.sim.control import RestFault
from altmonitor.sim.script import Pump
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.series import Liveness, Series
from tests.e2e.stage import READER, START_MS, SYMBOLS, Stage, stage
from tests.tracker.samples import snapshot, top_traders, velocity

ONE = SYMBOLS[0]
RETAIL, TOP = "/futures/data/globalLongShortAccountRatio", "/futures/data/topLongShortPositionRatio"


async def captured(here: Stage, folder: Path, long_coins: float) -> None:
    """As a tracker beside the monitor would."""
    store = SnapshotsDb(folder / "snapshots.db", clock=here.clock)
    await store.open()
    try:
        await store.begin_sweep(Series.SMART_MONEY, 1, Liveness())
        await store.put_snapshot(snapshot(ONE, here.clock.now_ms(), long_qty=long_coins), sweep_ms=1)
    finally:
        await store.close()


def stands(here: Stage, *, crowd_long: float, top_long: float) -> None:
    """From now on every question for these ratios is answered so."""
    at_ms = here.clock.now_ms() // 300_000 * 300_000
    for path, long in ((RETAIL, crowd_long), (TOP, top_long)):
        row = {
            "symbol": ONE,
            "longShortRatio": f"{long / (1 - long):.4f}",
            "longAccount": f"{long:.4f}",
            "shortAccount": f"{1 - long:.4f}",
            "timestamp": at_ms,
        }
        here.exchange.faults.rest[path] = RestFault(status=200, body=msgspec.json.encode([row]).decode())


async def test_a_tracked_side_that_grew_is_told_once(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=30, SMART_MONEY_WATCHLIST=ONE) as here:
        await here.is_live()
        await captured(here, tmp_path, 200.0)
        await here.clock.sleep(120)
        await captured(here, tmp_path, 260.0)
        message = await here.said(f"POSITION {ONE} +30.00 %", within_s=400)
        assert "Followed traders, long side: 200 → 260 in 2 min" in message.text
        await here.clock.sleep(300)
        assert here.count("POSITION") == 1
        (alert,) = [a for a in await here.alerts() if a.kind == "position"]
        assert (alert.symbol, alert.direction, alert.note) == (ONE, "UP", "long")
        assert here.telegram.violations == []


async def test_an_alert_of_a_tracked_symbol_learns_how_both_sides_changed_and_the_chat_can_ask_for_more(
    tmp_path: Path,
) -> None:
    async with stage(
        tmp_path, Pump(ONE, START_MS + 400_000, 4.0, over_s=5), speed=5, start_s=200, SMART_MONEY_LOOKUP="false"
    ) as here:
        await here.is_live()
        store = SnapshotsDb(tmp_path / "snapshots.db", clock=here.clock)
        await store.open()
        now_ms = here.clock.now_ms()
        for minutes, coins in ((50, 200.0), (5, 260.0)):
            at_ms = now_ms - minutes * 60_000
            await store.put_snapshot(snapshot(ONE, at_ms, long_qty=coins), sweep_ms=1)
            await store.put_open_interest(ONE, replace(velocity(at_ms), coins=coins * 10), sweep_ms=1, now_ms=now_ms)
            await store.put_top_traders(top_traders(ONE, at_ms, long=0.6 - minutes / 1000), sweep_ms=1)
        await store.close()
        message = await here.said(f"PUMP {ONE}", within_s=400)
        learned = "📌 Followed traders in 45 min: long 200 → 260 (+30.00 %)"
        await here.until(lambda: learned in message.text, within_s=30)
        assert "in profit 70 → 70 %" in message.text
        (alert,) = [a for a in await here.alerts() if a.symbol == ONE and a.kind == "price"]
        assert alert.details.tracked is not None
        assert alert.details.tracked.long.change_pct == 30.0

        here.telegram.inject_message(READER, f"/who change {ONE.removesuffix('USDT').lower()} 60m", user_id=READER)
        answer = await here.said("📦 Open interest 2.0K → 2.6K (+30.00 %)", within_s=60)
        assert "🟢 Long 200 → 260 (+30.00 %)" in answer.text
        assert "🏛 Top traders, share of longs: positions 55.00 % → 59.50 % (+4.50 points)" in answer.text
        assert here.telegram.violations == []


async def test_a_gap_that_opens_is_told_once(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=60, stall_s=0.8, SMART_MONEY_WATCHLIST=ONE) as here:
        stands(here, crowd_long=0.55, top_long=0.54)
        await here.until(lambda: here.exchange.stats.requests(TOP) > 0, within_s=400)
        await here.clock.sleep(10)
        stands(here, crowd_long=0.6575, top_long=0.5554)
        message = await here.said(f"GAP {ONE} −10.21 points", within_s=700)
        assert "Long: 65.75 % of all accounts, 55.54 % of the top traders' positions (5m)" in message.text
        await here.clock.sleep(700)
        assert here.count("GAP") == 1


async def test_without_a_watchlist_nothing_is_looked_for(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=60, stall_s=0.8, SCORES_EVERY_MIN="0") as here:  # scores ask for BTC, ETH and SOL
        await here.is_live()
        await captured(here, tmp_path, 200.0)
        await here.clock.sleep(120)
        await captured(here, tmp_path, 260.0)
        await here.clock.sleep(300)
        assert here.count("POSITION") == 0
        assert here.exchange.stats.requests(TOP) == 0
