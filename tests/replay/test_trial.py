"""A trial: counts with what is in force and with what is tried, and the moves that make the difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Rule
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import Source, funding_columns, month_begin_ms, open_interest_columns
from altmonitor.replay.live_tape import LiveTape
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tape import is_bounded_alike
from altmonitor.replay.tape_files import TapeGroups
from altmonitor.replay.trial import DAY_MS, TrialDeps, Trials, try_on
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial
from altmonitor.settings.settings import Settings
from tests.movable_clock import MovableClock
from tests.replay.history import FEB_2025, minutes_of, wild_columns

HOUR_MS = 60 * MINUTE_MS


def audience(chosen: Settings) -> Audience:
    return Audience(destination=Destination(chat_id=1), settings=chosen, kinds=frozenset({"price"}))


def with_moves(moves: dict[int, float], *, count: int = 240) -> LiveTape:
    live = LiveTape()
    highs = [moves.get(at, 0.0) for at in range(count)]
    opens = [FEB_2025 + at * MINUTE_MS for at in range(count)]
    live.take_candles("SOLUSDT", minutes_of(opens, highs=highs), lookback=20)
    return live


def tried(live: LiveTape, pump: float, *, from_ms: int = 0) -> Trial:
    now, then = (audience(one) for one in (Settings(), Settings(pump_threshold=pump)))
    return try_on([live.tape()], now, then, from_ms=from_ms, days={"price": 0.5})


def test_a_higher_bound_loses_the_smaller_moves_and_names_the_largest() -> None:
    (row,) = tried(with_moves({10: 3.5, 70: 5.0, 75: 5.5, 190: 3.2}), 4.0).rows
    assert (row.now, row.then, row.days) == (4, 2, 0.5)
    assert (row.peak, row.peak_ms) == (2, FEB_2025 + HOUR_MS)
    assert [(one.symbol, one.at_ms, round(one.size, 1)) for one in row.lost] == [
        ("SOLUSDT", FEB_2025 + 10 * MINUTE_MS, 3.5)
    ]
    assert row.new == ()


def test_a_lower_bound_has_new_ones_and_what_is_told_earlier_of_the_same_move_is_not_new() -> None:
    (row,) = tried(with_moves({10: 1.5, 12: 3.5, 190: 2.2}), 1.0).rows
    assert row.lost == ()
    assert [round(one.size, 1) for one in row.new] == [2.2]


def test_only_the_time_asked_for_counts() -> None:
    (row,) = tried(with_moves({10: 3.5, 190: 4.5}), 4.0, from_ms=FEB_2025 + HOUR_MS).rows
    assert (row.now, row.then, row.lost) == (1, 1, ())


def test_symbols_looked_at_one_after_the_other_give_what_all_at_once_give(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    for seed in range(5):
        store.add(f"COIN{seed}USDT", "klines", wild_columns(2 * 1_440, seed=seed, holes=0.001))
    now = Audience(destination=Destination(chat_id=1), settings=Settings())
    then = replace(now, settings=Settings(pump_threshold=1.5, vol_burst_mult=8.0))

    def tried_with(at_once: int) -> Trial:
        tapes = TapeGroups(
            store, store.symbols(), from_ms=FEB_2025, to_ms=FEB_2025 + 2 * DAY_MS, lookback=20, at_once=at_once
        )
        return try_on(tapes, now, then, from_ms=FEB_2025 + HOUR_MS)

    whole = tried_with(12)
    assert tried_with(1) == tried_with(2) == whole
    assert [(row.kind, round(row.days, 1)) for row in whole.rows] == [("price", 2.0), ("vol", 2.0)]
    assert all(len(row.lost) + len(row.new) > 2 and row.peak > 3 for row in whole.rows)
    peaks = [row.peak for row in whole.rows]
    assert max(peaks) <= whole.peak <= sum(peaks)
    assert whole.peak_ms is not None


def test_a_kind_whose_bounds_are_the_same_is_told_alike_and_what_differs_is_counted_anew() -> None:
    one = Settings(of_symbol={"SOLUSDT": Settings(pump_threshold=4.0)})
    alike = {
        "price": Settings(vol_burst_mult=9.0, oi_surge_1m=7.0, of_symbol={"SOLUSDT": Settings(pump_threshold=4.0)}),
        "vol": replace(one, pump_threshold=9.0, of_symbol={"SOLUSDT": Settings(pump_threshold=5.0)}),
    }
    for kind, other in alike.items():
        assert is_bounded_alike(kind, one, other), kind  # type: ignore[arg-type]
    differs = (
        replace(one, move_5m_pct=4.0),
        replace(one, cooldown_sec=60),
        replace(one, min_24h_usdt=1e6),
        replace(one, watchlist=frozenset({"SOLUSDT"})),
        replace(one, muted={"SOLUSDT": None}),
        replace(one, of_symbol={}),
        replace(one, of_symbol={"SOLUSDT": Settings(pump_threshold=5.0)}),
        replace(one, adaptive_sigmas=6.0),
    )
    assert [is_bounded_alike("price", one, other) for other in differs] == [False] * len(differs)
    assert not is_bounded_alike("vol", one, replace(one, vol_burst_min_usdt=1e6))
    (row,) = tried(with_moves({10: 3.5, 70: 5.0}), 3.0).rows
    assert (row.now, row.then, row.peak, row.lost, row.new) == (2, 2, 1, (), ())


async def test_sizes_that_the_monitor_does_not_keep_are_named(tmp_path: Path) -> None:
    clock = MovableClock()
    live, begin_ms = LiveTape(), clock.now_ms() // MINUTE_MS * MINUTE_MS - 120 * MINUTE_MS
    live.take_candles("SOLUSDT", minutes_of([begin_ms + at * MINUTE_MS for at in range(120)]), lookback=20)
    deps = TrialDeps(
        live_tape=live,
        store=HistoryStore(tmp_path),
        clock=clock,
        listed=lambda: ["SOLUSDT"],
        day_usdt=lambda symbol: None,
    )
    trials = Trials(deps)
    found = []
    for then in (Settings(pump_threshold=0.8), Settings(pump_threshold=0.5), Settings(dump_threshold=-0.5)):
        answer = await trials.answer(audience(Settings()), audience(then), None)
        assert isinstance(answer, Trial)
        found.append(answer.too_small)
    assert found == [(), ("price",), ("price",)]


async def test_a_day_counts_as_a_day_at_whatever_hour_it_is_asked_for(tmp_path: Path) -> None:
    clock = MovableClock()
    store = HistoryStore(tmp_path)
    begin_ms = clock.now_ms() // DAY_MS * DAY_MS
    store.add("SOLUSDT", "klines", wild_columns(4 * 1_440, seed=3, begin_ms=begin_ms - 2 * DAY_MS))
    deps = TrialDeps(
        live_tape=LiveTape(), store=store, clock=clock, listed=lambda: ["SOLUSDT"], day_usdt=lambda symbol: None
    )
    days = []
    for hour in (1, 12.5, 23):
        clock.jump((begin_ms + hour * HOUR_MS - clock.now_ms()) / 1000)
        answer = await Trials(deps).answer(audience(Settings()), audience(Settings(pump_threshold=4)), DAY_MS // 1000)
        assert isinstance(answer, Trial)
        days.append(answer.rows[0].days)
    assert days == [1.0, 1.0, 1.0]


def test_an_hour_of_what_the_monitor_saw_is_an_hour_at_whatever_minute_it_begins() -> None:
    live = with_moves({})
    assert live.symbol_minutes("price", since_ms=FEB_2025 + 3 * HOUR_MS) == 60
    assert live.symbol_minutes("price", since_ms=FEB_2025 + 2 * HOUR_MS + 45 * MINUTE_MS) == 75


def test_a_sample_of_open_interest_speaks_for_the_five_minutes_before_it(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    store.add("SOLUSDT", "klines", wild_columns(2 * 1_440, seed=3))
    stamps = FEB_2025 + np.arange(2 * 288) * 5 * MINUTE_MS
    contracts = 1e6 * np.where(np.arange(2 * 288) % 96 < 48, 1.0, 1.2)  # changes by a fifth each four hours
    store.add("SOLUSDT", "oi", open_interest_columns(stamps, contracts, Source.ARCHIVE))
    now = Audience(
        destination=Destination(chat_id=1), settings=Settings(oi_min_usd=0.0), kinds=frozenset({"price", "oi"})
    )
    tapes = TapeGroups(store, store.symbols(), from_ms=FEB_2025, to_ms=FEB_2025 + 2 * DAY_MS, lookback=20)
    rows = {row.kind: row for row in try_on(tapes, now, now, from_ms=FEB_2025).rows}
    assert (rows["oi"].now, round(rows["oi"].days, 2), rows["price"].days) == (11, 2.0, 2.0)


async def test_a_tape_of_too_many_rows_is_not_kept(tmp_path: Path) -> None:
    clock = MovableClock()
    begin_ms = clock.now_ms() // MINUTE_MS * MINUTE_MS - DAY_MS
    store = HistoryStore(tmp_path)
    store.add("SOLUSDT", "klines", wild_columns(1_440, seed=3, begin_ms=begin_ms))
    now, then = audience(Settings()), audience(Settings(pump_threshold=4))

    async def second_answer(most: int) -> tuple[Trial | NotEnoughHistory, bool]:
        """And whether it needed the files."""
        deps = TrialDeps(
            live_tape=LiveTape(),
            store=store,
            clock=clock,
            listed=lambda: ["SOLUSDT"],
            day_usdt=lambda symbol: None,
            most_kept_rows=most,
        )
        trials = Trials(deps)
        await trials.answer(now, then, None)
        for path in (tmp_path / ".tape").iterdir():
            path.unlink()
        return await trials.answer(now, then, None), any((tmp_path / ".tape").iterdir())

    kept, was_read = await second_answer(1_000_000)
    assert not was_read
    assert await second_answer(10) == (kept, True)


async def test_days_that_are_stored_later_count_from_then_on(tmp_path: Path) -> None:
    clock = MovableClock()
    begin_ms = clock.now_ms() // MINUTE_MS * MINUTE_MS - DAY_MS
    store = HistoryStore(tmp_path)
    deps = TrialDeps(
        live_tape=LiveTape(),
        store=store,
        clock=clock,
        listed=lambda: ["SOLUSDT", "DOGEUSDT"],
        day_usdt=lambda symbol: None,
    )
    trials, now, then = Trials(deps), audience(Settings()), audience(Settings(pump_threshold=4))

    async def counted() -> int:
        answer = await trials.answer(now, then, None)
        assert isinstance(answer, Trial)
        return answer.rows[0].now

    columns = wild_columns(1_440, seed=3, begin_ms=begin_ms)
    store.add("SOLUSDT", "klines", columns)
    one = await counted()
    store.add("DOGEUSDT", "klines", columns)
    assert one > 5
    assert await counted() == 2 * one


async def test_a_running_monitor_answers_from_what_it_has_seen_or_from_more_stored_days(tmp_path: Path) -> None:
    clock = MovableClock()
    minute_ms = clock.now_ms() // MINUTE_MS * MINUTE_MS
    live = LiveTape()
    store = HistoryStore(tmp_path)
    trials = Trials(
        TrialDeps(live_tape=live, store=store, clock=clock, listed=lambda: ["SOLUSDT"], day_usdt=lambda symbol: None)
    )
    now, then = audience(Settings()), audience(Settings(pump_threshold=4))
    assert isinstance(await trials.answer(now, then, None), NotEnoughHistory)
    begin_ms = minute_ms - 120 * MINUTE_MS
    live.take_candles("SOLUSDT", minutes_of([begin_ms + at * MINUTE_MS for at in range(120)]), lookback=20)
    seen = await trials.answer(now, then, None)
    assert isinstance(seen, Trial)
    assert [(row.kind, row.now, round(row.days * 1_440)) for row in seen.rows] == [("price", 0, 120)]
    live.take_sample(Rule("liq", "1m"), "SOLUSDT", at_ms=minute_ms, size=9e6, usd=None)
    every = replace(now, kinds=frozenset({"price", "liq"}))
    assert await trials.answer(every, every, None) == await trials.answer(now, now, None), "one sample says nothing"
    store.add("SOLUSDT", "klines", wild_columns(2_880, seed=3, begin_ms=minute_ms - 2 * DAY_MS))
    stored = await trials.answer(now, then, 86_400)
    assert isinstance(stored, Trial)
    assert stored.rows[0].now > 5
    assert stored.from_ms >= minute_ms - DAY_MS
    next(iter((tmp_path / "SOLUSDT").glob("*.npz"))).write_bytes(b"damaged")
    again = await trials.answer(now, then, 3_600)
    assert isinstance(again, Trial)
    assert again.rows[0].now == 0, "stored days that cannot be read are no answer"


def test_funding_of_stored_days_is_counted_by_the_crossing_over_months_and_intervals(tmp_path: Path) -> None:
    hours = np.arange(0, 40 * 24, 8)
    pct = np.full(len(hours), 0.01)
    pct[10:14] = 0.12, 0.25, 0.11, 0.02  # of 2025-02-04; beyond 0.1 for three settlements: one crossing
    pct[40] = -0.15
    pct[83:86] = 0.3  # from 2025-02-28 16:00 over the end of the month
    store = HistoryStore(tmp_path)
    store.add("SOLUSDT", "klines", wild_columns(40 * 1_440, seed=3))
    store.add(
        "SOLUSDT", "funding", funding_columns(FEB_2025 + hours * HOUR_MS, pct / 100, hours * 0 + 8.0, Source.ARCHIVE)
    )
    quick = np.arange(0, 40 * 24, 4)
    rates = np.where(quick == 48, 0.06, 0.005) / 100  # 0.12 % per 8 hours
    store.add("DOGEUSDT", "klines", wild_columns(40 * 1_440, seed=4))
    store.add(
        "DOGEUSDT", "funding", funding_columns(FEB_2025 + quick * HOUR_MS, rates, quick * 0 + 4.0, Source.ARCHIVE)
    )
    now = Audience(
        destination=Destination(chat_id=1), settings=Settings(funding_extreme_pct=0.1), kinds=frozenset({"funding"})
    )
    then = replace(now, settings=Settings(funding_extreme_pct=0.2))
    tapes = TapeGroups(store, store.symbols(), from_ms=FEB_2025, to_ms=FEB_2025 + 40 * DAY_MS, lookback=20)
    (row,) = try_on(tapes, now, then, from_ms=0).rows
    assert (row.kind, row.now, row.then, round(row.days, 1)) == ("funding", 4, 2, 40.0)
    assert [(one.symbol, round(one.size, 2), (one.at_ms - FEB_2025) // HOUR_MS) for one in row.lost] == [
        ("SOLUSDT", -0.15, 320),
        ("DOGEUSDT", 0.12, 48),
    ]
    assert row.new == (), "the rate that passes the higher bound one settlement later is the one that is told now"
    told = [tape.told(then, kinds=["funding"]) for tape in tapes]
    assert [(at - FEB_2025) // HOUR_MS for one in told for at in one.at_ms.tolist()] == [88, 664]


def test_a_month_of_the_same_rates_as_the_one_before_is_measured_when_it_is_stored(tmp_path: Path) -> None:
    july_ms, august_ms = (month_begin_ms(month) for month in ("2025-07", "2025-08"))
    hours = np.arange(0, 31 * 24, 8)
    store = HistoryStore(tmp_path)
    store.add("SOLUSDT", "klines", wild_columns(1_440, seed=3, begin_ms=august_ms))
    now = Audience(
        destination=Destination(chat_id=1), settings=Settings(funding_extreme_pct=0.1), kinds=frozenset({"funding"})
    )

    def rows(begin_ms: int) -> int:
        """With that month of funding alone."""
        rates = np.full(len(hours), 0.002)
        paid = funding_columns(begin_ms + hours * HOUR_MS, rates, hours * 0 + 8.0, Source.ARCHIVE)
        store.add("SOLUSDT", "funding", paid)
        tapes = TapeGroups(store, ["SOLUSDT"], from_ms=august_ms, to_ms=august_ms + 31 * DAY_MS, lookback=20)
        found = try_on(tapes, now, now, from_ms=august_ms).rows
        next((tmp_path / "SOLUSDT").glob("*.funding.npz")).unlink()
        return len(found)

    assert [rows(july_ms), rows(august_ms)] == [0, 1]


def test_a_kind_of_which_nothing_is_stored_has_no_row(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    store.add("SOLUSDT", "klines", wild_columns(1_440, seed=3))
    now = Audience(destination=Destination(chat_id=1), settings=Settings(funding_extreme_pct=0.1))
    tapes = TapeGroups(store, store.symbols(), from_ms=FEB_2025, to_ms=FEB_2025 + DAY_MS, lookback=20)
    assert {row.kind for row in try_on(tapes, now, now, from_ms=0).rows} == {"price", "vol"}
