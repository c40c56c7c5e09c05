"""`altmonitor run --role feed`: what makes one of several feeds of an `App`.

A feed that stands by runs its market whole: sockets, histories, samples, detectors. It writes nothing, asks nothing
for alerts and reads no commands. It follows what the leader tells and what people set, so that at the takeover it
knows what the leader knew; from there on it takes the same path as the start of a single process.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import msgspec

from altmonitor.app.broker_watch import BrokerWatch
from altmonitor.app.chat_leases import MEMBER
from altmonitor.app.gap_log import seen_key
from altmonitor.app.leadership import (
    ASK_EVERY_S,
    HAS,
    KEPT_S,
    LEASE_S,
    SIGHTED,
    GivenWay,
    HeldSink,
    Leadership,
    Put,
    Takeover,
    Told,
    shown_name,
)
from altmonitor.app.leftovers import Leftovers, TakenOver
from altmonitor.app.market_reach import FeedReach
from altmonitor.app.operator_notices import OperatorNotices
from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.core.status import RoleStatus
from altmonitor.core.types import Destination, Venue
from altmonitor.delivery.feed_mail import FeedMailbox
from altmonitor.delivery.posts import PostedChats
from altmonitor.delivery.signals import SignalSender
from altmonitor.engine.venue_moves import LOOKED_BACK_MS, with_firsts
from altmonitor.interfaces.cluster import FoundAlert, HandOver, PostBox
from altmonitor.interfaces.leases import Leases
from altmonitor.render.notices import BackAfter, BlindSince, Notice
from altmonitor.settings.state import State
from altmonitor.storage.database_store import StoreOptions

if TYPE_CHECKING:  # they need the extra `postgres`
    from altmonitor.storage.postgres.feed_store import FeedStore
    from altmonitor.storage.postgres.state import PostgresState

log = logging.getLogger(__name__)
T = TypeVar("T")

FOLLOW_EVERY_S = 1.0
FOLLOWED_MS = 120_000
"""So far back from when they were looked for last: a commit may come a while after its event."""
MOST_FOLLOWED = 20_000
PRUNE_EVERY_S = 600.0
LEAVE_WITHIN_S = 1.0
POSTS_KEPT_S = 2 * 3_600.0
LEASES_KEPT_S = 3_600.0
GIVEN_WAY_KEY = "feed_given_way"

WARM = frozenset(
    {"contracts", "feed", "open interest", "snapshots", "liquidations", "back-fill", "exchange clock", "first look"}
    | {"service manager"}
)
"""Loops that run while a feed stands by, by name without its venue."""

Fence = Callable[[], int | None]
"""Token of the lease that a feed writes under; None: it may write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCluster:
    """Connections of one feed. name: no other process has it. open_store, open_state: with what gives the token of the
    lease under which they write. hand_over, leftovers: what a feed found and could not store. signals: tells notifiers
    at once; None: they look for themselves."""

    name: str
    leases: Leases
    posts: PostBox
    open_store: Callable[[StoreOptions, Fence], FeedStore]
    open_state: Callable[[Fence], PostgresState]
    hand_over: HandOver
    leftovers: Leftovers
    signals: SignalSender | None = None


