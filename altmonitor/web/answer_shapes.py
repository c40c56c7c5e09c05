"""What the plain routes take and answer, as schemas: problems, sessions, commands, /health."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Problem details (RFC 9457). code: what a program compares. error: `detail` once more, for older scripts.
    until_ms: unix ms before which asking again is of no use."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    error: str
    until_ms: int | msgspec.UnsetType = msgspec.UNSET


class EnvelopeProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem of the interface under /v1/, with the members of its envelope beside it: `status` is theirs."""

    type: str
    title: str
    status: Literal["error"]
    detail: str
    code: str
    error: str
    data: None
    meta: EnvelopeMeta
    message: str
    success: Literal[False]
    until_ms: int | msgspec.UnsetType = msgspec.UNSET


class ErrorObject(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    message: str


class KeyedProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem of the Smart Money API. data: with 503, what was answered last; null: nothing was."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    error: ErrorObject
    data: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    until_ms: int | msgspec.UnsetType = msgspec.UNSET


class EnvelopeMeta(msgspec.Struct, frozen=True, kw_only=True):
    timestamp: str
    request_id: str


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """right: none, read or write. csrf: what a change with this session carries; null for who only reads."""

    right: str
    csrf: str | None


class TokenGiven(msgspec.Struct, frozen=True, kw_only=True):
    token: str


class CommandGiven(msgspec.Struct, frozen=True, kw_only=True):
    """text: as it would be typed in the chat."""

    text: str


class CommandAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """html: the parts of the reply, in Telegram's HTML."""

    html: tuple[str, ...]


class HealthFeed(msgspec.Struct, frozen=True, kw_only=True):
    last_frame_age_s: float | None
    symbols_covered: int
    symbols_expected: int


class HealthOpenInterest(msgspec.Struct, frozen=True, kw_only=True):
    sweep_age_s: float | None
    coverage: float


class HealthOutbox(msgspec.Struct, frozen=True, kw_only=True):
    queued: int


class HealthGuard(msgspec.Struct, frozen=True, kw_only=True):
    state: str
    until: int | None


class HealthLatency(msgspec.Struct, frozen=True, kw_only=True):
    detect_p50: float | None
    detect_p99: float | None
    deliver_p50: float | None
    deliver_p99: float | None


class HealthCause(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    values: dict[str, int]


class HealthReason(msgspec.Struct, frozen=True, kw_only=True):
    """code: why it is not ok, values: its numbers. cause: what it comes from, null where that is not known. venue: of
    which exchange beside the first it is, null for the first and for what concerns none."""

    code: str
    values: dict[str, int]
    cause: HealthCause | None
    venue: str | None


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """status: ok, degraded or down. reasons: one line each, reason_codes: the same for programs, in the same order.
    Ages: seconds, latencies: milliseconds, until: unix ms."""

    status: str
    reasons: tuple[str, ...]
    reason_codes: tuple[HealthReason, ...]
    feed: HealthFeed
    oi: HealthOpenInterest
    outbox: HealthOutbox
    guard: HealthGuard
    latency_ms: HealthLatency
