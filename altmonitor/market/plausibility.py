"""Which figures of an exchange are believed. Finite and above 0 is not enough: a candle at 0.00001 or 1e12 among sane
ones is a fault of the venue, and would be the largest move of the year.

A real crash is believed as it comes: LUNA lost 99.9 % in days and 60 % in its worst minutes, and no step from one
update to the next was near what is refused here. Nothing is refused for good, either: what the venue goes on telling is
believed after `HELD_MS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import Final, TypeVar

from altmonitor.market.candles import ClosedCandle, Kline
from altmonitor.market.liquidations import Liquidation
from altmonitor.market.quotes import DayTicker, Funding

K = TypeVar("K", bound=Kline | ClosedCandle)

LOWEST_PRICE: Final = 1e-12
HIGHEST_PRICE: Final = 1e9
"""USDT. The cheapest coins stand at about 1e-9 (listed by the thousand or million), the dearest at 1e5."""
MOST_QUOTE_USDT: Final = 1e11
"""Of one contract in a minute; the whole market trades about as much in a day."""
FARTHEST: Final = 50.0
"""A price so many times another, up or down, is none that followed it: −98 %, or +4,900 %. Exchanges bound the orders
of a perpetual to a few percent around its mark price."""
HELD_MS: Final = 90_000
"""What is that far is believed when the venue has told nothing else for so long: longer than one candle."""
FIRST_HELD_MS: Final = 5_000
"""The same for the first prices of a start, which only history contradicts: many of them outweigh it."""
FORGOTTEN_MS: Final = 600_000
"""After so long without data a price may be anywhere: a contract that was halted is listed anew under another unit."""

MOST_DAY_PCT: Final = 1e5
MOST_DAY_USDT: Final = 1e13
"""A contract's rise and volume in 24 hours."""
MOST_OPEN_INTEREST_TIMES: Final = 10.0
"""Between two samples. Real ones double in minutes at most; that of a new contract, which grows from nothing, comes a
little later."""
MOST_FUNDING: Final = 0.1
"""Of one interval, either way. The widest cap of a venue is 4 %."""
MOST_BASIS_TIMES: Final = 3.0
"""Between the mark and the index price."""
MOST_LIQUIDATION_USD: Final = 1e10
"""Of one order. The largest that are known were some hundred millions."""
MOST_LIQUIDATION_TIMES: Final = 10.0
"""Between its price and the contract's. A bankruptcy price may be far, and never that far."""


def is_price(price: float) -> bool:
    """False for NaN, too."""
    return LOWEST_PRICE <= price <= HIGHEST_PRICE


def is_near(price: float, other: float, times: float = FARTHEST) -> bool:
    """Neither is more than so many times the other; both above 0."""
    return price <= other * times and other <= price * times


def is_volume(quote_usdt: float) -> bool:
    """Of a minute. False for NaN, too."""
    return 0.0 <= quote_usdt <= MOST_QUOTE_USDT


def is_candle(kline: Kline | ClosedCandle) -> bool:
    """Its prices can be: in their order, and none of them far from the close."""
    low, high, close = kline.low, kline.high, kline.close
    if not (LOWEST_PRICE <= low <= close <= high <= HIGHEST_PRICE and low <= kline.open <= high):
        return False
    return high <= low * FARTHEST or (high <= close * FARTHEST and close <= low * FARTHEST)


def is_move(kline: Kline) -> bool:
    """From its open to its close it may have gone; what it touched in between may be a fault."""
    opened, close = kline.open, kline.close
    return is_price(opened) and is_price(close) and is_near(opened, close)


def is_rate(rate: float) -> bool:
    """Funding of one interval, a fraction. False for NaN, too."""
    return -MOST_FUNDING <= rate <= MOST_FUNDING


def is_funding(funding: Funding) -> bool:
    """A price of 0 stands for none."""
    mark, index = funding.mark_price, funding.index_price
    if not is_rate(funding.rate) or not (mark == 0 or is_price(mark)):
        return False
    return not index or not mark or is_near(mark, index, MOST_BASIS_TIMES)


def is_day(ticker: DayTicker) -> bool:
    """Of 24 hours. A contract that was never traded has a last price of 0."""
    return (
        (ticker.last_price == 0 or is_price(ticker.last_price))
        and -100.0 <= ticker.change_pct <= MOST_DAY_PCT
        and 0.0 <= ticker.quote_usdt <= MOST_DAY_USDT
    )


def is_liquidation(liquidation: Liquidation, price: float) -> bool:
    """price: of the contract, 0 where it is not known."""
    if not is_price(liquidation.price) or not 0.0 < liquidation.usd <= MOST_LIQUIDATION_USD:
        return False
    return not price or is_near(liquidation.price, price, MOST_LIQUIDATION_TIMES)


def believed(candles: Sequence[K]) -> list[K]:
    """Of a contract's history, oldest → newest, without what cannot be. From the longest stretch of prices that follow
    one another both ways: what is far from it is left out when it comes back afterwards, and when it is the only candle
    beyond; where it stays far away, it is the price."""
    if _is_one_level(candles):
        return list(candles)
    good = [candle for candle in candles if is_candle(candle) and is_volume(candle.quote_usdt)]
    found: list[K] = []
    for span in _split(good, lambda before, after: after.open_ms - before.open_ms <= FORGOTTEN_MS):
        levels = _split(span, lambda before, after: is_near(before.close, after.close))
        longest = max(range(len(levels)), key=lambda at: len(levels[at]))
        earlier = _outwards([level[::-1] for level in levels[longest::-1]])
        later = _outwards(levels[longest:])
        found += [*earlier[: len(levels[longest]) - 1 : -1], *later]
    return found


def _is_one_level(candles: Sequence[Kline | ClosedCandle]) -> bool:
    """Nearly every history is: the whole of it is looked at before each of its candles, several times as fast."""
    low, high = min([one.low for one in candles], default=1.0), max([one.high for one in candles], default=1.0)
    return (
        LOWEST_PRICE <= low <= high <= min(HIGHEST_PRICE, low * FARTHEST)
        and 0.0 <= sum([one.quote_usdt if one.quote_usdt >= 0.0 else nan for one in candles]) <= MOST_QUOTE_USDT
        and all(one.low <= one.open <= one.high and one.low <= one.close <= one.high for one in candles)
    )


def _split(candles: Sequence[K], is_one: Callable[[K, K], bool]) -> list[list[K]]:
    """Stretches within which each candle is one with the one before it."""
    found: list[list[K]] = []
    for candle in candles:
        if found and is_one(found[-1][-1], candle):
            found[-1].append(candle)
        else:
            found.append([candle])
    return found


def _outwards(levels: Sequence[list[K]]) -> list[K]:
    """Those that are believed, from the first one on."""
    kept = list(levels[0])
    at = 0
    while at + 1 < len(levels):
        beyond = range(at + 1, len(levels))
        back = next((other for other in beyond if is_near(levels[other][0].close, kept[-1].close)), None)
        if back is None and at + 2 == len(levels) and len(levels[-1]) == 1:
            break
        at = at + 1 if back is None else back
        kept += levels[at]
    return kept
