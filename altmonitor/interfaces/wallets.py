"""What is asked about the wallets of a venue that shows them, as small Protocols. exchanges/ and storage/ stand behind.

The pool is watched from the first start on: nothing is known of a time before, and nothing of wallets outside it except
what `WalletLookup` asks for one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from altmonitor.core.status import GuardStatus
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.wallet_fills import EquityCurve, Fill
from altmonitor.positioning.wallet_pool import PoolSnapshot
from altmonitor.positioning.wallets import Wallet, WalletEvent, WalletState


class WalletSource(Protocol):
    """Questions to the venue. Every method may raise `errors.ExchangeError` and nothing else."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def leaderboard(self, on_wallet: Callable[[Wallet], None]) -> int:
        """Every row is handed on as it comes, so that nobody holds all of them: tens of megabytes, hourly at most.

        Roles are not told: all are traders. Returns how many there were; after an error those that were handed on are
        not the whole list.
        """

    async def vaults(self) -> frozenset[str]:
        """Addresses of those that are open."""

    async def state(self, address: str, *, priority: Priority) -> WalletState: ...
    async def fills(self, address: str, *, priority: Priority) -> Sequence[Fill]:
        """The newest 2,000, newest first."""

    async def equity(self, address: str, *, priority: Priority) -> EquityCurve: ...
    def guard_status(self) -> GuardStatus: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOfPool:
    """The pool as it stood at the end of an hour that is over. hour_ms: its beginning."""

    hour_ms: int
    wallets: int
    states: tuple[WalletState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletWatch:
    """How the watching goes. since_ms: the first look at any wallet. leaderboard_ms: when the list was read.
    round_s: how long it takes to ask everybody once. failing: why the newest question about a wallet had no answer → of
    how many. pause: why nobody is asked now, '' while they are."""

    since_ms: int | None = None
    leaderboard_ms: int | None = None
    round_s: float = 0.0
    failing: Mapping[str, int] = field(default_factory=dict)
    pause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPool:
    wallets: Sequence[Wallet] = ()
    states: Sequence[WalletState] = ()
    watch: WalletWatch = WalletWatch()


class WalletRecord(Protocol):
    """What was kept of the time before. Both may raise StorageError."""

    async def events(
        self, *, since_ms: int, coin: str | None = None, address: str | None = None, limit: int = 500
    ) -> Sequence[WalletEvent]:
        """Newest first, length ≤ limit. coin: as the venue spells it."""

    async def hours(self, hours_ms: Collection[int], *, base: str | None = None) -> Sequence[HourOfPool]:
        """Of these hours (their beginnings) those that are kept, oldest → newest. base: only positions in that coin,
        such as PEPE; None: all."""


class WalletStore(WalletRecord, Protocol):
    """Where the pool is kept. All may raise StorageError; what one call is given is kept whole or not at all."""

    async def load(self) -> StoredPool: ...
    async def put_wallets(self, wallets: Sequence[Wallet]) -> None:
        """These and no others are watched; states of the others are dropped."""

    async def put_looks(
        self, states: Sequence[WalletState], events: Sequence[WalletEvent], watch: WalletWatch
    ) -> None: ...
    async def put_hour(self, hour: HourOfPool) -> None: ...
    async def forget_before(self, before_ms: int) -> None:
        """Events and hours that are older."""


class WalletQueries(WalletRecord, Protocol):
    """What is known of the pool. All may raise StorageError; `snapshot().unavailable` says why there is nothing."""

    async def snapshot(self) -> PoolSnapshot: ...
    async def watched_since_ms(self) -> int | None:
        """When the first wallet was looked at; None before."""


class WalletLookup(Protocol):
    """One wallet, in the pool or not, asked for now. All may raise ExchangeError."""

    async def state(self, address: str) -> WalletState: ...
    async def fills(self, address: str) -> Sequence[Fill]: ...
    async def equity(self, address: str) -> EquityCurve: ...
