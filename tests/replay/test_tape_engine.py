"""The second engine of a replay: whatever the settings and the cuts of the range, it tells what the exact one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altmonitor.core.alert import Kind
from altmonitor.core.types import Destination
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.archive import import_files
from altmonitor.replay.past_market import ReplayedAlert
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.run import EngineName, replay
from altmonitor.replay.store import HistoryStore
from altmonitor.settings.audience import Audience, QuietHours
from altmonitor.settings.conditions import Condition, PriceCrosses, PriceMoves
from altmonitor.settings.settings import Settings
from tests.replay.history import FEB_2025, real_file, wild_columns, wild_interest

MINUTES = 240
KINDS: tuple[Kind, ...] = ("price", "vol", "oi")
PRICE = st.sampled_from([0.5, 1.5, 3.0, 8.0])
ONE = st.builds(
    Settings,
    pump_threshold=PRICE,
    dump_threshold=PRICE.map(lambda size: -size),
    oi_surge_1m=st.sampled_from([0.0, 0.5, 3.0]),
    oi_surge_5m=st.sampled_from([0.0, 6.0]),
    oi_min_usd=st.sampled_from([0.0, 1e8]),
    vol_burst_mult=st.sampled_from([0.0, 2.5, 5.0, 12.0]),
    vol_burst_min_usdt=st.sampled_from([0.0, 50_000.0]),
    vol_burst_lookback=st.sampled_from([5, 20, 120]),
    vol_burst_early=st.booleans(),
    cooldown_sec=st.sampled_from([0, 180, 900]),
    move_5m_pct=st.sampled_from([0.0, 1.0, 4.0]),
    move_15m_pct=st.sampled_from([0.0, 6.0]),
    min_24h_usdt=st.sampled_from([0.0, 0.0, 4e7]),
    adaptive_sigmas=st.sampled_from([0.0, 0.0, 4.0]),
    adaptive_volume_mult=st.sampled_from([0.0, 0.0, 1.5]),
    adaptive_volume_floor=st.sampled_from([1.5, 3.0]),
    muted=st.sampled_from([{}, {"XUSDT": (FEB_2025 + 120 * MINUTE_MS) // 1000}]).map(MappingProxyType),
    watchlist=st.sampled_from([frozenset[str](), frozenset(["YUSDT"])]),
)
OWN = st.builds(
    lambda one, own: replace(one, of_symbol={"XUSDT": replace(own, vol_burst_lookback=one.vol_burst_lookback)}),
    ONE,
    ONE,
)
AUDIENCE = st.builds(
    lambda chosen, kinds, quiet: Audience(
        destination=Destination(chat_id=1), settings=chosen, kinds=frozenset(kinds), quiet=quiet
    ),
    ONE | OWN,
    st.sets(st.sampled_from(KINDS), min_size=1),
    st.sampled_from([None, QuietHours(begin_minute=60, end_minute=180)]),
)


def shown(alerts: Sequence[ReplayedAlert]) -> list[tuple[object, ...]]:
    return [(one.alert, one.to) for one in alerts]


def told(
    store: HistoryStore, options: ReplayOptions, engine: EngineName, *, from_ms: int, to_ms: int
) -> list[tuple[object, ...]]:
    found = replay(store, store.symbols(), options, from_ms=from_ms, to_ms=to_ms, engine=engine)
    return shown(found.alerts)


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chosen=st.lists(AUDIENCE, min_size=1, max_size=3),
    seed=st.integers(0, 9_999),
    holes=st.sampled_from([0.0, 0.01]),
    halt=st.sampled_from([0, 45]),
    cuts=st.lists(st.integers(1, MINUTES - 1), max_size=3),
)
def test_both_engines_tell_the_same_wherever_the_range_is_cut(
    tmp_path_factory: pytest.TempPathFactory,
    chosen: list[Audience],
    seed: int,
    holes: float,
    halt: int,
    cuts: list[int],
) -> None:
    store = HistoryStore(tmp_path_factory.mktemp("store"))
    candles = wild_columns(MINUTES, seed=seed, holes=holes)
    store.add("XUSDT", "klines", candles)
    later = wild_columns(MINUTES // 2, seed=seed + 1, begin_ms=FEB_2025 + (MINUTES // 2 + halt) * MINUTE_MS)
    store.add("YUSDT", "klines", wild_columns(MINUTES // 2, seed=seed + 2))
    store.add("YUSDT", "klines", later)  # a halt, or minutes that come twice
    store.add("XUSDT", "oi", wild_interest(candles, seed=seed))
    audiences = [replace(one, destination=Destination(chat_id=at + 1)) for at, one in enumerate(chosen)]
    options = ReplayOptions(audiences=tuple(audiences))
    end_ms = FEB_2025 + (MINUTES + 120) * MINUTE_MS
    whole = told(store, options, "exact", from_ms=FEB_2025, to_ms=end_ms)
    borders = [FEB_2025, *(FEB_2025 + at * MINUTE_MS + 31_000 for at in sorted(set(cuts))), end_ms]
    parts = [told(store, options, "tape", from_ms=a, to_ms=b) for a, b in pairwise(borders)]
    keys = [[(alert.key, alert.event_ms, to) for alert, to in rows] for rows in (sum(parts, []), whole)]  # type: ignore[attr-defined]  # noqa: RUF017
    assert keys[0] == keys[1]


REAL = ["FILUSDT", "NEARUSDT", "AVAXUSDT"]


@pytest.mark.parametrize(
    "chosen",
    [
        Settings(),
        Settings(pump_threshold=1, dump_threshold=-1, move_5m_pct=2, move_15m_pct=3, vol_burst_mult=12),
        Settings(pump_threshold=8, dump_threshold=-8, vol_burst_mult=100, cooldown_sec=900),
        Settings(adaptive_sigmas=10, vol_burst_mult=100, move_5m_pct=1),
        Settings(adaptive_sigmas=6, adaptive_volume_mult=2),
    ],
)
def test_both_engines_tell_the_same_of_a_real_month(tmp_path: Path, chosen: Settings) -> None:
    store = HistoryStore(tmp_path)
    import_files(store, [real_file(f"{symbol}-1m-2025-02.csv.gz") for symbol in REAL])
    audience = Audience(destination=Destination(chat_id=1), settings=chosen)
    options = ReplayOptions(audiences=(audience,))
    span = {"from_ms": FEB_2025, "to_ms": FEB_2025 + 28 * 86_400_000}
    exact, tape = (replay(store, REAL, options, engine=engine, **span) for engine in ("exact", "tape"))
    assert exact == tape
    assert len(exact.alerts) >= 3


def test_a_month_in_which_nobody_is_told_anything_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = HistoryStore(tmp_path)
    store.add("XUSDT", "klines", wild_columns(MINUTES, seed=1))
    loud = Settings(pump_threshold=50, dump_threshold=-50, vol_burst_mult=900, oi_surge_1m=0, oi_surge_5m=0)
    options = ReplayOptions(audiences=(Audience(destination=Destination(chat_id=1), settings=loud),))
    span = {"from_ms": FEB_2025 + 100 * MINUTE_MS, "to_ms": FEB_2025 + MINUTES * MINUTE_MS}
    exact = replay(store, ["XUSDT"], options, **span)
    assert replay(store, ["XUSDT"], options, engine="tape", **span) == exact
    monkeypatch.delattr(HistoryStore, "candles")
    assert replay(store, ["XUSDT"], options, engine="tape", **span) == exact
    assert exact.candles == MINUTES - 100


def test_what_was_asked_for_by_name_is_told_by_both_engines(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    candles = wild_columns(MINUTES, seed=5)
    store.add("XUSDT", "klines", candles)
    level = float(np.median(candles.close))
    place = Destination(chat_id=7)
    asked = tuple(
        Condition(
            id=number,
            destination=place,
            owner_id=None,
            owner_name="",
            text="",
            created_s=1,
            symbol="XUSDT",
            predicate=predicate,
        )
        for number, predicate in enumerate((PriceCrosses(side="above", level=level), PriceMoves(window="5m", pct=4.0)))
    )
    quiet = Settings(pump_threshold=100, dump_threshold=-100, vol_burst_mult=0, oi_surge_1m=0, oi_surge_5m=0)
    options = ReplayOptions(audiences=(Audience(destination=place, settings=quiet),), conditions=asked)
    span = {"from_ms": FEB_2025, "to_ms": FEB_2025 + MINUTES * MINUTE_MS}
    exact, tape = (told(store, options, engine, **span) for engine in ("exact", "tape"))
    assert exact == tape
    assert {alert.note for alert, _ in exact} == {"price", "5m"}  # type: ignore[attr-defined]
    first = next(alert for alert, _ in exact if alert.note == "price")  # type: ignore[attr-defined]
    assert first.price >= level
