"""A small client of the Smart Money API for other programs: typed answers, one short time limit, a cache.

It blocks, needs nothing but the standard library and msgspec, and may be used from several threads: what a strategy of
a trading bot calls before an order must not wait for long. With an event loop: `asyncio.to_thread(client.confirm, …)`.
"""

from __future__ import annotations

import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Final

import msgspec

from altmonitor.core.clock import Clock, SystemClock

CACHED_S: Final = 20.0
MOST_CACHED: Final = 500
LONGEST_ANSWER: Final = 4 * 1024 * 1024


class SmartMoneyError(Exception):
    """code: `invalid_params`, `unauthorized`, `rate_limit_exceeded`, `data_stale`, …, or `unreachable` where nothing
    answered in time. status: of the HTTP answer, 0 without one. data: with `data_stale`, what was answered last."""

    def __init__(self, code: str, message: str, *, status: int = 0, data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.data = data


class TradeConfirmation(msgspec.Struct, frozen=True, kw_only=True):
    """What `/v1/confirm` says; what else is in its answer stands in `SmartMoneyClient.get`. None: not known."""

    ts: int
    symbol: str
    direction: str
    composite: float | None
    confidence: str
    action: str
    action_v1: str
    size_mult: float
    deriv_score: float | None = None
    whale_score: float | None = None
    onchain_score: float | None = None
    reasons: tuple[str, ...] = ()
    unavailable: dict[str, str] = {}

    @property
    def is_veto(self) -> bool:
        return self.confidence == "VETO"

    def sized(self, amount: float) -> float:
        """An order's amount by the rule of the answer: 0 for a veto; as it is where nothing is known."""
        return amount if self.confidence == "NO_DATA" else amount * self.size_mult


class SmartMoneyClient:
    """base_url: of `altmonitor run` or `altmonitor api`. api_key, token: X-API-Key and API_TOKEN, where they are asked
    for. clock: by which answers grow old.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:3001",
        *,
        api_key: str = "",
        token: str = "",
        timeout_s: float = 5.0,
        clock: Clock | None = None,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"{base_url} is no http address")
        self._base = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._clock = SystemClock() if clock is None else clock
        self._headers = {"Accept": "application/json"}
        if api_key:
            self._headers["X-API-Key"] = api_key
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._lock = threading.Lock()
        self._cached: dict[tuple[str, str], tuple[float, TradeConfirmation]] = {}

    def confirm(self, symbol: str, direction: str, *, source: str = "") -> TradeConfirmation:
        """At most 20 s old. direction: `long` or `short`. source: who asks. Raises: SmartMoneyError."""
        key, now_s = (symbol, direction), self._clock.monotonic()
        with self._lock:
            known = self._cached.get(key)
        if known is not None and 0 <= now_s - known[0] < CACHED_S:
            return known[1]
        given = {"symbol": symbol, "direction": direction} | ({"source": source} if source else {})
        try:
            found = msgspec.convert(self.get("/v1/confirm", **given), type=TradeConfirmation)
        except msgspec.ValidationError as problem:
            raise SmartMoneyError("unreachable", f"the answer is none of this interface: {problem}") from problem
        with self._lock:
            if len(self._cached) >= MOST_CACHED:
                self._cached.clear()
            self._cached[key] = now_s, found
        return found

    def get(self, path: str, **query: str | float) -> dict[str, Any]:
        """Any address of the interface. Raises: SmartMoneyError."""
        target = f"{self._base}{path}"
        if query:
            target += f"?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(target, headers=self._headers)  # noqa: S310 — http, see the constructor
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:  # noqa: S310
                return msgspec.json.decode(answer.read(LONGEST_ANSWER), type=dict[str, Any])
        except urllib.error.HTTPError as refused:
            raise _refusal(refused) from refused
        except (OSError, msgspec.DecodeError, ValueError) as problem:
            raise SmartMoneyError("unreachable", str(problem)) from problem


def _refusal(refused: urllib.error.HTTPError) -> SmartMoneyError:
    with refused:
        try:
            body = msgspec.json.decode(refused.read(LONGEST_ANSWER), type=dict[str, Any])
            error = body["error"]
            code, message = (error["code"], error["message"]) if isinstance(error, dict) else (body["code"], error)
        except (msgspec.DecodeError, KeyError, OSError):
            return SmartMoneyError("unreachable", f"HTTP {refused.code}", status=refused.code)
    data = body.get("data")
    return SmartMoneyError(str(code), str(message), status=refused.code, data=data if isinstance(data, dict) else None)
