"""Sets of thresholds for people who do not know yet what they want.

`original` is what the first version of this kind of bot came with. The others were chosen by count: price and volume
alerts a day over 560 contracts, from four months of one-minute candles of three mid-cap contracts (2024-10, 2025-02):
calm about 50, normal about 180, active about 700, original about 18,000, nearly all of them volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from altmonitor.settings.settings import SETTING_OF, SETTINGS, Numbers, Settings


def _preset(**numbers: float) -> Numbers:
    """In the order of the settings' table; thresholds that a preset does not name are switched off."""
    full = {"move_5m_pct": 0.0, "move_15m_pct": 0.0, **numbers}
    return MappingProxyType({setting.key: full[setting.key] for setting in SETTINGS if setting.key in full})


PRESETS: Mapping[str, Numbers] = MappingProxyType(
    {
        "calm": _preset(
            pump_threshold=8.0,
            dump_threshold=-8.0,
            oi_surge_1m=8.0,
            oi_surge_5m=15.0,
            vol_burst_mult=100.0,
            cooldown_sec=900,
            move_15m_pct=12.0,
        ),
        "normal": _preset(
            pump_threshold=5.0,
            dump_threshold=-5.0,
            oi_surge_1m=5.0,
            oi_surge_5m=10.0,
            vol_burst_mult=50.0,
            cooldown_sec=300,
            move_5m_pct=8.0,
        ),
        "active": _preset(
            pump_threshold=3.0,
            dump_threshold=-3.0,
            oi_surge_1m=3.0,
            oi_surge_5m=6.0,
            vol_burst_mult=25.0,
            cooldown_sec=180,
            move_5m_pct=5.0,
        ),
        "original": _preset(
            pump_threshold=3.0,
            dump_threshold=-3.0,
            oi_surge_1m=3.0,
            oi_surge_5m=6.0,
            vol_burst_mult=5.0,
            cooldown_sec=180,
        ),
    }
)


def preset_in_force(settings: Settings) -> str:
    """'' when the settings are those of none."""
    for name, numbers in PRESETS.items():
        if all(SETTING_OF[key].of(settings) == value for key, value in numbers.items()):
            return name
    return ""
