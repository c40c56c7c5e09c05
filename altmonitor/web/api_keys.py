"""Keys of the Smart Money API and their plans, from a local table. Without one nobody is asked for a key.

The table (API_KEYS_FILE) is JSON: `{"keys": [{"name": "bot", "sha256": "…", "plan": "trader"}], "plans": {…}}`. Only
the SHA-256 of a key is in it; `altmonitor api --new-key trader --key-name bot` makes one and adds it.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
from aiohttp import web

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ConfigError, StorageError
from altmonitor.core.files import write_atomically
from altmonitor.core.log import FailureLog
from altmonitor.operations.api_usage import KEY_IN_USE, KeyInUse, day_of, next_day_ts
from altmonitor.storage.score_store import ScoreStore
from altmonitor.web.refusals import error_response

log = logging.getLogger(__name__)

HEADER: Final = "X-API-Key"
RATE_LIMIT: Final = web.RequestKey("rate_limit", dict[str, str])
"""Headers of the answer to a call that was counted."""
OPEN_PATHS: Final = frozenset({"/v1/health", "/v1/exchange-health"})
MINUTE_S: Final = 60.0
ANSWERS_KEPT: Final = 12
ADDRESSES_KEPT: Final = 500


class KeyPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """delay_s: answers are those of so many seconds ago. forbidden: paths it does not include. may_write: it may set
    conditions, webhooks and preferences."""

    per_day: Annotated[int, msgspec.Meta(ge=1)]
    per_minute: Annotated[int, msgspec.Meta(ge=1)]
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=3_600)] = 0.0
    forbidden: tuple[str, ...] = ()
    may_write: bool = False


PLANS: Final[Mapping[str, KeyPlan]] = {
    "free": KeyPlan(per_day=10, per_minute=2, delay_s=60.0),
    "trader": KeyPlan(per_day=200, per_minute=20),
    "pro": KeyPlan(per_day=2_000, per_minute=100, may_write=True),
}


class KeptKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """paid_until: unix seconds; None: for good."""

    name: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    plan: str
    paid_until: int | None = None


class KeyTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keys: tuple[KeptKey, ...] = ()
    plans: dict[str, KeyPlan] = {}

    def plan_of(self, key: KeptKey) -> KeyPlan:
        return self.plans.get(key.plan) or PLANS[key.plan]


def read_table(path: Path) -> KeyTable:
    """Empty where there is no file. Raises: ConfigError."""
    try:
        table = msgspec.json.decode(path.read_bytes(), type=KeyTable)
    except FileNotFoundError:
        return KeyTable()
    except (OSError, msgspec.DecodeError) as problem:
        raise ConfigError([f"API_KEYS_FILE={path} cannot be read: {problem}"]) from problem
    unknown = next((key.plan for key in table.keys if key.plan not in {*table.plans, *PLANS}), None)
    if unknown is not None:
        raise ConfigError([f"API_KEYS_FILE={path} names the plan {unknown!r}, which is neither in it nor a usual one"])
    return table


def add_key(path: Path, *, plan: str, name: str) -> str:
    """The new key, which is shown once and kept nowhere. Raises: ConfigError."""
    table = read_table(path)
    if plan not in {*table.plans, *PLANS}:
        raise ConfigError([f"there is no plan {plan!r}: {', '.join(sorted({*table.plans, *PLANS}))}"])
    key = f"sm_{secrets.token_urlsafe(24)}"
    row = KeptKey(name=name, sha256=digest_of(key), plan=plan)
    changed = msgspec.structs.replace(table, keys=(*table.keys, row))
    write_atomically(path, msgspec.json.format(msgspec.json.encode(changed), indent=1) + b"\n")
    return key


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeys:
    """Asks for keys once the table has any. store: where calls are counted."""

    def __init__(self, table: KeyTable, *, store: ScoreStore | None, clock: Clock) -> None:
        self._keys = {key.sha256: (key, table.plan_of(key)) for key in table.keys}
        self._store = store
        self._clock = clock
        self._counting = FailureLog(
            log, "calls with a key cannot be counted, and nobody is held to the calls of a day: %s", of=StorageError
        )
        self._minutes: dict[str, deque[float]] = {}
        self._answers: dict[str, deque[tuple[float, bytes]]] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def of(self, request: web.Request) -> tuple[KeptKey, KeyPlan] | None:
        """None for no key, or one that is not known."""
        return self._keys.get(digest_of(request.headers.get(HEADER, "")))

    async def refusal(self, request: web.Request) -> web.Response | None:
        """Counts the call. None: it may be answered, and `rate_headers` stand on the answer."""
        found = self.of(request)
        if found is None:
            return error_response(401, f"needs the header {HEADER}", {"WWW-Authenticate": HEADER})
        key, plan = found
        now_ms, now_s = self._clock.now_ms(), self._clock.monotonic()
        if key.paid_until is not None and now_ms / 1000 >= key.paid_until:
            return error_response(402, "the plan of this key has run out", code="payment_required", title="Not paid")
        if request.path.startswith(plan.forbidden) if plan.forbidden else False:
            return error_response(403, f"the plan {key.plan} does not include {request.path}", code="plan_restriction")
        if request.method not in ("GET", "HEAD") and not plan.may_write:
            return error_response(403, f"the plan {key.plan} may only read", code="plan_restriction")
        asked = self._minutes.setdefault(key.sha256, deque())
        while asked and now_s - asked[0] >= MINUTE_S:
            asked.popleft()
        if len(asked) >= plan.per_minute:
            wait_s = max(1, round(MINUTE_S - (now_s - asked[0])))
            return self._too_many(f"{plan.per_minute} calls a minute", wait_s, plan, 0, now_ms)
        used = await self._count(key, now_ms)
        if used > plan.per_day:
            return self._too_many(f"{plan.per_day} calls a day", next_day_ts(now_ms) - now_ms // 1000, plan, 0, now_ms)
        asked.append(now_s)
        KEY_IN_USE.set(
            KeyInUse(id=key.sha256[:16], name=key.name, plan=key.plan, per_day=plan.per_day, per_minute=plan.per_minute)
        )
        request[RATE_LIMIT] = rate_headers(plan, max(0, plan.per_day - used), now_ms)
        return None

    def delayed(self, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
        """For a plan with a delay: what was answered to the same question so long ago."""
        found = self.of(request)
        if found is None or not found[1].delay_s or not isinstance(answer, web.Response) or answer.status != 200:
            return answer
        now_s, delay_s = self._clock.monotonic(), found[1].delay_s
        if len(self._answers) > ADDRESSES_KEPT:
            del self._answers[next(iter(self._answers))]
        kept = self._answers.setdefault(request.path_qs, deque(maxlen=ANSWERS_KEPT))
        body = answer.body if isinstance(answer.body, bytes) else b""
        old = [text for at_s, text in kept if now_s - at_s >= delay_s]
        if not kept or now_s - kept[-1][0] >= delay_s / (ANSWERS_KEPT - 2):
            kept.append((now_s, body))
        if not old:
            wait_s = max(1, round(delay_s - (now_s - kept[0][0])))
            text = f"this plan is told what was known {delay_s:.0f} s ago, and nobody asked this then"
            return error_response(503, text, {"Retry-After": str(wait_s)}, code="unavailable")
        answer.body = old[-1]
        return answer

    async def _count(self, key: KeptKey, now_ms: int) -> int:
        """Calls of today. A disk that refuses keeps nobody out: 0, and the log says so."""
        if self._store is None:
            return 0
        with self._counting:
            return await self._store.count_call(key.sha256[:16], day_of(now_ms))
        return 0

    def _too_many(self, what: str, wait_s: int, plan: KeyPlan, remaining: int, now_ms: int) -> web.Response:
        headers = {**rate_headers(plan, remaining, now_ms), "Retry-After": str(wait_s)}
        return error_response(429, f"no more than {what}", headers, code="rate_limit_exceeded", title="Too many calls")


def rate_headers(plan: KeyPlan, remaining: int, now_ms: int) -> dict[str, str]:
    """Of the day."""
    return {
        "X-RateLimit-Limit": str(plan.per_day),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(next_day_ts(now_ms)),
    }
