"""A seeded market of hundreds of contracts, as a function of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from altmonitor.market.candles import Candle
from altmonitor.sim.contracts import Floats, Ints, SimContract, make_contracts, new_listing
from altmonitor.sim.prices import MINUTE_MS, SLOT_MS, SLOTS, Minutes, Paths
from altmonitor.sim.script import BracketChange, Crash, Delisting, Event, Listing, check
from altmonitor.sim.wire import Frame, KlineRow, candle_of, contract_event, kline_event, kline_stream

# ---
# The port `Market`: what a simulated exchange sells, whoever makes it up.


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Rolling 24 h of one contract. Volumes are of the right size, not the sum of its candles."""

    symbol: str
    open: float
    high: float
    low: float
    last: float
    quote: float
    price_decimals: int


class Market(Protocol):
    """The exchange clock's time is handed in everywhere; nothing here waits or asks what time it is."""

    @property
    def start_ms(self) -> int: ...

    def contracts(self) -> Sequence[SimContract]: ...
    def contract(self, symbol: str) -> SimContract | None: ...

    def frames(self, after_ms: int, until_ms: int) -> list[Frame]:
        """Everything pushed in (after_ms, until_ms], oldest → newest. One window holds one push per symbol at most,
        its newest, and every closing frame."""

    def kline_rows(self, symbol: str, *, start_ms: int, end_ms: int, at_ms: int) -> list[KlineRow]:
        """1-minute candles with open time in [start_ms, end_ms] as known at `at_ms`, oldest → newest."""

    def days(self, symbols: Sequence[str], at_ms: int) -> list[Day]: ...
    def prices(self, symbols: Sequence[str], at_ms: int) -> list[float]: ...
    def open_interest(self, symbol: str, at_ms: int) -> float:
        """Contracts (base coins)."""

    def moods(self, symbols: Sequence[str], topic: int, step: int) -> list[float]:
        """Slow numbers in -1…1 for what the market does not model (funding, ratios), one per symbol."""


# ---


_HISTORY_CHUNK = 500  # minutes computed at once for REST
_PREPARE_ROWS = 40  # contracts of the next minute computed per call, so that no minute begins with a pause


