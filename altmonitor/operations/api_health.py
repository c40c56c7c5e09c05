"""How well venues answer, and what of the Smart Money API works now. Asked without a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from altmonitor.core.health import Health
from altmonitor.core.status import VenueStatus
from altmonitor.core.types import VENUE_NAMES, Venue
from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Operation
from altmonitor.operations.preferences import PreferencesRequest
from altmonitor.operations.score_inputs import NO_ONCHAIN, NO_WALLETS
from altmonitor.operations.score_values import SCORER_NAME, ScorerName, SourceUsed, digits, number

VenueState = Literal["ok", "degraded", "down"]
STALE_S = 30.0
SLOW_MS = 2_000.0
MANY_ERRORS = 0.2
HEALTH_KEY = "exchange_health"
KEPT_MS = 600_000
"""What a monitor kept longer ago is not told as if it were of now."""
NO_HEALTH = "no monitor runs in this process, and none beside it has kept what it measures within ten minutes"
FEWEST_REQUESTS = 10
"""Of fewer in an hour no rate makes a venue degraded."""


class ExchangeState(msgspec.Struct, frozen=True, kw_only=True):
    """status: null where the venue is not watched. latency_ms: median of the last hundred answers to our requests.
    error_rate_1h: share of `requests_1h` without an answer, refused, or with an error of the venue's own.
    last_data_age_s: of the newest frame of its stream."""

    status: VenueState | None
    latency_ms: float | None
    error_rate_1h: float | None
    requests_1h: int | None
    last_data_age_s: float | None
    unavailable: dict[str, str]
    source: str


class ExchangeHealth(msgspec.Struct, frozen=True, kw_only=True):
    ts: int
    overall_status: VenueState | None
    exchanges: dict[str, ExchangeState]
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]


class KeptHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What a running monitor keeps for a process beside it. at_ms: when, unix ms."""

    at_ms: int
    exchanges: dict[str, ExchangeState]


def health_kept(context: OperationContext) -> str:
    """What `exchange_health` tells elsewhere, as text. Raises: NoMonitor."""
    states = _measured(context, context.running().health())
    return msgspec.json.encode(KeptHealth(at_ms=context.clock.now_ms(), exchanges=states)).decode()


async def exchange_health(context: OperationContext, arguments: PreferencesRequest) -> ExchangeHealth:
    now_ms = told_ms = context.clock.now_ms()
    if context.monitor is not None:
        states = _measured(context, context.monitor.health())
    elif (kept := await _kept(context)) is not None:
        states, told_ms = _older(kept, now_ms), kept.at_ms
    else:
        states = {name: _unknown(name, NO_HEALTH) for name in VENUE_NAMES}
    told = [one.status for one in states.values() if one.status is not None]
    age_s = number((now_ms - told_ms) / 1000, 1)
    overall: VenueState | None = None
    if told:
        overall = "down" if all(one == "down" for one in told) else "ok" if set(told) == {"ok"} else "degraded"
    return ExchangeHealth(
        ts=now_ms // 1000,
        overall_status=overall,
        exchanges=states,
        coverage=len(told) / len(states),
        unavailable={} if told else {"overall_status": NO_HEALTH},
        sources=tuple(
            SourceUsed(name=one.source, venue=name, endpoint="own measurement", age_s=age_s)
            for name, one in states.items()
            if one.status is not None
        ),
    )


async def _kept(context: OperationContext) -> KeptHealth | None:
    """None where no monitor beside this process measured anything lately."""
    text = None if context.scores is None else await context.scores.meta_get(HEALTH_KEY)
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text, type=KeptHealth)
    except msgspec.DecodeError:  # of a later version
        return None
    return found if 0 <= context.clock.now_ms() - found.at_ms <= KEPT_MS else None


def _older(kept: KeptHealth, now_ms: int) -> dict[str, ExchangeState]:
    """Ages go on."""
    passed_s = (now_ms - kept.at_ms) / 1000

    def older(one: ExchangeState) -> ExchangeState:
        age_s = None if one.last_data_age_s is None else number(one.last_data_age_s + passed_s, 1)
        return msgspec.structs.replace(one, last_data_age_s=age_s, source=f"{one.source} of the monitor beside this")

    return {name: older(one) for name, one in kept.exchanges.items()}


def _measured(context: OperationContext, health: Health) -> dict[str, ExchangeState]:
    found = {one.venue: one for one in _venues(health, context.config.venues[0])}
    return {
        name: _exchange_state(name, found[name]) if name in found else _unknown(name, "this venue is not watched")
        for name in VENUE_NAMES
    }


