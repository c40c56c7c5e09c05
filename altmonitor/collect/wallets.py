"""Watches the wallets of a leaderboard: asks one after the other what it holds, and keeps what changed.

The list is read once an hour; whoever was asked longest ago is asked next, at a pace that stays far below what the
venue allows. A wallet that does not answer keeps what is known of it until that is too old to count: nothing is made up
for it, and the coverage says how many are missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import (
    BadAnswer,
    BudgetExhausted,
    ExchangeBlocked,
    ExchangeError,
    ExchangeUnreachable,
    StorageError,
)
from altmonitor.core.log import FailureLog
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.wallets import HourOfPool, WalletSource, WalletStore, WalletWatch
from altmonitor.positioning.wallet_fills import EquityCurve, Fill
from altmonitor.positioning.wallet_pool import PoolSnapshot, WalletPicker, lately
from altmonitor.positioning.wallets import Wallet, WalletEvent, WalletState, compared, role_of

log = logging.getLogger(__name__)

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
ROUND_S: Final = 300.0
"""So long a round takes at least."""
MOST_WEIGHT: Final = 453
"""Of the 1,200 an address has in a minute: 13,600 wallets an hour. More than fit in `ROUND_S` take longer."""
STATE_WEIGHT: Final = 2
FASTEST_S: Final = STATE_WEIGHT * 60.0 / MOST_WEIGHT
MODEST_S: Final = STATE_WEIGHT * 60.0 / 100
"""While the budget is short, as when the venue's history is loaded: 100 of the weight."""
LIST_EVERY_S: Final = 3_600.0
LIST_AGAIN_S: Final = 300.0
FLUSH_EVERY_S: Final = 5.0
ASKING_AT_ONCE: Final = 3
"""Within the connections of the venue's gate, so that an answer that takes long does not slow the round."""
BLOCKED_LOOK_S: Final = 60.0
SHORT_S: Final = 15.0
EDGE_MS: Final = 180_000
"""An hour is kept by whoever watched over its end, not by one who was started later."""

NO_LIST: Final = "the leaderboard has not been read yet"


