"""Which contracts are watched. Symbols are opaque text: some contain Chinese characters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One row of the exchange's contract list. `onboard_ms`: first trading time, unix ms, 0 when unknown."""

    symbol: str
    status: str
    contract_type: str
    quote_asset: str
    base_asset: str = ""
    onboard_ms: int = 0
    delivery_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNews:
    """A listing, settlement or bracket change as told by the contract-info stream (which names no quote asset)."""

    event_ms: int
    symbol: str
    status: str
    contract_type: str


def is_watched(contract: Contract, *, tradfi: bool) -> bool:
    """True for trading USDT perpetuals; stock, metal and FX perpetuals only when `tradfi`."""
    types = ("PERPETUAL", "TRADIFI_PERPETUAL") if tradfi else ("PERPETUAL",)
    return contract.status == "TRADING" and contract.quote_asset == "USDT" and contract.contract_type in types


def base_of(symbol: str) -> str:
    """`SOLUSDT` → `SOL`; a symbol that does not end in USDT is returned as it is."""
    return symbol[:-4] if symbol.endswith("USDT") and len(symbol) > 4 else symbol
