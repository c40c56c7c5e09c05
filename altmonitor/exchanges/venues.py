"""Every venue, each in its folder, with one line here for what it can do: be watched, or tell who is long and short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.binance.adapter import binance_adapter
from altmonitor.exchanges.bybit.cohorts import BybitCohorts, bybit_cohorts
from altmonitor.exchanges.okx.cohorts import OkxCohorts, okx_cohorts

VENUES: Final[Mapping[str, Callable[[AdapterDeps], ExchangeAdapter]]] = {
    "binance": binance_adapter,
}
COHORTS: Final[Mapping[str, Callable[[Config, Clock], OkxCohorts | BybitCohorts]]] = {
    "okx": okx_cohorts,
    "bybit": bybit_cohorts,
}
"""Beside those of `VENUES`, whose adapter tells it too."""
