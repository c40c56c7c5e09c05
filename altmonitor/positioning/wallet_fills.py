"""What one wallet traded and earned: fills, the closed trades they make, and the curve of its account.

Hyperliquid tells the newest 2,000 fills of an address and a coarse curve for each window. What began before the oldest
fill has no known opening: its trade is left out, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from altmonitor.core.types import Fraction
from altmonitor.positioning.units import quotient
from altmonitor.positioning.wallets import Window

__all__ = ["ClosedTrade", "EquityCurve", "Fill", "closed_trades", "max_drawdown", "win_rate"]

CloseType = Literal["allClose", "partClose", "liquidateClose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. size: coins, above 0. start_size: of the position before it, below 0 for a short. pnl_usd: what
    it realised, before its fee. fee_usd: below 0 for a rebate. is_taker: it crossed the book. id: of the trade.
    liquidated: whose position was closed by force by it, '' for an ordinary one."""

    coin: str
    symbol: str
    time_ms: int
    is_buy: bool
    price: float
    size: float
    start_size: float
    pnl_usd: float
    fee_usd: float
    is_taker: bool
    order_id: str
    id: str
    liquidated: str = ""

    @property
    def end_size(self) -> float:
        """Of the position after it."""
        size = self.start_size + (self.size if self.is_buy else -self.size)
        return 0.0 if abs(size) <= 1e-9 * max(abs(self.start_size), self.size) else size


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """From flat (or a flip) until flat again. size: the most it was, coins. closed_size: coins that were closed.

    open_avg, close_avg: prices by size. pnl_usd: realised, before fees. close_type: partClose where the oldest fills
    of what is still open closed a part.
    """

    id: str
    coin: str
    symbol: str
    is_long: bool
    open_avg: float
    close_avg: float
    size: float
    closed_size: float
    pnl_usd: float
    fee_usd: float
    opened_ms: int
    closed_ms: int
    close_type: CloseType

    @property
    def pnl_ratio(self) -> Fraction | None:
        """Of what it cost at its entry prices."""
        found = quotient(self.pnl_usd - self.fee_usd, self.open_avg * self.closed_size)
        return None if found is None else Fraction(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityCurve:
    """Of one account over one window each: (unix ms, USD), oldest → newest."""

    address: str
    account_usd: Mapping[Window, tuple[tuple[int, float], ...]]
    pnl_usd: Mapping[Window, tuple[tuple[int, float], ...]]


class _RunningTrade:
    """A position while it is followed from fill to fill."""

    def __init__(self, fill: Fill, size: float) -> None:
        self.is_long = fill.is_buy
        self.first = fill
        self.opened = self.closed = 0.0
        self.opened_usd = self.closed_usd = self.pnl_usd = self.fee_usd = 0.0
        self.most = 0.0
        self.is_liquidated = False
        self.grow(fill, size)

    def grow(self, fill: Fill, size: float) -> None:
        self.opened += size
        self.opened_usd += size * fill.price
        self.fee_usd += fill.fee_usd * size / fill.size
        self.most = max(self.most, self.opened - self.closed)

    def shrink(self, fill: Fill, size: float) -> None:
        self.closed += size
        self.closed_usd += size * fill.price
        self.pnl_usd += fill.pnl_usd
        self.fee_usd += fill.fee_usd * size / fill.size
        self.is_liquidated = self.is_liquidated or bool(fill.liquidated)

    def ended(self, fill: Fill) -> ClosedTrade:
        return ClosedTrade(
            id=self.first.id,
            coin=fill.coin,
            symbol=fill.symbol,
            is_long=self.is_long,
            open_avg=self.opened_usd / self.opened,
            close_avg=self.closed_usd / self.closed,
            size=self.most,
            closed_size=self.closed,
            pnl_usd=self.pnl_usd,
            fee_usd=self.fee_usd,
            opened_ms=self.first.time_ms,
            closed_ms=fill.time_ms,
            close_type="liquidateClose" if self.is_liquidated else "allClose",
        )


def closed_trades(fills: Sequence[Fill]) -> list[ClosedTrade]:
    """fills: of one wallet, newest first, and so is what is returned. A hole in them (a start that does not follow from
    the fill before) ends what is known: the trade it lies in is left out."""
    ended: list[ClosedTrade] = []
    running: dict[str, _RunningTrade] = {}
    last: dict[str, float] = {}
    for fill in reversed(fills):
        if fill.size <= 0:
            continue
        known = last.get(fill.coin)
        if known is not None and abs(known - fill.start_size) > 1e-6 * max(abs(known), abs(fill.start_size), fill.size):
            running.pop(fill.coin, None)
        last[fill.coin] = fill.end_size
        now = running.get(fill.coin)
        if fill.start_size == 0:
            running[fill.coin] = _RunningTrade(fill, fill.size)
        elif (fill.start_size > 0) is fill.is_buy:
            if now is not None:
                now.grow(fill, fill.size)
        else:
            closing = min(fill.size, abs(fill.start_size))
            if now is not None:
                now.shrink(fill, closing)
            if fill.end_size == 0 or (fill.end_size > 0) is fill.is_buy:  # flat, or turned to the other side
                if now is not None:
                    ended.append(now.ended(fill))
                running.pop(fill.coin, None)
                if fill.end_size != 0:
                    running[fill.coin] = _RunningTrade(fill, abs(fill.end_size))
    ended.sort(key=lambda trade: (-trade.closed_ms, trade.id))
    return ended


FEWEST_TRADES = 10


def win_rate(trades: Sequence[ClosedTrade]) -> Fraction | None:
    """Share of the trades that earned more than their fees; None with fewer than `FEWEST_TRADES`."""
    if len(trades) < FEWEST_TRADES:
        return None
    return Fraction(sum(1 for trade in trades if trade.pnl_usd > trade.fee_usd) / len(trades))


def max_drawdown(pnl: Sequence[tuple[int, float]], start_usd: float) -> Fraction | None:
    """The deepest fall of profit from its highest point before, of the account's worth at that point.

    pnl: (unix ms, USD since the window began), oldest → newest; start_usd: the account's worth then. What was paid in
    or out does not count. None with fewer than two points, or without worth.
    """
    if len(pnl) < 2 or start_usd <= 0:
        return None
    highest = deepest = 0.0
    for _, value in pnl:
        highest = max(highest, value)
        deepest = max(deepest, (highest - value) / (start_usd + highest))
    return Fraction(min(1.0, deepest))
