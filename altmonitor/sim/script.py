"""What a simulated market does on purpose: events with a moment, placed on the exchange's clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pump:
    """The price rises by `pct` percent (> 0) in a straight line over `over_s` seconds and stays there."""

    symbol: str
    at_ms: int
    pct: float
    over_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Dump:
    """The price falls by `pct` percent (0 < pct < 100, given without a sign) over `over_s` seconds and stays there."""

    symbol: str
    at_ms: int
    pct: float
    over_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Burst:
    """The minute that contains `at_ms` ends with `multiple` times the median quote volume of the 20 before it.

    Nothing of it is visible before `at_ms`. Earlier bursts are left out of that median.
    """

    symbol: str
    at_ms: int
    multiple: float


@dataclass(frozen=True, slots=True)
class OiStep:
    """Open interest jumps by `pct` percent (either sign, > -100) and stays there."""

    symbol: str
    at_ms: int
    pct: float


@dataclass(frozen=True, slots=True)
class Crash:
    """`share` (0…1) of all contracts fall together, each by between `pct` and 1.5 × `pct` percent (pct ≤ 60)."""

    at_ms: int
    pct: float
    over_s: float = 60.0
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Listing:
    """A USDT perpetual starts trading: told on the contract-info stream, then in the contract list."""

    symbol: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Delisting:
    """Trading ends: status SETTLING, told on the contract-info stream; no kline after it."""

    symbol: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class BracketChange:
    """The contract-info stream speaks of new leverage brackets: status unchanged, no listing."""

    symbol: str
    at_ms: int


Event = Pump | Dump | Burst | OiStep | Crash | Listing | Delisting | BracketChange


def check(event: Event) -> Event:
    """The event itself. Raises ValueError with one line when a number is out of its range."""
    if isinstance(event, Pump | Dump | Crash) and event.over_s < 0:
        raise ValueError(f"{event}: over_s must not be negative")
    if isinstance(event, Pump) and not 0 < event.pct <= 100_000:
        raise ValueError(f"{event}: pct must be above 0 (percent of the rise)")
    if isinstance(event, Dump) and not 0 < event.pct < 100:
        raise ValueError(f"{event}: pct must be between 0 and 100 (percent of the fall, without a sign)")
    if isinstance(event, Crash) and not (0 < event.pct <= 60 and 0 < event.share <= 1):
        raise ValueError(f"{event}: pct must be in 0…60 and share in 0…1")
    if isinstance(event, Burst) and not 1 <= event.multiple <= 10_000:
        raise ValueError(f"{event}: multiple must be at least 1")
    if isinstance(event, OiStep) and not -100 < event.pct <= 100_000:
        raise ValueError(f"{event}: pct must be above -100")
    return event
