"""`python -m tests.e2e.browser.monitor FOLDER`: a monitor whose market does what it is told, line by line, on stdin.

`pump SYMBOL` · `silence` (the exchange sends nothing any more) · `speak`. It writes `READY PORT` when it sees the
market, and `ALERT KEY` for each alert as the stream tells it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp

from altmonitor.sim.script import Listing, Pump
from tests.e2e.browser.monitor_process import LONG, NASTY, SPEED, SYMBOLS, TOKEN
from tests.e2e.stage import START_MS, Stage, stage

TRACKED = {
    "SMART_MONEY_INTERVAL_MIN": "10",
    "SMART_MONEY_POOL_MAX": "8",
    "TOP_TRADER_POOL_MAX": "8",
    "OI_POOL_MAX": "8",
}


async def main(folder: Path) -> None:
    news = [Listing(symbol, START_MS + 40_000) for symbol in (NASTY, LONG)]
    async with stage(folder, *news, speed=SPEED, symbols=SYMBOLS, frames_per_s=120, API_TOKEN=TOKEN, **TRACKED) as here:
        await here.until(lambda: not here.app.market.feed.status().is_blind, within_s=120)
        async with asyncio.TaskGroup() as work:
            telling = work.create_task(tell(here.app.server_port))
            await here.until(lambda: NASTY in here.app.market.symbols(), within_s=120)
            print("READY", here.app.server_port, flush=True)
            await obey(here)
            telling.cancel()


async def obey(here: Stage) -> None:
    """Until stdin ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, _, symbol = line.strip().partition(" ")
        if command == "pump":
            here.market.add(Pump(symbol, here.exchange.now_ms() + 1_000, 7.0, over_s=4))
        else:
            here.exchange.faults.mute = command == "silence"


async def tell(port: int) -> None:
    url = f"http://127.0.0.1:{port}/api/stream"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session, session.get(url) as stream:
        name = ""
        async for line in stream.content:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data" and name == "alert":
                print("ALERT", json.loads(value)["key"], flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
