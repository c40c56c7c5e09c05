"""Is the monitor seeing, telling and answering? One judgement for `/health`, `/metrics` and `/status`, with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from altmonitor.core.causes import Cause, cause_json
from altmonitor.core.status import (
    EnrichmentStatus,
    FeedStatus,
    GuardStatus,
    LatencyStatus,
    LoopStatus,
    OutboxStatus,
    RoleStatus,
    SweepStatus,
    VenueStatus,
    WalletPoolStatus,
    WebhookStatus,
)
from altmonitor.core.types import VENUE_TITLES, Venue

START_GRACE_S = 90.0
DOWN_BLIND_S = 55.0  # a monitor that asks every few seconds has its 503 within a minute of the last frame
COVERED_SHARE_MIN = 0.95
SWEPT_SHARE_MIN = 0.9
SWEEP_LATE_PERIODS = 2.5
OPEN_INTEREST_SHARE_MIN = 0.5
"""Where fewer contracts than that have a figure, open interest is missing."""
OUTBOX_LATE_S = 60.0
LOOP_TROUBLE_FAILURES = 3
LOOP_DOWN_FAILURES = 10


class Status(Enum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class Reason(Enum):
    """Why the status is not ok; the value is what scripts may match."""

    STARTING = "starting"
    NO_DATA_SINCE_START = "no_data_since_start"
    FEED_BLIND = "feed_blind"
    FEED_PARTIAL = "feed_partial"
    SWEEP_LATE = "sweep_late"
    SWEEP_PARTIAL = "sweep_partial"
    DELIVERY_LATE = "delivery_late"
    DELIVERY_TROUBLE = "delivery_trouble"
    EXCHANGE_LIMIT = "exchange_limit"
    LOOP_FAILING = "loop_failing"
    COMMANDS_ASTRAY = "commands_astray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """text: one English line with the numbers. values: those numbers. cause: what it comes from, where that is known.
    venue: of which other one than the first it is."""

    reason: Reason
    severity: Status
    text: str
    values: Mapping[str, int] = field(default_factory=dict)
    cause: Cause | None = None
    venue: Venue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the parts say of themselves at one moment. uptime_s: since the program started. blind_s: of them without a
    frame after the first one, the present blind time included. enrichment: by what alerts learn. commands_astray: why
    commands in the chat do not arrive here, '' when they do. venues: all that are watched; the first is the one that
    feed, sweep and guard are of. wallets: None where none are watched in this process."""

    feed: FeedStatus
    sweep: SweepStatus
    outbox: OutboxStatus
    guard: GuardStatus
    latency: LatencyStatus
    uptime_s: float
    blind_s: float = 0.0
    version: str = ""
    loops: Sequence[LoopStatus] = ()
    enrichment: Mapping[str, EnrichmentStatus] = field(default_factory=dict)
    commands_astray: str = ""
    webhooks: Sequence[WebhookStatus] = ()
    venues: Sequence[VenueStatus] = ()
    wallets: WalletPoolStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """findings: empty exactly when the verdict is OK; the worst first."""

    verdict: Status
    findings: tuple[Finding, ...]
    vitals: Vitals

    @property
    def status(self) -> str:
        return self.verdict.value

    @property
    def reason_codes(self) -> tuple[str, ...]:
        return tuple(finding.reason.value for finding in self.findings)

    @property
    def feed(self) -> FeedStatus:
        return self.vitals.feed

    @property
    def sweep(self) -> SweepStatus:
        return self.vitals.sweep

    @property
    def outbox(self) -> OutboxStatus:
        return self.vitals.outbox

    @property
    def guard(self) -> GuardStatus:
        return self.vitals.guard

    @property
    def latency(self) -> LatencyStatus:
        return self.vitals.latency

    @property
    def loops(self) -> Sequence[LoopStatus]:
        return self.vitals.loops

    @property
    def uptime_s(self) -> float:
        return self.vitals.uptime_s

    @property
    def blind_s(self) -> float:
        return self.vitals.blind_s

    @property
    def version(self) -> str:
        return self.vitals.version


