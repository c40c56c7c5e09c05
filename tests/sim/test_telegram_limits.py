from __future__ import annotations

import pytest

from tests.movable_clock import MovableClock
from tests.sim.telegram_client import GROUP, RawClient, telegram


async def send(client: RawClient, chat_id: int) -> int:
    """0: accepted; else retry_after."""
    answer = await client.call("sendMessage", chat_id=chat_id, text="x")
    return 0 if answer["ok"] else int(answer["parameters"]["retry_after"])


async def test_three_at_once_then_one_a_second() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        assert [await send(client, 5) for _ in range(3)] == [0, 0, 0]
        for _ in range(5):
            await clock.advance(1.05)
            assert await send(client, 5) == 0
        assert sim.violations == []
        assert await send(client, 5) == 1
        assert [(v.chat_id, v.rule, v.retry_after_s) for v in sim.violations] == [(5, "chat", 1)]


async def test_a_group_takes_twenty_in_any_minute_at_the_usual_pace() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        for _ in range(40):
            assert await send(client, GROUP) == 0
            await clock.advance(3.2)
        assert sim.violations == []


async def test_the_twenty_first_message_of_a_minute_waits_for_the_first_to_be_a_minute_old() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        for _ in range(20):
            assert await send(client, GROUP) == 0
            await clock.advance(2)
        assert await send(client, GROUP) == 20
        assert [v.rule for v in sim.violations] == ["group"]
        await clock.advance(20)
        assert await send(client, GROUP) == 0


async def test_edits_count_in_a_group_but_not_in_a_private_chat() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        for chat_id in (GROUP, 5):
            await send(client, chat_id)
            for number in range(19):
                text = f"edit {number}"
                assert (await client.call("editMessageText", chat_id=chat_id, message_id=1, text=text))["ok"]
            await clock.advance(2)
        assert sim.violations == []
        assert await send(client, 5) == 0
        assert await send(client, GROUP) == 56


async def test_writing_during_a_wait_makes_it_longer() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        for _ in range(3):
            await send(client, 5)
        assert await send(client, 5) == 1
        assert await send(client, 5) == 6
        await clock.advance(1.1)
        assert await send(client, 5) == 10
        await clock.advance(10)
        assert await send(client, 5) == 0
        assert [v.rule for v in sim.violations] == ["chat", "flood", "flood"]


async def test_the_bot_as_a_whole_may_send_thirty_a_second() -> None:
    async with telegram() as (sim, client):
        assert [await send(client, chat_id) for chat_id in range(1, 31)] == [0] * 30
        assert await send(client, 31) == 1
        assert [v.rule for v in sim.violations] == ["bot"]


@pytest.mark.parametrize(("after_s", "rules"), [(6.9, ["flood"]), (7.5, [])])
async def test_whoever_writes_before_a_scripted_wait_is_over_breaks_the_limit(after_s: float, rules: list[str]) -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        sim.faults.refuse_next("sendMessage", 429, retry_after_s=7)
        assert await send(client, 5) == 7
        await clock.advance(after_s)
        await send(client, 5)
        assert [v.rule for v in sim.violations] == rules


async def test_refused_texts_do_not_use_up_the_limit() -> None:
    async with telegram() as (sim, client):
        for _ in range(10):
            assert (await client.call("sendMessage", chat_id=5, text=""))["error_code"] == 400
        assert await send(client, 5) == 0
        assert sim.violations == []
