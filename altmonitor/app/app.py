"""Composition root: joins the market side and the chat side over one store, runs their loops, stops them in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from functools import partial

from altmonitor.app.chat import ChatDeps, ChatSide, MessagingSetup
from altmonitor.app.feed_role import WARM, FeedCluster, FeedRole
from altmonitor.app.gap_log import run_marks
from altmonitor.app.market import MarketDeps, MarketOptions, MarketSide
from altmonitor.app.market_reach import ReachWatch
from altmonitor.app.operator_notices import OperatorNotices, Recipients
from altmonitor.app.other_cohorts import other_cohorts
from altmonitor.app.outcomes import OutcomeSide, outcome_market
from altmonitor.app.queries import QueryDeps, QuerySide
from altmonitor.app.score_watch import ScoreWatch, ScoreWatchDeps, asked_of_scores
from altmonitor.app.service_watch import ServiceWatch
from altmonitor.app.storage import storage_of
from altmonitor.app.takeover import FeedTakeover, FeedTakeoverDeps
from altmonitor.app.tracking import OutboxTrackerNotifier, TrackingSide
from altmonitor.app.traders import trader_providers
from altmonitor.app.vitals import MonitorVitals
from altmonitor.app.wallets import WalletSide, wallet_side
from altmonitor.collect.funding_board import FundingBoard
from altmonitor.commands.replies import Reply
from altmonitor.config import Config
from altmonitor.core.alert import Alert, OutcomeLine
from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.errors import DatabaseRefused, LeadershipLost, StorageError, TokenRefused
from altmonitor.core.supervisor import Supervisor, beside
from altmonitor.core.types import Destination, Venue
from altmonitor.delivery.alert_cursor import CursorDeps
from altmonitor.delivery.webhooks import WebhookDeps, Webhooks
from altmonitor.engine.restore import Bookkeeping
from altmonitor.engine.shared_audiences import FollowersSink, SharedAudiences
from altmonitor.engine.venue_moves import LOOKED_BACK_MS, VenueMoves, VenueTime
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.interfaces.positioning import Cohorts
from altmonitor.interfaces.traders import ProviderName, TraderProvider
from altmonitor.operations.context import OperationContext
from altmonitor.render.notices import BackAfter, Notice, SettingsDamaged
from altmonitor.render.signed_buttons import ButtonSigner, stored_signer
from altmonitor.replay.outcome_summary import WithOutcomes
from altmonitor.settings.conditions import of_market
from altmonitor.settings.settings import Numbers
from altmonitor.settings.state import SettingsStore
from altmonitor.settings.zones import zone_of
from altmonitor.storage.database_store import DatabaseStore, StoreOptions
from altmonitor.storage.score_store import score_store, scores_path
from altmonitor.storage.state_file import LoadableState, LoadedState, base_settings, home_of, which_won
from altmonitor.web.api_keys import read_table
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.streams import EventStream, StreamSources, stored_stream_name

log = logging.getLogger(__name__)

STOP_WITHIN_S = 3.0
PRUNE_EVERY_S = 3_600.0
SEEING_WITHIN_S = 5.0
SEEING_LOOK_S = 0.1
AFTER_SEEING = frozenset(
    {"back-fill", "tally", "budget", "tracking", "command menu", "clean-up", "outcomes", "outcome board", "wallets"}
    | {"scores", "scores of the file", "outcomes of scores", "kept for others", "ratios of the table"}
)
"""Loops that a monitor can do without for a moment. What they cost at a start is spent when every stream is subscribed,
or after `SEEING_WITHIN_S` when that takes longer."""


class App:
    """The whole monitor. `run` works until `stop` is called or something fatal happens."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        messaging_setup: MessagingSetup,
        choices: MarketOptions | None = None,
        cluster: FeedCluster | None = None,
    ) -> None:
        """cluster: where this is one of several feeds; None: it does everything by itself."""
        self.config = config
        self.clock = clock
        self._messaging_setup = messaging_setup
        self.supervisor = Supervisor(clock=clock, fatal=(TokenRefused, DatabaseRefused, LeadershipLost))
        self._untold: list[tuple[Notice, Recipients]] = []  # notices from before there is somebody to tell it
        main, *others = config.venues
        self._notices = OperatorNotices(
            clock=clock,
            publish=self._publish,
            venue=main if others else None,
            sends_from_store=cluster is not None,
        )
        self._live = EventStream(clock)
        store_options = StoreOptions(
            destinations=messaging_setup.destinations,
            keeps_history=config.history_enabled,
            on_committed=self._on_committed,
            on_trouble=self._notices.on_storage_trouble,
            on_set_aside=self._notices.on_database_set_aside,
            disk_clock=SystemClock(),
        )
        self.role: FeedRole | None = None
        self._shared = SharedAudiences()
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
                reach=ReachWatch(lambda: [market.status() for market in self.markets], clock=clock).look,
                main=main,
                sweep_s=config.oi_poll_sec,
                notices=self._notices,
            )
            self.store, self._state = self.role.store, self.role.state
        self._scores = score_store(config, clock=clock, fence=None if self.role is None else self.role.fence)
        self._live.history = self.store if config.history_enabled else None
        self._webhooks = self._build_webhooks() if config.webhook_urls else None
        self.on_listening: Callable[[int], None] = lambda port: None
        """Told the port once HTTP is answered there."""
        choices = choices or MarketOptions()
        self._moves: VenueMoves | None = None
        self._of_moves: Bookkeeping | None = None
        if others:
            self._of_moves = Bookkeeping(self.store, self.store, clock=clock, refreshed=self._refresh)
            clocks = {venue: partial(self._venue_time, venue) for venue in config.venues}
            self._moves = VenueMoves(self._sink, clocks=clocks, learn=self._of_moves.put_learned)
        self.market = self._build_market(main, choices, self._notices, is_main=True)
        self.others = tuple(
            self._build_market(
                venue, choices, OperatorNotices(clock=clock, publish=self._publish, venue=venue), is_main=False
            )
            for venue in others
        )
        self.fundings = FundingBoard({market.name: market.snapshots for market in self.markets}, clock=clock)
        self.outcomes: OutcomeSide | None = None
        self._wallets: WalletSide | None = None
        self.chat: ChatSide | None = None
        self._is_seeing = asyncio.Event()
        vitals = MonitorVitals(
            clock=clock,
            supervisor=self.supervisor,
            store=self.store,
            markets=self.markets,
            webhooks=self._webhooks,
            chat=lambda: self.chat,
            wallets=lambda: self._wallets,
        )
        self.health = vitals.health
        self._service = ServiceWatch(choices.service, clock=clock, signs=vitals.signs)

    def _build_market(
        self, venue: Venue, choices: MarketOptions, notices: OperatorNotices, *, is_main: bool
    ) -> MarketSide:
        return MarketSide(
            MarketDeps(
                venue=venue,
                is_main=is_main,
                sink=WithOutcomes(self._moves or self._sink, self._line_of),
                config=self.config,
                clock=self.clock,
                choices=choices,
                settings=base_settings(self.config),
                store=self.store,
                scores=self._scores,
                notices=notices,
                refresh=self._refresh,
                is_telling=lambda: self._is_telling,
                is_one_of_several=self.role is not None,
                fundings_of=lambda symbol: self.fundings.of(symbol),
            )
        )

    @property
    def _sink(self) -> AlertSink:
        sink: AlertSink = self.store if self.role is None else self.role.sink
        return FollowersSink(sink, self._shared) if self._is_shared else sink

    @property
    def _is_shared(self) -> bool:
        """Whether destinations that want the same are judged once: where there may be many of them."""
        return self.role is not None or bool(self.config.preset_channels)

    @property
    def _is_telling(self) -> bool:
        """False while another feed leads."""
        return self.role is None or self.role.is_leading

    def _venue_time(self, venue: Venue) -> VenueTime:
        clock = next(market for market in self.markets if market.name == venue).venue.clock
        return VenueTime(skew_ms=clock.skew_ms, uncertainty_ms=clock.uncertainty_ms)

    @property
    def markets(self) -> tuple[MarketSide, ...]:
        """Of every venue, the main one first."""
        return self.market, *self.others

    # --- life ----------------------------------------------------------------------------------------------------

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
                self._live.name = await stored_stream_name(self.store)
            if self._moves is not None:
                since_ms = self.clock.now_ms() - LOOKED_BACK_MS
                self._moves.restore(await self.store.stored_since(since_ms))
            for market in self.markets:
                await market.restore(settings_store.audiences)
                await market.rest.start()
                stack.push_async_callback(market.rest.stop)
            await self.market.positions.start()
            stack.push_async_callback(self.market.positions.stop)
            self.outcomes = self._build_outcomes(settings_store)
            wallets = self._wallets = await stack.enter_async_context(self._wallet_side())
            traders = await stack.enter_async_context(trader_providers(self.config, clock=self.clock, wallets=wallets))
            others = await stack.enter_async_context(other_cohorts(self.config, clock=self.clock))
            questions = self._build_questions(settings_store, traders, others)
            asked = questions.operations(self.health, self._change_settings, wallets=wallets)
            operations = replace(asked, run_command=self._run_command)
            self._live.sources = StreamSources(
                health=self.health,
                alerts_of=self.store.alerts_of,
                boards={} if operations.monitor is None else operations.monitor.boards,
            )
            stack.callback(questions.close)
            server = self._build_server(operations)
            try:
                if self.role is not None:
                    await self._serve(server, stack)
                    if not await self._stand_by(self.role, settings_store):
                        self._raise_what_ended_it()
                        return
                self.chat = self._build_chat(settings_store, await stored_signer(self.store), questions)
                self._tell_what_waited(self.chat, loaded)
                tracking = await self._start_tracking(self.chat, stack)
                if self.role is None:
                    await self._serve(server, stack)
                self._start_loops(self.chat, questions, tracking, wallets)
                self._run_loops(self._build_scores(operations, settings_store).loops() | self._old_scores())
                await self.supervisor.wait()
            finally:
                self._service.stopping()
                await self.supervisor.stop(within_s=STOP_WITHIN_S)
        self._raise_what_ended_it()

    def _raise_what_ended_it(self) -> None:
        if self.supervisor.fatal_error is not None:
            raise self.supervisor.fatal_error

    async def _serve(self, server: HttpServer, stack: AsyncExitStack) -> None:
        await server.start()
        stack.push_async_callback(server.stop)
        self.server_port = server.port
        self.on_listening(server.port)

    async def _stand_by(self, role: FeedRole, settings_store: SettingsStore) -> bool:
        """Returns when this feed leads; False: it was stopped before."""
        loops = {"first look": self._look_for_streams, "service manager": self._service.run, **self._market_loops()}
        self._run_loops({name: loop for name, loop in loops.items() if name.rpartition(":")[2] in WARM})
        takeover = FeedTakeover(
            FeedTakeoverDeps(
                role=role,
                markets=self.markets,
                store=self.store,
                supervisor=self.supervisor,
                clock=self.clock,
                judged_as=self._shared.judged_as,
                notify=lambda notice, to: self._untold.append((notice, to)),
            )
        )
        if not await takeover.stand_by(settings_store):
            return False
        self._live.name = await stored_stream_name(self.store)
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
        self._use(settings_store)
        settings_store.on_change(lambda audiences: self._use(settings_store))
        return settings_store

    def _use(self, settings_store: SettingsStore) -> None:
        """From the next frame on."""
        audiences = settings_store.audiences
        renamed: Callable[[Destination], Destination] | None = None
        if self._is_shared:
            audiences, renamed = self._shared.apply(audiences)
        for market in self.markets:
            market.engine.moved_to(self.store.where_now)  # what a group was told it was told under any id
            if renamed is not None:
                market.engine.moved_to(renamed)
                market.engine.judged_as = self._shared.judged_as
            market.engine.apply(audiences)
            market.engine.apply_conditions(
                of_market(settings_store.state.conditions, market.name, is_main=market is self.market)
            )

    def _build_questions(
        self,
        settings_store: SettingsStore,
        traders: Mapping[ProviderName, TraderProvider],
        cohorts: Mapping[str, Cohorts],
    ) -> QuerySide:
        deps = QueryDeps(
            config=self.config,
            clock=self.clock,
            markets=self.markets,
            fundings=self.fundings,
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
                listed=lambda: {market.name: market.symbols() for market in self.markets},
                on_sent=self._on_notice_sent,
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
            markets=self.markets,
            audiences=settings_store.audiences,
            fee_pct=self.config.taker_fee_pct,
            on_measured=self._on_measured,
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

    def _old_scores(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What scored into a file before scores lay in PostgreSQL."""
        if not self.config.database_url:
            return {}
        from altmonitor.storage.postgres.scores_file import ScoresFile

        fence = None if self.role is None else self.role.fence
        return {
            "scores of the file": ScoresFile(
                scores_path(self.config.db_file), self.config.database_url, fence=fence
            ).run
        }

    def _line_of(self, alert: Alert) -> OutcomeLine | None:
        return self.outcomes.board.line_of(alert) if self.outcomes is not None else None

    def _tell_what_waited(self, chat: ChatSide, loaded: LoadedState) -> None:
        for notice, to in self._untold:
            chat.publish(notice, to)
        for market in self.markets:
            for since_ms, until_ms in market.sight.untold_before:
                market.notices.notify_back(since_ms, until_ms)
        if loaded.unwritable:
            log.warning("changes made in the chat cannot be saved: %s", loaded.unwritable)
        if loaded.problem:
            log.warning("%s", loaded.problem)
            kept_as = str(loaded.aside or self._state)
            notice = SettingsDamaged(at_ms=self.clock.now_ms(), kept_as=kept_as, is_left=loaded.aside is None)
            self._notices.notify(notice, to="operator")

    def _wallet_side(self) -> AbstractAsyncContextManager[WalletSide]:
        """Through the gate of Hyperliquid's market where that is watched."""
        venue = next((market.venue for market in self.markets if market.name == "hyperliquid"), None)
        return wallet_side(self.config, clock=self.clock, build=None if venue is None else venue.wallets)

    def _start_loops(
        self, chat: ChatSide, questions: QuerySide, tracking: TrackingSide | None, wallets: WalletSide
    ) -> None:
        own: dict[str, Callable[[], Awaitable[None]]] = {
            "operator notices": self._notices.run,
            "first look": self._look_for_streams,
            "clean-up": self._clean_up,
            "service manager": self._service.run,
            "event stream": self._live.run,
        }
        if self._webhooks is not None:
            own["webhooks"] = self._webhooks.run
        if tracking is not None:
            own |= tracking.loops()
        own |= wallets.loops()
        own |= self._storage_loops
        if self.outcomes is not None:
            own |= self.outcomes.loops()
        loops = chat.loops() | self._market_loops() | questions.loops() | own
        if self._of_moves is not None:
            loops["venues of alerts"] = self._of_moves.run
        if self.role is not None:
            self.role.on_sent, self.role.on_moved = chat.alert_sent, chat.chat_moved
            loops |= self.role.loops()
        self._run_loops({name: loop for name, loop in loops.items() if name not in self.supervisor.loops})

    def _run_loops(self, loops: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        for name, loop in loops.items():
            self.supervisor.start(name, self._after_seeing(loop) if name.rpartition(":")[2] in AFTER_SEEING else loop)

    def _market_loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        found = {name: loop for market in self.markets for name, loop in market.loops().items()}
        if self.role is None:
            found["sight marks"] = partial(run_marks, [market.sight for market in self.markets], clock=self.clock)
        return found

    async def _look_for_streams(self) -> None:
        """Ends when every stream is subscribed, or may be so late that the rest waits no longer."""
        end_s = self.clock.monotonic() + SEEING_WITHIN_S
        while self.clock.monotonic() < end_s:
            feed = self.market.feed.status()
            if 0 < feed.symbols_expected <= feed.symbols_covered:
                log.info("all streams are subscribed: %d symbols", feed.symbols_covered)
                break
            await self.clock.sleep(SEEING_LOOK_S)
        self._is_seeing.set()

    def _after_seeing(self, loop: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def later() -> None:
            await self._is_seeing.wait()
            await loop()

        return later

    async def _start_tracking(self, chat: ChatSide, stack: AsyncExitStack) -> TrackingSide | None:
        """None when nothing is to be tracked in this process. Raises ConfigError for a shard that does not exist."""
        if not TrackingSide.is_wanted(self.config):
            return None
        positions = self.market.positions
        main = chat.destination_styles.style(self._messaging_setup.destinations[0])
        tracking = TrackingSide(
            self.config,
            clock=self.clock,
            rest=self.market.rest,
            positioning=self.market.venue.positioning,
            smart_money=positions.smart_money,
            notifier=OutboxTrackerNotifier(clock=self.clock, style=main, say=chat.announce),
        )
        await tracking.start()
        stack.push_async_callback(tracking.stop)
        return tracking

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
                live=self._live,
                commands=lambda: None if self.chat is None else self.chat.http_commands,
                role=None if self.role is None else self.role.status,
            )
        )

    async def _clean_up(self) -> None:
        while True:
            try:
                await self.store.prune(before_s=self.clock.now_ms() / 1000 - self.config.retention_days * 86_400)
            except StorageError as problem:
                log.warning("old alerts could not be removed: %s", problem)
            await self.clock.sleep(PRUNE_EVERY_S)

    # --- between the sides ---------------------------------------------------------------------------------------

    def _refresh(self, alert_key: str) -> None:
        self._live.refresh(alert_key)
        if self.chat is not None:
            self.chat.dispatcher.refresh(alert_key)
        if self._webhooks is not None:
            self._webhooks.learned([alert_key])

    def _on_measured(self, keys: Collection[str]) -> None:
        if self._webhooks is not None:
            self._webhooks.learned(keys)

    async def _run_command(self, text: str) -> Reply | None:
        return None if self.chat is None else await self.chat.run_command(text)

    async def _change_settings(self, numbers: Numbers, words: str) -> Reply | None:
        return None if self.chat is None else await self.chat.change_settings(numbers, words)

    def _build_webhooks(self) -> Webhooks:
        config = self.config
        return Webhooks(
            WebhookDeps(
                urls=config.webhook_urls,
                secret=config.webhook_secret,
                allow_private=config.webhook_allow_private,
                cursor=CursorDeps(
                    alerts=self.store,
                    alerts_of=self.store.alerts_of,
                    outcomes_of=self.store.outcomes.of_alerts,
                    memory=self.store,
                    clock=self.clock,
                ),
            )
        )

    def _on_committed(self, alert: Alert) -> None:
        self._live.publish(alert)
        if self.role is not None:
            self.role.on_committed(alert)
        if self._webhooks is not None:
            self._webhooks.wake()

    def _publish(self, notice: Notice, to: Recipients) -> None:
        if not self._is_telling:
            return  # the feed that leads tells what it sees itself
        if self.chat is None:
            self._untold.append((notice, to))
        else:
            self.chat.publish(notice, to)

    def _on_notice_sent(self, notice: Notice) -> Callable[[int], None] | None:
        if not isinstance(notice, BackAfter):
            return None
        market = next((market for market in self.others if market.name == notice.venue), self.market)
        return market.sight.untold(notice.since_ms, notice.at_ms)