def assess(vitals: Vitals) -> Health:
    """DOWN: nothing can be trusted (blind, never saw data, a loop that cannot be started). DEGRADED: a part is."""
    found = [
        *_judge_feed(vitals.feed, vitals.uptime_s),
        *_judge_sweep(vitals.sweep, vitals.uptime_s),
        *_judge_outbox(vitals.outbox),
        *_judge_guard(vitals.guard),
        *(finding for loop in vitals.loops for finding in _judge_loop(loop)),
        *(finding for other in vitals.venues[1:] for finding in _judge_other_venue(other, vitals.uptime_s)),
        *([_degraded(Reason.COMMANDS_ASTRAY, vitals.commands_astray)] if vitals.commands_astray else []),
    ]
    found.sort(key=lambda finding: finding.severity is not Status.DOWN)
    return Health(verdict=found[0].severity if found else Status.OK, findings=tuple(found), vitals=vitals)


def as_json(health: Health) -> dict[str, object]:
    """The body of `/health`. Times are unix milliseconds, ages seconds, latencies milliseconds; null: not known."""
    feed, sweep, guard, latency = health.feed, health.sweep, health.guard, health.latency
    venues = health.vitals.venues
    return {
        "status": health.status,
        "reasons": [f"{finding.reason.value}: {finding.text}" for finding in health.findings],
        "reason_codes": [_finding_json(finding) for finding in health.findings],
        "feed": {
            "last_frame_age_s": feed.last_frame_age_s,
            "symbols_covered": feed.symbols_covered,
            "symbols_expected": feed.symbols_expected,
        },
        "oi": {"sweep_age_s": sweep.sweep_age_s, "coverage": sweep.coverage},
        "outbox": {"queued": health.outbox.queued},
        "guard": {"state": guard.state, "until": guard.until_ms},
        "latency_ms": {
            "detect_p50": latency.detect_p50,
            "detect_p99": latency.detect_p99,
            "deliver_p50": latency.deliver_p50,
            "deliver_p99": latency.deliver_p99,
        },
        **({"venues": {one.venue: _venue_json(one) for one in venues}} if len(venues) > 1 else {}),
    }


def _finding_json(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.reason.value,
        "values": dict(finding.values),
        "cause": None if finding.cause is None else cause_json(finding.cause),
        "venue": finding.venue,
    }


def role_json(role: RoleStatus) -> dict[str, object]:
    """What `/health` says of the process in its cluster; all of it where no market is watched."""
    leading = {} if role.is_leading is None else {"is_leading": role.is_leading}
    return {"status": role.status, "reasons": list(role.trouble), "role": role.role, "name": role.name, **leading,
            **role.numbers}  # fmt: skip


def _venue_json(one: VenueStatus) -> dict[str, object]:
    return {
        "is_blind": one.feed.is_blind,
        "last_frame_age_s": one.feed.last_frame_age_s,
        "symbols_covered": one.feed.symbols_covered,
        "symbols_expected": one.feed.symbols_expected,
        "oi_age_s": one.sweep.sweep_age_s,
        "guard": {"state": one.guard.state, "until": one.guard.until_ms},
        "clock_uncertainty_ms": one.clock_ms,
    }


def _judge_feed(feed: FeedStatus, uptime_s: float) -> list[Finding]:
    age_s = feed.last_frame_age_s
    if age_s is None:
        up = {"seconds": round(uptime_s)}
        if uptime_s <= START_GRACE_S:
            return [_degraded(Reason.STARTING, f"no data yet, {uptime_s:.0f} s after the start", up)]
        return [_down(Reason.NO_DATA_SINCE_START, f"no data since the start {uptime_s:.0f} s ago", up)]
    if age_s > DOWN_BLIND_S:
        return [_down(Reason.FEED_BLIND, f"no data for {age_s:.0f} s", {"seconds": round(age_s)})]
    if feed.is_blind:
        return [_degraded(Reason.FEED_BLIND, f"no data for {age_s:.0f} s", {"seconds": round(age_s)})]
    if feed.symbols_covered < feed.symbols_expected * COVERED_SHARE_MIN:
        counts = {"covered": feed.symbols_covered, "expected": feed.symbols_expected}
        if uptime_s <= START_GRACE_S:
            text = f"{feed.symbols_covered} of {feed.symbols_expected} symbols subscribed so far"
            return [_degraded(Reason.STARTING, text, counts)]
        text = f"{feed.symbols_covered} of {feed.symbols_expected} symbols covered"
        return [_degraded(Reason.FEED_PARTIAL, text, counts)]
    return []


