"""The chat half of the program: what is said, what is answered, what is kept up to date in a chat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from altmonitor.app.bots import BotChannel, RefusedBots
from altmonitor.app.listeners import ChatListeners, ListenerDeps
from altmonitor.app.operator_notices import OperatorNotices, Recipients
from altmonitor.commands.executor import CommandExecutor, ExecutorDeps
from altmonitor.commands.outcome import Queries
from altmonitor.commands.replies import Reply
from altmonitor.config import Config
from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.errors import StorageError, TokenRefused
from altmonitor.core.health import Health
from altmonitor.core.types import Destination, Venue
from altmonitor.delivery.alert_charts import ChartPictureFile, FollowingPictures, Pictures
from altmonitor.delivery.deps import DeliveryDeps, DeliveryEvents, of_one_bot
from altmonitor.delivery.destination_style import DestinationStyles
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.delivery.market_line import MarketLineWriter
from altmonitor.delivery.pacing import Latency
from altmonitor.delivery.presses import PressMemory
from altmonitor.delivery.status_message import StatusBoard
from altmonitor.engine.context import Breadth
from altmonitor.interfaces.delivery import Channel, ChatBot, ChatMessages
from altmonitor.render.digest import DigestContext
from altmonitor.render.format import Style, one_line
from altmonitor.render.notice_html import notice_html
from altmonitor.render.notices import Notice
from altmonitor.render.signed_buttons import ButtonSigner
from altmonitor.render.status import Board, status_board
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Numbers
from altmonitor.settings.state import SettingsStore
from altmonitor.storage.database_store import DatabaseStore
from altmonitor.storage.state_file import LoadableState
from altmonitor.telegram.bot import TelegramChannel
from altmonitor.telegram.chat_names import ChatNames
from altmonitor.telegram.handlers import AnswerDeps
from altmonitor.web.commands import WRITER, HttpCommands

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingSetup:
    """destinations: of the environment, the main one first. bot: None when nobody can write back (a dry run).

    bots: all of them, where there are several; channel and bot are of them then.
    """

    channel: Channel
    destinations: tuple[Destination, ...]
    bot: ChatBot | None = None
    bots: BotChannel | None = None


@asynccontextmanager
async def messaging(channel: TelegramChannel, destinations: tuple[Destination, ...]) -> AsyncIterator[MessagingSetup]:
    """A bot ready to send and to listen."""
    await channel.start()
    try:
        yield MessagingSetup(channel=channel, destinations=destinations, bot=channel)
    finally:
        await channel.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDeps:
    """What the chat side stands on.

    on_sent: what to do once a notice is in a chat; None: nothing. signer: signs what buttons bring back.
    pictures: draws the charts that follow. queries: what commands are answered from.
    chats: who speaks to the chats where another process does; None: this one.
    """

    config: Config
    clock: Clock
    messaging_setup: MessagingSetup
    store: DatabaseStore
    state_file: LoadableState
    settings_store: SettingsStore
    notices: OperatorNotices
    health: Callable[[], Health]
    breadth: Callable[[], Breadth]
    listed: Callable[[], Mapping[Venue, Collection[str]]]
    on_sent: Callable[[Notice], Callable[[int], None] | None]
    fatal: Callable[[TokenRefused], None]
    signer: ButtonSigner
    pictures: Pictures
    queries: Queries
    chats: ChatMessages | None = None


class ChatSide:
    """Built when the store is open; `loops` says what is to be run."""

    def __init__(self, deps: ChatDeps) -> None:
        self._deps = deps
        bots = deps.messaging_setup.bots
        self._refused = RefusedBots(bots, tell=deps.notices.on_bot_refused, end=deps.fatal)
        deps.settings_store.follow_moves(deps.store.where_now)
        self._signer = deps.signer
        self._names = ChatNames(deps.store)
        self.destination_styles = DestinationStyles(
            deps.settings_store.audiences,
            name_of=self._names.of,
            market=lambda: _digest_context(deps.breadth()),
            # Without history an alert is forgotten once it is delivered: nothing could be looked up for a press.
            signer=deps.signer if deps.config.history_enabled else None,
        )
        deps.store.due_ms = self.destination_styles.due_ms
        deps.store.set_destinations(deps.settings_store.destinations)
        self._presses = PressMemory(deps.store)
        self.dispatcher: ChatMessages = self._build_dispatcher() if deps.chats is None else deps.chats
        self._following = FollowingPictures(draw=self._picture_for, show=self._follow)
        self._moves: asyncio.Queue[tuple[Destination, Destination]] = asyncio.Queue()
        self._executor = self._build_executor()
        self.http_commands = HttpCommands(
            self._executor,
            clock=deps.clock,
            main=lambda: deps.settings_store.audiences[0].destination,
            style=self.destination_styles.style,
        )
        bot = deps.messaging_setup.bot
        self._board = None if bot is None else self._build_board(bot)
        self._listeners = None if bot is None or self._board is None else self._build_listeners(bot, self._board)
        deps.settings_store.on_change(self._use)

    async def change_settings(self, numbers: Numbers, words: str) -> Reply | None:
        """For programs: as if it were typed in the main chat. words: the change, for the record."""
        deps = self._deps
        main = deps.settings_store.audiences[0].destination
        now_s = deps.clock.now_ms() / 1000
        return await self._executor.set_numbers(numbers, typed=words, who=WRITER, destination=main, now_s=now_s)

    async def run_command(self, text: str) -> Reply | None:
        """For programs: as if it were typed in the main chat."""
        deps = self._deps
        main = deps.settings_store.audiences[0].destination
        return await self._executor.handle(text, who=WRITER, destination=main, now_s=deps.clock.now_ms() / 1000)

    def _build_dispatcher(self) -> Dispatcher:
        deps = self._deps
        main = deps.settings_store.audiences[0].destination
        bots = deps.messaging_setup.bots
        delivery = DeliveryDeps(
            outbox=deps.store,
            channel=deps.messaging_setup.channel,
            renderer=self.destination_styles.of(main).renderer,
            clock=deps.clock,
            latency=Latency(speed=speed_of(deps.clock)),
            destination_styles=self.destination_styles.of,
            presses=self._presses,
            min_interval_s=deps.config.tg_min_send_interval,
            turns_of=of_one_bot() if bots is None else bots.turns_of,
            events=DeliveryEvents(
                closed=self._on_closed,
                resumed=deps.notices.on_resumed,
                refused=deps.notices.on_refused,
                moved=self.chat_moved,
                fatal=self._refused.on_refused,
                topic_lost=deps.notices.on_topic_lost,
                topic_found=deps.notices.on_topic_found,
                sent=self.alert_sent,
            ),
        )
        return Dispatcher(delivery, deps.store.destinations)

    def _build_executor(self) -> CommandExecutor:
        deps = self._deps
        return CommandExecutor(
            ExecutorDeps(
                settings_store=deps.settings_store,
                store=deps.state_file,
                listed=deps.listed,
                queries=deps.queries,
            )
        )

    def _build_board(self, bot: ChatBot) -> StatusBoard:
        clock = self._deps.clock

        def board(where: Destination) -> Board:
            status = self._executor.status(now_s=clock.now_ms() / 1000, destination=where)
            return status_board(status, self.destination_styles.style(where))

        return StatusBoard(clock=clock, chats=self.dispatcher, bot=bot, memory=self._deps.store, board=board)

    def _build_listeners(self, bot: ChatBot, board: StatusBoard) -> ChatListeners:
        deps = self._deps
        answers = AnswerDeps(
            executor=self._executor,
            clock=deps.clock,
            style_of=self.destination_styles.style,
            chats=self.dispatcher,
            board=board,
            signer=deps.signer,
        )
        return ChatListeners(
            ListenerDeps(
                config=deps.config,
                clock=deps.clock,
                store=deps.store,
                bot=bot,
                bots=deps.messaging_setup.bots,
                refused=self._refused,
                answers=answers,
                chats=self.dispatcher,
                presses=self._presses,
                picture=self._picture_for,
                names=self._names,
                notices=deps.notices,
            )
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop, in the order of their start. Delivery is one of them."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "delivery": self.dispatcher.run,
            "moved chats": self._follow_moves,
        }
        if self._deps.chats is not None:  # another process writes the digests
            context = MarketLineWriter(
                self._deps.store, clock=self._deps.clock, context=lambda: _digest_context(self._deps.breadth())
            )
            loops["market line"] = context.run
        if self._deps.config.chart:
            loops["pictures"] = self._following.run
        if self._listeners is not None and self._board is not None:
            loops |= self._listeners.loops(self._deps.settings_store.audiences[0].lang)
            loops["status messages"] = self._board.run
        return loops

    def announce(self, words: Callable[[Style], str]) -> None:
        """The same to every audience, each in its own language."""
        for audience in self._deps.settings_store.audiences:
            self.dispatcher.notice(audience.destination, words(self.destination_styles.style(audience.destination)))

    def publish(self, notice: Notice, to: Recipients) -> None:
        """To those it concerns, each in its own language, and into the log."""
        everybody = [audience.destination for audience in self._deps.settings_store.audiences]
        log.info("%s", one_line(notice_html(notice, self.destination_styles.style(everybody[0]))))
        on_sent = self._deps.on_sent(notice)
        for destination in everybody if to == "everybody" else everybody[:1] if to == "operator" else [to]:
            html = notice_html(notice, self.destination_styles.style(destination))
            self.dispatcher.notice(destination, html, on_sent=on_sent)

    # --- what changes while it runs

    def _use(self, audiences: tuple[Audience, ...]) -> None:
        """After every command that changed something: it holds from the next message on."""
        self.destination_styles.apply(audiences)
        self._deps.store.set_destinations(self._deps.settings_store.destinations)
        self.dispatcher.set_destinations(self._deps.store.destinations)

    def alert_sent(self, destination: Destination, alert: Alert, message_id: int) -> None:
        """It stands in the chat, alone in this message: its chart may follow."""
        if self._deps.config.chart:
            self._following.sent(destination, alert, message_id)

    @property
    def commands_astray(self) -> str:
        """Why commands in the chat do not arrive here, '' when they do."""
        return "" if self._listeners is None else self._listeners.conflict

    async def _picture_for(self, alert: Alert, destination: Destination) -> ChartPictureFile | None:
        return await self._deps.pictures.of_alert(alert, tz=self.destination_styles.style(destination).tz)

    def _follow(self, destination: Destination, picture: ChartPictureFile, message_id: int) -> None:
        self.dispatcher.picture(
            destination, picture.png, caption_html=picture.caption_html, reply_to=message_id, is_asked=False
        )

    def _on_closed(self, destination: Destination, reason: Cause) -> None:
        """The operator is told of other chats; but a group is not told the number of somebody's private chat."""
        operator = self._deps.settings_store.audiences[0].destination
        if destination.chat_id != operator.chat_id and (destination.is_group or not operator.is_group):
            self._deps.notices.on_closed(destination, reason)

    def chat_moved(self, old: Destination, new: Destination) -> None:
        """A group has a new id; the store has remembered it."""
        log.warning("chat %s is now %s: put TG_CHAT_ID=%s into .env", old, new, new)
        self.destination_styles.moved(old, new)
        if self._board is not None:
            self._board.moved(old, new)
        if self._listeners is not None:
            self._listeners.chat_moved(old, new)
        self._moves.put_nowait((old, new))

    async def _follow_moves(self) -> None:
        while True:
            old, new = await self._moves.get()
            try:
                if self._listeners is not None:
                    await self._listeners.keep_bot_of(new)
                await self._executor.follow_move(old, new)
            except StorageError as problem:
                log.warning("the settings of chat %s are not saved under its new id %s: %s", old, new, problem)


def _digest_context(breadth: Breadth) -> DigestContext | None:
    if breadth.median_pct is None:
        return None
    return DigestContext(
        symbols_watched=breadth.symbols,
        symbols_down=breadth.down,
        median_pct=breadth.median_pct,
        btc_pct=breadth.btc_pct,
    )
