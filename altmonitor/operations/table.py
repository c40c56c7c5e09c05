"""The one table of what can be asked and changed from outside."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from altmonitor.operations.alerts import ALERT_OPERATIONS
from altmonitor.operations.analysis import ANALYSIS_OPERATIONS
from altmonitor.operations.api_health import API_HEALTH_OPERATIONS
from altmonitor.operations.api_usage import API_USAGE_OPERATIONS
from altmonitor.operations.cohorts import COHORT_OPERATIONS
from altmonitor.operations.compare import COMPARE_OPERATIONS
from altmonitor.operations.confirm import CONFIRM_OPERATIONS
from altmonitor.operations.fundings import FUNDING_OPERATIONS
from altmonitor.operations.hindsight import HINDSIGHT_OPERATIONS
from altmonitor.operations.kelly import KELLY_OPERATIONS
from altmonitor.operations.levels import LEVEL_OPERATIONS
from altmonitor.operations.market import MARKET_OPERATIONS
from altmonitor.operations.operation import Operation
from altmonitor.operations.performance import PERFORMANCE_OPERATIONS
from altmonitor.operations.position_pages import POSITION_PAGE_OPERATIONS
from altmonitor.operations.positions import POSITION_OPERATIONS
from altmonitor.operations.preferences import PREFERENCE_OPERATIONS
from altmonitor.operations.regime_history import REGIME_OPERATIONS
from altmonitor.operations.score_conditions import SCORE_CONDITION_OPERATIONS
from altmonitor.operations.score_markets import SCORE_MARKET_OPERATIONS
from altmonitor.operations.score_record import SCORE_RECORD_OPERATIONS
from altmonitor.operations.score_webhooks import SCORE_WEBHOOK_OPERATIONS
from altmonitor.operations.settings import SETTINGS_OPERATIONS
from altmonitor.operations.snapshots import SNAPSHOT_OPERATIONS
from altmonitor.operations.tracked import TRACKED_OPERATIONS
from altmonitor.operations.trader_detail import TRADER_DETAIL_OPERATIONS
from altmonitor.operations.trader_signals import SIGNAL_OPERATIONS
from altmonitor.operations.traders import TRADER_OPERATIONS
from altmonitor.operations.whales import WHALE_OPERATIONS

OPERATIONS: tuple[Operation[Any, Any], ...] = (
    *MARKET_OPERATIONS,
    *FUNDING_OPERATIONS,
    *ALERT_OPERATIONS,
    *HINDSIGHT_OPERATIONS,
    *POSITION_OPERATIONS,
    *POSITION_PAGE_OPERATIONS,
    *COHORT_OPERATIONS,
    *TRACKED_OPERATIONS,
    *SNAPSHOT_OPERATIONS,
    *COMPARE_OPERATIONS,
    *TRADER_OPERATIONS,
    *TRADER_DETAIL_OPERATIONS,
    *SIGNAL_OPERATIONS,
    *CONFIRM_OPERATIONS,
    *ANALYSIS_OPERATIONS,
    *LEVEL_OPERATIONS,
    *WHALE_OPERATIONS,
    *SCORE_MARKET_OPERATIONS,
    *SCORE_RECORD_OPERATIONS,
    *REGIME_OPERATIONS,
    *PERFORMANCE_OPERATIONS,
    *KELLY_OPERATIONS,
    *SCORE_CONDITION_OPERATIONS,
    *SCORE_WEBHOOK_OPERATIONS,
    *API_HEALTH_OPERATIONS,
    *API_USAGE_OPERATIONS,
    *PREFERENCE_OPERATIONS,
    *SETTINGS_OPERATIONS,
)
"""In the order in which lists show them."""

OPERATION_OF: Mapping[str, Operation[Any, Any]] = MappingProxyType({row.name: row for row in OPERATIONS})
