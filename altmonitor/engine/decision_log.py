"""What was judged lately and why: the memory behind the question why an alert came, or did not."""

from __future__ import annotations

from collections.abc import Iterator

from altmonitor.core.types import Destination
from altmonitor.detectors.kinds import RULES
from altmonitor.detectors.verdict import Rule, RuleCheck
from altmonitor.market.candles import MINUTE_MS

MOST_JUDGEMENTS = 20_000
"""Beyond this the oldest are forgotten; a few days of usual thresholds over the whole market."""

Key = tuple[str, int, Destination, Rule]


class DecisionLog:
    """Per symbol, minute, destination and rule the judgement nearest to telling: what was told, else the largest."""

    def __init__(self, *, most: int = MOST_JUDGEMENTS) -> None:
        self._most = most
        self._checks: dict[Key, RuleCheck] = {}
        self._known_from_ms: int | None = None

    @property
    def known_from_ms(self) -> int | None:
        """Beginning of the first minute of which everything that was judged is known; None before the first one."""
        return self._known_from_ms

    def begin(self, event_ms: int) -> None:
        """From here on judgements are made."""
        if self._known_from_ms is None:
            self._known_from_ms = event_ms // MINUTE_MS * MINUTE_MS

    def wants(
        self, symbol: str, event_ms: int, destination: Destination, rule: Rule, *, is_raised: bool, size: float
    ) -> bool:
        """False when something nearer to telling is known of that minute; cheap, asked for every judgement."""
        known = self._checks.get((symbol, event_ms // MINUTE_MS, destination, rule))
        if known is None:
            return True
        if known.verdict.is_raised:
            return is_raised and size > abs(known.value or 0.0)
        return is_raised or size > abs(known.value or 0.0)

    def record(self, symbol: str, event_ms: int, destination: Destination, check: RuleCheck) -> None:
        key = symbol, event_ms // MINUTE_MS, destination, check.rule
        self._checks[key] = check
        if len(self._checks) > self._most:
            oldest = next(iter(self._checks))
            del self._checks[oldest]
            self._known_from_ms = max(self._known_from_ms or 0, (oldest[1] + 1) * MINUTE_MS)

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
