"""Both providers of followed traders at OKX behind one gate, as the environment says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from altmonitor.config import Config
from altmonitor.core.clock import Clock, timeouts
from altmonitor.exchanges.okx.copy_rest import COPY_PATHS, INSTRUMENTS, OkxCopyRest
from altmonitor.exchanges.okx.copy_traders import READ_WITHIN_S, OkxCopyTraders
from altmonitor.exchanges.okx.key_traders import SIGNED_PATHS, TIME, OkxCredentials, OkxKeyTraders
from altmonitor.exchanges.rest.budget import LimitPool, RequestBudget
from altmonitor.exchanges.rest.client import ANSWER_WITHIN_S
from altmonitor.exchanges.rest.guard import Guard

LIMITS: Final = {
    **dict.fromkeys(COPY_PATHS, (5, 2.0)),
    **dict.fromkeys(SIGNED_PATHS, (5, 1.0)),
    INSTRUMENTS: (20, 2.0),
    TIME: (10, 2.0),
}
"""Requests and seconds, of each path by itself."""


def okx_traders_guard(base_url: str, *, clock: Clock, block_file: Path | None = None) -> Guard:
    pools = {path: LimitPool(limit=limit, window_s=window_s) for path, (limit, window_s) in LIMITS.items()}
    return Guard(
        urlsplit(base_url).netloc, clock=clock, block_file=block_file, budget=RequestBudget(pools=pools), probe=TIME
    )


@asynccontextmanager
async def okx_traders(config: Config, clock: Clock) -> AsyncIterator[tuple[OkxCopyTraders, OkxKeyTraders]]:
    """Raises: ConfigError for a proxy that cannot be used."""
    url, within_s = config.okx_rest_url, timeouts(clock, ANSWER_WITHIN_S)
    guard = okx_traders_guard(url, clock=clock, block_file=config.db_file.with_name("okx-block.json"))
    credentials = OkxCredentials(key=config.okx_api_key, secret=config.okx_secret_key, passphrase=config.okx_passphrase)
    rest = OkxCopyRest(url, clock=clock, guard=guard, within_s=within_s)
    key = OkxKeyTraders(url, credentials=credentials, clock=clock, guard=guard, within_s=within_s)
    async with AsyncExitStack() as stack:
        for one in (rest, key):
            await one.start()
            stack.push_async_callback(one.stop)
        yield OkxCopyTraders(rest, clock=clock, read_within_s=timeouts(clock, READ_WITHIN_S)), key
