"""Which of several feeds writes: the holder of one lease. The others stand by with everything running but the writing.

The leader renews its lease twice a second; where it does not for `LEASE_S`, the next one takes it and a higher token.
Every transaction of a feed names its token, so one that was paused and thinks it leads still writes nothing. A database
that is away for longer than the lease takes it from nobody: whoever held it last and finds it free has it again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from altmonitor.app.market_reach import FeedReach, MarketSource, What
from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.errors import LeadershipLost, StorageError
from altmonitor.core.log import FailureLog
from altmonitor.core.types import Destination, Venue
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.sampled import APART_MS
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.interfaces.cluster import LEADER
from altmonitor.interfaces.leases import Leases
from altmonitor.market.candles import MINUTE_MS

log = logging.getLogger(__name__)

LEASE_S = 3.0
SIGHTED = "feed-sees:"
"""Under this and its name a feed that sees the market holds a lease of its own, whether it leads or not."""
HAS = "feed-has:"
"""The same for each source that it has steadily: `feed-has:bybit:figures:` and its name."""
BLIND_SETTLES_S = LEASE_S + 2.0
"""What other feeds said of themselves before this one became blind has lapsed by then: an exchange that is silent is so
to all of them, and none has more to offer."""
GAVE_WAY = "feed-gave-way"
"""Held for a while after a feed gave the lead to one that has more: until then nobody does so again."""
GAVE_WAY_S = 600.0
RENEW_EVERY_S = 0.5
ASK_EVERY_S = 0.25
KEPT_S = 60.0
"""What a feed that stands by found is kept until everything is stored that was found so long after it."""
MOST_KEPT = 50_000
APART_SHARE = 1.5
"""Two feeds read the same figure within so many sweeps: each in its turn, and an answer may come late."""

Put = tuple[Alert, tuple[Destination, ...]]
Told = Sequence[tuple[Alert, Collection[Destination]]]
"""Alerts, oldest → newest, each with whom it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """before: who led; '' when nobody did. token: of that one's lease. silent_s: from the last time that one was heard
    of until this one leads."""

    before: str = ""
    token: int = 0
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenWay:
    """Why a feed gives the lead away. token: of the lease under which it led. cause: None where nothing says more."""

    by: str
    token: int
    lacks: MarketSource
    cause: Cause | None = None


def shown_name(name: str) -> str:
    """As people know a process; behind the # stands what tells it from an earlier one of that name."""
    return name.partition("#")[0]


