"""What was judged lately and why, and what could be judged at all: the memory behind the question why an alert came, or
did not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from altmonitor.core.types import Destination
from altmonitor.detectors.kinds import RULES
from altmonitor.detectors.verdict import Rule, RuleCheck, Verdict
from altmonitor.market.candles import LONGEST_MINUTES, MINUTE_MS
from altmonitor.market.math import MinuteRanges

MOST_JUDGEMENTS = 20_000
"""Beyond this the oldest are forgotten; a few days of usual thresholds over the whole market."""

Key = tuple[str, int, Destination, Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedBack:
    """Minutes [begin_ms, end_ms) that were looked through at the moment at_ms, event time."""

    begin_ms: int
    end_ms: int
    at_ms: int


class DecisionLog:
    """Per symbol, minute, destination and rule the judgement nearest to telling: what was told, else the largest.

    A minute is that of the candle or sample that was judged, whenever that was.
    """

    def __init__(self, *, most: int = MOST_JUDGEMENTS, is_kept: bool = True) -> None:
        self._most = most
        self.is_kept = is_kept
        """False where nobody will ask why: then nothing need be recorded."""
        self._checks: dict[Key, RuleCheck] = {}
        self._first_ms: int | None = None
        self._forgotten_ms = 0  # of the minutes before, judgements had to make room for newer ones
        self._began_ms: int | None = None
        self._listed_ms: dict[str, int] = {}
        self._returned: set[str] = set()  # listed before, then gone: what was in between is not known
        self._gone: set[str] = set()
        self._missed = MinuteRanges()
        self._looked_back: dict[str, list[LookedBack]] = {}
        self._volume_looked_back: dict[str, list[LookedBack]] = {}

    @property
    def known_from_ms(self) -> int | None:
        """Beginning of the first minute of which everything that was judged is known; None before the first one."""
        return None if self._first_ms is None else max(self._first_ms, self._forgotten_ms)

    def begin(self, event_ms: int) -> None:
        """From here on judgements are made."""
        if self._first_ms is None:
            self._first_ms = event_ms // MINUTE_MS * MINUTE_MS

    def wants(
        self, symbol: str, at_ms: int, destination: Destination, rule: Rule, *, is_raised: bool, size: float
    ) -> bool:
        """False when something nearer to telling is known of that minute; cheap, asked for every judgement."""
        if not self.is_kept:
            return False
        known = self._checks.get((symbol, at_ms // MINUTE_MS, destination, rule))
        if known is None:
            return True
        if known.verdict.is_raised:
            return is_raised and size > abs(known.value or 0.0)
        return is_raised or size > abs(known.value or 0.0)

    def record(self, symbol: str, at_ms: int, destination: Destination, check: RuleCheck) -> None:
        """at_ms: some moment of the minute that was judged."""
        key = symbol, at_ms // MINUTE_MS, destination, check.rule
        self._checks[key] = check
        if len(self._checks) > self._most:
            oldest = next(iter(self._checks))
            del self._checks[oldest]
            self._forgotten_ms = max(self._forgotten_ms, (oldest[1] + 1) * MINUTE_MS)

    def of_minute(self, symbol: str, at_ms: int, destination: Destination) -> dict[Rule, RuleCheck]:
        """In the order of `RULES`."""
        minute = at_ms // MINUTE_MS
        found = {rule: self._checks.get((symbol, minute, destination, rule)) for rule in RULES}
        return {rule: check for rule, check in found.items() if check is not None}

    def between(
        self, symbol: str, from_ms: int, to_ms: int, destination: Destination
    ) -> Iterator[tuple[int, RuleCheck]]:
        """(beginning of the minute, judgement) for the minutes that contain from_ms … to_ms, oldest → newest."""
        for minute in range(from_ms // MINUTE_MS, to_ms // MINUTE_MS + 1):
            for check in self.of_minute(symbol, minute * MINUTE_MS, destination).values():
                yield minute * MINUTE_MS, check

    def moved_to(self, where_now: Callable[[Destination], Destination]) -> None:
        """Groups have new ids."""
        self._checks = {
            (s, minute, where_now(at), rule): check for (s, minute, at, rule), check in self._checks.items()
        }

    # --- what could be judged

    def listed(self, symbol: str, at_ms: int) -> None:
        """From here on the symbol is watched, event time."""
        self._began_ms = at_ms if self._began_ms is None else self._began_ms
        self._listed_ms[symbol] = at_ms
        if symbol in self._gone:
            self._gone.discard(symbol)
            self._returned.add(symbol)

    def forget(self, symbol: str) -> None:
        """The contract left the exchange. What was judged of it stays known."""
        self._listed_ms.pop(symbol, None)
        self._gone.add(symbol)
        self._missed.forget(symbol)
        self._looked_back.pop(symbol, None)
        self._volume_looked_back.pop(symbol, None)

    def missed(self, symbol: str, begin_ms: int, end_ms: int) -> None:
        """Of these minutes not everything was seen."""
        self._missed.add(symbol, begin_ms, end_ms)

    def looked_back(self, symbol: str, open_ms: int, *, at_ms: int, is_volume: bool = False) -> None:
        """That minute was looked through afterwards; is_volume: for its volume alone."""
        spans = (self._volume_looked_back if is_volume else self._looked_back).setdefault(symbol, [])
        end_ms = open_ms + MINUTE_MS
        if spans and spans[-1].at_ms == at_ms and spans[-1].end_ms == open_ms:
            spans[-1] = LookedBack(begin_ms=spans[-1].begin_ms, end_ms=end_ms, at_ms=at_ms)
        else:
            spans.append(LookedBack(begin_ms=open_ms, end_ms=end_ms, at_ms=at_ms))
        oldest_ms = at_ms - LONGEST_MINUTES * MINUTE_MS
        while spans and spans[0].end_ms < oldest_ms:
            del spans[0]
        self._missed.fill(symbol, 0, oldest_ms)

    def looked_back_ms(self, symbol: str, open_ms: int, *, is_volume: bool = False) -> int | None:
        """When that minute was looked through afterwards; None when it was not."""
        spans = self._looked_back.get(symbol, [])
        if is_volume:
            spans = [*spans, *self._volume_looked_back.get(symbol, ())]
        return max((one.at_ms for one in spans if one.begin_ms <= open_ms < one.end_ms), default=None)

    def gap_of(self, symbol: str, open_ms: int) -> Verdict | None:
        """Why nothing can be said of a whole minute from what was seen and judged; None: it can."""
        began_ms, listed_ms = self._began_ms, self._listed_ms.get(symbol)
        if (
            began_ms is not None
            and listed_ms is not None
            and symbol not in self._returned
            and began_ms < listed_ms
            and began_ms <= open_ms
            and open_ms + MINUTE_MS <= listed_ms
        ):
            return Verdict.NOT_LISTED
        if open_ms < self._forgotten_ms or symbol in self._gone:
            return Verdict.NOT_KEPT
        if self.looked_back_ms(symbol, open_ms) is not None:
            return None
        if self._first_ms is None or open_ms < self._first_ms:
            return Verdict.NOT_KEPT
        return Verdict.NOT_SEEN if self._missed.covers(symbol, open_ms) else None
