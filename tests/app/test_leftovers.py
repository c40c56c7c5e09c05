"""What a feed found and could not store: in every state somebody answers for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from altmonitor.app.leftovers import TAKE_EVERY_S, Leftovers, TakenOver
from altmonitor.core.alert import Alert
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.engine.context import NOWHERE
from altmonitor.interfaces.cluster import FoundAlert
from altmonitor.storage.hand_over import MemoryHandOver
from tests.fakes import MINUTE, T0, Market
from tests.movable_clock import MovableClock, at_work


class Table(MemoryHandOver):
    """Beside it what is stored of alerts; is_away: it does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.stored: dict[str, Alert] = {}

    async def put(self, found: Sequence[FoundAlert]) -> None:
        self._ask()
        await super().put(found)

    async def waiting(self) -> Sequence[FoundAlert]:
        self._ask()
        return await super().waiting()

    def _ask(self) -> None:
        if self.is_away:
            raise StorageError("away")


class Leader:
    """A feed that leads, with an engine of its own. What it has put is stored when it says that it is done; is_dying:
    it does not come so far."""

    def __init__(self, table: Table, clock: MovableClock) -> None:
        self.market = Market()
        self.table = table
        self.is_dying = False
        self._put: list[Alert] = []
        self.taken_over = TakenOver(table, clock=clock, adopt=self.adopt, done=self.done)

    def adopt(self, found: FoundAlert) -> bool:
        heard = self.market.engine.adopt(found.alert, found.destinations)
        if heard:
            self._put.append(found.alert)
        return bool(heard)

    async def done(self, keys: Collection[str]) -> None:
        if self.is_dying:
            raise StorageError("away")
        self.table.stored |= {alert.key: alert for alert in self._put}
        self.table.take(keys)


def found(close: float = 103.5, *, at_s: float = 5.0) -> FoundAlert:
    market = Market()
    market.push(close, at_s=at_s)
    return FoundAlert(market.sink.alerts[0], (NOWHERE,))


async def test_the_one_that_led_holds_it_until_it_stands_in_the_table_however_long_the_database_is_away() -> None:
    clock, table = MovableClock(), Table()
    leftovers = Leftovers(table, clock=clock)
    table.is_away = True
    async with at_work(leftovers.run(), on=clock):
        leftovers.keep([found()])
        await clock.advance(300)
        assert leftovers.waiting == 1
        table.is_away = False
        await clock.advance(1)
        assert leftovers.waiting == 0
        leftovers.keep([found(at_s=70.0)])
        await clock.advance(1)
    assert [one.alert.candle_ms for one in await table.waiting()] == [T0, T0 + MINUTE]


async def test_what_is_handed_over_twice_is_one_and_too_much_of_it_loses_the_oldest() -> None:
    clock, table = MovableClock(), Table()
    leftovers = Leftovers(table, clock=clock)
    leftovers.keep([found()])
    leftovers.keep([found()])
    await leftovers.flush()
    leftovers.keep([found()])
    await leftovers.flush()
    assert len(await table.waiting()) == 1


async def test_at_an_orderly_end_it_is_tried_once_more_and_not_for_long() -> None:
    clock, table = MovableClock(), Table()
    leftovers = Leftovers(table, clock=clock)
    leftovers.keep([found()])
    table.is_away = True
    await leftovers.leave()
    assert leftovers.waiting == 1
    table.is_away = False
    await leftovers.leave()
    assert leftovers.waiting == 0


async def test_whoever_leads_stores_what_is_news_and_only_that() -> None:
    clock, table = MovableClock(), Table()
    leader = Leader(table, clock)
    leader.market.push(103.5, at_s=20)  # it came too late for the pump, and saw that of the next minute
    leader.market.push(103.5, at_s=320)
    mine = leader.market.sink.alerts
    await table.put([found(), FoundAlert(mine[-1], (NOWHERE,)), found(96.0, at_s=70.0)])
    async with at_work(leader.taken_over.run(), on=clock):
        await clock.advance(2.5)
    assert [(one.direction, one.candle_ms) for one in table.stored.values()] == [("DUMP", T0 + MINUTE)]
    assert await table.waiting() == []


async def test_a_leader_that_dies_before_it_is_stored_leaves_it_to_the_next_one_and_nothing_is_doubled() -> None:
    clock, table = MovableClock(), Table()
    await table.put([found()])
    dying, next_one = Leader(table, clock), Leader(table, clock)
    dying.is_dying = True
    async with at_work(dying.taken_over.run(), on=clock):
        await clock.advance(3)
    assert table.stored == {}
    async with at_work(next_one.taken_over.run(), on=clock):
        await clock.advance(3)
        await table.put([found()])  # its sender never learned that it had arrived
        await clock.advance(3)
    assert len(table.stored) == 1
    assert await table.waiting() == []


async def test_the_same_feed_that_leads_again_takes_its_own_from_the_table() -> None:
    clock, table = MovableClock(), Table()
    leftovers = Leftovers(table, clock=clock)
    leftovers.keep([found()])
    again = Leader(table, clock)
    async with at_work(leftovers.run(), on=clock), at_work(again.taken_over.run(), on=clock):
        await clock.advance(2.5)
    assert len(table.stored) == 1


async def test_a_chat_that_nobody_judges_for_any_more_hears_nothing_of_it() -> None:
    clock, table = MovableClock(), Table()
    await table.put([FoundAlert(found().alert, (Destination(chat_id=4711),))])
    leader = Leader(table, clock)
    await leader.taken_over.take()
    assert table.stored == {}
    assert await table.waiting() == []


async def test_a_database_that_hands_nothing_over_is_said_once_and_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, table = MovableClock(T0), Table()
    leader = Leader(table, clock)
    table.is_away = True
    async with at_work(leader.taken_over.run(), on=clock):
        await clock.advance(3 * TAKE_EVERY_S)
        assert caplog.messages == ["what other feeds hand over cannot be taken, trying again: away"]
        table.is_away = False
        await clock.advance(TAKE_EVERY_S)
        table.is_away = True
        await clock.advance(TAKE_EVERY_S)
    assert len(caplog.messages) == 2
