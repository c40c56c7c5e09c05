"""Composition root: joins the market side and the chat side over one store, runs their loops, stops them in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial

from altmonitor.app.chat import ChatDeps, ChatSide, MessagingSetup
from altmonitor.app.feed_role import WARM, FeedCluster, FeedRole, Fence
from altmonitor.app.market import MarketOptions
from altmonitor.app.market_reach import ReachWatch
from altmonitor.app.markets import Markets, MarketsDeps
from altmonitor.app.operator_notices import OperatorNotices, Recipients
from altmonitor.app.other_cohorts import other_cohorts
from altmonitor.app.outcomes import OutcomeSide, outcome_market
from altmonitor.app.queries import QueryDeps, QuerySide
from altmonitor.app.score_watch import ScoreWatch, ScoreWatchDeps, asked_of_scores
from altmonitor.app.service_watch import ServiceWatch
from altmonitor.app.start_order import StartOrder
from altmonitor.app.storage import clean_up, loops_of_old_scores, storage_of
from altmonitor.app.subscribers import AlertSubscribers
from altmonitor.app.takeover import FeedTakeover, FeedTakeoverDeps
from altmonitor.app.tracking import OutboxTrackerNotifier, TrackingSide, tracking_side
from altmonitor.app.traders import trader_providers
from altmonitor.app.vitals import MonitorVitals
from altmonitor.app.wallets import WalletSide, wallet_side
from altmonitor.commands.replies import Reply
from altmonitor.config import Config
from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.errors import DatabaseRefused, LeadershipLost, TokenRefused
from altmonitor.core.supervisor import Supervisor, beside
from altmonitor.interfaces.positioning import Cohorts
from altmonitor.interfaces.traders import ProviderName, TraderProvider
from altmonitor.operations.context import OperationContext
from altmonitor.render.notices import Notice
from altmonitor.render.signed_buttons import ButtonSigner, stored_signer
from altmonitor.settings.settings import Numbers
from altmonitor.settings.state import SettingsStore
from altmonitor.settings.zones import zone_of
from altmonitor.storage.database_store import DatabaseStore, StoreOptions
from altmonitor.storage.score_file import score_store
from altmonitor.storage.state_file import LoadableState, LoadedState, base_settings, home_of, which_won
from altmonitor.web.api_keys import read_table
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.streams import StreamSources

log = logging.getLogger(__name__)

STOP_WITHIN_S = 3.0


class App:
    """The whole monitor. `run` works until `stop` is called or something fatal happens."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        messaging_setup: MessagingSetup,
        options: MarketOptions | None = None,
        cluster: FeedCluster | None = None,
    ) -> None:
        """cluster: where this is one of several feeds; None: it does everything by itself."""
        self.config, self.clock = config, clock
        self._messaging_setup = messaging_setup
        self.supervisor = Supervisor(clock=clock, fatal=(TokenRefused, DatabaseRefused, LeadershipLost))
        self._untold: list[tuple[Notice, Recipients]] = []  # notices from before there is somebody to tell it
        self._notices = OperatorNotices(
            clock=clock,
            publish=self._publish,
            venue=config.venues[0] if len(config.venues) > 1 else None,
            sends_from_store=cluster is not None,
        )
        store_options = StoreOptions(
            destinations=messaging_setup.destinations,
            keeps_history=config.history_enabled,
            on_committed=self._on_committed,
            on_trouble=self._notices.on_storage_trouble,
            on_set_aside=self._notices.on_database_set_aside,
            disk_clock=SystemClock(),
        )
        self.role: FeedRole | None = None
        self._storage_loops: Mapping[str, Callable[[], Awaitable[None]]] = {}
        self.store: DatabaseStore
        self._state: LoadableState
        if cluster is None:
            kept = storage_of(config, clock=clock, options=store_options)
            self.store, self._state, self._storage_loops = kept.store, kept.state, kept.loops
        else:
            self.role = FeedRole(
                cluster,
                clock=clock,
                store_options=store_options,
                is_blind=lambda: self.market.feed.status().is_blind,
                reach=ReachWatch(lambda: [market.status() for market in self.markets.all], clock=clock).look,
                main=config.venues[0],
                sweep_s=config.oi_poll_sec,
                notices=self._notices,
            )
            self.store, self._state = self.role.store, self.role.state
        self._scores = score_store(config, clock=clock, fence=self._fence)
        self._subscribers = AlertSubscribers(config, store=self.store, clock=clock)
        self.on_listening: Callable[[int], None] = lambda port: None
        """Told the port once HTTP is answered there."""
        options = options or MarketOptions()
        self.markets = Markets(
            MarketsDeps(
                config=config,
                clock=clock,
                options=options,
                store=self.store,
                sink=self.store if self.role is None else self.role.sink,
                scores=self._scores,
                notices=self._notices,
                publish=self._publish,
                refresh=self._refresh,
                outcome_line=lambda alert: None if self.outcomes is None else self.outcomes.board.line_of(alert),
                is_telling=self._is_telling,
                is_one_of_several=self.role is not None,
            )
        )
        self.market = self.markets.main
        self.outcomes: OutcomeSide | None = None
        self._wallets: WalletSide | None = None
        self.chat: ChatSide | None = None
        self._start_order = StartOrder(self.supervisor, feed=self.market.feed.status, clock=clock)
        vitals = MonitorVitals(
            clock=clock,
            supervisor=self.supervisor,
            store=self.store,
            markets=self.markets.all,
            webhooks=self._subscribers.webhooks,
            chat=lambda: self.chat,
            wallets=lambda: self._wallets,
        )
        self.health = vitals.health
        self._service = ServiceWatch(options.service, clock=clock, signs=vitals.signs)

    @property
    def _fence(self) -> Fence | None:
        return None if self.role is None else self.role.fence

    def _is_telling(self) -> bool:
        """False while another feed leads."""
        return self.role is None or self.role.is_leading

    async def run(self) -> None:
        """Raises the fatal error that ended it, or what kept it from starting (`StartError`, `StorageError`)."""
        async with AsyncExitStack() as stack:
            loaded = await self._state.load()
            settings_store = self._settings_store(loaded)
            self.store.set_destinations(settings_store.destinations)
            if self.role is not None:
                stack.push_async_callback(self.role.leave)  # once the store has written all of it
            await stack.enter_async_context(self.store)
            stack.push_async_callback(self._scores.close)
            if self.role is None:
                await self._subscribers.name_stream()
            await stack.enter_async_context(self.markets.running(settings_store.audiences))
            self.outcomes = self._build_outcomes(settings_store)
            side = wallet_side(self.config, clock=self.clock, build=self.markets.wallet_source)
            wallets = self._wallets = await stack.enter_async_context(side)
            traders = await stack.enter_async_context(trader_providers(self.config, clock=self.clock, wallets=wallets))
            others = await stack.enter_async_context(other_cohorts(self.config, clock=self.clock))
            questions = self._build_questions(settings_store, traders, others)
            operations = questions.operations(
                self.health, change_settings=self._change_settings, run_command=self._run_command, wallets=wallets
            )
            self._subscribers.stream.sources = StreamSources(
                health=self.health,
                alerts_of=self.store.alerts_of,
                boards={} if operations.monitor is None else operations.monitor.boards,
            )
            stack.callback(questions.close)
            server = self._build_server(operations)
            try:
                if self.role is not None:
                    await self._serve(server, stack)
                if self.role is None or await self._stand_by(self.role, settings_store):
                    self.chat = self._build_chat(settings_store, await stored_signer(self.store), questions)
                    self._tell_what_waited(self.chat, loaded)
                    tracking = await stack.enter_async_context(self._tracking_side(self.chat))
                    if self.role is None:
                        await self._serve(server, stack)
                    self._start_loops(self.chat, questions, tracking, wallets)
                    scores = self._build_scores(operations, settings_store)
                    self._start_order.start(scores.loops() | loops_of_old_scores(self.config, fence=self._fence))
                    await self.supervisor.wait()
            finally:
                self._service.stopping()
                await self.supervisor.stop(within_s=STOP_WITHIN_S)
        if self.supervisor.fatal_error is not None:
            raise self.supervisor.fatal_error

    async def _serve(self, server: HttpServer, stack: AsyncExitStack) -> None:
        await server.start()
        stack.push_async_callback(server.stop)
        self.server_port = server.port
        self.on_listening(server.port)

    async def _stand_by(self, role: FeedRole, settings_store: SettingsStore) -> bool:
        """Returns when this feed leads; False: it was stopped before."""
        loops = self._watching_loops() | self.markets.loops()
        self._start_order.start({name: loop for name, loop in loops.items() if name.rpartition(":")[2] in WARM})
        takeover = FeedTakeover(
            FeedTakeoverDeps(
                role=role,
                markets=self.markets,
                store=self.store,
                supervisor=self.supervisor,
                clock=self.clock,
                notify=lambda notice, to: self._untold.append((notice, to)),
            )
        )
        if not await takeover.stand_by(settings_store):
            return False
        await self._subscribers.name_stream()
        return True

    async def run_until(self, stop: asyncio.Event, *, before_end: Callable[[], Awaitable[None]] | None = None) -> None:
        """`run` until the event is set. before_end: then, while all is still open. Raises as `run` does."""
        async with beside(self.run(), name="app") as running, beside(stop.wait(), name="stop-signal") as stopping:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if before_end is not None and not running.done():
                await before_end()
            self.stop()
            await running

    def stop(self) -> None:
        """Let `run` end; what is queued stays queued."""
        self.supervisor.end()

    def _settings_store(self, loaded: LoadedState) -> SettingsStore:
        base = base_settings(self.config)
        home = home_of(self.config, self._messaging_setup.destinations)
        settings_store = SettingsStore(base, loaded.state, home=home)
        for line in which_won(base, loaded.overrides):
            log.info("%s", line)
        self.markets.apply(settings_store)
        settings_store.on_change(lambda audiences: self.markets.apply(settings_store))
        return settings_store

    def _build_questions(
        self,
        settings_store: SettingsStore,
        traders: Mapping[ProviderName, TraderProvider],
        cohorts: Mapping[str, Cohorts],
    ) -> QuerySide:
        deps = QueryDeps(
            config=self.config,
            clock=self.clock,
            markets=self.markets.all,
            fundings=self.markets.fundings,
            store=self.store,
            scores=self._scores,
            settings_store=settings_store,
            outcomes=None if self.outcomes is None else self.outcomes.board.current,
            traders=traders,
            other_cohorts=cohorts,
        )
        return QuerySide(deps, zone_of=lambda destination: zone_of(settings_store.audience_at(destination).tz))

    def _build_chat(self, settings_store: SettingsStore, signer: ButtonSigner, questions: QuerySide) -> ChatSide:
        return ChatSide(
            ChatDeps(
                config=self.config,
                clock=self.clock,
                messaging_setup=self._messaging_setup,
                store=self.store,
                state_file=self._state,
                settings_store=settings_store,
                notices=self._notices,
                health=self.health,
                breadth=self.market.engine.breadth,
                listed=lambda: {market.name: market.symbols() for market in self.markets.all},
                on_sent=self.markets.on_notice_sent,
                fatal=self.supervisor.end,
                signer=signer,
                pictures=questions.pictures,
                queries=questions.queries(self.health),
                chats=None if self.role is None else self.role.chats,
            )
        )

    def _build_outcomes(self, settings_store: SettingsStore) -> OutcomeSide | None:
        """None when no history is kept."""
        if not self.config.history_enabled:
            return None
        side = OutcomeSide(
            store=self.store,
            clock=self.clock,
            markets=self.markets.all,
            audiences=settings_store.audiences,
            fee_pct=self.config.taker_fee_pct,
            on_measured=self._subscribers.measured,
        )
        settings_store.on_change(side.versions.changed)
        return side

    def _build_scores(self, operations: OperationContext, settings_store: SettingsStore) -> ScoreWatch:
        return ScoreWatch(
            ScoreWatchDeps(
                context=operations,
                store=self._scores,
                clock=self.clock,
                every_s=self.config.scores_every_min * 60,
                keep_days=self.config.retention_days,
                markets={self.market.name: outcome_market(self.market)},
                more_symbols=lambda: asked_of_scores(settings_store.state.conditions),
                on_look=self.market.engine.look_at_metrics,
                allow_private=self.config.webhook_allow_private,
            )
        )

    def _tell_what_waited(self, chat: ChatSide, loaded: LoadedState) -> None:
        for notice, to in self._untold:
            chat.publish(notice, to)
        self.markets.notify_untold()
        self._notices.on_settings_loaded(loaded, of=str(self._state))

    def _tracking_side(self, chat: ChatSide) -> AbstractAsyncContextManager[TrackingSide | None]:
        main = chat.destination_styles.style(self._messaging_setup.destinations[0])
        notifier = OutboxTrackerNotifier(clock=self.clock, style=main, say=chat.announce)
        return tracking_side(self.config, clock=self.clock, market=self.market, notifier=notifier)

    def _start_loops(
        self, chat: ChatSide, questions: QuerySide, tracking: TrackingSide | None, wallets: WalletSide
    ) -> None:
        own: dict[str, Callable[[], Awaitable[None]]] = {
            "operator notices": self._notices.run,
            "clean-up": partial(clean_up, self.store, keep_days=self.config.retention_days, clock=self.clock),
            **self._watching_loops(),
            **self._subscribers.loops(),
            **({} if tracking is None else tracking.loops()),
            **wallets.loops(),
            **self._storage_loops,
            **({} if self.outcomes is None else self.outcomes.loops()),
        }
        loops = chat.loops() | self.markets.loops() | questions.loops() | own
        if self.role is not None:
            self.role.on_sent, self.role.on_moved = chat.alert_sent, chat.chat_moved
            loops |= self.role.loops()
        self._start_order.start(loops)

    def _watching_loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Also of a feed that stands by."""
        return {"first look": self._start_order.look_for_streams, "service manager": self._service.run}

    def _build_server(self, operations: OperationContext) -> HttpServer:
        config = self.config
        return HttpServer(
            HttpServerDeps(
                host=config.api_host,
                port=config.api_port,
                health=self.health,
                operations=operations,
                clock=SystemClock(),  # clients are of this world, however fast the market's clock runs
                token=config.api_token,
                read_token=config.api_read_token,
                cors_origin=config.api_cors_origin,
                keys=read_table(config.api_keys_file),
                live=self._subscribers.stream,
                commands=lambda: None if self.chat is None else self.chat.http_commands,
                role=None if self.role is None else self.role.status,
            )
        )

    def _refresh(self, alert_key: str) -> None:
        self._subscribers.refresh(alert_key)
        if self.chat is not None:
            self.chat.dispatcher.refresh(alert_key)

    async def _run_command(self, text: str) -> Reply | None:
        return None if self.chat is None else await self.chat.run_command(text)

    async def _change_settings(self, numbers: Numbers, words: str) -> Reply | None:
        return None if self.chat is None else await self.chat.change_settings(numbers, words)

    def _on_committed(self, alert: Alert) -> None:
        self._subscribers.committed(alert)
        if self.role is not None:
            self.role.on_committed(alert)

    def _publish(self, notice: Notice, to: Recipients) -> None:
        if self.role is None:
            self._say(notice, to)
        else:
            self.role.tell(notice, lambda: self._say(notice, to))

    def _say(self, notice: Notice, to: Recipients) -> None:
        if self.chat is None:
            self._untold.append((notice, to))
        else:
            self.chat.publish(notice, to)
