"""Many wallets taken together: long and short in a coin, and where they would be liquidated.

A pool is what was asked for; only wallets that answered lately count, and how many did is told beside every figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heapreplace
from types import MappingProxyType
from typing import Final, Literal

from altmonitor.core.types import Fraction
from altmonitor.positioning.ratios import OpenPosition, crowd
from altmonitor.positioning.units import Percent, positive, quotient
from altmonitor.positioning.wallets import Role, Wallet, WalletPosition, WalletState

__all__ = [
    "FILTER_ROLES",
    "LATELY_S",
    "CoinTotals",
    "LiquidationLevel",
    "LiquidationMap",
    "PoolSnapshot",
    "WalletPicker",
    "coin_totals",
    "coins_held",
    "held",
    "lately",
    "liquidation_map",
]

FILTER_ROLES: Final[frozenset[Role]] = frozenset({"trader", "vault"})
"""Who counts where nothing else is asked for: market makers hold what others want to be rid of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSnapshot:
    """The pool at one moment. wallets: who is asked for, by address. states: of those that answered lately.

    now_ms: of this snapshot. round_s: how long it takes to ask everybody once. leaderboard_ms: when the list was read,
    None before. failing: why the newest question about a wallet had no answer → how many wallets.
    unavailable: why there is nothing to see, '' where there is.
    """

    now_ms: int
    wallets: Mapping[str, Wallet] = field(default_factory=lambda: MappingProxyType({}))
    states: Mapping[str, WalletState] = field(default_factory=lambda: MappingProxyType({}))
    round_s: float = 0.0
    leaderboard_ms: int | None = None
    failing: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    unavailable: str = ""
    venue: str = "hyperliquid"

    @property
    def coverage(self) -> Fraction | None:
        """Share of the wallets that answered lately; None without any."""
        return Fraction(len(self.states) / len(self.wallets)) if self.wallets else None

    @property
    def oldest_age_s(self) -> float | None:
        """Of the states that count; None without any."""
        oldest = min((state.as_of_ms for state in self.states.values()), default=None)
        return None if oldest is None else max(0.0, (self.now_ms - oldest) / 1000)

    def marked(self, role: Role) -> int:
        """How many of the wallets are marked so."""
        return sum(1 for wallet in self.wallets.values() if wallet.role == role)

    def of_roles(self, roles: Iterable[Role] = FILTER_ROLES) -> tuple[WalletState, ...]:
        """States of the wallets with one of these roles."""
        wanted = frozenset(roles)
        return tuple(
            state for address, state in self.states.items() if (who := self.wallets.get(address)) and who.role in wanted
        )


# ---
# Who is watched, and whose answer still counts.

LATELY_S: Final = 900.0
LATELY_ROUNDS: Final = 2.5


def lately(states: Iterable[WalletState], *, now_ms: int, round_s: float) -> dict[str, WalletState]:
    """By address, those that were seen in the last two and a half rounds, or in the last quarter of an hour."""
    since_ms = now_ms - max(LATELY_S, LATELY_ROUNDS * round_s) * 1000
    return {state.address: state for state in states if state.as_of_ms >= since_ms}


