"""One symbol of one series: asked, stored, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeError, UnknownSymbol
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.interfaces.positioning import Positioning, SmartMoney
from altmonitor.market.contracts import is_watched
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import BAR_MS, oi_velocity
from altmonitor.tracker.series import Outcome, Series, SnapshotStore

log = logging.getLogger(__name__)

ABANDON_S: Final[Mapping[Series, float]] = {
    Series.SMART_MONEY: 30.0,
    Series.TOP_TRADERS: 400.0,
    Series.OPEN_INTEREST: 400.0,
}
"""After this a symbol is given up. The statistics may have to wait five minutes for the budget they share."""
PRICES_GOOD_S: Final = 60.0
POOL_GOOD_S: Final = 6 * 3_600.0
FROZEN_AFTER_MS: Final = 3 * BAR_MS
"""A newest bar as old as this is no news of now, even if nobody stored it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureDeps:
    """patience: times `ABANDON_S`, more than 1 on a clock that runs fast while the machine is as slow as ever."""

    smart_money: SmartMoney
    positioning: Positioning
    store: SnapshotStore
    clock: Clock
    prices: MarkPrices
    period: str
    timeouts: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """reason: why there is no answer. snapshot: a new row of smart money."""

    outcome: Outcome
    reason: Cause | None = None
    until_ms: int | None = None
    snapshot: Snapshot | None = None


class Capture:
    """Only an answer that came after the question is stored: one kept from earlier would freeze the series."""

    def __init__(self, parts: CaptureDeps) -> None:
        self._parts = parts

    async def capture(self, series: Series, symbol: str, *, sweep_ms: int) -> Captured:
        """Raises: StorageError."""
        ask = {
            Series.SMART_MONEY: self._smart_money,
            Series.TOP_TRADERS: self._top_traders,
            Series.OPEN_INTEREST: self._open_interest,
        }[series]
        within_s = ABANDON_S[series] * self._parts.timeouts
        try:
            async with self._parts.clock.timeout(within_s):
                found = await ask(symbol, sweep_ms)
        except TimeoutError:
            reason = Cause(CauseCode.NO_ANSWER, f"{symbol} given up after {within_s:.0f} s")
            return Captured(outcome=Outcome.UNREACHABLE, reason=reason)
        except ExchangeBlocked as problem:
            return Captured(outcome=Outcome.BLOCKED, reason=problem.cause, until_ms=problem.until_ms)
        except UnknownSymbol:
            found = Captured(outcome=Outcome.NO_DATA)
        except BadAnswer as problem:
            return Captured(outcome=Outcome.REFUSED, reason=problem.cause.within(symbol))
        except ExchangeError as problem:
            return Captured(outcome=Outcome.UNREACHABLE, reason=problem.cause.within(symbol))
        if found.outcome is Outcome.NO_DATA:
            now_ms = self._parts.clock.now_ms()
            await self._parts.store.put_nothing(series, symbol, sweep_ms=sweep_ms, now_ms=now_ms)
        return found

    async def _smart_money(self, symbol: str, sweep_ms: int) -> Captured:
        overview = await self._parts.smart_money.overview(symbol, priority=Priority.TRACKING, is_fresh=True)
        if overview is None:
            return Captured(outcome=Outcome.NO_DATA)
        snapshot = Snapshot(overview=overview, mark_price=await self._parts.prices.of(symbol))
        if await self._parts.store.put_snapshot(snapshot, sweep_ms=sweep_ms):
            return Captured(outcome=Outcome.STORED, snapshot=snapshot)
        return Captured(outcome=Outcome.KNOWN)

    async def _top_traders(self, symbol: str, sweep_ms: int) -> Captured:
        parts = self._parts
        found = await parts.positioning.top_traders(
            symbol, period=parts.period, priority=Priority.TRACKING, is_fresh=True
        )
        if found is None:
            return Captured(outcome=Outcome.NO_DATA)
        is_new = await parts.store.put_top_traders(found, sweep_ms=sweep_ms)
        return Captured(outcome=Outcome.STORED if is_new else Outcome.KNOWN)

    async def _open_interest(self, symbol: str, sweep_ms: int) -> Captured:
        parts = self._parts
        bars = await parts.positioning.open_interest_bars(symbol, priority=Priority.TRACKING, is_fresh=True)
        found, now_ms = oi_velocity(bars), parts.clock.now_ms()
        if found is None:
            return Captured(outcome=Outcome.NO_DATA)
        if now_ms - found.time_ms > FROZEN_AFTER_MS:
            minutes = (now_ms - found.time_ms) // 60_000
            line = f"{symbol}: the newest bar is {minutes} min old"
            return Captured(outcome=Outcome.REFUSED, reason=Cause(CauseCode.OLD_BAR, line, {"minutes": minutes}))
        is_new = await parts.store.put_open_interest(symbol, found, sweep_ms=sweep_ms, now_ms=now_ms)
        return Captured(outcome=Outcome.STORED if is_new else Outcome.KNOWN)


class MarkPrices:
    """All mark prices by one request, at most a minute old: a sweep may take an hour, and the price belongs to the row.

    A minute without them is a minute of rows without a price.
    """

    def __init__(self, rest: MarketRest, *, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock
        self._asked_s: float | None = None
        self._prices: dict[str, float] = {}

    async def of(self, symbol: str) -> float | None:
        """None when it is not known now. All are asked for at once, at most once in `PRICES_GOOD_S`."""
        now_s = self._clock.monotonic()
        if self._asked_s is None or now_s - self._asked_s >= PRICES_GOOD_S:
            self._asked_s, self._prices = now_s, {}
            try:
                self._prices = {funding.symbol: funding.mark_price for funding in await self._rest.fundings()}
            except ExchangeError as problem:
                log.warning("no mark prices for this minute's rows: %s", problem)
        return self._prices.get(symbol)


class ContractPool:
    """The trading USDT perpetuals, kept for six hours; an empty list is not kept."""

    def __init__(self, rest: MarketRest, *, clock: Clock, tradfi: bool) -> None:
        self._rest = rest
        self._clock = clock
        self._tradfi = tradfi
        self._read_s: float | None = None
        self._symbols: tuple[str, ...] = ()

    async def symbols(self) -> tuple[str, ...]:
        """Sorted. Raises: ExchangeError when there is no list, or only one from more than six hours ago."""
        now_s = self._clock.monotonic()
        if self._read_s is None or now_s - self._read_s >= POOL_GOOD_S:
            contracts = await self._rest.contracts()
            found = sorted(contract.symbol for contract in contracts if is_watched(contract, tradfi=self._tradfi))
            if not found:
                raise BadAnswer("the exchange lists no trading USDT perpetual", code=CauseCode.NO_SYMBOLS)
            self._symbols, self._read_s = tuple(found), now_s
        return self._symbols
