"""What the price 60 s earlier could have raised at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from altmonitor.core.types import Destination
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import CandleColumns
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.rolling import most_across
from altmonitor.replay.run import EngineName, not_shown, replay
from altmonitor.replay.store import HistoryStore
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.replay.history import FEB_2025, minutes_of

UPWARDS = Settings(dump_threshold=-100.0)
EVERYBODY = Audience(destination=Destination(chat_id=1), settings=Settings())


def made(highs: dict[int, float], lows: dict[int, float], *, missing: Sequence[int] = ()) -> CandleColumns:
    minutes = [at for at in range(120) if at not in missing]
    return minutes_of(
        [FEB_2025 + at * MINUTE_MS for at in minutes],
        highs=[highs.get(at, 0.0) for at in minutes],
        lows=[lows.get(at, 0.0) for at in minutes],
    )


def most(candles: CandleColumns, audience: Audience = EVERYBODY, from_ms: int = FEB_2025) -> int:
    return most_across("SOLUSDT", candles, [audience], [], from_ms=from_ms)


def test_a_move_that_a_minute_cuts_in_two_counts_once_in_its_direction() -> None:
    cut = made({31: 1.6}, {30: -1.6})  # 98.4 → 101.6: 3.3 %
    assert most(cut) == 1
    assert most(made({30: 1.6}, {31: -1.6})) == 1, "downwards"
    assert most(made({31: 1.4}, {30: -1.4})) == 0, "2.8 %"
    assert most(made({32: 1.6}, {30: -1.6})) == 0, "no minute of their own between them"
    assert most(made({31: 1.6}, {29: -1.6}, missing=[30])) == 0, "a hole"
    several = made({31: 1.6, 33: 1.6, 60: 1.6}, {30: -1.6, 32: -1.6, 59: -1.6})
    assert most(several, replace(EVERYBODY, settings=UPWARDS)) == 2, "a cooldown apart"
    assert most(several) == 3, "and down from 31 to 32"
    assert most(cut, from_ms=FEB_2025 + 32 * MINUTE_MS) == 0


def test_it_is_asked_only_for_who_hears_of_prices_and_compares_with_the_price_60_s_earlier() -> None:
    cut = made({31: 1.6}, {30: -1.6})
    settings = Settings(rolling=False)
    assert most(cut, replace(EVERYBODY, settings=settings)) == 0
    assert most(cut, replace(EVERYBODY, kinds=frozenset({"vol"}))) == 0
    assert most(cut, replace(EVERYBODY, settings=Settings(watchlist=frozenset({"BTCUSDT"})))) == 0
    own = Settings(of_symbol={"SOLUSDT": Settings(pump_threshold=4.0, dump_threshold=-4.0)})
    assert most(cut, replace(EVERYBODY, settings=own)) == 0


def test_what_is_told_anyway_is_not_counted_again(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    store.add("SOLUSDT", "klines", made({31: 3.5, 60: 1.6}, {30: -1.6, 59: -1.6}))
    options = ReplayOptions(audiences=(replace(EVERYBODY, settings=UPWARDS),))
    engines: tuple[EngineName, ...] = ("exact", "tape")
    for engine in engines:
        to_ms = FEB_2025 + 120 * MINUTE_MS
        found = replay(store, ["SOLUSDT"], options, from_ms=FEB_2025, to_ms=to_ms, engine=engine)
        assert [one.alert.direction for one in found.alerts] == ["PUMP"], engine
        assert found.across == 1, engine
        assert not_shown(found)[0].endswith(
            "is not here: 1 at most beside the 1 of prices that are, at contracts of which anything is told"
        )
    silent = replace(options, audiences=(replace(EVERYBODY, settings=Settings(pump_threshold=3.51)),))
    quiet = [
        replay(store, ["SOLUSDT"], silent, from_ms=FEB_2025, to_ms=FEB_2025 + 120 * MINUTE_MS, engine=engine)
        for engine in engines
    ]
    assert quiet[0] == quiet[1], "also where no candle is read"
    closes = replay(
        store, ["SOLUSDT"], replace(options, price_path="close"), from_ms=FEB_2025, to_ms=FEB_2025 + 120 * MINUTE_MS
    )
    assert closes.across is None
    assert not_shown(closes)[0].endswith("a move that a minute cuts in two is not here"), "no number that nobody knows"
