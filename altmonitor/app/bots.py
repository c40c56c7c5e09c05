"""Several bots as one channel: each chat is spoken to by one of them, the same one always.

Telegram takes 30 messages a second of one bot, whatever it is asked: 10,000 chats hear of something within 333 s from
one and within 28 s from twelve. A chat belongs to the bot with the highest hash of both, so that one more bot moves
only its own share; a chat that talks to another one of them is that one's, because there it is known to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from hashlib import blake2b
from types import TracebackType
from typing import Self

from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination, Secret
from altmonitor.delivery.pacing import OVERALL_LIMIT, OverallPace
from altmonitor.interfaces.delivery import Keyboard
from altmonitor.telegram.bot import TelegramChannel, Timeouts

LEAST_PER_SECOND = 1


def bot_id_of(token: Secret) -> int:
    """What stands before the colon; it stays when the token is changed."""
    return int(token.reveal().partition(":")[0])


def bot_of(chat_id: int, bots: Sequence[int], known: Mapping[int, int]) -> int:
    """known: chat → bot it talks to."""
    told = known.get(chat_id)
    if told in bots and told is not None:
        return told
    return max(bots, key=lambda bot: blake2b(f"{bot}/{chat_id}".encode(), digest_size=8).digest())


class BotChannel:
    """`interfaces.delivery.Channel` of all the bots. known: chats that talk to one of them, by chat."""

    def __init__(
        self,
        tokens: Sequence[Secret],
        *,
        api_url: str,
        clock: Clock,
        known: Callable[[], Mapping[int, int]] = dict,
    ) -> None:
        timeouts = Timeouts.on(clock)
        self.bots = {
            bot_id_of(token): TelegramChannel(token, api_url=api_url, clock=clock, timeouts=timeouts)
            for token in tokens
        }
        self._ids = list(self.bots)
        self._known = known
        self._paces = {bot: OverallPace() for bot in self.bots}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for bot in self.bots.values():
            await bot.start()
            self._stack.push_async_callback(bot.stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def pace_of(self, chat_id: int) -> OverallPace:
        return self._paces[self._of(chat_id)]

    def share(self, processes: int) -> None:
        """So many processes speak for these bots: each takes its part of what Telegram allows."""
        for pace in self._paces.values():
            pace.limit = max(LEAST_PER_SECOND, OVERALL_LIMIT // max(1, processes))

    def of(self, destination: Destination) -> TelegramChannel:
        return self.bots[self._of(destination.chat_id)]

    async def send(
        self,
        destination: Destination,
        html: str,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        buttons: Keyboard = (),
    ) -> int:
        return await self.of(destination).send(destination, html, reply_to=reply_to, silent=silent, buttons=buttons)

    async def edit(self, destination: Destination, message_id: int, html: str, *, buttons: Keyboard = ()) -> None:
        await self.of(destination).edit(destination, message_id, html, buttons=buttons)

    async def set_buttons(self, destination: Destination, message_id: int, buttons: Keyboard) -> None:
        await self.of(destination).set_buttons(destination, message_id, buttons)

    async def send_photo(
        self,
        destination: Destination,
        png: bytes,
        *,
        caption_html: str = "",
        reply_to: int | None = None,
        silent: bool = False,
    ) -> int:
        return await self.of(destination).send_photo(
            destination, png, caption_html=caption_html, reply_to=reply_to, silent=silent
        )

    def _of(self, chat_id: int) -> int:
        return bot_of(chat_id, self._ids, self._known())
