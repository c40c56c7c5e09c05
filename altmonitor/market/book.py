"""What is known of one symbol right now: the open candle, a minute of prices, the closed candles behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from math import inf
from typing import TypeVar

import msgspec

from altmonitor.market.candles import KEPT_MINUTES, MINUTE_MS, ClosedCandle, ClosedRun, Kline, KlineUpdate, Usual
from altmonitor.market.plausibility import (
    FARTHEST,
    FIRST_HELD_MS,
    FORGOTTEN_MS,
    HELD_MS,
    believed,
    is_candle,
    is_near,
)
from altmonitor.market.price_ring import PriceRing

K = TypeVar("K", bound=Kline)

# ---
# How far a price must go before anybody wants to hear of it.


Window = tuple[int, float, float]
"""(minutes, rise, fall): factors of the open of the candle that began so many minutes before the running one ends."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Anything inside them is of interest to nobody; what lies outside may still be found uninteresting.

    rise, fall: smallest factors of a change since any price of the last minute, rise > 1, 0 ≤ fall < 1.
    windows: the same for longer ones. above, below: prices.
    """

    rise: float = inf
    fall: float = 0.0
    windows: tuple[Window, ...] = ()
    above: float = inf
    below: float = 0.0


NOTHING = Bounds()


def loosest(all_bounds: Iterable[Bounds]) -> Bounds:
    """What is outside of any of them is outside of this."""
    rise, fall, above, below = inf, 0.0, inf, 0.0
    windows: dict[int, tuple[float, float]] = {}
    for bounds in all_bounds:
        rise, fall = min(rise, bounds.rise), max(fall, bounds.fall)
        above, below = min(above, bounds.above), max(below, bounds.below)
        for minutes, up, down in bounds.windows:
            known_up, known_down = windows.get(minutes, (inf, 0.0))
            windows[minutes] = min(known_up, up), max(known_down, down)
    return Bounds(
        rise=rise,
        fall=fall,
        windows=tuple((minutes, *windows[minutes]) for minutes in sorted(windows)),
        above=above,
        below=below,
    )


# ---


class Silence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was just judged says nothing new, and neither does anything below `above` and above `below`, until then."""

    above: float
    below: float
    until_ms: int


class Applied(IntEnum):
    """What `SymbolBook.apply` did with an update."""

    STALE = 0  # older than what is known of the same candle: two connections overlap
    LIVE = 1  # it is the newest state of the newest candle
    LATE = 2  # it belongs to a candle before the newest one (a close often arrives after the next candle's first frame)
    BAD_NUMBER = 3  # not finite, not positive, outside its own high and low, or no price of any contract
    NOT_BELIEVED = 4  # too far from the price before it, see `plausibility`


