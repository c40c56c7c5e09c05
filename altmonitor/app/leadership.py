"""Which of several feeds writes: the holder of one lease. The others stand by with everything running but the writing.

The leader renews its lease twice a second; where it does not for `LEASE_S`, the next one takes it and a higher token.
Every transaction of a feed names its token, so one that was paused and thinks it leads still writes nothing. A database
that is away for longer than the lease takes it from nobody: whoever held it last and finds it free has it again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import LeadershipLost, StorageError
from altmonitor.core.types import Destination
from altmonitor.detectors.kinds import KINDS
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.interfaces.cluster import LEADER
from altmonitor.interfaces.leases import Leases

log = logging.getLogger(__name__)

SIGHTED = "feed-sees:"
"""Under this and its name a feed that sees the market holds a lease of its own, whether it leads or not."""
LEASE_S = 3.0
RENEW_EVERY_S = 0.5
ASK_EVERY_S = 0.25
KEPT_S = 60.0
"""What a feed that stands by found is kept so long: the leader has told it by then, or this one will."""
MOST_KEPT = 50_000
APART_MS = 90_000
"""Two feeds sample the same figure within so long of one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """before: who led; '' when nobody did. silent_s: from the last time that one was heard of until this one leads."""

    before: str = ""
    silent_s: float = 0.0


def shown_name(name: str) -> str:
    """As people know a process; behind the # stands what tells it from an earlier one of that name."""
    return name.partition("#")[0]


class Leadership:
    """Of one feed. name: no other process has it. follow: called again and again while this one stands by."""

    def __init__(
        self,
        leases: Leases,
        *,
        name: str,
        clock: Clock,
        follow: Callable[[], Awaitable[None]],
        is_blind: Callable[[], bool],
    ) -> None:
        self._leases = leases
        self._clock = clock
        self._follow = follow
        self._is_blind = is_blind
        self.name = name
        self.token: int | None = None
        self.heard_s = float("-inf")
        self._leader_heard_s: float | None = None  # when the one that led renewed last, monotonic

    @property
    def is_leading(self) -> bool:
        return self.token is not None

    async def win(self) -> Takeover:
        """Returns once this feed leads. A database that does not answer is asked again."""
        is_failing, is_told = False, False
        while True:
            try:
                won = await self._try()
                if won is not None:
                    return won
                if not is_told:
                    log.info("standing by: another feed leads, and this one is ready to follow it")
                    is_told = True
                await self._follow()
            except StorageError as problem:
                if not is_failing:
                    log.warning("standing by, and the database does not answer: %s", problem)
                is_failing = True
            else:
                is_failing = False
            await self._clock.sleep(ASK_EVERY_S)

    async def _try(self) -> Takeover | None:
        before = (await self._leases.holders(LEADER)).get(LEADER)
        now_s = self._clock.monotonic()
        await self._say_seeing()
        if before is not None and before.left_s > 0 and before.holder != self.name:
            self._leader_heard_s = now_s - max(0.0, LEASE_S - before.left_s)
            return None
        if self._is_blind() and await self._another_sees():
            return None
        tokens = await self._leases.acquire([LEADER], holder=self.name, for_s=LEASE_S)
        if LEADER not in tokens:
            return None
        self.token, self.heard_s = tokens[LEADER], self._clock.monotonic()
        if before is None or before.holder == self.name:
            return Takeover()
        heard_s = now_s - LEASE_S + before.left_s if self._leader_heard_s is None else self._leader_heard_s
        return Takeover(before=before.holder, silent_s=max(0.0, self.heard_s - heard_s))

    async def keep(self) -> None:
        """Until cancelled. Raises LeadershipLost when another feed has taken over, or shall because it sees the market
        and this one does not."""
        is_failing = False
        while True:
            await self._clock.sleep(RENEW_EVERY_S)
            try:
                await self._renew()
                await self._say_seeing()
                if self._is_blind() and await self._another_sees():
                    await self.resign()
                    raise LeadershipLost("this feed sees nothing and another one does: that one leads now")
            except StorageError as problem:
                if not is_failing:
                    log.warning("the lease cannot be renewed, trying again: %s", problem)
                is_failing = True
            else:
                is_failing = False

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

    async def _say_seeing(self) -> None:
        if not self._is_blind():
            await self._leases.acquire([f"{SIGHTED}{self.name}"], holder=self.name, for_s=LEASE_S)

    async def _another_sees(self) -> bool:
        sighted = await self._leases.holders(SIGHTED)
        return any(lease.left_s > 0 and lease.holder != self.name for lease in sighted.values())


class HeldSink:
    """An `AlertSink` of a feed that may stand by: until it leads it only remembers what it would have told.

    Both feeds see the same market and give the same event the same key, so what the leader told before it died is
    recognised; the rest is told by the one that takes over.
    """

    def __init__(self, sink: AlertSink, *, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._is_open = False
        self._kept: dict[str, tuple[float, Alert, tuple[Destination, ...]]] = {}

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        if self._is_open:
            self._sink.put(alert, to=to)
            return
        now_s = self._clock.monotonic()
        self._kept[alert.key] = (now_s, alert, tuple(to))
        while self._kept:
            first = next(iter(self._kept))
            if len(self._kept) <= MOST_KEPT and now_s - self._kept[first][0] <= KEPT_S:
                break
            del self._kept[first]

    def knows(self, alert: Alert) -> bool:
        """This feed found the same event."""
        return alert.key in self._kept

    def open(self, *, told: Sequence[Alert]) -> int:
        """This feed leads. told: what is stored of the last while. Returns how many alerts of the time without a leader
        are told now."""
        self._is_open = True
        kept, self._kept = list(self._kept.values()), {}
        keys = {alert.key for alert in told}
        newest_ms: dict[tuple[str, str, str, str], int] = {}
        for alert in told:
            newest_ms[_sort(alert)] = max(newest_ms.get(_sort(alert), 0), alert.event_ms)
        count = 0
        for _, alert, to in kept:
            # Figures that are sampled come to each feed at moments of its own: there one event has two keys.
            is_sampled = KINDS[alert.kind].sampling is not None
            if alert.key in keys or (is_sampled and alert.event_ms <= newest_ms.get(_sort(alert), 0) + APART_MS):
                continue
            self._sink.put(alert, to=to)
            count += 1
        return count


def _sort(alert: Alert) -> tuple[str, str, str, str]:
    return alert.venue, alert.symbol, alert.kind, alert.direction