def round_seconds(wallets: int) -> float:
    """How long it takes to ask everybody once."""
    return max(ROUND_S, wallets * FASTEST_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletWatchDeps:
    """count: how many wallets. keep_days: of events and hours."""

    source: WalletSource
    store: WalletStore
    clock: Clock
    count: int
    keep_days: int


class WalletCollector:
    """`interfaces.wallets.WalletQueries` of what it sees itself. `restore` before `run`."""

    def __init__(self, deps: WalletWatchDeps) -> None:
        self._deps = deps
        self._clock = deps.clock
        self._wallets: dict[str, Wallet] = {}
        self._states: dict[str, WalletState] = {}
        self._turns: deque[str] = deque()
        self._asking: set[str] = set()
        self._vaults: frozenset[str] = frozenset()
        self._failing: dict[str, str] = {}
        self._pause = NO_LIST
        self._watch = WalletWatch()
        self._fresh: dict[str, WalletState] = {}
        self._events: list[WalletEvent] = []
        self._has_wallets = asyncio.Event()
        self._next_s = 0.0
        self._hour_ms = 0
        self._seen_ms = 0
        self._missing_told = False
        self._storing = FailureLog(log, "wallets are watched, and what is seen cannot be kept: %s", of=StorageError)

    # --- what is known

    async def snapshot(self) -> PoolSnapshot:
        return self.now()

    def now(self) -> PoolSnapshot:
        now_ms = self._clock.now_ms()
        round_s = round_seconds(len(self._wallets))
        states = lately(self._states.values(), now_ms=now_ms, round_s=round_s)
        return PoolSnapshot(
            now_ms=now_ms,
            wallets=dict(self._wallets),
            states=states,
            round_s=round_s,
            leaderboard_ms=self._watch.leaderboard_ms,
            failing=dict(Counter(self._failing.values())),
            unavailable="" if states else self._pause or "no wallet has been looked at yet",
        )

    async def events(
        self, *, since_ms: int, coin: str | None = None, address: str | None = None, limit: int = 500
    ) -> Sequence[WalletEvent]:
        await self._flush()
        return await self._deps.store.events(since_ms=since_ms, coin=coin, address=address, limit=limit)

    async def watched_since_ms(self) -> int | None:
        """Unix ms; None: not yet."""
        return self._watch.since_ms

    async def hours(self, hours_ms: Collection[int], *, base: str | None = None) -> Sequence[HourOfPool]:
        return await self._deps.store.hours(hours_ms, base=base)

    # --- life

    async def restore(self) -> None:
        """Goes on where an earlier run ended. Raises: StorageError."""
        stored = await self._deps.store.load()
        self._watch = stored.watch
        self._states = {state.address: state for state in stored.states}
        self._vaults = frozenset(wallet.address for wallet in stored.wallets if wallet.role == "vault")
        self._use({wallet.address: wallet for wallet in stored.wallets[: self._deps.count]})

    async def run(self) -> None:
        """Until cancelled."""
        self._asking.clear()
        self._use(self._wallets)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_list())
            group.create_task(self._keep())
            for _ in range(ASKING_AT_ONCE):
                group.create_task(self._ask_in_turn())

    def _use(self, wallets: dict[str, Wallet]) -> None:
        """These are watched from now on: newcomers are asked first, the others in the order of their last answer."""
        self._wallets = wallets
        self._states = {address: state for address, state in self._states.items() if address in wallets}
        self._failing = {address: why for address, why in self._failing.items() if address in wallets}
        asked = {address: state.as_of_ms for address, state in self._states.items()}
        self._turns = deque(sorted(wallets.keys() - self._asking, key=lambda address: (asked.get(address, 0), address)))
        if wallets:
            self._pause = ""
            self._has_wallets.set()

    # --- the list

    async def _follow_list(self) -> None:
        while True:
            read_ms = self._watch.leaderboard_ms
            age_s = None if read_ms is None else (self._clock.now_ms() - read_ms) / 1000
            if age_s is not None and 0 <= age_s < LIST_EVERY_S and len(self._wallets) >= self._deps.count:
                await self._clock.sleep(LIST_EVERY_S - age_s)
                continue
            await self._clock.sleep(LIST_EVERY_S if await self._read_list() else LIST_AGAIN_S)

    async def _read_list(self) -> bool:
        """False when it could not be had: then those of the last one go on being watched."""
        picker = WalletPicker(self._deps.count)
        try:
            rows = await self._deps.source.leaderboard(picker.offer)
        except ExchangeError as problem:
            log.warning("the leaderboard of wallets: %s", problem)
            if not self._wallets:
                self._pause = f"{NO_LIST}: {problem}"
            return False
        try:
            self._vaults = await self._deps.source.vaults()
        except ExchangeError as problem:
            log.warning("the list of vaults: %s; %d stay marked", problem, len(self._vaults))
        found = {
            wallet.address: replace(wallet, role=role_of(wallet, is_vault=wallet.address in self._vaults))
            for wallet in picker.picked()
        }
        self._watch = replace(self._watch, leaderboard_ms=self._clock.now_ms())
        self._use(found)
        log.info("%d wallets are watched, of %d on the leaderboard", len(found), rows)
        try:
            await self._deps.store.put_wallets(list(found.values()))
        except StorageError as problem:
            self._storing.failed(problem)
        return True

    # --- one wallet after the other

    async def _ask_in_turn(self) -> None:
        while True:
            await self._has_wallets.wait()
            await self._wait_for_turn()
            address = self._turns.popleft()
            self._asking.add(address)
            try:
                after = await self._deps.source.state(address, priority=Priority.TRACKING)
            except ExchangeBlocked as problem:
                self._back(address)
                await self._pause_until(problem.until_ms, str(problem))
            except BudgetExhausted:
                self._back(address)
                await self._clock.sleep(SHORT_S)
            except ExchangeError as problem:
                self._failed(address, "an unreadable answer" if isinstance(problem, BadAnswer) else "no answer")
            else:
                self._looked(address, after)

    async def _wait_for_turn(self) -> None:
        """At the pace of the round, the fastest for whoever was never asked; lost time is not made up for."""
        gap_s = round_seconds(len(self._wallets)) / max(1, len(self._wallets))
        if self._turns and self._turns[0] not in self._states and self._turns[0] not in self._failing:
            gap_s = FASTEST_S
        if self._deps.source.guard_status().state == "waiting":  # the market's own questions wait for the same budget
            gap_s = max(gap_s, MODEST_S)
        now_s = self._clock.monotonic()
        self._next_s = max(self._next_s + gap_s, now_s)
        await self._clock.sleep(self._next_s - now_s)
        while not self._turns:
            await self._clock.sleep(gap_s)

    def _back(self, address: str) -> None:
        """First in turn again: it was not asked."""
        self._asking.discard(address)
        if address in self._wallets:
            self._turns.appendleft(address)

    async def _pause_until(self, until_ms: int, reason: str) -> None:
        self._pause = reason
        left_s = (until_ms - self._clock.now_ms()) / 1000
        await self._clock.sleep(min(max(left_s, 1.0), BLOCKED_LOOK_S))

    def _failed(self, address: str, why: str) -> None:
        self._asking.discard(address)
        if address in self._wallets:
            self._failing[address] = why
            self._turns.append(address)
        self._tell_missing()

    def _looked(self, address: str, after: WalletState) -> None:
        self._asking.discard(address)
        wallet = self._wallets.get(address)
        if wallet is None:
            return
        state, events = compared(self._states.get(address), after, role=wallet.role)
        self._states[address] = self._fresh[address] = state
        self._events += events
        self._failing.pop(address, None)
        self._pause = ""
        self._turns.append(address)
        if self._watch.since_ms is None:
            self._watch = replace(self._watch, since_ms=after.as_of_ms)
        self._tell_missing()

    def _tell_missing(self) -> None:
        """Once when every second of them does not answer, and once when they do again."""
        is_missing = len(self._failing) * 2 >= len(self._wallets) > 0
        if is_missing is not self._missing_told:
            self._missing_told = is_missing
            said = ", ".join(f"{why}: {count}" for why, count in Counter(self._failing.values()).items())
            log.warning("wallets that do not answer: %d of %d (%s)", len(self._failing), len(self._wallets), said)

    # --- keeping it

    async def _keep(self) -> None:
        forget_s = self._clock.monotonic()
        while True:
            await self._clock.sleep(FLUSH_EVERY_S)
            with self._storing:
                await self._flush()
                await self._keep_hour()
                if self._clock.monotonic() >= forget_s:
                    forget_s = self._clock.monotonic() + HOUR_MS / 1000
                    await self._deps.store.forget_before(self._clock.now_ms() - self._deps.keep_days * DAY_MS)

    async def _flush(self) -> None:
        """Raises: StorageError; then it is tried again, with what has come until then."""
        states, events = self._fresh, self._events
        self._fresh, self._events = {}, []
        watch = replace(
            self._watch,
            round_s=round_seconds(len(self._wallets)),
            failing=dict(Counter(self._failing.values())),
            pause=self._pause,
        )
        if not states and not events and watch == self._watch:
            return
        try:
            await self._deps.store.put_looks(list(states.values()), events, watch)
        except StorageError:
            self._fresh, self._events = states | self._fresh, events + self._events
            raise
        self._watch = replace(watch, since_ms=self._watch.since_ms, leaderboard_ms=self._watch.leaderboard_ms)

    async def _keep_hour(self) -> None:
        now_ms = self._clock.now_ms()
        hour_ms, seen_ms = now_ms // HOUR_MS * HOUR_MS, self._seen_ms
        self._seen_ms = now_ms
        if hour_ms == self._hour_ms:
            return
        ended_ms, self._hour_ms = self._hour_ms, hour_ms
        pool = self.now()
        if ended_ms == hour_ms - HOUR_MS and hour_ms - seen_ms < EDGE_MS and pool.states:
            hour = HourOfPool(hour_ms=ended_ms, wallets=len(pool.wallets), states=tuple(pool.states.values()))
            await self._deps.store.put_hour(hour)


