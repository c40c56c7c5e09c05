"""Funding at every venue with the open interest it is paid on: of the monitor in this process, else what one beside it
keeps in scores.db. Where that cannot be read, questions raise StorageError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from altmonitor.core.venue_names import coin_of
from altmonitor.operations.context import MonitorView, OperationContext
from altmonitor.positioning.funding import FundingAverage, SizedFunding, VenueFunding, funding_average

KEPT_MS: Final = 600_000
"""Rates that a monitor kept longer ago are not told as if they were of now."""
OI_STALE_MS: Final = 600_000
NO_FUNDINGS: Final = "no monitor runs in this process, and none beside it has stored fundings within ten minutes"
NO_WEIGHTS: Final = "open interest is not known at any venue that tells its funding"

CoinFundings = tuple[SizedFunding, ...]
"""Of one coin, one row a venue."""


async def fundings_of(context: OperationContext, symbol: str) -> CoinFundings | None:
    """Of the contract's coin; none where no venue lists it. None where nobody knows any."""
    if context.monitor is not None:
        return tuple(
            _sized(context.monitor, row, context.clock.now_ms()) for row in context.monitor.fundings.of(symbol)
        )
    kept = await _kept(context)
    return None if kept is None else kept.get(coin_of(symbol), ())


async def all_fundings(context: OperationContext) -> Mapping[str, CoinFundings] | None:
    """By coin, in alphabetical order. None where nobody knows any."""
    if context.monitor is not None:
        return await live_fundings(context.monitor, context.clock.now_ms())
    return await _kept(context)


async def coins_known(context: OperationContext) -> int:
    """Of how many coins any venue's rate is known."""
    return len(await _kept(context) or {}) if context.monitor is None else len(context.monitor.fundings.coins())


async def live_fundings(monitor: MonitorView, now_ms: int) -> Mapping[str, CoinFundings]:
    """Of all coins: open interest from the tables of the markets, which are made once for all who ask."""
    held: dict[tuple[str, str], tuple[float, int]] = {}
    for venue, view in monitor.venues.items():
        await view.board.prepare()
        for row in view.board.table().rows:
            if row.oi_usd is not None and row.oi_age_s is not None and row.oi_age_s * 1000 < OI_STALE_MS:
                held[venue, row.symbol] = row.oi_usd, now_ms - round(row.oi_age_s * 1000)
    found = {}
    for coin in monitor.fundings.coins():
        rows = monitor.fundings.of_coin(coin)
        sizes = [held.get((row.venue, row.symbol), (None, None)) for row in rows]
        found[coin] = tuple(
            SizedFunding(funding=row, oi_usd=usd, oi_ms=at_ms) for row, (usd, at_ms) in zip(rows, sizes, strict=True)
        )
    return found


def _sized(monitor: MonitorView, row: VenueFunding, now_ms: int) -> SizedFunding:
    view = monitor.venues.get(row.venue)
    held = None if view is None else view.board.open_interest_usd(row.symbol)
    if held is None or now_ms - held[1] >= OI_STALE_MS:
        return SizedFunding(funding=row)
    return SizedFunding(funding=row, oi_usd=held[0], oi_ms=held[1])


async def _kept(context: OperationContext) -> Mapping[str, CoinFundings] | None:
    if context.scores is None:
        return None
    rows = await context.scores.fundings.all(since_ms=context.clock.now_ms() - KEPT_MS)
    found: dict[str, CoinFundings] = {}
    for row in rows:
        coin = coin_of(row.funding.symbol)
        found[coin] = (*found.get(coin, ()), row)
    return dict(sorted(found.items())) or None


# --- as answers name them -----------------------------------------------------------------------------------------


def funding_source(row: VenueFunding) -> str:
    return "hyperliquid:predictedFundings" if row.source == "predicted" else f"{row.venue}:funding table"


def open_interest_source(venue: str) -> str:
    return f"{venue}:open-interest sweep"


def average_of(rows: Sequence[SizedFunding]) -> tuple[FundingAverage | None, str | None]:
    """With the names of what it is made of."""
    found = funding_average(rows)
    if found is None:
        return None, None
    used = [row.funding for row in rows if row.funding.venue in found.venues]
    names = [*map(funding_source, used), *(open_interest_source(row.venue) for row in used)]
    return found, ", ".join(dict.fromkeys(names))
