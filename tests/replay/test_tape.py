"""The event tape and what is chosen from it: it counts as the live engine does, and it looks at no day held back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altmonitor.core.alert import Kind
from altmonitor.core.types import Destination
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay import tape_files
from altmonitor.replay.archive import import_files
from altmonitor.replay.columns import Source, funding_columns, open_interest_columns
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.run import replay
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tape import BURST, Tape, first_ones
from altmonitor.replay.tape_files import TapeGroups, build_tape
from altmonitor.replay.tune import DAY_MS, tune
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition, FundingCrosses, PriceCrosses, PriceMoves
from altmonitor.settings.settings import Settings
from tests.replay.history import FEB_2025, real_file, wild_columns
from tests.replay.test_condition_count import condition

SYMBOLS = ["ONEUSDT", "TWOUSDT"]
THREE_DAYS = FEB_2025 + 3 * DAY_MS


def filled(folder: Path, *, days: int = 3) -> HistoryStore:
    store = HistoryStore(folder)
    for seed, symbol in enumerate(SYMBOLS):
        store.add(symbol, "klines", wild_columns(days * 1_440, seed=seed, holes=0.001))
    return store


def built(store: HistoryStore, *, to_ms: int = THREE_DAYS, lookback: int = 20) -> Tape:
    return build_tape(store, SYMBOLS, from_ms=FEB_2025, to_ms=to_ms, lookback=lookback)


def counted(tape: Tape, kind: Kind, chosen: Settings) -> int:
    return len(tape.told(options(chosen).audiences[0], kinds=[kind]))


def options(chosen: Settings, *, conditions: tuple[Condition, ...] = ()) -> ReplayOptions:
    audience = Audience(destination=Destination(chat_id=1), settings=chosen)
    return ReplayOptions(audiences=(audience,), conditions=conditions)


def test_bursts_on_the_tape_are_those_of_the_live_engine(tmp_path: Path) -> None:
    store = filled(tmp_path)
    tape = built(store)
    for multiple, floor, cooldown_s in ((3.0, 0.0, 0), (5.0, 50_000.0, 180), (8.0, 0.0, 3_600)):
        chosen = Settings(
            vol_burst_mult=multiple,
            vol_burst_min_usdt=floor,
            cooldown_sec=cooldown_s,
            pump_threshold=100,
            dump_threshold=-100,
        )
        found = replay(store, SYMBOLS, options(chosen), from_ms=FEB_2025, to_ms=THREE_DAYS)
        expected = sum(one.alert.kind == "vol" for one in found.alerts)
        assert counted(tape, "vol", chosen) == expected > 0


def test_price_alerts_on_the_tape_are_nearly_those_of_the_live_engine(tmp_path: Path) -> None:
    """Nearly: the tape knows minutes, the engine moments within them, and that a whole move was told in between."""
    store = filled(tmp_path)
    for pct, cooldown_s in ((3.0, 180), (4.0, 900)):
        chosen = Settings(pump_threshold=pct, dump_threshold=-pct, cooldown_sec=cooldown_s, vol_burst_mult=0)
        found = replay(store, SYMBOLS, options(chosen), from_ms=FEB_2025, to_ms=THREE_DAYS)
        tape = built(store)
        assert counted(tape, "price", chosen) == pytest.approx(len(found.alerts), rel=0.1)
        firsts = sum(one.alert.details.told_before_pct is None for one in found.alerts)
        told = tape.told(options(chosen).audiences[0], kinds=["price"])
        assert int((~told.is_escalation).sum()) == pytest.approx(firsts, rel=0.1)
        assert firsts > 100


def test_bounds_that_follow_the_contract_count_on_the_tape_as_in_the_engine(tmp_path: Path) -> None:
    store = filled(tmp_path)
    for sigmas in (5.0, 9.0):
        chosen = Settings(adaptive_sigmas=sigmas, adaptive_floor_pct=0.8, vol_burst_mult=0)
        found = replay(store, SYMBOLS, options(chosen), from_ms=FEB_2025, to_ms=THREE_DAYS)
        assert counted(built(store), "price", chosen) == pytest.approx(len(found.alerts), rel=0.12)
        assert len(found.alerts) > 100
        own = [one.alert.details.threshold_sigmas for one in found.alerts if one.alert.note == "1m"]
        assert sum(size == pytest.approx(sigmas) for size in own if size) > len(own) / 2


def test_bursts_beyond_what_the_contract_does_anyway_count_on_the_tape_exactly_as_in_the_engine(tmp_path: Path) -> None:
    store = filled(tmp_path)
    for times in (1.5, 2.5):
        chosen = Settings(
            adaptive_volume_mult=times,
            adaptive_volume_floor=3,
            vol_burst_mult=20,
            vol_burst_min_usdt=0,
            pump_threshold=100,
            dump_threshold=-100,
        )
        found = replay(store, SYMBOLS, options(chosen), from_ms=FEB_2025, to_ms=THREE_DAYS)
        assert counted(built(store), "vol", chosen) == len(found.alerts) > 50
        own = [one.alert.details.threshold_busy_times for one in found.alerts]
        assert sum(size == pytest.approx(times) for size in own if size) > len(own) / 2
        assert len({one.alert.details.threshold for one in found.alerts}) > 20, "each hour and contract has its own"


def test_a_contract_that_alone_is_told_of_volume_has_its_own_bound_on_the_tape_too(tmp_path: Path) -> None:
    store = filled(tmp_path)
    own = Settings(
        adaptive_volume_mult=1.5, vol_burst_mult=20, vol_burst_min_usdt=0, pump_threshold=100, dump_threshold=-100
    )
    for general, alone in ((0.0, own), (20.0, replace(own, vol_burst_mult=0))):
        chosen = replace(own, vol_burst_mult=general, of_symbol={"ONEUSDT": alone})
        found = replay(store, SYMBOLS, options(chosen), from_ms=FEB_2025, to_ms=THREE_DAYS)
        assert counted(built(store), "vol", chosen) == len(found.alerts) > 50, general


def test_changes_of_open_interest_are_counted_once_while_they_last(tmp_path: Path) -> None:
    store = filled(tmp_path)
    stamps = FEB_2025 + np.arange(200) * 5 * MINUTE_MS
    contracts = np.where(np.arange(200) < 50, 1_000.0, 1_100.0) * np.where(np.arange(200) == 120, 0.9, 1.0)
    store.add("ONEUSDT", "oi", open_interest_columns(stamps, contracts, Source.ARCHIVE, [contracts * 2_000]))
    tape = built(store)
    chosen = Settings(oi_surge_1m=0, oi_surge_5m=6, oi_min_usd=0)
    assert counted(tape, "oi", chosen) == 3  # a step up, a dip down and back
    assert counted(tape, "oi", replace(chosen, oi_min_usd=2_100_000)) == 2
    assert counted(tape, "oi", replace(chosen, oi_surge_5m=50)) == 0


@settings(deadline=None, max_examples=40)
@given(moments=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=60), gap=st.integers(1, 20))
def test_jumps_find_what_a_plain_loop_finds(moments: list[tuple[int, int]], gap: int) -> None:
    expected, last = 0, dict[int, int]()
    for side, at in sorted(moments, key=lambda one: one[1]):
        if side not in last or at - last[side] >= gap:
            expected, last[side] = expected + 1, at
    sides, stamps = (np.array([one[n] for one in sorted(moments)], dtype=np.int64) for n in (0, 1))
    assert first_ones(sides, stamps, gap).sum() == expected


def test_a_tape_is_made_once_and_again_when_anything_it_is_made_of_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(tmp_path, days=1)
    first = built(store)
    files = sorted((tmp_path / ".tape").iterdir())
    assert len(files) == 2
    written = [path.stat().st_mtime_ns for path in files]
    again = built(store)
    assert [path.stat().st_mtime_ns for path in files] == written
    assert again.rows[BURST].size.tolist() == first.rows[BURST].size.tolist()
    files[0].write_bytes(b"damaged")
    assert built(store).rows[BURST].size.tolist() == first.rows[BURST].size.tolist()
    built(store, lookback=30)
    assert len(list((tmp_path / ".tape").iterdir())) == 4
    monkeypatch.setattr(tape_files, "detector_version", lambda: "another one")
    built(store)
    assert len(list((tmp_path / ".tape").iterdir())) == 6
    columns = store.candles("ONEUSDT", 0, 1 << 50)
    store.add("ONEUSDT", "klines", replace(columns, quote_usdt=columns.quote_usdt + 1))
    built(store)
    assert len(list((tmp_path / ".tape").iterdir())) == 7
    assert store.symbols() == SYMBOLS


def test_a_tape_in_parts_tells_what_the_whole_one_tells(tmp_path: Path) -> None:
    store = filled(tmp_path)
    parts = list(TapeGroups(store, SYMBOLS, from_ms=FEB_2025, to_ms=THREE_DAYS, lookback=20, at_once=1))
    assert [one.symbols for one in parts] == [("ONEUSDT",), ("TWOUSDT",)]
    for kind in ("price", "vol"):
        counts = [counted(one, kind, Settings(pump_threshold=1.5)) for one in parts]
        assert min(counts) > 10
        assert sum(counts) == counted(built(store), kind, Settings(pump_threshold=1.5))


def test_thresholds_follow_from_the_days_that_are_not_held_back(tmp_path: Path) -> None:
    def tuned(store: HistoryStore) -> dict[str, tuple[float, float]]:
        found = tune(
            store, SYMBOLS, options(Settings()), per_day=60, kinds=("price", "vol", "oi"), from_ms=FEB_2025,
            to_ms=THREE_DAYS, held_out_days=1,
        )  # fmt: skip
        assert [one.kind for one in found.kinds] == ["price", "vol"]  # of open interest nothing is stored
        assert len(found.by_day) == 1
        assert sum(one.fitted_per_day for one in found.kinds) <= 66
        assert sum(found.by_day) == pytest.approx(found.held_out_per_day)
        return {key: values for one in found.kinds for key, values in one.thresholds.items()}

    store = filled(tmp_path / "one")
    before = tuned(store)
    assert before["pump_threshold"][0] == 3.0
    assert before["pump_threshold"][1] == -before["dump_threshold"][1]
    other = HistoryStore(tmp_path / "two")
    for seed, symbol in enumerate(SYMBOLS):
        other.add(symbol, "klines", wild_columns(2 * 1_440, seed=seed, holes=0.001))
        other.add(symbol, "klines", wild_columns(1_440, seed=seed + 50, begin_ms=FEB_2025 + 2 * DAY_MS))
    assert tuned(other) == before


def test_conditions_take_their_part_of_the_budget_and_are_counted_on_the_days_held_back(tmp_path: Path) -> None:
    asked = (
        condition(PriceMoves(window="5m", pct=12.0), symbol=SYMBOLS[0]),
        condition(PriceMoves(window="1m", pct=9.0), symbol=SYMBOLS[1], number=2),
        condition(PriceMoves(window="1m", pct=0.5), symbol=SYMBOLS[1], number=3, at=Destination(chat_id=9)),
    )
    found = tune(
        filled(tmp_path), SYMBOLS, options(Settings(), conditions=asked), per_day=60, kinds=("price", "vol"),
        from_ms=FEB_2025, to_ms=THREE_DAYS, held_out_days=1,
    )  # fmt: skip
    assert found.conditions == 2
    assert found.conditions_per_day > 5
    assert found.conditions_held_per_day == pytest.approx(found.conditions_per_day, rel=0.5)
    assert 50 <= found.conditions_per_day + sum(one.fitted_per_day for one in found.kinds) <= 66
    assert sum(found.by_day) == pytest.approx(found.held_out_per_day)


def test_conditions_about_funding_take_their_part_where_settlements_are_stored(tmp_path: Path) -> None:
    store, hours = filled(tmp_path), np.arange(0, 3 * 24, 1)
    rates = np.where(hours % 4 < 2, 0.0012, 0.0001)  # beyond six times a day
    store.add(
        SYMBOLS[0], "funding",
        funding_columns(FEB_2025 + hours * 3_600_000, rates, np.full(len(hours), 1.0), Source.ARCHIVE),
    )  # fmt: skip
    asked = condition(FundingCrosses(side="above", rate=0.001), symbol=SYMBOLS[0])
    found = tune(
        store, SYMBOLS, options(Settings(), conditions=(asked,)), per_day=60, kinds=("price", "vol"), from_ms=FEB_2025,
        to_ms=THREE_DAYS, held_out_days=1,
    )  # fmt: skip
    assert (found.conditions, found.conditions_held_per_day) == (1, 6.0)
    assert 5 <= found.conditions_per_day <= 6  # the first of all only arms
    assert found.conditions_per_day + sum(one.fitted_per_day for one in found.kinds) <= 66


def test_on_real_days_held_back_a_budget_with_conditions_is_met_within_30_percent(tmp_path: Path) -> None:
    store, symbols = HistoryStore(tmp_path), ["FILUSDT", "NEARUSDT", "AVAXUSDT"]
    import_files(store, [real_file(f"{symbol}-1m-2025-02.csv.gz") for symbol in symbols])
    asked = (
        condition(PriceMoves(window="1m", pct=0.9), symbol="FILUSDT"),
        condition(PriceCrosses(side="below", level=3.0), symbol="FILUSDT", number=2),
    )
    found = tune(
        store, symbols, options(Settings(), conditions=asked), per_day=20, kinds=("price", "vol"),
        from_ms=FEB_2025, to_ms=FEB_2025 + 28 * DAY_MS, held_out_days=8,
    )  # fmt: skip
    assert found.conditions == len(asked)
    assert found.held_out_per_day == pytest.approx(20, rel=0.3)


@pytest.mark.parametrize("per_day", [10, 20, 40])
@pytest.mark.parametrize("chosen", [Settings(), Settings(move_5m_pct=2, move_15m_pct=3)])
def test_on_real_days_held_back_the_wished_number_is_met_within_30_percent(
    tmp_path: Path, per_day: int, chosen: Settings
) -> None:
    store, symbols = HistoryStore(tmp_path), ["FILUSDT", "NEARUSDT", "AVAXUSDT"]
    import_files(store, [real_file(f"{symbol}-1m-2025-02.csv.gz") for symbol in symbols])
    found = tune(
        store, symbols, options(chosen), per_day=per_day, kinds=("price", "vol"), from_ms=FEB_2025,
        to_ms=FEB_2025 + 28 * DAY_MS, held_out_days=8,
    )  # fmt: skip
    assert found.held_out_per_day == pytest.approx(per_day, rel=0.3)


ADAPTIVE = Settings(adaptive_sigmas=6.0, adaptive_floor_pct=1.0, adaptive_volume_mult=2.0, adaptive_volume_floor=3.0)


def test_multiples_of_what_a_contract_does_are_tuned_and_what_is_lost_is_what_they_do_not_tell(tmp_path: Path) -> None:
    found = tune(
        filled(tmp_path), SYMBOLS, options(ADAPTIVE), per_day=60, kinds=("price", "vol"), from_ms=FEB_2025,
        to_ms=THREE_DAYS, held_out_days=1,
    )  # fmt: skip
    chosen = {key: values for one in found.kinds for key, values in one.thresholds.items()}
    assert {key: values[0] for key, values in chosen.items()} == {"adaptive_sigmas": 6.0, "adaptive_volume_mult": 2.0}
    assert sum(one.fitted_per_day for one in found.kinds) <= 66
    then = replace(ADAPTIVE, **{key: values[1] for key, values in chosen.items()})
    tape = build_tape(filled(tmp_path), SYMBOLS, from_ms=FEB_2025, to_ms=THREE_DAYS - DAY_MS, lookback=20)
    for one in found.kinds:
        assert counted(tape, one.kind, then) / 2 == pytest.approx(one.fitted_per_day)
        told = tape.told(options(then).audiences[0], kinds=[one.kind])
        kept = {
            (tape.symbols[symbol], at) for symbol, at in zip(told.symbol.tolist(), told.at_ms.tolist(), strict=True)
        }
        assert one.lost
        assert not {(move.symbol, move.at_ms) for move in one.lost} & kept


def test_thresholds_of_a_class_of_contracts_stay_fixed_ones(tmp_path: Path) -> None:
    found = tune(
        filled(tmp_path), SYMBOLS, options(ADAPTIVE), per_day=60, kinds=("vol",), from_ms=FEB_2025,
        to_ms=THREE_DAYS, held_out_days=1, per_class=True,
    )  # fmt: skip
    assert {key for one in found.kinds for key in one.thresholds} == {"vol_burst_mult"}


@pytest.mark.parametrize("per_day", [20, 40])
def test_on_real_days_held_back_multiples_meet_the_wished_number_within_30_percent(
    tmp_path: Path, per_day: int
) -> None:
    store, symbols = HistoryStore(tmp_path), ["FILUSDT", "NEARUSDT", "AVAXUSDT"]
    import_files(store, [real_file(f"{symbol}-1m-2025-02.csv.gz") for symbol in symbols])
    found = tune(
        store, symbols, options(ADAPTIVE), per_day=per_day, kinds=("price", "vol"), from_ms=FEB_2025,
        to_ms=FEB_2025 + 28 * DAY_MS, held_out_days=8,
    )  # fmt: skip
    assert found.held_out_per_day == pytest.approx(per_day, rel=0.3)


def test_a_tape_that_cannot_be_kept_is_made_again_and_says_the_same(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    store.add("AUSDT", "klines", wild_columns(2_000, seed=3))
    (tmp_path / ".tape").write_text("where its folder should be")
    span = {"from_ms": FEB_2025, "to_ms": FEB_2025 + 2_000 * MINUTE_MS, "lookback": 20}
    without = [build_tape(store, ["AUSDT"], **span) for _ in range(2)]
    (tmp_path / ".tape").unlink()
    kept = build_tape(store, ["AUSDT"], **span)
    assert len(list((tmp_path / ".tape").iterdir())) == 1
    for tape in without:
        for rule, rows in kept.rows.items():
            assert tape.rows[rule].at_ms.tolist() == rows.at_ms.tolist()
            assert tape.rows[rule].size.tolist() == rows.size.tolist()
    assert sum(len(rows) for rows in kept.rows.values()) > 50
