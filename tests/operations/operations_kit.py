"""A market of three contracts at one moment that never changes, with stored alerts and settings, for operations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

from altmonitor.app.market_answers import MarketAnswerDeps, MarketAnswers
from altmonitor.collect.funding_board import FundingBoard
from altmonitor.commands.replies import Reply
from altmonitor.config import load
from altmonitor.core.alert import Alert, StoredAlert
from altmonitor.core.types import Fraction
from altmonitor.detectors.verdict import Explanation, Rule, RuleCheck, Verdict
from altmonitor.interfaces.queries import EVERYTHING, PositionScope, WhoFacts
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.operations.board import BoardDeps, MarketBoard
from altmonitor.operations.context import MonitorView, OperationContext, VenueView
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.funding import VenueFunding, funding_cost
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.ratios import LongShort, TopTraders
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial
from altmonitor.settings.settings import Numbers
from altmonitor.settings.state import SettingsStore
from altmonitor.storage.score_file import scores_in
from altmonitor.storage.snapshot_queries import SnapshotQueries
from tests.app.test_market_answers import MINUTE, T0, Known
from tests.collect.standing_tables import StandingTables
from tests.commands.executor_kit import ANN, MAIN, TRIAL, Desk, MemoryAlerts, MemoryOutcomes, healthy
from tests.operations.standing_traders import StandingTraders
from tests.render.position_replies import PICTURE
from tests.run_folder import folder
from tests.tracker.samples import snapshot, top_traders, velocity

NOW_MS = T0 + 30_000


class StandingClock:
    """Always the same moment; time limits never run out."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)

    @asynccontextmanager
    async def timeout(self, seconds: float | None) -> AsyncIterator[None]:
        yield


def stored(number: int, symbol: str = "SOLUSDT", *, change_pct: float = 3.5) -> StoredAlert:
    candle_ms = T0 - number * MINUTE
    return StoredAlert(
        alert=Alert(
            key=f"price:{symbol}:PUMP:1m:{candle_ms}",
            ts=(candle_ms + 20_500) / 1000,
            event_ms=candle_ms + 20_400,
            symbol=symbol,
            kind="price",
            direction="PUMP",
            candle_ms=candle_ms,
            price=150.25,
            change_pct=change_pct,
            metric=change_pct,
            note="1m",
            id=100 - number,
        ),
        delivery="sent",
    )


class StandingPositions:
    """The same picture of every contract."""

    async def who(self, symbol: str, scope: PositionScope = EVERYTHING) -> WhoFacts:
        funding = funding_cost(Fraction(0.0001), interval_h=8.0, notional_usd=scope.notional_usd)
        return WhoFacts(picture=replace(PICTURE, symbol=symbol, funding=funding))


class StandingRows(SnapshotQueries):
    """Two rows of every contract, a quarter of an hour apart."""

    def __init__(self) -> None:
        pass

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        return [snapshot(symbol, NOW_MS - age_ms, long_qty=qty) for age_ms, qty in ((900_000, 200.0), (0, 240.0))]

    async def newest_snapshots(self, *, since_ms: int) -> Sequence[Snapshot]:
        return [row for symbol in ("BTCUSDT", "SOLUSDT") for row in (await self.snapshots(symbol, since_ms=0))[-1:]]

    async def open_interest(self, symbol: str, *, since_ms: int) -> Sequence[OiVelocity]:
        return [velocity(NOW_MS - 900_000), velocity(NOW_MS)]

    async def newest_open_interest(self, *, since_ms: int) -> Sequence[tuple[str, OiVelocity]]:
        return [("SOLUSDT", velocity(NOW_MS))]

    async def top_traders(self, symbol: str, *, period: str, since_ms: int) -> Sequence[TopTraders]:
        return [top_traders(symbol, NOW_MS - 900_000), top_traders(symbol, NOW_MS, long=0.6)]


def bucket(time_ms: int, long_share: float) -> LongShort:
    short_share = 1 - long_share
    return LongShort(
        time_ms=time_ms,
        long_share=Fraction(long_share),
        short_share=Fraction(short_share),
        long_short_ratio=long_share / short_share,
    )


class StandingCohorts:
    """Three cohorts with two buckets each; of the older one the crowd's is missing."""

    venue = "binance"

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: object) -> Histories:
        now_ms = T0 - 5 * MINUTE
        return Histories(
            retail=[bucket(now_ms, 0.6575)],
            top_accounts=[bucket(now_ms - 5 * MINUTE, 0.60), bucket(now_ms, 0.602)],
            top_positions=[bucket(now_ms - 5 * MINUTE, 0.55), bucket(now_ms, 0.5554)],
        )


