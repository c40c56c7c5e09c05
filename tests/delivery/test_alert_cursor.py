"""What a listener was told of: after a restart it is told what was learned meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pytest

from altmonitor.core.outcome import AlertReturn
from altmonitor.delivery.alert_cursor import AlertCursor, CursorDeps
from tests.delivery.dispatcher_kit import CountingStore
from tests.movable_clock import MovableClock
from tests.storage.samples import NOW_MS, PRIVATE, pump


async def nothing(keys: Collection[str]) -> Mapping[str, Sequence[AlertReturn]]:
    return {}


async def test_a_memory_that_cannot_be_read_is_said_and_what_comes_from_now_on_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = MovableClock(NOW_MS)
    store = CountingStore(clock=clock, destinations=(PRIVATE,))
    deps = CursorDeps(alerts=store, alerts_of=store.alerts_of, outcomes_of=nothing, memory=store, clock=clock)
    await store.meta_set("hook", "0")
    await store.meta_set("hook.versions", "{1: damaged")
    store.put(pump("SOLUSDT"))
    assert [one.alert.symbol for one in await AlertCursor(deps, "hook").news()] == ["SOLUSDT"]
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "alerts told before are not told again when more is known"
    ]
