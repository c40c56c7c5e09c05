"""A bench on which everything a score is made of can be asked, and can fail by its own reason."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.core.errors import ExchangeBlocked, ExchangeError
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import TakerBucket
from altmonitor.interfaces.queries import EVERYTHING, PositionScope, WhoFacts
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.operations.context import OperationContext
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.open_interest import OiBar
from altmonitor.positioning.wallet_pool import PoolSnapshot
from altmonitor.positioning.wallets import Wallet, WalletEvent, WalletPosition, WalletState
from tests.operations.operations_kit import NOW_MS, Bench, StandingCohorts, bucket

BUCKET_MS = 7_200_000


class StandingMinutes:
    """A day of minutes that swing around 103.5; takers buy 60 of 100."""

    def __init__(self, problem: ExchangeError | None = None) -> None:
        self.problem = problem
        self.asked = 0

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        self.asked += 1
        if self.problem is not None:
            raise self.problem
        first = -(-start_ms // MINUTE_MS)
        opens = [number * MINUTE_MS for number in range(first, end_ms // MINUTE_MS + 1)][:limit]
        return [
            Candle(
                open_ms=open_ms,
                open=103.0,
                high=104.0 + open_ms // MINUTE_MS % 7 * 0.01,
                low=103.0 - open_ms // MINUTE_MS % 5 * 0.01,
                close=103.5 if open_ms > end_ms - 30 * MINUTE_MS else 103.0,
                quote_usdt=100.0,
                taker_quote_usdt=60.0,
            )
            for open_ms in opens
        ]


class StandingTakers:
    """OKX's day of quarters of an hour: takers buy 300 of 1,000."""

    venue = "okx"

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: object) -> Histories:
        return Histories(retail=[], top_accounts=[], top_positions=[])

    async def taker_day(self, symbol: str, *, priority: object) -> list[TakerBucket]:
        quarter = 15 * MINUTE_MS
        newest = NOW_MS // quarter * quarter
        return [
            TakerBucket(open_ms=newest - back * quarter, minutes=15, quote_usdt=1_000.0, taker_quote_usdt=300.0)
            for back in range(96, -1, -1)
        ]


class StandingPast(StandingCohorts):
    """And thirty days of two hours each: price and open interest rise for a day and fall for a day, in turns."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: object) -> Histories:
        if period != "2h":
            return await super().cohorts(symbol, period=period, limit=limit, priority=priority)
        rows = [bucket(at_ms, 0.6) for at_ms in self._times(limit)]
        return Histories(retail=rows, top_accounts=rows, top_positions=rows)

    async def open_interest_history(self, symbol: str, *, period: str, limit: int, priority: object) -> list[OiBar]:
        self.asked.append((period, limit))
        return [
            OiBar(time_ms=at_ms, coins=1_000.0 + 10 * level, usd=(1_000.0 + 10 * level) * (100.0 + 2 * level))
            for at_ms in self._times(limit)
            for level in (self._level(at_ms),)
        ]

    def _times(self, count: int) -> list[int]:
        newest = NOW_MS // BUCKET_MS * BUCKET_MS
        return [newest - back * BUCKET_MS for back in range(count - 1, -1, -1)]

    def _level(self, at_ms: int) -> int:
        day, step = divmod(at_ms // BUCKET_MS, 12)
        return step if day % 2 else 12 - step


class FailingPositions:
    def __init__(self, problem: ExchangeError) -> None:
        self._problem = problem

    async def who(self, symbol: str, scope: PositionScope = EVERYTHING) -> WhoFacts:
        raise self._problem


class FailingCohorts:
    venue = "binance"

    def __init__(self, problem: ExchangeError) -> None:
        self._problem = problem

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: object) -> Histories:
        raise self._problem


def position(coin: str, size: float, *, price: float = 100.0, liquidation: float | None = None) -> WalletPosition:
    return WalletPosition(
        coin=coin,
        symbol=f"{coin}USDT",
        size=size,
        notional_usd=abs(size) * price,
        as_of_ms=NOW_MS - 60_000,
        entry=price,
        leverage=10.0,
        liquidation_price=liquidation,
    )


class StandingWallets:
    """Three long and one short in SOL, what they did, and when the first was looked at."""

    def __init__(self) -> None:
        sizes = (30_000.0, 20_000.0, 10_000.0, -40_000.0)
        addresses = [f"0x{number:040x}" for number in range(1, 5)]
        self.pool = PoolSnapshot(
            now_ms=NOW_MS,
            wallets={one: Wallet(address=one, account_usd=1e6) for one in addresses},
            states={
                address: WalletState(
                    address=address,
                    as_of_ms=NOW_MS - 60_000,
                    positions=(position("SOL", size, liquidation=92.0 if size > 0 else 112.0),),
                )
                for address, size in zip(addresses, sizes, strict=True)
            },
        )
        self.told = [
            WalletEvent(
                kind=kind,  # type: ignore[arg-type]
                address=addresses[0],
                coin="SOL",
                symbol="SOLUSDT",
                size_before=before,
                size_after=after,
                usd=usd,
                from_ms=NOW_MS - 120_000,
                at_ms=NOW_MS - 60_000,
            )
            for kind, before, after, usd in (
                ("flip", -10.0, 30_000.0, 3e6),
                ("open", 0.0, 2_000.0, 2e5),
                ("close", 500.0, 0.0, 5e4),
                ("add", 1.0, 2.0, None),
            )
        ]

    async def snapshot(self) -> PoolSnapshot:
        return self.pool

    async def events(
        self, *, since_ms: int, coin: str | None = None, address: str | None = None, limit: int = 500
    ) -> list[WalletEvent]:
        return [one for one in self.told if coin in (None, one.coin)][:limit]

    async def watched_since_ms(self) -> int | None:
        return NOW_MS - 3_600_000


def whole(bench: Bench | None = None, **changes: object) -> OperationContext:
    """Everything answers."""
    context = (bench or Bench()).context()
    cohorts = {"binance": StandingPast(), "okx": StandingTakers()}
    context = replace(context, rest=StandingMinutes(), wallets=StandingWallets(), cohorts=cohorts)  # type: ignore[arg-type]
    return replace(context, **changes)  # type: ignore[arg-type]


def refused() -> dict[str, object]:
    """Every venue refuses."""
    problem = ExchangeBlocked("the exchange refuses this address", until_ms=NOW_MS + 60_000)
    return {
        "rest": StandingMinutes(problem),
        "positions": FailingPositions(problem),
        "cohorts": {"binance": FailingCohorts(problem)},
    }
