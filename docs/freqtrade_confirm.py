"""A freqtrade strategy that asks the Smart Money API before it enters, and never waits for it for long.

    class MyStrategy(SmartMoneyConfirm, IStrategy):
        smart_money_url = "http://127.0.0.1:3001"

An entry is left out on a VETO only. What is not known, not listed or not answered within three seconds does not keep a
trade back, unless `smart_money_fail_open` is False. Scores are no advice: see what became of them at /v1/performance.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cached_property
from typing import Any

from altmonitor.app.smart_money_client import SmartMoneyClient, SmartMoneyError

log = logging.getLogger(__name__)


class SmartMoneyConfirm:
    """Beside `IStrategy`, before it in the list of bases."""

    smart_money_url = "http://127.0.0.1:3001"
    smart_money_key = ""
    smart_money_timeout_s = 3.0
    smart_money_fail_open = True

    @cached_property
    def smart_money(self) -> SmartMoneyClient:
        return SmartMoneyClient(
            self.smart_money_url, api_key=self.smart_money_key, timeout_s=self.smart_money_timeout_s
        )

    def confirm_trade_entry(
        self,
        pair: str,
        order_type: str,
        amount: float,
        rate: float,
        time_in_force: str,
        current_time: datetime,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> bool:
        base = pair.split("/")[0]
        direction = "short" if side == "short" else "long"
        try:
            found = self.smart_money.confirm(f"{base}USDT", direction, source="freqtrade")
        except SmartMoneyError as problem:
            if problem.code == "not_found":  # a coin that is not watched is none of its business
                return True
            log.warning("smart money: %s", problem)
            return self.smart_money_fail_open
        if found.is_veto:
            log.info("smart money vetoes %s %s: composite %s", direction, pair, found.composite)
        return not found.is_veto
