"""A store in memory and venues that say what they are told, for the tracker on a clock moved by hand."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

from altmonitor.core.status import GuardStatus
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.contracts import Contract
from altmonitor.market.quotes import Funding
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiBar, OiVelocity
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import Overview
from altmonitor.tracker.capture import Capture, CaptureDeps, ContractPool, MarkPrices
from altmonitor.tracker.position_alerts import PositionWatch
from altmonitor.tracker.series import Answered, Liveness, PositionMoved, Series, SweepRow, TrackerNotice, WaitingNews
from altmonitor.tracker.tracker import Progress, Tracked, Tracker, TrackerRunDeps
from tests.movable_clock import MovableClock
from tests.tracker.samples import snapshot, top_traders


class MemoryOutbox:
    """`tracker.series.NewsOutbox`. states: by id, as they stand in the file."""

    def __init__(self) -> None:
        self.html: dict[int, tuple[str, int]] = {}
        self.states: dict[int, str] = {}
        self.told: list[PositionMoved] = []

    async def put_news(self, html: str, *, now_ms: int, moved: PositionMoved | None) -> None:
        number = len(self.html) + 1
        self.html[number], self.states[number] = (html, now_ms), "queued"
        if moved is not None:
            self.told.append(moved)

    async def next_news(self) -> WaitingNews | None:
        for number, state in self.states.items():
            if state in ("queued", "in_flight"):
                html, queued_ms = self.html[number]
                return WaitingNews(id=number, html=html, queued_ms=queued_ms, maybe_sent=state == "in_flight")
        return None

    async def begin_attempt(self, news_id: int) -> None:
        self.states[news_id] = "in_flight"

    async def not_sent(self, news_id: int) -> None:
        self.states[news_id] = "queued"

    async def end_news(self, news_id: int, *, now_ms: int, message_id: int | None, error: str = "") -> None:
        self.states[news_id] = f"failed: {error}" if message_id is None else f"sent as {message_id}"


class MemoryStore:
    """`monitor.tracker_ports.SnapshotStore`."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Snapshot] = {}
        self.top: dict[tuple[str, int], TopTraders] = {}
        self.bars: dict[tuple[str, int], OiVelocity] = {}
        self.sweeps: dict[Series, SweepRow] = {}
        self.given: dict[tuple[Series, str], Answered] = {}
        self.told: dict[tuple[str, str], int] = {}
        self.forgotten_ms: list[int] = []
        self.checkpoints = 0

    async def sweep(self, series: Series) -> SweepRow | None:
        return self.sweeps.get(series)

    async def begin_sweep(self, series: Series, started_ms: int, liveness: Liveness) -> None:
        self.sweeps[series] = SweepRow(started_ms=started_ms, ended_ms=None, liveness=liveness)

    async def end_sweep(self, series: Series, ended_ms: int | None, liveness: Liveness) -> None:
        self.sweeps[series] = replace(self.sweeps[series], ended_ms=ended_ms, liveness=liveness)

    async def answers(self, series: Series) -> Mapping[str, Answered]:
        return {symbol: answer for (of, symbol), answer in self.given.items() if of is series}

    async def put_snapshot(self, snapshot: Snapshot, *, sweep_ms: int) -> bool:
        key = (snapshot.overview.symbol, snapshot.time_ms)
        is_new = key not in self.rows
        self.rows.setdefault(key, snapshot)
        self._answer(Series.SMART_MONEY, key[0], sweep_ms, key[1], "stored" if is_new else "known")
        return is_new

    async def put_top_traders(self, found: TopTraders, *, sweep_ms: int) -> bool:
        key = (found.symbol, found.captured_ms)
        is_new = key not in self.top
        self.top[key] = found
        self._answer(Series.TOP_TRADERS, key[0], sweep_ms, key[1], "stored" if is_new else "known")
        return is_new

    async def put_open_interest(self, symbol: str, found: OiVelocity, *, sweep_ms: int, now_ms: int) -> bool:
        is_new = (symbol, found.time_ms) not in self.bars
        self.bars[symbol, found.time_ms] = found
        self._answer(Series.OPEN_INTEREST, symbol, sweep_ms, now_ms, "stored" if is_new else "known")
        return is_new

    async def put_nothing(self, series: Series, symbol: str, *, sweep_ms: int, now_ms: int) -> None:
        self._answer(series, symbol, sweep_ms, now_ms, "no data")

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        return [row for (name, at_ms), row in sorted(self.rows.items()) if name == symbol and at_ms >= since_ms]

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool:
        return self.told.get((symbol, fingerprint), -1) >= since_ms

    async def mark_told(self, symbol: str, fingerprint: str, *, told_ms: int) -> None:
        self.told[symbol, fingerprint] = told_ms

    async def forget_before(self, before_ms: int) -> int:
        self.forgotten_ms.append(before_ms)
        return 0

    async def checkpoint(self) -> None:
        self.checkpoints += 1

    def _answer(self, series: Series, symbol: str, sweep_ms: int, answered_ms: int, outcome: str) -> None:
        self.given[series, symbol] = Answered(sweep_ms=sweep_ms, answered_ms=answered_ms, outcome=outcome)


