"""One venue's market: everything between the exchange and an alert, built and connected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from altmonitor.app.alert_enrichment import AlertEnrichment, AlertEnrichmentDeps
from altmonitor.app.feed_events import FeedEventDeps, FeedEvents
from altmonitor.app.gap_log import GapLog, SeenMark
from altmonitor.app.open_interest_sampling import OpenInterestWatch, SweepDeps, open_interest_ring, open_interest_sweep
from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.app.startup_message import WAIT_S, StartupDeps, StartupMessage
from altmonitor.collect.backfill import ROWS_PER_REQUEST, Backfill
from altmonitor.collect.liquidations import LiquidationDeps, LiquidationWatch
from altmonitor.collect.listings import ListingNews, Listings
from altmonitor.collect.plausibility_log import PlausibilityLog
from altmonitor.collect.tickers import MarketSnapshots
from altmonitor.collect.universe import Universe
from altmonitor.config import Config
from altmonitor.core.alert import Alert, Kind
from altmonitor.core.clock import Clock
from altmonitor.core.status import VenueStatus
from altmonitor.core.types import Venue, of_venue
from altmonitor.detectors.sampled import Sample
from altmonitor.engine import restore as restoring
from altmonitor.engine.context import EngineDeps, anybody
from altmonitor.engine.engine import Engine
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.engine.restore import CONDITIONS, Bookkeeping
from altmonitor.exchanges.adapter import AdapterDeps
from altmonitor.exchanges.exchange_clock import ClockSync
from altmonitor.exchanges.rest.client import ANSWER_TIMEOUT_S
from altmonitor.exchanges.venues import adapter_of
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.market.candles import LONGEST_MINUTES, MINUTE_MS, Candle
from altmonitor.positioning.funding import VenueFunding
from altmonitor.render.notices import Restored
from altmonitor.replay.estimate import Estimator
from altmonitor.replay.history_recorder import HistoryRecorder, HistoryRecorderDeps
from altmonitor.replay.store import HistoryStore
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from altmonitor.storage.database_store import DatabaseStore
from altmonitor.storage.score_store import ScoreStore


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOptions:
    """What is decided outside the configuration. feed: options of the socket; gather time comes from the config.

    service: the environment in which a service manager (systemd) says how it wants to be told of our life.
    answer_s: how long an answer of the exchange may take. sweep_catch_up_s: see `OpenInterestSweep`.
    start_wait_s: how long the start message waits for the first market data.
    """

    feed: FeedOptions = field(default_factory=FeedOptions)
    service: Mapping[str, str] = field(default_factory=dict)
    answer_s: float = ANSWER_TIMEOUT_S
    sweep_catch_up_s: float = 0.0
    start_wait_s: float = WAIT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDeps:
    """What the market side stands on. refresh: more is known about the alert with this key.

    venue: whose market it is. is_main: questions and conditions that name no venue are of it. sink: where alerts are
    put. fundings_of: of a contract's coin at every venue. is_telling: False while another feed leads.
    is_one_of_several: feeds of a cluster.
    """

    venue: Venue
    is_main: bool
    sink: AlertSink
    config: Config
    clock: Clock
    options: MarketOptions
    settings: Settings
    store: DatabaseStore
    scores: ScoreStore
    notices: OperatorNotices
    refresh: Callable[[str], None]
    fundings_of: Callable[[str], Sequence[VenueFunding]]
    is_telling: Callable[[], bool] = lambda: True
    is_one_of_several: bool = False


class MarketSide:
    """One venue's market. Parts that others look at stand without an underscore."""

    def __init__(self, deps: MarketDeps) -> None:
        config, clock = deps.config, deps.clock
        self.name = deps.venue
        self.notices = deps.notices
        self._deps = deps
        self._clock = clock
        self._symbols: Sequence[str] = ()
        self.on_samples: Callable[[Kind, Sequence[Sample]], None] = lambda kind, samples: None
        self._recorder = self._build_recorder() if config.record and deps.is_main else None
        self.venue = adapter_of(deps.venue)(
            AdapterDeps(
                config=config,
                clock=clock,
                on_guard=deps.notices.on_guard,
                answer_s=deps.options.answer_s,
                feed=deps.options.feed,
            )
        )
        self.rest = self.venue.rest
        self.snapshots = MarketSnapshots(
            self.rest,
            clock=clock,
            usual_funding_hours=self.venue.units.funding_hours,
            on_fundings=lambda: self.engine.on_fundings(),
            predicted_fundings=self.venue.predicted_fundings,
        )
        self.universe = self._build_universe()
        self.backfill = Backfill(
            self.rest,
            clock=clock,
            symbols=self.symbols,
            apply=self._on_history,
            ended=lambda symbol, from_ms, to_ms: self.engine.backfilled(symbol, from_ms, to_ms),
        )
        self.oi_ring = open_interest_ring(self.venue, config)
        self.enrichment = self._build_enrichment()
        self._conditions_name = CONDITIONS if deps.is_main else of_venue(deps.venue, CONDITIONS)
        self.bookkeeping = Bookkeeping(
            deps.store, deps.store, clock=clock, refreshed=deps.refresh, conditions=self._conditions_name
        )
        self.engine = self._build_engine()
        self.startup_message = self._build_startup_message() if deps.is_main else None
        self._has_history = False
        self.sweep = open_interest_sweep(
            self.venue,
            config,
            SweepDeps(
                clock=clock,
                symbols=self.symbols,
                record=self.engine.on_open_interest,
                evaluate=self.engine.evaluate_open_interest,
                on_listing=self.universe.read_soon,
                catch_up_s=deps.options.sweep_catch_up_s,
            ),
        )
        self.clock_sync = ClockSync(
            self.venue.clock,
            clock=clock,
            ask=self.rest.server_time_ms,
            newest_event_ms=lambda: self.feed.last_event_ms,
            on_skew=deps.notices.on_skew,
        )
        seen = config.db_file.with_name(f"{config.db_file.name}.seen")
        self.gap_log = GapLog(
            deps.store,
            mark=None if deps.is_one_of_several else SeenMark(self._own_file(seen)),
            venue=deps.venue,
            clock=clock,
            frame_age_s=lambda: self.feed.frame_age_s(),
            is_blind=lambda: self.feed.is_blind(),
            unseen_since_ms=lambda: self.engine.unseen_since_ms,
            unstored=deps.store.unstored,
            skew_ms=lambda: self.venue.clock.skew_ms,
        )
        self._feed_events = self._build_feed_events()
        self.feed = self.venue.feed(self._feed_events)
        self._oi_watch = OpenInterestWatch(
            clock=clock,
            status=self.sweep.status,
            is_excused=self._is_excused,
            on_missing=deps.notices.on_open_interest_missing,
            on_back=deps.notices.on_open_interest_back,
        )
        self.liquidations = self._build_liquidations()

    def _own_file(self, path: Path) -> Path:
        """Binance's as it was when there was no other venue."""
        return path if self.name == "binance" else path.with_stem(f"{path.stem}-{self.name}")

    def _build_universe(self) -> Universe:
        config, listings = self._deps.config, Listings(clock=self._clock, on_news=self._on_listing)
        return Universe(
            self.rest,
            clock=self._clock,
            tradfi=config.tradfi_perpetuals,
            refresh_s=config.symbols_refresh_sec,
            on_change=self._on_universe,
            file=self._own_file(config.db_file.with_name("symbols.json")),
            on_contracts=listings.follow if config.listing_alerts else None,
            address_setting="HYPERLIQUID_URL" if self.name == "hyperliquid" else f"{self.name.upper()}_REST_URL",
        )

    def _build_enrichment(self) -> AlertEnrichment:
        deps = self._deps
        return AlertEnrichment(
            AlertEnrichmentDeps(
                config=deps.config,
                clock=deps.clock,
                rest=self.rest,
                oi_ring=self.oi_ring,
                record=lambda sample: self.engine.on_open_interest(sample),
                updates=deps.store,
                notices=deps.notices,
                refresh=deps.refresh,
                has_positions=deps.is_main,
            )
        )

    def _build_feed_events(self) -> FeedEvents:
        return FeedEvents(
            FeedEventDeps(
                clock=self._clock,
                engine=self.engine,
                universe=self.universe,
                gap_log=self.gap_log,
                clock_sync=self.clock_sync,
                skew_ms=lambda: self.venue.clock.skew_ms,
                notices=self._deps.notices,
                on_live=self._on_live,
            )
        )

    def _build_liquidations(self) -> LiquidationWatch | None:
        if self.venue.liquidations is None:
            return None
        (url, streams), records = self.venue.liquidations, self._deps.scores.liquidations
        return LiquidationWatch(
            LiquidationDeps(
                url=url,
                streams=streams,
                options=self._deps.options.feed,
                clock=self._clock,
                now_ms=lambda: self._clock.now_ms() - self.venue.clock.skew_ms,
                is_wanted=lambda: self._deps.config.liquidations_kept or self.engine.wants_liquidations,
                symbols=self.symbols,
                on_liquidations=self.engine.on_liquidations,
                keep=lambda minutes, from_ms, to_ms: records.add(
                    self.name, minutes, from_ms=from_ms, to_ms=to_ms, is_sampled=streams.is_sampled
                ),
                is_kept=self._deps.is_telling,
                price_of=self._price,
            )
        )

    def _build_engine(self) -> Engine:
        deps = EngineDeps(
            clock=self._clock,
            venue=self.name,
            fundings_of=self._deps.fundings_of,
            sink=self._deps.sink,
            context=self.snapshots,
            oi_ring=self.oi_ring,
            skew_ms=lambda: self.venue.clock.skew_ms,
            on_alert=self.on_alert,
            on_samples=self._on_samples,
            request_refill=self.backfill.request,
            on_episode_end=self.bookkeeping.put_learned,
            on_completed=self.bookkeeping.put_learned,
            on_conditions=self.bookkeeping.put_conditions,
            episodes=self._deps.config.part(EpisodeOptions),
        )
        return Engine(deps, audiences=anybody(self._deps.settings))

    def _build_recorder(self) -> HistoryRecorder:
        return HistoryRecorder(
            HistoryRecorderDeps(
                store=HistoryStore(self._deps.config.archive_dir),
                clock=self._clock,
                listed=self.symbols,
                closed=lambda symbol: () if (book := self.engine.book(symbol)) is None else book.closed,
            )
        )

    def _build_startup_message(self) -> StartupMessage:
        return StartupMessage(
            StartupDeps(
                clock=self._clock,
                backfill=self.backfill,
                estimator=Estimator(clock=self._clock, context=self.snapshots),
                settings=lambda: self.engine.settings,
                is_blind=lambda: self.feed.status().is_blind,
                notify=self._deps.notices.notify,
                wait_s=self._deps.options.start_wait_s,
            )
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop, in the order of their start."""
        found: dict[str, Callable[[], Awaitable[None]]] = {
            "contracts": self.universe.follow,
            "first contracts": self._feed_events.tell_without_contracts,
            "feed": self.feed.run,
            "open interest": self.sweep.run,
            "open interest told": self._oi_watch.run,
            "snapshots": self.snapshots.run,
            **({} if self.liquidations is None else self.liquidations.loops()),
            "back-fill": self.backfill.run,
            **({} if self.startup_message is None else {"start message": self.startup_message.run}),
            "sight": self.gap_log.run,
            "not believed": PlausibilityLog(self.name, clock=self._clock, counts=self._not_believed).run,
            **self.enrichment.loops(listed=self.symbols, day=self.snapshots.day),
            "bookkeeping": self.bookkeeping.run,
            "exchange clock": self.clock_sync.run,
            **({} if self._recorder is None else {"record": self._recorder.run}),
            **({} if self._deps.is_main else {"operator notices": self._deps.notices.run}),
        }
        return found if self._deps.is_main else {of_venue(self.name, name): loop for name, loop in found.items()}

    async def restore(self, audiences: Sequence[Audience]) -> None:
        """Cooldowns, episodes and re-arm states from what is stored, as far back as matters to any of them."""
        store, now_ms = self._deps.store, self._clock.now_ms()
        newest = await store.alerts_since(now_ms - LONGEST_MINUTES * MINUTE_MS)
        told_ms = max((alert.event_ms for alert in newest if alert.venue == self.name), default=None)
        seen_ms = await self.gap_log.load(told_ms=told_ms)
        since_ms = now_ms - restoring.told_matters_ms(audiences)
        # hindsight begins where the earlier run ended, and must not tell what that one told
        away_ms = 0 if seen_ms is None else min(now_ms - seen_ms, LONGEST_MINUTES * MINUTE_MS)
        self.engine.moved_to(store.where_now)
        await restoring.restore(
            self.engine, store, now_ms=now_ms, since_ms=since_ms - away_ms, conditions=self._conditions_name
        )
        if self.startup_message is not None:
            told = len(await store.alerts_since(since_ms))
            self.startup_message.restored = Restored(queued=store.outbox_status().queued, cooldowns=told)

    def goes_on(self) -> None:
        """This feed has taken over from another: nothing starts that people would have to be told of."""
        self.startup_message, self._has_history = None, True

    def symbols(self) -> Sequence[str]:
        """What is watched now, in alphabetical order; the same object until it changes."""
        return self._symbols

    def status(self) -> VenueStatus:
        return VenueStatus(
            venue=self.name,
            feed=self.feed.status(),
            sweep=self.sweep.status(),
            guard=self.rest.guard_status(),
            blind_s=self.gap_log.blind_s(),
            clock_ms=self.venue.clock.uncertainty_ms,
            not_believed=self._not_believed(),
        )

    def _price(self, symbol: str) -> float:
        """0 where it is not known."""
        return 0.0 if (book := self.engine.book(symbol)) is None else book.price

    def _not_believed(self) -> Mapping[str, int]:
        """What the venue told and cannot be, by what it was, since the start."""
        candles, samples = self.engine.not_believed
        return {
            "candle updates": candles,
            "samples of open interest": samples,
            "candles of history": self.rest.skipped.get("klines", 0),
            "liquidations": 0 if self.liquidations is None else self.liquidations.feed.refused,
            **self.snapshots.refused,
        }

    def _is_excused(self) -> bool:
        return not self._symbols or self.feed.status().is_blind or self.rest.guard_status().state == "blocked"

    def _on_samples(self, kind: Kind, samples: Sequence[Sample]) -> None:
        self.on_samples(kind, samples)
        if self._recorder is not None:
            self._recorder.on_samples(kind, samples)

    def on_alert(self, alert: Alert) -> None:
        """One that is told: more is asked about it."""
        if self._deps.is_telling():
            self.enrichment.put(alert)

    def _on_universe(self, symbols: frozenset[str], added: frozenset[str], removed: frozenset[str]) -> None:
        self._symbols = sorted(symbols)
        self.engine.set_symbols(symbols)
        self.feed.set_symbols(symbols)
        self._deps.notices.symbols = len(symbols)
        if self.startup_message is not None:
            self.startup_message.follow(len(symbols))
        elif symbols and not self._has_history:
            self._has_history = True
            self.backfill.request_all(max(ROWS_PER_REQUEST, self.engine.settings.vol_burst_lookback + 1))

    def _on_listing(self, news: ListingNews) -> None:
        now_ms = self._clock.now_ms()
        price, skew_ms = self._price(news.symbol), self.venue.clock.skew_ms
        alert = news.alert(venue=self.name, now_ms=now_ms, skew_ms=skew_ms, price=price if price > 0 else None)
        self._deps.sink.put(alert, to=self.engine.listeners(news.symbol, now_ms))

    def _on_live(self) -> None:
        if self.startup_message is not None:
            self.startup_message.seen()

    def _on_history(self, symbol: str, candles: Sequence[Candle]) -> None:
        self.engine.refill(symbol, candles)
        if self.startup_message is not None:
            self.startup_message.take(symbol, candles)
