"""A command desk with everything around it in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Unpack

from altmonitor.commands.executor import CommandExecutor, ExecutorDeps
from altmonitor.commands.outcome import Queries, VenueQueries
from altmonitor.commands.replies import Reply
from altmonitor.core.alert import AlertStats, Kind, StoredAlert
from altmonitor.core.errors import StorageError
from altmonitor.core.health import Health, Vitals, assess
from altmonitor.core.outcome import OutcomeSummary
from altmonitor.core.status import FeedStatus, GuardStatus, LatencyStatus, LoopStatus, OutboxStatus, SweepStatus
from altmonitor.core.types import Destination, Venue
from altmonitor.detectors.verdict import Explanation
from altmonitor.interfaces.queries import (
    EVERYTHING,
    ChartPicture,
    DivergenceFacts,
    FundingFacts,
    OpenInterestFacts,
    PositionScope,
    PriceFacts,
    StatisticsChange,
    Top,
    TopRow,
    TopWindow,
    WhoFacts,
)
from altmonitor.interfaces.storage import AlertFilter
from altmonitor.interfaces.traders import TraderQueries
from altmonitor.positioning.history import ExtremeScan, NotEnoughSnapshots, PositionChange, ProfitTrend
from altmonitor.positioning.picture import PositionPicture
from altmonitor.settings.audience import Audience, Overrides
from altmonitor.settings.changes import Author, ChangeMade, RecordedChange
from altmonitor.settings.presets import (
    BudgetProposal,
    BudgetRow,
    NotEnoughHistory,
    ThresholdRow,
    Trial,
    TrialMove,
    TrialRow,
)
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import EnvironmentDefaults, SettingsStore, State, moved_destination
from altmonitor.storage.memory import is_wanted
from tests.commands.memory_traders import MemoryTraders

MAIN = Destination(chat_id=-1001)
TOPIC = Destination(chat_id=-1001, topic_id=7)
GROUP = Destination(chat_id=-1002)
ANN = Author(user_id=7, name="ann")
GUEST = Author(user_id=8, name="guest", may_change=False)
NOW_S = 1_790_000_000
NOW_MS = NOW_S * 1000
LISTED = (
    "BTCUSDT",
    "SOLUSDT",
    "DOGEUSDT",
    "1000PEPEUSDT",
    "1000SHIBUSDT",
    "LUNA2USDT",
    "USDCUSDT",
    "4USDT",
    "PUMPUSDT",
    "币安人生USDT",
)


class MemoryStore:
    """Keeps every saved state; with `problem` set, refuses like a read-only disk."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.who: list[str] = []
        self.problem = ""
        self.gate: asyncio.Event | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._lock:
            yield

    @property
    def saved(self) -> list[Overrides]:
        """Of the main destination."""
        return [state.main for state in self.states]

    async def save(self, state: State, *, who: str) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.problem:
            raise StorageError(self.problem)
        self.states.append(state)
        self.who.append(who)


class MemoryAlerts:
    """Answers from a list, newest first; remembers what it was asked."""

    def __init__(self, *told: StoredAlert) -> None:
        self.told = told
        self.asked: list[dict[str, object]] = []
        self.places: list[Collection[Destination] | None] = []
        self.stats_answer = AlertStats()
        self.problem = ""

    async def recent(self, *, limit: int, **wanted: Unpack[AlertFilter]) -> Sequence[StoredAlert]:
        given = {name: value for name, value in wanted.items() if value is not None and name != "destinations"}
        self.asked.append({"limit": limit, "symbol": None, "kind": None, "since_s": None, **given})
        self.places.append(wanted.get("destinations"))
        if self.problem:
            raise StorageError(self.problem)
        since_s = wanted.get("since_s") or 0
        return [row for row in self.told if row.alert.ts >= since_s and is_wanted(row.alert, wanted)][:limit]

    async def stats(
        self,
        *,
        since_s: float,
        top: int,
        destinations: Collection[Destination] | None = None,
        venue: Venue | None = None,
    ) -> AlertStats:
        self.asked.append({"since_s": since_s, "top": top} | ({} if venue is None else {"venue": venue}))
        self.places.append(destinations)
        if self.problem:
            raise StorageError(self.problem)
        return self.stats_answer


