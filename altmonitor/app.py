"""Composition root: builds every object, runs the loops under one supervisor, stops them in order."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from altmonitor import __version__, opening
from altmonitor.answers import ChatAnswers
from altmonitor.chat.listener import CommandListener
from altmonitor.chat.ports import AllowedSenders, BotAccess
from altmonitor.clock import Clock, SystemClock
from altmonitor.config import Config
from altmonitor.control.desk import CommandDesk
from altmonitor.control.desk import Surroundings as DeskSurroundings
from altmonitor.control.settings import Settings, SettingsHolder
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
from altmonitor.errors import ChatUnreachable, ExchangeError, RetryLater, StorageError, TokenRefused
from altmonitor.exchanges.binance.guard import Guard
from altmonitor.exchanges.binance.http_get import ANSWER_TIMEOUT_S
from altmonitor.exchanges.binance.rest import BinanceRest
from altmonitor.exchanges.binance.stream import FeedOptions, KlineFeed
from altmonitor.market.kline import MINUTE_MS, Candle, KlineUpdate
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.symbol import ContractNews
from altmonitor.monitor.backfill import LONGEST_MINUTES, Backfill
from altmonitor.monitor.engine import Breadth, Engine
from altmonitor.monitor.enrich import Enricher
from altmonitor.monitor.health import Health, LoopStatus, Vitals, assess
from altmonitor.monitor.ports import FeedEvent, LatencyStatus
from altmonitor.monitor.rehearsal import Rehearsal
from altmonitor.monitor.snapshots import MarketSnapshots
from altmonitor.monitor.sweep import OpenInterestSweep
from altmonitor.monitor.universe import Universe
from altmonitor.newsroom import Newsroom
from altmonitor.service_manager import ServiceWatch, Signs
from altmonitor.sight import Sight
from altmonitor.status_board import StatusBoard
from altmonitor.storage.sqlite import SqliteStore, StoreOptions
from altmonitor.storage.state_file import LoadedState, StateFile, base_settings, which_won
from altmonitor.supervisor import Supervisor
from altmonitor.values import Destination
from altmonitor.web.server import HealthServer, Served

log = logging.getLogger(__name__)

OI_MEMORY_MS = 15 * 60_000  # an open-interest jump stays in the 5-minute window and a little beyond
STOP_WITHIN_S = 3.0
PRUNE_EVERY_S = 3_600.0
KEPT_DAYS = 90
SKEW_EVERY_S = 600.0
MENU_RETRY_S = 60.0
NO_CONTRACTS_TOLD_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """Where messages go. bot: None when nobody can write back (a dry run)."""

    channel: Channel
    destination: Destination
    bot: BotAccess | None = None
    set_menu: Callable[[list[tuple[str, str]]], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What is decided outside the configuration. feed: options of the socket; gather time comes from the config.

    service: the environment in which a service manager (systemd) says how it wants to be told of our life.
    answer_s: how long an answer of the exchange may take.
    """

    feed: FeedOptions = field(default_factory=FeedOptions)
    service: Mapping[str, str] = field(default_factory=dict)
    answer_s: float = ANSWER_TIMEOUT_S


class _FeedDesk:
    """What the feed calls. `on_kline` is the engine's own method: no call in between, it runs for every frame."""

    __slots__ = ("_on_contract", "_on_event", "on_kline")

    def __init__(
        self,
        *,
        on_kline: Callable[[KlineUpdate], None],
        on_contract: Callable[[ContractNews], None],
        on_event: Callable[[FeedEvent], None],
    ) -> None:
        self.on_kline = on_kline
        self._on_contract = on_contract
        self._on_event = on_event

    def on_contract(self, news: ContractNews) -> None:
        self._on_contract(news)

    def on_feed_event(self, event: FeedEvent) -> None:
        self._on_event(event)


