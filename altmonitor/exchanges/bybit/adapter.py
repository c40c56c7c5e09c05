"""Bybit's USDT perpetuals, put together."""

from __future__ import annotations

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.bybit.dialect import BYBIT
from altmonitor.exchanges.bybit.liquidations import BYBIT_LIQUIDATIONS
from altmonitor.exchanges.bybit.rest import PER_S, PROBE, REQUESTS, BybitRest
from altmonitor.exchanges.bybit.units import UNITS
from altmonitor.exchanges.no_positioning import NoPositioning


def bybit_adapter(deps: AdapterDeps) -> ExchangeAdapter:
    config, clock = deps.config, deps.clock
    guard = deps.gate("bybit", config.bybit_rest_url, requests=REQUESTS, per_s=PER_S, probe=PROBE)
    rest = BybitRest(config.bybit_rest_url, clock=clock, guard=guard, within_s=deps.answer_s)
    return ExchangeAdapter(
        rest=rest,
        positioning=NoPositioning("bybit"),
        clock=guard.exchange_clock,
        feed=deps.feed_over(config.bybit_ws_url, BYBIT, guard.exchange_clock),
        units=UNITS,
        oi_table=rest,
        liquidations=(config.bybit_ws_url, BYBIT_LIQUIDATIONS),
    )