class MemoryChangeLog:
    """Changes in a list; with `problem` set, refuses like a broken database."""

    def __init__(self) -> None:
        self.rows: list[RecordedChange] = []
        self.problem = ""

    async def record(self, change: ChangeMade) -> int:
        self._check()
        number = len(self.rows) + 1
        self.rows = [replace(row, undone_by=number) if row.id == change.undoes else row for row in self.rows]
        self.rows.append(RecordedChange(id=number, made=change))
        return number

    async def recent(self, destinations: Collection[Destination] | None, *, limit: int) -> Sequence[RecordedChange]:
        self._check()
        return [row for row in reversed(self.rows) if destinations is None or row.made.destination in destinations][
            :limit
        ]

    async def moved(self, old: Destination, new: Destination) -> None:
        self.rows = [
            replace(row, made=replace(row.made, destination=moved_destination(row.made.destination, old, new)))
            for row in self.rows
        ]

    def _check(self) -> None:
        if self.problem:
            raise StorageError(self.problem)


class MemoryMarket:
    """Knows SOLUSDT and nothing else; with `problem` set, raises it."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.problem: Exception | None = None
        self.told: tuple[StoredAlert, ...] = ()

    async def top(self, window: TopWindow, *, count: int) -> Top:
        self._ask("top", window, count)
        rows = [TopRow(symbol="SOLUSDT", change_pct=4.5, price=150.25, day_quote_usdt=1.5e9)]
        return Top(window=window, rising=rows, falling=(), symbols=10, as_of_ms=NOW_S * 1000)

    async def price(self, symbol: str) -> PriceFacts | None:
        self._ask("price", symbol)
        if symbol != "SOLUSDT":
            return None
        return PriceFacts(symbol=symbol, price=150.25, event_ms=NOW_S * 1000, changes=(("1m", 0.5), ("1h", None)))

    async def open_interest(self, symbol: str) -> OpenInterestFacts | None:
        self._ask("oi", symbol)
        if symbol != "SOLUSDT":
            return None
        return OpenInterestFacts(symbol=symbol, contracts=9e6, usd=1.35e9, sampled_ms=(NOW_S - 20) * 1000)

    async def funding(self, symbol: str) -> FundingFacts | None:
        self._ask("funding", symbol)
        return FundingFacts(symbol=symbol, rate=0.0001, as_of_ms=NOW_S * 1000) if symbol == "SOLUSDT" else None

    async def chart(self, symbol: str, *, destination: Destination) -> ChartPicture | None:
        self._ask("chart", symbol)
        if symbol != "SOLUSDT":
            return None
        return ChartPicture(symbol=symbol, png=b"png", from_ms=(NOW_S - 3600) * 1000, to_ms=NOW_S * 1000)

    async def explain(self, symbol: str, at_ms: int | None, destination: Destination) -> Explanation:
        self._ask("why", symbol, at_ms, destination)
        moment = NOW_S * 1000 if at_ms is None else at_ms
        is_now = at_ms is None
        return Explanation(symbol=symbol, destination=destination, at_ms=moment, is_now=is_now, told=self.told)

    def _ask(self, *question: object) -> None:
        self.asked.append(question)
        if self.problem is not None:
            raise self.problem


class MemoryPositions:
    """Knows what it was asked; nothing was stored and no bucket is there."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    async def who(self, symbol: str, scope: PositionScope = EVERYTHING) -> WhoFacts:
        self.asked.append(("who", symbol))
        return WhoFacts(picture=PositionPicture(symbol=symbol, now_ms=NOW_S * 1000))

    @property
    def divergence_venues(self) -> Collection[Venue]:
        return ("binance", "okx")

    async def divergence(self, symbol: str, *, period: str, venue: Venue | None = None) -> DivergenceFacts:
        elsewhere = () if venue in (None, "binance") else (venue,)
        self.asked.append(("divergence", symbol, period, *elsewhere))
        return DivergenceFacts(symbol=symbol, period=period, found=None)

    async def change(self, symbol: str, *, minutes: int) -> PositionChange | NotEnoughSnapshots:
        self.asked.append(("change", symbol, minutes))
        return NotEnoughSnapshots(symbol=symbol, rows=0, minutes=minutes)

    async def statistics_change(self, symbol: str, *, minutes: int) -> StatisticsChange:
        self.asked.append(("statistics_change", symbol, minutes))
        return StatisticsChange()

    async def trend(self, symbol: str, *, minutes: int) -> ProfitTrend | NotEnoughSnapshots:
        self.asked.append(("trend", symbol, minutes))
        return NotEnoughSnapshots(symbol=symbol, rows=0, minutes=minutes)

    async def scan(self, *, limit: int) -> ExtremeScan:
        self.asked.append(("scan", limit))
        return ExtremeScan(scanned=0, most_long=(), most_short=())


