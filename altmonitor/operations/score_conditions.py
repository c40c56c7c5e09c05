"""Conditions about scores: another face of the chat's /alert. They are kept, judged and told where those are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from altmonitor.commands.replies import Refused, SaveFailed, plain
from altmonitor.commands.replies_settings import (
    ConditionAdded,
    ConditionsDeleted,
    ConditionsShown,
    ConditionUnknown,
    TooManyConditions,
)
from altmonitor.detectors.conditions import METRIC_NOTE
from altmonitor.operations.arguments import PRINTABLE, WORDS, shown
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, Forbidden, NoMonitor, NotFound, Unavailable
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.preferences import PreferencesRequest
from altmonitor.operations.score_inputs import NO_ONCHAIN
from altmonitor.operations.score_values import digits
from altmonitor.operations.symbols import SymbolWord, listed_symbol
from altmonitor.settings.conditions import (
    CONDITION_METRICS,
    COOLDOWN_MIN_MAX,
    NAME_CHARS_MAX,
    USUAL_COOLDOWN_MIN,
    Condition,
    MetricCrosses,
    MetricOperator,
)

ONCHAIN_METRICS = ("mvrv", "sopr")
_METRICS = ", ".join(CONDITION_METRICS)

UNITS = {
    "funding_rate": "fraction per 8 h, 0.0005 is 0.05 %",
    "funding_spread": "fraction per 8 h between the dearest and the cheapest venue",
    "global_lsr": "long accounts / short accounts of all, Binance",
    "long_pct": "percent of all accounts, Binance",
    "top_trader_lsr": "size of the top traders' longs / shorts, Binance",
    "taker_ratio": "taker buys / taker sells, Binance",
    "whale_long_pct": "percent of the watched Hyperliquid wallets that hold it",
    "whale_n_wallets": "watched Hyperliquid wallets that hold it",
    "composite_long": "-1 to 1, of a long, by the scorer in force",
    "composite_short": "-1 to 1, of a short, by the scorer in force",
    "cascade_risk_score": "0 to 1",
    "open_interest_usd": "USD, one side, summed over the venues that are watched",
}


class NewCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """threshold: in the metric's unit, which the answer names. cooldown_minutes: silence after it was told."""

    name: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=NAME_CHARS_MAX,
            pattern=PRINTABLE,
            extra={WORDS: f"text of 1 to {NAME_CHARS_MAX} characters"},
        ),
    ]
    metric: Annotated[str, msgspec.Meta(max_length=32, description=_METRICS, extra={WORDS: f"one of {_METRICS}"})]
    operator: MetricOperator
    threshold: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
    symbol: SymbolWord = "BTCUSDT"
    cooldown_minutes: Annotated[int, msgspec.Meta(ge=0, le=COOLDOWN_MIN_MAX)] = USUAL_COOLDOWN_MIN


class ConditionNumber(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,6}$", extra={WORDS: "the number of a condition"})]


class ConditionRow(msgspec.Struct, frozen=True, kw_only=True):
    """unit: of the threshold. threshold_shown: the same as a person would write it, so that a slip is seen."""

    id: int
    name: str
    symbol: str
    metric: str
    operator: str
    threshold: float
    threshold_shown: str
    unit: str
    cooldown_minutes: int
    created_ts: int


class ConditionRows(msgspec.Struct, frozen=True, kw_only=True):
    """looked_at_every_min: how often; 0: never, because SCORES_EVERY_MIN is 0."""

    conditions: tuple[ConditionRow, ...]
    looked_at_every_min: float


class DeletedCondition(msgspec.Struct, frozen=True, kw_only=True):
    """is_deleted: false where there was none (any more)."""

    id: int
    is_deleted: bool


async def list_conditions(context: OperationContext, arguments: PreferencesRequest) -> ConditionRows:
    settings = await context.settings()
    found = [one for one in settings.state.conditions if isinstance(one.predicate, MetricCrosses)]
    return ConditionRows(conditions=tuple(map(_row, found)), looked_at_every_min=context.config.scores_every_min)


def _row(condition: Condition) -> ConditionRow:
    asked = condition.predicate
    assert isinstance(asked, MetricCrosses)  # noqa: S101 — only those come here
    is_rate = asked.metric in ("funding_rate", "funding_spread")
    return ConditionRow(
        id=condition.id,
        name=asked.name,
        symbol=condition.symbol,
        metric=asked.metric,
        operator=asked.operator,
        threshold=asked.threshold,
        threshold_shown=f"{asked.threshold * 100:.6g} % per 8 h" if is_rate else f"{asked.threshold:.10g}",
        unit=UNITS[asked.metric],
        cooldown_minutes=asked.cooldown_min,
        created_ts=condition.created_s,
    )


