"""How often the market moved by how much lately: what thresholds for a wished number of alerts are derived from.

Kept are the sizes of everything noteworthy, well below any threshold a person would set, and how many minutes of how
many symbols were looked at for them.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from array import array
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altmonitor.core.alert import Kind
from altmonitor.detectors.kinds import BUDGETS, KINDS
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.math import MinuteRanges

# ---
# The columns a tally is made of.


class SizeRows:
    """Columns: unix ms, symbol's number, signed size, USD that a floor is compared with."""

    def __init__(self) -> None:
        self.at_ms = array("q")
        self.symbol = array("H")
        self.size = array("f")
        self.usd = array("f")

    def add(self, at_ms: int, symbol: int, size: float, usd: float) -> None:
        self.at_ms.append(at_ms)
        self.symbol.append(symbol)
        self.size.append(size)
        self.usd.append(usd)

    def columns(self) -> dict[str, array[Any]]:
        return {"at_ms": self.at_ms, "symbol": self.symbol, "size": self.size, "usd": self.usd}

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        for name, column in self.columns().items():
            setattr(self, name, array(column.typecode, np.asarray(column)[chosen].tobytes()))

    def fill(self, columns: Mapping[str, NDArray[Any]], *, symbols: int) -> None:
        """Raises ValueError for columns of different lengths, or a number that is no symbol's."""
        if len({len(column) for column in columns.values()}) != 1 or (columns["symbol"] >= symbols).any():
            raise ValueError("the columns do not fit together")
        for name, column in self.columns().items():
            kind = np.asarray(column).dtype
            setattr(self, name, array(column.typecode, np.ascontiguousarray(columns[name], kind).tobytes()))


# ---


VERSION = 1
KEPT_MS = 3 * 86_400_000
HOUR_MS = 3_600_000
SMALLEST_MEDIANS = 5
MOST_ROWS = 400_000
"""Per kind; 18 bytes each. A market that moves so much loses its oldest rows first."""

_SAMPLED = tuple(kind for kind in BUDGETS if KINDS[kind].sampling is not None)


class StatsDamaged(Exception):
    """A saved tally that is not ours, or only a part of one; `str()` is one line."""


class Candles:
    """What is needed of closed minutes: parallel columns, oldest → newest, one minute apart."""

    __slots__ = ("high_pct", "low_pct", "open_ms", "quote_usdt")

    def __init__(
        self, open_ms: Sequence[int], high_pct: Sequence[float], low_pct: Sequence[float], quote_usdt: Sequence[float]
    ) -> None:
        """high_pct, low_pct: the candle's extremes against its open, percent; low_pct ≤ 0 ≤ high_pct."""
        self.open_ms = open_ms
        self.high_pct = high_pct
        self.low_pct = low_pct
        self.quote_usdt = quote_usdt


