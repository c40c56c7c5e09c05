"""Bybit's USDT perpetuals, put together."""

from __future__ import annotations

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.bybit.dialect import BYBIT
from altmonitor.exchanges.bybit.liquidations import BYBIT_LIQUIDATIONS
from altmonitor.exchanges.bybit.rest import PER_S, PROBE, REQUESTS, BybitRest
from altmonitor.exchanges.bybit.units import UNITS
from altmonitor.exchanges.no_positioning import NoPositioning
from altmonitor.exchanges.rest.client import venue_guard
from altmonitor.exchanges.ws.feed import KlineFeed


def bybit_adapter(deps: AdapterDeps) -> ExchangeAdapter:
    config, clock = deps.config, deps.clock
    guard = venue_guard(
        config.bybit_rest_url,
        clock=clock,
        requests=REQUESTS,
        per_s=PER_S,
        probe=PROBE,
        block_file=config.db_file.with_name("bybit-block.json"),  # shared with `positioning --venue bybit`
        on_change=deps.on_guard,
    )
    rest = BybitRest(config.bybit_rest_url, clock=clock, guard=guard, within_s=deps.answer_s)
    return ExchangeAdapter(
        rest=rest,
        positioning=NoPositioning("bybit"),
        clock=guard.exchange_clock,
        feed=lambda sink: KlineFeed(
            config.bybit_ws_url,
            dialect=BYBIT,
            sink=sink,
            clock=clock,
            exchange_clock=guard.exchange_clock,
            options=deps.feed,
        ),
        units=UNITS,
        oi_table=rest,
        liquidations=(config.bybit_ws_url, BYBIT_LIQUIDATIONS),
    )
