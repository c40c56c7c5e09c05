"""One move over several venues is one message: what is found at a second venue becomes a line of the first alert.

The venues' engines know nothing of each other. Each puts its alerts here, on their way to the store: whoever was told
the move already is not told it again but learns, by an edit, that it went on there too, and who was first. Every alert
is stored with its venue all the same. A venue on which the move is twice as large as all that was told rings again, as
a doubled move of one venue does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from altmonitor.core.alert import Alert, Details, VenueMove
from altmonitor.core.types import Destination, Venue
from altmonitor.core.venue_names import coin_of
from altmonitor.detectors.kinds import KINDS, UPWARDS
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.market.math import reaches

LOOKED_BACK_MS: Final = max(spec.joins_venues_ms or 0 for spec in KINDS.values())
"""What was told longer ago is no part of a move that goes on."""
MOST_MOVES: Final = 5_000
DOUBLED: Final = 2.0


def with_firsts(told: Sequence[tuple[Alert, Collection[Destination]]]) -> list[tuple[Alert, tuple[Destination, ...]]]:
    """Of stored alerts, each with all who heard of it: also those who did by a line of the first alert of its move."""
    to_whom = {alert.key: to for alert, to in told}
    return [
        (alert, tuple(dict.fromkeys((*to, *to_whom.get(alert.details.merged_into or "", ()))))) for alert, to in told
    ]


@dataclass(frozen=True, slots=True)
class VenueTime:
    """skew_ms: our wall clock minus the venue's. uncertainty_ms: of that, ±; None while it was never measured."""

    skew_ms: float
    uncertainty_ms: float | None


@dataclass(slots=True, kw_only=True)
class _Move:
    """first: as it was put. told: who was told it, by whichever alert. largest: of what was told, without its sign."""

    first: Alert
    told: set[Destination]
    last_ms: float
    largest: float
    others: dict[Venue, VenueMove] = field(default_factory=dict)


Key = tuple[str, str, bool]


class VenueMoves:
    """clocks: of every venue, by name. learn: gets the first alert with nothing but what it learned."""

    def __init__(
        self, sink: AlertSink, *, clocks: Mapping[Venue, Callable[[], VenueTime]], learn: Callable[[Alert], None]
    ) -> None:
        self._sink = sink
        self._clocks = clocks
        self._learn = learn
        self._moves: dict[Key, _Move] = {}

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        """Implements `interfaces.alerts.AlertSink`."""
        within_ms = KINDS[alert.kind].joins_venues_ms
        if alert.late or within_ms is None:
            self._sink.put(alert, to=to)
            return
        key = (coin_of(alert.symbol), alert.kind, alert.direction in UPWARDS)
        move, at_ms = self._moves.get(key), self._our_ms(alert)
        if move is None or at_ms - move.last_ms > within_ms:
            self._begin(key, alert, to, at_ms)
            self._sink.put(alert, to=to)
        elif alert.venue == move.first.venue:
            self._go_on(move, alert, to, at_ms)
        else:
            self._join(move, alert, to, at_ms)

    def restore(self, told: Sequence[tuple[Alert, Collection[Destination]]]) -> None:
        """What was put lately by earlier runs, or by the feed that led before, oldest → newest; nothing else was."""
        self._moves.clear()
        for alert, to in told:
            within_ms = KINDS[alert.kind].joins_venues_ms
            if alert.late or within_ms is None:
                continue
            key = (coin_of(alert.symbol), alert.kind, alert.direction in UPWARDS)
            move, is_line = self._moves.get(key), alert.details.merged_into is not None
            if move is not None and alert.event_ms - move.last_ms <= within_ms:
                move.told.update(to)
                move.last_ms = max(move.last_ms, alert.event_ms)
                if not is_line:
                    move.largest = max(move.largest, abs(alert.metric or 0.0))
            elif not is_line:
                self._begin(key, alert, to, alert.event_ms)
                self._moves[key].others.update({other.venue: other for other in alert.details.venues})

    def _begin(self, key: Key, alert: Alert, to: Collection[Destination], at_ms: float) -> None:
        self._moves.pop(key, None)
        self._moves[key] = _Move(first=alert, told=set(to), last_ms=at_ms, largest=abs(alert.metric or 0.0))
        if len(self._moves) > MOST_MOVES:
            del self._moves[next(iter(self._moves))]

    def _go_on(self, move: _Move, alert: Alert, to: Sequence[Destination], at_ms: float) -> None:
        """The first venue tells more of it, by its own rules."""
        move.told.update(to)
        move.last_ms = max(move.last_ms, at_ms)
        move.largest = max(move.largest, abs(alert.metric or 0.0))
        self._sink.put(alert, to=to)

    def _join(self, move: _Move, alert: Alert, to: Sequence[Destination], at_ms: float) -> None:
        size = abs(alert.metric or 0.0)
        move.last_ms = max(move.last_ms, at_ms)
        self._note(move, alert)
        if KINDS[alert.kind].rings_doubled and reaches(size, DOUBLED * move.largest):
            move.told.update(to)
            move.largest = size
            details = msgspec.structs.replace(
                alert.details, episode_key=move.first.key, told_before_pct=move.first.metric, is_silent=False
            )
            self._sink.put(msgspec.structs.replace(alert, details=details), to=to)
            return
        own = tuple(destination for destination in to if destination not in move.told)
        move.told.update(own)
        details = msgspec.structs.replace(alert.details, merged_into=move.first.key)
        self._sink.put(msgspec.structs.replace(alert, details=details), to=own)

    def _note(self, move: _Move, alert: Alert) -> None:
        """The order is that of each venue's first alert; the size the largest that was seen there."""
        known, size = move.others.get(alert.venue), alert.metric or 0.0
        if known is not None and abs(size) <= abs(known.size):
            return
        ahead_s, within_s = (known.ahead_s, known.within_s) if known is not None else self._order(move.first, alert)
        event_ms = alert.event_ms if known is None else known.event_ms
        move.others[alert.venue] = VenueMove(
            venue=alert.venue, size=size, event_ms=event_ms, ahead_s=ahead_s, within_s=within_s
        )
        learned = Details(venues=tuple(move.others.values()))
        self._learn(msgspec.structs.replace(move.first, lsr=None, oi_change=None, quadrant=None, details=learned))

    def _order(self, first: Alert, other: Alert) -> tuple[float | None, float | None]:
        """By how many seconds the other was ahead of the first, and within how many that is known; None where one of
        the clocks was never compared with ours, and of what is read every few seconds, which came first by chance."""
        sampling = KINDS[first.kind].sampling
        if sampling is not None and sampling.source != "liquidations":
            return None, None
        times = [self._clocks[alert.venue]().uncertainty_ms for alert in (first, other)]
        if times[0] is None or times[1] is None:
            return None, None
        return (self._our_ms(first) - self._our_ms(other)) / 1000, (times[0] + times[1]) / 1000

    def _our_ms(self, alert: Alert) -> float:
        """Of the event, by our clock."""
        return alert.event_ms + self._clocks[alert.venue]().skew_ms