class MoveStats:
    """Sizes of the last `KEPT_MS`. Candles of one symbol may come in any order and more than once; each minute counts
    once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._rows: dict[Kind, SizeRows] = {kind: SizeRows() for kind in BUDGETS}
        self._seen: dict[Kind, Counter[int]] = {kind: Counter() for kind in BUDGETS}  # hour → symbol-minutes
        self._counted = MinuteRanges()
        self._sampled_ms: dict[Kind, dict[int, int]] = {kind: {} for kind in _SAMPLED}
        self._pruned_ms = 0

    def take_candles(self, symbol: str, candles: Candles, *, lookback: int) -> None:
        """lookback: closed candles before a burst that its median is taken over."""
        if not candles.open_ms:
            return
        number, begin_ms = self._number(symbol), candles.open_ms[0]
        for first_ms, end_ms in self._counted.missing(symbol, begin_ms, candles.open_ms[-1] + MINUTE_MS):
            # What was forgotten by age ends anywhere in a minute: one that began before belongs to what is missing.
            first, after = (-(-(at_ms - begin_ms) // MINUTE_MS) for at_ms in (first_ms, end_ms))
            if first < after:
                self._take_prices(number, candles, first, after)
                self._take_volumes(number, candles, first, after, lookback)
                self._counted.add(symbol, first_ms, end_ms)
        self._prune(candles.open_ms[-1])

    def _take_prices(self, number: int, candles: Candles, first: int, after: int) -> None:
        self._see("price", candles.open_ms[first:after])
        rows, smallest = self._rows["price"], BUDGETS["price"].smallest
        for at in range(first, after):
            high, low = candles.high_pct[at], candles.low_pct[at]
            if high >= smallest:
                rows.add(candles.open_ms[at], number, high, 0.0)
            if low <= -smallest:
                rows.add(candles.open_ms[at], number, low, 0.0)

    def _take_volumes(self, number: int, candles: Candles, first: int, after: int, lookback: int) -> None:
        rows, smallest = self._rows["vol"], BUDGETS["vol"].smallest
        least = first + max(0, SMALLEST_MEDIANS - min(first, lookback))  # enough minutes lie before it
        if lookback < SMALLEST_MEDIANS or least >= after:
            return
        self._see("vol", candles.open_ms[least:after])
        for at, usual in zip(range(least, after), _medians_before(candles.quote_usdt, least, lookback), strict=False):
            quote_usdt = candles.quote_usdt[at]
            if usual > 0 and quote_usdt >= smallest * usual:
                rows.add(candles.open_ms[at], number, quote_usdt / usual, quote_usdt)

    def _see(self, kind: Kind, minutes_ms: Sequence[int]) -> None:
        """Consecutive minutes, at least one."""
        seen = self._seen[kind]
        for hour in range(minutes_ms[0] // HOUR_MS, minutes_ms[-1] // HOUR_MS + 1):
            begin_ms = max(minutes_ms[0], hour * HOUR_MS)
            seen[hour] += (min(minutes_ms[-1] + MINUTE_MS, (hour + 1) * HOUR_MS) - begin_ms) // MINUTE_MS

    def take_sample(self, kind: Kind, symbol: str, *, at_ms: int, size: float | None, usd: float | None) -> None:
        """One sample of a kind that is sampled. size: None without an honest value. usd: None when unknown."""
        number, newest_ms = self._number(symbol), self._sampled_ms[kind]
        last_ms = newest_ms.get(number, 0)
        if at_ms <= last_ms or size is None:
            return
        newest_ms[number] = at_ms
        self._seen[kind][at_ms // HOUR_MS] += min(5, max(1, round((at_ms - last_ms) / MINUTE_MS)))
        if abs(size) >= BUDGETS[kind].smallest:
            self._rows[kind].add(at_ms, number, size, float("inf") if usd is None else usd)

    def symbol_minutes(self, kind: Kind) -> int:
        """Minutes of all symbols together that were looked at for this kind."""
        return self._seen[kind].total()

    def history_days(self, kind: Kind = "price") -> float:
        """How long a time the sizes come from, gaps left out: its hours, as days."""
        return len(self._seen[kind]) / 24

    def alerts_per_day(
        self, kind: Kind, reach: MoveReach, *, symbols: int, hears: Callable[[str], bool], cooldown_s: float
    ) -> float | None:
        """How many alerts a day `reach` would have raised over `symbols` contracts; None without any history.

        hears: True for a symbol that the reader wants to hear of; the others are counted out.
        """
        seen = self.symbol_minutes(kind)
        if seen == 0:
            return None
        rows = self._rows[kind]
        number, at_ms = np.asarray(rows.symbol, np.int64), np.asarray(rows.at_ms, np.int64)
        size, usd = np.asarray(rows.size, np.float64), np.asarray(rows.usd, np.float64)
        heard = np.array([hears(symbol) for symbol in self._numbers], dtype=bool)
        reached = (size >= reach.up) | (size <= reach.down)
        chosen = reached & (usd >= reach.floor_usd) & (heard[number] if number.size else True)
        side, cooldown_ms = number[chosen] * 2 + (size[chosen] > 0), int(max(cooldown_s, 60.0) * 1000)
        plateau_ms = BUDGETS[kind].plateau_ms
        if plateau_ms is None:
            found = _runs(side, at_ms[chosen], cooldown_ms, repeats=True)
        else:
            found = _runs(side, at_ms[chosen], max(cooldown_ms, plateau_ms), repeats=False)
        return found / seen * symbols * 1_440

    def covered_days(self, symbols: int) -> float:
        """How much of the market's time was looked at, in days, when there are so many symbols."""
        return self.symbol_minutes("price") / max(1, symbols) / 1_440

    # --- over a restart

    def saved(self) -> bytes:
        """Everything, as one small compressed file."""
        columns: dict[str, NDArray[Any]] = {"symbols": np.array(list(self._numbers), dtype=np.str_)}
        for kind, rows in self._rows.items():
            columns |= {f"{kind}_{name}": np.asarray(column) for name, column in rows.columns().items()}
            columns[f"{kind}_seen"] = np.array(sorted(self._seen[kind].items()), np.int64).reshape(-1, 2)
        spans = [(self._numbers[symbol], *span) for symbol, *span in self._counted.spans()]
        columns["counted"] = np.array(spans, np.int64).reshape(-1, 3)
        for kind, newest_ms in self._sampled_ms.items():
            columns[f"{kind}_ms"] = np.array(sorted(newest_ms.items()), np.int64).reshape(-1, 2)
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, version=np.array(VERSION), **columns)
        return content.getvalue()

    def restore(self, content: bytes, *, now_ms: int) -> None:
        """What `saved` gave, into a tally that took nothing yet. Raises Damaged: then nothing was taken over."""
        fresh = MoveStats()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                if int(file["version"]) != VERSION:
                    raise StatsDamaged(f"it has version {int(file['version'])}, known is {VERSION}")
                fresh._read(file)
        except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
            raise StatsDamaged(f"it cannot be read: {problem}") from problem
        fresh._prune(now_ms)
        self.__dict__.update(fresh.__dict__)

    def _read(self, file: Mapping[str, NDArray[Any]]) -> None:
        self._numbers = {str(symbol): number for number, symbol in enumerate(file["symbols"])}
        for kind, rows in self._rows.items():
            if f"{kind}_seen" not in file:  # it was saved before there was this kind
                continue
            rows.fill({name: file[f"{kind}_{name}"] for name in rows.columns()}, symbols=len(self._numbers))
            self._seen[kind] = Counter({int(hour): int(count) for hour, count in file[f"{kind}_seen"]})
        for number, begin_ms, end_ms in file["counted"].tolist():
            self._counted.add(str(file["symbols"][number]), begin_ms, end_ms)
        self._sampled_ms = {
            kind: dict(file[f"{kind}_ms"].tolist()) if f"{kind}_ms" in file else {} for kind in _SAMPLED
        }

    # --- inside

    def _number(self, symbol: str) -> int:
        return self._numbers.setdefault(symbol, len(self._numbers))

    def _prune(self, now_ms: int) -> None:
        if now_ms - self._pruned_ms < HOUR_MS:
            return
        self._pruned_ms = now_ms
        oldest_ms = now_ms - KEPT_MS
        for kind, rows in self._rows.items():
            chosen = np.asarray(rows.at_ms) >= oldest_ms
            if len(chosen) > MOST_ROWS:
                chosen[:-MOST_ROWS] = False
            if not chosen.all():
                rows.keep(chosen)
            for hour in [hour for hour in self._seen[kind] if hour < oldest_ms // HOUR_MS]:
                del self._seen[kind][hour]
        self._counted.forget_before(oldest_ms)


def _medians_before(values: Sequence[float], first: int, lookback: int) -> Iterator[float]:
    """The median of up to `lookback` values before each index from `first` ≥ 1 on; the window stays sorted."""
    window = sorted(values[max(0, first - lookback) : first])
    for at in range(first, len(values)):
        middle, is_odd = divmod(len(window), 2)
        yield window[middle] if is_odd else (window[middle - 1] + window[middle]) / 2
        if len(window) == lookback:
            del window[bisect_left(window, values[at - lookback])]
        insort(window, values[at])


class MoveReach:
    """What is reached upwards from `up` and downwards to `down`; floor_usd: least worth of volume or open interest."""

    __slots__ = ("down", "floor_usd", "up")

    def __init__(self, *, up: float, down: float = float("-inf"), floor_usd: float = 0.0) -> None:
        self.up = up
        self.down = down
        self.floor_usd = floor_usd


def _runs(side: NDArray[np.int64], at_ms: NDArray[np.int64], gap_ms: int, *, repeats: bool) -> int:
    """Moments of one side that are less than a gap apart form a run; a run counts once, with `repeats` again for every
    gap that it lasts. side: a symbol and direction each."""
    if not at_ms.size:
        return 0
    order = np.lexsort((at_ms, side))
    side, at_ms = side[order], at_ms[order]
    is_first = np.ones(at_ms.size, dtype=bool)
    is_first[1:] = (side[1:] != side[:-1]) | (np.diff(at_ms) >= gap_ms)
    begins = np.flatnonzero(is_first)
    if not repeats:
        return int(begins.size)
    ends = np.append(begins[1:], at_ms.size) - 1
    return int((1 + (at_ms[ends] - at_ms[begins]) // gap_ms).sum())
