"""Hyperliquid's perpetuals, put together."""

from __future__ import annotations

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.hyperliquid.dialect import hyperliquid_dialect
from altmonitor.exchanges.hyperliquid.rest import PER_S, PROBE, REQUESTS, WEIGHT_PER_MINUTE, HyperliquidRest
from altmonitor.exchanges.hyperliquid.units import UNITS
from altmonitor.exchanges.no_positioning import NoPositioning
from altmonitor.exchanges.rest.client import venue_guard
from altmonitor.exchanges.ws.feed import KlineFeed


def hyperliquid_adapter(deps: AdapterDeps) -> ExchangeAdapter:
    config, clock = deps.config, deps.clock
    guard = venue_guard(
        config.hyperliquid_url,
        clock=clock,
        requests=REQUESTS,
        per_s=PER_S,
        probe=PROBE,
        block_file=config.db_file.with_name("hyperliquid-block.json"),
        on_change=deps.on_guard,
        weight_per_minute=WEIGHT_PER_MINUTE,
    )
    rest = HyperliquidRest(
        config.hyperliquid_url,
        clock=clock,
        guard=guard,
        within_s=deps.answer_s,
        has_builders=config.tradfi_perpetuals,
    )
    return ExchangeAdapter(
        rest=rest,
        positioning=NoPositioning("hyperliquid"),
        clock=guard.exchange_clock,
        feed=lambda sink: KlineFeed(
            config.hyperliquid_ws_url,
            dialect=hyperliquid_dialect(guard.exchange_clock.now_ms, rest.on_contexts),
            sink=sink,
            clock=clock,
            exchange_clock=guard.exchange_clock,
            options=deps.feed,
        ),
        units=UNITS,
        oi_table=rest,
        predicted_fundings=rest.predicted_fundings,
    )
