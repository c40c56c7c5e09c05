"""Who is told what: every destination has settings, kinds, language, zone and quiet hours of its own."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.core.alert import KINDS, Kind
from altmonitor.core.types import Destination
from altmonitor.settings.settings import Settings

MINUTES_A_DAY = 1_440


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """begin_minute, end_minute: minutes of the local day, 0…1439, different; the end may lie on the next day."""

    begin_minute: int
    end_minute: int

    def holds(self, minute: int) -> bool:
        """minute: of the local day. The begin is inside, the end is not."""
        if self.begin_minute < self.end_minute:
            return self.begin_minute <= minute < self.end_minute
        return minute >= self.begin_minute or minute < self.end_minute

    def minutes_left(self, minute: int) -> int:
        """From a minute inside until the end, 1…1439."""
        return (self.end_minute - minute) % MINUTES_A_DAY

    def __str__(self) -> str:
        return "-".join(f"{at // 60:02}:{at % 60:02}" for at in (self.begin_minute, self.end_minute))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """One destination and what holds for it now. The first one of the program is the main one.

    kinds: what it wants to hear of; nothing else is queued for it. is_silent: messages ring no bell.
    lang: a language of the texts. tz: IANA zone name. quiet: alerts are held back and leave as a digest at its end.
    budget_per_day: alerts a day its thresholds were chosen for; 0: none.
    """

    destination: Destination
    settings: Settings
    kinds: frozenset[Kind] = frozenset(KINDS)
    is_silent: bool = False
    lang: str = "en"
    tz: str = "UTC"
    quiet: QuietHours | None = None
    budget_per_day: int = 0