class FeedRole:
    """on_told: alerts that the leader told and this feed did not find, oldest → newest. on_untold: what this feed found
    and is not told, since a leader that must have come to it by now did not find it. on_state: what people set.
    on_handed_over: what another feed found; returns whether it is news and was put into the store.

    While it leads – on_sent: this alert stands in that chat, alone in the message of that number. on_moved: a group has
    a new id, and the store has remembered it.
    """

    def __init__(
        self,
        cluster: FeedCluster,
        *,
        clock: Clock,
        store_options: StoreOptions,
        is_blind: Callable[[], bool],
        reach: Callable[[], FeedReach],
        main: Venue,
        sweep_s: float,
        notices: OperatorNotices,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._main = main
        self.store = cluster.open_store(replace(store_options, on_unwritten=cluster.leftovers.keep), self.fence)
        self.state = cluster.open_state(self.fence)
        self.sink = HeldSink(self.store, sweep_s=sweep_s)
        self.signals = cluster.signals
        self.chats = PostedChats(
            cluster.posts, clock=clock, on_posted=lambda: None if self.signals is None else self.signals.posted()
        )
        self.leadership = Leadership(
            cluster.leases,
            name=cluster.name,
            clock=clock,
            follow=self._follow,
            is_blind=is_blind,
            reach=reach,
            main=main,
            on_give_way=self._remember_why,
        )
        self.on_told: Callable[[Told], None] = lambda told: None
        self.on_untold: Callable[[Sequence[Alert]], Awaitable[None]] | None = None
        self.on_state: Callable[[State], None] = lambda state: None
        self.on_sent: Callable[[Destination, Alert, int], None] = lambda at, alert, message_id: None
        self.on_moved: Callable[[Destination, Destination], None] = lambda old, new: None
        self.broker: BrokerWatch | None = None
        if self.signals is not None:
            self.broker = BrokerWatch(
                self.signals.status,
                self.store,
                clock=clock,
                on_trouble=notices.on_broker_trouble,
                on_fine=notices.on_broker_fine,
            )
        self._mailbox = FeedMailbox(
            cluster.posts,
            clock=clock,
            on_sent=self._sent,
            on_moved=self._moved,
            on_broker=lambda name, trouble: None if self.broker is None else self.broker.heard(name, trouble),
        )
        self.on_handed_over: Callable[[FoundAlert], bool] = lambda found: False
        self._followed: dict[str, None] = {}
        self._untold: list[Alert] = []  # known to be, and not yet unlearned
        self._followed_s, self._followed_ms = float("-inf"), clock.now_ms()
        self._version: int | None = None
        self._has_won = False

    @property
    def is_leading(self) -> bool:
        return self.leadership.is_leading

    def fence(self) -> int | None:
        """See `Fence`."""
        return self.leadership.token

    async def win(self) -> Takeover:
        """Returns once this feed leads and knows what there is to know."""
        won = await self.leadership.win()
        self._has_won = True
        self._followed_s = float("-inf")
        await self.insisting(self._follow)
        return won

    async def why(self, won: Takeover) -> GivenWay | None:
        """What the one before said that it gave the lead away for; None: it died, or was ended, or did not say."""
        known = await self.insisting(lambda: self.store.stored_meta([GIVEN_WAY_KEY]))
        try:
            given = msgspec.json.decode(known.get(GIVEN_WAY_KEY, ""), type=GivenWay)
        except msgspec.MsgspecError:
            return None
        return given if (given.by, given.token) == (won.before, won.token) else None

    async def _remember_why(self, given: GivenWay) -> None:
        await self.store.meta_set(GIVEN_WAY_KEY, msgspec.json.encode(given).decode())

    def tell(self, notice: Notice, say: Callable[[], None]) -> None:
        """Says it, where this feed leads: another one tells what it sees itself. That nothing is seen is said when it
        is known that no other feed sees either."""
        if not self.is_leading:
            return
        if isinstance(notice, BlindSince | BackAfter) and notice.venue in (None, self._main):
            if isinstance(notice, BlindSince):
                self.leadership.when_nobody_sees(say)
                return
            self.leadership.say_waiting()
        say()

    async def open(self) -> Sequence[Put]:
        """From here on this feed tells. Returns the alerts of the time without a leader, which it tells first."""
        return await self.insisting(self._open)

    async def _open(self) -> Sequence[Put]:
        await self.store.reload()
        since_ms = self._clock.now_ms() - int(KEPT_S * 1000)
        since_ms = min([since_ms, *(alert.event_ms for alert, _ in self.sink.kept())]) - FOLLOWED_MS
        return self.sink.open(told=await self._heard_since(since_ms))

    async def _heard_since(self, since_ms: int) -> Told:
        """What is stored since then, each with all who heard of it."""
        told = await self.store.stored_since(since_ms)
        keys = {alert.key for alert, _ in told}
        if all((alert.details.merged_into or alert.key) in keys for alert, _ in told):
            return with_firsts(told)
        further = with_firsts(await self.store.stored_since(since_ms - LOOKED_BACK_MS))
        return [one for one in further if one[0].key in keys]

    async def insisting(self, work: Callable[[], Awaitable[T]]) -> T:
        """A database that ceases to answer at this moment must not cost what this feed has found meanwhile."""
        is_failing = False
        while True:
            try:
                return await work()
            except DatabaseRefused:
                raise
            except StorageError as problem:
                if not is_failing:
                    log.warning("the takeover is held up, trying again: %s", problem)
                is_failing = True
            await self._clock.sleep(ASK_EVERY_S)

    async def leave(self) -> None:
        """For an orderly end: another feed leads at once. What this one has found since it won, and had no time to put
        into its store, is handed over like what it could not store."""
        if self._has_won:
            self._cluster.leftovers.keep([FoundAlert(alert, to) for alert, to in self.sink.kept()])
        with suppress(StorageError, TimeoutError):
            async with self._clock.timeout(LEAVE_WITHIN_S):
                await self.leadership.resign()

    def on_committed(self, alert: Alert) -> None:
        if self.signals is not None:
            self.signals.alert(alert.key)

    def status(self) -> RoleStatus:
        """For `/health` and `/metrics`."""
        trouble = []
        numbers: dict[str, float] = {}
        if self.is_leading:
            age_s = self._clock.monotonic() - self.leadership.heard_s
            numbers["lease_age_seconds"] = age_s
            if age_s > LEASE_S:
                trouble.append(f"database_away: the lease could not be renewed for {age_s:.0f} s")
        if self.signals is not None:
            signals = self.signals.status()
            numbers |= {"signals_passed": signals.passed, "signals_dropped": signals.dropped}
            if signals.trouble:
                trouble.append(f"broker: {signals.trouble}")
        return RoleStatus(
            role="feed",
            name=shown_name(self._cluster.name),
            is_leading=self.is_leading,
            trouble=tuple(trouble),
            numbers=numbers,
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Of a feed that leads, by name."""
        taken_over = TakenOver(
            self._cluster.hand_over,
            clock=self._clock,
            adopt=lambda found: self.on_handed_over(found),
            done=self.store.taken_over,
        )
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "posts": self._prune,
            "count": self.store.run,
            "handed over": taken_over.run,
            "mail of notifiers": self._mailbox.run,
        }
        if self.signals is not None:
            loops["signals"] = self.signals.run
        if self.broker is not None:
            loops["broker watch"] = self.broker.run
        return loops

    async def _sent(self, at: Destination, alert_key: str, message_id: int) -> None:
        for alert in (await self.store.alerts_of([alert_key])).values():
            self.on_sent(at, alert, message_id)

    async def _moved(self, old: Destination, new: Destination) -> None:
        await self.store.move(old, new)
        self.on_moved(old, new)

    async def _prune(self) -> None:
        """Until cancelled: what was said or could not be said is forgotten, and processes that ended long ago are: each
        start of one has leases under a name of its own."""
        while True:
            try:
                await self._cluster.posts.prune(before_ms=self._clock.now_ms() - int(POSTS_KEPT_S * 1000))
                await self._cluster.leases.prune((SIGHTED, HAS, MEMBER), ended_s=LEASES_KEPT_S)
            except StorageError as problem:
                log.warning("what was said in chats, and who is gone, could not be removed: %s", problem)
            await self._clock.sleep(PRUNE_EVERY_S)

    async def _stored_until(self) -> Mapping[Venue, int]:
        """Until when of each venue everything is stored that the leader found, unix ms."""
        keys = {seen_key(alert.venue): alert.venue for alert, _ in self.sink.kept()}
        if not keys:
            return {}
        known = await self.store.stored_meta(list(keys))
        return {keys[key]: int(value) for key, value in known.items() if value.isdigit()}

    async def _follow(self) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._followed_s < FOLLOW_EVERY_S:
            return
        version, state = await self.state.read()
        if version != self._version:
            self._version = version
            self.on_state(state)
        now_ms = self._clock.now_ms()
        told = await self._heard_since(self._followed_ms - FOLLOWED_MS)
        news = [one for one in told if one[0].key not in self._followed and not self.sink.knows(one[0])]
        self._followed |= dict.fromkeys(alert.key for alert, _ in told)
        while len(self._followed) > MOST_FOLLOWED:
            del self._followed[next(iter(self._followed))]
        if news:
            self.on_told(news)
        self._untold += self.sink.forget(await self._stored_until(), told=told)
        if self._untold and self.on_untold is not None:
            await self.on_untold(self._untold)
        self._untold = []
        self._followed_s, self._followed_ms = now_s, now_ms
