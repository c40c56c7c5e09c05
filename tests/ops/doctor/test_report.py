"""Checks → findings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from altmonitor.core.errors import StartError
from altmonitor.ops.doctor import report as render
from altmonitor.ops.doctor.report import (
    Check,
    CheckResult,
    CheckVerdict,
    Report,
    Seen,
    failed,
    fine,
    note,
    run,
    skipped,
)
from tests.movable_clock import MovableClock

Look = Callable[[], Awaitable[Seen]]


def check(name: str, seen: Seen | Exception, **more: object) -> Check:
    async def look() -> Seen:
        if isinstance(seen, Exception):
            raise seen
        return seen

    return Check(name=name, title=name.title(), look=look, way_out="do this", **more)  # type: ignore[arg-type]


async def test_what_needs_something_broken_is_skipped_and_says_why() -> None:
    checks = [
        check("token", failed("refused", "get another")),
        check("chat", fine("never looked at"), needs=("token",)),
        check("topic", fine("never looked at"), needs=("chat",)),
        check("clock", fine("good"), after=("token",)),
    ]
    found = await run(checks, clock=MovableClock())
    assert [(finding.name, finding.verdict) for finding in found] == [
        ("token", CheckVerdict.FAILED),
        ("chat", CheckVerdict.SKIPPED),
        ("topic", CheckVerdict.SKIPPED),
        ("clock", CheckVerdict.OK),
    ]
    assert found[1].text == "not looked at, it needs: Token"
    assert found[2].text == "not looked at, it needs: Chat"


async def test_findings_are_told_in_order_each_as_soon_as_it_can_be() -> None:
    clock, told = MovableClock(), list[str]()

    def slow(name: str, seconds: float) -> Check:
        async def look() -> Seen:
            await clock.sleep(seconds)
            return fine("good")

        return Check(name=name, title=name, look=look, way_out="")

    running = asyncio.create_task(
        run([slow("a", 2), slow("b", 1), slow("c", 5)], clock=clock, notify=lambda finding: told.append(finding.name))
    )
    await clock.advance(1.5)
    assert told == []
    await clock.advance(1)
    assert told == ["a", "b"]
    await clock.advance(3)
    assert [finding.took_ms for finding in await running] == [2000, 1000, 5000]


async def test_a_look_that_takes_too_long_fails_with_its_way_out() -> None:
    clock = MovableClock()

    async def for_ever() -> Seen:
        await asyncio.Event().wait()
        return fine("never")

    hanging = Check(name="rest", title="REST", look=for_ever, way_out="check the network", limit_s=7)
    running = asyncio.create_task(run([hanging], clock=clock))
    await clock.advance(8)
    (finding,) = await running
    assert (finding.verdict, finding.text, finding.way_out) == (
        CheckVerdict.FAILED,
        "no result within 7 s",
        "check the network",
    )


@pytest.mark.parametrize(
    ("problem", "text"),
    [(StartError("the port\nis taken"), "the port is taken"), (KeyError("x"), "unexpected KeyError: 'x'")],
)
async def test_a_look_that_raises_fails_and_the_others_go_on(problem: Exception, text: str) -> None:
    found = await run([check("a", problem), check("b", fine("good"))], clock=MovableClock())
    assert [(finding.verdict, finding.text) for finding in found] == [
        (CheckVerdict.FAILED, text),
        (CheckVerdict.OK, "good"),
    ]
    assert found[0].way_out == "do this"


def finding(name: str, verdict: CheckVerdict, text: str = "seen", way_out: str = "") -> CheckResult:
    return CheckResult(name=name, title=name.title(), verdict=verdict, text=text, way_out=way_out, took_ms=5)


def test_a_report_is_ready_as_long_as_nothing_failed() -> None:
    fine_enough = (finding("a", CheckVerdict.OK), finding("b", CheckVerdict.NOTE), finding("c", CheckVerdict.SKIPPED))
    ready = Report(version="1", at_ms=1, findings=fine_enough)
    broken = Report(version="1", at_ms=1, findings=(*fine_enough, finding("rest", CheckVerdict.FAILED)))
    assert render.verdict(ready) == "READY"
    assert render.verdict(broken) == "NOT READY: Rest (1 of 4)"


def test_a_line_shows_the_way_out_only_where_there_is_something_to_do() -> None:
    assert render.line(finding("dns", CheckVerdict.FAILED, "no name", "check DNS")) == (
        "✗ Dns                no name\n                     → check DNS"
    )
    assert render.line(finding("dns", CheckVerdict.FAILED, "no name for either host", "check DNS"), width=40) == (
        "✗ Dns                no name for either\n                     host\n                     → check DNS"
    )
    assert render.line(finding("dns", CheckVerdict.OK, "good", "unneeded")) == "✓ Dns                good"
    assert render.line(finding("dns", CheckVerdict.NOTE, "hm")) == "! Dns                hm"
    assert (
        render.line(finding("dns", CheckVerdict.SKIPPED, "not looked at", "x")) == "– Dns                not looked at"
    )


def test_the_json_form_holds_everything() -> None:
    report = Report(version="1.2", at_ms=7, findings=(finding("dns", CheckVerdict.FAILED, "no name", "check DNS"),))
    assert json.loads(json.dumps(render.as_json(report))) == {
        "ready": False,
        "version": "1.2",
        "at_ms": 7,
        "checks": [
            {
                "name": "dns",
                "title": "Dns",
                "verdict": "failed",
                "seen": "no name",
                "way_out": "check DNS",
                "took_ms": 5,
            }
        ],
    }


def test_the_four_verdicts_are_values() -> None:
    assert [seen.verdict for seen in (fine("a"), note("b"), failed("c", "d"), skipped("e"))] == [
        CheckVerdict.OK,
        CheckVerdict.NOTE,
        CheckVerdict.FAILED,
        CheckVerdict.SKIPPED,
    ]
