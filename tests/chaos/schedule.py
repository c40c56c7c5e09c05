"""A seed → what goes wrong when, and what the market does meanwhile. Frozen before the day begins."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from altmonitor.sim.script import Burst, Crash, Dump, Event, OiStep, Pump

FIRST_EVENT_S = 420.0
LAST_EVENT_BEFORE_END_S = 900.0
EVENT_EVERY_S = (40.0, 80.0)
APART_S = 900.0
"""Between two events of one symbol: five cooldowns, and longer than any window looks back."""
CRASH_EVERY_S = 9_000.0
ALONE_AROUND_CRASH_S = (300.0, 900.0)

FIRST_FAULT_S = 600.0
CALM_S = (330.0, 560.0)
"""Between two episodes: long enough for a program that recovers at all."""
MOST_AT_ONCE = 3
STORM = (("rest 429", -8.0, 60.0), ("telegram 429", 3.0, 20.0), ("feed drop", 9.0, 0.0))
"""Name, seconds after the beginning of a crash, duration: all at once, in the minute that matters."""
STORM_ALONE_S = (700.0, 240.0)
FIREWALL_FROM_HOURS = 12.0
"""A block of 90 minutes would be most of a shorter day."""


@dataclass(frozen=True, slots=True)
class Kind:
    """area: faults of one area never meet. for_s: how long, the market's seconds; (0, 0) for a moment.

    is_machine_time: for_s is of the machine's clock, because the disk does not know of a fast one.
    """

    name: str
    area: str
    for_s: tuple[float, float] = (0.0, 0.0)
    is_machine_time: bool = False


KINDS: tuple[Kind, ...] = (
    Kind("feed drop", "feed"),
    Kind("feed close", "feed"),
    Kind("feed mute", "feed", (90, 420)),
    Kind("feed refused", "feed", (90, 300)),
    Kind("feed garbage", "feed", (300, 900)),
    Kind("feed no answers", "feed", (60, 150)),
    Kind("symbols mute", "feed", (240, 720)),
    Kind("rest 503", "rest", (60, 240)),
    Kind("rest slow", "rest", (60, 200)),
    Kind("rest truncated", "rest", (60, 200)),
    Kind("rest cut", "rest", (60, 200)),
    Kind("rest portal", "rest", (60, 200)),
    Kind("rest crowded", "rest", (120, 230)),
    Kind("rest 429", "rest", (30, 120)),
    Kind("rest 418", "rest", (300, 900)),
    Kind("rest 418 by date", "rest", (120, 600)),
    Kind("rest 418 in words", "rest", (120, 600)),
    Kind("telegram abort", "telegram", (60, 1500)),
    Kind("telegram bad gateway", "telegram", (60, 900)),
    Kind("telegram portal", "telegram", (60, 600)),
    Kind("telegram refused", "telegram", (60, 1200)),
    Kind("telegram 429", "telegram", (5, 90)),
    Kind("telegram accepts and drops", "telegram"),
    Kind("telegram truncates", "telegram"),
    Kind("telegram slow", "telegram", (120, 400)),
    Kind("kill", "process", (0, 240)),
    Kind("kill", "process", (0, 240)),
    Kind("stop", "process", (0, 120)),
    Kind("disk locked", "process", (0.5, 4), is_machine_time=True),
    Kind("disk full", "process", (0.5, 4), is_machine_time=True),
    Kind("clock skew", "clock", (700, 1300)),
)
FIREWALL = Kind("rest 403", "rest", (5_400, 5_400))


@dataclass(frozen=True, slots=True)
class Fault:
    """at_s, for_s: seconds of the day. size: a number the kind understands (seconds of skew, how often, a dice)."""

    name: str
    at_s: float
    for_s: float
    size: float

    @property
    def end_s(self) -> float:
        return self.at_s + self.for_s

    def __str__(self) -> str:
        return f"{self.name} at {self.at_s:.0f} s for {self.for_s:.0f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """events: the market's script, by time. at_ms of the events are unix ms, of the faults seconds of the day."""

    seed: int
    hours: float
    faults: tuple[Fault, ...]
    events: tuple[Event, ...]


def schedule(seed: int, *, hours: float, speed: float, start_ms: int, symbols: Sequence[str]) -> Schedule:
    """The same arguments give the same day."""
    chance = random.Random(seed)
    crashes = tuple(_crashes(chance, hours * 3600 - LAST_EVENT_BEFORE_END_S))
    faults = [
        fault
        for fault in _faults(chance, hours=hours, speed=speed)
        if all(fault.end_s < at_s - STORM_ALONE_S[0] or fault.at_s > at_s + STORM_ALONE_S[1] for at_s in crashes)
    ]
    faults += [
        Fault(name, at_s + after_s, for_s, chance.random()) for at_s in crashes for name, after_s, for_s in STORM
    ]
    return Schedule(
        seed=seed,
        hours=hours,
        faults=tuple(sorted(faults, key=lambda fault: fault.at_s)),
        events=tuple(_events(chance, crashes, end_s=hours * 3600, start_ms=start_ms, symbols=symbols)),
    )