class Bench:
    """Parts stand open for tests to change. `context` is made of them as they are then."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.known = Known()
        self.known.add("BTCUSDT", start=60_000.0, now=60_600.0)
        self.known.add("SOLUSDT", start=100.0, now=103.5)
        self.known.add("DOGEUSDT", start=0.2, now=0.19, minutes=3)
        self.known.days["SOLUSDT"] = DayTicker(symbol="SOLUSDT", last_price=103.5, change_pct=5.25, quote_usdt=2.5e9)
        self.known.fundings["SOLUSDT"] = Funding(symbol="SOLUSDT", rate=0.0001, mark_price=103.4, next_ms=T0 + MINUTE)
        for at_s, contracts in ((-280, 1_000.0), (-40, 1_040.0), (20, 1_100.0)):
            self.known.ring.record("SOLUSDT", time_ms=T0 + at_s * 1000, contracts=contracts)
        self.alerts = MemoryAlerts(stored(1), stored(2, "DOGEUSDT"), stored(3), stored(4, "BTCUSDT"))
        self.desk = Desk()
        scores = mkdtemp(prefix="altmonitor-scores-", dir=folder())
        finalize(self, rmtree, scores, ignore_errors=True)
        self.scores = scores_in(Path(scores) / "scores.db", clock=self.clock)  # type: ignore[arg-type]
        self.words: list[str] = []
        self.traders = [StandingTraders()]

    @property
    def board_deps(self) -> BoardDeps:
        known = self.known
        return BoardDeps(
            clock=self.clock,  # type: ignore[arg-type]
            listed=lambda: sorted(known.books),
            book=known.books.get,
            days=lambda: known.days,
            fundings=lambda: known.fundings,
            funding_hours=lambda symbol: 8.0,
            funding_age_s=lambda: 12.0,
            oi_ring=known.ring,
            sweeps=lambda: 7,
            lookback=lambda: 20,
            ratio=lambda symbol: (1.85, T0 - MINUTE) if symbol == "SOLUSDT" else None,
        )

    @property
    def board(self) -> MarketBoard:
        return MarketBoard(self.board_deps)

    @property
    def fundings(self) -> FundingBoard:
        """0.01 % at Binance, −0.02 % at Bybit as Hyperliquid tells it, there 0.00625 % an hour."""
        predicted = VenueFunding(
            venue="bybit",
            symbol="SOLUSDT",
            rate_8h=Fraction(-0.0002),
            interval_h=8.0,
            next_ms=None,
            as_of_ms=NOW_MS - 30_000,
            source="predicted",
        )
        tables = {
            "binance": StandingTables({"SOLUSDT": 0.0001, "BTCUSDT": 0.0001, "DOGEUSDT": 0.0001}),
            "hyperliquid": StandingTables(
                {"SOLUSDT": 0.0000625, "BTCUSDT": 0.0}, hours=1.0, predicted={"SOLUSDT": [predicted]}
            ),
        }
        return FundingBoard(tables, clock=self.clock)  # type: ignore[arg-type]  # stand-ins that answer the same

    def context(self, *, is_running: bool = True, may_write: bool = True) -> OperationContext:
        async def settings() -> SettingsStore:
            return self.desk.settings_store

        @asynccontextmanager
        async def snapshots() -> AsyncIterator[SnapshotQueries]:
            yield StandingRows()

        async def explain(symbol: str, at_ms: int | None) -> Explanation:
            check = RuleCheck(
                rule=Rule("price", "1m"),
                verdict=Verdict.FIRE,
                value=3.5,
                threshold=3.0,
                from_ms=T0,
                to_ms=T0 + 20_000,
                sample_age_s=10.0,
            )
            return Explanation(
                symbol=symbol,
                destination=MAIN,
                at_ms=at_ms or NOW_MS,
                is_now=at_ms is None,
                checks=(check,),
                told=(stored(1),),
                known_from_ms=T0 - 60 * MINUTE,
            )

        known = self.known
        answers = MarketAnswers(
            MarketAnswerDeps(
                venue="binance",
                watched=("binance",),
                book=known.books.get,
                explain=lambda symbol, destination, at_ms: Explanation(
                    symbol=symbol, destination=destination, at_ms=NOW_MS, is_now=True
                ),
                alerts=None,
                picture=known.picture,
                zone_of=lambda destination: None,  # type: ignore[arg-type, return-value]
                listed=lambda: known.books,
                day=known.days.get,
                funding=known.fundings.get,
                funding_hours=lambda symbol: 8.0,
                funding_age_s=lambda: 12.0,
                fundings_of=self.fundings.of,
                oi_ring=known.ring,
                now_ms=self.clock.now_ms,
            )
        )
        monitor = MonitorView(
            health=healthy,
            venues={"binance": VenueView(board=self.board, market=answers, explain=explain)},
            fundings=self.fundings,
            try_settings=self.tried,
        )
        return OperationContext(
            config=load({}, env_file=None)[0],
            clock=self.clock,  # type: ignore[arg-type]
            settings=settings,
            snapshots=snapshots,
            monitor=monitor if is_running else None,
            alerts=self.alerts,
            outcomes=MemoryOutcomes().summary,
            scores=self.scores,
            change_settings=self._change if may_write else None,
            run_command=self._run if may_write else None,
            positions=StandingPositions(),  # type: ignore[arg-type]
            cohorts={"binance": StandingCohorts()},
            traders={one.name: one for one in self.traders},
        )

    async def tried(self, now: Audience, then: Audience, last_s: int | None) -> Trial | NotEnoughHistory:
        return TRIAL

    async def _run(self, text: str) -> Reply | None:
        now_s = self.clock.now_ms() / 1000
        return await self.desk.desk.handle(text, who=ANN, destination=MAIN, now_s=now_s)

    async def _change(self, numbers: Numbers, words: str) -> object:
        self.words.append(words)
        return await self.desk.desk.set_numbers(
            numbers, typed=words, who=ANN, destination=MAIN, now_s=self.clock.now_ms() / 1000
        )
