"""The chat half of the house: what is said, what is answered, what is kept up to date in a chat."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from altmonitor.answers import ChatAnswers
from altmonitor.chat.listener import CommandListener
from altmonitor.chat.ports import AllowedSenders, BotAccess
from altmonitor.clock import Clock
from altmonitor.config import Config
from altmonitor.control.desk import CommandDesk, Surroundings
from altmonitor.control.settings import SettingsHolder
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.delivery.plain import one_line
from altmonitor.delivery.ports import Channel
from altmonitor.delivery.render import news
from altmonitor.delivery.render.alerts import Style
from altmonitor.delivery.render.board import status_board
from altmonitor.delivery.render.digest import DigestContext
from altmonitor.delivery.render.renderer import MessageRenderer
from altmonitor.delivery.render.replies import command_menu
from altmonitor.delivery.wiring import Events, Wiring
from altmonitor.errors import ChatUnreachable, RetryLater, TokenRefused
from altmonitor.monitor.engine import Breadth
from altmonitor.monitor.health import Health
from altmonitor.newsroom import Newsroom
from altmonitor.status_board import StatusBoard
from altmonitor.storage.sqlite import SqliteStore
from altmonitor.storage.state_file import StateFile
from altmonitor.values import Destination

log = logging.getLogger(__name__)

MENU_RETRY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """Where messages go. bot: None when nobody can write back (a dry run)."""

    channel: Channel
    destination: Destination
    bot: BotAccess | None = None
    set_menu: Callable[[list[tuple[str, str]]], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatStage:
    """What the chat side stands on. on_sent: what to do once a piece of news is in a chat; None: nothing."""

    config: Config
    clock: Clock
    outlet: Outlet
    store: SqliteStore
    state_file: StateFile
    holder: SettingsHolder
    newsroom: Newsroom
    health: Callable[[], Health]
    breadth: Callable[[], Breadth]
    listed: Callable[[], Collection[str]]
    on_sent: Callable[[news.News], Callable[[int], None] | None]
    fatal: Callable[[TokenRefused], None]


class ChatSide:
    """Built when the store is open; `loops` says what is to be run."""

    def __init__(self, stage: ChatStage) -> None:
        self._stage = stage
        config = stage.config
        self._style = Style(lang=config.alert_lang, tz=ZoneInfo(config.alert_tz))
        self._renderer = MessageRenderer(
            config.alert_lang, ZoneInfo(config.alert_tz), market=lambda: _digest_context(stage.breadth())
        )
        self.dispatcher = self._build_dispatcher()
        self._board: StatusBoard | None = None
        self._listener: CommandListener | None = None
        if stage.outlet.bot is not None:
            desk = self._build_desk()
            self._board = self._build_board(desk)
            self._listener = self._build_listener(desk, self._board, stage.outlet.bot)

    def _build_dispatcher(self) -> Dispatcher:
        stage = self._stage
        wiring = Wiring(
            outbox=stage.store,
            channel=stage.outlet.channel,
            renderer=self._renderer,
            clock=stage.clock,
            min_interval_s=stage.config.tg_min_send_interval,
            events=Events(
                trouble=stage.newsroom.on_chat_trouble,
                moved=self._on_chat_moved,
                fatal=stage.fatal,
                expired=lambda where, count: log.warning("%d alerts for chat %s were too old to be told", count, where),
            ),
        )
        return Dispatcher(wiring, stage.store.destinations)

    def _build_desk(self) -> CommandDesk:
        stage = self._stage
        return CommandDesk(
            Surroundings(
                holder=stage.holder,
                store=stage.state_file,
                alerts=stage.store if stage.config.history_enabled else None,
                health=stage.health,
                listed=stage.listed,
            )
        )

    def _build_board(self, desk: CommandDesk) -> StatusBoard:
        clock = self._stage.clock
        return StatusBoard(
            clock=clock,
            chats=self.dispatcher,
            memory=self._stage.store,
            board=lambda: status_board(desk.status(now_s=clock.now_ms() / 1000), self._style),
        )

    def _build_listener(self, desk: CommandDesk, board: StatusBoard, bot: BotAccess) -> CommandListener:
        stage = self._stage
        answers = ChatAnswers(
            desk,
            clock=stage.clock,
            style=self._style,
            answer=lambda where, parts, to: self.dispatcher.reply(where, parts, reply_to=to),
            board=board,
        )
        chats = stage.config.allowed_chat_ids | {destination.chat_id for destination in stage.store.destinations}
        return CommandListener(
            bot,
            clock=stage.clock,
            handler=answers,
            allowed=AllowedSenders(chat_ids=frozenset(chats), user_ids=stage.config.allowed_user_ids),
            offsets=_Offsets(stage.store),
            news=stage.newsroom,
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop, in the order of their start. Delivery is one of them."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {"delivery": self.dispatcher.run}
        if self._listener is not None and self._board is not None:
            loops |= {
                "commands": self._listener.run,
                "status messages": self._board.run,
                "command menu": self._set_menu,
            }
        return loops

    def publish(self, piece: news.News, not_to: Destination | None) -> None:
        """To every destination but `not_to`, and into the log."""
        html = self._renderer.news(piece)
        log.info("%s", one_line(html))
        on_sent = self._stage.on_sent(piece)
        for destination in self._stage.store.destinations:
            if destination != not_to:
                self.dispatcher.notice(destination, html, on_sent=on_sent)

    async def _set_menu(self) -> None:
        """Until Telegram has taken it: the list of commands a chat offers while typing."""
        set_menu = self._stage.outlet.set_menu
        while set_menu is not None:
            try:
                await set_menu(command_menu(self._stage.config.alert_lang))
            except (ChatUnreachable, RetryLater) as problem:
                log.debug("the command menu could not be set yet: %s", problem)
                await self._stage.clock.sleep(MENU_RETRY_S)
            else:
                return

    def _on_chat_moved(self, old: Destination, new: Destination) -> None:
        log.warning("chat %s is now %s: put TG_CHAT_ID=%s into .env", old, new, new)
        if self._board is not None:
            self._board.moved(old, new)
        if self._listener is not None:
            self._listener.follow_move(old.chat_id, new.chat_id)


def _digest_context(breadth: Breadth) -> DigestContext | None:
    if breadth.median_pct is None:
        return None
    return DigestContext(
        symbols_watched=breadth.symbols,
        symbols_down=breadth.down,
        median_pct=breadth.median_pct,
        btc_pct=breadth.btc_pct,
    )


class _Offsets:
    """`chat.ports.OffsetStore` in the database's remembered values."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def get(self) -> int | None:
        text = await self._store.meta_get("telegram_offset")
        return int(text) if text else None

    async def save(self, update_id: int) -> None:
        await self._store.meta_set("telegram_offset", str(update_id))
