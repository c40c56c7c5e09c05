"""Hyperliquid's perpetuals, put together, and in what they are counted.

Source: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api (2026-09): open interest in coins of one
side, funding per hour, candles without a closing flag, a volume in coins. Liquidations have no stream of their own.
"""

from __future__ import annotations

from typing import Final

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter, Units
from altmonitor.exchanges.hyperliquid.dialect import hyperliquid_dialect
from altmonitor.exchanges.hyperliquid.rest import HyperliquidRest
from altmonitor.exchanges.hyperliquid.wallets import hyperliquid_guard, hyperliquid_wallets
from altmonitor.exchanges.no_positioning import NoPositioning

UNITS: Final = Units(
    venue="hyperliquid",
    oi_sides=1,
    long_liquidated="",
    funding_hours=1.0,
)


def hyperliquid_adapter(deps: AdapterDeps) -> ExchangeAdapter:
    config, clock = deps.config, deps.clock
    guard = hyperliquid_guard(config, clock=clock, on_change=deps.on_guard)
    rest = HyperliquidRest(
        config.hyperliquid_url,
        clock=clock,
        guard=guard,
        within_s=deps.answer_s,
        has_builders=config.tradfi_perpetuals,
    )
    dialect = hyperliquid_dialect(guard.exchange_clock.now_ms, rest.on_contexts)
    return ExchangeAdapter(
        rest=rest,
        positioning=NoPositioning("hyperliquid"),
        clock=guard.exchange_clock,
        feed=deps.feed_over(config.hyperliquid_ws_url, dialect, guard.exchange_clock),
        units=UNITS,
        oi_table=rest,
        predicted_fundings=rest.predicted_fundings,
        wallets=lambda: hyperliquid_wallets(config, clock, guard),
    )
