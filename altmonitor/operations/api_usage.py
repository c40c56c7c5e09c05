"""How much a key has asked today and this month. Who asks is known to the server, which sets it for the call."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Operation
from altmonitor.operations.preferences import PreferencesRequest, kept_scores

NO_KEYS: Final = "no keys are kept: nobody is asked for one, and nothing is counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInUse:
    """id: under which calls are counted. per_day, per_minute: of its plan."""

    id: str
    name: str
    plan: str
    per_day: int
    per_minute: int


KEY_IN_USE: ContextVar[KeyInUse | None] = ContextVar("key_in_use", default=None)


class ApiUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Days and months of UTC. *_ts: unix seconds. This call counts."""

    plan: str | None
    calls_today: int | None
    calls_this_month: int | None
    per_day: int | None
    per_minute: int | None
    remaining_today: int | None
    day_resets_ts: int
    month_resets_ts: int
    unavailable: dict[str, str]


def day_of(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()


def next_day_ts(now_ms: int) -> int:
    return (now_ms // 86_400_000 + 1) * 86_400


async def api_usage(context: OperationContext, arguments: PreferencesRequest) -> ApiUsage:
    now_ms, key = context.clock.now_ms(), KEY_IN_USE.get()
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    month = today.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    month_resets_ts = int(datetime(following.year, following.month, 1, tzinfo=UTC).timestamp())
    if key is None:
        names = ("plan", "calls_today", "calls_this_month", "per_day", "per_minute", "remaining_today")
        return ApiUsage(
            plan=None,
            calls_today=None,
            calls_this_month=None,
            per_day=None,
            per_minute=None,
            remaining_today=None,
            day_resets_ts=next_day_ts(now_ms),
            month_resets_ts=month_resets_ts,
            unavailable=dict.fromkeys(names, NO_KEYS),
        )
    calls = await kept_scores(context).calls(key.id, since_day=month.isoformat())
    calls_today = calls.get(today.isoformat(), 0)
    return ApiUsage(
        plan=key.plan,
        calls_today=calls_today,
        calls_this_month=sum(calls.values()),
        per_day=key.per_day,
        per_minute=key.per_minute,
        remaining_today=max(0, key.per_day - calls_today),
        day_resets_ts=next_day_ts(now_ms),
        month_resets_ts=month_resets_ts,
        unavailable={},
    )


API_USAGE_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="api_usage",
        summary="Calls of the key that asks: today, this month, its plan and when it begins anew.",
        arguments=PreferencesRequest,
        result=ApiUsage,
        run=api_usage,
        reads="stored",
        route="GET /v1/usage",
        keyed=True,
        tool=False,
    ),
)