class SymbolBook:
    """Live state of one symbol. Plain floats in slots: numpy per message is several times slower.

    closed: consecutive closed minutes, oldest → newest; a hole empties it (never bridged).
    pump_at, dump_at: prices between which nothing can be found, so that most frames cost two comparisons.
    quiet_above, quiet_below, quiet_until_ms: see `be_quiet`. burst_at: see `listen_for_burst`.
    """

    __slots__ = (
        "_before_hole",
        "_bounds",
        "_burst",
        "_ceiling",
        "_entry_price",
        "_fall",
        "_floor",
        "_held_ms",
        "_held_price",
        "_high_cap",
        "_level_ms",
        "_low_cap",
        "_rise",
        "burst_at",
        "closed",
        "dump_at",
        "event_ms",
        "kline",
        "last_closed_ms",
        "next_sample_ms",
        "open_ms",
        "pump_at",
        "quiet_above",
        "quiet_below",
        "quiet_until_ms",
        "ring",
        "symbol",
    )

    def __init__(self, symbol: str, *, kept_minutes: int = KEPT_MINUTES, bounds: Bounds = NOTHING) -> None:
        self.symbol = symbol
        self.kline: Kline | None = None
        self.event_ms = 0
        self.open_ms = 0
        self.ring = PriceRing()
        self.next_sample_ms = 0  # an earlier event time has no place in the ring
        self.closed = ClosedRun(kept_minutes)
        self._before_hole: tuple[ClosedCandle, ...] = ()  # until history closes it
        self.last_closed_ms = 0
        # Every price a detector can compare with lies between floor and ceiling: the open candle so far, the candle
        # seen before it, and the price that one was entered with (0 when there was none).
        self._floor = inf
        self._ceiling = 0.0
        self._entry_price = 0.0
        self._level_ms = 0  # since then prices followed one another
        self._held_price, self._held_ms = 0.0, 0  # that were too far from it, 0 for none, and since when
        self.quiet_above, self.quiet_below, self.quiet_until_ms = 0.0, inf, 0
        self._burst, self.burst_at = (0, inf), inf
        self._bounds, self._rise, self._fall = bounds, bounds.rise, bounds.fall
        self._aim_again()

    def set_bounds(self, bounds: Bounds) -> None:
        """What anyone wants to hear of, from the next frame on. Also ends a silence, for something was told."""
        if bounds is self._bounds:
            self.quiet_until_ms = 0
            return
        self._bounds = bounds
        self._rise = bounds.rise
        self._fall = bounds.fall
        self._aim_again()

    def be_quiet(self, silence: Silence) -> None:
        """Spare everybody what they know already: in a crash every frame is beyond a bound, and hardly one is news. It
        ends by itself, and with anything that changes what prices are compared with or what anybody wants to hear of.
        """
        self.quiet_above, self.quiet_below, self.quiet_until_ms = silence.above, silence.below, silence.until_ms

    def listen_for_burst(self, open_ms: int, quote_usdt: float) -> None:
        """The candle that opens then is of interest from that quote volume on, USDT; inf: not before its close."""
        self._burst = open_ms, quote_usdt
        self.burst_at = quote_usdt if open_ms == self.open_ms else inf

    def may_be_news(self, price: float, event_ms: int) -> bool:
        """Beyond a bound, and not spared as something that is known already."""
        return (price >= self.pump_at or price <= self.dump_at) and not (
            self.quiet_below < price < self.quiet_above and event_ms < self.quiet_until_ms
        )

    def burst_from(self, open_ms: int) -> float:
        """Quote volume from which the candle that opens then is of interest while it runs, USDT; inf: not before its
        close."""
        return self._burst[1] if self._burst[0] == open_ms else inf

    def _aim_again(self) -> None:
        """The prices that are compared with have changed: another candle is open, or another one is closed."""
        bounds = self._bounds
        self.quiet_until_ms = 0
        high, low = bounds.above, bounds.below
        for minutes, rise, fall in bounds.windows:
            before = self.open_before(minutes)
            if before is not None:
                high, low = min(high, before * rise), max(low, before * fall)
        self._high_cap, self._low_cap = high, low
        self.pump_at = min(high, self._floor * self._rise)
        self.dump_at = max(low, self._ceiling * self._fall)

    def open_before(self, minutes: int) -> float | None:
        """Open of the candle that began `minutes` before the running one ends: the running one's own for 1.

        None without an unbroken run of closed candles between the two, or when that open is no price.
        """
        kline = self.kline
        if kline is None:
            return None
        if minutes == 1:
            found: float | None = kline.open
        elif self.closed.reaches(self.open_ms):
            found = self.closed.open_at(self.open_ms - (minutes - 1) * MINUTE_MS)
        else:
            found = None
        return found if found is not None and 0.0 < found < inf else None

    @property
    def has_windows(self) -> bool:
        """Somebody wants to hear of moves over several candles."""
        return bool(self._bounds.windows)

    @property
    def price(self) -> float:
        """Last price; 0 before the first frame."""
        return 0.0 if self.kline is None else self.kline.close

    def apply(self, update: KlineUpdate) -> int:
        """Take in one frame. Returns a value of `Applied`."""
        kline = update.kline
        event_ms = update.event_ms
        close = kline.close
        if kline.open_ms != self.open_ms:
            if not is_candle(kline):
                return 3
            if kline.open_ms < self.open_ms:
                return 2 if is_near(close, self.price) else 4
            if self._is_held_back(kline, event_ms):
                return 4
            self._turn(kline)
        elif event_ms < self.event_ms:
            return 0
        elif self._floor <= close <= self._ceiling:
            pass
        elif self._ceiling < close < inf:
            if close > self.price * FARTHEST:
                self._hold_back(close, event_ms)
                return 4
            self._ceiling = close
            dump_at = close * self._fall
            self.dump_at = dump_at if dump_at > self._low_cap else self._low_cap
        elif 0.0 < close < self._floor:
            if close * FARTHEST < self.price:
                self._hold_back(close, event_ms)
                return 4
            self._floor = close
            pump_at = close * self._rise
            self.pump_at = pump_at if pump_at < self._high_cap else self._high_cap
        else:
            return 3
        self.kline = kline
        self.event_ms = event_ms
        if event_ms >= self.next_sample_ms:
            self.next_sample_ms = self.ring.push(event_ms, close)
        return 1

    def _is_held_back(self, kline: Kline, event_ms: int) -> bool:
        """A new candle begins too far from the last price. It is believed when nothing else was told for a while, in
        trades: a candle without any only repeats the price of the one before."""
        if self.kline is not None:
            last, last_ms = self.kline.close, self.event_ms
        elif self.closed:
            last, last_ms = self.closed[-1].close, self.last_closed_ms
        else:
            self._level_ms = event_ms
            return False
        if is_near(kline.close, last):
            self._held_price = 0.0
            return False
        if not self._held_price and event_ms - last_ms > FORGOTTEN_MS:
            self._level_ms = event_ms
            return False
        self._hold_back(kline.close, event_ms)
        held_ms = FIRST_HELD_MS if self.kline is None else HELD_MS
        if event_ms - self._held_ms < held_ms or not kline.quote_usdt > 0.0:
            return True
        if self._held_ms - self._level_ms < HELD_MS and len(self.closed) <= HELD_MS // MINUTE_MS:
            self._begin_anew()  # what was told before for no longer was the fault
            self.closed.clear()
        self._level_ms, self._held_price = self._held_ms, 0.0
        return False

    def _hold_back(self, price: float, event_ms: int) -> None:
        if not self._held_price or not is_near(price, self._held_price):
            self._held_price, self._held_ms = price, event_ms

    def _begin_anew(self) -> None:
        """No price that came live was one."""
        self.kline, self.open_ms, self.event_ms = None, 0, 0
        self._floor, self._ceiling, self._entry_price = inf, 0.0, 0.0
        self.forget_window()

    def _turn(self, kline: Kline) -> None:
        """A new candle begins; the one before still bounds the price of a minute ago."""
        opened, price, before = kline.open, kline.close, self.kline
        if before is None:
            self._floor, self._ceiling = min(opened, price), max(opened, price)
        else:
            last = before.close
            low, high = (before.low, before.high) if is_candle(before) else (self._floor, self._ceiling)
            entered = self._entry_price or last
            self._floor, self._ceiling = min(opened, price, last, low, entered), max(opened, price, last, high, entered)
            self._entry_price = last
        self.open_ms = kline.open_ms
        self.burst_at = self._burst[1] if self._burst[0] == kline.open_ms else inf
        self.kline = kline
        self._aim_again()

    def close_candle(self, kline: Kline) -> None:
        """Append a closed candle that is newer than every one before; a missing minute empties the past first."""
        if self.has_hole_before(kline.open_ms):
            self._before_hole = (*self._before_hole, *self.closed)[-self.closed.capacity :]
        self.closed.append(kline)
        self.last_closed_ms = kline.open_ms
        if kline.open_ms != self.open_ms:  # what the newest candle is compared with is not changed by its own close
            self._aim_again()

    def has_hole_before(self, open_ms: int) -> bool:
        """True when minutes are missing between the last closed candle and the one that opened at `open_ms`."""
        return self.last_closed_ms > 0 and open_ms > self.last_closed_ms + MINUTE_MS

    def refill(self, candles: Sequence[K]) -> list[K]:
        """Put closed candles from the exchange's history under those seen live; keep the newest unbroken run. Returns
        those of them that are believed, beside what is known and the price now."""
        known = {candle.open_ms: candle for candle in (*self._before_hole, *self.closed)}
        self._before_hole = ()
        for kline in candles:
            if kline.is_closed and kline.open_ms not in known:
                known[kline.open_ms] = ClosedCandle.of(kline)
        told = [known[open_ms] for open_ms in sorted(known)]
        if self.kline is not None and (not told or told[-1].open_ms < self.open_ms):
            told.append(ClosedCandle.of(self.kline))
        good = [candle for candle in believed(told) if candle.open_ms in known]
        run: list[ClosedCandle] = []
        for candle in reversed(good):
            if run and (len(run) == self.closed.capacity or run[-1].open_ms - candle.open_ms != MINUTE_MS):
                break
            run.append(candle)
        self.closed.put(run[::-1])
        if run:
            self.last_closed_ms = run[0].open_ms
            self._doubt_live_price(run[0])
            self._aim_again()
        minutes = {candle.open_ms for candle in good}
        return [candle for candle in candles if candle.open_ms in minutes]

    def _doubt_live_price(self, newest: ClosedCandle) -> None:
        """The first that came over the stream had nothing before it to be compared with; now there is."""
        is_new = self.kline is not None and self.event_ms - self._level_ms < HELD_MS
        is_beside = abs(self.open_ms - newest.open_ms) <= FORGOTTEN_MS
        if is_new and is_beside and not is_near(newest.close, self.price):
            self._begin_anew()

    def begin_after(self, last_ms: int | None, values: bytes, usual: tuple[int, Usual] | None = None) -> None:
        """The closed minutes before the candle that comes next, as `ClosedRun.replace` takes them; for a replay that
        left out what nobody could have heard of. last_ms: None for a candle that nothing lies before. Only that candle
        can be judged after this: bounds are set anew by its first frame."""
        self.last_closed_ms = last_ms or 0
        self.closed.replace(self.last_closed_ms, values, usual=usual)

    def forget_window(self) -> None:
        """After a blind time: the price a minute ago was not seen, so there is none to compare with."""
        self.ring.clear()
        self.next_sample_ms = 0

    def price_before(self, moment_ms: int) -> float | None:
        """Close of the last closed candle that ended at or before `moment_ms`, at most a minute earlier; else None."""
        for candle in reversed(self.closed):
            age_ms = moment_ms - (candle.open_ms + MINUTE_MS)
            if age_ms >= 0:
                return candle.close if age_ms < MINUTE_MS else None
        return None
