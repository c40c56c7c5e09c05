"""All audiences, and how what several are told alike becomes one alert."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import NamedTuple

import msgspec

from altmonitor.core.alert import OWNER, Alert, Kind, StoredSize
from altmonitor.core.clock import speed_of
from altmonitor.core.durations import DurationCounts
from altmonitor.core.types import Destination
from altmonitor.detectors.adaptive import UsualMinutes
from altmonitor.detectors.conditions import Crossing
from altmonitor.detectors.price import bounds_of
from altmonitor.detectors.verdict import Verdict
from altmonitor.engine import alert_factory as compose
from altmonitor.engine.alert_factory import AlertContext
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.context import EngineDeps
from altmonitor.market.book import NOTHING, Bounds, SymbolBook, loosest
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import venue_mark

# ---
# One market event, told to several: what all of them are told alike is one alert.


class AlertGroup:
    """Alerts in the order of the first audience each is told to; the main audience is asked first.

    main: its alerts have no suffix; those it is not told have `@` and the first destination that is.
    """

    def __init__(self, main: Destination) -> None:
        self._main = main
        self._rows: list[tuple[Alert, list[Destination]]] = []
        self._first: Alert | None = None
        self._row_of: dict[Alert, tuple[Alert, list[Destination]]] = {}  # empty until a second one comes

    def add(self, alert: Alert, destination: Destination) -> Alert:
        """Returns the alert under the key it is told with."""
        owned = alert
        if destination is not self._main and destination != self._main:
            owned = msgspec.structs.replace(alert, key=f"{alert.key}{OWNER}{destination}")
        row = owned, [destination]
        if self._first is None:  # most often the only one, and to hash all its fields costs as much as to make it
            self._first = alert
            self._rows.append(row)
            return owned
        if not self._row_of:
            self._row_of[self._first] = self._rows[0]
        known = self._row_of.setdefault(alert, row)
        if known is row:
            self._rows.append(row)
        else:
            known[1].append(destination)
        return known[0]

    def rows(self) -> list[tuple[Alert, list[Destination]]]:
        return self._rows


def owner_of(key: str, *, main: Destination) -> str:
    """The destination, as it is written, whose episode an alert's message shows: the first one it was told to."""
    return key.rpartition(OWNER)[2] if OWNER in key else str(main)


# ---


class Expectation(NamedTuple):
    """above, below: prices at which a whole move is told again, until `until_ms` (event time; 0 when none is).
    up_quiet_ms, down_quiet_ms: nobody is told of the volume of a candle that ends before then and closes that way;
    infinite where nobody hears of volume."""

    above: float
    below: float
    until_ms: float
    up_quiet_ms: float
    down_quiet_ms: float


_expectation_of: Callable[[tuple[float, float, float, float, float]], Expectation] = partial(tuple.__new__, Expectation)
"""Without the call in Python that a named tuple makes for each of itself."""
LATENCY_SAMPLES = 1000
KEPT_MEASURES = 4
"""Of the usual minutes of a contract: those of the hours whose candles are kept."""
Decision = tuple[Verdict, int | None]
"""With the moment when its reason ends, unix ms; None: it has no end of its own."""


