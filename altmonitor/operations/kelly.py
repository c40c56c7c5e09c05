"""What the odds of own signals would bear, by Kelly's formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.performance import HORIZON_MIN, TOO_FEW, Horizon, checked_horizon, signal_outcomes
from altmonitor.operations.preferences import kept_scores
from altmonitor.operations.score_record import record_source
from altmonitor.operations.score_values import (
    DISCLAIMER,
    SCORER_NAME,
    Direction,
    ScorerName,
    SourceUsed,
    digits,
    number,
)
from altmonitor.operations.symbols import SymbolWord, must_be_known, stored_symbol
from altmonitor.scores.record import FEWEST_SAMPLES, odds
from altmonitor.scores.version import SCORER_FROZEN_TS


class KellyArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    confidence: Literal["HIGH", "MEDIUM"] = "HIGH"
    direction: Direction = "long"
    account_size: Annotated[float, msgspec.Meta(gt=0, le=1e12, description="USD.")] = 10_000.0
    symbol: SymbolWord | None = None
    horizon_min: Horizon = HORIZON_MIN


class Kelly(msgspec.Struct, frozen=True, kw_only=True):
    """p − (1 − p) / b of own signals, at least 0: arithmetic over the past, no advice. Null below 30 samples.

    suggested_size_usd: half of that share of the account, as other programs name it.
    """

    ts: int
    confidence: str
    direction: str
    account_size: float
    win_rate: float | None
    avg_reward_risk_ratio: float | None
    kelly_fraction: float | None
    half_kelly: float | None
    suggested_size_usd: float | None
    samples: int
    note: str
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    scorer: ScorerName = SCORER_NAME
    disclaimer: str = DISCLAIMER


async def kelly(context: OperationContext, arguments: KellyArguments) -> Kelly:
    checked_horizon(arguments.horizon_min)
    store, now_ms = kept_scores(context), context.clock.now_ms()
    symbol = None if arguments.symbol is None else stored_symbol(arguments.symbol, context)
    rows = [
        one
        for one in await signal_outcomes(store, arguments.horizon_min, SCORER_FROZEN_TS)
        if one.confidence == arguments.confidence
        and one.direction == arguments.direction
        and symbol in (None, one.symbol)
    ]
    must_be_known(arguments.symbol, context, is_stored=bool(rows))
    return kelly_answer(
        [one.return_pct for one in rows if one.return_pct is not None],
        arguments,
        now_ms=now_ms,
        sources=record_source(rows[-1].entry_ts if rows else await store.first_look_ts(), now_ms),
    )


def kelly_answer(
    returns: Sequence[float], arguments: KellyArguments, *, now_ms: int, sources: tuple[SourceUsed, ...]
) -> Kelly:
    found = odds(returns)
    is_enough = found.samples >= FEWEST_SAMPLES
    share = found.kelly_fraction
    values = (
        digits(found.win_rate) if is_enough else None,
        digits(found.reward_risk) if is_enough else None,
        digits(share),
        None if share is None else number(share / 2),
        None if share is None else number(share / 2 * arguments.account_size, 2),
    )
    names = ("win_rate", "avg_reward_risk_ratio", "kelly_fraction", "half_kelly", "suggested_size_usd")
    why = TOO_FEW if not is_enough else "without wins and losses there are no odds"
    return Kelly(
        ts=now_ms // 1000,
        confidence=arguments.confidence,
        direction=arguments.direction,
        account_size=arguments.account_size,
        samples=found.samples,
        note="a share that would have grown fastest over this record; it says nothing of what comes",
        coverage=1.0 if is_enough else 0.0,
        unavailable={name: why for name, value in zip(names, values, strict=True) if value is None},
        sources=sources,
        win_rate=values[0],
        avg_reward_risk_ratio=values[1],
        kelly_fraction=values[2],
        half_kelly=values[3],
        suggested_size_usd=values[4],
    )


KELLY_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="kelly_share",
        summary="The share of an account that own signals would bear by Kelly's formula; null below 30 samples.",
        arguments=KellyArguments,
        result=Kelly,
        run=kelly,
        reads="stored",
        route="GET /v1/kelly",
        keyed=True,
        tool=False,
        examples=(Example(title="high confidence, long"),),
    ),
)
