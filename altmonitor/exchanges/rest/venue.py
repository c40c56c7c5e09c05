"""Questions to a venue beside the main one: its own connection, its own guard, no more than one retry."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeUnreachable
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.rest.budget import Ask, Budget, Pool
from altmonitor.exchanges.rest.client import HttpGet
from altmonitor.exchanges.rest.guard import Answer, Guard
from altmonitor.interfaces.exchange import Priority

POOL: Final = "venue"
SOCKETS: Final = 4
ANSWER_WITHIN_S: Final = 8.0
RETRY_S: Final = (0.3, 0.6)
BUDGET_WAIT_S: Final = {Priority.ENRICH: 1.5}


def venue_guard(
    base_url: str,
    *,
    clock: Clock,
    requests: int,
    per_s: float,
    probe: str,
    block_file: Path | None = None,
    on_change: Callable[[GuardStatus], None] | None = None,
) -> Guard:
    """The gate for one host: at most `requests` in any `per_s` seconds. probe: a path that costs next to nothing."""
    return Guard(
        urlsplit(base_url).netloc,
        clock=clock,
        block_file=block_file,
        on_change=on_change,
        budget=Budget(pools={POOL: Pool(limit=requests, window_s=per_s)}),
        probe=probe,
    )


class VenueRest:
    """`start` before the first question, `stop` after the last. is_refusal: the venue's own "too many requests" inside
    a 200, which is then treated as the 429 it stands for."""

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        guard: Guard,
        is_refusal: Callable[[bytes], bool],
        trust_env: bool = True,
        within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._http = HttpGet(base_url, clock=clock, trust_env=trust_env, sockets=SOCKETS, within_s=within_s)
        self._clock = clock
        self._guard = guard
        self._is_refusal = is_refusal

    async def start(self) -> None:
        """Raises: StartError for a proxy of a kind that cannot be used."""
        await self._http.start()

    async def stop(self) -> None:
        await self._http.stop()

    def guard_status(self) -> GuardStatus:
        return self._guard.status()

    async def get(self, path: str, priority: Priority, **query: str | int) -> bytes:
        """The body of a 200. Asked once more after no answer or a 5xx. Raises: ExchangeError."""
        ask = Ask(target=f"{path}?{urlencode(query)}", priority=priority, weight=0, pool=POOL)
        try:
            return await self._ask(ask)
        except ExchangeUnreachable:
            await self._clock.sleep(random.uniform(*RETRY_S))
        return await self._ask(ask)

    async def _ask(self, ask: Ask) -> bytes:
        answer = await self._guard.fetch(ask, self._send, wait_s=BUDGET_WAIT_S.get(ask.priority, 65.0))
        if answer.status == 200:
            return answer.body
        said = f"HTTP {answer.status}"
        if answer.status >= 500 or answer.status == 408:
            raise ExchangeUnreachable(said)
        raise BadAnswer(said)

    async def _send(self, target: str) -> Answer:
        answer = await self._http.send(target)
        is_refused = answer.status == 200 and self._is_refusal(answer.body)
        return replace(answer, status=429) if is_refused else answer
