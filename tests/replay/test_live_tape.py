"""The tape of the running monitor: every minute counts once, cooldowns are honoured, and a restart forgets nothing."""

from __future__ import annotations

import io
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.alert import Kind
from altmonitor.detectors.verdict import Rule
from altmonitor.engine.context import anybody
from altmonitor.replay.columns import CandleColumns
from altmonitor.replay.live_tape import LiveTape, TapeDamaged
from altmonitor.settings.settings import Settings
from tests.replay.history import minutes_of

MINUTE = 60_000
T0 = 1_790_000_040_000
OI = Rule("oi", "5m")


def flat(count: int, *, first_ms: int = T0, quotes: list[float] | None = None) -> CandleColumns:
    return minutes_of([first_ms + i * MINUTE for i in range(count)], quotes=quotes or [100_000.0] * count)


def with_highs(highs: list[float]) -> CandleColumns:
    return minutes_of([T0 + i * MINUTE for i in range(len(highs))], highs=highs)


def rate(live: LiveTape, kind: Kind, chosen: Settings, *, symbols: int = 1, hears: object = None) -> float:
    """Alerts a day."""
    told = live.tape().told(anybody(chosen)[0], kinds=[kind], hears=hears)  # type: ignore[arg-type]
    return len(told) / live.symbol_minutes(kind) * symbols * 1_440


def per_day(live: LiveTape, up: float, *, cooldown_s: int = 180, symbols: int = 1) -> float:
    chosen = Settings(pump_threshold=up, dump_threshold=-up, cooldown_sec=cooldown_s)
    return rate(live, "price", chosen, symbols=symbols)


def test_one_move_in_a_day_of_minutes_is_one_alert_a_day() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([0.0] * 700 + [4.0] + [0.0] * 739), lookback=20)
    assert per_day(live, 3.0) == 1.0
    assert per_day(live, 4.01) == 0.0


def test_what_is_seen_of_one_symbol_stands_for_all() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([5.0] + [0.0] * 719), lookback=20)
    assert per_day(live, 3.0, symbols=560) == 1120.0


def test_moves_within_a_cooldown_are_told_once_and_a_long_run_once_per_cooldown() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([4.0] * 10 + [0.0] * 1_430), lookback=20)
    assert per_day(live, 3.0, cooldown_s=180) == 4.0
    assert per_day(live, 3.0, cooldown_s=3600) == 1.0


def test_a_rise_and_a_fall_of_one_candle_are_two() -> None:
    live = LiveTape()
    minutes = [T0 + i * MINUTE for i in range(1440)]
    candles = minutes_of(minutes, highs=[4.0] + [0.0] * 1439, lows=[-4.0] + [0.0] * 1439)
    live.take_candles("SOLUSDT", candles, lookback=20)
    assert per_day(live, 3.0) == 2.0


def test_a_minute_counts_once_however_often_it_comes() -> None:
    live = LiveTape()
    for _ in range(3):
        live.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    assert live.symbol_minutes("price") == 100
    assert per_day(live, 3.0) == 14.4


def test_a_burst_is_measured_against_the_median_before_it() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", flat(21, quotes=[100_000.0] * 20 + [600_000.0]), lookback=20)
    assert rate(live, "vol", Settings(vol_burst_mult=6.0)) == 90.0  # one in the 16 minutes that had five before them
    assert rate(live, "vol", Settings(vol_burst_mult=6.01)) == 0.0
    assert rate(live, "vol", Settings(vol_burst_mult=6.0, vol_burst_min_usdt=600_001)) == 0.0


def test_a_move_over_15_minutes_is_counted_once_for_as_long_as_it_lasts() -> None:
    live = LiveTape()
    rising = [0.7 * at for at in range(10)] + [7.0] * 8 + [0.0] * 78
    live.take_candles("SOLUSDT", with_highs(rising), lookback=20)
    chosen = Settings(pump_threshold=100, dump_threshold=-100, move_15m_pct=5.0)
    assert rate(live, "price", chosen) == 15.0
    assert rate(live, "price", Settings(pump_threshold=100, dump_threshold=-100)) == 0.0


