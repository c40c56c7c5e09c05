"""All audiences: who is asked about what was measured, and how what they are told alike becomes one alert."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import msgspec

from altmonitor.core.alert import Alert, Kind, StoredSize
from altmonitor.core.types import Destination
from altmonitor.detectors.conditions import Crossing
from altmonitor.detectors.price import bounds_of
from altmonitor.detectors.verdict import RuleCheck, Verdict
from altmonitor.engine import alert_factory as compose
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.context import AlertContext, EngineDeps
from altmonitor.engine.decision_log import DecisionLog
from altmonitor.market.book import Bounds, SymbolBook, loosest
from altmonitor.settings.audience import Audience

# ---
# One market event, told to several: what all of them are told alike is one alert.


OWNER = "@"


class AlertGroup:
    """Alerts in the order of the first audience each is told to; the main audience is asked first.

    main: its alerts have no suffix; those it is not told have `@` and the first destination that is.
    """

    def __init__(self, main: Destination) -> None:
        self._main = main
        self._rows: dict[Alert, tuple[Alert, list[Destination]]] = {}

    def add(self, alert: Alert, destination: Destination) -> Alert:
        """Returns the alert under the key it is told with."""
        known = self._rows.get(alert)
        if known is not None:
            known[1].append(destination)
            return known[0]
        owned = alert
        if destination != self._main:
            owned = msgspec.structs.replace(alert, key=f"{alert.key}{OWNER}{destination}")
        self._rows[alert] = owned, [destination]
        return owned

    def rows(self) -> list[tuple[Alert, list[Destination]]]:
        return list(self._rows.values())


def owner_of(key: str, *, main: Destination) -> str:
    """The destination, as it is written, whose episode an alert's message shows: the first one it was told to."""
    return key.rpartition(OWNER)[2] if OWNER in key else str(main)


# ---


LATENCY_SAMPLES = 1000
Decision = tuple[Verdict, int | None]
"""With the moment when its reason ends, unix ms; None: it has no end of its own."""