# --- one wallet that somebody asks about, whether or not it is watched: asked for now, kept for a moment --------------

T = TypeVar("T")

ASKED: Final = Priority.ENRICH
"""Somebody waits for it: it may use what is kept free of the budget while the venue's history is loaded."""
STATE_KEPT_S: Final = 10.0
HISTORY_KEPT_S: Final = 120.0
KEPT: Final = 64
"""Of each kind; the fills of one wallet are up to 2,000."""


class WalletLookups:
    """`interfaces.wallets.WalletLookup`. source: connected with the first question. answer_within_s: how long one may
    take, with the wait for the venue's budget."""

    def __init__(self, source: Callable[[], Awaitable[WalletSource]], *, clock: Clock, answer_within_s: float) -> None:
        self._source = source
        self._clock = clock
        self._within_s = answer_within_s
        self._states: Cache[str, WalletState] = Cache(clock=clock, ttl_s=STATE_KEPT_S, capacity=KEPT)
        self._fills: Cache[str, Sequence[Fill]] = Cache(clock=clock, ttl_s=HISTORY_KEPT_S, capacity=KEPT)
        self._curves: Cache[str, EquityCurve] = Cache(clock=clock, ttl_s=HISTORY_KEPT_S, capacity=KEPT)

    async def state(self, address: str) -> WalletState:
        return await self._states.get(
            address, lambda: self._asked(lambda source: source.state(address, priority=ASKED))
        )

    async def fills(self, address: str) -> Sequence[Fill]:
        return await self._fills.get(address, lambda: self._asked(lambda source: source.fills(address, priority=ASKED)))

    async def equity(self, address: str) -> EquityCurve:
        return await self._curves.get(
            address, lambda: self._asked(lambda source: source.equity(address, priority=ASKED))
        )

    async def _asked(self, question: Callable[[WalletSource], Awaitable[T]]) -> T:
        try:
            async with self._clock.timeout(self._within_s):
                return await question(await self._source())
        except TimeoutError:
            raise ExchangeUnreachable(f"no answer within {self._within_s:.0f} s") from None
