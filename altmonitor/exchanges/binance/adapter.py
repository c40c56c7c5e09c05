"""Binance USDⓈ-M futures, put together."""

from __future__ import annotations

from typing import Final

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter, Units
from altmonitor.exchanges.binance.dialect import BINANCE
from altmonitor.exchanges.binance.liquidations import BINANCE_LIQUIDATIONS, LONG_LIQUIDATED
from altmonitor.exchanges.binance.positioning import BinancePositioning
from altmonitor.exchanges.binance.rest import USUAL_FUNDING_HOURS, BinanceRest, binance_guard

UNITS: Final = Units(venue="binance", oi_sides=1, long_liquidated=LONG_LIQUIDATED, funding_hours=USUAL_FUNDING_HOURS)
BLOCK_FILE: Final = "exchange-block.json"
"""Beside DB_FILE, shared by all processes: what one is refused, none asks."""


def binance_adapter(deps: AdapterDeps) -> ExchangeAdapter:
    config, clock = deps.config, deps.clock
    guard = binance_guard(
        config.binance_rest_url,
        clock=clock,
        block_file=config.db_file.with_name(BLOCK_FILE),
        on_change=deps.on_guard,
    )
    rest = BinanceRest(config.binance_rest_url, clock=clock, guard=guard, within_s=deps.answer_s)
    return ExchangeAdapter(
        rest=rest,
        positioning=BinancePositioning(rest, clock=clock),
        clock=guard.exchange_clock,
        feed=deps.feed_over(config.binance_ws_url, BINANCE, guard.exchange_clock),
        units=UNITS,
        liquidations=(config.binance_ws_url, BINANCE_LIQUIDATIONS),
    )
