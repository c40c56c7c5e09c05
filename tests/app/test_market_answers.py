"""What is answered about the market: from live values, with None where nothing honest is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

import pytest

from altmonitor.app.market_answers import MarketAnswerDeps, MarketAnswers, with_stored
from altmonitor.core.alert import Alert, Details, Kind, StoredAlert
from altmonitor.core.types import Destination
from altmonitor.delivery.alert_charts import ChartPictureFile
from altmonitor.detectors.verdict import Explanation, Rule, RuleCheck, Verdict
from altmonitor.interfaces.queries import FundingFacts, OpenInterestFacts
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import Candle, CandleUpdate
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import DayTicker, Funding

MINUTE = 60_000
T0 = 1_790_000_040_000


class Known:
    """A market of a few books; `minutes` closed candles of `start`, then an open one at `now`."""

    def __init__(self) -> None:
        self.books: dict[str, SymbolBook] = {}
        self.days: dict[str, DayTicker] = {}
        self.fundings: dict[str, Funding] = {}
        self.ring = OpenInterestRing(period_s=60)
        self.now_ms = T0 + 30_000

    def add(self, symbol: str, *, start: float, now: float, minutes: int = 80, event_ms: int = T0 + 20_000) -> None:
        book = self.books[symbol] = SymbolBook(symbol)
        for at in range(minutes, 0, -1):
            book.close_candle(candle(T0 - at * MINUTE, start))
        book.apply(CandleUpdate(event_ms=event_ms, symbol=symbol, kline=candle(T0, start, now, is_closed=False)))

    def answers(self) -> MarketAnswers:
        return MarketAnswers(
            MarketAnswerDeps(
                venue="binance",
                watched=("binance",),
                book=self.books.get,
                explain=lambda symbol, destination, at_ms: Explanation(
                    symbol=symbol, destination=destination, at_ms=at_ms or self.now_ms, is_now=at_ms is None
                ),
                alerts=None,
                picture=self.picture,
                zone_of=lambda destination: UTC,
                listed=lambda: self.books,
                day=self.days.get,
                funding=self.fundings.get,
                funding_hours=lambda symbol: 4.0,
                funding_age_s=lambda: 12.0,
                fundings_of=lambda symbol: (),
                oi_ring=self.ring,
                now_ms=lambda: self.now_ms,
            )
        )

    async def picture(self, symbol: str, zone: tzinfo, alerts: Sequence[Alert]) -> ChartPictureFile | None:
        return None


def candle(open_ms: int, start: float, close: float | None = None, *, is_closed: bool = True) -> Candle:
    close = start if close is None else close
    return Candle(
        open_ms=open_ms,
        open=start,
        high=max(start, close),
        low=min(start, close),
        close=close,
        quote_usdt=1e5,
        is_closed=is_closed,
    )


async def test_top_names_the_largest_first_in_both_directions() -> None:
    known = Known()
    for symbol, now in [("AUSDT", 103.0), ("BUSDT", 110.0), ("CUSDT", 95.0), ("DUSDT", 99.0), ("EUSDT", 100.0)]:
        known.add(symbol, start=100.0, now=now)
    top = await known.answers().top("1m", count=5)
    assert [(row.symbol, round(row.change_pct, 6)) for row in top.rising] == [("BUSDT", 10.0), ("AUSDT", 3.0)]
    assert [(row.symbol, round(row.change_pct, 6)) for row in top.falling] == [("CUSDT", -5.0), ("DUSDT", -1.0)]
    assert (top.symbols, top.as_of_ms) == (5, T0 + 20_000)


async def test_top_is_cut_to_the_count() -> None:
    known = Known()
    for number in range(30):
        known.add(f"COIN{number}USDT", start=100.0, now=101.0 + number)
    top = await known.answers().top("5m", count=3)
    assert [row.symbol for row in top.rising] == ["COIN29USDT", "COIN28USDT", "COIN27USDT"]
    assert top.falling == []


async def test_a_contract_without_enough_minutes_is_not_compared_over_an_hour() -> None:
    known = Known()
    known.add("OLDUSDT", start=100.0, now=104.0)
    known.add("NEWUSDT", start=100.0, now=150.0, minutes=10)
    top = await known.answers().top("1h", count=5)
    assert [row.symbol for row in top.rising] == ["OLDUSDT"]


async def test_an_hour_ago_is_known_although_the_minute_before_the_running_one_is_missing_yet() -> None:
    known = Known()
    book = known.books["AUSDT"] = SymbolBook("AUSDT")
    book.refill([candle(T0 - at * MINUTE, 100.0) for at in range(100, 1, -1)])
    book.apply(CandleUpdate(event_ms=T0 + 20_000, symbol="AUSDT", kline=candle(T0, 104.0, 105.0, is_closed=False)))
    facts = await known.answers().price("AUSDT")
    assert facts is not None
    changes = {window: None if change is None else round(change, 6) for window, change in facts.changes}
    assert changes == {"1m": round(100 / 104, 6), "5m": 5.0, "15m": 5.0, "1h": 5.0, "24h": None}


async def test_a_contract_that_stopped_trading_is_no_mover() -> None:
    known = Known()
    known.add("DEADUSDT", start=100.0, now=150.0)
    known.now_ms = T0 + 11 * MINUTE
    assert (await known.answers().top("1m", count=5)).symbols == 0


async def test_a_day_is_taken_from_the_exchange() -> None:
    known = Known()
    known.add("AUSDT", start=100.0, now=101.0)
    known.days["AUSDT"] = DayTicker(symbol="AUSDT", last_price=7.0, change_pct=-12.5, quote_usdt=9e6)
    top = await known.answers().top("24h", count=5)
    assert [(row.symbol, row.change_pct, row.price, row.day_quote_usdt) for row in top.falling] == [
        ("AUSDT", -12.5, 7.0, 9e6)
    ]


async def test_a_price_comes_with_its_changes() -> None:
    known = Known()
    known.add("AUSDT", start=100.0, now=102.0)
    known.days["AUSDT"] = DayTicker(
        symbol="AUSDT", last_price=102.0, change_pct=8.0, quote_usdt=5e6, high=110.0, low=90.0
    )
    facts = await known.answers().price("AUSDT")
    assert facts is not None
    assert facts.price == 102.0
    assert [(name, None if c is None else round(c, 6)) for name, c in facts.changes] == [
        ("1m", 2.0),
        ("5m", 2.0),
        ("15m", 2.0),
        ("1h", 2.0),
        ("24h", 8.0),
    ]
    assert (facts.day_high, facts.day_low, facts.mark_price) == (110.0, 90.0, None)


@pytest.mark.parametrize("symbol", ["AUSDT", "NOSUCHUSDT"])
async def test_before_the_first_frame_there_is_no_price(symbol: str) -> None:
    known = Known()
    known.books["AUSDT"] = SymbolBook("AUSDT")
    assert await known.answers().price(symbol) is None


async def test_open_interest_says_over_which_span_it_was_measured() -> None:
    known = Known()
    known.add("AUSDT", start=2.0, now=2.0)
    for minute, contracts in enumerate([100.0, 100.0, 100.0, 100.0, 100.0, 110.0]):
        known.ring.record("AUSDT", time_ms=T0 - (5 - minute) * 62_000, contracts=contracts)
    assert await known.answers().open_interest("AUSDT") == OpenInterestFacts(
        symbol="AUSDT",
        contracts=110.0,
        usd=220.0,
        sampled_ms=T0,
        change_1m_pct=10.0,
        change_5m_pct=10.0,
        span_1m_s=62.0,
        span_5m_s=310.0,
    )


async def test_an_old_sample_gives_no_change() -> None:
    known = Known()
    for minute in range(6):
        known.ring.record("AUSDT", time_ms=T0 - minute * MINUTE - 600_000, contracts=100.0)
    facts = await known.answers().open_interest("AUSDT")
    assert facts is not None
    assert (facts.usd, facts.change_1m_pct, facts.change_5m_pct) == (None, None, None)


async def test_funding_comes_with_its_interval_and_age() -> None:
    known = Known()
    known.fundings["AUSDT"] = Funding(symbol="AUSDT", rate=0.0001, mark_price=2.0, next_ms=T0 + 3_600_000)
    assert await known.answers().funding("AUSDT") == FundingFacts(
        symbol="AUSDT",
        rate=0.0001,
        as_of_ms=T0 + 18_000,
        interval_h=4.0,
        next_ms=T0 + 3_600_000,
        mark_price=2.0,
    )
    assert await known.answers().funding("BUSDT") is None


# --- why, of a minute that is over


def decided(rule: Rule, verdict: Verdict, value: float | None = None) -> RuleCheck:
    return RuleCheck(rule=rule, verdict=verdict, value=value)


def test_what_was_decided_and_is_not_kept_is_said_from_the_alerts_that_were_stored() -> None:
    rolling, surge, burst = Rule("price", "60s"), Rule("oi", "5m"), Rule("vol", "1m")
    own = decided(Rule("price", "1m"), Verdict.NOT_KEPT, 2.0)
    known = decided(burst, Verdict.FIRE, 9.0)
    told = [
        stored("price", "60s", -6.2, Details(threshold=-3.0, window_s=60.0, told_before_pct=-3.1)),
        stored("oi", "5m", 7.5, Details(threshold=6.0, window_s=298.0), late=True),
        stored("vol", "1m", 5.0, Details(threshold=5.0)),
        stored("condition", "price", 101.0, Details()),
    ]
    checks = with_stored([own, decided(rolling, Verdict.NOT_KEPT), decided(surge, Verdict.NOT_KEPT), known], told)
    assert checks == (
        own,
        RuleCheck(
            rule=rolling,
            verdict=Verdict.ESCALATE,
            value=-6.2,
            threshold=-3.0,
            from_ms=T0 - 60_000,
            to_ms=T0,
        ),
        RuleCheck(
            rule=surge,
            verdict=Verdict.FIRE,
            value=7.5,
            threshold=6.0,
            from_ms=T0 - 298_000,
            to_ms=T0,
            is_late=True,
        ),
        known,
    )


def stored(kind: Kind, note: str, metric: float, details: Details, *, late: bool = False) -> StoredAlert:
    alert = Alert(
        key=f"{kind}:{note}",
        ts=T0 / 1000,
        event_ms=T0,
        symbol="AUSDT",
        kind=kind,
        direction="UP",
        metric=metric,
        note=note,
        late=late,
        details=details,
    )
    return StoredAlert(alert=alert, delivery="sent")


async def test_without_history_it_is_not_claimed_that_nothing_was_told() -> None:
    known = Known()
    assert (await known.answers().explain("AUSDT", T0 - MINUTE, Destination(chat_id=1))).told is None
