"""Scripted rises and falls as factors on the price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from altmonitor.sim.contracts import SimContract
from altmonitor.sim.noise import Floats, Ints, Keys, uniform
from altmonitor.sim.script import Crash, Dump, Event, Pump


@dataclass(frozen=True, slots=True)
class Ramp:
    from_ms: int
    to_ms: int
    change: float  # share of the price: 0.05 = + 5 %

    def factor(self, times: Ints) -> Floats:
        over = max(1, self.to_ms - self.from_ms)
        return 1 + self.change * np.clip((times - self.from_ms) / over, 0.0, 1.0)


def ramps_of(contracts: Sequence[SimContract], keys: Keys, events: Sequence[Event]) -> dict[int, list[Ramp]]:
    number_of = {c.symbol: row for row, c in enumerate(contracts)}
    found: dict[int, list[Ramp]] = {}
    for event in events:
        if isinstance(event, Pump | Dump):
            sign = 1 if isinstance(event, Pump) else -1
            ramp = Ramp(event.at_ms, event.at_ms + int(event.over_s * 1000), sign * event.pct / 100)
            if event.symbol in number_of:
                found.setdefault(number_of[event.symbol], []).append(ramp)
        elif isinstance(event, Crash):
            dice = uniform(keys, np.array([event.at_ms, event.at_ms + 1]), salt=700)
            for row in range(len(contracts)):
                if dice[row, 0] < event.share:
                    change = -event.pct / 100 * (1 + 0.5 * dice[row, 1])
                    ramp = Ramp(event.at_ms, event.at_ms + int(event.over_s * 1000), float(change))
                    found.setdefault(row, []).append(ramp)
    return found
