"""Hyperliquid's perpetuals, put together."""

from __future__ import annotations

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.hyperliquid.dialect import hyperliquid_dialect
from altmonitor.exchanges.hyperliquid.rest import HyperliquidRest
from altmonitor.exchanges.hyperliquid.units import UNITS
from altmonitor.exchanges.hyperliquid.wallets import hyperliquid_guard, hyperliquid_wallets
from altmonitor.exchanges.no_positioning import NoPositioning


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