class Leadership:
    """Of one feed. name: no other process has it. follow: called again and again while this one stands by. is_blind: of
    the main venue. reach: see `ReachWatch.look`. on_give_way: called while this one still leads, again where it raised
    StorageError.

    A leader that is blind gives way to a feed that still sees a moment later. One that lacks something else, above all
    because the exchange refuses its address, gives way to a feed that has all this one has and some of that: two that
    are refused alike keep the lead where it is. Nobody does so within `GAVE_WAY_S` of the last time, whoever that was.
    """

    def __init__(
        self,
        leases: Leases,
        *,
        name: str,
        clock: Clock,
        follow: Callable[[], Awaitable[None]],
        is_blind: Callable[[], bool],
        reach: Callable[[], FeedReach] = FeedReach,
        on_give_way: Callable[[GivenWay], Awaitable[None]] | None = None,
        main: Venue = "binance",
    ) -> None:
        self._leases = leases
        self._reach = reach
        self._on_give_way = on_give_way
        self._main = main
        self._clock = clock
        self._follow = follow
        self._is_blind = is_blind
        self.name = name
        self.token: int | None = None
        self._won_token: int | None = (
            None  # of the lease as it was won; one that lapsed and was taken again has another
        )
        self.heard_s = float("-inf")
        self._blind_since_s: float | None = None
        self._waiting: list[Callable[[], None]] = []
        self._leader_heard_s: float | None = None  # when the one that led renewed last, monotonic

    @property
    def is_leading(self) -> bool:
        return self.token is not None

    async def win(self) -> Takeover:
        """Returns once this feed leads. A database that does not answer is asked again."""
        failures, is_told = FailureLog(log, "standing by, and the database does not answer: %s", of=StorageError), False
        while True:
            with failures:
                won = await self._try()
                if won is not None:
                    return won
                if not is_told:
                    log.info("standing by: another feed leads, and this one is ready to follow it")
                    is_told = True
                await self._follow()
            await self._clock.sleep(ASK_EVERY_S)

    async def _try(self) -> Takeover | None:
        before = (await self._leases.holders(LEADER)).get(LEADER)
        now_s = self._clock.monotonic()
        await self._say_seeing()
        if before is not None and before.left_s > 0 and before.holder != self.name:
            self._leader_heard_s = now_s - max(0.0, LEASE_S - before.left_s)
            return None
        if (self._is_blind() and await self._another_sees()) or await self._what_another_has_more() is not None:
            return None
        tokens = await self._leases.acquire([LEADER], holder=self.name, for_s=LEASE_S)
        if LEADER not in tokens:
            return None
        self.token = self._won_token = tokens[LEADER]
        self.heard_s = self._clock.monotonic()
        if before is None or before.holder == self.name:
            return Takeover()
        heard_s = now_s - LEASE_S + before.left_s if self._leader_heard_s is None else self._leader_heard_s
        return Takeover(before=before.holder, token=before.token, silent_s=max(0.0, self.heard_s - heard_s))

    async def keep(self) -> None:
        """Until cancelled. Raises LeadershipLost when another feed has taken over, or shall because it sees the market
        and this one does not."""
        failures = FailureLog(log, "the lease cannot be renewed, trying again: %s", of=StorageError)
        while True:
            await self._clock.sleep(RENEW_EVERY_S)
            with failures:
                await self._renew()
                await self._say_seeing()
                blind_s = self._blind_for_s()
                is_settled = blind_s is not None and blind_s >= BLIND_SETTLES_S
                if is_settled and await self._another_sees():
                    await self._give_way(MarketSource(self._main, "prices"), None)
                    raise LeadershipLost("this feed sees nothing and another one does: that one leads now")
                if is_settled or blind_s is None:
                    self.say_waiting()
                lacks = await self._what_another_has_more()
                if lacks is not None and await self._may_give_way():
                    cause = self._reach().lacks.get(lacks)
                    await self._give_way(lacks, cause)
                    why = f"{lacks.venue}: {'no reason is known' if cause is None else cause}"
                    raise LeadershipLost(f"this feed gets no {lacks.what} ({why}) and another one does: it leads now")

    async def _give_way(self, lacks: MarketSource, cause: Cause | None) -> None:
        if self._on_give_way is not None and self.token is not None:
            await self._on_give_way(GivenWay(by=self.name, token=self.token, lacks=lacks, cause=cause))
        await self.resign()

    async def _may_give_way(self) -> bool:
        """Once in a while, in the whole cluster; asked again by the same leader the answer is the same."""
        return bool(await self._leases.acquire([GAVE_WAY], holder=f"{self.name}@{self._won_token}", for_s=GAVE_WAY_S))

    def when_nobody_sees(self, say: Callable[[], None]) -> None:
        """For a leader that has just become blind: called when no other feed sees either; never where one does, since
        that one leads then."""
        self._waiting.append(say)

    def say_waiting(self) -> None:
        """What `when_nobody_sees` was given."""
        waiting, self._waiting = self._waiting, []
        for say in waiting:
            say()

    async def resign(self) -> None:
        """Another feed may lead at once; for an orderly end. Raises StorageError."""
        token, self.token = self.token, None
        held = {} if token is None else {LEADER: token}
        await self._leases.release(held)

    async def _renew(self) -> None:
        held = {} if self.token is None else {LEADER: self.token}
        if LEADER in await self._leases.renew(held, for_s=LEASE_S):
            self.heard_s = self._clock.monotonic()
            return
        again = await self._leases.acquire([LEADER], holder=self.name, for_s=LEASE_S)
        if self.token is None or again.get(LEADER) != self.token + 1:
            self.token = None
            raise LeadershipLost("another feed leads now")
        # The database, or this process, was away for longer than the lease, and nobody took it meanwhile.
        self.token, self.heard_s = again[LEADER], self._clock.monotonic()

    def _blind_for_s(self) -> float | None:
        """None: it sees."""
        if not self._is_blind():
            self._blind_since_s = None
            return None
        now_s = self._clock.monotonic()
        if self._blind_since_s is None:
            self._blind_since_s = now_s
        return now_s - self._blind_since_s

    async def _say_seeing(self) -> None:
        names = [f"{HAS}{source.venue}:{source.what}:{self.name}" for source in sorted(self._reach().steadily)]
        if not self._is_blind():
            names.append(f"{SIGHTED}{self.name}")
        if names:
            await self._leases.acquire(names, holder=self.name, for_s=LEASE_S)

    async def _another_sees(self) -> bool:
        sighted = await self._leases.holders(SIGHTED)
        return any(lease.left_s > 0 and lease.holder != self.name for lease in sighted.values())

    async def _what_another_has_more(self) -> MarketSource | None:
        """Something that this feed lacks and a feed has that has everything else as well."""
        reach = self._reach()
        if not reach.lacks:
            return None
        theirs: dict[str, set[MarketSource]] = {}
        for name, lease in (await self._leases.holders(HAS)).items():
            if lease.left_s > 0 and lease.holder != self.name:
                venue, what = name.removeprefix(HAS).split(":")[:2]
                theirs.setdefault(lease.holder, set()).add(MarketSource(cast(Venue, venue), cast(What, what)))
        more = {source for has in theirs.values() if has >= reach.now for source in has & reach.lacks.keys()}
        return min(more, default=None)


