"""Checks → findings: side by side where they do not need one another, told in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from altmonitor.core.clock import Clock
from altmonitor.core.errors import AltmonitorError
from altmonitor.ops.doctor.values import Check, Finding, Seen, Verdict, failed, skipped


async def run(
    checks: Sequence[Check], *, clock: Clock, tell: Callable[[Finding], None] = lambda finding: None
) -> tuple[Finding, ...]:
    """tell: called with each finding in the order of the checks, as soon as it and all before it are known.

    A name in `needs` or `after` that is not among the checks counts as fine.
    """
    names = {check.name for check in checks}
    found: dict[str, asyncio.Future[Finding]] = {name: asyncio.get_running_loop().create_future() for name in names}

    async def carry_out(check: Check) -> None:
        before = [await found[name] for name in (*check.after, *check.needs) if name in names]
        broken = [
            finding.title
            for finding in before
            if finding.name in check.needs and finding.verdict in (Verdict.FAILED, Verdict.SKIPPED)
        ]
        began_s = clock.monotonic()
        seen = skipped(f"not looked at, it needs: {', '.join(broken)}") if broken else await _look(check, clock)
        finding = Finding(
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
            tell(await found[check.name])
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
