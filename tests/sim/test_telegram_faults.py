from __future__ import annotations

import asyncio

import aiohttp
import pytest

from altmonitor.sim.telegram.values import Outage
from tests.movable_clock import MovableClock
from tests.sim.telegram_client import GROUP, telegram


async def test_an_accepted_message_can_lose_its_answer() -> None:
    async with telegram() as (sim, client):
        sim.faults.accept_then_drop = 1
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.call("sendMessage", chat_id=5, text="one")
        assert [message.text for message in sim.chats[5]] == ["one"]
        assert (await client.call("sendMessage", chat_id=5, text="two"))["ok"]


async def test_an_answer_can_break_off_in_the_middle() -> None:
    async with telegram() as (sim, client):
        sim.faults.truncate = 1
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.call("sendMessage", chat_id=5, text="one")
        assert [message.text for message in sim.chats[5]] == ["one"]


async def test_a_login_page_comes_instead_of_the_answer_and_nothing_is_sent() -> None:
    async with telegram() as (sim, client):
        sim.faults.html_200 = 1
        status, kind, body = await client.page("sendMessage", chat_id=5, text="one")
        assert (status, kind) == (200, "text/html")
        assert "Sign in" in body
        assert not sim.chats[5]


@pytest.mark.parametrize(("outage", "status"), [("bad_gateway", 502), ("portal", 200)])
async def test_an_outage_answers_pages_and_ends_waiting_polls(outage: Outage, status: int) -> None:
    async with telegram() as (sim, client):
        poll = asyncio.ensure_future(client.page("getUpdates", timeout=25))
        await sim.wait_for(lambda: sim.sent("getUpdates"), timeout_s=5)
        sim.faults.outage = outage
        assert (await poll)[:2] == (status, "text/html")
        assert (await client.page("sendMessage", chat_id=5, text="x"))[:2] == (status, "text/html")
        sim.faults.outage = ""
        assert (await client.call("sendMessage", chat_id=5, text="x"))["ok"]
        assert len(sim.chats[5]) == 1


async def test_an_outage_can_cut_connections() -> None:
    async with telegram() as (sim, client):
        sim.faults.outage = "abort"
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.call("getMe")


async def test_connections_can_be_refused_and_come_back_on_the_same_port() -> None:
    async with telegram() as (sim, client):
        url = sim.url
        poll = asyncio.ensure_future(client.call("getUpdates", timeout=25))
        await sim.wait_for(lambda: sim.sent("getUpdates"), timeout_s=5)
        await sim.refuse_connections()
        with pytest.raises(aiohttp.ClientConnectionError):
            await poll
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.call("getMe")
        await sim.accept_connections()
        assert sim.url == url
        assert (await client.call("getMe"))["ok"]


@pytest.mark.parametrize("code", [400, 401, 403, 409, 500])
async def test_refusals_are_scripted_per_method_and_used_up(code: int) -> None:
    async with telegram() as (sim, client):
        sim.faults.refuse_next("sendMessage", code, times=2)
        assert (await client.call("getMe"))["ok"]
        answers = [await client.call("sendMessage", chat_id=5, text="x") for _ in range(3)]
        assert [answer.get("error_code") for answer in answers] == [code, code, None]
        assert len(sim.chats[5]) == 1


async def test_a_slow_answer_leaves_after_its_delay_but_the_message_is_there_at_once() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        sim.faults.delay_s = 40.0
        sending = asyncio.ensure_future(client.call("sendMessage", chat_id=5, text="x"))
        await sim.wait_for(lambda: sim.chats[5], timeout_s=5)
        await clock.advance(39)
        assert not sending.done()
        await clock.advance(2)
        assert (await sending)["ok"]


async def test_waiting_for_what_never_happens_ends() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, _):
        waiting = asyncio.ensure_future(sim.wait_for(lambda: sim.chats.get(5), timeout_s=10))
        await clock.advance(11)
        with pytest.raises(TimeoutError):
            await waiting


async def test_a_change_of_membership_closes_and_opens_the_chat_and_is_told_to_the_bot() -> None:
    async with telegram() as (sim, client):
        refused = []
        for status in ("restricted", "kicked", "member"):
            sim.change_membership(GROUP, status)
            answer = await client.call("sendMessage", chat_id=GROUP, text="x")
            refused.append(answer.get("description"))
        assert refused == [
            "Bad Request: not enough rights to send text messages to the chat",
            "Forbidden: bot was kicked from the chat",
            None,
        ]
        changes = [update["my_chat_member"] for update in (await client.call("getUpdates", timeout=0))["result"]]
        told = [(change["old_chat_member"]["status"], change["new_chat_member"]["status"]) for change in changes]
        assert told == [("member", "restricted"), ("restricted", "kicked"), ("kicked", "member")]


async def test_a_topic_that_is_reopened_takes_messages_and_says_so() -> None:
    async with telegram() as (sim, client):
        sim.add_topic(GROUP, 7)
        sim.close_topic(GROUP, 7)
        assert not (await client.call("sendMessage", chat_id=GROUP, message_thread_id=7, text="x"))["ok"]
        sim.reopen_topic(GROUP, 7)
        assert (await client.call("sendMessage", chat_id=GROUP, message_thread_id=7, text="x"))["ok"]
        (update,) = (await client.call("getUpdates", timeout=0))["result"]
        assert (update["message"]["message_thread_id"], update["message"]["forum_topic_reopened"]) == (7, {})
