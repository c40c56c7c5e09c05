"""Candles without a closing flag are closed by the clock, each once, and nothing is made up for what was not seen."""

from __future__ import annotations

from altmonitor.exchanges.hyperliquid.closing import ClockClosing
from altmonitor.market.candles import MINUTE_MS, Candle

T0 = 1_790_000_040_000


class Hand:
    def __init__(self) -> None:
        self.now_ms = T0
        self.closing = ClockClosing(lambda: self.now_ms)

    def hear(self, symbol: str, minute: int, close: float, at_s: float, quote: float = 10.0) -> None:
        self.now_ms = T0 + round(at_s * 1000)
        low, high = min(1.0, close), max(1.0, close)
        candle = Candle(open_ms=T0 + minute * MINUTE_MS, open=1.0, high=high, low=low, close=close, quote_usdt=quote)
        self.closing.hear(symbol, candle, self.now_ms)

    def due(self, at_s: float) -> list[tuple[str, int, float, float]]:
        self.now_ms = T0 + round(at_s * 1000)
        return [
            (update.symbol, (update.kline.open_ms - T0) // MINUTE_MS, update.kline.close, update.kline.quote_usdt)
            for update in self.closing.due()
            if update.kline.is_closed
        ]


def test_a_candle_is_closed_a_moment_after_its_minute_and_once() -> None:
    hand = Hand()
    hand.hear("BTCUSDT", 0, 1.5, at_s=55)
    assert hand.due(59) == []
    assert hand.due(61) == []
    assert hand.due(61.6) == [("BTCUSDT", 0, 1.5, 10.0)]
    assert hand.due(62.6) == []


def test_the_next_minutes_first_trade_does_not_lose_the_end_of_the_one_before() -> None:
    hand = Hand()
    hand.hear("BTCUSDT", 0, 1.5, at_s=55)
    hand.hear("BTCUSDT", 1, 1.6, at_s=60.2)
    hand.hear("BTCUSDT", 0, 1.7, at_s=60.8, quote=12.0)  # a last trade of the minute that is over
    assert hand.due(61.6) == [("BTCUSDT", 0, 1.7, 12.0)]
    hand.hear("BTCUSDT", 1, 1.8, at_s=110)
    assert hand.due(121.6) == [("BTCUSDT", 1, 1.8, 10.0)]


def test_a_coin_without_a_trade_has_flat_minutes_while_others_are_heard() -> None:
    hand = Hand()
    hand.hear("QUIETUSDT", 0, 1.5, at_s=10)
    for second in range(15, 190, 5):
        hand.hear("BTCUSDT", second // 60, 2.0, at_s=second)
        if second == 65:
            assert [row for row in hand.due(65) if row[0] == "QUIETUSDT"] == [("QUIETUSDT", 0, 1.5, 10.0)]
    quiet = [row for row in hand.due(186) if row[0] == "QUIETUSDT"]
    assert quiet == [("QUIETUSDT", 1, 1.5, 0.0), ("QUIETUSDT", 2, 1.5, 0.0)]


def test_minutes_in_which_nothing_came_at_all_are_not_made_up() -> None:
    hand = Hand()
    hand.hear("BTCUSDT", 0, 1.5, at_s=55)
    assert hand.due(200) == []  # blind
    hand.hear("BTCUSDT", 5, 1.6, at_s=301)
    assert hand.due(302) == []
    hand.hear("BTCUSDT", 5, 1.7, at_s=355)
    assert [row for row in hand.due(362) if row[1] < 5] == []


def test_a_candle_that_runs_on_after_a_flat_minute_began_is_the_real_one() -> None:
    hand = Hand()
    hand.hear("AUSDT", 0, 1.5, at_s=50)
    hand.hear("BUSDT", 0, 1.5, at_s=59)
    hand.due(62)
    hand.hear("BUSDT", 1, 1.5, at_s=100)
    hand.hear("AUSDT", 1, 2.5, at_s=110, quote=99.0)
    assert ("AUSDT", 1, 2.5, 99.0) in hand.due(122)


def test_a_coin_first_heard_of_after_its_minute_was_looked_through_is_closed_all_the_same() -> None:
    hand = Hand()
    hand.hear("BTCUSDT", 0, 1.5, at_s=55)
    assert hand.due(61.6) == [("BTCUSDT", 0, 1.5, 10.0)]
    hand.hear("NEWUSDT", 0, 1.2, at_s=62)
    assert hand.due(62.6) == [("NEWUSDT", 0, 1.2, 10.0)]
    assert hand.due(63.6) == []
