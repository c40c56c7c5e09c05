"""What a score knows of forced exits: those of watched wallets, else an estimate, and what ended by force already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from altmonitor.core.types import Venue
from altmonitor.market.candles import Candle
from altmonitor.operations.context import OperationContext
from altmonitor.positioning.wallets import WalletPosition
from altmonitor.scores.liquidation_levels import (
    ClosedByForce,
    ExitMap,
    ForcedExit,
    OpenInterestStep,
    estimated_exits,
    exit_map,
)
from altmonitor.scores.readings import Readings, value_of
from altmonitor.storage.liquidation_records import PastLiquidations

STEPS_MS: Final = 4 * 3_600_000
PAST_MS: Final = 24 * 3_600_000


async def past_of(context: OperationContext, symbol: str) -> PastLiquidations:
    """Raises StorageError."""
    if context.scores is None:
        return PastLiquidations()
    return await context.scores.liquidations.of(symbol, since_ms=context.clock.now_ms() - PAST_MS)


def closed_since(past: PastLiquidations, *, since_ms: int, venue: Venue | None = None) -> ClosedByForce | None:
    """venue: None: of all. None where nobody has listened."""
    if not any(one.venue == venue or venue is None for one in past.heard):
        return None
    counted = [one for at, one in past.minutes if (at == venue or venue is None) and one.minute_ms >= since_ms]
    return ClosedByForce(
        long_usd=sum(one.usd for one in counted if one.is_long),
        short_usd=sum(one.usd for one in counted if not one.is_long),
    )


def levels_of(
    readings: Readings,
    candles: Sequence[Candle],
    positions: Sequence[WalletPosition],
    now_ms: int,
    closed: ClosedByForce | None,
) -> tuple[ExitMap | None, str]:
    """Observed where wallets hold it, else estimated from open interest and from what was seen to end by force."""
    price, held_usd = value_of(readings, "price"), value_of(readings, "open_interest_usd")
    if price is None or held_usd is None:
        return None, "price or open interest is not known"
    observed = [
        ForcedExit(price=one.liquidation_price, size_usd=one.notional_usd, is_long=one.is_long, leverage=one.leverage)
        for one in positions
        if one.liquidation_price
    ]
    if observed:
        return exit_map(observed, price=price, open_interest_usd=held_usd, method="observed"), ""
    steps = _steps(readings, candles, held_usd, now_ms)
    exits = estimated_exits(steps, closed=closed)
    if not steps:
        return None, "no wallet's liquidation price is known, and open interest has not grown in four hours"
    return exit_map(exits, price=price, open_interest_usd=held_usd, method="estimated"), ""


def _steps(readings: Readings, candles: Sequence[Candle], held_usd: float, now_ms: int) -> list[OpenInterestStep]:
    """What was opened between four hours and one hour ago, and since."""
    hour, four = value_of(readings, "oi_change_1h_pct"), value_of(readings, "oi_change_4h_pct")
    if hour is None or four is None or hour <= -100 or four <= -100:
        return []
    at_1h, at_4h = held_usd / (1 + hour / 100), held_usd / (1 + four / 100)
    found = []
    for opened, from_h, to_h in ((at_1h - at_4h, 4, 1), (held_usd - at_1h, 1, 0)):
        span = [one for one in candles if now_ms - from_h * 3_600_000 <= one.open_ms < now_ms - to_h * 3_600_000]
        since = [one for one in candles if one.open_ms >= now_ms - to_h * 3_600_000] or span[-1:]
        if opened > 0 and span:
            found.append(
                OpenInterestStep(
                    usd=opened,
                    price=sum(one.close for one in span) / len(span),
                    lowest=min(one.low for one in since),
                    highest=max(one.high for one in since),
                )
            )
    return found
