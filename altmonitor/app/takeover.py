"""One feed of a cluster stands by until it leads, and takes over what the one before it left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from altmonitor.app.feed_role import FeedRole
from altmonitor.app.gap_log import KEEP_ALONE_EVERY_S
from altmonitor.app.leadership import GivenWay, Takeover, Told, shown_name
from altmonitor.app.markets import Markets
from altmonitor.app.operator_notices import Recipients
from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.supervisor import Supervisor
from altmonitor.engine.restore import restore_anew, told_matters_ms
from altmonitor.interfaces.cluster import FoundAlert
from altmonitor.render.notices import FeedTakenOver, Lacked
from altmonitor.settings.state import SettingsStore
from altmonitor.storage.database_store import DatabaseStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTakeoverDeps:
    """notify: whom it concerns, once there is somebody to tell it."""

    role: FeedRole
    markets: Markets
    store: DatabaseStore
    supervisor: Supervisor
    clock: Clock
    notify: Callable[[FeedTakenOver, Recipients], None]


class FeedTakeover:
    """What the leader told and stored is followed meanwhile, so that nothing is told twice."""

    def __init__(self, deps: FeedTakeoverDeps) -> None:
        self._deps = deps
        self._role = deps.role
        self._told_matters_ms: Callable[[], int] = lambda: 0

    async def stand_by(self, settings_store: SettingsStore) -> bool:
        """Returns when this feed leads; False: it was stopped before. Raises what ends the takeover."""
        role = self._role
        self._told_matters_ms = lambda: told_matters_ms(settings_store.audiences)
        role.on_state = settings_store.swap
        role.on_told = self._follow_told
        role.on_untold = self._unlearn
        role.on_handed_over = self._adopt
        winning = asyncio.create_task(role.win(), name="leadership")
        stopping = asyncio.create_task(self._deps.supervisor.wait(), name="stop")
        tasks: set[asyncio.Task[Any]] = {winning, stopping}
        try:
            await asyncio.wait({winning, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not winning.done():
                return False
            self._deps.supervisor.start("leadership", role.leadership.keep)
            taking = asyncio.create_task(self._take_over(winning.result()), name="takeover")
            tasks.add(taking)
            await asyncio.wait({taking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                return False
            taking.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return True

    async def _take_over(self, won: Takeover) -> None:
        """What is told from now on is told by this feed."""
        role, main = self._role, self._deps.markets.main
        stored = await role.insisting(self._deps.markets.stored_moves)
        told_now = await role.open()
        # No await in between: what is found from now on goes on with these moves, and would be forgotten.
        self._deps.markets.restore_moves([*stored, *told_now])
        log.info("this feed leads now, after %r was not heard of for %.1f s", won.before, won.silent_s)
        if won.before:
            main.goes_on()
            now_ms = self._deps.clock.now_ms()
            known_ms = now_ms - int((won.silent_s + KEEP_ALONE_EVERY_S) * 1000)
            notice = FeedTakenOver(
                at_ms=now_ms,
                by=shown_name(role.leadership.name),
                silent_s=won.silent_s,
                lacked=lacked_of(await role.why(won)),
                alerts=len(told_now),
                is_blind=main.feed.status().is_blind,
                is_new=not all(market.gap_log.has_seen_since(known_ms) for market in self._deps.markets.all),
            )
            if notice.lacked is not None:
                log.info("it gave the lead away: %s", notice.lacked)
            self._deps.notify(notice, recipients_of(notice))

    def _follow_told(self, told: Told) -> None:
        """What the leader told and this feed did not find is told here, too."""
        for market in self._deps.markets.all:
            of_venue = [one for one in told if one[0].venue == market.name]
            market.engine.restore(of_venue, firsts={})

    async def _unlearn(self, untold: Sequence[Alert]) -> None:
        """What nobody was told keeps nothing back: neither by a cooldown nor as the beginning of a move. Raises
        StorageError."""
        now_ms = self._deps.clock.now_ms()
        for market in self._deps.markets.all:
            symbols = {alert.symbol for alert in untold if alert.venue == market.name}
            if symbols:
                log.info("found here alone, and not told: %s on %s", ", ".join(sorted(symbols)), market.name)
                await restore_anew(
                    market.engine,
                    self._deps.store,
                    symbols,
                    held=self._role.sink.kept,
                    since_ms=now_ms - self._told_matters_ms(),
                    now_ms=now_ms,
                )

    def _adopt(self, found: FoundAlert) -> bool:
        """Another feed found it while it led, and could not store it."""
        alert, destinations = found
        store = self._deps.store
        market = self._deps.markets.of(alert.venue)
        if market is None:
            store.put(alert, to=destinations)
            return True
        judged = {at: self._deps.markets.judged_as(store.where_now(at)) for at in destinations}
        heard = market.engine.adopt(alert, set(judged.values()))
        to = [at for at, representative in judged.items() if representative in heard]
        if to:
            store.put(alert, to=to)
            market.on_alert(alert)
        return bool(to)


def lacked_of(given: GivenWay | None) -> Lacked | None:
    if given is None:
        return None
    return Lacked(by=shown_name(given.by), venue=given.lacks.venue, what=given.lacks.what, reason=given.cause)


def recipients_of(notice: FeedTakenOver) -> Recipients:
    """Whoever reads alerts has missed nothing where the one before still saw prices."""
    return "operator" if notice.lacked is not None and notice.lacked.what == "figures" else "everybody"
