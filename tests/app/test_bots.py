"""Which of several bots speaks to a chat."""

from __future__ import annotations

from collections import Counter

from altmonitor.app.bots import BotChannel, ChatBots, MemoryOfBot, NamesOfBot, bot_of
from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Secret
from altmonitor.storage.memory import MemoryStore
from altmonitor.telegram.chat_names import ChatNames

BOTS = list(range(1001, 1013))
CHATS = range(1, 10_001)


def test_ten_thousand_chats_are_shared_out_evenly_among_twelve_bots() -> None:
    shares = Counter(bot_of(chat, BOTS, {}) for chat in CHATS)
    assert len(shares) == 12
    assert 700 <= min(shares.values()) <= max(shares.values()) <= 970


def test_one_more_bot_moves_only_its_own_share() -> None:
    moved = [chat for chat in CHATS if bot_of(chat, BOTS[:-1], {}) != bot_of(chat, BOTS, {})]
    assert {bot_of(chat, BOTS, {}) for chat in moved} == {BOTS[-1]}
    assert 700 <= len(moved) <= 970


def test_a_chat_that_talks_to_a_bot_is_that_ones_as_long_as_it_is_there() -> None:
    assert bot_of(77, BOTS, {77: 1005}) == 1005
    assert bot_of(77, [1001], {77: 1005}) == 1001


def test_each_bot_has_a_limit_of_its_own_which_its_processes_share() -> None:
    tokens = [Secret(f"{bot}:" + "a" * 35) for bot in BOTS[:2]]
    bots = BotChannel(tokens, api_url="http://127.0.0.1:1", clock=SystemClock())
    first, second = (next(chat for chat in CHATS if bot_of(chat, BOTS[:2], {}) == bot) for bot in BOTS[:2])
    for number in range(25):
        bots.turns_of(first).pace.record(number / 100)
    assert bots.turns_of(first).pace.free_at_s(0.5) == 1.0
    assert bots.turns_of(second).pace.free_at_s(0.5) == 0.5
    bots.share(2)
    assert bots.turns_of(first).pace.free_at_s(0.5) == 1.13


async def test_a_person_who_writes_to_another_bot_is_spoken_to_by_that_one_also_after_a_restart() -> None:
    memory = MemoryStore(clock=SystemClock(), destinations=())
    bots = ChatBots(memory)
    await bots.load()
    names = NamesOfBot(ChatNames(memory), bots, 1005)
    await names.learn({"message": {"chat": {"id": 77, "type": "private", "first_name": "Ann"}}})
    await names.learn({"message": {"chat": {"id": -1001, "type": "group", "title": "Desk"}}})
    again = ChatBots(memory)
    await again.load()
    assert again.known == {77: 1005}


async def test_each_bot_counts_its_updates_for_itself() -> None:
    memory = MemoryStore(clock=SystemClock(), destinations=())
    first, second = MemoryOfBot(memory, 1001), MemoryOfBot(memory, 1002)
    await first.meta_set("telegram_offset", "7")
    assert await first.meta_get("telegram_offset") == "7"
    assert await second.meta_get("telegram_offset") is None


def test_a_group_with_a_new_id_is_spoken_to_by_the_bot_that_is_a_member() -> None:
    tokens = [Secret(f"{bot}:{'a' * 35}") for bot in BOTS]
    channel = BotChannel(tokens, api_url="http://127.0.0.1:1", clock=SystemClock())
    before = {chat: channel.of_chat(-chat) for chat in range(1, 40)}
    for chat in before:
        channel.group_moved(-chat, -1_000_000_000_000 - chat)
    assert {chat: channel.of_chat(-1_000_000_000_000 - chat) for chat in before} == before
    assert len(set(before.values())) > 1
