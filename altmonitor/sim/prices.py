"""Prices and volumes of a seeded market as a function of time: a quarter-second grid, computed when it is asked for.

Nothing here remembers what was asked before; a minute of three days ago, the running one and one that lies ahead come
out of the same numbers. An event changes nothing before its own moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from altmonitor.sim.contracts import Flags, Floats, Ints, Keys, SimContract, key_of, uniform, walk
from altmonitor.sim.script import Burst, Crash, Dump, Event, Listing, OiStep, Pump

# ---
# Scripted rises and falls as factors on the price.


@dataclass(frozen=True, slots=True)
class Ramp:
    from_ms: int
    to_ms: int
    change: float  # share of the price: 0.05 = + 5 %

    def factor(self, times: Ints) -> Floats:
        over = max(1, self.to_ms - self.from_ms)
        return 1 + self.change * np.clip((times - self.from_ms) / over, 0.0, 1.0)


def ramps_of(contracts: Sequence[SimContract], keys: Keys, events: Sequence[Event]) -> dict[int, list[Ramp]]:
    number_of = {c.symbol: row for row, c in enumerate(contracts)}
    found: dict[int, list[Ramp]] = {}
    for event in events:
        if isinstance(event, Pump | Dump):
            sign = 1 if isinstance(event, Pump) else -1
            ramp = Ramp(event.at_ms, event.at_ms + int(event.over_s * 1000), sign * event.pct / 100)
            if event.symbol in number_of:
                found.setdefault(number_of[event.symbol], []).append(ramp)
        elif isinstance(event, Crash):
            dice = uniform(keys, np.array([event.at_ms, event.at_ms + 1]), salt=700)
            for row in range(len(contracts)):
                if dice[row, 0] < event.share:
                    change = -event.pct / 100 * (1 + 0.5 * dice[row, 1])
                    ramp = Ramp(event.at_ms, event.at_ms + int(event.over_s * 1000), float(change))
                    found.setdefault(row, []).append(ramp)
    return found


# ---


SLOT_MS = 250  # the exchange pushes a kline at most this often
SLOTS = 60_000 // SLOT_MS
MINUTE_MS = 60_000

# One standard deviation of an ordinary minute is about 0.12 %; the octaves bound it at 1.2 % for the wildest symbol.
_STEP_LOG = 7e-5
_PRICE_PERIODS = tuple(8 * 4**octave for octave in range(10))  # 2 s … 6 days
_TURNOVER_PERIODS = (30, 120, 480, 1920)  # minutes
_OI_PERIODS = (60, 240, 960, 3840)  # of 15 s: 15 minutes … 16 hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """Whole minutes of several symbols: arrays of shape (symbols, minutes, 240), running values within each minute.

    last: the newest slot of the minute, so far, with a trade (0 before the first). close, high, low: price in ticks as
    of the slot (meaningless before the first trade). open: ticks, shape (symbols, minutes). qty, quote: base coins and
    quote currency so far; taker_qty, taker_quote: the part bought by takers; trades: so far.
    """

    last: Ints
    open: Ints
    close: Ints
    high: Ints
    low: Ints
    qty: Floats
    quote: Floats
    taker_qty: Floats
    taker_quote: Floats
    trades: Ints


class Paths:
    """`pushes_per_s`: kline pushes of all trading contracts together, in the exchange's own seconds."""

    def __init__(
        self, contracts: Sequence[SimContract], *, seed: int, pushes_per_s: float, events: Sequence[Event]
    ) -> None:
        self.contracts = tuple(contracts)
        self._keys = np.array([key_of(seed, "path", c.symbol) for c in contracts], dtype=np.uint64)
        first = uniform(self._keys, np.arange(4, dtype=np.int64), salt=1)
        self.phase_ms = (first[:, 0] * SLOT_MS).astype(np.int64)
        self._swing = _STEP_LOG * (0.6 + 0.8 * first[:, 1])
        self._busy = first[:, 2]
        self.tick = np.array([10.0**-c.price_decimals for c in contracts])
        self._step = np.array([10.0**-c.qty_decimals for c in contracts])
        self._price = np.array([c.price for c in contracts])
        self._turnover = np.array([c.quote_per_minute for c in contracts])
        spans = np.array([c.trading_span() for c in contracts], dtype=np.int64).reshape(-1, 2)
        self.from_ms, self.to_ms = spans[:, 0], spans[:, 1]
        self._rate = _rates(np.where(self.to_ms > self.from_ms, self._turnover, 0.0), pushes_per_s / (1000 / SLOT_MS))
        self._ramps = ramps_of(self.contracts, self._keys, events)
        self.number_of = {c.symbol: row for row, c in enumerate(contracts)}
        self._bursts: dict[int, list[Burst]] = {}
        self._oi_steps: dict[int, list[OiStep]] = {}
        for event in events:
            row = -1 if isinstance(event, Crash) else self.number_of.get(event.symbol, -1)
            if isinstance(event, Burst):
                self._bursts.setdefault(row, []).append(event)
            elif isinstance(event, OiStep):
                self._oi_steps.setdefault(row, []).append(event)
        listed = {event.symbol for event in events if isinstance(event, Listing)}
        self._listed = [(row, span[0]) for row, span in enumerate(spans) if self.contracts[row].symbol in listed]
        self._all = np.arange(len(contracts))

    def prices(self, at_ms: int, rows: Ints | None = None) -> Floats:
        """The undisturbed price (not rounded to ticks) of `rows` (all when None) at one moment."""
        path: Floats = self._price_at(self._all if rows is None else rows, np.array([at_ms // SLOT_MS]))[:, 0]
        return path

    def price_path(self, rows: Ints, slots: Ints) -> Floats:
        """Shape (rows, slots): the price at quarter seconds `slots` (unix ms / 250, ascending)."""
        return self._price_at(rows, slots)

    def turnover(self, rows: Ints, minutes: Ints) -> Floats:
        """Quote volume an ordinary (unscripted) minute is meant to have, shape (rows, minutes); minutes: unix / 60 s.

        Within any half hour the largest is below 3 × the median, so that no burst arises by itself.
        """
        drift = np.exp(0.012 * walk(self._keys[rows], minutes, periods=_TURNOVER_PERIODS, salt=200))
        dice = uniform(self._keys[rows], minutes, salt=230)
        return self._turnover[rows][:, None] * drift * (0.75 + 0.5 * dice)

    def open_interest(self, rows: Ints, at_ms: int) -> Floats:
        """Contracts (base coins) open at one moment, steps included, rounded to the quantity step."""
        log = 6e-4 * walk(self._keys[rows], np.array([at_ms // 15_000]), periods=_OI_PERIODS, salt=300)[:, 0]
        held = self._turnover[rows] * (60 + 240 * self._busy[rows]) / self._price[rows] * np.exp(log)
        for destination, row in enumerate(rows.tolist()):
            for event in self._oi_steps.get(row, ()):
                if event.at_ms <= at_ms:
                    held[destination] *= 1 + event.pct / 100
        step = self._step[rows]
        rounded: Floats = np.rint(held / step) * step
        return rounded

    def moods(self, rows: Ints, topic: int, step: int) -> Floats:
        """Slow numbers in -1…1 for funding and ratios; `step` counts whatever the caller steps by."""
        values = walk(self._keys[rows], np.array([step]), periods=(4, 16, 64), salt=400 + 16 * topic)
        return np.clip(values[:, 0] / 10, -1.0, 1.0)

    def close_delay_ms(self, minute: int) -> Ints:
        """How long after the minute's end each contract's closing frame is pushed: 200…2,000 ms."""
        dice = uniform(self._keys, np.array([minute]), salt=500)[:, 0]
        return (200 + 1800 * dice * dice).astype(np.int64)

    def compute(self, rows: Ints, first_minute: int, count: int) -> Minutes:
        """`count` minutes from `first_minute` (unix / 60 s) for the contracts `rows`."""
        slots = np.arange(first_minute * SLOTS, (first_minute + count) * SLOTS, dtype=np.int64)
        shape = (len(rows), count, SLOTS)
        times = slots[None, :] * SLOT_MS + self.phase_ms[rows][:, None]
        ticks = np.maximum(1, np.rint(self._price_at(rows, slots) / self.tick[rows][:, None])).astype(np.int64)
        is_live = (times >= self.from_ms[rows][:, None]) & (times < self.to_ms[rows][:, None])
        ordinary = self._ordinary_trades(rows, slots, count)
        extra = self._scripted_trades(rows, times)
        traded = ((ordinary | extra) & is_live).reshape(shape)
        wanted = self._quote_wanted(rows, times, ordinary, extra, shape)
        ticks = ticks.reshape(shape)
        price = ticks * self.tick[rows][:, None, None]
        step = self._step[rows][:, None, None]
        bought = np.where(traded, np.maximum(1.0, np.rint(wanted / price / step)), 0.0) * step
        dice = uniform(self._keys[rows], slots, salt=620).reshape(shape)
        taker = np.rint(bought * (0.25 + 0.5 * dice) / step) * step
        count_of = np.where(traded, 1 + (dice * 37).astype(np.int64) % 9, 0)
        return _running(traded, ticks, price, bought, taker, count_of)

    def _price_at(self, rows: Ints, slots: Ints) -> Floats:
        log = walk(self._keys[rows], slots, periods=_PRICE_PERIODS, salt=100) * self._swing[rows][:, None]
        price: Floats = self._price[rows][:, None] * np.exp(log)
        for destination, row in enumerate(rows.tolist()):
            times = slots * SLOT_MS + self.phase_ms[row]
            first_ms, last_ms = int(times[0]), int(times[-1])
            for ramp in self._ramps.get(row, ()):  # a day has hundreds: what is over or lies ahead must cost little
                if first_ms > ramp.to_ms:
                    price[destination] *= 1 + ramp.change
                elif last_ms > ramp.from_ms:
                    price[destination] *= ramp.factor(times)
        return price

    def _ordinary_trades(self, rows: Ints, slots: Ints, count: int) -> Flags:
        """Slots with a trade; every minute has at least one."""
        trades = uniform(self._keys[rows], slots, salt=600) < self._rate[rows][:, None]
        minutes = slots[::SLOTS] // SLOTS
        sure = (uniform(self._keys[rows], minutes, salt=605) * SLOTS).astype(np.int64)
        columns = sure + np.arange(count)[None, :] * SLOTS
        np.put_along_axis(trades, columns, True, axis=1)
        return trades

    def _scripted_trades(self, rows: Ints, times: Ints) -> Flags:
        extra = np.zeros(times.shape, dtype=bool)
        for destination, row in enumerate(rows.tolist()):
            first_ms, last_ms = int(times[destination, 0]), int(times[destination, -1])
            for ramp in self._ramps.get(row, ()):
                if ramp.from_ms <= last_ms and first_ms <= ramp.to_ms + 1000:
                    extra[destination] |= (times[destination] >= ramp.from_ms) & (
                        times[destination] <= ramp.to_ms + 1000
                    )
            for event in self._bursts.get(row, ()):
                if event.at_ms <= last_ms and first_ms // MINUTE_MS <= event.at_ms // MINUTE_MS:
                    extra[destination] |= (times[destination] >= event.at_ms) & (
                        times[destination] // MINUTE_MS == event.at_ms // MINUTE_MS
                    )
            for listed, at_ms in self._listed:
                if listed == row:  # the first seconds of a new contract are busy
                    extra[destination] |= (times[destination] >= at_ms) & (times[destination] <= at_ms + 10_000)
        return extra

    def _quote_wanted(
        self,
        rows: Ints,
        times: Ints,
        ordinary: Flags,
        extra: Flags,
        shape: tuple[int, int, int],
    ) -> Floats:
        """Quote volume per slot, before rounding to the quantity step, as if all trades of the minute took place."""
        slots = times[0] // SLOT_MS
        minutes = slots[::SLOTS] // SLOTS
        target = self.turnover(rows, minutes)[:, :, None]
        weight = (0.3 + uniform(self._keys[rows], slots, salt=610)).reshape(shape) * ordinary.reshape(shape)
        whole = np.cumsum(weight, axis=2)[:, :, -1:]  # not np.sum: its order of adding depends on the shape
        wanted = weight * (target / np.where(whole > 0, whole, 1.0))
        wanted = np.where((extra & ~ordinary).reshape(shape), target / SLOTS, wanted)
        for destination, row in enumerate(rows.tolist()):
            for event in self._bursts.get(row, ()):
                minute = event.at_ms // MINUTE_MS
                if minutes[0] <= minute <= minutes[-1]:
                    column = int(minute - minutes[0])
                    self._add_burst(
                        event,
                        rows[destination : destination + 1],
                        wanted[destination, column],
                        times[destination].reshape(-1, SLOTS)[column],
                    )
        return wanted

    def _add_burst(self, event: Burst, row: Ints, wanted: Floats, times: Ints) -> None:
        minute = event.at_ms // MINUTE_MS
        median = float(np.median(self.turnover(row, np.arange(minute - 20, minute))))
        after = times >= event.at_ms
        if not after.any():
            after[-1] = True
        missing = max(0.0, event.multiple * median - float(wanted.sum()))
        wanted += np.where(after, missing / int(after.sum()), 0.0)


def _rates(turnover: Floats, trades_per_slot: float) -> Floats:
    """Chance of a trade per slot and contract: busier where more is turned over, summing up to `trades_per_slot`."""
    weight = np.sqrt(turnover)
    if trades_per_slot >= np.count_nonzero(weight):
        return np.ones(len(weight))
    low, high = 0.0, 1e9 / max(1.0, float(weight.max(initial=1.0)))
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(1, weight * middle).sum() < trades_per_slot else (low, middle)
    return np.minimum(1.0, weight * low)


def _running(traded: Flags, ticks: Ints, price: Floats, qty: Floats, taker: Floats, trades: Ints) -> Minutes:
    last = np.maximum.accumulate(np.where(traded, np.arange(SLOTS), 0), axis=2)
    first = traded.argmax(axis=2)
    huge = np.iinfo(np.int64).max
    return Minutes(
        last=last,
        open=np.take_along_axis(ticks, first[:, :, None], axis=2)[:, :, 0],
        close=np.take_along_axis(ticks, last, axis=2),
        high=np.maximum.accumulate(np.where(traded, ticks, 0), axis=2),
        low=np.minimum.accumulate(np.where(traded, ticks, huge), axis=2),
        qty=np.cumsum(qty, axis=2),
        quote=np.cumsum(qty * price, axis=2),
        taker_qty=np.cumsum(taker, axis=2),
        taker_quote=np.cumsum(taker * price, axis=2),
        trades=np.cumsum(trades, axis=2),
    )
