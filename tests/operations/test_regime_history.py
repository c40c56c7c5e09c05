"""States of a contract over time: own looks, and thirty days before them from what the exchange keeps."""

from __future__ import annotations

from altmonitor.scores.regimes import RegimeName
from altmonitor.scores.version import SCORER
from altmonitor.storage.score_store import ScoreLook
from tests.operations.operations_kit import NOW_MS, Bench
from tests.operations.score_kit import StandingPast, refused, whole
from tests.operations.test_confirm import asked

NOW_S = NOW_MS // 1000
DAY = 86_400


def look(ts: int, regime: RegimeName) -> ScoreLook:
    return ScoreLook(
        symbol="SOLUSDT",
        ts=ts,
        price=100.0,
        composite=0.1,
        base=0.1,
        derivatives=0.1,
        whale=0.1,
        onchain=None,
        coverage=0.7,
        confidence_long="LOW",
        confidence_short="LOW",
        regime=regime,
        cascade=None,
        scorer=SCORER,
    )


async def test_j23_a_back_fill_reaches_thirty_days_back_and_says_so() -> None:
    bench = Bench()
    past = StandingPast()
    context = whole(bench, cohorts={"binance": past})
    found = await asked("regime_history", context, symbol="SOLUSDT", days=365)
    assert past.asked == [("2h", 360)]
    assert found.backfilled == 358  # of 360 the first two have nothing four hours before them
    assert found.since_ts is not None
    assert 29.7 * DAY < NOW_S - found.since_ts <= 30 * DAY
    assert "thirty days" in found.note
    assert 28 / 365 < found.coverage <= 30 / 365
    assert found.own_since_ts is None
    assert "watchlist" in found.unavailable["own_since_ts"]
    assert {"breakout", "deleveraging"} <= set(found.regime_summary)
    assert found.regime_summary["breakout"].avg_return_pct is not None
    assert found.regime_summary["breakout"].source == (
        "binance:/futures/data/openInterestHist, binance:/futures/data/globalLongShortAccountRatio, "
        "binance:/futures/data/topLongShortPositionRatio"
    )
    assert len(found.transitions) >= 28
    week = await asked("regime_history", context, symbol="SOLUSDT", days=7)
    assert week.backfilled == 84
    only = await asked("regime_history", context, symbol="SOLUSDT", days=30, regime="breakout")
    assert {one.to_regime for one in only.transitions} == {"breakout"}


async def test_j23_own_looks_go_before_what_is_filled_in() -> None:
    bench = Bench()
    context = whole(bench)
    own: list[tuple[int, RegimeName]] = [(NOW_S - 2 * DAY + step * 300, "range") for step in range(24)]
    own += [(NOW_S - 600, "range"), (NOW_S - 300, "accumulation")]
    await bench.scores.add_looks([look(ts, regime) for ts, regime in own])
    found = await asked("regime_history", context, symbol="SOLUSDT", days=7)
    assert found.own_since_ts == NOW_S - 2 * DAY
    assert found.since_ts is not None
    assert found.since_ts < found.own_since_ts
    assert found.backfilled is not None
    assert found.backfilled < 84
    assert (found.current_regime, found.transitions[-1].to_regime) == ("accumulation", "accumulation")
    assert found.transitions[-1].source == "altmonitor:own record"
    assert found.regime_summary["range"].source.endswith("altmonitor:own record")
    assert {one.source for one in found.transitions} > {"altmonitor:own record"}


async def test_j23_without_the_exchange_own_looks_are_told_and_why_there_is_no_more() -> None:
    bench = Bench()
    await bench.scores.add_looks([look(NOW_S - 300, "range")])
    for cohorts, why in ((refused()["cohorts"], "asks no exchange"), ({}, "asks no exchange")):
        found = await asked("regime_history", whole(bench, cohorts=cohorts), symbol="SOLUSDT")
        assert (found.current_regime, found.backfilled) == ("range", None)
        assert why in found.unavailable["backfilled"]
