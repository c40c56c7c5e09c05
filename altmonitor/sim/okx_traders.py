"""Traders whom OKX ranks, as a function of time: their success by the day, what they hold, held and ordered.

One population serves the public copy-trading paths and the signed ones; nobody there has the same name in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.sim.contracts import key_of
from altmonitor.sim.market import Market
from altmonitor.sim.okx import contract_value, instrument_of, scale_of
from altmonitor.sim.venue_sockets import listed

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
COUNT: Final = 60
CONTRACTS: Final = 10
_HOLD_HOURS: Final = (4, 8, 12, 24)
_NAMES: Final = ("Otter", "Heron", "Lynx", "Badger", "白鹭", "Сова", "Falcon", "<b>Bold</b>", "Finch", "Orca")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimHolding:
    """One position, open or closed. contracts: above 0. entry, exit: prices; exit None while it is open."""

    position_id: int
    symbol: str
    instrument: str
    is_long: bool
    is_net_mode: bool
    contracts: float
    contract_value: float
    lever: int
    entry: float
    opened_ms: int
    closed_ms: int
    exit: float | None = None

    def notional(self, price: float) -> float:
        """USD."""
        return self.contracts * self.contract_value * price

    def pnl(self, price: float) -> float:
        """USD, of the price alone."""
        return (
            self.notional(price) - self.notional(self.entry)
            if self.is_long
            else self.notional(self.entry) - (self.notional(price))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SimTrader:
    """code: of copy trading; author_id: of the signed paths. asset: USD. is_masked: hides what is open."""

    number: int
    code: str
    author_id: str
    name: str
    asset: float
    followers: int
    lead_days: int
    is_masked: bool
    is_gone: bool


class SimTraders:
    def __init__(self, market: Market) -> None:
        self._market = market
        self.all: Sequence[SimTrader] = tuple(_trader(number) for number in range(COUNT))
        self.by_code = {one.code: one for one in self.all}
        self.by_author = {one.author_id: one for one in self.all}

    def curve(self, trader: SimTrader, days: int, now_ms: int) -> list[tuple[int, float]]:
        """(start of a UTC day, profit since the first of them as a fraction), oldest → newest."""
        today = now_ms // DAY_MS
        total, points = 0.0, []
        for day in range(today - days + 1, today + 1):
            total += ((key_of("day", trader.code, day) % 2_001) - 940) / 40_000
            points.append((day * DAY_MS, total))
        return points

    def won_days(self, trader: SimTrader, days: int, now_ms: int) -> int:
        before, won = 0.0, 0
        for _, total in self.curve(trader, days, now_ms):
            won += total > before
            before = total
        return won

    def ratio(self, trader: SimTrader, days: int, now_ms: int) -> float:
        return self.curve(trader, days, now_ms)[-1][1]

    def pnl(self, trader: SimTrader, days: int, now_ms: int) -> float:
        return self.ratio(trader, days, now_ms) * trader.asset

    def win_rate(self, trader: SimTrader, days: int, now_ms: int) -> float:
        return self.won_days(trader, days, now_ms) / days

    def drawdown(self, trader: SimTrader, days: int, now_ms: int) -> float:
        peak, deepest = 1.0, 0.0
        for _, total in self.curve(trader, days, now_ms):
            peak = max(peak, 1 + total)
            deepest = max(deepest, 1 - (1 + total) / peak)
        return deepest

    def held(self, trader: SimTrader, at_ms: int) -> list[SimHolding]:
        """Open then, newest first."""
        found = [one for symbol in self._symbols(at_ms) if (one := self._holding(trader, symbol, at_ms)) is not None]
        return sorted(found, key=lambda one: -one.position_id)

    def closed(self, trader: SimTrader, at_ms: int, *, least: int) -> list[SimHolding]:
        """The `least` newest that were closed by then, or more; newest first."""
        found: list[SimHolding] = []
        for symbol in self._symbols(at_ms):
            hold_ms = _hold_ms(trader, symbol)
            for back in range(1, least + 1):
                past = self._holding(trader, symbol, at_ms - back * hold_ms)
                if past is not None and past.closed_ms <= at_ms:
                    (price,) = self._market.prices([symbol], past.closed_ms)
                    found.append(_ended(past, price / scale_of(symbol)))
        return sorted(found, key=lambda one: -one.position_id)

    def price(self, holding: SimHolding, at_ms: int) -> float:
        (price,) = self._market.prices([holding.symbol], at_ms)
        return price / scale_of(holding.symbol)

    def holdings_of(self, traders: Sequence[SimTrader], at_ms: int) -> Iterator[tuple[SimTrader, SimHolding]]:
        for trader in traders:
            for one in self.held(trader, at_ms):
                yield trader, one

    def _symbols(self, at_ms: int) -> list[str]:
        return listed(self._market, at_ms)[:CONTRACTS]

    def _holding(self, trader: SimTrader, symbol: str, at_ms: int) -> SimHolding | None:
        hold_ms = _hold_ms(trader, symbol)
        opened_ms = at_ms // hold_ms * hold_ms
        key = key_of("holds", trader.code, symbol, opened_ms)
        if key % 3:  # two of three turns nothing
            return None
        (price,) = self._market.prices([symbol], opened_ms)
        entry, value = price / scale_of(symbol), contract_value(symbol)
        wanted_usd = trader.asset * (1 + key // 3 % 20) / 20
        return SimHolding(
            position_id=opened_ms * 100_000 + key_of("id", trader.code, symbol) % 100_000,
            symbol=symbol,
            instrument=instrument_of(symbol),
            is_long=bool(key // 60 % 2),
            is_net_mode=key // 120 % 4 == 0,
            contracts=max(1.0, round(wanted_usd / (entry * value))),
            contract_value=value,
            lever=(1, 3, 5, 10, 20)[key // 480 % 5],
            entry=entry,
            opened_ms=opened_ms,
            closed_ms=opened_ms + hold_ms,
        )


def _ended(open_one: SimHolding, price: float) -> SimHolding:
    fields: dict[str, object] = {name: getattr(open_one, name) for name in SimHolding.__dataclass_fields__}
    return SimHolding(**fields | {"exit": price})  # type: ignore[arg-type]


def _hold_ms(trader: SimTrader, symbol: str) -> int:
    return _HOLD_HOURS[key_of("turn", trader.code, symbol) % len(_HOLD_HOURS)] * HOUR_MS


def _trader(number: int) -> SimTrader:
    key = key_of("okx trader", number)
    return SimTrader(
        number=number,
        code=f"{key:016X}",
        author_id=str(10**17 + key % (8 * 10**17)),
        name=f"{_NAMES[number % len(_NAMES)]} {number:02}",
        asset=float(10_000 + key // 7 % 2_000_000),
        followers=key // 11 % 2_000,
        lead_days=20 + key // 13 % 900,
        is_masked=number % 13 == 5,
        is_gone=number % 17 == 9,
    )
