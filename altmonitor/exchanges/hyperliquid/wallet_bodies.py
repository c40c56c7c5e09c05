"""What Hyperliquid tells about accounts → our values. Bytes in, values out; no I/O.

A state is read whole or not at all: a position that is left out would look closed. Source:
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint (2026-10); the two files of the
leaderboard and of vaults are what the venue's own pages read and stand in no document.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from altmonitor.core.errors import BadAnswer
from altmonitor.core.types import Fraction
from altmonitor.core.venue_names import symbol_of_hyperliquid
from altmonitor.exchanges.rest.client import UNREADABLE, One, Rows
from altmonitor.exchanges.rest.venue_market import amount, finite, unix_ms
from altmonitor.positioning.wallet_fills import EquityCurve, Fill
from altmonitor.positioning.wallets import ADDRESS, WINDOWS, Performance, Wallet, WalletPosition, WalletState, Window

_LARGEST_ROW: Final = 1 << 20


# ---
# Files of many rows, read as they come.


class RowSplitter:
    """Cuts the objects at one depth out of a JSON text that comes in pieces. depth: of the objects around them.

    Braces inside texts are no braces; a text or an object may end in a later piece.
    """

    _NEXT_BRACE: Final = re.compile(rb'(?:[^{}"]++|"(?:[^"\\]|\\.)*+")*+([{}])', re.DOTALL)

    def __init__(self, depth: int) -> None:
        self._wanted = depth
        self._depth = 0
        self._begun = b""
        self._at = 0
        self._start: int | None = None

    def feed(self, piece: bytes) -> list[bytes]:
        """Complete rows. Raises: BadAnswer for one that does not end."""
        text, rows = self._begun + piece, list[bytes]()
        while token := self._NEXT_BRACE.match(text, self._at):
            self._at = token.end()
            if token[1] == b"{":
                if self._depth == self._wanted:
                    self._start = token.end() - 1
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == self._wanted and self._start is not None:
                    rows.append(text[self._start : self._at])
                    self._start = None
        kept_from = self._at if self._start is None else self._start
        self._begun = text[kept_from:]
        self._at -= kept_from
        self._start = None if self._start is None else 0
        if len(self._begun) > _LARGEST_ROW:
            raise BadAnswer("a row that does not end")
        return rows

    @property
    def is_complete(self) -> bool:
        """Everything that was opened was closed."""
        return self._depth == 0 and not self._begun.strip(b"[] \t\r\n,")


class _WindowWire(msgspec.Struct, frozen=True):
    pnl: str | None = None
    roi: str | None = None
    vlm: str | None = None

    def parse(self) -> Performance:
        return Performance(
            pnl_usd=_known(self.pnl),
            roi=None if (roi := _known(self.roi)) is None else Fraction(roi),
            volume_usd=_known(self.vlm),
        )


class _LeaderWire(msgspec.Struct, frozen=True, rename="camel"):
    eth_address: str
    account_value: str
    window_performances: list[tuple[str, _WindowWire]] = []
    display_name: str | None = None

    def parse(self) -> Wallet:
        windows = dict(self.window_performances)
        return Wallet(
            address=address(self.eth_address),
            account_usd=amount(self.account_value),
            name=(self.display_name or "").strip()[:60],
            performance={name: windows[name].parse() for name in WINDOWS if name in windows},
        )


class _VaultSummary(msgspec.Struct, frozen=True, rename="camel"):
    vault_address: str
    is_closed: bool = False


class _VaultWire(msgspec.Struct, frozen=True):
    summary: _VaultSummary


_LEADER: Final = msgspec.json.Decoder(_LeaderWire, strict=False)
_VAULT: Final = msgspec.json.Decoder(_VaultWire, strict=False)


def read_leader(row: bytes) -> Wallet | None:
    """None for a row that cannot be read."""
    try:
        return _LEADER.decode(row).parse()
    except (ValueError, *UNREADABLE):
        return None


def read_vault(row: bytes) -> str | None:
    """Its address; None for one that is closed or cannot be read."""
    try:
        summary = _VAULT.decode(row).summary
        return None if summary.is_closed else address(summary.vault_address)
    except (ValueError, *UNREADABLE):
        return None


# ---
# One account.


class _Leverage(msgspec.Struct, frozen=True):
    type: str = "cross"
    value: float | None = None


class _PositionWire(msgspec.Struct, frozen=True, rename="camel"):
    coin: str
    szi: str
    position_value: str
    entry_px: str | None = None
    unrealized_pnl: str | None = None
    liquidation_px: str | None = None
    margin_used: str | None = None
    leverage: _Leverage = _Leverage()

    def parse(self, as_of_ms: int) -> WalletPosition:
        coin, symbol = _names(self.coin)
        return WalletPosition(
            coin=coin,
            symbol=symbol,
            size=finite(self.szi),
            notional_usd=amount(self.position_value),
            as_of_ms=as_of_ms,
            entry=_above_0(self.entry_px),
            leverage=self.leverage.value,
            is_cross=self.leverage.type == "cross",
            liquidation_price=_above_0(self.liquidation_px),
            margin_usd=_known(self.margin_used),
            upnl_usd=_known(self.unrealized_pnl),
        )


class _AssetPosition(msgspec.Struct, frozen=True):
    position: _PositionWire


class _MarginSummary(msgspec.Struct, frozen=True, rename="camel"):
    account_value: str


class _StateWire(msgspec.Struct, frozen=True, rename="camel"):
    margin_summary: _MarginSummary
    asset_positions: list[_AssetPosition]


_STATE: Final = One(_StateWire)


@lru_cache(maxsize=2_048)
def _names(coin: str) -> tuple[str, str]:
    """The same two texts for every position in it, and not one pair for each of tens of thousands."""
    return coin, symbol_of_hyperliquid(coin)


def read_state(body: bytes, asked: str, *, as_of_ms: int) -> WalletState:
    """asked: whose. Raises: BadAnswer, also when a single position cannot be read."""
    found = _STATE.read(body)
    try:
        positions = [row.position.parse(as_of_ms) for row in found.asset_positions]
        account_usd = finite(found.margin_summary.account_value)
    except ValueError as problem:
        raise BadAnswer(f"clearinghouseState: {problem}") from None
    held = {position.coin: position for position in positions if position.size}
    return WalletState(
        address=asked, as_of_ms=as_of_ms, account_usd=account_usd, positions=tuple(held[coin] for coin in sorted(held))
    )


class _Liquidation(msgspec.Struct, frozen=True, rename="camel"):
    liquidated_user: str = ""


class _FillWire(msgspec.Struct, frozen=True, rename="camel"):
    coin: str
    px: str
    sz: str
    side: str
    time: int
    start_position: str
    tid: int
    oid: int
    closed_pnl: str = "0"
    fee: str = "0"
    crossed: bool = True
    liquidation: _Liquidation | None = None

    def parse(self) -> Fill:
        if self.side not in ("A", "B"):
            raise ValueError(f"side {self.side[:10]!r}")
        return Fill(
            coin=self.coin,
            symbol=symbol_of_hyperliquid(self.coin),
            time_ms=unix_ms(self.time),
            is_buy=self.side == "B",
            price=amount(self.px),
            size=amount(self.sz),
            start_size=finite(self.start_position),
            pnl_usd=finite(self.closed_pnl),
            fee_usd=finite(self.fee),
            is_taker=self.crossed,
            order_id=str(self.oid),
            id=str(self.tid),
            liquidated="" if self.liquidation is None else self.liquidation.liquidated_user.lower(),
        )


_FILLS: Final = Rows(_FillWire)


def read_fills(body: bytes) -> Sequence[Fill]:
    """Of perpetuals, newest first, as the venue tells them. Raises: BadAnswer."""
    return [fill for fill in _FILLS.read(body).values if not is_spot(fill.coin)]


def is_spot(coin: str) -> bool:
    """`@107`, `PURR/USDC`."""
    return coin.startswith("@") or "/" in coin


class _CurveWire(msgspec.Struct, frozen=True, rename="camel"):
    account_value_history: list[tuple[int, str]] = []
    pnl_history: list[tuple[int, str]] = []


_CURVES: Final = One(list[tuple[str, _CurveWire]])


def read_equity(body: bytes, asked: str) -> EquityCurve:
    """Of spot and perpetuals together, as the leaderboard counts. Raises: BadAnswer."""
    curves = dict(_CURVES.read(body))
    found: dict[Window, _CurveWire] = {name: curves[name] for name in WINDOWS if name in curves}
    try:
        return EquityCurve(
            address=asked,
            account_usd={name: _points(curve.account_value_history) for name, curve in found.items()},
            pnl_usd={name: _points(curve.pnl_history) for name, curve in found.items()},
        )
    except ValueError as problem:
        raise BadAnswer(f"portfolio: {problem}") from None


def _points(rows: Sequence[tuple[int, str]]) -> tuple[tuple[int, float], ...]:
    return tuple((unix_ms(time_ms), finite(value)) for time_ms, value in rows)


def address(text: str) -> str:
    """In lower case. Raises: ValueError for what is none."""
    found = text.strip().lower()
    if not ADDRESS.fullmatch(found):
        raise ValueError(f"not an address: {text[:50]!r}")
    return found


def _known(text: str | None) -> float | None:
    """None for what is missing or no number."""
    try:
        return finite(text)
    except ValueError:
        return None


def _above_0(text: str | None) -> float | None:
    value = _known(text)
    return value if value is not None and value > 0 else None