class SeededMarket:
    """Contracts of all kinds on a seeded random walk; nothing alarming happens except by `script`.

    start_ms: only places the script's world (onboard dates); klines of any earlier minute can be asked for.
    symbols: contracts in the list, at least 20; about three in four are trading USDT perpetuals. frames_per_s: kline
    pushes of all of them together per second of exchange time, at most 4 per symbol.

    Raises:
        ValueError: an event with an impossible number or an unknown symbol, fewer than 20 symbols.
    """

    def __init__(
        self, *, seed: int, start_ms: int, symbols: int = 600, frames_per_s: float = 400.0, script: Sequence[Event] = ()
    ) -> None:
        self.start_ms = start_ms
        self._seed = seed
        self._frames_per_s = frames_per_s
        self._listed = make_contracts(seed=seed, count=symbols, start_ms=start_ms)
        self._events: list[Event] = []
        self._blocks: dict[int, Minutes] = {}
        self._paths = Paths(self._listed, seed=seed, pushes_per_s=frames_per_s, events=())
        self.add(*script)

    def add(self, *events: Event) -> None:
        """Put more events on the script. What lies before their moments stays as it was."""
        before = self._paths.contracts
        self._events += [check(event) for event in events]
        contracts = {c.symbol: c for c in self._listed}
        self._news: list[Frame] = []
        for event in sorted(self._events, key=lambda e: e.at_ms):
            if isinstance(event, Listing):
                known = contracts.get(event.symbol)
                listed = (
                    replace(known.becoming("TRADING", event.at_ms), onboard_ms=event.at_ms)
                    if known
                    else new_listing(event.symbol, seed=self._seed, at_ms=event.at_ms)
                )
                contracts[event.symbol] = listed
                self._news.append(contract_event(listed, "TRADING", event_ms=event.at_ms))
            elif isinstance(event, Delisting) and event.symbol in contracts:
                contracts[event.symbol] = contracts[event.symbol].becoming("SETTLING", event.at_ms)
                self._news.append(contract_event(contracts[event.symbol], "SETTLING", event_ms=event.at_ms))
            elif not isinstance(event, Crash) and event.symbol not in contracts:
                raise ValueError(f"{event}: the market has no such symbol")
            elif isinstance(event, BracketChange):
                contract = contracts[event.symbol]
                status = contract.status_at(event.at_ms) or ""
                self._news.append(contract_event(contract, status, event_ms=event.at_ms, has_brackets=True))
        self._paths = Paths(
            list(contracts.values()), seed=self._seed, pushes_per_s=self._frames_per_s, events=self._events
        )
        self._streams = [kline_stream(c.symbol) for c in self._paths.contracts]
        self._coming: list[Minutes] = []
        self._coming_minute = 0
        if self._paths.contracts != before:
            self._blocks.clear()
        for minute in list(self._blocks):
            self._change_block(minute, events)

    def contracts(self) -> Sequence[SimContract]:
        return self._paths.contracts

    def contract(self, symbol: str) -> SimContract | None:
        row = self._paths.number_of.get(symbol)
        return None if row is None else self._paths.contracts[row]

    def klines(self, symbol: str, start_ms: int, end_ms: int) -> list[Candle]:
        """The whole minutes with open time in [start_ms, end_ms], future ones included; empty for unknown symbols."""
        return [candle_of(row) for row in self.kline_rows(symbol, start_ms=start_ms, end_ms=end_ms, at_ms=1 << 60)]

    def kline_rows(self, symbol: str, *, start_ms: int, end_ms: int, at_ms: int) -> list[KlineRow]:
        row = self._paths.number_of.get(symbol)
        if row is None:
            return []
        first, last = -(-start_ms // MINUTE_MS), min(end_ms, at_ms) // MINUTE_MS
        opening, closing = int(self._paths.from_ms[row]), int(self._paths.to_ms[row])
        first, last = max(first, opening // MINUTE_MS), min(last, (closing - 1) // MINUTE_MS)
        found: list[KlineRow] = []
        now_slot = (at_ms - int(self._paths.phase_ms[row])) // SLOT_MS
        for begin in range(first, last + 1, _HISTORY_CHUNK):
            count = min(_HISTORY_CHUNK, last + 1 - begin)
            block = self._paths.compute(np.array([row]), begin, count)
            minutes = np.arange(begin, begin + count)
            slots = np.minimum(now_slot - minutes * SLOTS, SLOTS - 1)
            known = slots >= 0
            columns = np.flatnonzero(known)
            found += self._rows(block, np.full(len(columns), row), columns * 0, columns, slots[known], minutes[known])
        return found

    def frames(self, after_ms: int, until_ms: int) -> list[Frame]:
        frames = [news for news in self._news if after_ms < news.event_ms <= until_ms]
        frames += self._closings(after_ms, until_ms)
        frames += self._pushes(after_ms, until_ms)
        if until_ms - after_ms <= 100:
            self._prepare(until_ms // MINUTE_MS + 1)
        frames.sort(key=lambda frame: frame.event_ms)
        return frames

    def days(self, symbols: Sequence[str], at_ms: int) -> list[Day]:
        rows = np.array([self._paths.number_of[symbol] for symbol in symbols], dtype=np.int64)
        if not len(rows):
            return []
        slots = np.linspace((at_ms - 86_400_000) // SLOT_MS, at_ms // SLOT_MS, 97).astype(np.int64)
        path = self._paths.price_path(rows, slots)
        quote = self._paths.turnover(rows, slots[1:] // SLOTS).sum(axis=1) * 15
        high, low = path.max(axis=1), path.min(axis=1)
        days = []
        for destination, row in enumerate(rows.tolist()):
            contract = self._paths.contracts[row]
            first, last, top, bottom, traded = (
                float(a)
                for a in (
                    path[destination, 0],
                    path[destination, -1],
                    high[destination],
                    low[destination],
                    quote[destination],
                )
            )
            days.append(
                Day(
                    symbol=contract.symbol,
                    open=first,
                    high=top,
                    low=bottom,
                    last=last,
                    quote=traded,
                    price_decimals=contract.price_decimals,
                )
            )
        return days

    def prices(self, symbols: Sequence[str], at_ms: int) -> list[float]:
        rows = np.array([self._paths.number_of[symbol] for symbol in symbols], dtype=np.int64)
        return [float(price) for price in self._paths.prices(at_ms, rows)]

    def open_interest(self, symbol: str, at_ms: int) -> float:
        return float(self._paths.open_interest(np.array([self._paths.number_of[symbol]]), at_ms)[0])

    def moods(self, symbols: Sequence[str], topic: int, step: int) -> list[float]:
        rows = np.array([self._paths.number_of[symbol] for symbol in symbols], dtype=np.int64)
        return [float(mood) for mood in self._paths.moods(rows, topic, step)]

    def _pushes(self, after_ms: int, until_ms: int) -> list[Frame]:
        """The newest state of every contract that traded in the window."""
        slot = (until_ms - self._paths.phase_ms) // SLOT_MS
        rows = np.flatnonzero(slot > (after_ms - self._paths.phase_ms) // SLOT_MS)
        frames: list[Frame] = []
        for minute in np.unique(slot[rows] // SLOTS).tolist():
            here = rows[slot[rows] // SLOTS == minute]
            block, slots = self._block(minute), slot[here] % SLOTS
            traded_at = minute * SLOTS + block.last[here, 0, slots]
            stamps = traded_at * SLOT_MS + self._paths.phase_ms[here]
            is_new = (stamps > after_ms) & (block.trades[here, 0, slots] > 0)
            here, slots = here[is_new], slots[is_new]
            found = self._rows(block, here, here, here * 0, slots, np.full(len(here), minute))
            at = stamps[is_new].tolist()
            frames += [
                self._frame(row, line, ms, False) for row, line, ms in zip(here.tolist(), found, at, strict=True)
            ]
        return frames

    def _closings(self, after_ms: int, until_ms: int) -> list[Frame]:
        frames: list[Frame] = []
        for minute in range((after_ms - 2_000) // MINUTE_MS - 1, (until_ms - 200) // MINUTE_MS):
            end_ms = (minute + 1) * MINUTE_MS
            stamps = end_ms + self._paths.close_delay_ms(minute)
            is_due = (stamps > after_ms) & (stamps <= until_ms) & (self._paths.to_ms > end_ms)
            if not is_due.any():
                continue
            block = self._block(minute)
            rows = np.flatnonzero(is_due & (block.trades[:, 0, -1] > 0))
            found = self._rows(block, rows, rows, rows * 0, np.full(len(rows), SLOTS - 1), np.full(len(rows), minute))
            at = stamps[rows].tolist()
            frames += [self._frame(row, line, ms, True) for row, line, ms in zip(rows.tolist(), found, at, strict=True)]
        return frames

    def _frame(self, row: int, line: KlineRow, event_ms: int, is_closed: bool) -> Frame:
        symbol = self._paths.contracts[row].symbol
        return Frame(event_ms, self._streams[row], kline_event(symbol, line, event_ms=event_ms, is_closed=is_closed))

    def _rows(
        self, block: Minutes, rows: Ints, destinations: Ints, columns: Ints, slots: Ints, minutes: Ints
    ) -> list[KlineRow]:
        """Candles as of `slots`; minutes without a trade so far are left out (never for rows known to have traded)."""
        some = block.trades[destinations, columns, slots] > 0
        at = (destinations[some], columns[some], slots[some])
        kept, tick = rows[some].tolist(), self._paths.tick[rows[some]]
        prices = [
            (ticks * tick).tolist() for ticks in (block.open[at[:2]], block.high[at], block.low[at], block.close[at])
        ]
        amounts = [
            field[at].tolist() for field in (block.qty, block.quote, block.taker_qty, block.taker_quote, block.trades)
        ]
        opened = (minutes[some] * MINUTE_MS).tolist()
        found: list[KlineRow] = []
        for row, ms, o, h, low, c, qty, quote, taker, taker_quote, trades in zip(
            kept, opened, *prices, *amounts, strict=True
        ):
            contract = self._paths.contracts[row]
            price, size = f"%.{contract.price_decimals}f", f"%.{contract.qty_decimals}f"
            begin: KlineRow = [ms, price % o, price % h, price % low, price % c, size % qty, ms + MINUTE_MS - 1]
            found.append([*begin, f"{quote:.5f}", trades, size % taker, f"{taker_quote:.5f}", "0"])
        return found

    def _block(self, minute: int) -> Minutes:
        """All contracts in one minute; the two or three newest minutes are kept."""
        if minute not in self._blocks:
            if minute == self._coming_minute:
                while self._prepare(minute):
                    pass
            else:
                self._keep(minute, self._paths.compute(np.arange(len(self._streams)), minute, 1))
        return self._blocks[minute]

    def _change_block(self, minute: int, events: Sequence[Event]) -> None:
        """New events in a minute that is computed already: only their contracts are computed again."""
        begun = [event for event in events if event.at_ms < (minute + 1) * MINUTE_MS]
        if any(isinstance(event, Crash) for event in begun):
            del self._blocks[minute]
            return
        touched = {self._paths.number_of[event.symbol] for event in begun if not isinstance(event, Crash)}
        if touched:
            rows = np.array(sorted(touched))
            fresh = self._paths.compute(rows, minute, 1)
            for name in Minutes.__slots__:
                getattr(self._blocks[minute], name)[rows] = getattr(fresh, name)

    def _keep(self, minute: int, block: Minutes) -> None:
        self._blocks[minute] = block
        while len(self._blocks) > 3:
            del self._blocks[next(iter(self._blocks))]

    def _prepare(self, minute: int) -> bool:
        """Compute a part of a coming minute. True while there is more to do."""
        if minute in self._blocks:
            return False
        if minute != self._coming_minute:
            self._coming, self._coming_minute = [], minute
        done = len(self._coming) * _PREPARE_ROWS
        rows = np.arange(done, min(done + _PREPARE_ROWS, len(self._streams)))
        self._coming.append(self._paths.compute(rows, minute, 1))
        if rows[-1] + 1 < len(self._streams):
            return True
        self._keep(minute, _joined(self._coming))
        self._coming, self._coming_minute = [], 0
        return False


def _joined(parts: Sequence[Minutes]) -> Minutes:
    def join(name: str) -> Floats:
        whole: Floats = np.concatenate([getattr(part, name) for part in parts])
        return whole

    return Minutes(**{name: join(name) for name in Minutes.__slots__})  # type: ignore[arg-type]
