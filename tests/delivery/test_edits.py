"""Edits are made when they change something, as soon as they may, and never wait for nothing."""

from __future__ import annotations

from altmonitor.core.types import Destination
from altmonitor.delivery.pending_edits import OwnMessage, PendingEdits
from tests.delivery.dispatcher_kit import make, running

PRIVATE = Destination(chat_id=5)
KEY = (None, "price:SOLUSDT")


async def test_a_message_that_would_stay_as_it_is_is_not_edited() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("SOLUSDT", key="A")
        await bench.said(1)
        for amplitude in (1.0, 2.0, 3.0):  # which this renderer does not show
            await bench.learn("A", amplitude=amplitude)
            await bench.clock.advance(10)
        assert bench.edits() == []
        await bench.learn("A", lsr=1.5)
        await bench.clock.advance(10)
        await bench.learn("A", amplitude=4.0)
        await bench.clock.advance(10)
        assert bench.edits() == ["SOLUSDT lsr=1.5"]


def test_an_edit_may_be_made_at_the_very_moment_that_was_waited_for() -> None:
    """now - changed >= interval and changed + interval - now are not the same sum in binary."""
    waits = []
    for tenth in range(10_000, 30_000):
        pending = PendingEdits()
        pending.sent(KEY, OwnMessage(message_id=1, maybe_repeated=False, changed_s=tenth / 10))
        pending.want(KEY, tenth / 10, in_flight=())
        due_s = pending.next_due_s()
        if due_s is None or pending.due(due_s) is None:
            waits.append(tenth / 10)
    assert waits == []


async def test_what_was_told_as_late_after_a_restart_goes_on_saying_so() -> None:
    bench = make(PRIVATE)
    bench.put("AUSDT")
    await bench.clock.advance(1_140)
    bench.begin_again()
    async with running(bench):
        (late,) = await bench.said(1)
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        assert late != "AUSDT"
        await bench.learn(await bench.key("AUSDT"), metric=9.0)
        for _ in range(60):
            await bench.clock.advance(1)
        assert [said.html for said in bench.channel.said] == [late]
