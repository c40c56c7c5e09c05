"""/alert: what somebody asks to be told once it comes true."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import msgspec
from msgspec import structs

from altmonitor.commands.arguments import SymbolWord, Words, cut, extra, is_all, window_word, without_venue
from altmonitor.commands.outcome import CommandContext, Deferred, Outcome, Queries, StateChange
from altmonitor.commands.replies import Bad, Refused
from altmonitor.commands.replies_settings import (
    ConditionAdded,
    ConditionsDeleted,
    ConditionsShown,
    ConditionUnknown,
    ConfirmAsked,
    TooManyConditions,
)
from altmonitor.commands.venues import VenueContract, contract_at
from altmonitor.core.errors import ExchangeError, StorageError
from altmonitor.core.types import Venue
from altmonitor.settings.changes import Difference
from altmonitor.settings.conditions import (
    CONDITION_METRICS,
    COOLDOWN_MIN_MAX,
    METRIC_OPERATORS,
    MOVE_WINDOWS,
    NAME_CHARS_MAX,
    USUAL_COOLDOWN_MIN,
    Condition,
    ConditionMetric,
    FundingCrosses,
    MetricCrosses,
    MetricOperator,
    MoveWindow,
    Predicate,
    PriceCrosses,
    PriceMoves,
    Side,
)
from altmonitor.settings.input import NotRead, read_money, read_number, read_whole, spelled
from altmonitor.settings.settings import Unit

CONDITIONS_MAX = 50
"""Of one place."""
ID_MAX = 999_999
LEVEL_MAX = 1e12
MOVE_MIN_PCT, MOVE_MAX_PCT = 0.1, 100.0
FUNDING_MAX_PCT = 10.0
TEXT_CHARS_MAX = 80

_SIDES: dict[str, Side] = {
    **dict.fromkeys((">", ">=", "above", "over", "выше", "больше", "高于", "大于", "突破"), "above"),
    **dict.fromkeys(("<", "<=", "below", "under", "ниже", "меньше", "低于", "小于", "跌破"), "below"),
}
METRIC_OF_WORD: dict[str, ConditionMetric] = {metric: metric for metric in CONDITION_METRICS}
_OPERATORS: dict[str, MetricOperator] = {
    **{operator: operator for operator in METRIC_OPERATORS},
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "=": "eq",
}
_OPERATOR = re.compile(r"\s*(>=|<=|=>|=<|>|<)\s*")
_SIGNS = str.maketrans({"≥": ">=", "≤": "<=", "＞": ">", "＜": "<"})
_DELETE = ("delete", "del", "remove", "удалить", "删除")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertArguments:
    """symbol, text: as typed; '' asks for those of this place. condition: `> 70000`, `move 5m 4`, `funding > 0.05%`.
    venue: as of OneContract. delete: id of the one to be taken away; is_all: of all, with is_confirmed."""

    symbol: SymbolWord = ""
    condition: str = ""
    text: str = ""
    delete: Annotated[int, msgspec.Meta(ge=1, le=ID_MAX)] | None = None
    is_all: bool = False
    is_confirmed: bool = False
    venue: Venue | None = None


def read_alert(command: str, words: Words) -> AlertArguments | Refused:
    if not words:
        return AlertArguments()
    if words[0].lower() in _DELETE:
        return _read_delete(command, words[1:])
    text = " ".join(words)
    (symbol, *rest), venue = without_venue(tuple(_OPERATOR.sub(r" \1 ", text.translate(_SIGNS)).split()))
    if not spelled(symbol):
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(symbol))
    predicate = _read_predicate(command, tuple(rest))
    if isinstance(predicate, Refused):
        *about, level = [word for word in rest if word != "="] or [""]
        is_level = predicate.reason is Bad.NO_CONDITION and not isinstance(read_money(level.rstrip("%")), NotRead)
        sides = [" ".join([f"/{command}", symbol, *about, side, level]) for side in (">", "<")] if is_level else []
        return structs.replace(predicate, meant=tuple(sides))
    return AlertArguments(symbol=symbol, condition=" ".join(rest), text=text[:TEXT_CHARS_MAX], venue=venue)


def alert(request: AlertArguments, now: CommandContext) -> Outcome:
    own = now.own_here.conditions
    if request.delete is not None or request.is_all:
        return _delete(request, now)
    if not request.symbol:
        return ConditionsShown(conditions=own)
    predicate = _read_predicate("alert", tuple(request.condition.split()))
    if isinstance(predicate, Refused):
        return predicate
    found = contract_at("alert", request.symbol, request.venue, now)
    if not isinstance(found, VenueContract):
        return found
    main = now.main_venue
    wanted = found.symbol, predicate, found.venue
    same = next((c for c in own if (c.symbol, c.predicate, c.venue or main) == wanted), None)
    if same is not None:
        return ConditionsShown(conditions=own, same_id=same.id)
    if len(own) >= CONDITIONS_MAX:
        return TooManyConditions(limit=CONDITIONS_MAX)
    return Deferred(decide=partial(_add, request, found, predicate))


async def _add(
    request: AlertArguments, contract: VenueContract, predicate: Predicate, now: CommandContext, queries: Queries
) -> Outcome:
    """What is true already is said: it is told at the next crossing. Of the main exchange, it stays with the main one
    whichever that will be, unless it was named."""
    is_main = contract.venue == now.main_venue
    condition = Condition(
        id=now.state.next_condition_id,
        destination=now.destination,
        owner_id=now.who.user_id,
        owner_name=now.who.name,
        text=request.text,
        created_s=int(now.now_s),
        symbol=contract.symbol,
        predicate=predicate,
        venue=None if is_main and request.venue is None else contract.venue,
    )
    after = replace(now.own_here, conditions=(*now.own_here.conditions, condition))
    value = await _value_now(contract, predicate, queries)
    is_true = value is not None and _holds(predicate, value)
    added = ConditionAdded(condition=condition)
    if is_true:
        added = ConditionAdded(condition=condition, true_at=value, opposite=_opposite(condition))
    return StateChange(own=after, reply=added, destination=now.destination)


async def _value_now(contract: VenueContract, predicate: Predicate, queries: Queries) -> float | None:
    """Price, rate, or size of the move in percent; None when it is not known now."""
    market = queries.venues[contract.venue].market
    try:
        if isinstance(predicate, MetricCrosses):
            return None
        if isinstance(predicate, FundingCrosses):
            funding = await market.funding(contract.symbol)
            return None if funding is None else funding.rate
        price = await market.price(contract.symbol)
    except (ExchangeError, StorageError):
        return None
    if price is None:
        return None
    if isinstance(predicate, PriceMoves):
        change_pct = dict(price.changes).get(predicate.window)
        return None if change_pct is None else abs(change_pct)
    return price.price


def _holds(predicate: Predicate, value: float) -> bool:
    match predicate:
        case PriceMoves(pct=pct):
            return value >= pct
        case PriceCrosses(side=side, level=level) | FundingCrosses(side=side, rate=level):
            return value >= level if side == "above" else value <= level
        case MetricCrosses():
            return False  # what is asked of scores is not known in the chat


def _opposite(condition: Condition) -> str:
    """The command for the other direction; '' for a move, which has none."""
    match condition.predicate:
        case PriceCrosses(side=side):
            about = ""
        case FundingCrosses(side=side):
            about = "funding "
        case PriceMoves() | MetricCrosses():
            return ""
    level = condition.text.split()[-1].lstrip("<>=≥≤＜＞")
    venue = "" if condition.venue is None else f" {condition.venue}"
    return f"/alert {condition.symbol}{venue} {about}{'<' if side == 'above' else '>'} {level}"


def _read_delete(command: str, words: Words) -> AlertArguments | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    if is_all(words):
        return AlertArguments(is_all=True, is_confirmed=len(words) > 1)
    refused = extra(command, words, 1)
    if refused is not None:
        return refused
    number = read_whole(words[0].removeprefix("#"), low=1, high=ID_MAX)
    if isinstance(number, NotRead):
        return Refused(command=command, reason=number, word=cut(words[0]), low=1, high=ID_MAX)
    return AlertArguments(delete=number)


def _delete(request: AlertArguments, now: CommandContext) -> Outcome:
    own = now.own_here.conditions
    gone = own if request.is_all else tuple(condition for condition in own if condition.id == request.delete)
    if not gone:
        return ConditionUnknown(id=request.delete) if request.delete is not None else ConditionsShown(conditions=())
    if request.is_all and not request.is_confirmed:
        losses = tuple(Difference(key="condition", old=condition.text, new=None) for condition in own)
        return ConfirmAsked(command="alert", action="/alert delete all", losses=losses)
    kept = tuple(condition for condition in own if condition not in gone)
    return StateChange(
        own=replace(now.own_here, conditions=kept),
        reply=ConditionsDeleted(conditions=gone),
        destination=now.destination,
    )


def _read_predicate(command: str, words: Words) -> Predicate | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    head = words[0].lower()
    if head in METRIC_OF_WORD:
        return _read_metric(command, METRIC_OF_WORD[head], words[1:])
    if head == "move":
        return _read_move(command, words[1:])
    if head == "funding":
        return _read_crossing(command, words[1:], is_funding=True)
    if head == "price":
        words = words[1:]
    return _read_crossing(command, words, is_funding=False)


def _read_metric(command: str, metric: ConditionMetric, words: Words) -> MetricCrosses | Refused:
    """`composite_long >= 0.5 cooldown 30 # my name`: what stands behind # is its name."""
    at = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
    name = " ".join((words[at][1:], *words[at + 1 :])).strip()[:NAME_CHARS_MAX] if at < len(words) else ""
    words = words[:at]
    refused = _wrong_count(command, words[:2], 2)
    if refused is not None:
        return refused
    operator = _OPERATORS.get(words[0].lower())
    if operator is None:
        return Refused(command=command, reason=Bad.NO_CONDITION, word=cut(words[0]))
    threshold = read_signed(words[1])
    if threshold is None:
        return Refused(command=command, reason=NotRead.NOT_A_NUMBER, word=cut(words[1]))
    cooldown_min = USUAL_COOLDOWN_MIN
    if words[2:]:
        if words[2].lower() != "cooldown":
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[2]))
        refused = _wrong_count(command, words[3:], 1)
        if refused is not None:
            return refused
        given = read_whole(words[3], low=0, high=COOLDOWN_MIN_MAX)
        if isinstance(given, NotRead):
            return Refused(command=command, reason=given, word=cut(words[3]), low=0, high=COOLDOWN_MIN_MAX)
        cooldown_min = given
    return MetricCrosses(metric=metric, operator=operator, threshold=threshold, cooldown_min=cooldown_min, name=name)


