"""The tally: every minute counts once, cooldowns are honoured, and a restart forgets nothing."""

from __future__ import annotations

import io
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.replay.move_stats import Candles, MoveReach, MoveStats, StatsDamaged

MINUTE = 60_000
T0 = 1_790_000_040_000
ANY = lambda symbol: True  # noqa: E731


def flat(count: int, *, first_ms: int = T0, quote: float = 100_000.0) -> Candles:
    return Candles([first_ms + i * MINUTE for i in range(count)], [0.0] * count, [0.0] * count, [quote] * count)


def with_highs(highs: list[float]) -> Candles:
    count = len(highs)
    return Candles([T0 + i * MINUTE for i in range(count)], highs, [0.0] * count, [100_000.0] * count)


def per_day(move_stats: MoveStats, up: float, *, cooldown_s: float = 180, symbols: int = 1) -> float | None:
    return move_stats.alerts_per_day(
        "price", MoveReach(up=up, down=-up), symbols=symbols, hears=ANY, cooldown_s=cooldown_s
    )


def test_one_move_in_a_day_of_minutes_is_one_alert_a_day() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([0.0] * 700 + [4.0] + [0.0] * 739), lookback=20)
    assert per_day(move_stats, 3.0) == 1.0
    assert per_day(move_stats, 4.01) == 0.0


def test_what_is_seen_of_one_symbol_stands_for_all() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([5.0] + [0.0] * 719), lookback=20)
    assert per_day(move_stats, 3.0, symbols=560) == 1120.0


def test_moves_within_a_cooldown_are_told_once_and_a_long_run_once_per_cooldown() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([4.0] * 10 + [0.0] * 1_430), lookback=20)
    assert per_day(move_stats, 3.0, cooldown_s=180) == 4.0
    assert per_day(move_stats, 3.0, cooldown_s=3600) == 1.0


def test_a_rise_and_a_fall_of_one_candle_are_two() -> None:
    move_stats = MoveStats()
    minutes = [T0 + i * MINUTE for i in range(1440)]
    candles = Candles(minutes, [4.0] + [0.0] * 1439, [-4.0] + [0.0] * 1439, [1.0] * 1440)
    move_stats.take_candles("SOLUSDT", candles, lookback=20)
    assert per_day(move_stats, 3.0) == 2.0


def test_a_minute_counts_once_however_often_it_comes() -> None:
    move_stats = MoveStats()
    for _ in range(3):
        move_stats.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    assert move_stats.symbol_minutes("price") == 100
    assert per_day(move_stats, 3.0) == 14.4


def test_a_burst_is_measured_against_the_median_before_it() -> None:
    move_stats = MoveStats()
    candles = flat(21)
    candles.quote_usdt = [100_000.0] * 20 + [600_000.0]
    move_stats.take_candles("SOLUSDT", candles, lookback=20)
    rate = move_stats.alerts_per_day("vol", MoveReach(up=6.0, floor_usd=50_000), symbols=1, hears=ANY, cooldown_s=180)
    assert rate == 90.0  # one in the 16 minutes that had five before them
    assert move_stats.alerts_per_day("vol", MoveReach(up=6.01), symbols=1, hears=ANY, cooldown_s=180) == 0.0
    assert (
        move_stats.alerts_per_day("vol", MoveReach(up=6.0, floor_usd=600_001), symbols=1, hears=ANY, cooldown_s=180)
        == 0.0
    )


def test_open_interest_counts_by_sample_and_by_its_worth() -> None:
    move_stats = MoveStats()
    for minute in range(10):
        change = 7.0 if minute == 5 else 0.1
        move_stats.take_sample("oi", "SOLUSDT", at_ms=T0 + minute * MINUTE, size=change, usd=2e6)
    rate = move_stats.alerts_per_day(
        "oi", MoveReach(up=6, down=-6, floor_usd=1e6), symbols=1, hears=ANY, cooldown_s=180
    )
    assert rate is not None
    assert 100 < rate < 150
    assert move_stats.alerts_per_day("oi", MoveReach(up=6, floor_usd=3e6), symbols=1, hears=ANY, cooldown_s=180) == 0.0


def test_a_jump_that_five_sweeps_see_is_one_alert() -> None:
    move_stats = MoveStats()
    for minute in range(1440):
        change = 7.0 if 100 <= minute < 105 else 0.1
        move_stats.take_sample("oi", "SOLUSDT", at_ms=T0 + minute * MINUTE, size=change, usd=2e6)
    rate = move_stats.alerts_per_day("oi", MoveReach(up=6), symbols=1, hears=ANY, cooldown_s=60)
    assert rate is not None
    assert round(rate, 1) == 1.0


def test_an_open_interest_without_a_change_is_not_counted_as_seen() -> None:
    move_stats = MoveStats()
    move_stats.take_sample("oi", "SOLUSDT", at_ms=T0, size=None, usd=2e6)
    assert move_stats.alerts_per_day("oi", MoveReach(up=6), symbols=1, hears=ANY, cooldown_s=180) is None


def test_what_nobody_hears_is_not_counted() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    rate = move_stats.alerts_per_day(
        "price", MoveReach(up=3), symbols=1, hears=lambda s: s != "SOLUSDT", cooldown_s=180
    )
    assert rate == 0.0


def test_after_three_days_old_sizes_are_forgotten() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 59), lookback=20)
    move_stats.take_candles("SOLUSDT", flat(60, first_ms=T0 + 4 * 86_400_000), lookback=20)
    assert per_day(move_stats, 3.0) == 0.0
    assert move_stats.symbol_minutes("price") == 60


