"""Conditions counted over candles: as often as the engine itself tells them, and what a running monitor asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from altmonitor.core.errors import ExchangeUnreachable
from altmonitor.core.types import Destination
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.replay.columns import Source, candle_columns, funding_columns, no_funding, no_open_interest
from altmonitor.replay.condition_count import (
    ConditionHistory,
    ConditionHistoryDeps,
    ConditionRate,
    closed_minutes,
    condition_rate,
    crossings,
    funding_condition_rate,
)
from altmonitor.replay.exact import SymbolHistory, replay_symbol
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition, FundingCrosses, Predicate, PriceCrosses, PriceMoves
from altmonitor.settings.settings import Settings
from tests.movable_clock import T0, MovableClock
from tests.replay.history import wild_candles

HERE = Destination(chat_id=1)
SILENT = Settings(pump_threshold=100.0, dump_threshold=-100.0, vol_burst_mult=0.0)


def condition(predicate: Predicate, *, number: int = 1, symbol: str = "XUSDT", at: Destination = HERE) -> Condition:
    return Condition(
        id=number,
        destination=at,
        owner_id=7,
        owner_name="Ann",
        text="",
        created_s=0,
        symbol=symbol,
        predicate=predicate,
    )


PREDICATES = st.one_of(
    st.builds(PriceCrosses, side=st.sampled_from(["above", "below"]), level=st.floats(80.0, 120.0)),
    st.builds(PriceMoves, window=st.sampled_from(["1m", "5m", "15m"]), pct=st.floats(0.5, 5.0)),
)


@settings(max_examples=25)
@given(st.lists(PREDICATES, min_size=1, max_size=3), st.integers(1, 40), st.sampled_from([0.0, 0.02]))
def test_they_are_counted_as_often_as_the_engine_tells_them(
    predicates: list[Predicate], seed: int, holes: float
) -> None:
    candles = candle_columns(wild_candles(240, seed=seed, holes=holes), Source.ARCHIVE)
    asked = tuple(condition(one, number=number + 1) for number, one in enumerate(predicates))
    found = crossings(asked, closed_minutes(candles))
    replayed = replay_symbol(
        SymbolHistory(symbol="XUSDT", candles=candles, open_interest=no_open_interest()),
        ReplayOptions(audiences=(Audience(destination=HERE, settings=SILENT),), conditions=asked),
        from_ms=int(candles.open_ms[0]),
        to_ms=int(candles.open_ms[-1]) + 2 * MINUTE_MS,
    )
    assert found == sum(one.alert.kind == "condition" for one in replayed.alerts)


def test_funding_and_symbols_of_which_nothing_is_known_are_not_counted() -> None:
    minutes = [ClosedCandle(number * MINUTE_MS, 100, 101, 99, 100, 1.0) for number in range(10)]
    asked = [
        condition(FundingCrosses(side="above", rate=0.0005)),
        condition(PriceMoves(window="1m", pct=1.0), number=2),
    ]
    assert condition_rate(asked, {"XUSDT": minutes}) == ConditionRate(counted=1, per_day=2 * 1_440.0)
    assert condition_rate(asked, {}) == ConditionRate()


def test_crossings_before_the_beginning_only_arm() -> None:
    prices = [100.0, 110.0, 100.0, 110.0]
    minutes = [ClosedCandle(number * MINUTE_MS, one, one, one, one, 1.0) for number, one in enumerate(prices)]
    asked = [condition(PriceMoves(window="5m", pct=5.0))]
    assert condition_rate(asked, {"XUSDT": minutes}).per_day == 0.0  # of five minutes four are known
    asked = [condition(PriceCrosses(side="above", level=105.0))]
    assert [crossings(asked, minutes, begin_ms=begin * MINUTE_MS) for begin in range(5)] == [2, 2, 1, 1, 0]


def test_a_level_counts_at_the_distance_it_has_from_the_price_now() -> None:
    swing = [100.0, 104.0] * 720
    minutes = [
        ClosedCandle(number * MINUTE_MS, price * day, price * day, price * day, price * day, 1.0)
        for number, (day, price) in enumerate((day, price) for day in (1, 2, 3) for price in swing)
    ]

    def per_day(level: float) -> float:
        return condition_rate([condition(PriceCrosses(side="above", level=level))], {"XUSDT": minutes}).per_day

    # the newest price is 312, so 102 is far below and was crossed all the first day long; 315 is 1 % away
    assert (per_day(102.0), per_day(315.0), per_day(330.0)) == (0.0, 720.0, 0.0)


@dataclass(slots=True)
class Rest:
    """Answers with a price that crosses 105 in every minute, or not at all."""

    asked: list[str] = field(default_factory=list)
    refuses: bool = False

    async def klines(
        self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority
    ) -> Sequence[Candle]:
        self.asked.append(symbol)
        if self.refuses:
            raise ExchangeUnreachable("no")
        rows = range(start_ms, end_ms, MINUTE_MS)
        return [Candle(open_ms=ms, open=100, high=110, low=100, close=100, quote_usdt=1.0) for ms in rows[:limit]]


async def test_a_running_monitor_asks_for_the_newest_minutes_once_and_does_with_its_own_where_it_gets_none() -> None:
    clock = MovableClock(T0)
    rest = Rest()
    own = [ClosedCandle(T0 + number * MINUTE_MS, 100, 101, 99, 100, 1.0) for number in range(60)]
    asked = [
        condition(PriceCrosses(side="above", level=105.0)),
        condition(PriceCrosses(side="above", level=105.0), number=2, symbol="YUSDT"),
        condition(PriceCrosses(side="above", level=105.0), number=3, at=Destination(chat_id=2)),
    ]

    def history() -> ConditionHistory:
        return ConditionHistory(
            ConditionHistoryDeps(conditions=lambda: asked, rest=rest, clock=clock, closed=lambda symbol: own)  # type: ignore[arg-type]
        )

    def here(one: Condition) -> bool:
        return one.destination == HERE

    first = history()
    assert await first.rate(here) == ConditionRate(counted=2, per_day=2_880.0)
    assert await first.rate(here) == ConditionRate(counted=2, per_day=2_880.0)
    assert rest.asked == ["XUSDT", "YUSDT"]
    await clock.advance(601)
    await first.rate(here)
    assert len(rest.asked) == 4
    rest.refuses = True
    assert await history().rate(here) == ConditionRate(counted=2, per_day=0.0)
    asked.clear()
    assert await first.rate(here) == ConditionRate()
    asked.append(condition(PriceMoves(window="1m", pct=1.0)))
    assert (await history().rate(here)).per_day == 2 * 1_440.0  # to its low and to its high in every minute


def test_conditions_about_funding_are_counted_over_its_settlements_by_the_crossing() -> None:
    hours = np.arange(0, 10 * 24, 8)
    rates = np.full(len(hours), 0.0001)
    rates[[4, 5, 6, 20]] = 0.0012  # three settlements in a row, then one
    paid = funding_columns(T0 + hours * 3_600_000, rates, np.full(len(hours), 8.0), Source.ARCHIVE)
    above = condition(FundingCrosses(side="above", rate=0.001))
    elsewhere = condition(FundingCrosses(side="above", rate=0.001), number=2, symbol="YUSDT")
    move = condition(PriceMoves(window="1m", pct=1.0), number=3)

    def counted(begin_ms: int = T0) -> ConditionRate:
        return funding_condition_rate(
            [above, elsewhere, move], {"XUSDT": paid, "YUSDT": no_funding()}, begin_ms=begin_ms
        )

    assert counted() == ConditionRate(counted=1, per_day=2 / 10)
    later = counted(T0 + 5 * 8 * 3_600_000)  # the first crossing only arms
    assert (later.counted, round(later.per_day * (10 - 40 / 24), 6)) == (1, 1.0)
    assert counted(T0 + 11 * 86_400_000) == ConditionRate()