class App:
    """The whole monitor. `run` works until `stop` is called or something fatal happens."""

    def __init__(self, config: Config, *, clock: Clock, outlet: Outlet, choices: Choices | None = None) -> None:
        self.config = config
        self.clock = clock
        self._outlet = outlet
        self._choices = choices or Choices()
        self._started_s = clock.monotonic()
        self.supervisor = Supervisor(clock=clock, fatal=(TokenRefused,))
        self._style = Style(lang=config.alert_lang, tz=ZoneInfo(config.alert_tz))
        self._renderer = MessageRenderer(
            config.alert_lang, ZoneInfo(config.alert_tz), market=lambda: _digest_context(self.engine.breadth())
        )
        self._untold: list[tuple[news.News, Destination | None]] = []  # news from before there is somebody to tell it
        self._newsroom = Newsroom(clock=clock, publish=self._publish)
        self.store = SqliteStore(
            config.db_file,
            clock=clock,
            options=StoreOptions(
                destinations=(outlet.destination,),
                keeps_history=config.history_enabled,
                on_trouble=self._newsroom.on_storage_trouble,
                on_set_aside=self._newsroom.on_database_set_aside,
                disk_clock=SystemClock(),
            ),
        )
        self._state_file = StateFile(config.state_file, clock)
        self.guard = Guard(
            config.binance_rest_url,
            clock=clock,
            block_file=config.db_file.with_name("exchange-block.json"),
            on_change=self._newsroom.on_guard,
        )
        self._rest = BinanceRest(
            config.binance_rest_url, clock=clock, guard=self.guard, within_s=self._choices.answer_s
        )
        self._snapshots = MarketSnapshots(self._rest, clock=clock)
        self._universe = Universe(
            self._rest,
            clock=clock,
            tradfi=config.tradfi_perpetuals,
            refresh_s=config.symbols_refresh_sec,
            on_change=self._on_universe,
            file=config.db_file.with_name("symbols.json"),
        )
        self._service = ServiceWatch(self._choices.service, clock=clock, signs=self._signs)
        self.dispatcher: Dispatcher | None = None
        self._listener: CommandListener | None = None
        self._board: StatusBoard | None = None
        self._build_market(base_settings(config))

    def _build_market(self, settings: Settings) -> None:
        config, clock = self.config, self.clock
        self._oi_ring = OpenInterestRing(period_s=config.oi_poll_sec)
        self.backfill = Backfill(
            self._rest,
            clock=clock,
            symbols=self._symbols,
            apply=self._on_history,
            ended=lambda symbol, from_ms, to_ms: self.engine.looked_back(symbol, from_ms, to_ms),
        )
        self._opening = opening.Opening(
            opening.Stage(
                clock=clock,
                backfill=self.backfill,
                rehearsal=Rehearsal(clock=clock, context=self._snapshots),
                settings=lambda: self.engine.settings,
                tell=self._newsroom.tell,
            )
        )
        self._enricher = Enricher(
            self._rest,
            clock=clock,
            lsr_period=config.lsr_period,
            updates=self.store,
            refreshed=self._refresh,
            record_oi=lambda sample: self.engine.on_open_interest(sample),
            oi_change_1m=lambda symbol, event_ms: self.engine.oi_change_1m(symbol, event_ms),
        )
        self.engine = Engine(
            clock=clock,
            settings=settings,
            sink=self.store,
            context=self._snapshots,
            oi_ring=self._oi_ring,
            on_alert=self._enricher.put,
            request_refill=self.backfill.request,
        )
        self._sweep = OpenInterestSweep(
            self._rest,
            clock=clock,
            period_s=config.oi_poll_sec,
            concurrency=config.oi_concurrency,
            symbols=self._symbols,
            record=self.engine.on_open_interest,
            evaluate=self.engine.evaluate_open_interest,
        )
        desk = _FeedDesk(
            on_kline=self.engine.on_kline, on_contract=self._universe.on_contract, on_event=self._on_feed_event
        )
        self.feed = KlineFeed(config.binance_ws_url, sink=desk, clock=clock, options=self._choices.feed)
        self._sight = Sight(
            self.store, clock=clock, feed=self.feed.status, unseen_since_ms=lambda: self.engine.unseen_since_ms
        )

    # --- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Raises the fatal error that ended it, or what kept it from starting (`StartError`, `StorageError`)."""
        async with AsyncExitStack() as stack:
            loaded = await self._state_file.load()
            holder = self._holder(loaded)
            await stack.enter_async_context(self.store)
            await self._restore(holder.current)
            await self._rest.start()
            stack.push_async_callback(self._rest.stop)
            self.dispatcher = self._build_dispatcher()
            for piece, not_to in self._untold:
                self._publish(piece, not_to)
            for since_ms, until_ms in self._sight.untold_before:
                self._newsroom.tell_back(since_ms, until_ms)
            self._tell_of_state(loaded)
            server = self._build_server()
            await server.start()
            stack.push_async_callback(server.stop)
            self.server_port = server.port
            self._start_loops(holder, self.dispatcher)
            try:
                await self.supervisor.wait()
            finally:
                self._service.stopping()
                await self.supervisor.stop(within_s=STOP_WITHIN_S)
        if self.supervisor.fatal_error is not None:
            raise self.supervisor.fatal_error

    def stop(self) -> None:
        """Let `run` end; what is queued stays queued."""
        self.supervisor.end()

    def _tell_of_state(self, loaded: LoadedState) -> None:
        if loaded.unwritable:
            log.warning("changes made in the chat cannot be saved: %s", loaded.unwritable)
        if loaded.problem:
            log.warning("%s", loaded.problem)
            kept_as = str(loaded.aside or self.config.state_file)
            piece = news.SettingsDamaged(at_ms=self.clock.now_ms(), kept_as=kept_as, reason=loaded.problem)
            self._newsroom.tell(piece)

    def _holder(self, loaded: LoadedState) -> SettingsHolder:
        base = base_settings(self.config)
        holder = SettingsHolder(base, loaded.overrides)
        for line in which_won(base, loaded.overrides):
            log.info("%s", line)
        self.engine.use(holder.current)
        holder.on_change(self.engine.use)
        return holder

    async def _restore(self, settings: Settings) -> None:
        """Cooldowns, episodes and re-arm states from what is stored."""
        now_ms, seen_ms = self.clock.now_ms(), await self._sight.load()
        since_ms = now_ms - max(OI_MEMORY_MS, settings.cooldown_sec * 1000)
        # hindsight begins where the earlier run ended, and must not tell what that one told
        away_ms = 0 if seen_ms is None else min(now_ms - seen_ms, LONGEST_MINUTES * MINUTE_MS)
        alerts = await self.store.alerts_since(since_ms - away_ms)
        self.engine.restore(alerts)
        told = sum(alert.event_ms >= since_ms for alert in alerts)
        queued = self.store.outbox_status().queued
        self._opening.restored = news.Restored(queued=queued, cooldowns=told)

    def _start_loops(self, holder: SettingsHolder, dispatcher: Dispatcher) -> None:
        start = self.supervisor.start
        start("delivery", dispatcher.run)
        start("contracts", self._follow_universe)
        start("first contracts", self._tell_without_contracts)
        start("feed", self.feed.run)
        start("open interest", self._sweep.run)
        start("snapshots", self._snapshots.run)
        start("back-fill", self.backfill.run)
        start("start message", self._opening.run)
        start("sight", self._sight.run)
        start("enrichment", self._enricher.run)
        start("clock check", self._check_clock)
        start("clean-up", self._clean_up)
        start("service manager", self._service.run)
        if self._outlet.bot is not None:
            desk = self._build_desk(holder)
            self._board = self._build_board(desk, dispatcher)
            self._listener = self._build_listener(desk, self._board, dispatcher, self._outlet.bot)
            start("commands", self._listener.run)
            start("status messages", self._board.run)
            start("command menu", self._set_menu)

    def _build_dispatcher(self) -> Dispatcher:
        wiring = Wiring(
            outbox=self.store,
            channel=self._outlet.channel,
            renderer=self._renderer,
            clock=self.clock,
            min_interval_s=self.config.tg_min_send_interval,
            events=Events(
                trouble=self._newsroom.on_chat_trouble,
                moved=self._on_chat_moved,
                fatal=self.supervisor.end,
                expired=lambda where, count: log.warning("%d alerts for chat %s were too old to be told", count, where),
            ),
        )
        return Dispatcher(wiring, self.store.destinations)

    def _build_server(self) -> HealthServer:
        config = self.config
        return HealthServer(
            Served(
                host=config.api_host,
                port=config.api_port,
                health=self.health,
                alerts=self.store if config.history_enabled else None,
                clock=self.clock,
                token=config.api_token,
            )
        )

    def _build_desk(self, holder: SettingsHolder) -> CommandDesk:
        return CommandDesk(
            DeskSurroundings(
                holder=holder,
                store=self._state_file,
                alerts=self.store if self.config.history_enabled else None,
                health=self.health,
                listed=self._symbols,
            )
        )

    def _build_board(self, desk: CommandDesk, dispatcher: Dispatcher) -> StatusBoard:
        return StatusBoard(
            clock=self.clock,
            chats=dispatcher,
            memory=self.store,
            board=lambda: status_board(desk.status(now_s=self.clock.now_ms() / 1000), self._style),
        )

    def _build_listener(
        self, desk: CommandDesk, board: StatusBoard, dispatcher: Dispatcher, bot: BotAccess
    ) -> CommandListener:
        answers = ChatAnswers(
            desk,
            clock=self.clock,
            style=self._style,
            answer=lambda where, parts, to: dispatcher.reply(where, parts, reply_to=to),
            board=board,
        )
        chats = self.config.allowed_chat_ids | {destination.chat_id for destination in self.store.destinations}
        return CommandListener(
            bot,
            clock=self.clock,
            handler=answers,
            allowed=AllowedSenders(chat_ids=frozenset(chats), user_ids=self.config.allowed_user_ids),
            offsets=_Offsets(self.store),
            news=self._newsroom,
        )

    async def _follow_universe(self) -> None:
        await self._universe.start()
        await self._universe.run()

    async def _tell_without_contracts(self) -> None:
        """The feed tells when it is blind, but without a list of contracts it has nothing to miss."""
        await self.clock.sleep(NO_CONTRACTS_TOLD_S)
        if not self._universe.symbols:
            reason = self._universe.status().last_error
            self._sight.note_blind(self.clock.now_ms())
            self._newsroom.tell(news.BlindSince(at_ms=self.clock.now_ms(), reason=reason, since_ms=None, symbols=0))

    # --- small loops ---------------------------------------------------------------------------------------------

    async def _check_clock(self) -> None:
        while True:
            try:
                theirs_ms = await self._rest.server_time_ms()
            except ExchangeError as problem:
                log.debug("the exchange's clock could not be read: %s", problem)
            else:
                self._newsroom.on_skew(self.clock.now_ms() - theirs_ms)
            await self.clock.sleep(SKEW_EVERY_S)

    async def _clean_up(self) -> None:
        while True:
            try:
                await self.store.prune(before_s=self.clock.now_ms() / 1000 - KEPT_DAYS * 86_400)
            except StorageError as problem:
                log.warning("old alerts could not be removed: %s", problem)
            await self.clock.sleep(PRUNE_EVERY_S)

    async def _set_menu(self) -> None:
        """Until Telegram has taken it: the list of commands a chat offers while typing."""
        while self._outlet.set_menu is not None:
            try:
                await self._outlet.set_menu(command_menu(self.config.alert_lang))
            except (ChatUnreachable, RetryLater) as problem:
                log.debug("the command menu could not be set yet: %s", problem)
                await self.clock.sleep(MENU_RETRY_S)
            else:
                return

    # --- between the parts ---------------------------------------------------------------------------------------

    def _symbols(self) -> list[str]:
        return sorted(self._universe.symbols)

    def _on_universe(self, symbols: frozenset[str], added: frozenset[str], removed: frozenset[str]) -> None:
        self.engine.set_symbols(symbols)
        self.feed.set_symbols(symbols)
        self._newsroom.symbols = len(symbols)
        self._opening.follow(len(symbols))

    def _on_history(self, symbol: str, candles: Sequence[Candle]) -> None:
        self.engine.refill(symbol, candles)
        self._opening.take(symbol, candles)

    def _on_feed_event(self, event: FeedEvent) -> None:
        event = self._sight.completed(event)
        if event.kind == "live" and event.blind_since_ms is not None:
            self.engine.after_blind(event.blind_since_ms, event.at_ms)
        self._newsroom.on_feed_event(event)

    def _on_chat_moved(self, old: Destination, new: Destination) -> None:
        log.warning("chat %s is now %s: put TG_CHAT_ID=%s into .env", old, new, new)
        if self._board is not None:
            self._board.moved(old, new)
        if self._listener is not None:
            self._listener.follow_move(old.chat_id, new.chat_id)

    def _refresh(self, alert_key: str) -> None:
        if self.dispatcher is not None:
            self.dispatcher.refresh(alert_key)

    def _publish(self, piece: news.News, not_to: Destination | None) -> None:
        if self.dispatcher is None:
            self._untold.append((piece, not_to))
            return
        html = self._renderer.news(piece)
        log.info("%s", one_line(html))
        on_sent = self._sight.untold(piece.since_ms, piece.at_ms) if isinstance(piece, news.BackAfter) else None
        for destination in self.store.destinations:
            if destination != not_to:
                self.dispatcher.notice(destination, html, on_sent=on_sent)

    def _signs(self) -> Signs:
        health = self.health()
        seen = f"{health.feed.symbols_covered} of {health.feed.symbols_expected} symbols"
        trouble = "; ".join(finding.text for finding in health.findings) or f"{health.outbox.queued} alerts waiting"
        return Signs(
            data_age_s=health.feed.last_frame_age_s,
            is_storing=self.store.is_writing,
            status=f"{health.status}: {seen}; {trouble}",
        )

    def health(self) -> Health:
        """One moment of everything, for `/health`, `/metrics` and `/status`."""
        deliver_p50, deliver_p99 = (None, None) if self.dispatcher is None else self.dispatcher.latency_ms()
        detect_p50, detect_p99 = self.engine.detect_latency_ms()
        return assess(
            Vitals(
                feed=self.feed.status(),
                sweep=self._sweep.status(),
                outbox=self.store.outbox_status(),
                guard=self.guard.status(),
                latency=LatencyStatus(
                    detect_p50=detect_p50, detect_p99=detect_p99, deliver_p50=deliver_p50, deliver_p99=deliver_p99
                ),
                uptime_s=self.clock.monotonic() - self._started_s,
                version=__version__,
                loops=[
                    LoopStatus(
                        name=loop.name,
                        restarts=loop.restarts,
                        failures_in_row=self.supervisor.failures_in_row(loop),
                    )
                    for loop in self.supervisor.loops.values()
                ],
            )
        )


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
