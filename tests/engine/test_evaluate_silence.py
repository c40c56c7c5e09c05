"""What is known already costs next to nothing, and nothing that is news is held back for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.detectors.price import WINDOWS, PriceMove, Reading, is_reached
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.engine.evaluate import THIN_DAY_MS
from altmonitor.market.candles import Kline
from altmonitor.market.quotes import DayTicker
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition, PriceCrosses, PriceMoves
from altmonitor.settings.settings import Settings
from tests.effort import examples
from tests.fakes import T0, Market

HERE, THERE = Destination(chat_id=1), Destination(chat_id=2)


def judged(market: Market) -> int:
    return sum(count for (kind, _), count in market.engine.verdicts.items() if kind == "price")


def test_a_symbol_that_was_told_is_judged_once_and_then_left_alone() -> None:
    market = Market(settings=Settings(rolling=False))
    market.push(96.0, at_s=1.0)
    for quarter in range(40):
        market.push(96.0 + quarter % 3 / 10, at_s=2.0 + quarter / 4)
    assert len(market.sink.alerts) == 1
    assert judged(market) == 2


@pytest.mark.parametrize("news", [92.0, 103.0])
def test_what_has_doubled_and_what_goes_the_other_way_is_told_at_its_first_frame(news: float) -> None:
    market = Market(settings=Settings(rolling=False))
    for second, price in ((1.0, 96.0), (2.0, 96.1), (3.0, 92.01 if news < 100 else 102.99), (3.25, news)):
        market.push(price, at_s=second)
    assert [alert.event_ms for alert in market.sink.alerts] == [T0 + 1_000, T0 + 3_250]


def test_the_end_of_a_cooldown_is_the_end_of_the_silence() -> None:
    market = Market(settings=Settings(rolling=False, cooldown_sec=10))
    market.push(104.0, at_s=55.0)
    for at_s in (60.5, 61.0, 64.75, 65.0):
        market.push(107.9, at_s=at_s, open=104.6)
    assert [alert.event_ms for alert in market.sink.alerts] == [T0 + 55_000, T0 + 65_000]


def test_what_a_long_window_has_in_sight_counts_until_its_largest_leaves() -> None:
    told = PriceMove()
    for at_ms, pct in ((T0, 6.0), (T0 + 100_000, 4.0)):
        told.remember(
            Alert(
                key=f"{at_ms}",
                ts=at_ms / 1000,
                event_ms=at_ms,
                symbol="SOLUSDT",
                kind="price",
                direction="PUMP",
                candle_ms=at_ms // 60_000 * 60_000,
                price=100.0 + pct,
                change_pct=pct,
                metric=pct,
                note="1m",
            )
        )
    settings, at = Settings(cooldown_sec=7, move_5m_pct=4.0), Reading(T0 + 240_000, T0 + 295_000)
    silence = told.silence("SOLUSDT", at, {"5m": [100.0]}, settings)
    assert (silence.above, silence.until_ms) == (pytest.approx(112.0), T0 + 300_000)
    later = told.silence("SOLUSDT", Reading(T0 + 300_000, T0 + 300_000), {"5m": [100.0]}, settings)
    assert (later.above, later.until_ms) == (pytest.approx(108.0), T0 + 330_000)


def test_a_price_of_a_minute_ago_that_comes_into_sight_ends_it() -> None:
    market = Market()
    for at_s, price, low in ((1.0, 100.0, 100.0), (31.0, 97.5, 97.5), (32.0, 99.0, 97.5)):
        market.push(price, at_s=at_s, low=low)
    market.push(100.4, at_s=81.0, open=99.0)  # beyond the cheap first look, but no more than 1.4 % in any window
    for at_s in (82.0, 90.75, 91.0, 91.25):
        market.push(100.45, at_s=at_s, open=99.0)
    assert [(alert.note, alert.event_ms) for alert in market.sink.alerts] == [("60s", T0 + 91_000)]


def test_settings_conditions_and_the_end_of_a_mute_count_at_once() -> None:
    market = Market(
        audiences=[Audience(destination=HERE, settings=Settings(rolling=False, muted={"SOLUSDT": T0 // 1000 + 5}))]
    )
    market.push(104.0, at_s=2.0)
    market.push(104.1, at_s=4.75)
    assert market.sink.alerts == []
    market.push(104.1, at_s=5.0)
    assert len(market.sink.alerts) == 1
    market.push(104.1, at_s=6.0)
    crossing = Condition(
        id=1,
        destination=HERE,
        owner_id=1,
        owner_name="anna",
        text="sol > 104.5",
        created_s=0,
        symbol="SOLUSDT",
        predicate=PriceCrosses(side="above", level=104.5),
    )
    market.engine.apply_conditions([crossing])
    market.push(104.2, at_s=6.25)
    market.push(104.6, at_s=6.5)
    assert [alert.kind for alert in market.sink.alerts] == ["price", "condition"]
    market.engine.apply(
        [Audience(destination=HERE, settings=Settings()), Audience(destination=THERE, settings=Settings())]
    )
    market.push(104.6, at_s=6.75)
    assert market.sink.to[market.sink.alerts[-1].key] == (THERE,)


SETTINGS = st.builds(
    Settings,
    pump_threshold=st.sampled_from([2.0, 3.0, 5.0]),
    dump_threshold=st.sampled_from([-2.0, -3.0]),
    cooldown_sec=st.sampled_from([0, 7, 20, 60, 180]),
    move_5m_pct=st.sampled_from([0.0, 2.5, 4.0]),
    move_15m_pct=st.sampled_from([0.0, 6.0]),
    rolling=st.booleans(),
    min_24h_usdt=st.sampled_from([0.0, 0.0, 5_000_000.0]),
    muted=st.sampled_from([{}, {}, {"SOLUSDT": T0 // 1000 + 100}]),
)
PREDICATES = (
    (),
    (
        PriceCrosses(side="above", level=104.0),
        PriceMoves(window="5m", pct=3.0),
        PriceMoves(window="1m", pct=2.5),
    ),
)
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1_000), st.integers(0, 1_000)), min_size=5, max_size=60)
A_HAIR = 1e-6


class Judge:
    """What every audience was told, apart from the engine, and what would be news to any of them."""

    def __init__(self, market: Market, audiences: Sequence[Audience]) -> None:
        self.market, self.taken = market, 0
        self.states = [AudienceState(audience, since_ms=0, episodes=EpisodeOptions()) for audience in audiences]

    def take(self) -> None:
        for alert in self.market.sink.alerts[self.taken :]:
            for state in self.states:
                if alert.kind == "price" and state.audience.destination in self.market.sink.to[alert.key]:
                    state.remember(alert, None)
        self.taken = len(self.market.sink.alerts)

    def is_news(self, price: float, event_ms: int) -> bool:
        book = self.market.engine.book("SOLUSDT")
        assert book is not None
        assert book.kline is not None
        kline = msgspec.structs.replace(book.kline, close=price)  # type: ignore[type-var]
        reading = Reading(kline.open_ms, event_ms)
        reading.add("1m", kline.open, price)
        before = book.ring.at(event_ms - 60_000, not_before_ms=event_ms - 120_000)
        reading.add("60s", None if before is None else before[1], price)
        for window, minutes in WINDOWS:
            reading.add(window, book.open_before(minutes), price)
        return any(self._is_news_to(state, reading, kline, event_ms) for state in self.states)

    def _is_news_to(self, state: AudienceState, reading: Reading, kline: Kline, event_ms: int) -> bool:
        if state.filter_reason("price", "SOLUSDT", event_ms, self.market.context.day) is not None:
            return False
        settings = state.audience.settings
        moves = reading.reached(settings)
        wholes = state.episodes.whole_moves("SOLUSDT", kline, event_ms)
        return any(state.price.judge("SOLUSDT", move, settings).verdict.is_raised for move in moves) or any(
            one.verdict.is_raised and is_reached(one.move.change_pct, settings) for one in wholes
        )


class Driver:
    """Two markets with the same frames, one of which judges every frame, and the frames that would tell the most about
    a difference: prices a hair on both sides of whatever could be news, at the first and the last moment of a wait."""

    def __init__(self, audiences: Sequence[Audience], conditions: Sequence[Condition]) -> None:
        self.several = [audience.settings for audience in audiences]
        self.loud, self.quiet = (Market(audiences=audiences, is_loud=is_loud) for is_loud in (True, False))
        self.at_ms, self.minute, self.opened, self.price = 500, 0, 100.0, 100.0
        for market in (self.loud, self.quiet):
            market.engine.apply_conditions(conditions)
        self.judge = Judge(self.loud, audiences)
        self._push()

    def step(self, what: int, which_moment: int, which_price: int) -> None:
        """what: 0 is a table of the day's figures and a frame 5 s later, 5 a tremble, everything else a price."""
        moments = sorted({at_ms for at_ms in self._moments() if at_ms > self.at_ms})
        self.at_ms = moments[which_moment % len(moments)]
        while self.at_ms // 60_000 > self.minute:
            for market in (self.loud, self.quiet):
                market.close(self.minute, 1_000.0, open=self.opened, close=self.price)
            self.minute, self.opened = self.minute + 1, self.price
        if what == 0 and self.at_ms % 60_000 < 55_000:
            is_thin = which_price % 2 == 0
            day = DayTicker(symbol="SOLUSDT", last_price=100.0, change_pct=0.0, quote_usdt=1e6 if is_thin else 1e8)
            self.at_ms += THIN_DAY_MS
            for market in (self.loud, self.quiet):
                market.context.days["SOLUSDT"] = day
        elif what < 5:
            prices = sorted(self._prices())
            self.price = prices[which_price % len(prices)]
        else:
            self.price *= 1 + (which_price % 7 - 3) * 1e-4
        self._push()

    def _push(self) -> None:
        for market in (self.loud, self.quiet):
            market.push(self.price, at_s=self.at_ms / 1000, open=self.opened)

    def news_in_the_silence(self) -> list[tuple[float, int]]:
        """At the edges of what is not judged now: what somebody would have to be told there. Nothing, one hopes."""
        self.judge.take()
        book = self.quiet.engine.book("SOLUSDT")
        assert book is not None
        last_ms = min(book.quiet_until_ms, book.open_ms + 60_000) - 1
        high, low = book.quiet_above, book.quiet_below
        if last_ms <= book.event_ms or not low < book.price < high:
            return []
        prices = [book.price, low * (1 + 1e-12) if low else 1.0, high * (1 - 1e-12) if high < inf else 1_000.0]
        moments = {book.event_ms + 1, last_ms, (book.event_ms + last_ms) // 2, *range(book.event_ms, last_ms, 4_000)}
        return [(price, at_ms) for price in prices for at_ms in sorted(moments) if self.judge.is_news(price, at_ms)]

    def _moments(self) -> Iterator[int]:
        yield from (self.at_ms + after_ms for after_ms in (250, 500, 4_000, 9_000))
        yield (self.minute + 1) * 60_000
        for alert in self.loud.sink.alerts[-3:]:
            for settings in self.several:
                for quiet_s in (settings.cooldown_sec, 60, 300):
                    end_ms = alert.event_ms - T0 + quiet_s * 1_000
                    if end_ms < self.at_ms + 200_000:
                        yield from (end_ms - 1, end_ms)
        book = self.loud.engine.book("SOLUSDT")
        if book is not None:
            sampled = book.ring.at(T0 + self.at_ms - 40_000, not_before_ms=0)
            if sampled is not None:
                yield from (sampled[0] - T0 + 59_999, sampled[0] - T0 + 60_000)

    def _prices(self) -> Iterator[float]:
        book = self.loud.engine.book("SOLUSDT")
        assert book is not None
        now_ms = T0 + self.at_ms
        before = [self.opened, *book.ring.between(now_ms - 65_000, now_ms - 30_000)[::8], 104.0]
        before += [price for minutes in (5, 15) if (price := book.open_before(minutes)) is not None]
        told = {(alert.direction, alert.metric) for alert in self.loud.sink.alerts[-4:] if alert.kind == "price"}
        pcts = {2.0, 3.0, 5.0, 2.5, 4.0, -2.0, -2.5, -3.0, -4.0, 0.0}
        pcts |= {2 * metric for _, metric in told if metric is not None and abs(metric) < 15}
        for price in (price for price in before if 20.0 < price < 500.0):
            for pct in pcts:
                yield from (price * (1 + pct / 100) * (1 + hair) for hair in (-A_HAIR, A_HAIR))
        for alert in self.loud.sink.alerts[-4:]:
            if alert.price is not None and alert.change_pct is not None and abs(alert.change_pct) < 15:
                base = alert.price / (1 + alert.change_pct / 100)
                yield from (base * (1 + 2 * alert.change_pct / 100) * (1 + hair) for hair in (-A_HAIR, A_HAIR))


@given(STEPS, st.lists(SETTINGS, min_size=1, max_size=2), st.sampled_from(PREDICATES))
@effort(max_examples=examples(400))
def test_the_same_is_told_as_when_every_frame_is_judged(
    steps: list[tuple[int, int, int]], several: list[Settings], predicates: tuple[PriceCrosses | PriceMoves, ...]
) -> None:
    audiences = [
        Audience(destination=Destination(chat_id=number), settings=settings)
        for number, settings in enumerate(several, 1)
    ]
    asked = [
        Condition(
            id=number,
            destination=HERE,
            owner_id=1,
            owner_name="anna",
            text="asked for",
            created_s=0,
            symbol="SOLUSDT",
            predicate=predicate,
        )
        for number, predicate in enumerate(predicates, 1)
    ]
    driver = Driver(audiences, asked)
    for step in steps:
        driver.step(*step)
        assert driver.news_in_the_silence() == []
        loud, quiet = (
            [(alert.key, alert.event_ms, alert.metric) for alert in market.sink.alerts]
            for market in (driver.loud, driver.quiet)
        )
        assert quiet == loud
