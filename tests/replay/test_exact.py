"""A replay by the live engine: what it leaves out changes nothing, where it is cut changes nothing, and an independent
count written from the rules alone finds the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmonitor.core.types import Destination
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.replay.archive_csv import read_archive_file
from altmonitor.replay.columns import (
    CandleColumns,
    OpenInterestColumns,
    Source,
    candle_columns,
    no_open_interest,
)
from altmonitor.replay.exact import SymbolHistory, SymbolReplay, replay_symbol
from altmonitor.replay.price_path import PricePath
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.replay.history import FEB_2025, real_file, wild_candles, wild_columns, wild_interest
from tests.replay_count import Row, Rules, Told, alerts, count, path_of, rows_of, volume_alerts

ALWAYS = 1 << 60
HOUR_MS = 60 * MINUTE_MS


def options(*chosen: Settings, **more: object) -> ReplayOptions:
    audiences = tuple(
        Audience(destination=Destination(chat_id=number + 1), settings=one)
        for number, one in enumerate(chosen or (Settings(),))
    )
    return ReplayOptions(audiences=audiences, **more)  # type: ignore[arg-type]


def history(candles: CandleColumns, held: OpenInterestColumns | None = None) -> SymbolHistory:
    return SymbolHistory(symbol="XUSDT", candles=candles, open_interest=held or no_open_interest())


def shown(replay: SymbolReplay) -> list[tuple[object, ...]]:
    """Everything about each alert that is not about what was told on other days."""
    return [
        (
            one.alert.key,
            one.alert.event_ms,
            one.alert.metric,
            one.alert.price,
            one.alert.details.episode_key,
            one.alert.details.is_silent,
            one.alert.details.threshold,
            one.alert.oi_change,
            one.to,
        )
        for one in replay.alerts
    ]


PRICE = st.sampled_from([0.8, 1.5, 3.0, 5.0])
ONE = st.builds(
    Settings,
    pump_threshold=PRICE,
    dump_threshold=PRICE.map(lambda size: -size),
    oi_surge_1m=st.sampled_from([0.0, 3.0]),
    oi_surge_5m=st.sampled_from([0.0, 6.0]),
    oi_min_usd=st.sampled_from([0.0, 1e8]),
    vol_burst_mult=st.sampled_from([0.0, 2.5, 5.0]),
    vol_burst_min_usdt=st.sampled_from([0.0, 50_000.0]),
    vol_burst_lookback=st.sampled_from([5, 20, 120]),
    vol_burst_early=st.booleans(),
    cooldown_sec=st.sampled_from([0, 180, 900, 3600]),
    move_5m_pct=st.sampled_from([0.0, 4.0]),
    move_15m_pct=st.sampled_from([0.0, 6.0]),
    min_24h_usdt=st.sampled_from([0.0, 0.0, 4e7]),
    adaptive_sigmas=st.sampled_from([0.0, 0.0, 4.0]),
    adaptive_volume_mult=st.sampled_from([0.0, 0.0, 1.5]),
    adaptive_volume_floor=st.sampled_from([1.5, 3.0]),
    muted=st.sampled_from([{}, {"XUSDT": (FEB_2025 + 120 * MINUTE_MS) // 1000}]).map(MappingProxyType),
)
OWN = st.builds(lambda one, own: replace(one, of_symbol={"XUSDT": own}), ONE, ONE)


@settings(deadline=None, max_examples=10)
@given(
    chosen=st.lists(ONE | OWN, min_size=1, max_size=3),
    seed=st.integers(0, 9_999),
    holes=st.sampled_from([0.0, 0.01]),
    price_path=st.sampled_from(["touch", "close"]),
)
def test_what_is_left_out_changes_nothing(
    chosen: list[Settings], seed: int, holes: float, price_path: PricePath
) -> None:
    candles = wild_columns(250, seed=seed, holes=holes)
    of = history(candles, wild_interest(candles, seed=seed))
    asked = options(*chosen, price_path=price_path)
    whole = replay_symbol(of, replace(asked, is_whole=True), from_ms=0, to_ms=ALWAYS)
    quick = replay_symbol(of, asked, from_ms=0, to_ms=ALWAYS)
    assert shown(quick) == shown(whole)


@settings(deadline=None, max_examples=10)
@given(
    chosen=st.lists(ONE, min_size=1, max_size=2),
    seed=st.integers(0, 9_999),
    cuts=st.lists(st.integers(1, 599), min_size=1, max_size=4),
    is_calm=st.booleans(),
)
def test_wherever_a_range_is_cut_the_alerts_are_the_same(
    chosen: list[Settings], seed: int, cuts: list[int], is_calm: bool
) -> None:
    chosen = (
        [replace(one, pump_threshold=5.0, dump_threshold=-5.0, vol_burst_mult=8.0) for one in chosen]
        if is_calm
        else chosen
    )
    candles = wild_columns(600, seed=seed, holes=0.002)
    of, asked = history(candles, wild_interest(candles, seed=seed)), options(*chosen)
    borders = [0, *(FEB_2025 + at * MINUTE_MS + 31_000 for at in sorted(set(cuts))), ALWAYS]
    parts = [replay_symbol(of, asked, from_ms=a, to_ms=b) for a, b in pairwise(borders)]
    whole = replay_symbol(of, asked, from_ms=0, to_ms=ALWAYS)
    assert [row for part in parts for row in shown(part)] == shown(whole)


def row_of(candle: Candle) -> Row:
    prices = (
        Decimal(str(number)) for number in (candle.open, candle.high, candle.low, candle.close, candle.quote_usdt)
    )
    return Row(candle.open_ms, *prices, candle.trades or int(candle.high != candle.low))


def counted(rows: Sequence[Row], rules: Rules) -> list[tuple[str, int]]:
    return [(told.key("XUSDT"), told.event_ms) for told in count(rows, 0, ALWAYS, rules)]


@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 9_999), cooldown_s=st.sampled_from([0, 180, 600]), pct=st.sampled_from([1, 3]))
def test_an_independent_count_finds_the_same_alerts(seed: int, cooldown_s: int, pct: int) -> None:
    candles = wild_candles(150, seed=seed, holes=0.005)
    rules = Rules(
        pump=Fraction(pct), dump=Fraction(-pct), cooldown_s=cooldown_s, is_rolling=False, floor_usdt=Decimal(30_000)
    )
    asked = options(
        Settings(pump_threshold=pct, dump_threshold=-pct, cooldown_sec=cooldown_s, vol_burst_min_usdt=30_000)
    )
    found = replay_symbol(history(candle_columns(candles, Source.ARCHIVE)), asked, from_ms=0, to_ms=ALWAYS)
    assert [(one.alert.key, one.alert.event_ms) for one in found.alerts] == counted(
        [row_of(one) for one in candles], rules
    )


def real_columns(name: str) -> CandleColumns:
    file = real_file(name)
    read = read_archive_file(file.name, file.read_bytes(), source=Source.IMPORTED)
    assert isinstance(read.columns, CandleColumns)
    return read.columns


@pytest.mark.parametrize(("coin", "bursts"), [("FIL", 1037), ("NEAR", 1211), ("AVAX", 699)])
def test_the_bursts_of_real_months_are_those_of_an_independent_count(coin: str, bursts: int) -> None:
    """5 × the median of 20 before, above 50,000 USDT, no cooldown; the first 20 minutes have fewer before them."""
    candles = real_columns(f"{coin}USDT-1m-2025-02.csv.gz")
    asked = options(Settings(cooldown_sec=0, pump_threshold=100, dump_threshold=-100))
    found = replay_symbol(history(candles), asked, from_ms=0, to_ms=ALWAYS)
    opened = [one.alert.candle_ms or 0 for one in found.alerts if one.alert.kind == "vol"]
    assert len([ms for ms in opened if ms >= int(candles.open_ms[20])]) == bursts
    assert len(set(opened)) == len(opened)


def test_flat_minutes_of_volume_0_make_no_burst_on_a_real_day() -> None:
    candles = real_columns("FILUSDT-1m-2024-10.csv.gz")
    found = replay_symbol(history(candles), options(Settings(cooldown_sec=0)), from_ms=0, to_ms=ALWAYS)
    flat = set(candles.open_ms[candles.quote_usdt == 0].tolist())
    assert len(flat) == 89
    assert [one.alert.key for one in found.alerts if one.alert.candle_ms in flat] == []


@pytest.mark.parametrize("name", ["FILUSDT-1m-2025-02.csv.gz", "LUNAUSDT-1m-2022-05.csv.gz"])
def test_a_real_storm_is_told_as_an_independent_count_tells_it(name: str) -> None:
    candles, rows = real_columns(name), rows_of(real_file(name))
    begin_ms = 1_738_540_800_000 if name.startswith("FIL") else 1_652_313_600_000
    end_ms = begin_ms + (24 if name.startswith("FIL") else 4) * HOUR_MS
    near = [row for row in rows if begin_ms - HOUR_MS <= row.open_ms < end_ms]
    tick = Decimal(1).scaleb(-int(candles.decimals[0]))
    rules = Rules(is_rolling=False)
    states = [state for row in near for state in path_of(row, tick)]
    first_ms, symbol = near[0].open_ms, name.partition("-")[0]
    expected: list[Told] = alerts(states, volume_alerts(near, first_ms, end_ms, rules), rules)
    part = candle_columns(
        [candles.candle(at) for at in np.flatnonzero((candles.open_ms >= first_ms) & (candles.open_ms < end_ms))],
        Source.ARCHIVE,
    )
    part = replace(part, decimals=np.full(len(part), candles.decimals[0]))
    found = replay_symbol(
        SymbolHistory(symbol=symbol, candles=part, open_interest=no_open_interest()),
        options(Settings()),
        from_ms=0,
        to_ms=ALWAYS,
    )
    assert [(one.alert.key, one.alert.event_ms) for one in found.alerts] == [
        (told.key(symbol), told.event_ms) for told in expected
    ]
    assert len(expected) > 10


def test_closes_and_touches_of_a_real_storm_day_are_those_that_a_plain_loop_counts() -> None:
    begin_ms, end_ms = 1_738_540_800_000, 1_738_627_200_000  # 2025-02-03
    for coin in ("FIL", "NEAR", "AVAX"):
        rows = rows_of(real_file(f"{coin}USDT-1m-2025-02.csv.gz"))
        rows = [row for row in rows if begin_ms <= row.open_ms < end_ms]
        candles = real_columns(f"{coin}USDT-1m-2025-02.csv.gz")
        for path in ("close", "touch"):
            asked = options(Settings(vol_burst_mult=0, cooldown_sec=0), price_path=path)
            found = replay_symbol(history(candles), asked, from_ms=begin_ms, to_ms=end_ms)
            told = {
                (one.alert.candle_ms, one.alert.direction)
                for one in found.alerts
                if one.alert.note in ("1m", "episode")
            }
            expected = set()
            for row in rows:
                highest, lowest = (row.close, row.close) if path == "close" else (row.high, row.low)
                expected |= {(row.open_ms, "PUMP")} if (highest - row.open) * 100 >= 3 * row.open else set()
                expected |= {(row.open_ms, "DUMP")} if (row.open - lowest) * 100 >= 3 * row.open else set()
            assert told >= expected, (coin, path)
            assert len(expected) >= 5
            if path == "close":
                assert told == expected


def test_minutes_that_reach_both_bounds_are_counted_and_can_be_played_the_other_way() -> None:
    quiet = [
        Candle(open_ms=FEB_2025 + at * MINUTE_MS, open=100, high=100, low=100, close=100, quote_usdt=1.0)
        for at in range(30)
    ]
    both = Candle(open_ms=FEB_2025 + 30 * MINUTE_MS, open=100, high=104, low=96, close=101, quote_usdt=1.0)
    of = history(candle_columns([*quiet, both], Source.ARCHIVE))
    found = replay_symbol(of, options(Settings()), from_ms=0, to_ms=ALWAYS)
    flipped = replay_symbol(of, options(Settings(), is_flipped=True), from_ms=0, to_ms=ALWAYS)
    assert found.both_ways == 1
    assert [one.alert.direction for one in found.alerts] == ["DUMP", "PUMP"]
    assert [one.alert.direction for one in flipped.alerts] == ["PUMP", "DUMP"]


def test_the_warm_up_goes_back_beyond_a_stretch_without_anything_to_tell() -> None:
    candles = wild_columns(3_000, seed=3)
    from_ms = FEB_2025 + 2_500 * MINUTE_MS
    found = replay_symbol(
        history(candles), options(Settings(pump_threshold=9, dump_threshold=-9)), from_ms=from_ms, to_ms=ALWAYS
    )
    assert found.candles == 500
    assert from_ms - found.began_ms >= 22 * MINUTE_MS
    assert all(one.alert.event_ms >= from_ms for one in found.alerts)


def test_an_empty_range_has_no_alerts() -> None:
    of = history(wild_columns(50))
    assert replay_symbol(of, options(), from_ms=0, to_ms=1).alerts == ()
    assert replay_symbol(of, options(), from_ms=ALWAYS, to_ms=ALWAYS + 1).candles == 0