class HeldSink:
    """An `AlertSink` of a feed that may stand by: until it leads it only remembers what it would have told.

    Both feeds see the same market and give the same event the same key, so what the leader told before it died is
    recognised; the rest is told by the one that takes over. So nothing may be forgotten here before it is known to be
    stored: the database may be away for long, and the leader may die with all that it holds.
    """

    def __init__(self, sink: AlertSink, *, sweep_s: float = 60.0) -> None:
        """sweep_s: how long one of open interest takes."""
        self._sink = sink
        self._sweep_s = sweep_s
        self._is_open = False
        self._kept: dict[str, Put] = {}

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        if self._is_open:
            self._sink.put(alert, to=to)
            return
        self._kept[alert.key] = (alert, tuple(to))
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def forget(self, stored_until_ms: Mapping[Venue, int], *, told: Told = ()) -> list[Alert]:
        """stored_until_ms: by venue; everything before is stored, whoever found it. The leader may come to a figure a
        sweep later. told: what is stored of the last while. Returns those of what is forgotten that nobody was told."""
        gone = [
            (alert, to)
            for alert, to in self._kept.values()
            if alert.event_ms + self._kept_ms(alert) < stored_until_ms.get(alert.venue, 0)
        ]
        for alert, _ in gone:
            del self._kept[alert.key]
        return [alert for alert, _ in self._untold(gone, told)] if gone else []

    def kept(self) -> Collection[Put]:
        """What would have been told, oldest → newest; nothing any more from `open` on."""
        return self._kept.values()

    def knows(self, alert: Alert) -> bool:
        """This feed found the same event."""
        return alert.key in self._kept

    def open(self, *, told: Told) -> list[Put]:
        """This feed leads. told: what is stored of the last while, each with all who heard of it. Returns the alerts of
        the time without a leader, which are told now."""
        self._is_open = True
        kept, self._kept = list(self._kept.values()), {}
        untold = self._untold(kept, told)
        for alert, to in untold:
            self._sink.put(alert, to=to)
        return untold

    def _untold(self, found: Iterable[Put], told: Told) -> list[Put]:
        """Each with those of its destinations that heard of it under no key."""
        keys = {alert.key for alert, _ in told}
        like: dict[tuple[str, str, str, str], list[tuple[Alert, Collection[Destination]]]] = {}
        for alert, destinations in told:
            like.setdefault(_sort(alert), []).append((alert, destinations))
        untold: list[Put] = []
        for alert, to in found:
            if alert.key in keys:
                continue
            apart_ms = self._apart_ms(alert)
            same = [
                destinations
                for one, destinations in like.get(_sort(alert), ())
                if _is_same_event(alert, one, apart_ms=apart_ms)
            ]
            left = tuple(at for at in to if not any(at in destinations for destinations in same))
            if left or not same:
                untold.append((alert, left))
        return untold

    def _kept_ms(self, alert: Alert) -> int:
        kept_ms = int(KEPT_S * 1000)
        return kept_ms if alert.candle_ms is not None else max(kept_ms, self._apart_ms(alert))

    def _apart_ms(self, alert: Alert) -> int:
        """Of one figure, as two feeds read it."""
        sampling = KINDS[alert.kind].sampling
        is_swept = sampling is not None and sampling.source == "sweep"
        return max(APART_MS, round(self._sweep_s * APART_SHARE * 1000)) if is_swept else APART_MS


def _is_same_event(alert: Alert, told: Alert, *, apart_ms: int) -> bool:
    """One event under two keys: figures that are sampled come to each feed at moments of its own, and a move that one
    feed saw and the other found in its closed candle may have the name of another window."""
    is_near = abs(alert.event_ms - told.event_ms) <= apart_ms
    if KINDS[alert.kind].sampling is not None:
        return is_near
    if alert.candle_ms is None and told.candle_ms is None:  # their keys end with the moment
        return is_near and alert.key.rpartition(":")[0] == told.key.rpartition(":")[0]
    if alert.details.told_before_pct is not None:
        return False
    return not _minutes_of(told).isdisjoint(_minutes_of(alert))


def _sort(alert: Alert) -> tuple[str, str, str, str]:
    return alert.venue, alert.symbol, alert.kind, alert.direction


def _minutes_of(alert: Alert) -> frozenset[int]:
    """Candles that its move touches."""
    if alert.candle_ms is None:
        return frozenset()
    return frozenset((alert.candle_ms - MINUTE_MS, alert.candle_ms) if alert.note == "60s" else (alert.candle_ms,))
