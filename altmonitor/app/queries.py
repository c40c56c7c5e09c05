"""What the program knows when it is asked: live values, charts, counts of how the market moves, budgets, samples."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import partial

from altmonitor.app.market import MarketSide
from altmonitor.app.market_answers import Knowledge, MarketAnswers
from altmonitor.app.market_desk import MarketDesk, Sources
from altmonitor.app.position_desk import ANSWER_WITHIN_S, DeskSources, PositionDesk
from altmonitor.app.positioning_stage import patience
from altmonitor.app.sample_alerts import Samples
from altmonitor.app.tracking import tracked_of
from altmonitor.collect import positioning_lookup as looking_up
from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.delivery.charting import Charting
from altmonitor.delivery.pictures import WITHIN_S, Pictures
from altmonitor.interfaces.exchange import Priority
from altmonitor.replay import recorder
from altmonitor.replay.budget import Budget, Listening
from altmonitor.replay.move_stats import Tally
from altmonitor.replay.recorder import Recorder
from altmonitor.settings.holder import SettingsHolder
from altmonitor.settings.proposals import NotEnoughHistory
from altmonitor.settings.settings import Settings
from altmonitor.storage.store import SqliteStore
from altmonitor.storage.tracked_rows import TrackedFile
from altmonitor.tracker.position_alerts import PositionLinks, PositionNews

log = logging.getLogger(__name__)

BUDGET_FIRST_S = 60.0
"""Between two looks as long as history is still being read."""
LISTED_EVERY_S = 0.5
BUDGET_EVERY_S = 6 * 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionStage:
    config: Config
    clock: Clock
    market: MarketSide
    store: SqliteStore
    holder: SettingsHolder


class QuestionSide:
    """Parts that others look at stand without an underscore. zone_of: of a chat."""

    def __init__(self, stage: QuestionStage, *, zone_of: Callable[[Destination], tzinfo]) -> None:
        self._stage = stage
        market, clock = stage.market, stage.clock
        self.tally = Tally()
        self._recorder = Recorder(self.tally, self._sources())
        market.on_swept = self._recorder.on_swept
        self._charting = Charting()
        self.pictures = Pictures(
            candles=partial(market.rest.klines, priority=Priority.ENRICH),
            open_interest=market.oi_ring.samples,
            charting=self._charting,
            clock=clock,
            within_s=patience(clock, WITHIN_S),
        )
        self.market_desk = MarketDesk(
            Sources(
                clock=clock,
                live=MarketAnswers(self._knowledge()),
                engine=market.engine,
                alerts=stage.store if stage.config.history_enabled else None,
                pictures=self.pictures,
                zone_of=zone_of,
            )
        )
        self.position_desk = self._build_position_desk()
        self._position_news = self._build_position_news()
        self.budget = Budget(
            Listening(
                tally=self.tally, listed=market.symbols, day_usdt=self._day_usdt, now_s=lambda: clock.now_ms() / 1000
            )
        )
        self.samples = Samples(
            clock=clock,
            market=market.engine,
            oi_ring=market.oi_ring,
            listed=market.symbols,
            sink=stage.store,
            audience_at=stage.holder.audience_at,
        )

    def _build_position_desk(self) -> PositionDesk:
        market, clock = self._stage.market, self._stage.clock
        ratios = market.positions.ratios
        return PositionDesk(
            DeskSources(
                clock=clock,
                live=looking_up.Sources(
                    smart_money=market.positions.smart_money, top_traders=ratios, bars=ratios, prices=ratios
                ),
                cohorts=ratios,
                day=market.snapshots.day,
                tracked=self._stage.config.smart_money_db_path,
                answer_within_s=patience(clock, ANSWER_WITHIN_S),
            )
        )

    def _build_position_news(self) -> PositionNews | None:
        """None without a watchlist. Raises: ConfigError for a shard that does not exist."""
        stage, config = self._stage, self._stage.config
        symbols = tracked_of(config).watchlist
        if not symbols:
            return None
        links = PositionLinks(
            clock=stage.clock,
            sink=stage.store,
            memory=stage.store,
            rows=TrackedFile(config.smart_money_db_path),
            cohorts=stage.market.positions.ratios,
            audiences=lambda: stage.holder.audiences,
            symbols=symbols,
            window_min=config.smart_money_alert_window_min,
            threshold_pct=config.smart_money_alert_qty_pct,
            period=config.lsr_period,
        )
        return PositionNews(links)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop, in the order of their start."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {"tally": self._recorder.run}
        if self._stage.config.alert_budget_per_day:
            loops["budget"] = self._keep_budget
        if self._position_news is not None:
            loops["positions"] = self._position_news.run
        return loops

    def close(self) -> None:
        self._charting.close()

    async def _keep_budget(self) -> None:
        """The environment's budget: its thresholds stand under whatever a command sets, and are never below those that
        the environment names: a quiet day must not open the gates for the next one."""
        holder, base = self._stage.holder, self._stage.holder.base
        await self._recorder.loaded()
        while not self._stage.market.symbols():
            await self._stage.clock.sleep(LISTED_EVERY_S)
        while True:
            audience = replace(holder.audiences[0], settings=base)
            proposal = await self.budget.propose(self._stage.config.alert_budget_per_day, audience=audience)
            if not isinstance(proposal, NotEnoughHistory):
                numbers = raised(base, proposal.numbers)
                if any(value != getattr(holder.base, key) for key, value in numbers.items()):
                    log.info("thresholds for %d alerts a day: %s", proposal.per_day, _shown(numbers))
                    holder.rebase(replace(base, **numbers))  # type: ignore[arg-type]  # keys of SETTINGS
            listed = len(self._stage.market.symbols())
            is_whole_day = self.tally.covered_days(listed) >= recorder.ENOUGH_DAYS
            await self._stage.clock.sleep(BUDGET_EVERY_S if is_whole_day else BUDGET_FIRST_S)

    def _sources(self) -> recorder.Sources:
        market = self._stage.market
        return recorder.Sources(
            clock=self._stage.clock,
            rest=market.rest,
            listed=market.symbols,
            closed=lambda symbol: () if (book := market.engine.book(symbol)) is None else book.closed,
            price=lambda symbol: None if (book := market.engine.book(symbol)) is None else book.price or None,
            lookback=lambda: self._stage.holder.main.vol_burst_lookback,
            settled=market.backfill.settled,
            file=self._stage.config.db_file.with_name("market-tally.npz"),
        )

    def _knowledge(self) -> Knowledge:
        market = self._stage.market
        return Knowledge(
            book=market.engine.book,
            listed=market.symbols,
            day=market.snapshots.day,
            funding=market.snapshots.funding,
            funding_hours=market.snapshots.funding_hours,
            funding_age_s=lambda: market.snapshots.ages().funding_s,
            oi_ring=market.oi_ring,
            now_ms=self._stage.clock.now_ms,
        )

    def _day_usdt(self, symbol: str) -> float | None:
        day = self._stage.market.snapshots.day(symbol)
        return None if day is None else day.quote_usdt


def raised(base: Settings, numbers: Mapping[str, float | int]) -> dict[str, float | int]:
    """Of a proposal, each threshold or the environment's, whichever is further from zero."""
    return {key: max(value, getattr(base, key), key=abs) for key, value in numbers.items()}


def _shown(numbers: Mapping[str, float | int]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in numbers.items())
