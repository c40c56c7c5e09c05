from __future__ import annotations

import asyncio

from tests.movable_clock import T0, MovableClock
from tests.sim.telegram_client import GROUP, telegram


async def test_updates_come_again_until_a_higher_offset_confirms_them() -> None:
    async with telegram() as (sim, client):
        sim.inject_message(5, "/status", user_id=5)
        sim.inject_message(5, "/help", user_id=5)
        first = (await client.call("getUpdates"))["result"]
        again = (await client.call("getUpdates"))["result"]
        rest = (await client.call("getUpdates", offset=first[0]["update_id"] + 1))["result"]
        none = (await client.call("getUpdates", offset=first[1]["update_id"] + 1))["result"]

        assert [update["message"]["text"] for update in first] == ["/status", "/help"]
        assert again == first
        assert rest == first[1:]
        assert none == []
        assert sim.updates.pending == 0


async def test_a_negative_offset_keeps_only_the_last_ones() -> None:
    async with telegram() as (sim, client):
        for text in ("/one", "/two", "/three"):
            sim.inject_message(5, text)
        last = (await client.call("getUpdates", offset=-1))["result"]
        assert [update["message"]["text"] for update in last] == ["/three"]
        assert sim.updates.pending == 1


async def test_a_long_poll_ends_with_the_message_it_waited_for() -> None:
    async with telegram() as (sim, client):
        poll = asyncio.ensure_future(client.call("getUpdates", timeout=25))
        await sim.wait_for(lambda: sim.sent("getUpdates"), timeout_s=5)
        sim.inject_message(5, "/status")
        assert (await poll)["result"][0]["message"]["text"] == "/status"


async def test_a_long_poll_without_messages_ends_empty_after_its_time() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        poll = asyncio.ensure_future(client.call("getUpdates", timeout=25))
        await sim.wait_for(lambda: sim.sent("getUpdates"), timeout_s=5)
        await clock.advance(24.9)
        assert not poll.done()
        await clock.advance(0.2)
        assert await poll == {"ok": True, "result": []}


async def test_of_two_pollers_the_older_is_ended_with_409() -> None:
    async with telegram() as (sim, client):
        older = asyncio.ensure_future(client.call("getUpdates", timeout=25))
        await sim.wait_for(lambda: len(sim.sent("getUpdates")) == 1, timeout_s=5)
        newer = asyncio.ensure_future(client.call("getUpdates", timeout=25))
        ended = await older
        sim.inject_message(5, "/status")

        assert ended["error_code"] == 409
        assert "terminated by other getUpdates request" in ended["description"]
        assert len((await newer)["result"]) == 1


async def test_a_webhook_forbids_polling_until_it_is_deleted() -> None:
    async with telegram() as (sim, client):
        await client.call("setWebhook", url="https://example.org/hook")
        assert (await client.call("getUpdates"))["error_code"] == 409
        assert (await client.call("getWebhookInfo"))["result"]["url"] == "https://example.org/hook"
        sim.inject_message(5, "/status")
        await client.call("deleteWebhook", drop_pending_updates=True)
        assert (await client.call("getUpdates"))["result"] == []


async def test_only_the_kinds_asked_for_are_queued_and_the_list_is_remembered() -> None:
    async with telegram() as (sim, client):
        await client.call("getUpdates", allowed_updates=["edited_message"])
        sim.inject_message(5, "/status")
        sim.inject_message(5, "/stats", edited=True)
        kinds = [sorted(update) for update in (await client.call("getUpdates"))["result"]]
        assert kinds == [["edited_message", "update_id"]]


async def test_updates_are_forgotten_after_a_day() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        sim.inject_message(5, "/status")
        await clock.advance(24 * 3600 + 1)
        assert (await client.call("getUpdates"))["result"] == []


async def test_messages_of_every_kind_of_chat_look_like_telegrams() -> None:
    async with telegram() as (sim, client):
        sim.inject_message(GROUP, "/mute SOL", user_id=7, user_name="ann", thread_id=3, date_ms=T0 - 600_000)
        sim.inject_message(-100999, "/status", chat_type="channel")
        group, channel = (await client.call("getUpdates"))["result"]

        message = group["message"]
        assert (message["chat"]["type"], message["from"]["id"], message["from"]["username"]) == ("supergroup", 7, "ann")
        assert (message["message_thread_id"], message["is_topic_message"]) == (3, True)
        assert message["date"] == T0 // 1000 - 600
        assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 5}]
        assert channel["channel_post"]["chat"]["type"] == "channel"
        assert "from" not in channel["channel_post"]


async def test_at_most_a_hundred_come_at_once() -> None:
    async with telegram() as (sim, client):
        for number in range(130):
            sim.inject_message(5, f"/mute {number}")
        assert len((await client.call("getUpdates"))["result"]) == 100
        assert len((await client.call("getUpdates", limit=7))["result"]) == 7
