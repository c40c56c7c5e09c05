"""An alert of a tracked symbol tells what its followed traders did before; any other one does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from altmonitor.collect.enrichment import EnrichmentDeps
from altmonitor.collect.position_enrichment import TrackedEnricher
from altmonitor.core.alert import Alert, Details, Kind, Positions, TrackedMove, TrackedSide
from altmonitor.core.errors import StorageError
from altmonitor.positioning.history import Snapshot
from tests.movable_clock import T0, MovableClock, at_work
from tests.tracker.samples import snapshot


def alert(symbol: str = "ETHUSDT", *, kind: Kind = "price", late: bool = False, **details: Positions) -> Alert:
    return Alert(
        key=f"{kind}:{symbol}",
        ts=T0 / 1000,
        event_ms=T0,
        symbol=symbol,
        kind=kind,
        direction="UP",
        late=late,
        details=Details(**details),
    )


class Desk:
    def __init__(self, rows: Sequence[Snapshot]) -> None:
        self.clock = MovableClock()
        self.rows = rows
        self.problem: StorageError | None = None
        self.stored: list[Alert] = []
        self.refreshed: list[str] = []
        self.enricher = TrackedEnricher(
            EnrichmentDeps(clock=self.clock, updates=self, refreshed=self.refreshed.append), rows_since=self.rows_since
        )

    async def rows_since(self, symbol: str, since_ms: int) -> Sequence[Snapshot]:
        if self.problem is not None:
            raise self.problem
        return [row for row in self.rows if row.overview.symbol == symbol and row.time_ms >= since_ms]

    async def update_alert(self, alert: Alert) -> None:
        self.stored.append(alert)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Desk]:
        async with at_work(self.enricher.run(), on=self.clock):
            yield self


ROWS = [
    snapshot("ETHUSDT", T0 - 120 * 60_000, long_qty=1.0),
    snapshot("ETHUSDT", T0 - 50 * 60_000, long_qty=1_000.0),
    snapshot("ETHUSDT", T0 - 60_000, long_qty=1_200.0),
    snapshot("SOLUSDT", T0 - 60_000, long_qty=1_200.0),
]


async def test_the_last_hour_of_rows_is_compared() -> None:
    async with Desk(ROWS).running() as desk:
        desk.enricher.put(alert())
        await desk.clock.advance(0.1)
        (richer,) = desk.stored
        moved = richer.details.tracked
        assert isinstance(moved, TrackedMove)
        assert moved.minutes == 49.0
        assert moved.long == TrackedSide(
            from_coins=1_000.0, to_coins=1_200.0, change_pct=20.0, from_profit_pct=70.0, to_profit_pct=70.0
        )
        assert (moved.short.from_coins, moved.short.change_pct) == (150.0, 0.0)
        assert richer.details == Details(tracked=moved)
        assert desk.refreshed == ["price:ETHUSDT"]


async def test_what_is_not_tracked_or_tells_of_positions_itself_learns_nothing() -> None:
    async with Desk(ROWS).running() as desk:
        for other in (
            alert("SOLUSDT"),  # one row is no change
            alert("DOGEUSDT"),
            alert(late=True),
            alert(kind="position", positions=Positions(from_coins=1.0, to_coins=2.0)),
        ):
            desk.enricher.put(other)
        await desk.clock.advance(1.0)
        assert desk.stored == []
        assert desk.enricher.status().given_up == {"not_tracked": 2}


async def test_a_file_that_cannot_be_read_costs_no_alert() -> None:
    async with Desk(ROWS).running() as desk:
        desk.problem = StorageError("snapshots.db cannot be read")
        desk.enricher.put(alert())
        await desk.clock.advance(1.0)
        desk.problem = None
        desk.enricher.put(alert())
        await desk.clock.advance(1.0)
        assert len(desk.stored) == 1
        assert desk.enricher.status().given_up == {"storage": 1}
