"""The markets of all watched exchanges over one store, and what joins them: one message a move, fundings, settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from altmonitor.app.gap_log import run_marks
from altmonitor.app.leadership import Told
from altmonitor.app.market import MarketDeps, MarketOptions, MarketSide
from altmonitor.app.operator_notices import OperatorNotices, Recipients
from altmonitor.collect.funding_board import FundingBoard
from altmonitor.config import Config
from altmonitor.core.alert import Alert, OutcomeLine
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination, Venue
from altmonitor.engine.restore import Bookkeeping
from altmonitor.engine.shared_audiences import FollowersSink, SharedAudiences
from altmonitor.engine.venue_moves import LOOKED_BACK_MS, VenueMoves, VenueTime
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.interfaces.wallets import WalletSource
from altmonitor.render.notices import BackAfter, Notice
from altmonitor.replay.outcome_summary import WithOutcomes
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import of_market
from altmonitor.settings.state import SettingsStore
from altmonitor.storage.database_store import DatabaseStore
from altmonitor.storage.score_store import ScoreStore
from altmonitor.storage.state_file import base_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketsDeps:
    """sink: where alerts are put. notices: of the main market; the others get their own, which publish as it does.

    refresh: more is known about the alert with this key. outcome_line: of alerts like this one, None: nothing to say.
    is_telling: False while another feed leads. is_one_of_several: feeds of a cluster.
    """

    config: Config
    clock: Clock
    options: MarketOptions
    store: DatabaseStore
    sink: AlertSink
    scores: ScoreStore
    notices: OperatorNotices
    publish: Callable[[Notice, Recipients], None]
    refresh: Callable[[str], None]
    outcome_line: Callable[[Alert], OutcomeLine | None]
    is_telling: Callable[[], bool]
    is_one_of_several: bool


class Markets:
    """all: the market of each of `VENUES`, the main one first."""

    def __init__(self, deps: MarketsDeps) -> None:
        self._deps = deps
        config, clock, store = deps.config, deps.clock, deps.store
        main, *others = config.venues
        self._shared = SharedAudiences() if deps.is_one_of_several or config.preset_channels else None
        """Destinations that want the same are judged once, where there may be many of them."""
        sink: AlertSink = deps.sink if self._shared is None else FollowersSink(deps.sink, self._shared)
        self._moves: VenueMoves | None = None
        self._of_moves: Bookkeeping | None = None
        if others:
            self._of_moves = Bookkeeping(store, store, clock=clock, refreshed=deps.refresh)
            clocks = {venue: partial(self._time_of, venue) for venue in config.venues}
            sink = self._moves = VenueMoves(sink, clocks=clocks, learn=self._of_moves.put_learned)
        self._sink = WithOutcomes(sink, deps.outcome_line)
        self.main = self._build(main, deps.notices, is_main=True)
        self.others = tuple(
            self._build(venue, OperatorNotices(clock=clock, publish=deps.publish, venue=venue), is_main=False)
            for venue in others
        )
        self.all = (self.main, *self.others)
        self.fundings = FundingBoard({market.name: market.snapshots for market in self.all}, clock=clock)

    def _build(self, venue: Venue, notices: OperatorNotices, *, is_main: bool) -> MarketSide:
        deps = self._deps
        return MarketSide(
            MarketDeps(
                venue=venue,
                is_main=is_main,
                sink=self._sink,
                config=deps.config,
                clock=deps.clock,
                options=deps.options,
                settings=base_settings(deps.config),
                store=deps.store,
                scores=deps.scores,
                notices=notices,
                refresh=deps.refresh,
                is_telling=deps.is_telling,
                is_one_of_several=deps.is_one_of_several,
                fundings_of=lambda symbol: self.fundings.of(symbol),
            )
        )

    def of(self, venue: str | None) -> MarketSide | None:
        """None: it is not watched."""
        return next((market for market in self.all if market.name == venue), None)

    @property
    def wallet_source(self) -> Callable[[], WalletSource] | None:
        """Through the gate of Hyperliquid's market; None where that is not watched."""
        market = self.of("hyperliquid")
        return None if market is None else market.venue.wallets

    @asynccontextmanager
    async def running(self, audiences: Sequence[Audience]) -> AsyncIterator[None]:
        """What was told before is known again, and the exchanges may be asked."""
        async with AsyncExitStack() as stack:
            self.restore_moves(await self.stored_moves())
            for market in self.all:
                await market.restore(audiences)
                await market.rest.start()
                stack.push_async_callback(market.rest.stop)
            await self.main.enrichment.positions.start()
            stack.push_async_callback(self.main.enrichment.positions.stop)
            yield

    async def stored_moves(self) -> Told:
        """What `restore_moves` begins with. Raises StorageError."""
        if self._moves is None:
            return ()
        return await self._deps.store.stored_since(self._deps.clock.now_ms() - LOOKED_BACK_MS)

    def restore_moves(self, told: Told) -> None:
        """Moves over several exchanges are what was told of them, and nothing else."""
        if self._moves is not None:
            self._moves.restore(sorted(told, key=lambda one: one[0].event_ms))

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop."""
        found = {name: loop for market in self.all for name, loop in market.loops().items()}
        if self._of_moves is not None:
            found["venues of alerts"] = self._of_moves.run
        if not self._deps.is_one_of_several:
            found["sight marks"] = partial(run_marks, [market.gap_log for market in self.all], clock=self._deps.clock)
        return found

    def apply(self, settings_store: SettingsStore) -> None:
        """From the next frame on."""
        audiences = settings_store.audiences
        renamed: Callable[[Destination], Destination] | None = None
        if self._shared is not None:
            audiences, renamed = self._shared.apply(audiences)
        for market in self.all:
            market.engine.moved_to(self._deps.store.where_now)  # what a group was told it was told under any id
            if renamed is not None:
                market.engine.moved_to(renamed)
                market.engine.judged_as = self.judged_as
            market.engine.apply(audiences)
            market.engine.apply_conditions(
                of_market(settings_store.state.conditions, market.name, is_main=market is self.main)
            )

    def judged_as(self, destination: Destination) -> Destination:
        """Whose settings it shares; itself where nobody else's."""
        return destination if self._shared is None else self._shared.judged_as(destination)

    def notify_untold(self) -> None:
        """That nothing was seen for a while, which an earlier run did not get told."""
        for market in self.all:
            for since_ms, until_ms in market.gap_log.untold_before:
                market.notices.notify_back(since_ms, until_ms)

    def on_notice_sent(self, notice: Notice) -> Callable[[int], None] | None:
        """What to call with the message's id once it is in a chat; None: nothing."""
        if not isinstance(notice, BackAfter):
            return None
        market = self.of(notice.venue) or self.main
        return market.gap_log.untold(notice.since_ms, notice.at_ms)

    def _time_of(self, venue: Venue) -> VenueTime:
        clock = next(market for market in self.all if market.name == venue).venue.clock
        return VenueTime(skew_ms=clock.skew_ms, uncertainty_ms=clock.uncertainty_ms)