def test_a_saved_tally_says_the_same_after_a_restart() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    move_stats.take_sample("oi", "币安人生USDT", at_ms=T0, size=-8.0, usd=None)
    again = MoveStats()
    again.restore(move_stats.saved(), now_ms=T0 + 100 * MINUTE)
    assert per_day(again, 3.0) == 14.4
    assert again.alerts_per_day("oi", MoveReach(up=6, down=-6), symbols=1, hears=ANY, cooldown_s=180) == 288.0
    again.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    assert again.symbol_minutes("price") == 100


def test_a_file_that_was_saved_before_there_was_a_kind_keeps_what_it_has_of_the_others() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    columns = np.load(io.BytesIO(move_stats.saved()))
    older = io.BytesIO()
    np.savez_compressed(older, **{name: columns[name] for name in columns if not name.startswith("oi_")})
    again = MoveStats()
    again.restore(older.getvalue(), now_ms=T0 + 100 * MINUTE)
    assert per_day(again, 3.0) == 14.4
    assert again.symbol_minutes("oi") == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", MoveStats().saved()[:-40]])
def test_a_damaged_file_is_refused_and_nothing_is_taken_over(content: bytes) -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([4.0] + [0.0] * 99), lookback=20)
    with pytest.raises(StatsDamaged):
        move_stats.restore(content, now_ms=T0)
    assert move_stats.symbol_minutes("price") == 100


@given(st.lists(st.floats(0, 20), min_size=1, max_size=200), st.floats(1, 19), st.floats(0.01, 5))
def test_a_higher_threshold_never_tells_more_symbols_minutes(highs: list[float], up: float, more: float) -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs(highs), lookback=20)
    lower, higher = per_day(move_stats, up, cooldown_s=60), per_day(move_stats, up + more, cooldown_s=60)
    assert lower is not None
    assert higher is not None
    assert higher <= lower


@given(st.lists(st.integers(0, 300), max_size=80))
def test_minutes_count_once_in_any_order(order: list[int]) -> None:
    move_stats = MoveStats()
    for minute in order:
        move_stats.take_candles("SOLUSDT", flat(1, first_ms=T0 + minute * MINUTE), lookback=20)
    assert move_stats.symbol_minutes("price") == len(set(order))


def kept(move_stats: MoveStats, kind: str) -> list[tuple[int, float]]:
    """(unix ms, size to four digits), as it would be saved."""
    columns = np.load(io.BytesIO(move_stats.saved()))
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
    move_stats = MoveStats()
    expected: dict[int, float | None] = {}
    for first, count in [*parts, (0, len(quotes))]:
        some = quotes[first : first + count]
        candles = flat(len(some), first_ms=T0 + first * MINUTE)
        candles.quote_usdt = some
        candles.high_pct = [number % 4 for number in range(first, first + len(some))]
        move_stats.take_candles("SOLUSDT", candles, lookback=lookback)
        for at, quote in enumerate(some):
            before = some[max(0, at - lookback) : at]
            usual = median(before) if len(before) >= 5 else 0.0
            ratio = quote / usual if usual > 0 and quote >= 3 * usual else None
            expected.setdefault(T0 + (first + at) * MINUTE, ratio)
    bursts = [(at_ms, float(f"{ratio:.4g}")) for at_ms, ratio in sorted(expected.items()) if ratio is not None]
    assert kept(move_stats, "vol") == bursts
    highs = [(at_ms, float((at_ms - T0) // MINUTE % 4)) for at_ms in sorted(expected)]
    assert kept(move_stats, "price") == [(at_ms, size) for at_ms, size in highs if size >= 1]
    assert move_stats.symbol_minutes("price") == len(expected)


def test_the_first_new_minute_behind_known_ones_is_measured_against_them() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", flat(10), lookback=20)
    candles = flat(11)
    candles.quote_usdt = [100_000.0] * 10 + [500_000.0]
    move_stats.take_candles("SOLUSDT", candles, lookback=20)
    assert kept(move_stats, "vol") == [(T0 + 10 * MINUTE, 5.0)]
    assert move_stats.symbol_minutes("vol") == 6


def test_sizes_are_kept_from_the_smallest_on_in_both_directions() -> None:
    move_stats = MoveStats()
    minutes = [T0 + number * MINUTE for number in range(4)]
    candles = Candles(minutes, [0.8, 0.79, 0.0, 0.9], [0.0, -0.79, -0.8, -0.9], [1.0] * 4)
    move_stats.take_candles("SOLUSDT", candles, lookback=20)
    assert kept(move_stats, "price") == [(minutes[0], 0.8), (minutes[2], -0.8), (minutes[3], -0.9), (minutes[3], 0.9)]


def test_after_a_restart_in_the_middle_of_a_minute_the_oldest_one_may_come_again() -> None:
    move_stats = MoveStats()
    move_stats.take_candles("SOLUSDT", with_highs([4.0] * 30), lookback=20)
    again = MoveStats()
    again.restore(move_stats.saved(), now_ms=T0 + 3 * 86_400_000 + 10 * MINUTE + 30_000)
    again.take_candles("SOLUSDT", with_highs([4.0] * 30), lookback=20)
    assert [at_ms for at_ms, _ in kept(again, "price")] == [T0 + number * MINUTE for number in range(30)]
