"""Live settings: what the detectors obey now. Changed only by commands, kept in state.json as overrides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A frozen value; a change makes a new one and the reference is swapped.

    Percent are percent (3.0 = 3 %). A threshold of 0 (oi_surge_*, vol_burst_mult, *_usd*) switches that part off.
    watchlist: empty means every symbol. muted: symbol → unix second it ends, None = for good. Muted beats watched.
    """

    pump_threshold: float = 3.0
    dump_threshold: float = -3.0
    oi_surge_1m: float = 3.0
    oi_surge_5m: float = 6.0
    vol_burst_mult: float = 5.0
    cooldown_sec: int = 180
    watchlist: frozenset[str] = frozenset()
    muted: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    # set by the environment only
    vol_burst_lookback: int = 20
    vol_burst_min_usdt: float = 50_000.0
    oi_min_usd: float = 1_000_000.0
    min_24h_usdt: float = 0.0
    rolling: bool = True

    def is_muted(self, symbol: str, now_s: float) -> bool:
        if symbol not in self.muted:
            return False
        until_s = self.muted[symbol]
        return until_s is None or now_s < until_s

    def is_watched(self, symbol: str) -> bool:
        return not self.watchlist or symbol in self.watchlist
