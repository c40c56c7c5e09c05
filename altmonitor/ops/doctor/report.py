"""A check-up: what was looked at, what was seen, what to do; side by side where it can be, told in its order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from altmonitor.core.clock import Clock
from altmonitor.core.errors import AltmonitorError
from altmonitor.ops.wrapping import wrapped

NETWORK = "check the network, the firewall and HTTPS_PROXY"
"""The way out where nothing answers."""


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


# ---
# Carrying them out.


async def run(
    checks: Sequence[Check], *, clock: Clock, notify: Callable[[CheckResult], None] = lambda finding: None
) -> tuple[CheckResult, ...]:
    """tell: called with each finding in the order of the checks, as soon as it and all before it are known.

    A name in `needs` or `after` that is not among the checks counts as fine.
    """
    names = {check.name for check in checks}
    found: dict[str, asyncio.Future[CheckResult]] = {name: asyncio.get_running_loop().create_future() for name in names}

    async def carry_out(check: Check) -> None:
        before = [await found[name] for name in (*check.after, *check.needs) if name in names]
        broken = [
            finding.title
            for finding in before
            if finding.name in check.needs and finding.verdict in (CheckVerdict.FAILED, CheckVerdict.SKIPPED)
        ]
        began_s = clock.monotonic()
        seen = skipped(f"not looked at, it needs: {', '.join(broken)}") if broken else await _look(check, clock)
        finding = CheckResult(
            name=check.name,
            title=check.title,
            verdict=seen.verdict,
            text=" ".join(seen.text.split()),
            way_out=" ".join(seen.way_out.split()),
            took_ms=round((clock.monotonic() - began_s) * 1000),
        )
        found[check.name].set_result(finding)

    async with asyncio.TaskGroup() as tasks:
        for check in checks:
            tasks.create_task(carry_out(check), name=f"check {check.name}")
        for check in checks:
            notify(await found[check.name])
    return tuple(found[check.name].result() for check in checks)


async def _look(check: Check, clock: Clock) -> Seen:
    try:
        async with clock.timeout(check.limit_s):
            return await check.look()
    except TimeoutError:
        return failed(f"no result within {check.limit_s:.0f} s", check.way_out)
    except AltmonitorError as problem:
        return failed(str(problem), check.way_out)
    except Exception as problem:  # a check-up that breaks must not hide what the other checks found
        return failed(f"unexpected {type(problem).__name__}: {problem}", check.way_out)


# ---
# Findings → lines, a report → JSON. Pure.


SIGNS = {CheckVerdict.OK: "✓", CheckVerdict.NOTE: "!", CheckVerdict.FAILED: "✗", CheckVerdict.SKIPPED: "–"}
_COLOURS = {CheckVerdict.OK: "32", CheckVerdict.NOTE: "33", CheckVerdict.FAILED: "31", CheckVerdict.SKIPPED: "2"}
_TITLE_WIDTH = 18


def line(finding: CheckResult, *, is_coloured: bool = False, width: int = 0) -> str:
    """One or two lines: what was seen, and the way out; more where they would not fit. width: columns, 0 for any."""
    sign = SIGNS[finding.verdict]
    text = f"{sign} {finding.title:<{_TITLE_WIDTH}} {finding.text}"
    is_raised = finding.way_out and finding.verdict in (CheckVerdict.FAILED, CheckVerdict.NOTE)
    way_out = f"  {'':<{_TITLE_WIDTH}} → {finding.way_out}" if is_raised else ""
    if width:
        text, way_out = (wrapped(part, width, indent=_TITLE_WIDTH + 3) for part in (text, way_out))
    if is_coloured:
        text = f"\x1b[{_COLOURS[finding.verdict]}m{sign}\x1b[0m{text.removeprefix(sign)}"
    return f"{text}\n{way_out}" if way_out else text


def verdict(report: Report) -> str:
    if report.is_ready:
        return "READY"
    count = len(report.failures)
    return f"NOT READY: {', '.join(finding.title for finding in report.failures)} ({count} of {len(report.findings)})"


def text(report: Report) -> str:
    lines = [f"altmonitor {report.version}", *(line(finding) for finding in report.findings), "", verdict(report)]
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> dict[str, object]:
    return {
        "ready": report.is_ready,
        "version": report.version,
        "at_ms": report.at_ms,
        "checks": [
            {
                "name": finding.name,
                "title": finding.title,
                "verdict": finding.verdict.value,
                "seen": finding.text,
                "way_out": finding.way_out,
                "took_ms": finding.took_ms,
            }
            for finding in report.findings
        ],
    }
