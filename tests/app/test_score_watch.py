"""The running monitor's scores: looks are kept, a new confidence is a signal once, and what came of it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from altmonitor.app.score_watch import ScoreWatch, ScoreWatchDeps, condition_values
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.operations.board import MarketBoard
from altmonitor.operations.context import OperationContext, ScoreCache
from altmonitor.operations.score_inputs import gather_inputs
from altmonitor.operations.table import OPERATION_OF
from altmonitor.replay.outcome_recorder import OutcomeMarket
from altmonitor.scores.version import SCORER, SCORER_FROZEN_TS
from altmonitor.storage.score_store import ScoreSignal
from tests.operations.operations_kit import NOW_MS, Bench
from tests.operations.score_kit import whole
from tests.operations.test_confirm import asked


class Rising:
    """Candles that rise by a tenth of a percent of 100 a minute from a moment on."""

    def __init__(self, from_ms: int) -> None:
        self._from_ms = from_ms

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: object) -> list[Candle]:
        opens = range(-(-start_ms // MINUTE_MS) * MINUTE_MS, end_ms + 1, MINUTE_MS)
        return [self._candle(open_ms) for open_ms in opens][:limit]

    def _candle(self, open_ms: int) -> Candle:
        price = 100.0 + max(0, open_ms - self._from_ms) / MINUTE_MS * 0.1
        return Candle(open_ms=open_ms, open=price, high=price + 0.1, low=price, close=price + 0.1, quote_usdt=1_000.0)


def closed(symbol: str) -> Sequence[ClosedCandle]:
    return ()


def watch(bench: Bench, context: OperationContext, told: list[ScoreSignal]) -> ScoreWatch:
    return ScoreWatch(
        ScoreWatchDeps(
            context=context,
            store=bench.scores,
            clock=bench.clock,  # type: ignore[arg-type]
            every_s=300.0,
            keep_days=90,
            markets={"binance": OutcomeMarket(rest=Rising(bench.clock.ms), closed=closed)},  # type: ignore[arg-type]
            on_signal=told.append,
        )
    )


async def bench_at_scoring() -> tuple[Bench, OperationContext]:
    bench = Bench()
    bench.clock.ms = max(bench.clock.ms, (SCORER_FROZEN_TS + 3_600) * 1000)
    context = whole(bench)
    await asked("set_preferences", context, watchlist=["SOLUSDT"])
    return bench, context


async def test_a_look_is_kept_and_a_confidence_is_a_signal_once() -> None:
    bench, context = await bench_at_scoring()
    told: list[ScoreSignal] = []
    first = watch(bench, context, told)
    await first.look()
    count = len(told)
    await first.look()
    assert len(told) == count
    again = watch(bench, context, told)  # after a restart what was known is known
    await again.look()
    assert len(told) == count
    looks = await bench.scores.looks("SOLUSDT", since_ts=0, until_ts=10**12, limit=10)
    direct = await asked("confirm_trade", context, symbol="SOLUSDT", direction="long")
    assert looks[-1].composite == direct.composite
    assert looks[-1].confidence_long == direct.confidence


async def test_contracts_that_are_not_listed_are_not_asked_about() -> None:
    bench, context = await bench_at_scoring()
    await bench.scores.set_preferences({"preferences": '{"watchlist":["NOPEUSDT","SOLUSDT"]}'})
    await watch(bench, context, []).look()
    assert set(await bench.scores.newest_looks(since_ts=0)) == {"SOLUSDT"}


async def recorded() -> tuple[Bench, OperationContext]:
    """Three signals whose outcomes are all measured: the price rose by 6 % within the hour."""
    bench, context = await bench_at_scoring()
    now_ts = bench.clock.ms // 1000
    store = watch(bench, context, [])
    for confidence, direction in (("HIGH", "long"), ("HIGH", "short"), ("VETO", "short")):
        await bench.scores.add_signal(
            ScoreSignal(
                ts=now_ts,
                symbol="SOLUSDT",
                direction=direction,  # type: ignore[arg-type]
                confidence=confidence,  # type: ignore[arg-type]
                composite=0.6,
                price=100.0,
                scorer=SCORER,
                source="monitor",
            )
        )
    await store.measure()
    bench.clock.ms += 2 * 86_400_000
    await store.measure()
    return bench, context


async def test_j38_j39_what_came_of_signals_is_measured_in_their_direction() -> None:
    _, context = await recorded()
    found = await asked("score_performance", context)
    high = found.by_confidence["HIGH"]
    assert (high.samples, high.win_rate) == (2, 0.5)
    assert abs(high.avg_return_pct) < 0.01  # one rose by as much as the other fell
    assert (found.veto.samples, found.veto.correct_avoidance_rate) == (1, 1.0)
    assert found.by_confidence["LOW"].unavailable["win_rate"]
    assert found.pending == 0


async def test_the_track_record_says_when_it_can_say_nothing() -> None:
    _, context = await recorded()
    found = await asked("score_track_record", context)
    assert found.scorer_frozen_ts == SCORER_FROZEN_TS
    assert found.min_resolved_sample == 30
    assert (found.forward_holdout.signals, found.forward_holdout.resolved, found.forward_holdout.is_enough) == (
        3,
        3,
        False,
    )
    assert found.verdict.startswith("nothing can be said")
    curve = found.curves["HIGH"]
    assert len(curve) == 2
    assert curve[-1].gross_pct - curve[-1].net_of_fees_pct > 0
    assert curve[-1].net_of_fees_pct > curve[-1].net_of_slippage_pct
    assert found.by_confidence["HIGH"].verdict == "too_few"
    assert found.by_confidence["HIGH"].signals == 2


async def test_j37_kelly_is_null_with_two_samples() -> None:
    _, context = await recorded()
    found = await asked("kelly_share", context)
    assert (found.samples, found.kelly_fraction, found.suggested_size_usd) == (1, None, None)
    assert "fewer than 30" in found.unavailable["kelly_fraction"]


async def test_j11_signals_come_newest_first_and_name_who_asked() -> None:
    bench, context = await bench_at_scoring()
    for number, (source, confidence) in enumerate((("monitor", "HIGH"), ("asked:bot", "VETO"), ("monitor", "MEDIUM"))):
        await bench.scores.add_signal(
            ScoreSignal(
                ts=bench.clock.ms // 1000 - 100 + number,
                symbol="SOLUSDT",
                direction="long",
                confidence=confidence,  # type: ignore[arg-type]
                composite=0.6,
                price=None,
                scorer=SCORER,
                source=source,
            )
        )
    found = await asked("score_signals", context)
    assert [(one.confidence, one.asked_by) for one in found.signals] == [("VETO", "bot"), ("HIGH", None)]
    assert len((await asked("score_signals", context, confidence="all")).signals) == 3


async def test_j12_a_table_goes_round_and_holds_no_formula() -> None:
    bench, context = await bench_at_scoring()
    await watch(bench, context, []).look()
    row = OPERATION_OF["export_scores"]
    found = await row.answer(context, row.read({"symbol": "SOL", "from": "0"}, is_text=True))
    header, line = found.csv.strip().split("\r\n")
    told = dict(zip(header.split(","), line.split(","), strict=True))
    look = (await bench.scores.looks("SOLUSDT", since_ts=0, until_ts=10**12, limit=1))[0]
    assert (told["symbol"], int(told["ts"]), float(told["composite"])) == ("SOLUSDT", look.ts, look.composite)
    none = await row.answer(context, row.read({"symbol": "SOL", "to": "5"}, is_text=True))
    assert none.csv.count("\r\n") == 1


async def test_j23_states_are_told_from_own_looks() -> None:
    bench, context = await bench_at_scoring()
    empty = await asked("regime_history", context, symbol="SOLUSDT")
    assert empty.current_regime is None
    assert "not looked at lately" in empty.unavailable["current_regime"]
    one = watch(bench, context, [])
    for _ in range(3):
        await one.look()
        bench.clock.ms += 300_000
    found = await asked("regime_history", context, symbol="SOLUSDT", days=1)
    assert found.current_regime in found.regime_summary
    assert found.regime_summary[found.current_regime].occurrences == 1
    assert "thirty days" in found.note


async def test_fundings_are_kept_for_a_process_beside_this_one() -> None:
    bench = Bench()
    await watch(bench, whole(bench), []).keep_for_others()
    kept = await bench.scores.fundings.all(since_ms=NOW_MS - 60_000)
    assert [(one.funding.venue, one.funding.rate_8h) for one in kept if one.funding.symbol == "SOLUSDT"] == [
        ("binance", 0.0001),
        ("bybit", -0.0002),
        ("hyperliquid", 0.0005),
    ]


async def test_j36_the_condition_compares_the_sum_over_venues_and_nothing_while_one_is_missing() -> None:
    bench = Bench()
    context = whole(bench, wallets=None)
    assert context.monitor is not None
    binance = context.monitor.main
    deps = bench.board_deps
    ring = OpenInterestRing(period_s=60.0)
    okx = replace(binance, board=MarketBoard(replace(deps, oi_ring=ring, venue="okx")))
    both = replace(context, monitor=replace(context.monitor, venues={"binance": binance, "okx": okx}))

    async def compared() -> float | None:
        inputs = await gather_inputs(both, "SOLUSDT")
        return condition_values(inputs, None).get("open_interest_usd")

    one = await gather_inputs(context, "SOLUSDT")
    assert condition_values(one, None)["open_interest_usd"] == pytest.approx(1_100 * 103.5)
    assert await compared() is None  # okx lists it and has told nothing: a part of the sum would look like a fall
    shown = await asked("score_snapshot", both, symbol="SOLUSDT")
    assert (shown.open_interest_all_usd, set(shown.open_interest_by_venue)) == (None, {"binance"})
    assert shown.unavailable["open_interest_all_usd"] == "not told lately by venues that list it: okx"
    ring.record("SOLUSDT", time_ms=NOW_MS - 10_000, contracts=2_000.0)
    assert await compared() == pytest.approx(3_100 * 103.5)
    shown = await asked("score_snapshot", replace(both, score_cache=ScoreCache()), symbol="SOLUSDT")
    assert shown.open_interest_all_usd == round(3_100 * 103.5)
    assert {name: one.value for name, one in shown.open_interest_by_venue.items()} == {
        "binance": 113_850.0,
        "okx": 207_000.0,
    }
