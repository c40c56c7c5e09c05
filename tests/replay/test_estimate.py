"""The number of alerts a day the thresholds would have raised, counted by the live detectors."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from altmonitor.market.candles import Candle
from altmonitor.market.quotes import DayTicker
from altmonitor.replay.estimate import Estimate, Estimator
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, KnownContext, ManualClock

SETTINGS = Settings()


def candles(
    count: int,
    *,
    highs: dict[int, float] | None = None,
    lows: dict[int, float] | None = None,
    quotes: dict[int, float] | None = None,
) -> list[Candle]:
    """Flat minutes at 100 with a volume of 20,000; what is different is named by the minute's number."""
    return [
        Candle(
            open_ms=T0 + at * MINUTE,
            open=100.0,
            high=(highs or {}).get(at, 100.0),
            low=(lows or {}).get(at, 100.0),
            close=100.0,
            quote_usdt=(quotes or {}).get(at, 20_000.0),
        )
        for at in range(count)
    ]


def rehearse(
    *histories: Sequence[Candle], settings: Settings = SETTINGS, symbols: int | None = None
) -> Estimate | None:
    estimator = Estimator(clock=ManualClock(), context=KnownContext())
    for number, history in enumerate(histories):
        estimator.take(f"COIN{number}USDT", history, settings)
    return estimator.estimate(settings, symbols=len(histories) if symbols is None else symbols)


def per_day(*histories: Sequence[Candle], settings: Settings = SETTINGS, symbols: int | None = None) -> float:
    found = rehearse(*histories, settings=settings, symbols=symbols)
    assert found is not None
    return found.alerts_per_day


def test_a_quiet_history_raises_nothing() -> None:
    assert rehearse(candles(96)) == Estimate(alerts_per_day=0.0, history_s=5_760.0)


def test_a_move_is_counted_by_the_extremes_of_its_candle_and_scaled_to_a_day() -> None:
    assert per_day(candles(96, highs={50: 103.0})) == pytest.approx(15.0)  # one in 96 minutes
    assert per_day(candles(96, lows={50: 97.0})) == pytest.approx(15.0)
    assert per_day(candles(96, highs={50: 103.0}, lows={50: 97.0})) == pytest.approx(30.0)
    assert per_day(candles(96, highs={50: 102.9})) == 0.0


def test_a_quiet_symbol_halves_the_rate_of_each_and_not_the_sum() -> None:
    assert per_day(candles(96, highs={50: 103.0}), candles(96)) == pytest.approx(15.0)


def test_symbols_that_were_not_loaded_are_taken_to_be_like_the_others() -> None:
    assert per_day(candles(96, highs={50: 103.0}), symbols=2) == pytest.approx(30.0)
    assert rehearse(candles(96, highs={50: 103.0}), symbols=3) is None


def test_cooldown_and_escalation_are_those_of_the_live_detector() -> None:
    assert per_day(candles(96, highs={50: 103.0, 51: 103.5, 52: 104.0})) == pytest.approx(15.0)
    assert per_day(candles(96, highs={50: 103.0, 51: 106.0})) == pytest.approx(30.0)
    assert per_day(candles(96, highs={50: 103.0, 53: 103.0})) == pytest.approx(30.0)


def test_a_burst_is_counted_over_the_minutes_that_had_something_to_compare_with() -> None:
    # Five of 101 minutes are too early to be judged.
    assert per_day(candles(101, quotes={50: 100_000.0})) == pytest.approx(15.0)
    assert per_day(candles(101, quotes={50: 99_000.0})) == 0.0
    assert per_day(candles(101, quotes={4: 100_000.0})) == 0.0


def test_a_hole_is_not_bridged() -> None:
    history = [candle for candle in candles(96, quotes={50: 100_000.0}) if candle.open_ms != T0 + 49 * MINUTE]
    assert per_day(history) == 0.0


def test_muted_unwatched_and_thin_symbols_raise_nothing() -> None:
    loud = candles(96, highs={50: 103.0}, quotes={60: 200_000.0})
    assert per_day(loud, settings=Settings(muted={"COIN0USDT": None})) == 0.0
    assert per_day(loud, settings=Settings(watchlist=frozenset(["OTHERUSDT"]))) == 0.0
    context = KnownContext()
    context.days["COIN0USDT"] = DayTicker(symbol="COIN0USDT", last_price=100.0, change_pct=0.0, quote_usdt=999.0)
    estimator = Estimator(clock=ManualClock(), context=context)
    estimator.take("COIN0USDT", loud, Settings(min_24h_usdt=1_000))
    thin = Settings(min_24h_usdt=1_000)
    assert estimator.estimate(thin, symbols=1) == Estimate(alerts_per_day=0.0, history_s=5_760.0)


def test_less_than_a_quarter_of_an_hour_says_nothing() -> None:
    assert rehearse(candles(14, highs={7: 103.0})) is None
    assert rehearse() is None
    assert per_day(candles(15, highs={7: 103.0})) == pytest.approx(96.0)


def test_a_new_listing_counts_with_the_minutes_it_has() -> None:
    found = rehearse(candles(93, highs={50: 103.0}), candles(3))
    assert found is not None
    assert found.alerts_per_day == pytest.approx(30.0)  # one in 96 minutes of either, two symbols
    assert found.history_s == 5_580.0
