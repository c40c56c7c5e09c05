"""Questions to Hyperliquid about accounts: the leaderboard's file, vaults, and one account after the other.

An account costs 2 of the 1,200 an address may weigh in a minute; the files lie on a host of their own and cost nothing
but their size. Only the main dex is asked: builders' dexes keep accounts of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from altmonitor.config import Config
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.errors import BadAnswer, ExchangeUnreachable
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.hyperliquid import wallet_bodies as bodies
from altmonitor.exchanges.hyperliquid.rest import (
    HEAVY,
    INFO_PATH,
    LIGHT,
    PER_S,
    PROBE,
    REQUESTS,
    WEIGHT_PER_MINUTE,
    WEIGHT_SHARES,
    question,
)
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.client import ANSWER_WITHIN_S, POOL, HttpGet, VenueRest, venue_guard
from altmonitor.exchanges.rest.guard import Guard, RestAnswer
from altmonitor.exchanges.rest.shared_pool import pool_of
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.wallet_fills import EquityCurve, Fill
from altmonitor.positioning.wallets import Wallet, WalletState

LEADERBOARD: Final = "/Mainnet/leaderboard"
VAULTS: Final = "/Mainnet/vaults"
FILE_WITHIN_S: Final = 180.0
FILES_AN_HOUR: Final = 17
FILLS_WEIGHT: Final = HEAVY + 2_000 // 20
"""One more for every 20 rows; how many come is known afterwards."""


WEIGHT_FILE: Final = "hyperliquid-weight"
"""Beside DB_FILE: what every process that knows the folder weighed at the venue in the last minute."""


class HyperliquidWallets:
    """`interfaces.wallets.WalletSource`. guard: the venue's own, which its market is asked through too."""

    def __init__(
        self, base_url: str, stats_url: str, *, clock: Clock, guard: Guard, trust_env: bool = True, within_s: float
    ) -> None:
        self._clock = clock
        self._rest = VenueRest(
            base_url,
            clock=clock,
            guard=guard,
            is_refusal=lambda body: False,
            trust_env=trust_env,
            within_s=within_s,
            post_path=INFO_PATH,
        )
        self._files = HttpGet(
            stats_url, clock=clock, trust_env=trust_env, sockets=1, within_s=timeouts(clock, FILE_WITHIN_S)
        )
        self._files_guard = venue_guard(stats_url, clock=clock, requests=FILES_AN_HOUR, per_s=3_600.0, probe=VAULTS)

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._rest.start()
        await self._files.start()

    async def stop(self) -> None:
        await self._rest.stop()
        await self._files.stop()

    def guard_status(self) -> GuardStatus:
        return self._rest.guard_status()

    async def leaderboard(self, on_wallet: Callable[[Wallet], None]) -> int:
        found = 0

        def on_row(row: bytes) -> None:
            nonlocal found
            wallet = bodies.read_leader(row)
            if wallet is not None:
                found += 1
                on_wallet(wallet)

        await self._read_file(LEADERBOARD, depth=1, on_row=on_row)
        if not found:
            raise BadAnswer("leaderboard: no readable rows")
        return found

    async def vaults(self) -> frozenset[str]:
        found: set[str] = set()

        def on_row(row: bytes) -> None:
            address = bodies.read_vault(row)
            if address is not None:
                found.add(address)

        await self._read_file(VAULTS, depth=0, on_row=on_row)
        return frozenset(found)

    async def _read_file(self, path: str, *, depth: int, on_row: Callable[[bytes], None]) -> None:
        splitter = bodies.RowSplitter(depth)

        def on_chunk(chunk: bytes) -> None:
            for row in splitter.feed(chunk):
                on_row(row)

        async def send(target: str) -> RestAnswer:
            return await (self._files.stream(target, on_chunk) if target == path else self._files.send(target))

        ask = Ask(target=path, priority=Priority.TRACKING, weight=0, pool=POOL)
        answer = await self._files_guard.fetch(ask, send, wait_s=0.0)
        if answer.status != 200:
            said = f"HTTP {answer.status}"
            raise ExchangeUnreachable(said) if answer.status >= 500 else BadAnswer(said)
        if not splitter.is_complete:
            raise BadAnswer("the answer was cut off")

    async def state(self, address: str, *, priority: Priority) -> WalletState:
        body = await self._ask("clearinghouseState", address, priority, LIGHT)
        return bodies.read_state(body, address, as_of_ms=self._clock.now_ms())

    async def fills(self, address: str, *, priority: Priority) -> Sequence[Fill]:
        return bodies.read_fills(await self._ask("userFills", address, priority, FILLS_WEIGHT))

    async def equity(self, address: str, *, priority: Priority) -> EquityCurve:
        return bodies.read_equity(await self._ask("portfolio", address, priority, HEAVY), address)

    async def _ask(self, kind: str, address: str, priority: Priority, weight: int) -> bytes:
        asked = question(type=kind, user=bodies.address(address))
        return await self._rest.ask(Ask(target=asked, priority=priority, weight=weight, pool=POOL))


def hyperliquid_guard(config: Config, *, clock: Clock, on_change: Callable[[GuardStatus], None] | None = None) -> Guard:
    """One for everything that is asked of the venue by this process; its weight counts with that of the others."""
    host = urlsplit(config.hyperliquid_url).netloc
    weights = pool_of(
        limit=WEIGHT_PER_MINUTE, window_s=60.0, path=config.db_file.with_name(WEIGHT_FILE), host=host, clock=clock
    )
    return venue_guard(
        config.hyperliquid_url,
        clock=clock,
        requests=REQUESTS,
        per_s=PER_S,
        probe=PROBE,
        block_file=config.db_file.with_name("hyperliquid-block.json"),
        on_change=on_change,
        weights=weights,
        weight_shares=WEIGHT_SHARES,
    )


def hyperliquid_wallets(config: Config, clock: Clock, guard: Guard | None = None) -> HyperliquidWallets:
    """guard: of the venue's market where that is watched in this process."""
    return HyperliquidWallets(
        config.hyperliquid_url,
        config.hyperliquid_stats_url,
        clock=clock,
        guard=guard or hyperliquid_guard(config, clock=clock),
        within_s=timeouts(clock, ANSWER_WITHIN_S),
    )
