"""The list of commands that chats offer is kept offering to a chat service that is not well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from altmonitor.app.listeners import set_menu
from altmonitor.core.errors import ChatUnreachable, DeliveryError, MessageRefused, RetryLater
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import BotIdentity, MenuScope
from tests.movable_clock import MovableClock


@dataclass
class Bot:
    """problems: raised by the next calls, in order. calls: when a menu was asked for, and which."""

    clock: MovableClock
    problems: list[DeliveryError] = field(default_factory=list)
    calls: list[tuple[float, str, str]] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)

    async def set_commands(
        self, commands: Sequence[tuple[str, str]], language: str = "", *, scope: MenuScope = "default"
    ) -> None:
        self.calls.append((self.clock.monotonic(), scope, language))
        if self.problems:
            raise self.problems.pop(0)
        self.taken.append((scope, language))

    async def whoami(self) -> BotIdentity:
        return BotIdentity(id=1, username="AltmonitorBot")

    async def updates(
        self, *, offset: int | None, timeout_s: float, kinds: Sequence[str]
    ) -> Sequence[Mapping[str, object]]:
        return []

    async def answer_press(self, press_id: str, text: str = "", *, is_loud: bool = False) -> None:
        return None

    async def pin(self, destination: Destination, message_id: int) -> None:
        return None

    async def unpin(self, destination: Destination, message_id: int) -> None:
        return None

    async def administrators(self, chat_id: int) -> frozenset[int]:
        return frozenset()


EVERYWHERE = [
    (scope, language)
    for scope in ("default", "all_private_chats", "all_group_chats")
    for language in ("", "en", "zh", "ru")
]


async def test_the_menu_is_asked_for_with_growing_pauses_until_it_is_taken() -> None:
    clock = MovableClock()
    outage: list[DeliveryError] = [ChatUnreachable("down", outcome_unknown=False) for _ in range(9)]
    bot = Bot(clock, problems=[*outage, RetryLater("wait", retry_after_s=5_000)])
    setting = asyncio.create_task(set_menu(bot, clock=clock, lang="zh"))
    await clock.advance(12 * 3_600)
    assert setting.done()
    assert bot.taken == EVERYWHERE
    pauses = [later - earlier for (earlier, *_), (later, *_) in zip(bot.calls, bot.calls[1:], strict=False)]
    assert 30 <= pauses[0] <= 60
    assert 1_800 <= pauses[8] <= 3_600
    assert round(pauses[9], 6) == 5_000


async def test_a_server_that_has_no_menus_is_left_alone_and_no_loop_fails() -> None:
    clock = MovableClock()
    bot = Bot(clock, problems=[MessageRefused("method not found")])
    await set_menu(bot, clock=clock, lang="en")
    assert [(scope, language) for _, scope, language in bot.calls] == [("default", "")]