class Site:
    """Answers at once with a capture of now, unless `says` has something else for the symbol: an error, or None."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self.asked: list[tuple[str, float, bool]] = []
        self.says: dict[str, Exception | Overview | None] = {}
        self.for_all: Exception | None = None
        self.long_qty = 200.0
        self.before: Callable[[str], None] = lambda symbol: None

    async def overview(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Overview | None:
        assert priority is Priority.TRACKING
        self.asked.append((symbol, self._clock.monotonic(), is_fresh))
        self.before(symbol)
        if self.for_all is not None:
            raise self.for_all
        if symbol not in self.says:
            return snapshot(symbol, self._clock.now_ms(), long_qty=self.long_qty).overview
        given = self.says[symbol]
        if isinstance(given, Exception):
            raise given
        return given

    def guard_status(self) -> GuardStatus:
        return GuardStatus(state="open")


class Statistics:
    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self.asked: list[tuple[str, float]] = []
        self.bars_end_ms: int | None = None
        self.has_all_parts = True

    async def top_traders(
        self, symbol: str, *, period: str, priority: Priority, is_fresh: bool = False
    ) -> TopTraders | None:
        assert is_fresh
        self.asked.append((symbol, self._clock.monotonic()))
        return top_traders(symbol, self._clock.now_ms()) if self.has_all_parts else None

    async def open_interest_bars(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Sequence[OiBar]:
        assert is_fresh
        end_ms = self._clock.now_ms() // 300_000 * 300_000 if self.bars_end_ms is None else self.bars_end_ms
        return [OiBar(time_ms=end_ms, coins=100.0, usd=1_000.0)]


class Lists:
    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = list(symbols)
        self.problem: Exception | None = None
        self.reads = 0
        self.price_reads = 0
        self.price_problem: Exception | None = None

    async def contracts(self) -> list[Contract]:
        self.reads += 1
        if self.problem is not None:
            raise self.problem
        rows = [(name, "TRADING", "USDT") for name in self.symbols] + [
            ("BTCUSDC", "TRADING", "USDC"),
            ("OLD", "SETTLING", "USDT"),
        ]
        return [Contract(symbol=n, status=s, contract_type="PERPETUAL", quote_asset=q) for n, s, q in rows]

    async def fundings(self) -> list[Funding]:
        self.price_reads += 1
        if self.price_problem is not None:
            raise self.price_problem
        return [Funding(symbol=name, rate=0.0001, mark_price=10.0, next_ms=0) for name in self.symbols]


@dataclass
class Bench:
    clock: MovableClock
    store: MemoryStore
    site: Site
    statistics: Statistics
    lists: Lists
    tracker: Tracker
    news: list[TrackerNotice] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    @property
    def spacing_s(self) -> list[float]:
        times = [at_s for _, at_s, _ in self.site.asked]
        return [after - before for before, after in pairwise(times)]

    def again(self, tracked: Tracked) -> Tracker:
        """The tracker of the next process: nothing but the store remains."""
        return bench_tracker(self, tracked)


def bench_tracker(bench: Bench, tracked: Tracked) -> Tracker:
    parts = CaptureDeps(
        smart_money=bench.site,
        positioning=bench.statistics,
        store=bench.store,
        clock=bench.clock,
        prices=MarkPrices(bench.lists, clock=bench.clock),
        period="5m",
    )
    links = TrackerRunDeps(
        store=bench.store,
        captures=Capture(parts),
        pool=ContractPool(bench.lists, clock=bench.clock, tradfi=False),
        clock=bench.clock,
        notify=bench.news.append,
        on_progress=bench.progress.append,
        positions=PositionWatch(bench.store),
        dice=random.Random(5),
    )
    return Tracker(tracked, links)


@asynccontextmanager
async def bench(tracked: Tracked, *, symbols: Sequence[str]) -> AsyncIterator[Bench]:
    clock = MovableClock()
    made = Bench(clock, MemoryStore(), Site(clock), Statistics(clock), Lists(symbols), tracker=Tracker.__new__(Tracker))
    made.tracker = bench_tracker(made, tracked)
    yield made
