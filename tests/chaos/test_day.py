"""A day in minutes: everything goes wrong by schedule, and at its end the account must be clean.

ALTMONITOR_CHAOS_HOURS, ALTMONITOR_CHAOS_SPEED (times as fast as life) and ALTMONITOR_CHAOS_SEEDS (`7`, `1,2,5` or
`1-20`) make it longer, slower or another one; docs/chaos.md tells more. The same seed gives the same schedule; how well
the machine keeps up with it is not of its choosing. Two hours of seed 528 hold 20 of the 30 kinds of trouble, with a
crash, a kill and a stop; `make chaos` plays a whole day, which holds all of them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from tests.chaos.account import account
from tests.chaos.day import Day, day
from tests.chaos.ledger import clock_time
from tests.chaos.replayed import problems_of, replayed, summary

HOURS = float(os.environ.get("ALTMONITOR_CHAOS_HOURS", "2"))
SPEED = float(os.environ.get("ALTMONITOR_CHAOS_SPEED", "90"))


def seeds(text: str) -> list[int]:
    """`7`, `1,2,5` or `1-20`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


SEEDS = seeds(os.environ.get("ALTMONITOR_CHAOS_SEEDS", "528"))

pytestmark = [
    pytest.mark.timeout(120 + 1.5 * HOURS * 3600 / SPEED),
    pytest.mark.skipif(sys.platform != "linux", reason="a full disk is made with prlimit"),
]


@pytest.mark.parametrize("seed", SEEDS)
async def test_everything_is_told_once_or_reported_as_missed(seed: int, folder: Path) -> None:
    clock = SystemClock()
    began_s = clock.monotonic()
    async with day(folder, seed=seed, hours=HOURS, speed=SPEED) as today:
        await today.play()
        found = account(today)
        again = await replayed(today)
        found.problems.extend(problems_of(again))
        told = witnesses(today)
    took_s = clock.monotonic() - began_s
    print(f"\nseed {seed}, {HOURS:g} h at {SPEED:g}× in {took_s:.0f} s: {found}")
    print(
        f"replayed from its own records: {again.share:.2%} of {sum(again.live.values())} keys the same, "
        f"{again.rolling} told against the price 60 s earlier, {len(again.differences)} differences with their reasons"
    )
    print(*summary(again), sep="\n")
    if found.problems:
        (folder / "day.txt").write_text(told)
    schedule = "\n".join(map(str, today.plan.faults))
    assert found.problems == [], f"seed {seed}:\n{schedule}\n\n" + "\n".join(found.problems)


def witnesses(today: Day) -> str:
    """What the chat holds, and what each run of the program wrote."""
    said = [
        f"--- {message.message_id} at {clock_time(message.date_ms)}\n{message.text}"
        for message in today.telegram.chats[today.destination.chat_id]
    ]
    for life in today.lives:
        said += [f"=== from {clock_time(life.began_ms)} to its {life.end}", *life.program.lines]
    return "\n".join(said)
