"""The exchange's request budgets, per address. Here every client is one address."""

from __future__ import annotations

from collections import deque

WEIGHT_PER_MINUTE = 2400
IGNORED_BEFORE_BAN = 25  # requests after a 429 in the same minute: what was in flight is forgiven, a loop is not
_FIRST_BAN_MS = 120_000
_LONGEST_BAN_MS = 3 * 86_400_000


class ApiError(Exception):
    """An answer that is an error: HTTP status, the exchange's code and text. retry_after_s: sent as a header."""

    def __init__(self, status: int, code: int, message: str, *, retry_after_s: int | None = None) -> None:
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        super().__init__(message)


def too_many() -> ApiError:
    return ApiError(
        429,
        -1003,
        f"Too many requests; current limit of IP(127.0.0.1) is {WEIGHT_PER_MINUTE} requests per minute. "
        "Please use the websocket for live updates to avoid polling the API.",
    )


def banned(until_ms: int) -> ApiError:
    return ApiError(
        418,
        -1003,
        f"Way too many requests; IP(127.0.0.1) banned until {until_ms}. "
        "Please use the websocket for live updates to avoid bans.",
    )


class WeightBudget:
    """2,400 per minute of the clock (windows begin at :00). Asking on after a 429 earns a ban: 2 minutes, then double.

    Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info (IP limits), 2026-09.
    """

    def __init__(self) -> None:
        self.banned_until_ms = 0
        self._minute = -1
        self._used = 0
        self._ignored = 0
        self._bans = 0

    def used(self, now_ms: int) -> int:
        return self._used if now_ms // 60_000 == self._minute else 0

    def charge(self, now_ms: int, weight: int, *, offset: int) -> None:
        """Raises ApiError: 418 while banned, 429 above the limit."""
        if now_ms < self.banned_until_ms:
            raise banned(self.banned_until_ms)
        if now_ms // 60_000 != self._minute:
            self._minute, self._used, self._ignored = now_ms // 60_000, 0, 0
        self._used += weight
        if self._used + offset <= WEIGHT_PER_MINUTE:
            return
        self._ignored += 1
        if self._ignored <= IGNORED_BEFORE_BAN:
            raise too_many()
        self.banned_until_ms = now_ms + min(_LONGEST_BAN_MS, _FIRST_BAN_MS << self._bans)
        self._bans = min(self._bans + 1, 12)
        raise banned(self.banned_until_ms)


class RequestPool:
    """`limit` requests within any `window_ms`, apart from the weight."""

    def __init__(self, limit: int, window_ms: int = 300_000) -> None:
        self._limit = limit
        self._window_ms = window_ms
        self._times_ms: deque[int] = deque()

    def charge(self, now_ms: int) -> None:
        """Raises ApiError 429 when the pool is empty; a refused request does not count."""
        while self._times_ms and now_ms - self._times_ms[0] >= self._window_ms:
            self._times_ms.popleft()
        if len(self._times_ms) >= self._limit:
            raise too_many()
        self._times_ms.append(now_ms)