def read_signed(word: str) -> float | None:
    """A number of either sign; None for what is none, or beyond any metric."""
    try:
        value = float(word.replace(",", ".").replace("−", "-"))
    except ValueError:
        return None
    return value if abs(value) <= LEVEL_MAX else None


def _read_crossing(command: str, words: Words, *, is_funding: bool) -> Predicate | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    side = _SIDES.get(words[0].lower())
    if side is None:
        return Refused(command=command, reason=Bad.NO_CONDITION, word=cut(" ".join(words)))
    refused = _wrong_count(command, words, 2)
    if refused is not None:
        return refused
    if is_funding:
        percent = read_number(words[1], Unit.PERCENT)
        if isinstance(percent, NotRead) or abs(percent) > FUNDING_MAX_PCT:
            reason = percent if isinstance(percent, NotRead) else NotRead.OUT_OF_RANGE
            limit = FUNDING_MAX_PCT
            return Refused(command=command, reason=reason, word=cut(words[1]), low=-limit, high=limit)
        return FundingCrosses(side=side, rate=round(percent / 100, 12))
    level = read_money(words[1])
    if isinstance(level, NotRead) or not 0 < level <= LEVEL_MAX:
        reason = level if isinstance(level, NotRead) else NotRead.OUT_OF_RANGE
        return Refused(command=command, reason=reason, word=cut(words[1]))
    return PriceCrosses(side=side, level=level)


def _read_move(command: str, words: Words) -> PriceMoves | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    windows: dict[str, MoveWindow] = {window: window for window in MOVE_WINDOWS}
    window = windows.get(window_word(words[0]))
    if window is None:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]))
    refused = _wrong_count(command, words, 2)
    if refused is not None:
        return refused
    pct = read_number(words[1], Unit.PERCENT)
    if isinstance(pct, NotRead) or not MOVE_MIN_PCT <= pct <= MOVE_MAX_PCT:
        reason = pct if isinstance(pct, NotRead) else NotRead.OUT_OF_RANGE
        return Refused(command=command, reason=reason, word=cut(words[1]), low=MOVE_MIN_PCT, high=MOVE_MAX_PCT)
    return PriceMoves(window=window, pct=pct)


def _wrong_count(command: str, words: Words, count: int) -> Refused | None:
    if len(words) < count:
        return Refused(command=command, reason=Bad.MISSING)
    return extra(command, words, count)
