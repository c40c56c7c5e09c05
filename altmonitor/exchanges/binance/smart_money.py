"""The website's overview of the traders it follows, one contract at a time. Undocumented, unlimited by no published
rule, and quick to lock out: a burst of requests has been answered with a ban of almost four hours."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from altmonitor.core.cache import Cache
from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeError, ExchangeUnreachable, RegionBlocked
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.bodies import TOO_MANY_REQUESTS_CODES
from altmonitor.exchanges.rest.budget import Ask, RequestBudget
from altmonitor.exchanges.rest.client import UNREADABLE, HttpGet, One
from altmonitor.exchanges.rest.guard import Guard, RestAnswer
from altmonitor.exchanges.rest.shared_pool import pool_of
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.smart_money import Overview, Side

# ---
# Bodies of the smart-money overview → `Overview`. The interface is the website's own and documented nowhere.
#
# Numbers come as numbers or as strings. What is missing, of another type, not finite or impossible is None; it never
# spoils the other numbers, and is never 0.


SUCCESS = "000000"
LARGEST = 1e15


class EnvelopeWire(msgspec.Struct, frozen=True):
    code: str | int
    data: msgspec.Raw = msgspec.Raw(b"null")


_ENVELOPE = One(EnvelopeWire)


def read_overview(body: bytes, *, symbol: str, captured_ms: int) -> Overview | None:
    """None: the site has nothing for this symbol (at this moment: passing empties happen). Raises: BadAnswer."""
    if not body.strip():
        return None
    envelope = _ENVELOPE.read(body)
    if envelope.code != SUCCESS:
        return None
    try:
        data = msgspec.json.decode(envelope.data, type=dict[str, object] | None)
    except UNREADABLE as problem:
        raise BadAnswer(f"not what the endpoint promises: {problem}") from None
    if not data:
        return None
    if data.get("symbol", symbol) != symbol:
        raise BadAnswer(f"smart money: asked for {symbol}, got {str(data['symbol'])[:64]!r}")
    overview = _overview(data, symbol=symbol, captured_ms=captured_ms)
    return overview if _says_anything(overview) else None


def _overview(data: Mapping[str, object], *, symbol: str, captured_ms: int) -> Overview:
    return Overview(
        symbol=symbol,
        captured_ms=captured_ms,
        signal_day_ms=_count(data, "updateTime") or None,
        total_positions=_amount(data, "totalPositions"),
        total_traders=_count(data, "totalTraders"),
        long_short_ratio=_amount(data, "longShortRatio"),
        long=_side(data, "long"),
        short=_side(data, "short"),
    )


def _side(data: Mapping[str, object], side: str) -> Side:
    traders, whales = _count(data, f"{side}Traders"), _count(data, f"{side}Whales")
    return Side(
        traders=traders,
        traders_qty_coins=_amount(data, f"{side}TradersQty"),
        traders_avg_entry=_amount(data, f"{side}TradersAvgEntryPrice") or None,
        whales=whales,
        whales_qty_coins=_amount(data, f"{side}WhalesQty"),
        whales_avg_entry=_amount(data, f"{side}WhalesAvgEntryPrice") or None,
        profit_traders=_part(_count(data, f"{side}ProfitTraders"), traders),
        profit_whales=_part(_count(data, f"{side}ProfitWhales"), whales),
    )


def _says_anything(overview: Overview) -> bool:
    sides = (overview.long, overview.short)
    return any(
        found is not None for side in sides for found in (side.traders, side.traders_qty_coins, side.traders_avg_entry)
    )


def _amount(data: Mapping[str, object], name: str) -> float | None:
    given = data.get(name)
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        value = float(given)
    except (ValueError, OverflowError):
        return None
    return value if 0 <= value <= LARGEST else None  # False for NaN


def _count(data: Mapping[str, object], name: str) -> int | None:
    value = _amount(data, name)
    return None if value is None or math.floor(value) != value else int(value)


def _part(count: int | None, whole: int | None) -> int | None:
    """999 in profit of 347 is no count of anything."""
    return None if count is None or (whole is not None and count > whole) else count


# ---


WEBSITE_BLOCK_FILE: Final = "website-block.json"
"""Beside DB_FILE, shared by all processes: what one is refused, none asks."""
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
"""Ours, of all processes together: twice what tracking takes (one request in 12 s), the rest is for alerts. 20 a minute
are reported to pass."""
REQUESTS_FILE: Final = "website-requests"

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
    host = urlsplit(base_url).netloc
    shared = None if block_file is None else block_file.with_name(REQUESTS_FILE)
    pool = pool_of(limit=REQUESTS_A_MINUTE, window_s=60.0, path=shared, host=host, clock=clock)
    return Guard(
        host,
        clock=clock,
        block_file=block_file,
        on_change=on_change,
        budget=RequestBudget(pools={POOL: pool}),
        probe=_target("BTCUSDT"),
        too_many_codes=TOO_MANY_REQUESTS_CODES,
    )


class SmartMoneyWeb:
    """`interfaces.positioning.SmartMoney`. `start` before the first question, `stop` after the last."""

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
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._http.start()

    async def stop(self) -> None:
        await self._http.stop()

    def guard_status(self) -> GuardStatus:
        return self._guard.status()

    def has_answer(self, symbol: str) -> bool:
        """A question about it would not leave this process."""
        return self._is_empty(symbol) or self._answers.kept(symbol, within_s=GOOD_FOR_S) is not None

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

    async def _send_in_turn(self, target: str) -> RestAnswer:
        """Requests leave one by one, whoever asks: what falls together looks like a burst from outside."""
        async with self._turn:
            wait_s = self._next_s - self._clock.monotonic()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            status = self._guard.status()
            if status.state == "blocked":  # the request before this one was refused while we waited
                kind = RegionBlocked if status.is_region else ExchangeBlocked
                code = None if status.reason is None else status.reason.code
                raise kind(str(status.reason or ""), until_ms=status.until_ms or self._clock.now_ms(), code=code)
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


def _usable(answer: RestAnswer) -> bytes:
    """The body of a 200. Raises: ExchangeUnreachable, BadAnswer."""
    if answer.status == 200:
        return answer.body
    kind = ExchangeUnreachable if answer.status >= 500 or answer.status == 408 else BadAnswer
    raise kind(f"HTTP {answer.status}", code=CauseCode.HTTP, status=answer.status)
