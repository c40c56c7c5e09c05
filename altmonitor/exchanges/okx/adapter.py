"""OKX's USDT swaps, put together."""

from __future__ import annotations

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.no_positioning import NoPositioning
from altmonitor.exchanges.okx.dialect import okx_dialect
from altmonitor.exchanges.okx.liquidations import okx_liquidations
from altmonitor.exchanges.okx.rest import PER_S, PROBE, REQUESTS, OkxRest
from altmonitor.exchanges.okx.units import UNITS
from altmonitor.exchanges.rest.client import venue_guard
from altmonitor.exchanges.ws.feed import KlineFeed


def okx_adapter(deps: AdapterDeps) -> ExchangeAdapter:
    config, clock = deps.config, deps.clock
    guard = venue_guard(
        config.okx_rest_url,
        clock=clock,
        requests=REQUESTS,
        per_s=PER_S,
        probe=PROBE,
        block_file=config.db_file.with_name("okx-block.json"),  # shared with `positioning --venue okx`
        on_change=deps.on_guard,
    )
    rest = OkxRest(config.okx_rest_url, clock=clock, guard=guard, within_s=deps.answer_s)
    return ExchangeAdapter(
        rest=rest,
        positioning=NoPositioning("okx"),
        clock=guard.exchange_clock,
        feed=lambda sink: KlineFeed(
            config.okx_ws_url,
            dialect=okx_dialect(guard.exchange_clock.now_ms),
            sink=sink,
            clock=clock,
            exchange_clock=guard.exchange_clock,
            options=deps.feed,
        ),
        units=UNITS,
        oi_table=rest,
        liquidations=(config.okx_ws_url, okx_liquidations(rest.contract_value)),
    )
