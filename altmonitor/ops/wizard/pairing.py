"""Waiting for the pairing code, and showing that one waits."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from altmonitor.core.clock import Clock
from altmonitor.core.errors import SecondPoller
from altmonitor.ops.telegram import BotApi
from altmonitor.ops.wizard.ops_wizard_pairing import Heard, listen
from altmonitor.telegram.poller import KINDS

WAIT_S = 120.0
POLL_S = 20.0
MORE_S = 1.5
"""After the first message with the code: time for a second one, written by somebody who saw it."""
CONFLICTS_BELIEVED = 3
BACKLOG = 50
"""Of what waits from before: so many are looked at, older ones are dropped."""


async def wait_for_code(
    bot: BotApi, *, code: str, bot_username: str, clock: Clock, stop: asyncio.Event, wait_s: float = WAIT_S
) -> Heard:
    """What is written from now on; ends `MORE_S` after the first claim, after wait_s, or when `stop` is set.

    Everything read is confirmed, so that the monitor does not take the code for a command. Raises DeliveryError.
    """
    end_s, conflicts, others = clock.monotonic() + wait_s, 0, 0
    waiting = await bot.updates(offset=-BACKLOG, timeout_s=0, kinds=KINDS)
    offset = _behind(waiting, None)
    # Who was quick may have written the code before this first look; whatever else waits is of another time.
    claims = list(listen(waiting, code=code, bot_username=bot_username).claims)
    if claims:
        end_s = clock.monotonic() + MORE_S
    while not stop.is_set() and (left_s := end_s - clock.monotonic()) > 0:
        try:
            batch = await _unless(stop, bot, offset, min(POLL_S, left_s))
        except SecondPoller:
            conflicts += 1
            if conflicts >= CONFLICTS_BELIEVED:
                raise
            await clock.sleep(1.0)
            continue
        offset = _behind(batch, offset)
        heard = listen(batch, code=code, bot_username=bot_username)
        others += heard.others
        if heard.claims and not claims:
            end_s = clock.monotonic() + MORE_S
        claims += [claim for claim in heard.claims if claim not in claims]
    if offset is not None:
        await bot.updates(offset=offset, timeout_s=0, kinds=KINDS)
    return Heard(claims=tuple(claims), others=others)


async def _unless(
    stop: asyncio.Event, bot: BotApi, offset: int | None, timeout_s: float
) -> Sequence[Mapping[str, object]]:
    """One long poll, cut short when `stop` is set."""
    # A poll of less than a second would be one of none: Telegram counts whole seconds.
    polling = asyncio.ensure_future(bot.updates(offset=offset, timeout_s=max(1.0, timeout_s), kinds=KINDS))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({polling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return polling.result() if polling.done() else []
    finally:
        for task in (polling, stopping):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


def _behind(batch: Sequence[Mapping[str, object]], offset: int | None) -> int | None:
    ids = [update_id for update in batch if isinstance(update_id := update.get("update_id"), int)]
    return max(ids) + 1 if ids else offset


@asynccontextmanager
async def enter_stops(stop: asyncio.Event) -> AsyncIterator[None]:
    """While inside, Enter at the terminal sets `stop`."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        os.read(sys.stdin.fileno(), 65_536)
        stop.set()

    try:
        loop.add_reader(sys.stdin, read)
    except (NotImplementedError, OSError, ValueError):  # no such thing on this system: Ctrl-C is left
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(sys.stdin)


@asynccontextmanager
async def countdown(clock: Clock, show: Callable[[int], str], *, wait_s: float = WAIT_S) -> AsyncIterator[None]:
    """One line that is kept up to date: seconds left."""
    end_s = clock.monotonic() + wait_s

    async def draw() -> None:
        while True:
            left_s = max(0, round(end_s - clock.monotonic()))
            sys.stdout.write(f"\r\x1b[K{show(left_s)}")
            sys.stdout.flush()
            await clock.sleep(1.0)

    drawing = asyncio.create_task(draw(), name="countdown")
    try:
        yield
    finally:
        drawing.cancel()
        await asyncio.wait([drawing])
        sys.stdout.write("\r\x1b[K")
        sys.stdout.flush()
