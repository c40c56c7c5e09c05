"""Liquidation levels, stops, wallets and what they did, fundings and flows, as answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from altmonitor.core.status import FeedStatus, GuardStatus, SweepStatus, VenueStatus
from altmonitor.interfaces.positioning import TakerBucket
from altmonitor.market.liquidations import LiquidationMinute
from altmonitor.operations.api_health import HEALTH_KEY, ExchangeState, health_kept
from altmonitor.operations.context import ScoreCache
from altmonitor.operations.errors import BadArgument, Unavailable
from altmonitor.operations.known_fundings import live_fundings
from altmonitor.operations.table import OPERATION_OF
from altmonitor.storage.score_file import scores_in
from tests.operations.operations_kit import NOW_MS, Bench
from tests.operations.score_kit import StandingTakers, whole
from tests.operations.test_confirm import asked

HOUR = 3_600_000


async def test_j17_levels_of_wallets_are_observed_and_others_are_estimated() -> None:
    found = await asked("liquidation_levels", whole(), symbol="SOLUSDT")
    assert (found.method, found.nearest_long_liq_pct) == ("observed", pytest.approx((92 / 103.5 - 1) * 100, abs=0.01))
    assert found.nearest_short_liq_pct == pytest.approx((112 / 103.5 - 1) * 100, abs=0.01)
    assert found.long_levels[0].size_usd == 6_000_000.0
    assert found.long_levels[0].source == "hyperliquid:clearinghouseState"
    guessed = await asked("liquidation_levels", whole(wallets=None), symbol="SOLUSDT")
    assert guessed.method == "estimated"
    assert "assumed ladder" in guessed.method_note
    assert 0.0 <= guessed.cascade_score <= 1.0


async def test_j17_past_liquidations_are_told_as_observed_and_used_for_the_estimate() -> None:
    bench = Bench()
    before = await asked("liquidation_levels", whole(bench, wallets=None), symbol="SOLUSDT")
    assert (before.past, before.past_levels) == (None, ())
    assert "LIQUIDATIONS_USD" in before.unavailable["past"]
    longs = [
        LiquidationMinute(
            symbol="SOLUSDT", is_long=True, minute_ms=NOW_MS - hours * HOUR, usd=usd, price=101.0, count=3
        )
        for hours, usd in ((0, 0.0), (2, 9e9), (20, 1e6))
    ]
    short = LiquidationMinute(symbol="SOLUSDT", is_long=False, minute_ms=NOW_MS - HOUR, usd=5e5, price=104.0, count=1)
    span = {"from_ms": NOW_MS - 24 * HOUR, "to_ms": NOW_MS - 5_000}
    await bench.scores.liquidations.add("binance", [*longs[1:], short], is_sampled=True, **span)
    await bench.scores.liquidations.add("bybit", longs[2:], is_sampled=False, **span)
    found = await asked("liquidation_levels", whole(bench, wallets=None, score_cache=ScoreCache()), symbol="SOLUSDT")
    assert found.past is not None
    assert [(one.long_usd, one.short_usd, one.count) for one in found.past.values()] == [
        (0.0, 5e5, 1),
        (9e9, 5e5, 4),
        (9e9 + 2e6, 5e5, 10),
    ]
    assert all(one.is_lower_bound for one in found.past.values())
    assert found.past["1h"].source == "binance:liquidation stream, bybit:liquidation stream"
    assert [(one.side, one.size_usd, one.price) for one in found.past_levels] == [
        ("long", 9e9 + 2e6, 101.0),
        ("short", 5e5, 104.0),
    ]
    assert found.past_since_ts == (NOW_MS - 24 * HOUR) // 1000
    assert {one.age_s for one in found.sources if one.endpoint == "liquidation stream"} == {5.0}
    assert found.method == "estimated"
    assert found.long_levels == ()  # more ended by force than was opened
    assert before.long_levels != ()
    assert "9,000,000,000 USD of longs and 500,000 of shorts in four hours" in found.method_note


async def test_j19_stops_lie_on_their_side_and_an_entry_may_be_given() -> None:
    long = await asked("smart_stop", whole(), symbol="SOLUSDT", direction="long")
    short = await asked("smart_stop", whole(), symbol="SOLUSDT", direction="short", entry_price=110.0, risk_pct=1.0)
    assert long.entry_price > long.stops["tight"].price > long.stops["recommended"].price > long.stops["wide"].price
    assert short.entry_price == 110.0
    assert 110.0 < short.stops["tight"].price < short.stops["recommended"].price < short.stops["wide"].price
    with pytest.raises(BadArgument, match="entry_price"):
        OPERATION_OF["smart_stop"].read({"symbol": "SOL", "direction": "long", "entry_price": -1.0})


async def test_j33_three_of_four_wallets_long_are_75_percent() -> None:
    found = await asked("whale_split", whole(), symbol="SOLUSDT")
    assert (found.wallets, found.long_wallets, found.short_wallets, found.long_pct) == (4, 3, 1, 75.0)
    assert (found.long_usd, found.short_usd, found.total_notional_usd) == (6e6, 4e6, 10e6)
    assert found.notional_long_pct == 60.0
    assert [one.side for one in found.top_positions] == ["short", "long", "long", "long"]
    assert found.top_positions[0].wallet == "0x0000…0004"
    nobody = await asked("whale_split", whole(), symbol="BTCUSDT")
    assert (nobody.wallets, nobody.unavailable["wallets"]) == (None, "none of 4 watched wallets holds it")


async def test_j22_events_are_counted_by_what_they_are_and_how_large() -> None:
    found = await asked("whale_events", whole())
    assert [one.type for one in found.events] == ["flip_to_long", "open", "close", "add"]
    counts = found.summary
    assert (counts.flips_to_long, counts.flips_to_short, counts.new_opens, counts.closes) == (1, 0, 1, 1)
    assert found.events[-1].size_usd is None
    assert found.events[-1].unavailable
    assert [one.type for one in (await asked("whale_events", whole(), significance="high")).events] == ["flip_to_long"]
    none = await asked("whale_events", whole(wallets=None))
    assert (none.summary, none.unavailable["summary"]) == (None, "no wallets are watched in this process")


async def test_j20_fundings_of_venues_side_by_side_with_fees() -> None:
    found = await asked("funding_arb", whole(), symbol="SOLUSDT", min_spread=0)
    one = found.opportunities[0]
    assert one.apr == pytest.approx(one.spread * 3 * 365, rel=1e-6)
    assert one.estimated_profit_8h_usd == pytest.approx(one.spread / 100 * 10_000, abs=1e-3)
    assert one.action == f"long on {one.long_exchange}, short on {one.short_exchange}"
    rates = {row.venue: row.rate_8h_pct for row in one.venues}
    assert rates[one.long_exchange] == min(rates.values())
    assert (await asked("funding_arb", whole(), min_spread=99)).opportunities == ()
    alone = await asked("funding_arb", whole(monitor=None))
    assert "none beside it has stored fundings" in alone.unavailable["opportunities"]


async def test_j20_in_a_process_without_a_monitor_what_one_beside_it_keeps_is_used() -> None:
    bench = Bench()
    running = whole(bench)
    assert running.monitor is not None
    rows = await live_fundings(running.monitor, NOW_MS)
    await bench.scores.fundings.replace([row for coin in rows.values() for row in coin])
    alone = whole(bench, monitor=None)
    found = await asked("funding_arb", alone, symbol="SOLUSDT", min_spread=0)
    assert found.opportunities == (await asked("funding_arb", running, symbol="SOLUSDT", min_spread=0)).opportunities
    assert (found.opportunities[0].average_8h_pct, found.opportunities[0].average_of) == (0.01, ("binance",))
    assert len((await asked("funding_arb", alone, min_spread=0)).opportunities) == 2
    shown = await asked("score_snapshot", alone, symbol="SOLUSDT")
    assert shown.metrics["funding_spread"].value == pytest.approx(0.0007)
    assert (shown.funding_average.value, shown.funding_average.unavailable) == (0.0001, None)


async def test_scores_that_cannot_be_read_are_named_as_the_reason_and_not_taken_for_nothing_stored(
    tmp_path: Path,
) -> None:
    (tmp_path / "scores.db").mkdir()
    bench = Bench()
    alone = whole(bench, monitor=None, scores=scores_in(tmp_path / "scores.db", clock=bench.clock))
    found = await asked("liquidation_levels", alone, symbol="SOLUSDT")
    assert found.past is None
    assert "unable to open database file" in found.unavailable["past"]
    shown = await asked("score_snapshot", alone, symbol="SOLUSDT")
    assert "unable to open database file" in shown.metrics["funding_spread"].unavailable
    with pytest.raises(Unavailable, match="unable to open database file"):
        await asked("funding_arb", alone, symbol="SOLUSDT", min_spread=0)


async def test_j21_flows_are_the_exact_sum_of_takers_and_say_what_they_are_not() -> None:
    found = await asked("taker_flows", whole(), symbol="SOLUSDT")
    hour, day = found.assets[0].perp["1h"], found.assets[0].perp["24h"]
    assert hour.usd == hour.minutes * 20.0
    assert day.share == 0.2
    okx = found.assets[0].okx
    assert {window: (one.usd, one.minutes) for window, one in okx.items()} == {
        "1h": (4 * -400.0, 60),
        "4h": (16 * -400.0, 240),
        "12h": (48 * -400.0, 720),
        "24h": (96 * -400.0, 1_440),
    }
    assert found.assets[0].unavailable == {
        "spot": "spot markets are not asked",
        "bybit": "its candles do not say what takers bought",
        "hyperliquid": "its candles do not say what takers bought",
    }
    assert "not deposits" in found.note


async def test_j21_rotations_are_told_of_each_venue_by_its_own_takers() -> None:
    class Opposite(StandingTakers):
        """Takers sell one coin and buy the other."""

        async def taker_day(self, symbol: str, *, priority: object) -> list[TakerBucket]:
            rows = await super().taker_day(symbol, priority=priority)
            return [replace(row, taker_quote_usdt=700.0) for row in rows] if symbol == "SOLUSDT" else rows

    context = whole()
    context = replace(context, cohorts={**context.cohorts, "okx": Opposite()})
    await asked("set_preferences", context, watchlist=["SOLUSDT", "BTCUSDT"])
    found = (await asked("taker_flows", context)).rotations_detected
    assert {(one.venue, one.from_symbol, one.to_symbol) for one in found} == {("okx", "BTCUSDT", "SOLUSDT")}
    assert [one.window for one in found] == ["1h", "4h", "12h", "24h"]


async def test_j25_a_venue_that_is_not_watched_has_no_state_and_a_reason() -> None:
    found = await asked("exchange_health", whole(Bench()))
    assert found.exchanges["binance"].status in ("ok", "degraded", "down")
    assert found.exchanges["okx"].status is None
    assert found.exchanges["okx"].unavailable["status"] == "this venue is not watched"


async def test_j25_latency_and_errors_are_measured_of_every_venue_and_make_it_degraded() -> None:
    def told(**guard: float) -> VenueStatus:
        feed = FeedStatus(last_frame_age_s=0.5, is_blind=False)
        return VenueStatus(
            venue="okx",
            feed=feed,
            sweep=SweepStatus(),
            guard=GuardStatus(state="open", **guard),  # type: ignore[arg-type]
        )

    async def okx(**guard: float) -> ExchangeState:
        context = whole()
        assert context.monitor is not None
        health = context.monitor.health()
        health = replace(health, vitals=replace(health.vitals, venues=[told(**guard)]))
        context = replace(context, monitor=replace(context.monitor, health=lambda: health))
        found: ExchangeState = (await asked("exchange_health", context)).exchanges["okx"]
        return found

    well = await okx(sent_1h=200, failed_1h=4, answer_ms=85.25)
    assert (well.status, well.latency_ms, well.error_rate_1h, well.requests_1h) == ("ok", 85.3, 0.02, 200)
    assert well.unavailable == {}
    assert (await okx(sent_1h=200, failed_1h=40, answer_ms=85.0)).status == "degraded"
    assert (await okx(sent_1h=5, failed_1h=5, answer_ms=85.0)).status == "ok"  # five requests are no rate
    assert (await okx(sent_1h=200, answer_ms=2_001.0)).status == "degraded"
    silent = await okx()
    assert (silent.latency_ms, silent.error_rate_1h, silent.requests_1h) == (None, None, 0)
    assert set(silent.unavailable) == {"latency_ms", "error_rate_1h"}


async def test_j25_a_process_beside_the_monitor_tells_what_that_one_measured_with_its_age() -> None:
    bench = Bench()
    alone = replace(whole(bench), monitor=None)
    nothing = await asked("exchange_health", alone)
    assert {one.status for one in nothing.exchanges.values()} == {None}
    assert "none beside it has kept what it measures within ten minutes" in nothing.unavailable["overall_status"]
    live = await asked("exchange_health", whole(bench))
    await bench.scores.meta_set(HEALTH_KEY, health_kept(whole(bench)))
    bench.clock.ms += 60_000
    found = await asked("exchange_health", alone)
    here, there = live.exchanges["binance"], found.exchanges["binance"]
    assert (there.status, there.latency_ms, there.requests_1h) == (here.status, here.latency_ms, here.requests_1h)
    assert there.last_data_age_s == here.last_data_age_s + 60
    assert there.source == "binance:own measurement of the monitor beside this"
    assert [(one.venue, one.age_s) for one in found.sources] == [("binance", 60.0)]
    assert found.exchanges["okx"].unavailable["status"] == "this venue is not watched"
    assert (await asked("score_health", alone)).sources["binance"].lag_s == there.last_data_age_s
    bench.clock.ms += 600_000
    assert (await asked("exchange_health", alone)).overall_status is None
    await bench.scores.meta_set(HEALTH_KEY, '{"of": "a later version"}')
    assert (await asked("exchange_health", alone)).overall_status is None


async def test_j13_onchain_is_unconfigured_and_not_ok() -> None:
    found = await asked("score_health", whole())
    assert found.sources["onchain"].ok is False
    assert found.sources["onchain"].unavailable.startswith("unconfigured")
    assert found.sources["wallets"].lag_s == 60.0
