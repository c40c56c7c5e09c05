"""A start over what an earlier run has stored."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from altmonitor.core.alert import StoredSize
from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.engine.restore import CONDITIONS, restore
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition, PriceCrosses
from altmonitor.settings.settings import Settings
from altmonitor.storage.memory import MemoryStore
from tests.fakes import MINUTE, T0, Market

MAIN, OTHER = Destination(chat_id=1), Destination(chat_id=2)
AUDIENCES = (
    Audience(destination=MAIN, settings=Settings(cooldown_sec=60, rolling=False)),
    Audience(destination=OTHER, settings=Settings(cooldown_sec=60, rolling=False, pump_threshold=5.0)),
)
DAY_MS = 86_400_000


def stored(market: Market) -> MemoryStore:
    store = MemoryStore(clock=ScaledClock(start_ms=T0, speed=1), destinations=(MAIN, OTHER))
    for alert, to in market.sink.told:
        store.put(alert, to=to)
    return store


async def restarted(store: MemoryStore, *, now_ms: int) -> Market:
    market = Market()
    market.clock.ms = now_ms
    market.engine.apply(AUDIENCES)
    await restore(market.engine, store, now_ms=now_ms, since_ms=now_ms - 15 * MINUTE)
    return market


async def test_a_long_episode_is_resumed_at_its_first_alert_and_the_day_is_counted() -> None:
    before = Market(audiences=AUDIENCES)
    for number in range(12):
        before.push(104.0, at_s=number * 600.0)
    store = stored(before)
    first = before.sink.alerts[0].key
    after = await restarted(store, now_ms=T0 + 115 * MINUTE)
    after.push(104.0, at_s=7000.0, open=100.0)
    (alert,) = after.sink.alerts
    assert (alert.details.episode_key, alert.details.is_silent) == (first, True)
    assert alert.details.today_count == 13


async def test_each_destination_has_what_it_was_told_itself() -> None:
    before = Market(audiences=AUDIENCES)
    before.push(104.0, at_s=10.0)
    after = await restarted(stored(before), now_ms=T0 + 20_000)
    after.push(106.0, at_s=20.0)
    assert [(to, alert.details.today_count) for alert, to in after.sink.told] == [((OTHER,), 1)]


async def test_how_large_it_is_stands_beside_all_that_is_kept() -> None:
    before = Market(audiences=AUDIENCES)
    before.push(107.0, at_s=10.0)
    now_ms = T0 + 4 * DAY_MS
    after = await restarted(stored(before), now_ms=now_ms)
    after.push(106.0, at_s=4 * 86_400 + 30.0)
    after.push(108.0, at_s=4 * 86_400 + 400.0, open=100.0)
    assert [alert.details.largest_days for alert, to in after.sink.told if MAIN in to] == [4, 4]


async def test_armed_conditions_are_remembered() -> None:
    store = stored(Market())
    condition = Condition(
        id=1,
        destination=MAIN,
        owner_id=1,
        owner_name="anna",
        text="SOL > 110",
        created_s=5,
        symbol="SOLUSDT",
        predicate=PriceCrosses(side="above", level=110.0),
    )
    await store.meta_set(CONDITIONS, '{"1@5":{"side":null,"since_ms":1}}')
    after = Market(audiences=(Audience(destination=MAIN, settings=Settings(pump_threshold=50.0)),))
    after.engine.apply_conditions([condition])
    await restore(after.engine, store, now_ms=T0, since_ms=T0)
    after.push(111.0)
    assert [alert.kind for alert in after.sink.alerts] == ["condition"]


class SlowStore(MemoryStore):
    """Cannot look through more than so many days in time."""

    days = 0

    async def stored_sizes(self, *, since_ms: int, recent_ms: int) -> Sequence[StoredSize]:
        if since_ms < recent_ms + 2 * DAY_MS - self.days * DAY_MS:
            raise StorageError("no answer within 3 s")
        return await super().stored_sizes(since_ms=since_ms, recent_ms=recent_ms)


@pytest.mark.parametrize(("days", "largest"), [(90, 30), (30, 14), (1, None)])
async def test_a_store_that_is_slow_is_asked_for_fewer_days_and_no_more_is_claimed(
    days: int, largest: int | None
) -> None:
    store = SlowStore(clock=ScaledClock(start_ms=T0, speed=1), destinations=(MAIN,))
    store.days = days
    before = Market(audiences=AUDIENCES)
    before.push(104.0, at_s=10.0)
    for alert, to in before.sink.told:
        store.put(alert, to=to)
    after = await restarted(store, now_ms=T0 + 30 * DAY_MS + 20_000)
    after.push(105.0, at_s=30 * 86_400 + 20.0)
    assert [alert.details.largest_days for alert, to in after.sink.told if MAIN in to] == [largest]