async def add_condition(context: OperationContext, arguments: NewCondition) -> ConditionRow:
    if arguments.metric in ONCHAIN_METRICS:
        raise BadArgument(f"metric {arguments.metric}: {NO_ONCHAIN}")
    if arguments.metric not in CONDITION_METRICS:
        raise BadArgument(f"metric must be one of {_METRICS}, not {shown(arguments.metric)}")
    name = " ".join(arguments.name.split())
    symbol = listed_symbol(arguments.symbol, context)
    words = f"{symbol} {arguments.metric} {arguments.operator} {arguments.threshold!r}"
    reply = await _run(context, f"/alert {words} cooldown {arguments.cooldown_minutes} #{name}")
    match reply:
        case ConditionAdded(condition=condition):
            return _row(condition)
        case ConditionsShown(conditions=kept, same_id=same_id) if same_id is not None:
            return _row(next(one for one in kept if one.id == same_id))
        case TooManyConditions(limit=limit):
            raise BadArgument(f"no more than {limit} conditions can be kept")
        case Refused(word=word, reason=reason):
            raise BadArgument(f"the condition cannot be: {word} ({reason.value})")
        case _:
            raise Unavailable(f"the condition was not set: {type(reply).__name__}")


async def delete_condition(context: OperationContext, arguments: ConditionNumber) -> DeletedCondition:
    number = int(arguments.id)
    kept = (await context.settings()).state.conditions
    if not any(one.id == number and isinstance(one.predicate, MetricCrosses) for one in kept):
        return DeletedCondition(id=number, is_deleted=False)
    reply = await _run(context, f"/alert delete {number}")
    match reply:
        case ConditionsDeleted():
            return DeletedCondition(id=number, is_deleted=True)
        case ConditionUnknown():
            raise NotFound(f"condition {number} was set in another chat: delete it there")
        case _:
            raise Unavailable(f"the condition was not deleted: {type(reply).__name__}")


async def _run(context: OperationContext, text: str) -> object:
    if context.run_command is None and context.monitor is None:
        raise NoMonitor("conditions are kept by a running monitor: start `altmonitor run`")
    if context.run_command is None:
        raise Forbidden("conditions cannot be changed here: that needs a running monitor and its chat")
    reply = await context.run_command(text)
    if reply is None:
        raise Forbidden("this client may not change conditions")
    told = plain(reply)
    if isinstance(told, SaveFailed):
        raise Unavailable("the change could not be saved, nothing was changed")
    return told


# --- what was told ------------------------------------------------------------------------------------------------


class TriggerArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Annotated[int, msgspec.Meta(ge=1, le=999_999, description="Only of this condition.")] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """value: of the metric when it was told; price: then, null where none was known."""

    id: int
    ts: int
    symbol: str
    condition: str
    value: float
    threshold: float
    price: float | None
    source: str
    age_s: float
    unavailable: dict[str, str]


class Triggers(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    ts: int
    triggers: tuple[Trigger, ...]


async def condition_history(context: OperationContext, arguments: TriggerArguments) -> Triggers:
    now_ms = context.clock.now_ms()
    rows = await context.history().recent(limit=500, kind="condition")
    found = [row.alert for row in rows if row.alert.note == METRIC_NOTE]
    return Triggers(
        ts=now_ms // 1000,
        triggers=tuple(
            Trigger(
                id=one.details.condition_id or 0,
                ts=int(one.ts),
                symbol=one.symbol,
                condition=one.details.condition or "",
                value=one.metric or 0.0,
                threshold=one.details.threshold or 0.0,
                price=digits(one.price, 8),
                source="altmonitor:own record",
                age_s=round(max(0.0, now_ms / 1000 - one.ts), 1),
                unavailable={} if one.price is not None else {"price": "none was known then"},
            )
            for one in found
            if arguments.id in (None, one.details.condition_id)
        )[: arguments.limit],
    )


EXAMPLE = {"name": "longs agree", "metric": "composite_long", "operator": "gte", "threshold": 0.5, "symbol": "SOLUSDT"}

SCORE_CONDITION_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="list_conditions",
        summary="Conditions about scores that are kept, with their units.",
        arguments=PreferencesRequest,
        result=ConditionRows,
        run=list_conditions,
        route="GET /v1/alerts",
        keyed=True,
        tool=False,
        chat="alert",
    ),
    Operation(
        name="add_condition",
        summary="Asks to be told when a score or a number it is made of meets a condition, in the main "
        "chat and over webhooks.",
        arguments=NewCondition,
        result=ConditionRow,
        run=add_condition,
        writes=True,
        route="POST /v1/alerts",
        keyed=True,
        tool=False,
        chat="alert",
        examples=(Example(title="a composite", arguments=EXAMPLE),),
    ),
    Operation(
        name="delete_condition",
        summary="Takes a condition about a score away.",
        arguments=ConditionNumber,
        result=DeletedCondition,
        run=delete_condition,
        writes=True,
        route="DELETE /v1/alerts/{id}",
        keyed=True,
        tool=False,
        chat="alert",
        examples=(Example(title="one", arguments={"id": "1"}),),
    ),
    Operation(
        name="condition_history",
        summary="When conditions about scores were met and told, newest first.",
        arguments=TriggerArguments,
        result=Triggers,
        run=condition_history,
        reads="stored",
        route="GET /v1/alerts/history",
        keyed=True,
        tool=False,
    ),
)
