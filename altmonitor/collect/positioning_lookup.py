"""Everything about who is positioned in one contract, gathered at once; each part may be missing for its own reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, UnknownSymbol
from altmonitor.core.types import Fraction
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import Positioning, SmartMoney
from altmonitor.interfaces.queries import EVERYTHING, Part, PositionScope
from altmonitor.market.quotes import Funding
from altmonitor.positioning.funding import funding_cost
from altmonitor.positioning.open_interest import OiVelocity, oi_velocity
from altmonitor.positioning.picture import PositionPicture

V = TypeVar("V")

Cause = Literal["blocked", "unreachable", "no data", "not tracked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """cause: `blocked` (not asked before until_ms), `unreachable` (no usable answer), `no data` (for this symbol).

    `not tracked`: the tracked rows were asked, and hold no fresh one.
    """

    cause: Cause
    until_ms: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupDeps:
    smart_money: SmartMoney
    positioning: Positioning


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    picture: PositionPicture
    absent: Mapping[Part, Absent]

    @property
    def chief(self) -> Absent:
        """Why an empty picture is empty: blocked before unreachable before the rest."""
        for cause in ("blocked", "unreachable", "not tracked"):
            found = next((absent for absent in self.absent.values() if absent.cause == cause), None)
            if found is not None:
                return found
        return Absent(cause="no data")


async def look_up(
    symbol: str, sources: LookupDeps, *, priority: Priority, clock: Clock, scope: PositionScope = EVERYTHING
) -> LookedUp:
    """The parts of the scope, all asked at once; the others are None and absent for no reason.

    Raises: ValueError for a period or a notional that is none.
    """
    absent: dict[Part, Absent] = {}

    async def part(name: Part, ask: Callable[[], Awaitable[V | None]]) -> V | None:
        if name not in scope.parts:
            return None
        try:
            found = await ask()
        except UnknownSymbol as problem:
            absent[name] = Absent(cause="no data", reason=str(problem))
        except ExchangeBlocked as problem:
            absent[name] = Absent(cause="blocked", until_ms=problem.until_ms, reason=str(problem))
        except ExchangeError as problem:
            absent[name] = Absent(cause="unreachable", reason=str(problem))
        else:
            if found is None:
                absent[name] = Absent(cause="no data")
            return found
        return None

    async def velocity() -> OiVelocity | None:
        return oi_velocity(await sources.positioning.open_interest_bars(symbol, priority=priority))

    async def funding() -> tuple[Funding, float | None]:
        return (
            await sources.positioning.funding(symbol, priority=priority),
            await sources.positioning.funding_hours_of(symbol),
        )

    overview, top_traders, open_interest, funded = await asyncio.gather(
        part("smartMoney", lambda: sources.smart_money.overview(symbol, priority=priority)),
        part("topTrader", lambda: sources.positioning.top_traders(symbol, period=scope.period, priority=priority)),
        part("openInterest", velocity),
        part("funding", funding),
    )
    picture = PositionPicture(
        symbol=symbol,
        now_ms=clock.now_ms(),
        overview=overview,
        top_traders=top_traders,
        open_interest=open_interest,
        funding=None
        if funded is None
        else funding_cost(Fraction(funded[0].rate), interval_h=funded[1], notional_usd=scope.notional_usd),
        mark_price=None if funded is None else funded[0].mark_price,
        next_funding_ms=None if funded is None else funded[0].next_ms,
        funding_told_ms=None if funded is None else funded[0].time_ms,
    )
    return LookedUp(picture=picture, absent=absent)