def test_open_interest_counts_by_sample_and_by_its_worth() -> None:
    live = LiveTape()
    for minute in range(10):
        change = 7.0 if minute == 5 else 0.1
        live.take_sample(OI, "SOLUSDT", at_ms=T0 + minute * MINUTE, size=change, usd=2e6)
    assert 100 < rate(live, "oi", Settings(oi_min_usd=1e6)) < 150
    assert rate(live, "oi", Settings(oi_min_usd=3e6)) == 0.0


def test_a_jump_that_five_sweeps_see_is_one_alert() -> None:
    live = LiveTape()
    for minute in range(1440):
        change = 7.0 if 100 <= minute < 105 else 0.1
        live.take_sample(OI, "SOLUSDT", at_ms=T0 + minute * MINUTE, size=change, usd=2e6)
    assert round(rate(live, "oi", Settings(cooldown_sec=60)), 1) == 1.0


def test_an_open_interest_without_a_change_is_not_counted_as_seen() -> None:
    live = LiveTape()
    live.take_sample(OI, "SOLUSDT", at_ms=T0, size=None, usd=2e6)
    assert live.symbol_minutes("oi") == 0


def test_what_nobody_hears_is_not_counted() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    assert rate(live, "price", Settings(), hears=lambda symbol: symbol != "SOLUSDT") == 0.0
    assert rate(live, "price", Settings(muted={"SOLUSDT": None})) == 0.0


def test_a_symbol_counts_by_its_own_thresholds() -> None:
    live = LiveTape()
    for symbol in ("SOLUSDT", "BTCUSDT"):
        live.take_candles(symbol, with_highs([2.0] + [0.0] * 99), lookback=20)
    assert rate(live, "price", Settings(), symbols=2) == 0.0
    own = Settings(of_symbol={"BTCUSDT": Settings(pump_threshold=1.5)})
    assert rate(live, "price", own, symbols=2) == 14.4


def test_after_three_days_old_sizes_are_forgotten() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 59), lookback=20)
    live.take_candles("SOLUSDT", flat(60, first_ms=T0 + 4 * 86_400_000), lookback=20)
    assert per_day(live, 3.0) == 0.0
    assert live.symbol_minutes("price") == 60


def test_a_saved_tape_says_the_same_after_a_restart() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    live.take_sample(OI, "币安人生USDT", at_ms=T0, size=-8.0, usd=None)
    again = LiveTape()
    again.restore(live.saved(), now_ms=T0 + 100 * MINUTE)
    assert per_day(again, 3.0) == 14.4
    assert rate(again, "oi", Settings()) == 288.0
    again.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    assert again.symbol_minutes("price") == 100


def test_a_file_of_before_there_were_rules_keeps_what_it_has() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    columns = np.load(io.BytesIO(live.saved()))
    older = io.BytesIO()
    names = {name: name.replace("price_1m", "price").replace("vol_1m", "vol") for name in columns}
    kept_ones = {
        after: columns[before] for before, after in names.items() if before[:2] != "oi" and "side" not in after
    }
    np.savez_compressed(older, **kept_ones)
    again = LiveTape()
    again.restore(older.getvalue(), now_ms=T0 + 100 * MINUTE)
    assert per_day(again, 3.0) == 14.4
    assert again.symbol_minutes("oi") == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", LiveTape().saved()[:-40]])
def test_a_damaged_file_is_refused_and_nothing_is_taken_over(content: bytes) -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    with pytest.raises(TapeDamaged):
        live.restore(content, now_ms=T0)
    assert live.symbol_minutes("price") == 100


@given(st.lists(st.floats(0, 20), min_size=1, max_size=200), st.floats(1, 19), st.floats(0.01, 5))
def test_a_higher_threshold_never_has_more_first_alerts(highs: list[float], up: float, more: float) -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs(highs), lookback=20)
    lower, higher = (
        live.tape().told(anybody(Settings(pump_threshold=pct, cooldown_sec=60))[0], kinds=["price"])
        for pct in (up, up + more)
    )
    assert (~higher.is_escalation).sum() <= (~lower.is_escalation).sum()