class Audiences:
    """audience_states: the main one first, never empty. lookback: closed candles that any of them compares with.

    aim(symbol): called when the bounds of a symbol have changed.
    """

    def __init__(
        self, links: EngineDeps, audiences: Sequence[Audience], *, aim: Callable[[str], None], at_ms: int
    ) -> None:
        self._links = links
        self._aim = aim
        self.audience_states: list[AudienceState] = []
        self.verdicts: Counter[tuple[Kind, Verdict]] = Counter()
        self.detect_ms: deque[int] = deque(maxlen=LATENCY_SAMPLES)
        self.detect_durations = DurationCounts(speed=speed_of(links.clock))
        self._usual: dict[str, deque[tuple[int, UsualMinutes]]] = {}  # (event time since when, what)
        self.apply(audiences, at_ms=at_ms)

    def apply(self, audiences: Sequence[Audience], *, at_ms: int) -> None:
        """Those that were there keep what they were told; those that left are forgotten. at_ms: now, event time."""
        if not audiences:
            raise ValueError("no audience")
        known = {audience_state.audience.destination: audience_state for audience_state in self.audience_states}
        self.audience_states = []
        for audience in audiences:
            audience_state = known.get(audience.destination) or AudienceState(
                audience,
                since_ms=at_ms,
                episodes=self._links.episodes,
                venue=self._links.venue,
                tells_ends=not self._links.is_replay,
            )
            audience_state.apply(audience, at_ms)
            self.audience_states.append(audience_state)
        all_settings = [audience_state.audience.settings for audience_state in self.audience_states]
        self._own_symbols = {symbol for settings in all_settings for symbol in settings.of_symbol}
        self.is_adaptive = any(settings.is_adaptive for settings in all_settings)
        for symbol, measured in self._usual.items():
            for audience_state in self.audience_states:
                audience_state.adapt(symbol, measured[-1][1])
        self._bounds = self._loosest_for("")
        self.is_rolling = any(
            one.rolling for settings in all_settings for one in (settings, *settings.of_symbol.values())
        )
        self.wants_liquidations = any(
            one.liquidations_usd for settings in all_settings for one in (settings, *settings.of_symbol.values())
        )
        self.lookback = max(settings.vol_burst_lookback for settings in all_settings)

    def moved_to(self, where_now: Callable[[Destination], Destination], *, at_ms: int) -> None:
        """Groups have new ids; what they were told they were told. Before `apply` with those ids. at_ms: now, event
        time."""
        for audience_state in self.audience_states:
            destination = where_now(audience_state.audience.destination)
            audience_state.apply(replace(audience_state.audience, destination=destination), at_ms)

    @property
    def main(self) -> Audience:
        return self.audience_states[0].audience

    def audience_state_at(self, destination: Destination) -> AudienceState | None:
        """None: nobody is judged for there."""
        return next((one for one in self.audience_states if one.audience.destination == destination), None)

    def bounds(self, symbol: str) -> Bounds:
        """The loosest of all audiences that want to hear of prices."""
        is_own = symbol in self._own_symbols or symbol in self._usual
        general = self._loosest_for(symbol) if is_own else self._bounds
        told = []
        for one in self.audience_states:
            whole = one.episodes.bounds(symbol)
            if whole is not NOTHING:
                told.append(whole)
        return loosest((general, *told)) if told else general

    def expects(self, symbol: str) -> Expectation:
        """Over all audiences."""
        above, below, until_ms, up_ms, down_ms = inf, 0.0, 0.0, inf, inf
        for one in self.audience_states:
            whole = one.episodes.bounds(symbol)
            if whole is not NOTHING:
                above, below = min(above, whole.above), max(below, whole.below)
                until_ms = max(until_ms, one.episodes.lasts_until_ms(symbol))
            settings = one.settings_of(symbol)
            if settings.vol_burst_mult and "vol" in one.audience.kinds:
                own_up_ms, own_down_ms = one.volume.cools_until(symbol, settings)
                up_ms, down_ms = min(up_ms, own_up_ms), min(down_ms, own_down_ms)
        return _expectation_of((above, below, until_ms, up_ms, down_ms))

    def is_held(self, symbol: str) -> bool:
        """A sampled figure that was raised has not calmed down yet for somebody."""
        return any(one.is_held(symbol) for one in self.audience_states)

    def has_volume(self, symbol: str) -> bool:
        """False when nobody asks for volume bursts."""
        return any(audience_state.settings_of(symbol).vol_burst_mult for audience_state in self.audience_states)

    def adapt(self, symbol: str, usual: UsualMinutes, *, at_ms: int) -> None:
        """The minutes of a contract were measured; at_ms: it holds from then on, event time."""
        known = self._usual.setdefault(symbol, deque(maxlen=KEPT_MEASURES))
        if not known or known[-1][1] != usual:
            known.append((at_ms, usual))
        for audience_state in self.audience_states:
            audience_state.adapt(symbol, usual)

    def usual_at(self, symbol: str, at_ms: int) -> UsualMinutes | None:
        """What bounds followed from then; None where nothing had been measured, or that is not known any more."""
        measured = self._usual.get(symbol, ())
        return next((usual for since_ms, usual in reversed(measured) if since_ms <= at_ms), None)

    def forget(self, symbol: str) -> None:
        """The contract left the exchange."""
        self._usual.pop(symbol, None)
        for audience_state in self.audience_states:
            audience_state.forget(symbol)

    def forget_told(self, symbol: str) -> None:
        for audience_state in self.audience_states:
            audience_state.forget_told(symbol)
        self._aim(symbol)

    def restore(self, alert: Alert, destinations: Collection[Destination], first: Alert | None) -> None:
        """These were told it before a restart. first: of its episode, where that is another alert and known."""
        for audience_state in self.audience_states:
            if audience_state.audience.destination in destinations:
                audience_state.restore(alert, first)
        self._aim(alert.symbol)

    def adopt(self, alert: Alert, destinations: Collection[Destination]) -> list[Destination]:
        """Those of them that have not been told of its event; from here on they have."""
        states = [state for state in self.audience_states if state.audience.destination in destinations]
        found = [state.audience.destination for state in states if state.adopt(alert)]
        self._aim(alert.symbol)
        return found

    def restore_ranks(self, sizes: Sequence[StoredSize], first_ms: Mapping[Destination, int]) -> None:
        for audience_state in self.audience_states:
            at = audience_state.audience.destination
            told = (one for one in sizes if one.destination == at)
            audience_state.ranks.restore(told, known_since_ms=first_ms.get(at))

    def detect_latency_ms(self) -> tuple[float | None, float | None]:
        """p50 and p99 of exchange event → decision; None before the first alert."""
        ordered = sorted(self.detect_ms)
        if not ordered:
            return None, None
        return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]

    # --- for those that judge

    def filter_reason(self, audience_state: AudienceState, kind: Kind, symbol: str, event_ms: int) -> Decision | None:
        """None: nothing keeps alerts of this kind and symbol from this audience."""
        return audience_state.filter_reason(kind, symbol, event_ms, self._links.context.day)

    def listeners(self, symbol: str, event_ms: int) -> list[Destination]:
        marks = (symbol, venue_mark(self._links.venue))
        return [
            state.audience.destination
            for state in self.audience_states
            if state.audience.settings.is_watched(symbol)
            and not any(state.audience.settings.is_muted(mark, event_ms / 1000) for mark in marks)
        ]

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
            venue=self._links.venue,
            fundings_of=self._links.fundings_of,
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
        return AlertGroup(self.audience_states[0].audience.destination)

    def notify(
        self, alert_group: AlertGroup, audience_state: AudienceState, alert: Alert, book: SymbolBook | None
    ) -> None:
        """This audience is told; the alert leaves with those of the others, see `put`."""
        told = alert_group.add(audience_state.placed(alert), audience_state.audience.destination)
        first = audience_state.remember(told, book)
        if first is not None:
            self._tell_end(audience_state, first)

    def put(self, alert_group: AlertGroup) -> None:
        """Also sets the bounds anew, once for all that were told: they are the loosest of all audiences."""
        rows = alert_group.rows()
        if rows:  # none where nobody was told in the end
            self._aim(rows[0][0].symbol)  # one event is of one contract
        for alert, destinations in rows:
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
            until_ms = audience_state.episodes.lasts_until_ms(book.symbol)
            if not until_ms or event_ms < until_ms:
                continue
            first = audience_state.episodes.end_if_over(book, event_ms)
            if first is not None:
                self._tell_end(audience_state, first)
            if audience_state.episodes.first_key(book.symbol) is None:
                self._aim(book.symbol)

    def _tell_end(self, audience_state: AudienceState, first: Alert) -> None:
        """Of a first alert that several were told, the first of them tells: what joined may differ for the others."""
        if owner_of(first.key, main=self.main.destination) == str(audience_state.audience.destination):
            self._links.on_episode_end(first)

    def _emit(self, alert: Alert, destinations: Sequence[Destination]) -> None:
        if not (alert.late or self._links.is_replay):
            took_ms = int(alert.ts * 1000 - self._links.skew_ms()) - alert.event_ms
            self.detect_ms.append(took_ms)
            self.detect_durations.add(took_ms)
        self._links.sink.put(alert, to=destinations)
        self._links.on_alert(alert)

    def _loosest_for(self, symbol: str) -> Bounds:
        return loosest(
            bounds_of(audience_state.settings_of(symbol))
            for audience_state in self.audience_states
            if "price" in audience_state.audience.kinds
        )
