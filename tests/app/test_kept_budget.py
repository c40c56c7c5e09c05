"""The environment's budget only ever raises."""

from __future__ import annotations

from altmonitor.app.kept_budget import raised
from altmonitor.settings.settings import Settings


def test_a_threshold_of_a_budget_is_never_nearer_to_zero_than_the_environments() -> None:
    base = Settings(pump_threshold=3.0, dump_threshold=-4.0, oi_surge_5m=6.0, vol_burst_mult=5.0)
    proposed = {"pump_threshold": 6.0, "dump_threshold": -1.0, "oi_surge_5m": 2.0, "vol_burst_mult": 60.0}
    assert raised(base, proposed) == {
        "pump_threshold": 6.0,
        "dump_threshold": -4.0,
        "oi_surge_5m": 6.0,
        "vol_burst_mult": 60.0,
    }