class WalletPicker:
    """Out of a long list that is told row by row the `count` to be watched: half of them for what they are worth, the
    others for what they earned in the month. Holds twice as many, not the list."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._richest: list[tuple[float, str, Wallet]] = []
        self._best: list[tuple[float, str, Wallet]] = []

    def offer(self, wallet: Wallet) -> None:
        if wallet.account_usd <= 0:
            return
        self._keep(self._richest, wallet.account_usd, wallet)
        month = wallet.over("month").pnl_usd
        if month is not None:
            self._keep(self._best, month, wallet)

    def _keep(self, heap: list[tuple[float, str, Wallet]], value: float, wallet: Wallet) -> None:
        row = (value, wallet.address, wallet)
        if len(heap) < self._count:
            heappush(heap, row)
        elif heap and row[:2] > heap[0][:2]:
            heapreplace(heap, row)

    def picked(self) -> list[Wallet]:
        """Length ≤ count, each once."""
        richest, best = (
            [row[2] for row in sorted(heap, key=lambda row: (-row[0], row[1]))] for heap in (self._richest, self._best)
        )
        found = {wallet.address: wallet for wallet in richest[: (self._count + 1) // 2]}
        for wallet in (*best, *richest):
            if len(found) >= self._count:
                break
            found.setdefault(wallet.address, wallet)
        return list(found.values())


# ---
# Long and short in one coin.


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinTotals:
    """wallets: with a position. *_usd: at the mark price; *_entry_usd: at entry prices, constant while positions are.

    long_share: of the wallets. weighted_long_share: of the USD at the mark price; weighted_ratio: long USD / short USD.
    ratio: long wallets / short wallets. None where nobody holds the coin, or nobody the other side.
    *_avg_entry: by size. long_upnl_usd, short_upnl_usd: None where a position does not tell it.
    """

    coin: str
    wallets: int
    long_wallets: int
    short_wallets: int
    long_usd: float
    short_usd: float
    long_entry_usd: float
    short_entry_usd: float
    long_share: Fraction | None
    ratio: float | None
    weighted_long_share: Fraction | None
    weighted_ratio: float | None
    long_avg_entry: float | None
    short_avg_entry: float | None
    long_upnl_usd: float | None
    short_upnl_usd: float | None
    oldest_ms: int | None

    @property
    def total_usd(self) -> float:
        return self.long_usd + self.short_usd


def held(states: Iterable[WalletState], coin: str) -> list[tuple[WalletState, WalletPosition]]:
    """Who holds it, with the position."""
    return [(state, position) for state in states if (position := state.position(coin)) is not None]


def coins_held(states: Iterable[WalletState]) -> dict[str, float]:
    """Coin → USD on both sides, the largest first."""
    found: dict[str, float] = {}
    for state in states:
        for position in state.positions:
            found[position.coin] = found.get(position.coin, 0.0) + position.notional_usd
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def coin_totals(states: Iterable[WalletState], coin: str) -> CoinTotals:
    """coin: as the venue spells it."""
    rows = held(states, coin)
    longs = [position for _, position in rows if position.is_long]
    shorts = [position for _, position in rows if not position.is_long]
    heads = crowd(
        [
            OpenPosition(trader=state.address, qty=position.size, entry_price=position.mark_price or 0.0)
            for state, position in rows
        ]
    )
    return CoinTotals(
        coin=coin,
        wallets=heads.traders,
        long_wallets=heads.long_traders,
        short_wallets=heads.short_traders,
        long_usd=heads.long_usd,
        short_usd=heads.short_usd,
        long_entry_usd=_entry_usd(longs),
        short_entry_usd=_entry_usd(shorts),
        long_share=heads.long_share,
        ratio=quotient(heads.long_traders, heads.short_traders),
        weighted_long_share=heads.weighted_long_share,
        weighted_ratio=quotient(heads.long_usd, heads.short_usd),
        long_avg_entry=_avg_entry(longs),
        short_avg_entry=_avg_entry(shorts),
        long_upnl_usd=_upnl(longs),
        short_upnl_usd=_upnl(shorts),
        oldest_ms=min((position.as_of_ms for _, position in rows), default=None),
    )


def _entry_usd(positions: Sequence[WalletPosition]) -> float:
    return math.fsum(position.entry_usd or 0.0 for position in positions)


def _avg_entry(positions: Sequence[WalletPosition]) -> float | None:
    told = [position for position in positions if positive(position.entry) is not None]
    return quotient(_entry_usd(told), math.fsum(abs(position.size) for position in told))


def _upnl(positions: Sequence[WalletPosition]) -> float | None:
    told = [position.upnl_usd for position in positions if position.upnl_usd is not None]
    return math.fsum(told) if told and len(told) == len(positions) else None


# ---
# Where they would be liquidated.

LEVEL_PCT: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationLevel:
    """Positions that would be closed by force near one price. price: their mean, by size. distance_pct: from the price
    now, below 0 beneath it. avg_leverage: by size; None where not told."""

    price: float
    size_usd: float
    wallets: int
    distance_pct: Percent
    avg_leverage: float | None
    method: Literal["observed"] = "observed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationMap:
    """Nearest first. long_levels lie below the price (longs are closed as it falls), short_levels above.

    without_price_usd: positions that the venue tells no liquidation price of.
    """

    coin: str
    price: float
    long_levels: tuple[LiquidationLevel, ...]
    short_levels: tuple[LiquidationLevel, ...]
    without_price_usd: float
    oldest_ms: int | None


def liquidation_map(
    states: Iterable[WalletState], coin: str, *, price: float, step_pct: float = LEVEL_PCT
) -> LiquidationMap:
    """price: of the coin now. Levels are `step_pct` of it apart. Raises: ValueError for a price that is none.

    A position whose liquidation price lies on the wrong side of the price is about to be closed or was: it is left out.
    """
    if positive(price) is None or not 0 < step_pct <= 50:
        raise ValueError(f"price {price!r} and step {step_pct!r} must be above 0")
    rows = [position for _, position in held(states, coin)]
    buckets: dict[tuple[bool, int], list[WalletPosition]] = {}
    without_usd = 0.0
    for position in rows:
        liquidation = positive(position.liquidation_price)
        if liquidation is None:
            without_usd += position.notional_usd
        elif (liquidation < price) is position.is_long and liquidation != price:
            step = int(abs(liquidation / price - 1.0) * 100.0 / step_pct)
            buckets.setdefault((position.is_long, step), []).append(position)
    levels = {
        is_long: tuple(_level(positions, price) for (side, _), positions in sorted(buckets.items()) if side is is_long)
        for is_long in (True, False)
    }
    return LiquidationMap(
        coin=coin,
        price=price,
        long_levels=levels[True],
        short_levels=levels[False],
        without_price_usd=without_usd,
        oldest_ms=min((position.as_of_ms for position in rows), default=None),
    )


def _level(positions: Sequence[WalletPosition], price: float) -> LiquidationLevel:
    size_usd = math.fsum(position.notional_usd for position in positions)
    at = _weighted(positions, lambda position: position.liquidation_price)
    assert at is not None  # noqa: S101 — only those with a price come here
    return LiquidationLevel(
        price=at,
        size_usd=size_usd,
        wallets=len(positions),
        distance_pct=Percent((at / price - 1.0) * 100.0),
        avg_leverage=_weighted(positions, lambda position: position.leverage),
    )


def _weighted(positions: Sequence[WalletPosition], value: Callable[[WalletPosition], float | None]) -> float | None:
    told = [(found, position.notional_usd) for position in positions if (found := value(position)) is not None]
    weight = math.fsum(usd for _, usd in told)
    if not told:
        return None
    if weight <= 0:
        return told[0][0]
    return math.fsum(found * usd for found, usd in told) / weight
