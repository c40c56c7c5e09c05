"""A whole day in minutes: everything goes wrong by schedule, and at its end the account must be clean.

ALTMONITOR_CHAOS_HOURS, ALTMONITOR_CHAOS_SPEED (times as fast as life) and ALTMONITOR_CHAOS_SEEDS (`7`, `1,2,5` or
`1-20`) make it longer, slower or another one. The same seed gives the same schedule; how well the machine keeps up with
it is not of its choosing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.chaos.account import account
from tests.chaos.day import day

HOURS = float(os.environ.get("ALTMONITOR_CHAOS_HOURS", "3"))
SPEED = float(os.environ.get("ALTMONITOR_CHAOS_SPEED", "75"))


def seeds(text: str) -> list[int]:
    """`7`, `1,2,5` or `1-20`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


SEEDS = seeds(os.environ.get("ALTMONITOR_CHAOS_SEEDS", "7"))

pytestmark = [
    pytest.mark.timeout(120 + 1.5 * HOURS * 3600 / SPEED),
    pytest.mark.skipif(sys.platform != "linux", reason="a full disk is made with prlimit"),
]


@pytest.mark.parametrize("seed", SEEDS)
async def test_everything_is_told_once_or_reported_as_missed(seed: int, tmp_path: Path) -> None:
    async with day(tmp_path, seed=seed, hours=HOURS, speed=SPEED) as today:
        await today.play()
        found = account(today)
        schedule = "\n".join(map(str, today.plan.faults))
    print(f"\nseed {seed}, {HOURS:g} h at {SPEED:g}×: {found}")
    assert found.problems == [], f"seed {seed}:\n{schedule}\n\n" + "\n".join(found.problems)
