"""The website's overview of the traders it follows, one contract at a time. Undocumented, unlimited by no published
rule, and quick to lock out: a burst of requests has been answered with a ban of almost four hours."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeError, ExchangeUnreachable, RegionBlocked
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.smart_money_wire import read_overview
from altmonitor.exchanges.rest.budget import Ask, Budget, Pool
from altmonitor.exchanges.rest.client import HttpGet
from altmonitor.exchanges.rest.guard import Answer, Guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.smart_money import Overview

PATH: Final = "/bapi/futures/v1/public/future/smart-money/signal/overview"
HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Language": "en-US,en;q=0.9",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "clienttype": "web",
    "lang": "en",
}
"""What the site's own page sends; without them it answers with a page for people."""

GOOD_FOR_S: Final = 600.0
LAST_KNOWN_S: Final = 3_600.0
"""How old an answer may be that stands in for one that cannot be had; its capture time is shown."""

EMPTY_FOR_S: Final = 120.0
MOST_REMEMBERED: Final = 2_000
RETRY_AFTER_S: Final = 0.4
SPACING_S: Final = 0.4
ANSWER_WITHIN_S: Final = 8.0
SOCKETS: Final = 4
POOL: Final = "smart_money"
REQUESTS_A_MINUTE: Final = 10
"""Ours: twice what tracking takes (one request in 12 s), the rest is for alerts. 20 a minute are reported to pass."""

BUDGET_WAIT_S: Final = {Priority.ENRICH: 1.5}


class _Empty(Exception):
    """Nothing for this symbol, or nothing at this moment: the answer does not tell which."""


def web_guard(
    base_url: str,
    *,
    clock: Clock,
    block_file: Path | None = None,
    on_change: Callable[[GuardStatus], None] | None = None,
) -> Guard:
    """The gate for the website's host: blocks of its own, and the question itself as the probe after one."""
    return Guard(
        urlsplit(base_url).netloc,
        clock=clock,
        block_file=block_file,
        on_change=on_change,
        budget=Budget(pools={POOL: Pool(limit=REQUESTS_A_MINUTE, window_s=60.0)}),
        probe=_target("BTCUSDT"),
    )


class SmartMoneyWeb:
    """`monitor.positioning_ports.SmartMoney`. `start` before the first question, `stop` after the last."""

    def __init__(
        self, base_url: str, *, clock: Clock, guard: Guard, trust_env: bool = True, within_s: float = ANSWER_WITHIN_S
    ) -> None:
        self._http = HttpGet(
            base_url, clock=clock, trust_env=trust_env, sockets=SOCKETS, within_s=within_s, headers=HEADERS
        )
        self._clock = clock
        self._guard = guard
        self._answers: Cache[str, Overview] = Cache(clock=clock, ttl_s=GOOD_FOR_S)
        self._empty_until_s: dict[str, float] = {}
        self._turn = asyncio.Lock()
        self._next_s = clock.monotonic()

    async def start(self) -> None:
        """Raises: StartError for a proxy of a kind that cannot be used."""
        await self._http.start()

    async def stop(self) -> None:
        await self._http.stop()

    def guard_status(self) -> GuardStatus:
        return self._guard.status()

    async def overview(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Overview | None:
        if not self._is_empty(symbol):
            try:
                return await self._answers.get(symbol, lambda: self._fetch(symbol, priority), is_fresh=is_fresh)
            except _Empty:
                self._remember_empty(symbol)
            except ExchangeError:
                kept = None if is_fresh else self._answers.kept(symbol, within_s=LAST_KNOWN_S)
                if kept is None:
                    raise
                return kept
        return None if is_fresh else self._answers.kept(symbol, within_s=LAST_KNOWN_S)

    async def _fetch(self, symbol: str, priority: Priority) -> Overview:
        """Asked again once after nothing or no answer; never after a refusal."""
        try:
            return await self._ask(symbol, priority)
        except (_Empty, ExchangeUnreachable):
            await self._clock.sleep(RETRY_AFTER_S)
        return await self._ask(symbol, priority)

    async def _ask(self, symbol: str, priority: Priority) -> Overview:
        ask = Ask(target=_target(symbol), priority=priority, weight=0, pool=POOL)
        answer = await self._guard.fetch(ask, self._send_in_turn, wait_s=BUDGET_WAIT_S.get(priority, 65.0))
        try:
            found = read_overview(_usable(answer), symbol=symbol, captured_ms=self._clock.now_ms())
        except ValueError as problem:
            raise BadAnswer(str(problem)) from None
        if found is None:
            raise _Empty
        return found

    async def _send_in_turn(self, target: str) -> Answer:
        """Requests leave one by one, whoever asks: what falls together looks like a burst from outside."""
        async with self._turn:
            wait_s = self._next_s - self._clock.monotonic()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            status = self._guard.status()
            if status.state == "blocked":  # the request before this one was refused while we waited
                kind = RegionBlocked if status.is_region else ExchangeBlocked
                raise kind(status.reason, until_ms=status.until_ms or self._clock.now_ms())
            self._next_s = self._clock.monotonic() + SPACING_S
        return await self._http.send(target)

    def _is_empty(self, symbol: str) -> bool:
        return self._clock.monotonic() < self._empty_until_s.get(symbol, -math.inf)

    def _remember_empty(self, symbol: str) -> None:
        self._empty_until_s.pop(symbol, None)  # the newest stand last
        self._empty_until_s[symbol] = self._clock.monotonic() + EMPTY_FOR_S
        while len(self._empty_until_s) > MOST_REMEMBERED:
            del self._empty_until_s[next(iter(self._empty_until_s))]


def _target(symbol: str) -> str:
    return f"{PATH}?{urlencode({'symbol': symbol})}"


def _usable(answer: Answer) -> bytes:
    """The body of a 200. Raises: ExchangeUnreachable, BadAnswer."""
    if answer.status == 200:
        return answer.body
    said = f"HTTP {answer.status}"
    if answer.status >= 500 or answer.status == 408:
        raise ExchangeUnreachable(said)
    raise BadAnswer(said)