def _judge_other_venue(other: VenueStatus, uptime_s: float) -> list[Finding]:
    """What is wrong there takes nothing from the others: at most a part is missing."""
    found = [
        *_judge_feed(other.feed, uptime_s),
        *_judge_sweep(other.sweep, uptime_s),
        *_judge_guard(other.guard),
    ]
    title = VENUE_TITLES[other.venue]
    return [replace(one, severity=Status.DEGRADED, text=f"{title}: {one.text}", venue=other.venue) for one in found]


def is_sweep_late(sweep: SweepStatus) -> bool:
    """Nothing came for longer than a sweep takes."""
    return sweep.sweep_age_s is None or sweep.sweep_age_s > SWEEP_LATE_PERIODS * sweep.period_s


def is_open_interest_missing(sweep: SweepStatus) -> bool:
    """It is late, or of too few contracts."""
    return is_sweep_late(sweep) or sweep.coverage < OPEN_INTEREST_SHARE_MIN


def _judge_sweep(sweep: SweepStatus, uptime_s: float) -> list[Finding]:
    late_s = SWEEP_LATE_PERIODS * sweep.period_s
    if sweep.sweep_age_s is None:
        if uptime_s <= max(START_GRACE_S, late_s):
            return []
        text = f"no open-interest sweep since the start {uptime_s:.0f} s ago"
        return [_degraded(Reason.SWEEP_LATE, text, {"seconds": round(uptime_s)})]
    if sweep.sweep_age_s > late_s:
        text = f"last open-interest sweep {sweep.sweep_age_s:.0f} s ago, one takes {sweep.period_s:.0f} s"
        return [_degraded(Reason.SWEEP_LATE, text, {"seconds": round(sweep.sweep_age_s)})]
    if sweep.coverage < SWEPT_SHARE_MIN:
        text = f"{sweep.coverage:.0%} of the symbols have fresh open interest"
        return [_degraded(Reason.SWEEP_PARTIAL, text, {"percent": round(100 * sweep.coverage)})]
    return []


def _judge_outbox(outbox: OutboxStatus) -> list[Finding]:
    if outbox.oldest_age_s is not None and outbox.oldest_age_s > OUTBOX_LATE_S:
        text = f"{outbox.queued} alerts wait, the oldest for {outbox.oldest_age_s:.0f} s"
        text = text if outbox.trouble is None else f"{text}: {outbox.trouble}"
        waiting = {"queued": outbox.queued, "seconds": round(outbox.oldest_age_s)}
        return [_degraded(Reason.DELIVERY_LATE, text, waiting, outbox.trouble)]
    if outbox.trouble is not None:
        return [_degraded(Reason.DELIVERY_TROUBLE, outbox.trouble.text, cause=outbox.trouble)]
    return []


def _judge_guard(guard: GuardStatus) -> list[Finding]:
    if guard.state == "open":
        return []
    text = f"requests to the exchange are {guard.state}"
    text = text if guard.reason is None else f"{text}: {guard.reason}"
    return [_degraded(Reason.EXCHANGE_LIMIT, text, cause=guard.reason)]


def _judge_loop(loop: LoopStatus) -> list[Finding]:
    text = f"{loop.name} failed {loop.failures_in_row} times in a row"
    if loop.failures_in_row >= LOOP_DOWN_FAILURES:
        return [_down(Reason.LOOP_FAILING, text, {"times": loop.failures_in_row})]
    if loop.failures_in_row >= LOOP_TROUBLE_FAILURES:
        return [_degraded(Reason.LOOP_FAILING, text, {"times": loop.failures_in_row})]
    return []


def _degraded(
    reason: Reason, text: str, values: Mapping[str, int] | None = None, cause: Cause | None = None
) -> Finding:
    return Finding(reason=reason, severity=Status.DEGRADED, text=text, values=values or {}, cause=cause)


def _down(reason: Reason, text: str, values: Mapping[str, int]) -> Finding:
    return Finding(reason=reason, severity=Status.DOWN, text=text, values=values)
