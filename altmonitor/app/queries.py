"""What the program knows when it is asked: live values, charts, counts of how the market moves, budgets, samples."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import TYPE_CHECKING

from altmonitor.app.kept_budget import KeptBudget, KeptBudgetDeps
from altmonitor.app.market_answers import MarketAnswerDeps, MarketAnswers
from altmonitor.app.other_cohorts import TELLING_BOTH
from altmonitor.app.positioning import COHORT_ANSWER_WITHIN_S as ANSWER_WITHIN_S
from altmonitor.app.positioning import LivePositionQueries, PositionQueryDeps
from altmonitor.app.sample_alerts import SampleAlerts
from altmonitor.app.tracking import tracked_of
from altmonitor.app.trader_queries import LiveTraderQueries
from altmonitor.collect import positioning_lookup as looking_up
from altmonitor.collect.funding_board import FundingBoard
from altmonitor.commands.outcome import Queries, VenueQueries
from altmonitor.commands.replies import Reply
from altmonitor.config import Config
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.health import Health
from altmonitor.core.outcome import OutcomeSummary
from altmonitor.core.types import Destination
from altmonitor.delivery.alert_charts import WITHIN_S, Charting, Pictures
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import Cohorts
from altmonitor.interfaces.traders import ProviderName, TraderProvider
from altmonitor.interfaces.wallets import WalletQueries
from altmonitor.operations.board import BoardDeps, MarketBoard
from altmonitor.operations.context import MonitorView, OperationContext, VenueView
from altmonitor.replay import recorder
from altmonitor.replay.budget import AlertBudget, BudgetDeps
from altmonitor.replay.condition_count import ConditionHistory, ConditionHistoryDeps
from altmonitor.replay.live_tape import LiveTape
from altmonitor.replay.recorder import Recorder
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.trial import TrialDeps, Trials
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import BudgetProposal, NotEnoughHistory, Trial
from altmonitor.settings.settings import Numbers
from altmonitor.settings.state import SettingsStore
from altmonitor.storage.database_store import DatabaseStore
from altmonitor.storage.score_store import ScoreStore
from altmonitor.storage.snapshot_queries import TrackedFile, snapshot_reader
from altmonitor.tracker.position_alerts import PositionAlertDeps, PositionAlerts

if TYPE_CHECKING:  # handed in by the composition root
    from altmonitor.app.market import MarketSide


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryDeps:
    """markets: of every venue, the main one first. traders: whom to ask about followed traders. other_cohorts: ratios
    of venues, also of those that are not watched."""

    config: Config
    clock: Clock
    markets: Sequence[MarketSide]
    fundings: FundingBoard
    store: DatabaseStore
    scores: ScoreStore
    settings_store: SettingsStore
    outcomes: Callable[[], Awaitable[OutcomeSummary]] | None
    traders: Mapping[ProviderName, TraderProvider]
    other_cohorts: Mapping[str, Cohorts]

    @property
    def market(self) -> MarketSide:
        return self.markets[0]


class QuerySide:
    """Parts that others look at stand without an underscore. zone_of: of a chat."""

    def __init__(self, deps: QueryDeps, *, zone_of: Callable[[Destination], tzinfo]) -> None:
        self._deps = deps
        market, clock = deps.market, deps.clock
        self.live_tape = LiveTape()
        self._recorder = Recorder(self.live_tape, self._sources())
        market.on_samples = self._recorder.on_samples
        self._charting = Charting()
        self._markets = {market.name: market for market in deps.markets}
        self.pictures = Pictures(
            candles=lambda venue, symbol, from_ms, until_ms, most: self._markets[venue].rest.klines(
                symbol, start_ms=from_ms, end_ms=until_ms, limit=most, priority=Priority.ENRICH
            ),
            open_interest=lambda venue, symbol, from_ms: self._markets[venue].oi_ring.samples(symbol, from_ms=from_ms),
            charting=self._charting,
            clock=clock,
            within_s=timeouts(clock, WITHIN_S),
        )
        self._answers = {market.name: MarketAnswers(self._knowledge(market, zone_of)) for market in deps.markets}
        self._positions = self._build_positions()
        self._position_news = self._build_position_news()
        self.budget = AlertBudget(
            BudgetDeps(
                live_tape=self.live_tape,
                listed=market.symbols,
                day_usdt=self._day_usdt,
                now_s=lambda: clock.now_ms() / 1000,
                conditions=ConditionHistory(
                    ConditionHistoryDeps(
                        conditions=lambda: deps.settings_store.state.conditions,
                        rest=market.rest,
                        clock=clock,
                        closed=self._sources().closed,
                    )
                ).rate,
            )
        )
        self.trials = Trials(
            TrialDeps(
                live_tape=self.live_tape,
                store=HistoryStore(deps.config.archive_dir),
                clock=clock,
                listed=market.symbols,
                day_usdt=self._day_usdt,
            )
        )
        self.samples = SampleAlerts(
            clock=clock,
            book=market.engine.book,
            oi_ring=market.oi_ring,
            context=market.snapshots,
            listed=market.symbols,
            sink=deps.store,
            audience_at=deps.settings_store.audience_at,
        )

    def queries(self, health: Callable[[], Health]) -> Queries:
        """What commands ask."""
        store = self._deps.store
        return Queries(
            health=health,
            alerts=store if self._deps.config.history_enabled else None,
            kept_days=self._deps.config.retention_days,
            changes=store.changes,
            venues={
                venue: VenueQueries(market=answers, explain=answers.explain) for venue, answers in self._answers.items()
            },
            positions=self._positions,
            propose_budget=self._propose_budget,
            try_settings=self._try_settings,
            send_samples=self.samples.send,
            outcomes=self._deps.outcomes,
            traders=LiveTraderQueries(self._deps.traders),
        )

    def _build_positions(self) -> LivePositionQueries:
        market, clock = self._deps.market, self._deps.clock
        ratios = market.venue.positioning
        return LivePositionQueries(
            PositionQueryDeps(
                clock=clock,
                live=looking_up.LookupDeps(smart_money=market.enrichment.positions.smart_money, positioning=ratios),
                cohorts=ratios,
                day=market.snapshots.day,
                tracked=self._deps.config.smart_money_db_path,
                answer_within_s=timeouts(clock, ANSWER_WITHIN_S),
                period=self._deps.config.top_trader_period,
                venue=market.name,
                elsewhere={venue: self._deps.other_cohorts[venue] for venue in TELLING_BOTH if venue != market.name},
            )
        )

    def _build_position_news(self) -> PositionAlerts | None:
        """None without a watchlist. Raises: ConfigError for a shard that does not exist."""
        deps, config = self._deps, self._deps.config
        symbols = tracked_of(config).watchlist
        if not symbols:
            return None
        links = PositionAlertDeps(
            clock=deps.clock,
            sink=deps.store,
            memory=deps.store,
            rows=TrackedFile(config.smart_money_db_path),
            cohorts=deps.market.venue.positioning,
            audiences=lambda: deps.settings_store.audiences,
            symbols=symbols,
            window_min=config.smart_money_alert_window_min,
            threshold_pct=config.smart_money_alert_qty_pct,
            period=config.lsr_period,
        )
        return PositionAlerts(links)

    def operations(
        self,
        health: Callable[[], Health],
        *,
        change_settings: Callable[[Numbers, str], Awaitable[Reply | None]],
        run_command: Callable[[str], Awaitable[Reply | None]],
        wallets: WalletQueries,
    ) -> OperationContext:
        """What HTTP and other programs ask. change_settings, run_command: as the main chat would; None: there is none
        yet."""
        deps, market = self._deps, self._deps.market
        config, clock, settings_store = deps.config, deps.clock, deps.settings_store

        async def settings() -> SettingsStore:
            return settings_store

        return OperationContext(
            config=config,
            clock=clock,
            settings=settings,
            snapshots=lambda: snapshot_reader(config.smart_money_db_path, clock=clock),
            monitor=MonitorView(
                health=health,
                venues={market.name: self._view(market) for market in deps.markets},
                fundings=deps.fundings,
                try_settings=self._try_settings,
            ),
            outcomes=deps.outcomes,
            alerts=deps.store if config.history_enabled else None,
            change_settings=change_settings,
            run_command=run_command,
            rest=market.rest,
            scores=deps.scores,
            positions=self._positions,
            cohorts={**deps.other_cohorts, market.venue.positioning.venue: market.venue.positioning},
            wallets=wallets,
            traders=deps.traders,
        )

    def _view(self, market: MarketSide) -> VenueView:
        deps, answers = self._deps, self._answers[market.name]
        board = MarketBoard(
            BoardDeps(
                clock=deps.clock,
                listed=market.symbols,
                book=market.engine.book,
                days=market.snapshots.days,
                fundings=market.snapshots.fundings,
                funding_hours=market.snapshots.funding_hours,
                funding_age_s=lambda: market.snapshots.ages().funding_s,
                oi_ring=market.oi_ring,
                sweeps=lambda: market.sweep.status().ended,
                lookback=lambda: deps.settings_store.main.vol_burst_lookback,
                ratio=market.enrichment.lookups.ratios.newest,
                venue=market.name,
            )
        )
        return VenueView(
            board=board,
            market=answers,
            explain=lambda symbol, at_ms: answers.explain(symbol, at_ms, deps.settings_store.home.main),
            rest=market.rest,
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop, in the order of their start."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {"tally": self._recorder.run}
        if self._deps.config.alert_budget_per_day:
            loops["budget"] = KeptBudget(
                KeptBudgetDeps(
                    per_day=self._deps.config.alert_budget_per_day,
                    settings_store=self._deps.settings_store,
                    recorder=self._recorder,
                    propose=self.budget.propose,
                    listed=self._deps.market.symbols,
                    clock=self._deps.clock,
                )
            ).run
        if self._position_news is not None:
            loops["positions"] = self._position_news.run
        return loops

    def close(self) -> None:
        self._charting.close()

    async def _propose_budget(self, per_day: int, audience: Audience) -> BudgetProposal | NotEnoughHistory:
        self._recorder.want_day()
        await self._recorder.catch_up()
        proposal = await self.budget.propose(per_day, audience)
        if isinstance(proposal, NotEnoughHistory):
            return proposal
        return replace(proposal, is_day_coming=self._recorder.is_day_coming)

    async def _try_settings(self, now: Audience, then: Audience, last_s: int | None) -> Trial | NotEnoughHistory:
        self._recorder.want_day()
        await self._recorder.catch_up()
        return await self.trials.answer(now, then, last_s)

    def _sources(self) -> recorder.RecorderDeps:
        market = self._deps.market
        return recorder.RecorderDeps(
            clock=self._deps.clock,
            rest=market.rest,
            listed=market.symbols,
            closed=lambda symbol: () if (book := market.engine.book(symbol)) is None else book.closed,
            price=lambda symbol: None if (book := market.engine.book(symbol)) is None else book.price or None,
            lookback=lambda: self._deps.settings_store.main.vol_burst_lookback,
            settled=market.backfill.settled,
            file=self._deps.config.db_file.with_name("market-tally.npz"),
        )

    def _knowledge(self, market: MarketSide, zone_of: Callable[[Destination], tzinfo]) -> MarketAnswerDeps:
        deps = self._deps
        return MarketAnswerDeps(
            venue=market.name,
            watched=tuple(self._markets),
            book=market.engine.book,
            explain=lambda symbol, destination, at_ms: market.engine.explain(
                symbol, destination, at_ms=at_ms, now_ms=round(deps.clock.now_ms() - market.venue.clock.skew_ms)
            ),
            alerts=deps.store if deps.config.history_enabled else None,
            picture=lambda symbol, zone, alerts: self.pictures.of_symbol(
                symbol, venue=market.name, tz=zone, alerts=alerts
            ),
            zone_of=zone_of,
            listed=market.symbols,
            day=market.snapshots.day,
            funding=market.snapshots.funding,
            funding_hours=market.snapshots.funding_hours,
            funding_age_s=lambda: market.snapshots.ages().funding_s,
            fundings_of=deps.fundings.of,
            oi_ring=market.oi_ring,
            now_ms=deps.clock.now_ms,
        )

    def _day_usdt(self, symbol: str) -> float | None:
        day = self._deps.market.snapshots.day(symbol)
        return None if day is None else day.quote_usdt
