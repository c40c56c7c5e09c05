"""Conditions beside the books they look at: asked with a price, they move the bounds of their symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from altmonitor.core.alert import Alert, Direction
from altmonitor.core.types import of_venue
from altmonitor.detectors.conditions import Conditions, Crossing, PriceBefore
from altmonitor.engine.audiences import Audiences
from altmonitor.engine.context import EngineDeps
from altmonitor.market.book import Bounds, Silence, SymbolBook
from altmonitor.settings.conditions import Condition, ConditionMetric


class ConditionEngine:
    """aim(symbol): called when the bounds of a symbol have changed."""

    def __init__(self, audiences: Audiences, links: EngineDeps, *, aim: Callable[[str], None]) -> None:
        self._audiences = audiences
        self._links = links
        self._aim = aim
        self._conditions = Conditions(links.on_conditions)
        self._symbols: frozenset[str] = frozenset()
        self._told_ms: dict[tuple[str, Direction], int] = {}  # by what `_of` says, event time; of this run

    def apply(self, conditions: Sequence[Condition]) -> None:
        """All that exist, from the next frame on."""
        before = self._symbols
        self._conditions.apply(conditions)
        keys = {condition.key for condition in conditions}
        self._told_ms = {of: ms for of, ms in self._told_ms.items() if of[0] in keys}
        self._symbols = frozenset(self._conditions.symbols)
        for symbol in before | self._symbols:
            self._aim(symbol)

    def restore(self, text: str | None) -> None:
        """What `EngineDeps.on_conditions` was given last by an earlier run."""
        self._conditions.restore(text)
        for symbol in self._symbols:
            self._aim(symbol)

    def restore_told(self, alert: Alert) -> None:
        """A crossing was told by an earlier run."""
        key, direction = _of(alert)
        self._conditions.record_raised(key, "up" if direction == "UP" else "down", alert.event_ms)
        self._aim(alert.symbol)

    def adopt(self, alert: Alert) -> bool:
        """Another process found this crossing and could not tell it. False: it was told here, or a later one was."""
        if self._told_ms.get(_of(alert), 0) >= alert.event_ms:
            return False
        self._told_ms[_of(alert)] = alert.event_ms
        self.restore_told(alert)
        return True

    def bounds(self, symbol: str) -> Bounds | None:
        """None when nothing is asked about it."""
        return self._conditions.bounds(symbol) if symbol in self._symbols else None

    def listening(self, book: SymbolBook, silence: Silence) -> Silence:
        """A silence that lets through what conditions want to hear of."""
        asked = self.bounds(book.symbol)
        if asked is None:
            return silence
        above, below = min(silence.above, asked.above), max(silence.below, asked.below)
        for minutes, rise, fall in asked.windows:
            before = book.open_before(minutes)
            if before is not None:
                above, below = min(above, before * rise), max(below, before * fall)
        return Silence(above=above, below=below, until_ms=silence.until_ms)

    def evaluate(self, book: SymbolBook) -> None:
        """At its newest price."""
        if book.symbol in self._symbols:
            self._look(book, book.price, book.open_before, book.event_ms, is_late=False)

    def look_back(self, book: SymbolBook, price: float, before: PriceBefore, event_ms: int) -> None:
        """At a price that was touched while nobody watched."""
        if book.symbol in self._symbols:
            self._look(book, price, before, event_ms, is_late=True)

    def look_at_funding(self) -> None:
        """Funding rates were read."""
        if not self._symbols:
            return
        event_ms, context = self._links.clock.now_ms(), self._links.context

        def rate_of(symbol: str) -> float | None:
            funding = context.funding(symbol)
            return None if funding is None else funding.rate

        for crossing in self._conditions.look_at_funding(rate_of, event_ms):
            funding = context.funding(crossing.condition.symbol)
            self._tell(crossing, event_ms, None if funding is None else funding.mark_price)

    def look_at_metrics(self, symbol: str, values: Mapping[ConditionMetric, float]) -> None:
        """Scores of a symbol and what they are made of were looked at."""
        if symbol not in self._symbols:
            return
        event_ms, funding = self._links.clock.now_ms(), self._links.context.funding(symbol)
        for crossing in self._conditions.look_at_metrics(symbol, values, event_ms):
            self._tell(crossing, event_ms, None if funding is None else funding.mark_price)

    def _tell(self, crossing: Crossing, event_ms: int, price: float | None, *, is_late: bool = False) -> None:
        direction: Direction = "UP" if crossing.side == "up" else "DOWN"
        self._told_ms[crossing.condition.key, direction] = event_ms
        self._audiences.notify_crossing(crossing, event_ms, price, is_late=is_late)

    def _look(self, book: SymbolBook, price: float, before: PriceBefore, event_ms: int, *, is_late: bool) -> None:
        crossings, is_changed = self._conditions.evaluate(book.symbol, price, before, event_ms)
        for crossing in crossings:
            self._tell(crossing, event_ms, price, is_late=is_late)
        if is_changed:
            self._aim(book.symbol)


def _of(alert: Alert) -> tuple[str, Direction]:
    """Key of the condition, and the side on which it became true."""
    return alert.key.removeprefix(of_venue(alert.venue, "")).split(":", 2)[1], alert.direction
