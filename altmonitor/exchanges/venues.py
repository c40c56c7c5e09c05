"""Every venue, each in its folder, with one line here for what it can do: be watched, tell ratios, show accounts.

Only the folders of those that are used are imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.types import Venue
from altmonitor.interfaces.wallets import WalletSource

if TYPE_CHECKING:
    from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
    from altmonitor.exchanges.bybit.cohorts import BybitCohorts
    from altmonitor.exchanges.okx.cohorts import OkxCohorts

_ADAPTERS: Final[Mapping[Venue, str]] = {
    "binance": "binance.adapter:binance_adapter",
    "bybit": "bybit.adapter:bybit_adapter",
    "okx": "okx.adapter:okx_adapter",
    "hyperliquid": "hyperliquid.adapter:hyperliquid_adapter",
}
_COHORTS: Final[Mapping[str, str]] = {
    "okx": "okx.cohorts:okx_cohorts",
    "bybit": "bybit.cohorts:bybit_cohorts",
}
"""Beside those whose adapter tells it too."""
_WALLETS: Final[Mapping[Venue, str]] = {"hyperliquid": "hyperliquid.wallets:hyperliquid_wallets"}
"""Those that show every account."""


def adapter_of(venue: Venue) -> Callable[[AdapterDeps], ExchangeAdapter]:
    return cast("Callable[[AdapterDeps], ExchangeAdapter]", _imported(_ADAPTERS[venue]))


def cohorts_of(venue: str) -> Callable[[Config, Clock], OkxCohorts | BybitCohorts] | None:
    """None for a venue whose adapter tells them."""
    where = _COHORTS.get(venue)
    return None if where is None else cast("Callable[[Config, Clock], OkxCohorts | BybitCohorts]", _imported(where))


def wallets_of(venue: Venue) -> Callable[[Config, Clock], WalletSource]:
    """With a gate of its own, for a process that does not watch the venue's market. Raises: KeyError."""
    return cast("Callable[[Config, Clock], WalletSource]", _imported(_WALLETS[venue]))


def _imported(where: str) -> object:
    module, _, name = where.partition(":")
    return getattr(import_module(f"altmonitor.exchanges.{module}"), name)
