"""Rows of the futures statistics → our values. Bytes in, values out; no I/O.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api (2026-08).
"""

from __future__ import annotations

import math

import msgspec

from altmonitor.positioning.open_interest import OiBar
from altmonitor.positioning.ratios import LongShort, TakerFlow
from altmonitor.positioning.units import Fraction

SUM_TOLERANCE = 0.011
"""Two shares of four decimals each, of which the exchange rounds one."""


class LongShortWire(msgspec.Struct, frozen=True, rename="camel"):
    """The position ratio has shares of position sizes under these names; its coin-margined twin says longPosition."""

    symbol: str
    long_short_ratio: float
    timestamp: int
    long_account: float | None = None
    short_account: float | None = None
    long_position: float | None = None
    short_position: float | None = None

    def parse(self) -> tuple[str, LongShort]:
        """Symbol and bucket."""
        long = self.long_position if self.long_account is None else self.long_account
        short = self.short_position if self.short_account is None else self.short_account
        if long is None or short is None:
            raise ValueError("a share is missing")
        return self.symbol, long_short(self.timestamp, long, short, self.long_short_ratio)


class TakerFlowWire(msgspec.Struct, frozen=True, rename="camel"):
    """These rows do not name their symbol."""

    buy_vol: float
    sell_vol: float
    buy_sell_ratio: float
    timestamp: int

    def parse(self) -> TakerFlow:
        return TakerFlow(
            time_ms=time_ms(self.timestamp),
            buy_coins=_amount(self.buy_vol),
            sell_coins=_amount(self.sell_vol),
            buy_sell_ratio=_amount(self.buy_sell_ratio),
        )


class OiBarWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    sum_open_interest: float
    timestamp: int
    sum_open_interest_value: float | str | None = None

    def parse(self) -> tuple[str, OiBar]:
        bar = OiBar(
            time_ms=time_ms(self.timestamp),
            coins=_amount(self.sum_open_interest),
            usd=_usd(self.sum_open_interest_value),
        )
        return self.symbol, bar


def long_short(stamp_ms: int, long: float, short: float, ratio: float) -> LongShort:
    """Raises: ValueError for shares that make no whole. One above 1 is no fraction: better no row than 6,215 %."""
    if not abs(long + short - 1.0) <= SUM_TOLERANCE:
        raise ValueError("the shares do not make a whole")
    return LongShort(
        time_ms=time_ms(stamp_ms),
        long_share=_share(long),
        short_share=_share(short),
        long_short_ratio=_amount(ratio),
    )


def time_ms(value: int) -> int:
    if not 0 < value < 10**14:
        raise ValueError("not unix milliseconds")
    return value


def _share(value: float) -> Fraction:
    if not 0.0 <= value <= 1.0:
        raise ValueError("not a fraction 0…1")
    return Fraction(value)


def _amount(value: float) -> float:
    if not 0.0 <= value < math.inf:
        raise ValueError("not a finite number ≥ 0")
    return value


def _usd(value: float | str | None) -> float | None:
    """The contracts are what counts; without their worth the bar still says something."""
    try:
        return None if value is None else _amount(float(value))
    except ValueError:
        return None
