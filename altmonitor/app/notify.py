"""`altmonitor run --role notify`: speaks to a share of the chats. It watches no market and answers no command; what is
to be said stands in the database, written by the feed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from altmonitor.app.bots import BotChannel, ChatBots, RefusedBots
from altmonitor.app.chat_leases import ChatLeases
from altmonitor.app.leadership import shown_name
from altmonitor.app.operator_notices import OperatorNotices, Recipients
from altmonitor.config import Config
from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.errors import StorageError, TokenRefused
from altmonitor.core.health import OUTBOX_LATE_S
from altmonitor.core.log import FailureLog
from altmonitor.core.status import RoleStatus
from altmonitor.core.supervisor import Supervisor, beside
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import DeliveryDeps, DeliveryEvents
from altmonitor.delivery.destination_style import DestinationStyles
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.delivery.feed_mail import FeedMail
from altmonitor.delivery.market_line import MarketLineReader
from altmonitor.delivery.pacing import Latency
from altmonitor.delivery.posts import PostCarrier, PostedChats
from altmonitor.delivery.presses import PressMemory
from altmonitor.delivery.signals import SignalReceiver
from altmonitor.interfaces.cluster import PostBox, shard_of
from altmonitor.interfaces.leases import Leases
from altmonitor.render.format import one_line
from altmonitor.render.notice_html import notice_html
from altmonitor.render.notices import Notice
from altmonitor.render.signed_buttons import ButtonSigner, kept_signer
from altmonitor.settings.state import SettingsStore, State
from altmonitor.storage.alert_database import moved_to
from altmonitor.storage.postgres.outbox import ClaimedOutbox
from altmonitor.storage.state_file import base_settings, home_of
from altmonitor.telegram.chat_names import ChatNames

log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 1.0
FEED_WAIT_S = 0.5
STOP_WITHIN_S = 3.0
BROKER_SAID_EVERY_S = 5.0
LEASE_LATE_S, LEASE_DOWN_S = 5.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierDeps:
    """read_state: version of the settings and themselves. bots: open. nats_url: '' without a broker."""

    config: Config
    clock: Clock
    name: str
    leases: Leases
    outbox: ClaimedOutbox
    posts: PostBox
    own_posts: PostBox
    bots: BotChannel
    read_state: Callable[[], Awaitable[tuple[int, State]]]
    nats_url: str = ""


class ChatNotifier:
    """One of any number. `run` works until `stop`, or until a bot's token is refused."""

    def __init__(self, deps: NotifierDeps) -> None:
        self._deps = deps
        self.supervisor = Supervisor(clock=deps.clock, fatal=(TokenRefused,))
        self.leases = ChatLeases(
            deps.leases, name=deps.name, clock=deps.clock, on_gained=self._use, on_lost=self._let_go
        )
        deps.outbox.tokens = lambda: self.leases.tokens
        self._notices = OperatorNotices(clock=deps.clock, publish=self._publish)
        self._said = PostedChats(deps.own_posts, clock=deps.clock)
        self._mail = FeedMail(deps.own_posts, clock=deps.clock)
        self._market_line = MarketLineReader(deps.outbox, clock=deps.clock)
        self._began_s = deps.clock.monotonic()
        self._version = -1
        self._read: tuple[State, Mapping[str, str]] | None = None
        self._settings: SettingsStore | None = None
        self.dispatcher: Dispatcher | None = None
        self.signals: SignalReceiver | None = None

    async def run(self) -> None:
        """Raises the fatal error that ended it."""
        deps = self._deps
        signer = await self._signer()
        settings = await self._read_settings()
        self._names = ChatNames(deps.outbox)
        self._chat_bots = ChatBots(deps.outbox)
        await self._chat_bots.load()
        deps.bots.known = self._chat_bots.known
        self.styles = DestinationStyles(
            settings.audiences, name_of=self._names.of, market=self._market_line.current, signer=signer
        )
        deps.outbox.due_ms = self.styles.due_ms
        self._presses = PressMemory(deps.outbox)
        self.dispatcher = self._build_dispatcher(self.styles)
        self.carrier = PostCarrier(
            deps.posts,
            self.dispatcher,
            clock=deps.clock,
            shards=lambda: frozenset(self.leases.tokens),
            on_pressed=self._presses.forget,
            on_refreshed=deps.outbox.refreshed,
        )
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "chat leases": self.leases.run,
            "settings": self._follow_settings,
            "outbox": deps.outbox.run,
            "posts": self.carrier.run,
            "own posts": self._said.run,
            "mail to the feed": self._mail.run,
            "delivery": self.dispatcher.run,
            "operator notices": self._notices.run,
        }
        if deps.nats_url:
            signals = self.signals = SignalReceiver(
                deps.nats_url,
                cluster=deps.config.cluster,
                clock=deps.clock,
                on_alert=deps.outbox.wake,
                on_post=self.carrier.wake,
            )
            loops["signals"] = self.signals.run
            loops["broker"] = lambda: self._say_broker(signals)
        for name, loop in loops.items():
            self.supervisor.start(name, loop)
        try:
            await self.supervisor.wait()
        finally:
            async with AsyncExitStack() as stack:
                stack.push_async_callback(self.supervisor.stop, within_s=STOP_WITHIN_S)
                with suppress(StorageError, TimeoutError):
                    async with deps.clock.timeout(STOP_WITHIN_S):
                        await self.leases.leave()
        if self.supervisor.fatal_error is not None:
            raise self.supervisor.fatal_error

    def stop(self) -> None:
        self.supervisor.end()

    def status(self) -> RoleStatus:
        """For `/health` and `/metrics`."""
        now_s, renewed_s = self._deps.clock.monotonic(), self.leases.renewed_s
        age_s = now_s - (self._began_s if renewed_s is None else renewed_s)
        outbox = self._deps.outbox.outbox_status()
        trouble = []
        if renewed_s is None:
            trouble.append("starting: waiting for the database and for a first feed")
        elif age_s > LEASE_LATE_S:
            trouble.append(f"database_away: it has not answered for {age_s:.0f} s")
        if outbox.oldest_age_s is not None and outbox.oldest_age_s > OUTBOX_LATE_S:
            trouble.append(f"delivery_late: {outbox.queued} alerts wait, the oldest for {outbox.oldest_age_s:.0f} s")
        trouble += [f"bot_refused: Telegram refuses the token of bot {bot}" for bot in self._deps.bots.refused]
        if outbox.trouble:
            trouble.append(f"delivery_trouble: {outbox.trouble}")
        numbers: dict[str, float] = {
            "lease_age_seconds": age_s,
            "chat_parts": len(self.leases.tokens),
            "notifiers": len(self.leases.members),
            "notifier_queued": outbox.queued,
            "notifier_oldest_age_seconds": outbox.oldest_age_s or 0.0,
            "notifier_sent": outbox.sent,
            "claims_lost": self._deps.outbox.claims_lost,
        }
        if self.signals is not None:
            signals = self.signals.status()
            numbers |= {"signals_passed": signals.passed, "signals_remade": signals.remade}
            if signals.trouble:
                trouble.append(f"broker: {signals.trouble}")
        return RoleStatus(
            role="notify",
            name=shown_name(self._deps.name),
            is_down=age_s > LEASE_DOWN_S,
            trouble=tuple(trouble),
            numbers=numbers,
        )

    # --- what holds now

    async def _signer(self) -> ButtonSigner | None:
        """The feed's; waits for it. None: nothing could be looked up for a press."""
        is_told = False
        failures = FailureLog(log, "the database cannot be asked whether there is a feed: %s", of=StorageError)
        while self._deps.config.history_enabled:
            with failures:
                if (signer := await kept_signer(self._deps.outbox)) is not None:
                    return signer
            if not is_told:
                log.info("waiting for the first feed of this cluster")
                is_told = True
            await self._deps.clock.sleep(FEED_WAIT_S)
        return None

    async def _read_settings(self) -> SettingsStore:
        """Asked for once a second; built anew when something has changed."""
        config = self._deps.config
        self._version, state = await self._deps.read_state()
        moves = await self._deps.outbox.moves()
        if self._settings is None or (state, moves) != self._read:
            settings = SettingsStore(base_settings(config), state, home=home_of(config))
            settings.follow_moves(lambda destination: moved_to(moves, destination))
            self._settings, self._read = settings, (state, moves)
        return self._settings

    async def _follow_settings(self) -> None:
        failures = FailureLog(log, "the settings cannot be read, the last known ones hold: %s", of=StorageError)
        used = self._version  # what was read and could not be used, because something else could not be read, still is
        while True:
            await self._deps.clock.sleep(FOLLOW_EVERY_S)
            with failures:
                settings = await self._read_settings()
                await self._names.load()
                await self._chat_bots.load()
                await self._market_line.load()
                self._deps.bots.known = self._chat_bots.known
                if self._version != used:
                    self.styles.apply(settings.audiences)
                    self._use()
                    used = self._version
                self._deps.bots.share(len(self.leases.members))

    def _use(self) -> None:
        """These chats are this process's, as they are now."""
        deps = self._deps
        deps.outbox.wake()
        if self._settings is None or self.dispatcher is None:
            return
        mine = [at for at in self._settings.destinations if shard_of(at.chat_id) in self.leases.tokens]
        deps.outbox.set_destinations(mine)
        self.dispatcher.set_destinations(mine)

    async def _let_go(self, shards: Collection[int]) -> None:
        """Of a part that is given up nothing begins any more, and what is under way ends first."""
        self._deps.outbox.forget(shards)
        if self.dispatcher is not None:
            await self.dispatcher.drop(lambda chat_id: shard_of(chat_id) in shards)
            self.carrier.forget(shards)
        self._use()

    # --- what is said

    def _build_dispatcher(self, styles: DestinationStyles) -> Dispatcher:
        deps, notices = self._deps, self._notices
        main = deps.config.destinations[0]
        return Dispatcher(
            DeliveryDeps(
                outbox=deps.outbox,
                channel=deps.bots,
                renderer=styles.of(main).renderer,
                clock=deps.clock,
                latency=Latency(speed=speed_of(deps.clock)),
                destination_styles=styles.of,
                presses=self._presses,
                min_interval_s=deps.config.tg_min_send_interval,
                turns_of=deps.bots.turns_of,
                events=DeliveryEvents(
                    closed=self._on_closed,
                    resumed=notices.on_resumed,
                    refused=notices.on_refused,
                    moved=self._on_moved,
                    fatal=RefusedBots(deps.bots, tell=notices.on_bot_refused, end=self.supervisor.end).on_refused,
                    topic_lost=notices.on_topic_lost,
                    topic_found=notices.on_topic_found,
                    sent=self._on_alert_sent,
                ),
            ),
            (),
        )

    def _publish(self, notice: Notice, to: Recipients) -> None:
        """By way of the database: the chat may be another notifier's."""
        if self._settings is None:
            return
        everybody = [audience.destination for audience in self._settings.audiences]
        log.info("%s", one_line(notice_html(notice, self.styles.style(everybody[0]))))
        for at in everybody if to == "everybody" else everybody[:1] if to == "operator" else [to]:
            self._said.notice(at, notice_html(notice, self.styles.style(at)))

    def _on_closed(self, destination: Destination, reason: Cause) -> None:
        if self._settings is None:
            return
        operator = self._settings.audiences[0].destination
        if destination.chat_id != operator.chat_id and (destination.is_group or not operator.is_group):
            self._notices.on_closed(destination, reason)

    async def _say_broker(self, signals: SignalReceiver) -> None:
        """Until cancelled: the feed tells the owner of what lasts, once for all."""
        is_told = False
        while True:
            await self._deps.clock.sleep(BROKER_SAID_EVERY_S)
            trouble = signals.status().trouble
            if trouble is not None or is_told:
                self._mail.broker(shown_name(self._deps.name), trouble)
            is_told = trouble is not None

    def _on_alert_sent(self, destination: Destination, alert: Alert, message_id: int) -> None:
        if self._deps.config.chart:
            self._mail.alert_sent(destination, alert, message_id)

    def _on_moved(self, old: Destination, new: Destination) -> None:
        log.warning("chat %s is now %s: put TG_CHAT_ID=%s into .env", old, new, new)
        self.styles.moved(old, new)
        self._deps.bots.group_moved(old.chat_id, new.chat_id)
        self._mail.moved(old, new)


async def run_until(notifier: ChatNotifier, stop: asyncio.Event) -> None:
    """Raises as `ChatNotifier.run` does."""
    async with beside(notifier.run(), name="notifier") as running, beside(stop.wait(), name="stop-signal") as stopping:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        notifier.stop()
        await running
