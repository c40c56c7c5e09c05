"""Several bots as one channel: each chat is spoken to by one of them, the same one always.

Telegram takes 30 messages a second of one bot, whatever it is asked: 10,000 chats hear of something within 333 s from
one and within 28 s from twelve. A chat belongs to the bot with the highest hash of both, so that one more bot moves
only its own share; a chat that talks to another one of them is that one's, because there it is known to be.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import lru_cache
from hashlib import blake2b
from types import TracebackType
from typing import Self

import msgspec

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError, TokenRefused
from altmonitor.core.types import Destination, Secret
from altmonitor.delivery.pacing import OVERALL_LIMIT
from altmonitor.delivery.turns import BotTurns
from altmonitor.interfaces.delivery import Keyboard
from altmonitor.interfaces.storage import MetaStore
from altmonitor.telegram.bot import TelegramChannel, Timeouts
from altmonitor.telegram.chat_names import ChatNames
from altmonitor.telegram.updates import names_in

LEAST_PER_SECOND = 1
MEMORY_KEY = "chat_bots"
MOST_KNOWN = 50_000

log = logging.getLogger(__name__)


def bot_id_of(token: Secret) -> int:
    """What stands before the colon; it stays when the token is changed."""
    return int(token.reveal().partition(":")[0])


def bot_of(chat_id: int, bots: Sequence[int], known: Mapping[int, int]) -> int:
    """known: chat → bot it talks to."""
    told = known.get(chat_id)
    if told in bots and told is not None:
        return told
    return _highest(chat_id, tuple(bots))


@lru_cache(maxsize=MOST_KNOWN)
def _highest(chat_id: int, bots: tuple[int, ...]) -> int:
    return max(bots, key=lambda bot: blake2b(f"{bot}/{chat_id}".encode(), digest_size=8).digest())


def token_of(chat_id: int, tokens: Sequence[Secret]) -> Secret:
    """Of the bot that speaks there as long as the chat has not talked to another one."""
    by_bot = {bot_id_of(token): token for token in tokens}
    return by_bot[bot_of(chat_id, list(by_bot), {})]


class ChatBots:
    """Which chats have talked to which bot; kept over restarts, and read by the processes that speak to them."""

    def __init__(self, memory: MetaStore) -> None:
        self._memory = memory
        self.known: dict[int, int] = {}

    async def load(self) -> None:
        """Raises StorageError."""
        try:
            self.known = msgspec.json.decode(await self._memory.meta_get(MEMORY_KEY) or "{}", type=dict[int, int])
        except msgspec.MsgspecError as problem:
            log.warning("which chats talk to which bot is not known any more: %s", problem)

    async def talks_to(self, chat_id: int, bot: int) -> None:
        if self.known.get(chat_id) == bot:
            return
        self.known.pop(chat_id, None)
        self.known[chat_id] = bot
        while len(self.known) > MOST_KNOWN:
            del self.known[next(iter(self.known))]
        try:
            await self._memory.meta_set(MEMORY_KEY, msgspec.json.encode(self.known).decode())
        except StorageError as problem:
            log.warning("that chat %d talks to bot %d is not remembered over a restart: %s", chat_id, bot, problem)


class NamesOfBot(ChatNames):
    """What one bot's listener learns: names for all, and that a person's chat talks to this bot. In a group every bot
    hears the same."""

    def __init__(self, names: ChatNames, bots: ChatBots, bot: int) -> None:
        self._shared = names
        self._bots = bots
        self._bot = bot

    async def load(self) -> None:
        await self._shared.load()

    async def learn(self, update: Mapping[str, object]) -> None:
        await self._shared.learn(update)
        for where in names_in(update):
            if not where.is_group:
                await self._bots.talks_to(where.chat_id, self._bot)


class MemoryOfBot:
    """`MetaStore` of one of several bots: each counts its updates for itself."""

    def __init__(self, memory: MetaStore, bot: int) -> None:
        self._memory = memory
        self._bot = bot

    async def meta_get(self, key: str) -> str | None:
        return await self._memory.meta_get(f"{key}:{self._bot}")

    async def meta_set(self, key: str, value: str) -> None:
        await self._memory.meta_set(f"{key}:{self._bot}", value)


class BotChannel:
    """`interfaces.delivery.Channel` of all the bots. known: chat → bot it talks to; replaced by whoever reads it."""

    def __init__(self, tokens: Sequence[Secret], *, api_url: str, clock: Clock) -> None:
        timeouts = Timeouts.on(clock)
        self.bots = {
            bot_id_of(token): TelegramChannel(token, api_url=api_url, clock=clock, timeouts=timeouts)
            for token in tokens
        }
        self._ids = tuple(self.bots)
        self.known: Mapping[int, int] = {}
        self._moved: dict[int, int] = {}  # new id of a group → its bot
        self._turns = {bot: BotTurns() for bot in self.bots}
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

    def group_moved(self, old_chat_id: int, new_chat_id: int) -> None:
        """It is spoken to by the bot that is a member there, under any id."""
        self._moved[new_chat_id] = self.of_chat(old_chat_id)

    def turns_of(self, chat_id: int) -> BotTurns:
        return self._turns[self.of_chat(chat_id)]

    def refuse(self, bot: int) -> None:
        """Its token is refused: nothing is said by it any more."""
        self._turns[bot].is_refused = True

    @property
    def refused(self) -> Sequence[int]:
        """Those whose token is."""
        return [bot for bot, turns in self._turns.items() if turns.is_refused]

    def share(self, processes: int) -> None:
        """So many processes speak for these bots: each takes its part of what Telegram allows."""
        for turns in self._turns.values():
            turns.pace.limit = max(LEAST_PER_SECOND, OVERALL_LIMIT // max(1, processes))

    def of(self, destination: Destination) -> TelegramChannel:
        return self.bots[self.of_chat(destination.chat_id)]

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

    def of_chat(self, chat_id: int) -> int:
        """Number of the bot that speaks to this chat."""
        return self._moved.get(chat_id) or bot_of(chat_id, self._ids, self.known)


class RefusedBots:
    """What becomes of a refused token: the others go on, and the owner is told; when it was the last one, all ends.

    bots: None where there is a single one. tell: called with the number of each refused bot, once. end: nobody can
    speak any more.
    """

    def __init__(
        self, bots: BotChannel | None, *, tell: Callable[[int], None], end: Callable[[TokenRefused], None]
    ) -> None:
        self._bots = bots
        self._tell = tell
        self._end = end
        self._told: set[int] = set()

    def on_refused(self, problem: TokenRefused) -> None:
        if self._bots is None or len(self._bots.refused) == len(self._bots.bots):
            self._end(problem)
            return
        for bot in self._bots.refused:
            if bot not in self._told:
                self._told.add(bot)
                log.error("bot %d is refused, its chats hear nothing until it has a valid token: %s", bot, problem)
                self._tell(bot)

    async def listen(self, bot: int, run: Callable[[], Awaitable[None]]) -> None:
        """run: the listener of one of several bots. Until cancelled; raises TokenRefused when no other bot is left."""
        try:
            await run()
        except TokenRefused as problem:
            if self._bots is None:
                raise
            self._bots.refuse(bot)
            if len(self._bots.refused) == len(self._bots.bots):
                raise
            self.on_refused(problem)
            await asyncio.Event().wait()
