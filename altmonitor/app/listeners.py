"""What people write and press, in every chat and to every bot, and the list of commands that chats offer them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from altmonitor.app.bots import BotChannel, ChatBots, MemoryOfBot, NamesOfBot, RefusedBots
from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.commands.table import COMMAND_OF
from altmonitor.config import Config
from altmonitor.core.alert import Alert
from altmonitor.core.backoff import Backoff
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ChatUnreachable, MessageRefused, RetryLater
from altmonitor.core.types import LANGUAGES, Destination
from altmonitor.delivery.alert_charts import ChartPictureFile
from altmonitor.delivery.presses import PressMemory
from altmonitor.interfaces.delivery import ChatBot, ChatMessages, MenuScope
from altmonitor.interfaces.storage import MetaStore
from altmonitor.render.replies import command_menu
from altmonitor.storage.database_store import DatabaseStore
from altmonitor.telegram.access import Admins, AllowedSenders
from altmonitor.telegram.chat_names import ChatNames
from altmonitor.telegram.handlers import AnswerDeps, ChatAnswers, PressDeps, Presses
from altmonitor.telegram.poller import CommandListener
from altmonitor.telegram.types import ListenerEvent

log = logging.getLogger(__name__)

MENU_PAUSES_S = (60.0, 3_600.0)
MENU_SCOPES: tuple[MenuScope, ...] = ("default", "all_private_chats", "all_group_chats")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerDeps:
    """bot: which writes the answers. bots: all of them, where there are several; None: `bot` alone.

    refused: what becomes of bots whose token is refused. chats: are told when somebody may be written to again.
    picture: the chart of an alert for a chat that asks for it. names: learn what the chats are called.
    """

    config: Config
    clock: Clock
    store: DatabaseStore
    bot: ChatBot
    bots: BotChannel | None
    refused: RefusedBots
    answers: AnswerDeps
    chats: ChatMessages
    presses: PressMemory
    picture: Callable[[Alert, Destination], Awaitable[ChartPictureFile | None]]
    names: ChatNames
    notices: OperatorNotices


class ChatListeners:
    """One listener a bot, the main one first."""

    def __init__(self, deps: ListenerDeps) -> None:
        self._deps = deps
        self._chat_bots = ChatBots(deps.store)
        if deps.bots is None:
            self._main = self._build(deps.bot, memory=deps.store, names=deps.names, is_wanted=lambda chat_id: True)
            self._others: dict[int, CommandListener] = {}
            return
        main, *others = deps.bots.bots
        self._main = self._build_of(main, deps.bots, deps.store)
        self._others = {bot: self._build_of(bot, deps.bots, MemoryOfBot(deps.store, bot)) for bot in others}

    def _build_of(self, number: int, bots: BotChannel, memory: MetaStore) -> CommandListener:
        """Of one of several bots. A group may have more than one of them in it, and is answered by its own."""
        return self._build(
            bots.bots[number],
            memory=memory,
            names=NamesOfBot(self._deps.names, self._chat_bots, number),
            is_wanted=lambda chat_id: chat_id > 0 or bots.of_chat(chat_id) == number,
        )

    def _build(
        self, bot: ChatBot, *, memory: MetaStore, names: ChatNames, is_wanted: Callable[[int], bool]
    ) -> CommandListener:
        deps, config = self._deps, self._deps.config
        presses = PressDeps(
            bot=bot,
            alert_of_id=deps.store.alert_of_id,
            sent_for=self._sent_for,
            memory=deps.presses,
            picture=deps.picture,
        )
        chats = config.allowed_chat_ids | {destination.chat_id for destination in deps.store.destinations}
        return CommandListener(
            bot,
            clock=deps.clock,
            handler=ChatAnswers(deps.answers, Presses(deps.answers, presses)),
            allowed=AllowedSenders(
                chat_ids=frozenset(chat_id for chat_id in chats if is_wanted(chat_id)),
                user_ids=config.allowed_user_ids,
            ),
            memory=memory,
            news=self._on_event,
            names=names,
            admins=Admins(bot.administrators, clock=deps.clock, is_required=config.group_admins_only),
        )

    @property
    def conflict(self) -> str:
        """Why commands in the chat do not arrive here, '' when they do."""
        return self._main.conflict

    def loops(self, lang: str) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop. lang: of the list of commands, for those whose language has none."""
        found: dict[str, Callable[[], Awaitable[None]]] = {
            "commands": self._main.run,
            "command menu": partial(set_menu, self._deps.bot, clock=self._deps.clock, lang=lang),
        }
        if self._deps.bots is None:
            return found
        refused, main = self._deps.refused, next(iter(self._deps.bots.bots))
        return {
            **{name: partial(refused.listen, main, loop) for name, loop in found.items()},
            **{
                f"commands of bot {bot}": partial(refused.listen, bot, listener.run)
                for bot, listener in self._others.items()
            },
            "bots of chats": partial(self._follow_bots, self._deps.bots),
        }

    def chat_moved(self, old: Destination, new: Destination) -> None:
        """A group has a new id."""
        if self._deps.bots is not None:
            self._deps.bots.group_moved(old.chat_id, new.chat_id)
        for listener in (self._main, *self._others.values()):
            listener.follow_move(old.chat_id, new.chat_id)

    async def keep_bot_of(self, destination: Destination) -> None:
        """Which bot speaks there is known after a restart, too."""
        if self._deps.bots is not None:
            await self._chat_bots.talks_to(destination.chat_id, self._deps.bots.of_chat(destination.chat_id))

    async def _follow_bots(self, bots: BotChannel) -> None:
        """Until cancelled: who talks to which bot is spoken to by that one."""
        await self._chat_bots.load()
        bots.known = self._chat_bots.known
        await asyncio.Event().wait()

    def _on_event(self, event: ListenerEvent) -> None:
        if event.chat_id is not None and event.kind in ("admitted", "opened", "written"):
            where = Destination(chat_id=event.chat_id, topic_id=event.topic_id)
            # Whoever has blocked the bot cannot write to it; in a group others may write where the bot may not.
            self._deps.chats.opened(where, is_certain=event.kind != "written" or not where.is_group)
        if event.kind not in ("opened", "written"):
            self._deps.notices.on_listener_event(event)

    async def _sent_for(self, alert: Alert, destination: Destination, message_id: int) -> Destination:
        """See `PressDeps`; the place itself where no message of this alert is known by that number."""
        store = self._deps.store
        others = [at for at in store.destinations if at.chat_id == destination.chat_id and at != destination]
        for at in (destination, *others):
            if await store.message_id_of(at, alert.key) == message_id:
                return at
        return destination


async def set_menu(bot: ChatBot, *, clock: Clock, lang: str) -> None:
    """The list of commands a chat offers while typing: until the chat service has taken it or refused it for good.

    lang: of those whose language has no list. Raises TokenRefused.
    """
    backoff = Backoff(first_s=MENU_PAUSES_S[0], longest_s=MENU_PAUSES_S[1])
    for scope in MENU_SCOPES:
        for language in ("", *LANGUAGES):
            menu = [row for row in command_menu(language or lang) if _is_offered(row[0], scope)]
            while True:
                try:
                    await bot.set_commands(menu, language, scope=scope)
                except (ChatUnreachable, RetryLater) as problem:
                    log.debug("the command menu could not be set yet: %s", problem)
                    asked_s = problem.retry_after_s if isinstance(problem, RetryLater) else 0.0
                    await clock.sleep(max(asked_s, backoff.next_s()))
                except MessageRefused as problem:
                    log.warning("the chats offer no list of commands: %s", problem)
                    return
                else:
                    backoff.reset()
                    break


def _is_offered(command: str, scope: MenuScope) -> bool:
    return COMMAND_OF[command].scope in ("all", {"all_private_chats": "private", "all_group_chats": "group"}.get(scope))
