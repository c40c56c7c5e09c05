"""Past liquidations in scores.db: sums of a minute that came in parts, since when a venue is listened to, pruning."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.market.liquidations import LiquidationMinute
from altmonitor.storage.liquidation_records import HeardSpan, LiquidationRecords
from altmonitor.storage.score_file import scores_in
from tests.movable_clock import MovableClock

MINUTE = 60_000


def minute(number: int, usd: float, *, price: float = 100.0, is_long: bool = True) -> LiquidationMinute:
    return LiquidationMinute(
        symbol="SOLUSDT", is_long=is_long, minute_ms=number * MINUTE, usd=usd, price=price, count=2
    )


def records(folder: Path) -> LiquidationRecords:
    return scores_in(folder / "scores.db", clock=MovableClock()).liquidations


async def test_a_minute_that_came_in_two_parts_is_one_with_its_mean_price(tmp_path: Path) -> None:
    kept = records(tmp_path)
    assert (await kept.of("SOLUSDT", since_ms=0)).heard == ()
    await kept.add("binance", [minute(1, 3_000.0)], from_ms=0, to_ms=90_000, is_sampled=True)
    rest = [minute(1, 1_000.0, price=98.0), minute(2, 50.0, is_long=False)]
    await kept.add("binance", rest, from_ms=90_000, to_ms=150_000, is_sampled=True)
    await kept.add("bybit", [minute(2, 7.0)], from_ms=100_000, to_ms=150_000, is_sampled=False)
    found = await kept.of("SOLUSDT", since_ms=0)
    assert [(venue, one.usd, one.price, one.count) for venue, one in found.minutes] == [
        ("binance", 4_000.0, pytest.approx(99.5), 4),
        ("binance", 50.0, 100.0, 2),
        ("bybit", 7.0, 100.0, 2),
    ]
    assert found.heard == (
        HeardSpan(venue="binance", from_ms=0, to_ms=150_000, is_sampled=True),
        HeardSpan(venue="bybit", from_ms=100_000, to_ms=150_000, is_sampled=False),
    )
    assert len((await kept.of("SOLUSDT", since_ms=2 * MINUTE)).minutes) == 2
    assert (await kept.of("BTCUSDT", since_ms=0)).minutes == ()


async def test_a_break_in_listening_begins_what_is_known_anew_and_old_minutes_go(tmp_path: Path) -> None:
    kept = records(tmp_path)
    await kept.add("binance", [minute(1, 1.0)], from_ms=0, to_ms=MINUTE, is_sampled=True)
    await kept.add("binance", [minute(9, 1.0)], from_ms=8 * MINUTE, to_ms=9 * MINUTE, is_sampled=True)
    assert (await kept.of("SOLUSDT", since_ms=0)).heard[0].from_ms == 8 * MINUTE
    await kept.prune(before_ms=5 * MINUTE)
    assert [one.minute_ms for _, one in (await kept.of("SOLUSDT", since_ms=0)).minutes] == [9 * MINUTE]
