"""What public accounts of an exchange hold: a wallet, its positions, and what changed between two looks at it.

Hyperliquid shows every account to everybody; a wallet is one of them, told by its address. Positions are net: a wallet
is long or short in a coin, never both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from altmonitor.core.types import Fraction
from altmonitor.positioning.units import positive, quotient

__all__ = [
    "ADDRESS",
    "MOVED_SHARE",
    "STATE_SOURCE",
    "WINDOWS",
    "Performance",
    "Role",
    "Wallet",
    "WalletEvent",
    "WalletEventKind",
    "WalletPosition",
    "WalletState",
    "Window",
    "compared",
    "role_of",
]

ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}", re.ASCII)
"""Of a wallet, in lower case."""

STATE_SOURCE: Final = "hyperliquid clearinghouseState"
"""Where positions come from, as answers name it."""

Window = Literal["day", "week", "month", "allTime"]
WINDOWS: Final[tuple[Window, ...]] = ("day", "week", "month", "allTime")
"""Of the leaderboard: 1, 7 and 30 days, and since the account exists."""

Role = Literal["trader", "vault", "market_maker"]
"""vault: manages other people's money. market_maker: by a rule of ours, see `role_of`."""

WalletEventKind = Literal["open", "add", "cut", "flip", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Over one window. roi: profit / what the account was worth. None: not told."""

    pnl_usd: float | None = None
    roi: Fraction | None = None
    volume_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A row of the leaderboard. address: `0x…`, lower case. name: '' for most. account_usd: what it is worth."""

    address: str
    account_usd: float
    name: str = ""
    role: Role = "trader"
    performance: Mapping[Window, Performance] = field(default_factory=lambda: MappingProxyType({}))

    def over(self, window: Window) -> Performance:
        """All None where the leaderboard tells nothing of that window."""
        return self.performance.get(window, _UNKNOWN)


_UNKNOWN: Final = Performance()


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletPosition:
    """One wallet in one coin.

    coin: as the venue spells it (`kPEPE`); symbol: as we do (`1000PEPEUSDT`). size: coins, below 0 for a short.
    notional_usd: |size| at the mark price. liquidation_price: the venue's own; None where there is none (a cross
    position with plenty of margin). entry, leverage, margin_usd, upnl_usd: None where not told.
    as_of_ms: when it was asked for. since_ms: when we first saw it on this side; None: it stood there at the first
    look.
    compared_size: the size when its last change was told, see `compared`.
    """

    coin: str
    symbol: str
    size: float
    notional_usd: float
    as_of_ms: int
    entry: float | None = None
    leverage: float | None = None
    is_cross: bool = True
    liquidation_price: float | None = None
    margin_usd: float | None = None
    upnl_usd: float | None = None
    since_ms: int | None = None
    compared_size: float | None = None
    source: str = STATE_SOURCE

    @property
    def is_long(self) -> bool:
        return self.size > 0

    @property
    def mark_price(self) -> float | None:
        """As it stood when the position was asked for."""
        return positive(quotient(self.notional_usd, abs(self.size)))

    @property
    def entry_usd(self) -> float | None:
        """|size| at the entry price: constant while the position is."""
        entry = positive(self.entry)
        return None if entry is None else abs(self.size) * entry


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletState:
    """One answer about one wallet. positions: each coin at most once, sizes never 0."""

    address: str
    as_of_ms: int
    account_usd: float | None = None
    positions: tuple[WalletPosition, ...] = ()

    def position(self, coin: str) -> WalletPosition | None:
        """None: it holds none of it."""
        return next((one for one in self.positions if one.coin == coin), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletEvent:
    """What a wallet did between two looks (from_ms … at_ms): when in between is not known.

    size_before, size_after: coins, signed; 0 for none. usd: what was changed (flip: the new position), at the mark
    price of the look that has one; None where no price is known.
    """

    kind: WalletEventKind
    address: str
    coin: str
    symbol: str
    size_before: float
    size_after: float
    usd: float | None
    from_ms: int
    at_ms: int
    role: Role = "trader"

    @property
    def is_long(self) -> bool:
        """Of the position it is about: the new one, or the one that was closed."""
        return (self.size_after or self.size_before) > 0


# ---
# What changed between two looks.

MOVED_SHARE: Final = 0.01
"""A change of size below 1 % is no event yet: it is held against what was told last, so that small ones add up."""


def compared(
    before: WalletState | None, after: WalletState, *, role: Role = "trader"
) -> tuple[WalletState, tuple[WalletEvent, ...]]:
    """`after` with what is known of its positions from before, and what happened, by coin.

    before None: the first look; nothing is known to have happened.
    """
    if before is None:
        first = tuple(replace(one, compared_size=one.size, since_ms=None) for one in after.positions)
        return replace(after, positions=first), ()
    events: list[WalletEvent] = []
    carried: list[WalletPosition] = []
    old = {one.coin: one for one in before.positions}
    for position in after.positions:
        was = old.pop(position.coin, None)
        kept, kind = _carried(was, position, after.as_of_ms)
        carried.append(kept)
        if kind is not None:
            events.append(_event(kind, before, after, was, position, role))
    events += [_event("close", before, after, was, None, role) for was in old.values()]
    events.sort(key=lambda event: event.coin)
    return replace(after, positions=tuple(carried)), tuple(events)


def _carried(
    was: WalletPosition | None, position: WalletPosition, now_ms: int
) -> tuple[WalletPosition, WalletEventKind | None]:
    if was is None:
        return replace(position, compared_size=position.size, since_ms=now_ms), "open"
    if was.is_long is not position.is_long:
        return replace(position, compared_size=position.size, since_ms=now_ms), "flip"
    told = was.size if was.compared_size is None else was.compared_size
    if abs(position.size - told) < MOVED_SHARE * abs(told):
        return replace(position, compared_size=told, since_ms=was.since_ms), None
    kind: WalletEventKind = "add" if abs(position.size) > abs(told) else "cut"
    return replace(position, compared_size=position.size, since_ms=was.since_ms), kind


def _event(
    kind: WalletEventKind,
    before: WalletState,
    after: WalletState,
    was: WalletPosition | None,
    position: WalletPosition | None,
    role: Role,
) -> WalletEvent:
    named = position or was
    assert named is not None  # noqa: S101 — for the type checker
    told = 0.0 if was is None else was.size if was.compared_size is None else was.compared_size
    size = 0.0 if position is None else position.size
    changed = abs(size) if kind == "flip" else abs(size - told)
    price = named.mark_price
    return WalletEvent(
        kind=kind,
        address=after.address,
        coin=named.coin,
        symbol=named.symbol,
        size_before=told,
        size_after=size,
        usd=None if price is None else changed * price,
        from_ms=before.as_of_ms,
        at_ms=after.as_of_ms,
        role=role,
    )


# ---
# Who is no trader with an opinion.

MAKER_TURNOVER: Final = 100.0
MAKER_EARNS: Final = 0.001


def role_of(wallet: Wallet, *, is_vault: bool) -> Role:
    """A market maker turns its account over 100 times a month or more and keeps less than 0.1 % of that as profit or
    loss. A rule of ours: the venue marks vaults and nobody else."""
    if is_vault:
        return "vault"
    month = wallet.over("month")
    if month.volume_usd is None or month.pnl_usd is None or wallet.account_usd <= 0:
        return "trader"
    is_busy = month.volume_usd >= MAKER_TURNOVER * wallet.account_usd
    return "market_maker" if is_busy and abs(month.pnl_usd) < MAKER_EARNS * month.volume_usd else "trader"
