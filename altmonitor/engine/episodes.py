"""One move, one thread: what is told of a symbol while its move lasts belongs to the first message about it.

The first alert rings, and so does what doubles the largest price move told; whatever else joins is silent. An episode
is over when nothing has been told for a while; then the first alert learns how the move went on.

Minutes alone would let a long move go by in silence: each is judged by itself, and between two alerts lies a cooldown.
So the whole move is measured too, from the price that its first alert was measured from, and is told again whenever it
has doubled: 3, 6, 12, 24 %. Few messages, and none for ground that was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from altmonitor.core.alert import Alert, Details, Direction, EpisodeEnd
from altmonitor.detectors.kinds import KINDS, UPWARDS
from altmonitor.detectors.price import WHOLE, Move, PriceFinding
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.book import NOTHING, Bounds, SymbolBook
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.market.math import change_pct, factor_of, reaches, way

DOUBLED = 2.0
PATIENCE_MS = 10 * MINUTE_MS
"""After a start the candles of an episode have to be fetched first; so long its end waits for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeOptions:
    """Named as in `Config`. episode_quiet_min: so many minutes without an alert end an episode."""

    episode_quiet_min: float = 15.0


class WholeMove(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One direction of an episode. base: the price it is measured from, of the moment `began_ms`. largest_pct: of the
    totals told, without sign. steps: how often it was told for its total."""

    base: float
    began_ms: int
    largest_pct: float
    steps: int = 0

    def total_pct(self, price: float) -> float:
        return change_pct(self.base, price)


class Episode(msgspec.Struct, kw_only=True):
    """largest_pct: largest price change told, without its sign; 0: no price alert yet. escalations: how often it rang
    again. high, low: of the candles closed since the first alert's, up to `seen_ms`; None without any. wholes: of the
    directions in which a price alert was told; bounds: prices beyond which one of them is told again.
    """

    first: Alert
    last_ms: int
    largest_pct: float = 0.0
    joined: list[str] = []
    count: int = 1
    escalations: int = 0
    high: float | None = None
    low: float | None = None
    seen_ms: int = 0
    wholes: dict[Direction, WholeMove] = {}
    bounds: Bounds = NOTHING

    def __post_init__(self) -> None:
        self.seen_ms = self.first.event_ms // MINUTE_MS * MINUTE_MS

    @classmethod
    def begun_by(cls, first: Alert) -> Episode:
        episode = cls(first=first, last_ms=first.event_ms)
        if KINDS[first.kind].is_price_move:
            episode.largest_pct = abs(first.change_pct or 0.0)
            episode.cover(first)
        return episode

    def rings(self, alert: Alert) -> bool:
        """A first price alert after open interest or volume, an escalation, or a price move twice as large."""
        if not KINDS[alert.kind].is_price_move:
            return False
        size = abs(alert.change_pct or 0.0)
        return alert.details.told_before_pct is not None or reaches(size, DOUBLED * self.largest_pct)

    def join(self, alert: Alert) -> None:
        name = self._name_of(alert)
        if self.rings(alert) and self.largest_pct:
            self.escalations += 1
            name = f"x{2**self.escalations}"
        if name not in self.joined:
            self.joined.append(name)
        self.count += 1
        self.last_ms = max(self.last_ms, alert.event_ms)
        if KINDS[alert.kind].is_price_move:
            self.largest_pct = max(self.largest_pct, abs(alert.change_pct or 0.0))
            self.cover(alert)

    def cover(self, alert: Alert) -> None:
        """A price alert was told: so much of the whole move is known to the reader.

        A direction is measured from the price that the episode's first alert was measured from. Where that says less
        than the alert itself does – a dump after a pump, a pump after a burst in a falling candle – its own counts,
        and so it does where an alert is larger than all that was told of the whole.
        """
        base, price = _base_of(alert), alert.price
        if base is None or price is None:
            return
        own = WholeMove(base=base, began_ms=_began_ms(alert), largest_pct=abs(alert.change_pct or 0.0))
        known = self.wholes.get(alert.direction)
        if known is not None:
            total_pct = max(known.largest_pct, _size(known.total_pct(price), alert.direction))
            whole = known if reaches(total_pct, own.largest_pct) else own
            told_pct, steps = max(total_pct, own.largest_pct), known.steps + (alert.note == WHOLE)
            self._cover(alert.direction, msgspec.structs.replace(whole, largest_pct=told_pct, steps=steps))
            return
        first_base = _base_of(self.first)
        if first_base is not None:
            total_pct = _size(change_pct(first_base, price), alert.direction)
            if reaches(total_pct, own.largest_pct):
                own = WholeMove(base=first_base, began_ms=_began_ms(self.first), largest_pct=total_pct)
        self._cover(alert.direction, own)

    def _cover(self, direction: Direction, whole: WholeMove) -> None:
        self.wholes[direction] = whole
        price = whole.base * factor_of(_SIGNS[direction] * DOUBLED * whole.largest_pct)
        if direction == "PUMP":
            self.bounds = msgspec.structs.replace(self.bounds, above=price)
        else:
            self.bounds = msgspec.structs.replace(self.bounds, below=price)

    def _name_of(self, alert: Alert) -> str:
        first = self.first
        if not (KINDS[alert.kind].is_price_move and KINDS[first.kind].is_price_move):
            return alert.kind
        return alert.direction if alert.direction != first.direction else alert.note

    def see(self, book: SymbolBook) -> bool:
        """Take in what was closed since it was last seen, before the book forgets it. False: that is not known."""
        found = None if book.closed.open_at(self.seen_ms) is None else book.closed.extremes_since(self.seen_ms)
        if found is None:
            return False
        self.high = found[0] if self.high is None else max(self.high, found[0])
        self.low = found[1] if self.low is None else min(self.low, found[1])
        self.seen_ms = book.last_closed_ms + MINUTE_MS
        return True


class Episodes:
    """Of one audience, by symbol. tells_ends: False where nobody hears how an episode ended."""

    def __init__(self, options: EpisodeOptions, *, tells_ends: bool = True) -> None:
        self._tells_ends = tells_ends
        self._quiet_ms = options.episode_quiet_min * MINUTE_MS
        self._open: dict[str, Episode] = {}

    def place_of(self, alert: Alert) -> tuple[str | None, bool]:
        """Of an alert that is about to be told: key of the alert whose message it replies to, and whether it is silent.
        What is told late belongs to no episode."""
        episode = self._open.get(alert.symbol)
        if episode is None or not _belongs(alert) or self._is_over(episode, alert.event_ms):
            return alert.details.episode_key, alert.details.is_silent
        return episode.first.key, not episode.rings(alert)

    def record(self, alert: Alert, book: SymbolBook | None) -> Alert | None:
        """It was told. Returns what the first alert of an episode that was over learns, see `_end`.

        book: None for what is restored, which joins the episode that it was told in, however long ago.
        """
        if not _belongs(alert):
            return None
        episode = self._open.get(alert.symbol)
        ended = None
        is_restored = book is None and episode is not None and alert.details.episode_key == episode.first.key
        if episode is not None and self._is_over(episode, alert.event_ms) and not is_restored:
            del self._open[alert.symbol]
            ended, episode = self._end(episode, alert.event_ms, book), None
        if episode is None:
            self._open[alert.symbol] = Episode.begun_by(alert)
        else:
            if book is not None and self._tells_ends:
                episode.see(book)
            episode.join(alert)
        return ended

    def whole_moves(self, symbol: str, kline: Kline, event_ms: int) -> Iterator[PriceFinding]:
        """The whole move of an open episode in each direction in which it was told: an escalation where it has doubled
        since, else below its threshold."""
        episode = self._open.get(symbol)
        if episode is None or self._is_over(episode, event_ms):
            return
        for direction, whole in episode.wholes.items():
            sign, total_pct = _SIGNS[direction], whole.total_pct(kline.close)
            is_doubled = reaches(total_pct * sign, DOUBLED * whole.largest_pct)
            move = Move(
                direction=direction,
                change_pct=total_pct,
                window=WHOLE,
                span_s=max(0, event_ms - whole.began_ms) / 1000,
                candle_ms=kline.open_ms,
                event_ms=event_ms,
            )
            yield PriceFinding(
                move=move,
                verdict=Verdict.ESCALATE if is_doubled else Verdict.BELOW_THRESHOLD,
                step=whole.steps + 1,
                threshold=DOUBLED * whole.largest_pct * sign,
                told_before_pct=whole.largest_pct * sign,
                episode_key=episode.first.key,
            )

    def bounds(self, symbol: str) -> Bounds:
        """Prices beyond which a whole move is told again; `NOTHING` where none has been told."""
        episode = self._open.get(symbol)
        return NOTHING if episode is None else episode.bounds

    def complete(self, final: Alert) -> None:
        """What it was told by turned out to be larger, or to go the other way."""
        episode = self._open.get(final.symbol)
        if episode is not None and episode.first.key == final.key:
            episode.first = msgspec.structs.replace(final, details=episode.first.details)

    def lasts_until_ms(self, symbol: str) -> float:
        """When the open episode is over if nothing joins it, event time; 0 when none is open."""
        episode = self._open.get(symbol)
        return 0 if episode is None else episode.last_ms + self._quiet_ms

    def first_key(self, symbol: str) -> str | None:
        """Key of the first alert of the episode that is open; None when none is."""
        episode = self._open.get(symbol)
        return None if episode is None else episode.first.key

    def end_if_over(self, book: SymbolBook, event_ms: int) -> Alert | None:
        """What the first alert learns when its episode is over; None as long as it lasts, or when there is nothing to
        say (a single alert that was no price move)."""
        episode = self._open.get(book.symbol)
        if episode is None or not self._is_over(episode, event_ms):
            return None
        is_known = not self._tells_ends or episode.see(book)
        if not is_known and event_ms - episode.last_ms < self._quiet_ms + PATIENCE_MS:
            return None
        del self._open[book.symbol]
        return self._end(episode, event_ms, book)

    def _end(self, episode: Episode, at_ms: int, book: SymbolBook | None) -> Alert | None:
        return _ended(episode, at_ms, book) if self._tells_ends else None

    def _is_over(self, episode: Episode, event_ms: int) -> bool:
        return event_ms - episode.last_ms >= self._quiet_ms

    def resume(self, first: Alert) -> None:
        """Before `note` of stored alerts: the first alert of an episode that began before the oldest of them."""
        if first.symbol not in self._open:
            self.record(first, None)

    def forget(self, symbol: str) -> None:
        self._open.pop(symbol, None)


_SIGNS: Mapping[Direction, int] = {"PUMP": 1, "DUMP": -1, "UP": 1, "DOWN": -1}


def _size(pct: float, direction: Direction) -> float:
    """How far that is in a direction; below 0 the other way."""
    return pct * _SIGNS[direction]


def _began_ms(alert: Alert) -> int:
    """The moment of the price that its change was measured from."""
    return alert.event_ms - round((alert.details.window_s or 0.0) * 1000)


def _belongs(alert: Alert) -> bool:
    return KINDS[alert.kind].in_episodes and not alert.late


def _ended(episode: Episode, at_ms: int, book: SymbolBook | None) -> Alert | None:
    """The first alert with nothing but what it learns now: details.ended and details.joined."""
    first = episode.first
    if first.details.ended is not None or not (episode.largest_pct or episode.count > 1):
        return None
    base = _base_of(first)
    price = None if book is None else book.price
    is_known = book is not None and (episode.see(book) or episode.seen_ms > book.last_closed_ms)
    ended = EpisodeEnd(
        at_ms=at_ms,
        lasted_s=(at_ms - first.event_ms) / 1000,
        peak_pct=_peak_pct(episode, base) if is_known else None,
        last_pct=change_pct(base, price) if base and price else None,
    )
    return msgspec.structs.replace(
        first, lsr=None, oi_change=None, quadrant=None, details=Details(ended=ended, joined=tuple(episode.joined))
    )


def _base_of(first: Alert) -> float | None:
    """The price its change was measured from; its own price when it carries no change, None when it lost everything:
    a price of next to nothing is -100 % as far as a float can say, and from there no way leads back."""
    left = 1 + (first.change_pct or 0.0) / 100
    if not first.price or left <= 0.0:
        return None
    return first.price / left


def _peak_pct(episode: Episode, base: float | None) -> float | None:
    """The farthest the price went: in the first alert's direction, in either one where that is not the price's."""
    if not base or episode.high is None or episode.low is None:
        return None
    up, down = change_pct(base, episode.high), change_pct(base, episode.low)
    if not KINDS[episode.first.kind].is_of_price or way(episode.first.change_pct) is None:
        return up if up >= -down else down
    return up if episode.first.direction in UPWARDS else down
