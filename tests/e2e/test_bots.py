"""Two bots of one monitor, the real program over sockets: who hears from which, and what the trouble of one means."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from altmonitor.app.bots import bot_id_of, bot_of
from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Secret
from altmonitor.sim.telegram.bots import SimBots
from tests.e2e.process import READER, TOKEN, World, world

SECOND = "654321:" + "second-Token_0123456789-abcdefghijk"
IDS = [bot_id_of(Secret(token)) for token in (TOKEN, SECOND)]


def chats_of(bot: int, count: int, *, first: int) -> list[int]:
    """Numbers from `first` on."""
    return [chat for chat in range(first, first + 100) if bot_of(chat, IDS, {}) == bot][:count]


def heard(bots: SimBots, token: str, chat: int, text: str) -> int:
    """How many messages with this text the bot said there."""
    return sum(text in message.text for message in bots.bots[token].chats[chat])


async def test_each_chat_hears_from_one_bot_and_the_trouble_of_one_is_not_the_others(tmp_path: Path) -> None:
    assert bot_of(READER, IDS, {}) in IDS
    of_reader = bot_of(READER, IDS, {})
    tokens = [TOKEN, SECOND] if of_reader == IDS[0] else [SECOND, TOKEN]  # the owner's bot first
    mine, its = chats_of(of_reader, 3, first=READER), chats_of(bot_id_of(Secret(tokens[1])), 3, first=READER)
    assert (len(mine), len(its), mine[0]) == (3, 3, READER)
    bots = SimBots(clock=SystemClock(), tokens=tokens)
    await bots.start()
    environ = {
        "TG_BOT_TOKEN": tokens[0],
        "TELEGRAM_BOT_TOKENS": tokens[1],
        "TELEGRAM_API_URL": bots.url,
        "TG_CHAT_ID": ",".join(map(str, (*mine, *its))),
        "CHART": "false",
    }
    try:
        async with world(tmp_path, **environ) as here:
            await both_speak_and_trouble_of_one_stops_no_other(here, bots, tokens, mine, its)
    finally:
        await bots.stop()


async def both_speak_and_trouble_of_one_stops_no_other(
    here: World, bots: SimBots, tokens: list[str], mine: list[int], its: list[int]
) -> None:
    sol, xrp, doge, ada = here.symbols[3:7]

    def all_heard(chats: list[int], token: str, symbol: str) -> Callable[[], bool]:
        return lambda: all(heard(bots, token, chat, symbol) for chat in chats)

    async with here.program() as program:
        await here.is_watching(program)
        await here.pump(sol)
        await here.until(all_heard(mine, tokens[0], sol))
        await here.until(all_heard(its, tokens[1], sol))
        assert [heard(bots, tokens[1], chat, "") for chat in mine] == [0, 0, 0]
        assert [heard(bots, tokens[0], chat, "") for chat in its] == [0, 0, 0]

        bots.bots[tokens[1]].faults.refuse_next("sendMessage", 429, retry_after_s=4, times=3)
        await here.pump(xrp)
        await here.until(all_heard(mine, tokens[0], xrp))
        await here.until(all_heard(its, tokens[1], xrp))

        bots.revoked.add(tokens[1])
        await here.pump(doge)
        await here.until(all_heard(mine, tokens[0], doge))
        await program.line("Telegram refuses the bot token now, although it took it before")
        assert program.is_running
        await program.ends_by(signal.SIGTERM)

    async with here.program() as program:  # now it never took it
        number = bot_id_of(Secret(tokens[1]))
        await here.until(lambda: heard(bots, tokens[0], READER, f"refuses the token of bot {number}") == 1)
        await here.is_watching(program)
        await here.pump(ada)
        await here.until(all_heard(mine, tokens[0], ada))
        assert [heard(bots, tokens[1], chat, doge) for chat in its] == [0, 0, 0]
        await program.ends_by(signal.SIGTERM)

    bots.revoked.clear()
    async with here.program() as program:
        await here.until(all_heard(its, tokens[1], doge))
        await here.until(all_heard(its, tokens[1], ada))
        await here.is_watching(program)
        await program.ends_by(signal.SIGTERM)
    assert [heard(bots, tokens[1], chat, "") for chat in mine] == [0, 0, 0]
    assert [heard(bots, tokens[0], chat, "") for chat in its] == [0, 0, 0]
    assert here.rows("SELECT DISTINCT state FROM deliveries") == [("sent",)]
    assert [bots.bots[token].violations for token in tokens] == [[], []]


async def test_a_monitor_ends_when_all_of_its_bots_are_refused(tmp_path: Path) -> None:
    bots = SimBots(clock=SystemClock(), tokens=[TOKEN, SECOND])
    bots.revoked |= {TOKEN, SECOND}
    await bots.start()
    try:
        environ = {"TELEGRAM_BOT_TOKENS": SECOND, "TELEGRAM_API_URL": bots.url, "TG_CHAT_ID": "77,78,79,80,81,82"}
        async with world(tmp_path, **environ) as here, here.program() as program:
            assert await program.ended() == 2
            assert "Telegram refuses the bot token" in program.log
    finally:
        await bots.stop()