class MemoryBudget:
    """Proposes twice the thresholds in force; `missing` is answered instead where it is set."""

    def __init__(self) -> None:
        self.missing: NotEnoughHistory | None = None
        self.tried: list[tuple[Audience, Audience, int | None]] = []

    async def propose(self, per_day: int, audience: Audience) -> BudgetProposal | NotEnoughHistory:
        if self.missing is not None:
            return self.missing
        pump = audience.settings.pump_threshold
        thresholds = (ThresholdRow(key="pump_threshold", before=pump, after=min(100.0, 2 * pump)),)
        row = BudgetRow(kind="price", thresholds=thresholds, before_per_day=90.0, after_per_day=float(per_day))
        return BudgetProposal(per_day=per_day, rows=(row,), history_days=7.0)

    async def try_settings(self, now: Audience, then: Audience, last_s: int | None) -> Trial | NotEnoughHistory:
        self.tried.append((now, then, last_s))
        return self.missing or TRIAL


TRIAL = Trial(
    rows=(
        TrialRow(
            kind="price",
            now=90,
            then=12,
            days=3.0,
            peak=5,
            peak_ms=NOW_MS - 7_200_000,
            lost=(TrialMove(symbol="SOLUSDT", at_ms=NOW_MS - 3_600_000, size=-3.9),),
            new=(),
        ),
    ),
    from_ms=NOW_MS - 3 * 86_400_000,
    to_ms=NOW_MS,
)


class MemoryOutcomes:
    def __init__(self) -> None:
        self.known = OutcomeSummary(since_ms=None, alerts=0, pending=0, earlier=0, fee_pct=0.05, rows=(), forward=())

    async def summary(self) -> OutcomeSummary:
        return self.known


class MemorySamples:
    def __init__(self) -> None:
        self.sent: list[Destination] = []

    async def send(self, destination: Destination) -> Sequence[Kind]:
        self.sent.append(destination)
        return ("price", "oi")


def healthy() -> Health:
    return assess(
        Vitals(
            feed=FeedStatus(
                connections=1, last_frame_age_s=0.3, symbols_expected=10, symbols_covered=10, is_blind=False
            ),
            sweep=SweepStatus(sweep_age_s=12.0, coverage=1.0),
            outbox=OutboxStatus(),
            guard=GuardStatus(state="open"),
            latency=LatencyStatus(),
            uptime_s=3600.0,
            blind_s=12.5,
            loops=(LoopStatus(name="feed"), LoopStatus(name="delivery", restarts=2)),
            version="1.2.3",
        )
    )


TRADERS = MemoryTraders()


class Desk:
    """`await desk("/set_pump 5")` → the reply. elsewhere: what other exchanges than Binance list; each has a market."""

    def __init__(
        self,
        *,
        base: Settings | None = None,
        overrides: Overrides | None = None,
        state: State | None = None,
        destinations: tuple[Destination, ...] = (MAIN,),
        listed: Sequence[str] = LISTED,
        is_history_on: bool = True,
        elsewhere: Mapping[Venue, Sequence[str]] | None = None,
        traders: TraderQueries | None = TRADERS,
    ) -> None:
        self.elsewhere = elsewhere or {}
        self.markets: dict[Venue, MemoryMarket] = {venue: MemoryMarket() for venue in ("binance", *self.elsewhere)}
        self.store = MemoryStore()
        self.alerts = MemoryAlerts()
        self.changes = MemoryChangeLog()
        self.market = self.markets["binance"]
        self.budget = MemoryBudget()
        self.positions = MemoryPositions()
        self.samples = MemorySamples()
        self.outcomes = MemoryOutcomes()
        state = state or State(main=overrides or Overrides())
        self.settings_store = SettingsStore(
            base or Settings(), state, home=EnvironmentDefaults(destinations=destinations)
        )
        self.listed = listed
        self.now_s = NOW_S
        self.desk = CommandExecutor(
            ExecutorDeps(
                settings_store=self.settings_store,
                store=self.store,
                listed=lambda: {"binance": self.listed, **self.elsewhere},
                queries=Queries(
                    health=healthy,
                    alerts=self.alerts if is_history_on else None,
                    kept_days=90,
                    changes=self.changes,
                    venues={
                        venue: VenueQueries(market=market, explain=market.explain)
                        for venue, market in self.markets.items()
                    },
                    positions=self.positions,
                    propose_budget=self.budget.propose,
                    try_settings=self.budget.try_settings,
                    send_samples=self.samples.send,
                    outcomes=self.outcomes.summary if is_history_on else None,
                    traders=traders,
                ),
            )
        )

    @property
    def settings(self) -> Settings:
        return self.settings_store.current

    async def __call__(
        self, text: str, *, at: Destination = MAIN, who: Author = ANN, bot_name: str | None = None
    ) -> Reply | None:
        return await self.desk.handle(text, who=who, destination=at, now_s=self.now_s, bot_name=bot_name)