@given(st.lists(st.integers(0, 300), max_size=80))
def test_minutes_count_once_in_any_order(order: list[int]) -> None:
    live = LiveTape()
    for minute in order:
        live.take_candles("SOLUSDT", flat(1, first_ms=T0 + minute * MINUTE), lookback=20)
    assert live.symbol_minutes("price") == len(set(order))


def kept(live: LiveTape, kind: str) -> list[tuple[int, float]]:
    """(unix ms, size to four digits), as it would be saved."""
    columns = np.load(io.BytesIO(live.saved()))
    sizes = zip(columns[f"{kind}_at_ms"].tolist(), columns[f"{kind}_size"].tolist(), strict=True)
    return sorted((at_ms, float(f"{size:.4g}")) for at_ms, size in sizes)


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0, 9.0, 30.0, 100.0]), min_size=1, max_size=90),
    st.lists(st.tuples(st.integers(0, 89), st.integers(1, 90)), max_size=6),
    st.integers(5, 25),
)
def test_every_minute_is_measured_against_the_plain_median_before_it_however_the_minutes_come(
    quotes: list[float], parts: list[tuple[int, int]], lookback: int
) -> None:
    live = LiveTape()
    expected: dict[int, float | None] = {}
    for first, count in [*parts, (0, len(quotes))]:
        some = quotes[first : first + count]
        candles = minutes_of(
            [T0 + at * MINUTE for at in range(first, first + len(some))],
            highs=[float(at % 4) for at in range(first, first + len(some))],
            quotes=some,
        )
        live.take_candles("SOLUSDT", candles, lookback=lookback)
        for at, quote in enumerate(some):
            before = some[max(0, at - lookback) : at]
            usual = median(before) if len(before) >= 5 else 0.0
            ratio = quote / usual if usual > 0 and quote >= 3 * usual else None
            expected.setdefault(T0 + (first + at) * MINUTE, ratio)
    bursts = [(at_ms, float(f"{ratio:.4g}")) for at_ms, ratio in sorted(expected.items()) if ratio is not None]
    assert kept(live, "vol_1m") == bursts
    highs = [(at_ms, float((at_ms - T0) // MINUTE % 4)) for at_ms in sorted(expected)]
    assert kept(live, "price_1m") == [(at_ms, size) for at_ms, size in highs if size >= 1]
    assert live.symbol_minutes("price") == len(expected)


def test_the_first_new_minute_behind_known_ones_is_measured_against_them() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", flat(10), lookback=20)
    live.take_candles("SOLUSDT", flat(11, quotes=[100_000.0] * 10 + [500_000.0]), lookback=20)
    assert kept(live, "vol_1m") == [(T0 + 10 * MINUTE, 5.0)]
    assert live.symbol_minutes("vol") == 6


def test_sizes_are_kept_from_the_smallest_on_in_both_directions() -> None:
    live = LiveTape()
    minutes = [T0 + number * MINUTE for number in range(4)]
    candles = minutes_of(minutes, highs=[0.8, 0.79, 0.0, 0.9], lows=[0.0, -0.79, -0.8, -0.9])
    live.take_candles("SOLUSDT", candles, lookback=20)
    assert kept(live, "price_1m") == [(minutes[0], 0.8), (minutes[2], -0.8), (minutes[3], -0.9), (minutes[3], 0.9)]


def test_after_a_restart_in_the_middle_of_a_minute_the_oldest_one_may_come_again() -> None:
    live = LiveTape()
    live.take_candles("SOLUSDT", with_highs([4.0] * 30), lookback=20)
    again = LiveTape()
    again.restore(live.saved(), now_ms=T0 + 3 * 86_400_000 + 10 * MINUTE + 30_000)
    again.take_candles("SOLUSDT", with_highs([4.0] * 30), lookback=20)
    assert [at_ms for at_ms, _ in kept(again, "price_1m")] == [T0 + number * MINUTE for number in range(30)]
