"""Whom this process asks about followed traders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from altmonitor.app.wallets import WalletSide
from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.interfaces.traders import ProviderName, TraderProvider


@asynccontextmanager
async def trader_providers(
    config: Config, *, clock: Clock, wallets: WalletSide
) -> AsyncIterator[Mapping[ProviderName, TraderProvider]]:
    """By name. Nothing is asked before somebody wants to know. Raises: ConfigError for a proxy that cannot be used."""
    from altmonitor.exchanges.hyperliquid.traders import HyperliquidTraders  # no monitor needs them to start
    from altmonitor.exchanges.okx.traders import okx_traders

    shown = HyperliquidTraders(wallets, wallets.lookup, clock=clock)
    async with okx_traders(config, clock) as (copy, key):
        yield {shown.name: shown, copy.name: copy, key.name: key}
