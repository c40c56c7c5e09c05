"""OKX's USDT swaps, put together."""

from __future__ import annotations

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.no_positioning import NoPositioning
from altmonitor.exchanges.okx.dialect import okx_dialect
from altmonitor.exchanges.okx.liquidations import okx_liquidations
from altmonitor.exchanges.okx.rest import PER_S, PROBE, REQUESTS, OkxRest
from altmonitor.exchanges.okx.units import UNITS


def okx_adapter(deps: AdapterDeps) -> ExchangeAdapter:
    config, clock = deps.config, deps.clock
    guard = deps.gate("okx", config.okx_rest_url, requests=REQUESTS, per_s=PER_S, probe=PROBE)
    rest = OkxRest(config.okx_rest_url, clock=clock, guard=guard, within_s=deps.answer_s)
    return ExchangeAdapter(
        rest=rest,
        positioning=NoPositioning("okx"),
        clock=guard.exchange_clock,
        feed=deps.feed_over(config.okx_ws_url, okx_dialect(guard.exchange_clock.now_ms), guard.exchange_clock),
        units=UNITS,
        oi_table=rest,
        liquidations=(config.okx_ws_url, okx_liquidations(rest.contract_value)),
    )
