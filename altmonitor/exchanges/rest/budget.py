"""How much may still be asked: request weight per exchange minute, and the pools the weight header does not see.

Pure; the time is handed in. Weight is reserved before a request leaves; the exchange's own count corrects it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from altmonitor.interfaces.exchange import Priority

MINUTE_MS = 60_000
EDGE_MS = 500
"""Our minute begins this much after the exchange's: half a second of skew never spends a minute's weight twice."""

WEIGHT_LIMIT = 2_400
WEIGHT_SHARE = 0.70
WEIGHT_SHARE_FIRST = 0.90  # for ENRICH
POOL_SHARE = 0.80
POOL_SHARE_FIRST = 0.90
WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
FUTURES_DATA = "futures_data"
FUNDING = "funding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One GET. target: path and encoded query. weight: what the exchange charges. pool: name of an extra limit."""

    target: str
    priority: Priority
    weight: int = 1
    pool: str | None = None


@dataclass(slots=True, kw_only=True)
class Pool:
    """At most `limit` requests in any `window_s` seconds."""

    limit: int
    window_s: float
    sent_s: deque[float] = field(default_factory=deque)

    def wait_s(self, now_s: float, share: float) -> float:
        while self.sent_s and now_s - self.sent_s[0] >= self.window_s:
            self.sent_s.popleft()
        over = len(self.sent_s) - int(self.limit * share)
        return 0.0 if over < 0 else self.sent_s[over] + self.window_s - now_s


def binance_pools() -> dict[str, Pool]:
    """Source: https://developers.binance.com/docs/derivatives/usds-margined-futures (2026-08): 1,000 requests per 5
    minutes for /futures/data/*, taken as one pool; 500 per 5 minutes for fundingInfo and fundingRate together."""
    return {FUTURES_DATA: Pool(limit=1_000, window_s=300.0), FUNDING: Pool(limit=500, window_s=300.0)}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A reservation. minute: the budget's minute in which the request left."""

    weight: int
    minute: int


class Budget:
    """Used weight is the larger of what we reserved this minute and what the exchange counted plus what is under way
    (other programs on the same address are seen only in the exchange's count)."""

    def __init__(self, *, weight_limit: int = WEIGHT_LIMIT, pools: Mapping[str, Pool] | None = None) -> None:
        self.weight_limit = weight_limit
        self._pools = dict(pools if pools is not None else binance_pools())
        self._minute = -1
        self._reserved = 0
        self._at_edge = 0
        self._counted = 0
        self._under_way = 0

    def used(self, exchange_ms: int) -> int:
        self._roll(exchange_ms)
        return max(self._reserved, self._counted + self._under_way)

    def wait_s(self, ask: Ask, *, exchange_ms: int, now_s: float) -> float:
        """Seconds until there may be room for this ask; 0 when there is room now."""
        is_first = ask.priority is Priority.ENRICH
        wait_s = 0.0
        if ask.weight and self.used(exchange_ms) >= self.weight_limit * (
            WEIGHT_SHARE_FIRST if is_first else WEIGHT_SHARE
        ):
            wait_s = ((self._minute + 1) * MINUTE_MS + EDGE_MS - exchange_ms) / 1000
        pool = self._pools.get(ask.pool) if ask.pool else None
        if pool is not None:
            wait_s = max(wait_s, pool.wait_s(now_s, POOL_SHARE_FIRST if is_first else POOL_SHARE))
        return wait_s

    def reserve(self, ask: Ask, *, exchange_ms: int, now_s: float) -> Ticket:
        self._roll(exchange_ms)
        self._reserved += ask.weight
        if (exchange_ms + EDGE_MS) % MINUTE_MS < 2 * EDGE_MS:
            self._at_edge += ask.weight  # the exchange may count it in the minute that begins
        self._under_way += ask.weight
        if ask.pool and ask.pool in self._pools:
            self._pools[ask.pool].sent_s.append(now_s)
        return Ticket(ask.weight, self._minute)

    def settle(self, ticket: Ticket, *, exchange_ms: int, used_header: str | None) -> None:
        """The request ended. used_header: the weight header of its answer, None without an answer.

        A count told for a request of an earlier minute is not this minute's; what is not a number is ignored.
        """
        self._roll(exchange_ms)
        self._under_way -= ticket.weight
        if used_header and used_header.isascii() and used_header.isdigit() and ticket.minute == self._minute:
            self._counted = max(self._counted, int(used_header[:9]))

    def _roll(self, exchange_ms: int) -> None:
        minute = (exchange_ms - EDGE_MS) // MINUTE_MS
        if minute > self._minute or minute < self._minute - 1:  # a correction by a moment reopens no minute
            self._reserved = self._at_edge if minute == self._minute + 1 else 0
            self._at_edge = self._counted = 0
            self._minute = minute