def _crashes(chance: random.Random, before_s: float) -> Iterator[float]:
    """Seconds of the day."""
    at_s = CRASH_EVERY_S * chance.uniform(0.4, 0.8)
    while at_s < before_s:
        yield at_s // 60 * 60 + chance.uniform(4, 38)
        at_s += CRASH_EVERY_S


def _faults(chance: random.Random, *, hours: float, speed: float) -> Iterator[Fault]:
    cards = _cards(chance)
    firewall_at_s = hours * 3600 * 0.4 if hours >= FIREWALL_FROM_HOURS else None
    begin_s = FIRST_FAULT_S
    while True:
        episode = [next(cards)]
        for _ in range(chance.randrange(MOST_AT_ONCE)):
            card = next(cards)
            if card.area not in {other.area for other in episode}:
                episode.append(card)
        if firewall_at_s is not None and begin_s >= firewall_at_s:
            episode = [FIREWALL, *(card for card in episode if card.area not in {"rest", "feed"})]
            firewall_at_s = None
        faults = [_fault(chance, card, begin_s, speed) for card in episode]
        end_s = max(fault.end_s for fault in faults)
        if end_s + LAST_EVENT_BEFORE_END_S > hours * 3600:
            return
        yield from sorted(faults, key=lambda fault: fault.at_s)
        begin_s = end_s + chance.uniform(*CALM_S)


def _cards(chance: random.Random) -> Iterator[Kind]:
    """All kinds in a shuffled order, then again: a day does not leave one out by chance."""
    for _ in count():
        yield from chance.sample(KINDS, len(KINDS))


def _fault(chance: random.Random, kind: Kind, begin_s: float, speed: float) -> Fault:
    for_s = chance.uniform(*kind.for_s) * (speed if kind.is_machine_time else 1.0)
    return Fault(kind.name, begin_s + chance.uniform(0, 40), for_s, chance.random())


def _events(
    chance: random.Random, crashes: Sequence[float], *, end_s: float, start_ms: int, symbols: Sequence[str]
) -> Iterator[Event]:
    yield from (Crash(start_ms + round(at_s * 1000), 3.7, over_s=15, share=1.0) for at_s in crashes)
    before_s, after_s = ALONE_AROUND_CRASH_S
    last_s = dict.fromkeys(symbols, float("-inf"))
    is_high = dict.fromkeys(symbols, False)
    now_s = FIRST_EVENT_S
    while now_s < end_s - LAST_EVENT_BEFORE_END_S:
        rested = [symbol for symbol in symbols if now_s - last_s[symbol] >= APART_S]
        is_free = all(now_s < at_s - before_s or now_s > at_s + after_s for at_s in crashes)
        if rested and is_free:
            symbol = chance.choice(rested)
            last_s[symbol] = now_s
            event = _event(chance, symbol, start_ms + round(now_s * 1000), is_high=is_high[symbol])
            is_high[symbol] ^= isinstance(event, Pump | Dump)
            yield event
        now_s += chance.uniform(*EVENT_EVERY_S)


def _event(chance: random.Random, symbol: str, at_ms: int, *, is_high: bool) -> Event:
    """Prices rise and fall in turn, so that they are at the end of the day where they were."""
    dice = chance.random()
    if dice < 0.55:
        moment = _within_minute(chance, at_ms) if dice < 0.47 else _across_minutes(chance, at_ms)
        move = Dump if is_high else Pump
        return move(symbol, moment, chance.uniform(4.2, 5.0), over_s=chance.uniform(4, 14))
    if dice < 0.8:
        return Burst(symbol, _within_minute(chance, at_ms), chance.uniform(8, 14))
    return OiStep(symbol, at_ms, chance.choice((1, -1)) * chance.uniform(9, 13))


def _within_minute(chance: random.Random, at_ms: int) -> int:
    """In the minute of `at_ms`, so early that what takes 15 s ends in it."""
    return at_ms // 60_000 * 60_000 + round(chance.uniform(4, 38) * 1000)


def _across_minutes(chance: random.Random, at_ms: int) -> int:
    return at_ms // 60_000 * 60_000 + round(chance.uniform(52, 58) * 1000)
