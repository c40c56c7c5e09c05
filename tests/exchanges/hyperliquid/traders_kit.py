"""A pool of wallets that is made up here, and one wallet at a time from the simulated venue."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from altmonitor.collect.wallets import WalletLookups
from altmonitor.exchanges.hyperliquid.traders import HyperliquidTraders
from altmonitor.exchanges.hyperliquid.wallets import HyperliquidWallets
from altmonitor.interfaces.wallets import HourOfPool
from altmonitor.positioning.wallet_pool import PoolSnapshot
from altmonitor.positioning.wallets import Performance, Role, Wallet, WalletEvent, WalletPosition, WalletState
from altmonitor.sim.hyperliquid_wallets import SimWallets, address_of
from tests.exchanges.hyperliquid.test_wallets import source_of
from tests.sim.exchange_kit import START, Scene, scene

HOUR_MS = 3_600_000


def wallet(number: int, *, role: Role = "trader", name: str = "") -> Wallet:
    """Profit of the week rises with the number, the account falls with it."""
    week = Performance(pnl_usd=number * 100.0, roi=(number % 10) / 100)  # type: ignore[arg-type]
    month = Performance(pnl_usd=-number * 10.0, roi=0.5)  # type: ignore[arg-type]
    return Wallet(
        address=address_of(number),
        account_usd=1e6 - number * 1_000,
        name=name,
        role=role,
        performance={"week": week, "month": month},
    )


def state(number: int, *, at_ms: int = START, price: float = 100.0, entry: float = 80.0, **sizes: float) -> WalletState:
    positions = tuple(
        WalletPosition(
            coin=coin,
            symbol="1000PEPEUSDT" if coin == "kPEPE" else f"{coin}USDT",
            size=size,
            notional_usd=abs(size) * price,
            entry=entry,
            as_of_ms=at_ms,
        )
        for coin, size in sizes.items()
    )
    return WalletState(address=address_of(number), as_of_ms=at_ms, account_usd=1e6, positions=positions)


@dataclass(slots=True)
class KnownPool:
    """`interfaces.wallets.WalletQueries` of what it is given."""

    seen: PoolSnapshot = field(
        default_factory=lambda: PoolSnapshot(
            now_ms=START, unavailable="no wallets are watched: set HYPERLIQUID_WALLETS"
        )
    )
    kept: Mapping[int, HourOfPool] = field(default_factory=dict)

    def watch(self, wallets: Sequence[Wallet], states: Sequence[WalletState] = ()) -> None:
        by_address = {one.address: one for one in wallets}
        self.seen = PoolSnapshot(
            now_ms=START,
            wallets=by_address,
            states={one.address: one for one in states},
            round_s=300.0,
            leaderboard_ms=START - 60_000,
        )

    def keep(self, hours_back: int, states: Sequence[WalletState]) -> None:
        hour_ms = START // HOUR_MS * HOUR_MS - hours_back * HOUR_MS
        self.kept = {**self.kept, hour_ms: HourOfPool(hour_ms=hour_ms, wallets=len(states), states=tuple(states))}

    async def snapshot(self) -> PoolSnapshot:
        return replace(self.seen)

    async def events(
        self, *, since_ms: int, coin: str | None = None, address: str | None = None, limit: int = 500
    ) -> Sequence[WalletEvent]:
        return ()

    async def watched_since_ms(self) -> int | None:
        return START - 30 * HOUR_MS

    async def hours(self, hours_ms: Collection[int], *, base: str | None = None) -> Sequence[HourOfPool]:
        return [self.kept[ms] for ms in sorted(hours_ms) if ms in self.kept]


@dataclass(slots=True)
class TraderScene:
    traders: HyperliquidTraders
    pool: KnownPool
    world: Scene
    source: HyperliquidWallets

    @property
    def venue(self) -> SimWallets:
        return self.world.exchange.hyperliquid.wallets


@contextlib.asynccontextmanager
async def traders_of(*wallets: Wallet, states: Sequence[WalletState] = ()) -> AsyncIterator[TraderScene]:
    async with scene(symbols=120) as world, source_of(world) as source:

        async def started() -> HyperliquidWallets:
            return source

        lookup = WalletLookups(started, clock=world.clock, answer_within_s=5.0)
        pool = KnownPool()
        if wallets:
            pool.watch(wallets, states)
        yield TraderScene(
            traders=HyperliquidTraders(pool, lookup, clock=world.clock), pool=pool, world=world, source=source
        )