def _venues(health: Health, main: Venue) -> list[VenueStatus]:
    return list(health.vitals.venues) or [
        VenueStatus(
            venue=main,
            feed=health.feed,
            sweep=health.sweep,
            guard=health.guard,
            blind_s=health.blind_s,
            clock_ms=None,
        )
    ]


def _unknown(name: str, why: str) -> ExchangeState:
    fields = ("status", "latency_ms", "error_rate_1h", "requests_1h", "last_data_age_s")
    return ExchangeState(
        status=None,
        latency_ms=None,
        error_rate_1h=None,
        requests_1h=None,
        last_data_age_s=None,
        unavailable=dict.fromkeys(fields, why),
        source=f"{name}:own measurement",
    )


def _exchange_state(name: str, one: VenueStatus) -> ExchangeState:
    age_s, guard = one.feed.last_frame_age_s, one.guard
    rate = guard.failed_1h / guard.sent_1h if guard.sent_1h else None
    missing = {}
    if age_s is None:
        missing["last_data_age_s"] = "no data came yet"
    if guard.answer_ms is None:
        missing["latency_ms"] = "no request was answered yet"
    if rate is None:
        missing["error_rate_1h"] = "no request was sent within the hour"
    return ExchangeState(
        status=_status(one, rate),
        latency_ms=digits(guard.answer_ms, 1),
        error_rate_1h=digits(rate),
        requests_1h=guard.sent_1h,
        last_data_age_s=digits(age_s, 1),
        unavailable=missing,
        source=f"{name}:own measurement",
    )


def _status(one: VenueStatus, error_rate: float | None) -> VenueState:
    """Down without data; degraded where data is old, answers are slow or missing, or it may not be asked."""
    age_s, guard = one.feed.last_frame_age_s, one.guard
    if one.feed.is_blind:
        return "down"
    fails = error_rate is not None and error_rate >= MANY_ERRORS and guard.sent_1h >= FEWEST_REQUESTS
    is_slow = guard.answer_ms is not None and guard.answer_ms > SLOW_MS
    is_shut = guard.state not in ("open", "waiting")
    return "degraded" if fails or is_slow or is_shut or age_s is None or age_s > STALE_S else "ok"


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """lag_s: age of the newest it told; null where it tells nothing, then `unavailable` says why."""

    lag_s: float | None
    ok: bool
    unavailable: str | None
    source: str


class ScoreHealth(msgspec.Struct, frozen=True, kw_only=True):
    """uptime_s: of the monitor in this process; null without one."""

    ts: int
    status: VenueState
    uptime_s: float | None
    sources: dict[str, SourceState]
    unavailable: dict[str, str]
    scorer: ScorerName = SCORER_NAME


async def score_health(context: OperationContext, arguments: PreferencesRequest) -> ScoreHealth:
    health = None if context.monitor is None else context.monitor.health()
    venues = await exchange_health(context, arguments)
    sources = {name: _source_state(name, one) for name, one in venues.exchanges.items()}
    sources["wallets"] = await _wallets_state(context)
    sources["onchain"] = SourceState(lag_s=None, ok=False, unavailable=f"unconfigured: {NO_ONCHAIN}", source="onchain")
    watched = [one.status for one in venues.exchanges.values() if one.status is not None]
    return ScoreHealth(
        ts=context.clock.now_ms() // 1000,
        status=venues.overall_status or ("ok" if not watched else "degraded"),
        uptime_s=None if health is None else number(health.uptime_s, 1),
        sources=sources,
        unavailable={} if health is not None else {"uptime_s": "no monitor runs in this process"},
    )


def _source_state(name: str, one: ExchangeState) -> SourceState:
    why = one.unavailable.get("last_data_age_s")
    return SourceState(lag_s=one.last_data_age_s, ok=one.status == "ok", unavailable=why, source=f"{name}:stream")


async def _wallets_state(context: OperationContext) -> SourceState:
    found = None if context.wallets is None else await context.wallets.snapshot()
    why = NO_WALLETS if found is None else found.unavailable
    age_s = None if found is None else found.oldest_age_s
    return SourceState(
        lag_s=None if age_s is None else number(age_s, 1),
        ok=age_s is not None and not why,
        unavailable=None if age_s is not None else why or "no wallet answered yet",
        source="hyperliquid:clearinghouseState",
    )


API_HEALTH_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="exchange_health",
        summary="How well each venue answers: state and age of its newest data.",
        arguments=PreferencesRequest,
        result=ExchangeHealth,
        run=exchange_health,
        route="GET /v1/exchange-health",
        keyed=True,
        tool=False,
    ),
    Operation(
        name="score_health",
        summary="Which sources of scores work now, how old what they told is, and which formulas are in force.",
        arguments=PreferencesRequest,
        result=ScoreHealth,
        run=score_health,
        route="GET /v1/health",
        keyed=True,
        tool=False,
    ),
)
