"""`altmonitor try`: what is tried, as the chat's `/try` tries it."""

from __future__ import annotations

from altmonitor.cli.try_settings import with_tried
from altmonitor.core.types import Destination
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings


def test_a_contract_keeps_the_threshold_of_its_own_and_follows_in_all_others() -> None:
    own = Settings(pump_threshold=10.0, vol_burst_mult=5.0)
    now = Audience(destination=Destination(chat_id=1), settings=Settings(of_symbol={"SOLUSDT": own}))
    then = with_tried(now, {"pump_threshold": 4.0, "vol_burst_mult": 9.0}).settings
    assert (then.pump_threshold, then.vol_burst_mult) == (4.0, 9.0)
    sol = then.for_symbol("SOLUSDT")
    assert (sol.pump_threshold, sol.vol_burst_mult) == (10.0, 9.0)
