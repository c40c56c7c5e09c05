"""What becomes of the monitor's own alerts: measured in the background, and at hand for whoever asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING

from altmonitor.core.clock import Clock
from altmonitor.market.candles import ClosedCandle
from altmonitor.replay.outcome_recorder import OutcomeMarket, OutcomeRecorder, OutcomeRecorderDeps
from altmonitor.replay.outcome_summary import OutcomeBoard, OutcomeBoardDeps
from altmonitor.replay.outcome_versions import SettingsVersions, outcome_version
from altmonitor.settings.audience import Audience
from altmonitor.storage.database_store import DatabaseStore

if TYPE_CHECKING:  # handed in by the composition root
    from altmonitor.app.market import MarketSide


class OutcomeSide:
    """board: what is known. versions: of the settings, to be told of each change. on_measured: told the keys of alerts
    of which something new is known."""

    def __init__(
        self,
        *,
        store: DatabaseStore,
        clock: Clock,
        markets: Sequence[MarketSide],
        audiences: Sequence[Audience],
        fee_pct: float,
        on_measured: Callable[[Collection[str]], None],
    ) -> None:
        self._on_measured = on_measured
        self.versions = SettingsVersions(audiences, clock=clock, meta=store)
        self.board = OutcomeBoard(
            OutcomeBoardDeps(
                reader=store.outcomes,
                clock=clock,
                detectors=outcome_version,
                versions=self.versions,
                fee_pct=fee_pct,
            )
        )
        self._recorder = OutcomeRecorder(
            OutcomeRecorderDeps(
                records=store.outcomes,
                meta=store,
                clock=clock,
                markets={market.name: outcome_market(market) for market in markets},
                detectors=outcome_version,
                settings_at=self.versions.at,
                on_measured=self._measured,
            )
        )

    def _measured(self, keys: Collection[str]) -> None:
        self.board.on_measured()
        self._on_measured(keys)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop."""
        return {"outcomes": self._recorder.run, "outcome board": self.board.run}


def outcome_market(market: MarketSide) -> OutcomeMarket:
    def closed(symbol: str) -> Sequence[ClosedCandle]:
        book = market.engine.book(symbol)
        return () if book is None else book.closed

    return OutcomeMarket(rest=market.rest, closed=closed)
