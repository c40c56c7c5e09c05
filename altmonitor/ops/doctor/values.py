"""A check-up as values: what was looked at, what was seen, what to do. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum


class CheckVerdict(Enum):
    """NOTE: worth knowing, and no reason not to start. SKIPPED: could not be, or need not be, looked at."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One line each. way_out: what to do about it; '' when all is well."""

    verdict: CheckVerdict
    text: str
    way_out: str = ""


def fine(text: str) -> Seen:
    return Seen(verdict=CheckVerdict.OK, text=text)


def note(text: str, way_out: str = "") -> Seen:
    return Seen(verdict=CheckVerdict.NOTE, text=text, way_out=way_out)


def failed(text: str, way_out: str) -> Seen:
    return Seen(verdict=CheckVerdict.FAILED, text=text, way_out=way_out)


def skipped(text: str) -> Seen:
    return Seen(verdict=CheckVerdict.SKIPPED, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """needs: names of checks that must not have failed. after: checks it waits for, whatever becomes of them.

    look: may raise `AltmonitorError`, which is a failure in its own words. limit_s: of one look. way_out: for a look
    that raises or takes too long.
    """

    name: str
    title: str
    look: Callable[[], Awaitable[Seen]]
    way_out: str
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    limit_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """took_ms: how long the look took."""

    name: str
    title: str
    verdict: CheckVerdict
    text: str
    way_out: str
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """findings: in the order of the checks."""

    version: str
    at_ms: int
    findings: tuple[CheckResult, ...]

    @property
    def is_ready(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        return tuple(finding for finding in self.findings if finding.verdict is CheckVerdict.FAILED)
