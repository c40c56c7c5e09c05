"""kill −9 at random moments while alerts fire and leave."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from tests.e2e.kill_kit import (
    COOLDOWN_S,
    MARGIN_MS,
    SPACING_S,
    Life,
    WatchedMarket,
    compared,
    is_raised,
    seen,
    times_told,
    twice_in_cooldown,
)
from tests.e2e.process import Program, World, rows, world

KILLS = int(os.environ.get("ALTMONITOR_KILLS", "6"))
TELEGRAM_SPEED = 60
SEED = int(os.environ.get("ALTMONITOR_SEED", "7"))
ANSWER_S = 0.08
"""So long Telegram takes to answer: a kill meanwhile leaves a message in the chat that the program knows nothing of."""
SLOW_ANSWER_S = 0.6
"""When a kill is meant to come before the answer, also on a machine that is busy with other things."""
LAST_TURNS = 20
"""Turns of our event loop in which what a killed program sent last is taken in, however slow the machine makes them."""

pytestmark = pytest.mark.timeout(60 + 15 * KILLS)


async def lived(here: World, program: Program, *, kind: int, chance: random.Random) -> Life:
    """Waits for the moment to kill: while it starts, while a message is on its way, or whenever."""
    life = Life()
    if kind == 0:
        await asyncio.sleep(chance.uniform(0.1, 2.0))
        return life
    await here.is_watching(program)
    life.live_ms = SystemClock().now_ms()
    await asyncio.sleep(chance.uniform(0.0, 2.0))
    if kind == 1:
        here.telegram.faults.delay_s = SLOW_ANSWER_S * TELEGRAM_SPEED
        count = times_told(here)
        await here.until(lambda: times_told(here) > count)
    return life


async def ended(here: World, program: Program, life: Life) -> Life:
    life.ended_ms = SystemClock().now_ms()
    await program.kill()
    for _ in range(LAST_TURNS):
        await asyncio.sleep(0.01)
    life.said = len(here.said)
    aside = here.folder / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for file in here.folder.glob("alerts.db*"):
        shutil.copy(file, aside)
    if here.database.exists():
        found = rows(
            aside / "alerts.db", "SELECT key, state, uncertain FROM alerts LEFT JOIN deliveries ON alert_id = id"
        )
        life.committed = {key for key, _, _ in found}
        life.unsure = {key for key, state, is_unsure in found if state == "queued" and is_unsure}
    return life


async def test_no_alert_is_lost_and_only_what_was_in_flight_at_a_kill_is_told_twice_and_marked(tmp_path: Path) -> None:
    clock, chance = SystemClock(), random.Random(SEED)
    market = WatchedMarket(seed=SEED, start_ms=clock.now_ms(), events=round((60 + 10 * KILLS) / SPACING_S))
    settings = {
        "TG_MIN_SEND_INTERVAL": "0.05",
        "COOLDOWN_SEC": str(COOLDOWN_S),
        "OI_SURGE_PCT_1M": "0",
        "OI_SURGE_PCT_5M": "0",
        "VOL_BURST_MULT": "0",
    }
    lives = []
    async with world(tmp_path, market=market, telegram_speed=TELEGRAM_SPEED, **settings) as here:
        for number in range(KILLS):
            here.telegram.faults.delay_s = ANSWER_S * TELEGRAM_SPEED
            async with here.program() as program:
                life = await lived(here, program, kind=number % 4, chance=chance)
                lives.append(await ended(here, program, life))
        here.telegram.faults.delay_s = ANSWER_S * TELEGRAM_SPEED
        async with here.program() as program:
            lives.append(await lived_to_the_end(here, program))
        violations = here.telegram.violations
    found = compared(here, lives)
    keys = {row.key for row in found.rows}
    copies = Counter(len(of_life) for of_life in found.copies)
    print(
        f"\n{KILLS} kills: {len(found.rows)} alerts, {len(found.lost)} lost, {copies[1]} messages told again, "
        f"{len(found.unmarked)} without a mark, {len(found.in_vain)} marked in vain"
    )

    assert len(found.rows) > KILLS
    assert found.lost == []
    assert [key for life in lives for key in life.committed - keys] == []
    assert len(keys) == len(found.rows)

    crowds = [described(here, of_life) for of_life in found.copies if len(of_life) > 1]
    assert crowds == [], "at every kill one message at most may be in the chat without being known to be"
    assert copies[1] > 0
    assert found.copies[KILLS] == set()
    assert found.unmarked == []
    assert [message.text for message in found.in_vain] == []
    assert [message.text for message in found.unknown] == []

    assert twice_in_cooldown(found.rows) == []
    pushes = seen(market, lives)
    assert pushes != set()
    assert [push for push in pushes if not is_raised(push, found.rows)] == []
    assert violations == []


def described(here: World, message_ids: set[int]) -> list[str]:
    return [
        f"{message.message_id} at {message.date_ms}, {len(message.edits)} edits: {message.text}"
        for message in here.said
        if message.message_id in message_ids
    ]


async def lived_to_the_end(here: World, program: Program) -> Life:
    """The last run: for a while as the others, then the market falls silent, and everything is delivered."""
    await here.is_watching(program)
    life = Life(live_ms=SystemClock().now_ms())
    await asyncio.sleep(5)
    here.exchange.faults.mute = True
    life.ended_ms = SystemClock().now_ms()
    await asyncio.sleep(MARGIN_MS / 1000)
    await here.until(lambda: here.rows("SELECT 1 FROM deliveries WHERE state = 'queued'") == [])
    assert await program.ends_by(signal.SIGTERM) == 143
    life.said = len(here.said)
    return life