class Audiences:
    """hearings: the main audience first, never empty. lookback: closed candles that any of them compares with."""

    def __init__(self, links: EngineDeps, audiences: Sequence[Audience]) -> None:
        self._links = links
        self.audience_states: list[AudienceState] = []
        self.verdicts: Counter[tuple[Kind, Verdict]] = Counter()
        self.detect_ms: deque[int] = deque(maxlen=LATENCY_SAMPLES)
        self.trace = DecisionLog()
        self.apply(audiences)

    def apply(self, audiences: Sequence[Audience]) -> None:
        """Those that were there keep what they were told; those that left are forgotten."""
        if not audiences:
            raise ValueError("no audience")
        known = {audience_state.audience.destination: audience_state for audience_state in self.audience_states}
        now_ms = self._links.clock.now_ms()
        self.audience_states = []
        for audience in audiences:
            audience_state = known.get(audience.destination) or AudienceState(
                audience, since_ms=now_ms, episodes=self._links.episodes
            )
            audience_state.apply(audience)
            self.audience_states.append(audience_state)
        all_settings = [audience_state.audience.settings for audience_state in self.audience_states]
        self._own_symbols = {symbol for settings in all_settings for symbol in settings.of_symbol}
        self._bounds = self._loosest_for("")
        self.lookback = max(settings.vol_burst_lookback for settings in all_settings)

    def moved_to(self, where_now: Callable[[Destination], Destination]) -> None:
        """Groups have new ids; what they were told they were told. Before `use` with those ids."""
        for audience_state in self.audience_states:
            destination = where_now(audience_state.audience.destination)
            audience_state.apply(replace(audience_state.audience, destination=destination))

    @property
    def main(self) -> Audience:
        return self.audience_states[0].audience

    def audience_state_at(self, destination: Destination) -> AudienceState | None:
        return next((one for one in self.audience_states if one.audience.destination == destination), None)

    def bounds(self, symbol: str) -> Bounds:
        """The loosest of all audiences that want to hear of prices."""
        return self._loosest_for(symbol) if symbol in self._own_symbols else self._bounds

    def has_volume(self, symbol: str) -> bool:
        """False when nobody asks for volume bursts."""
        return any(audience_state.settings_of(symbol).vol_burst_mult for audience_state in self.audience_states)

    def forget(self, symbol: str) -> None:
        """The contract left the exchange."""
        for audience_state in self.audience_states:
            audience_state.forget(symbol)

    def restore(self, alert: Alert, destinations: Collection[Destination], first: Alert | None) -> None:
        """These were told it before a restart. first: of its episode, where that is another alert and known."""
        for audience_state in self.audience_states:
            if audience_state.audience.destination in destinations:
                audience_state.restore(alert, first)

    def restore_standing(self, sizes: Sequence[StoredSize], first_ms: Mapping[Destination, int]) -> None:
        for audience_state in self.audience_states:
            at = audience_state.audience.destination
            told = (one for one in sizes if one.destination == at)
            audience_state.standing.restore(told, known_since_ms=first_ms.get(at))

    def detect_latency_ms(self) -> tuple[float | None, float | None]:
        """p50 and p99 of exchange event → decision; None before the first alert."""
        ordered = sorted(self.detect_ms)
        if not ordered:
            return None, None
        return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]

    # --- for those that judge

    def filter_reason(self, audience_state: AudienceState, kind: Kind, symbol: str, event_ms: int) -> Decision | None:
        """None: nothing keeps alerts of this kind and symbol from this audience."""
        return audience_state.filter_reason(kind, symbol, event_ms, self._links.context.day(symbol))

    def record(self, audience_state: AudienceState, symbol: str, event_ms: int, check: RuleCheck) -> None:
        self.trace.record(symbol, event_ms, audience_state.audience.destination, check)

    def surroundings(self, symbol: str, event_ms: int, *, is_late: bool = False) -> AlertContext:
        context = self._links.context
        return AlertContext(
            now_ms=self._links.clock.now_ms(),
            event_ms=event_ms,
            day=context.day(symbol),
            funding=context.funding(symbol),
            funding_hours=context.funding_hours(symbol),
            oi_newest=None if is_late else self._links.oi_ring.newest(symbol),
            is_late=is_late,
        )

    def day_usdt(self, symbol: str) -> float | None:
        """Quote volume of 24 h; None when it is not known."""
        day = self._links.context.day(symbol)
        return None if day is None else day.quote_usdt

    def price_of(self, symbol: str, book: SymbolBook | None) -> float | None:
        """Last price, else the mark price; open interest must have a worth even while the feed is blind."""
        if book is not None and book.price > 0:
            return book.price
        funding = self._links.context.funding(symbol)
        return None if funding is None else funding.mark_price

    def alert_group(self) -> AlertGroup:
        """For the alerts of one event."""
        return AlertGroup(self.main.destination)

    def notify(
        self, alert_group: AlertGroup, audience_state: AudienceState, alert: Alert, book: SymbolBook | None
    ) -> None:
        """This audience is told; the alert leaves with those of the others, see `put`."""
        told = alert_group.add(audience_state.placed(alert), audience_state.audience.destination)
        self._tell_end(audience_state, audience_state.remember(told, book))

    def put(self, alert_group: AlertGroup) -> None:
        for alert, destinations in alert_group.rows():
            self._emit(alert, destinations)

    # --- what is told without being judged here

    def notify_crossing(self, crossing: Crossing, event_ms: int, price: float | None, *, is_late: bool = False) -> None:
        """Asked for by name: nothing that holds for other alerts keeps it back."""
        around = self.surroundings(crossing.condition.symbol, event_ms, is_late=is_late)
        self.verdicts["condition", Verdict.FIRE] += 1
        self._emit(compose.condition_alert(crossing, price, around), [crossing.condition.destination])

    def end_episodes(self, book: SymbolBook, event_ms: int) -> None:
        """A candle was closed: nothing may have been told of its symbol for long enough."""
        for audience_state in self.audience_states:
            self._tell_end(audience_state, audience_state.episodes.end_if_over(book, event_ms))

    def _tell_end(self, audience_state: AudienceState, first: Alert | None) -> None:
        """Of a first alert that several were told, the first of them tells: what joined may differ for the others."""
        main = self.main.destination
        if first is not None and owner_of(first.key, main=main) == str(audience_state.audience.destination):
            self._links.on_episode_end(first)

    def _emit(self, alert: Alert, destinations: Sequence[Destination]) -> None:
        if not alert.late:
            self.detect_ms.append(int(alert.ts * 1000) - alert.event_ms)
        self._links.sink.put(alert, to=destinations)
        self._links.on_alert(alert)

    def _loosest_for(self, symbol: str) -> Bounds:
        return loosest(
            bounds_of(audience_state.settings_of(symbol))
            for audience_state in self.audience_states
            if "price" in audience_state.audience.kinds
        )
