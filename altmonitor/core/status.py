"""How the parts of a monitor are: plain values of one moment. `core/health.py` judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from altmonitor.core.causes import Cause
from altmonitor.core.durations import DurationStatus
from altmonitor.core.types import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardStatus:
    """state: `open` (asking freely), `waiting` (budget used up), `blocked`, `probing`. until_ms: unix ms or None.
    reason: why it is not open.

    is_region: refused for where we are; waiting will hardly help. weight_*: of the running minute; limit 0 where
    requests do not weigh. requests_*: of the last so many seconds; limit 0 where they are not counted by their number.
    sent_1h: requests that went out in the last hour; failed_1h: those without an answer, refused, or with an error of
    the host's own. answer_ms: median of the last hundred answers, real time; None before the first.
    """

    state: str
    until_ms: int | None = None
    reason: Cause | None = None
    is_region: bool = False
    weight_used: int = 0
    weight_limit: int = 2400
    requests_used: int = 0
    requests_limit: int = 0
    requests_window_s: float = 0.0
    sent_1h: int = 0
    failed_1h: int = 0
    answer_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """connections: open sockets. last_frame_age_s: since the last *data* frame of any symbol; None before the first.

    symbols_expected: that should be subscribed. symbols_covered: subscribed, acknowledged, reconciled and not silent.
    """

    connections: int = 0
    last_frame_age_s: float | None = None
    symbols_expected: int = 0
    symbols_covered: int = 0
    frames: int = 0
    frames_skipped: Mapping[str, int] = field(default_factory=dict)
    reconnects: int = 0
    is_blind: bool = True
    transport: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepStatus:
    """sweep_age_s: since the last sweep ended, None before the first. coverage: share (0…1) of symbols sampled in it.

    period_s: what a sweep takes now (longer than OI_POLL_SEC when it slows itself). failures: by cause, last sweep.
    trouble: the newest of them, None where nothing failed. ended: how many there were since the start.
    """

    sweep_age_s: float | None = None
    coverage: float = 0.0
    period_s: float = 60.0
    failures: Mapping[str, int] = field(default_factory=dict)
    trouble: Cause | None = None
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStatus:
    """queued: deliveries that wait. oldest_age_s: of the oldest of them. trouble: last delivery error, None when
    fine."""

    queued: int = 0
    oldest_age_s: float | None = None
    sent: int = 0
    failed: int = 0
    trouble: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyStatus:
    """Milliseconds of real time over the last 1,000 alerts; None before the first. detect: exchange event → decided on
    our clock (clock skew included). deliver: decided → accepted by the chat service. detected, delivered: the same of
    all alerts since the start, counted."""

    detect_p50: float | None = None
    detect_p99: float | None = None
    deliver_p50: float | None = None
    deliver_p99: float | None = None
    detected: DurationStatus = field(default_factory=DurationStatus)
    delivered: DurationStatus = field(default_factory=DurationStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpStatus:
    """connections: open now, streams: those of them that follow alerts. refused: since the start, by cause."""

    connections: int
    streams: int
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleStatus:
    """Of one process of a cluster. is_leading: of a feed, else None. trouble: one line each. numbers: by the name they
    have as metrics, without `altmonitor_`."""

    role: str
    name: str
    is_leading: bool | None = None
    is_down: bool = False
    trouble: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return "down" if self.is_down else "degraded" if self.trouble else "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStatus:
    """A supervised task. failures_in_row: since it last ran well; 0 when it does."""

    name: str
    restarts: int = 0
    failures_in_row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentStatus:
    """Of one thing that alerts learn after they were stored. waiting: alerts in the queue or being asked about. done:
    those that learned what they were to learn. given_up: the others, by cause; the alerts themselves went out."""

    waiting: int = 0
    done: int = 0
    given_up: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueStatus:
    """One venue that is watched. blind_s: as in `Vitals`. clock_ms: how far off its clock may be judged, ± ms; None
    before it was asked. not_believed: rows that cannot be, by what they are, since the start."""

    venue: Venue
    feed: FeedStatus
    sweep: SweepStatus
    guard: GuardStatus
    blind_s: float = 0.0
    clock_ms: float | None = None
    not_believed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStatus:
    """A receiver of alerts over HTTP. name: its host. sent, failed, expired: since the start. trouble: '' when fine."""

    name: str
    waiting: int = 0
    sent: int = 0
    failed: int = 0
    expired: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletPoolStatus:
    """Wallets that this process watches. answered: of them, lately. oldest_age_s: of their answers; None without any.
    failing: why the newest question about a wallet had no answer → of how many."""

    watched: int
    answered: int
    oldest_age_s: float | None = None
    failing: Mapping[str, int] = field(default_factory=dict)

    @property
    def coverage(self) -> float | None:
        """None before the list was read."""
        return self.answered / self.watched if self.watched else None
