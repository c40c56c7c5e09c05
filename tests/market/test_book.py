"""What is known of one symbol: the minutes behind the running candle."""

from __future__ import annotations

from math import inf

from altmonitor.market.book import Bounds, Silence, SymbolBook
from altmonitor.market.candles import Candle, CandleUpdate
from tests.fakes import MINUTE, T0


def candle(minute: int) -> Candle:
    return Candle(open_ms=T0 + minute * MINUTE, open=100.0, high=101.0, low=99.0, close=100.0, quote_usdt=1e5)


def test_history_that_closes_a_hole_brings_back_the_minutes_before_it() -> None:
    book = SymbolBook("SOLUSDT")
    book.refill([candle(minute) for minute in range(-99, 0)])
    book.close_candle(candle(1))
    assert len(book.closed) == 1
    book.close_candle(candle(3))
    book.refill([candle(minute) for minute in range(-20, 3)])
    assert (len(book.closed), book.closed[0].open_ms, book.closed[-1].open_ms) == (
        99,
        T0 - 95 * MINUTE,
        T0 + 3 * MINUTE,
    )


def test_a_hole_that_stays_is_not_bridged() -> None:
    book = SymbolBook("SOLUSDT")
    book.refill([candle(minute) for minute in range(-99, 0)])
    book.close_candle(candle(2))
    book.refill([candle(0)])
    assert [one.open_ms for one in book.closed] == [T0 + 2 * MINUTE]


def test_the_volume_of_a_burst_is_known_before_its_candle_runs() -> None:
    book = SymbolBook("SOLUSDT")
    book.listen_for_burst(T0 + MINUTE, 500_000.0)
    assert (book.burst_from(T0), book.burst_from(T0 + MINUTE), book.burst_at) == (inf, 500_000.0, inf)


def test_a_silence_ends_when_the_bounds_are_set_though_they_are_the_same() -> None:
    bounds = Bounds(rise=1.03, fall=0.97)
    book = SymbolBook("SOLUSDT", bounds=bounds)
    book.be_quiet(Silence(above=110.0, below=90.0, until_ms=T0 + MINUTE))
    book.set_bounds(bounds)
    assert book.quiet_until_ms == 0


def test_the_price_of_a_minute_ago_is_kept_however_often_prices_come() -> None:
    for every_ms in (1, 250, 499, 500, 501, 999, 30_000):
        book = SymbolBook("SOLUSDT")
        taken: list[tuple[int, float]] = []
        for at_ms in range(T0, T0 + 150_000, every_ms):
            if at_ms >= book.next_sample_ms:
                taken.append((at_ms, float(len(taken))))
                book.next_sample_ms = book.ring.push(*taken[-1])
        now_ms = taken[-1][0]
        ago = [one for one in taken if one[0] <= now_ms - 60_000][-1]
        assert book.ring.at(now_ms - 60_000, not_before_ms=now_ms - 120_000) == ago, every_ms
        since = [price for moment_ms, price in reversed(taken) if now_ms - 60_000 < moment_ms <= now_ms - 30_000]
        assert book.ring.between(now_ms - 60_000, now_ms - 30_000) == since, every_ms


def test_a_price_beyond_a_bound_may_be_news_unless_it_is_spared() -> None:
    book = SymbolBook("SOLUSDT", bounds=Bounds(rise=1.03, fall=0.97))
    book.apply(CandleUpdate(event_ms=T0 + 500, symbol="SOLUSDT", kline=candle(0)))
    assert [book.may_be_news(price, T0 + 600) for price in (96.9, 97.1, 102.9, 103.1)] == [True, False, False, True]
    book.be_quiet(Silence(above=106.0, below=90.0, until_ms=T0 + 30_000))
    assert [book.may_be_news(price, T0 + 600) for price in (89.9, 103.1, 106.1)] == [True, False, True]
    assert book.may_be_news(103.1, T0 + 30_000)
