"""Which thresholds raised an alert: another version where other bounds hold, the same one where they do not."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.core.types import Destination
from altmonitor.replay.outcome_versions import settings_version
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings


def version(settings: Settings) -> str:
    return settings_version([Audience(destination=Destination(chat_id=1), settings=settings)])[0]


def test_bounds_that_follow_from_the_contract_are_other_settings_when_a_budget_chooses_them_anew() -> None:
    adaptive = Settings(adaptive_sigmas=6.0, adaptive_volume_mult=2.0)
    others = (
        Settings(),
        replace(adaptive, adaptive_sigmas=8.0),
        replace(adaptive, adaptive_volume_mult=2.5),
        replace(adaptive, adaptive_floor_pct=2.0),
        replace(adaptive, pump_threshold=4.0),
    )
    assert version(adaptive) not in [version(one) for one in others]
    assert version(Settings()) == version(Settings(adaptive_floor_pct=2.0)), "with fixed bounds a floor holds nowhere"
