"""A recorded market: one exchange-archive file of 1-minute candles, played as the socket would have told it.

The archive knows only four prices of a minute, so their order is a convention: a candle that closes at or above its
open went open → low → high → close, any other open → high → low → close, in straight lines: 4 equal steps to the first
extreme, 8 to the second, 7 to the close, each rounded (half to even) to the finest decimal that any price of the file
uses. So there are 20 pushes, 0.5 s, 3.5 s, … 57.5 s after the candle's open; the closing frame, the row itself, comes
at 60.4 s. A minute without trades is one push at 0.5 s and its closing frame. The path touches all four prices exactly
and never leaves [low, high]; volumes grow evenly.
"""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from altmonitor.core.archive_files import ArchiveFileError, texts_in
from altmonitor.core.errors import ConfigError
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.sim.contracts import SimContract, key_of
from altmonitor.sim.market import Day
from altmonitor.sim.wire import Frame, KlineRow, candle_of, kline_event, kline_stream

# ---
# Reading an exchange-archive file of 1-minute candles, and shortening its holes.


HOLE_KEPT_MS = 10 * MINUTE_MS  # what is left of a skipped hole: long enough to be seen as one
_COLUMNS = 12
_MICROSECONDS = 10**14  # archives from 2025 on may count in them
_NUMBER = re.compile(r"\d{1,30}(\.\d{1,30})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A hole that was shortened. tape_ms: open time of the first candle after it; shown_ms: when it is played."""

    hole_minutes: int
    tape_ms: int
    shown_ms: int


def read_tape(file: Path) -> list[KlineRow]:
    """Of a .csv, plain, gzipped or zipped. Raises: ConfigError, one line."""
    try:
        texts = list(texts_in(file.name, file.read_bytes()))
        rows = [row for _, text in texts for row in _parsed(file, csv.reader(io.StringIO(text, newline="")))]
    except ArchiveFileError as problem:
        raise ConfigError([f"{file} cannot be played: {problem}"]) from problem
    except csv.Error as problem:
        raise ConfigError([f"{file} is not a CSV of 1-minute candles: {problem}"]) from problem
    except OSError as problem:
        raise ConfigError([f"{file} cannot be read: {problem.strerror}"]) from problem
    if not rows:
        raise ConfigError([f"{file} holds no candles"])
    by_time = {int(row[0]): row for row in rows}  # archives repeat rows; the later one counts
    return [by_time[ms] for ms in sorted(by_time)]


def _parsed(file: Path, lines: Iterator[list[str]]) -> Iterator[KlineRow]:
    for number, line in enumerate(lines, start=1):
        if not line or (number == 1 and line[0].strip().lower() in {"open_time", "open time", "opentime"}):
            continue
        if len(line) != _COLUMNS or not all(_NUMBER.fullmatch(text) for text in line):
            what = f"line {number} has {len(line)} columns" if len(line) != _COLUMNS else f"line {number} is no candle"
            raise ConfigError(
                [f"{file} is not an archive of 1-minute candles ({what}): 12 columns from open_time on are needed"]
            )
        opened = int(float(line[0])) if int(float(line[0])) < _MICROSECONDS else int(line[0]) // 1000
        is_candle = float(line[3]) <= min(float(line[1]), float(line[4])) and float(line[2]) >= max(
            float(line[1]), float(line[4])
        )
        if opened % MINUTE_MS or not is_candle or float(line[3]) <= 0:
            raise ConfigError([f"{file} is not an archive of 1-minute candles: line {number} is no candle"])
        start: KlineRow = [opened, *line[1:6], opened + MINUTE_MS - 1, line[7]]
        yield [*start, int(float(line[8])), line[9], line[10], "0"]


def without_long_holes(
    rows: Sequence[KlineRow], from_ms: int, longest_s: float | None
) -> tuple[list[KlineRow], tuple[Jump, ...]]:
    """Rows after a hole (and after `from_ms`) longer than `longest_s` moved towards it, and what was moved."""
    shown: list[KlineRow] = []
    jumps: list[Jump] = []
    moved_ms = 0
    for row in rows:
        opened = int(row[0]) - moved_ms
        gap_ms = opened - max(int(shown[-1][0]) + MINUTE_MS, from_ms // MINUTE_MS * MINUTE_MS) if shown else 0
        if longest_s is not None and opened > from_ms and gap_ms > max(longest_s * 1000, HOLE_KEPT_MS):
            moved_ms += gap_ms - HOLE_KEPT_MS
            opened -= gap_ms - HOLE_KEPT_MS
            jumps.append(Jump(hole_minutes=gap_ms // MINUTE_MS, tape_ms=int(row[0]), shown_ms=opened))
        shown.append([opened, *row[1:6], opened + MINUTE_MS - 1, *row[7:]])
    return shown, tuple(jumps)


# ---


CLOSE_DELAY_MS = 400
_LEG_STEPS = (4, 8, 7)  # pushes on the way to the first extreme, to the second, to the close
_FIRST_PUSH_MS, _PUSH_EVERY_MS = 500, 3_000
_NAME = re.compile(r"([^-/\\]+)-1m\b")


class TapeMarket:
    """One symbol's candles from `path` (.csv, .csv.gz or .zip, 12 columns, with or without a header).

    from_ms: where playing begins, unix ms; the first row when None. What lies before it is history for REST. to_ms:
    where it ends: candles that open there or later do not exist; None plays to the end. symbol: taken from a file name
    like LUNAUSDT-1m-2022-05.csv.gz when None. skip_holes_over_s: holes longer than this are played as ten minutes;
    every time after them is moved forward, see `jumps`. None keeps all holes as they are.

    Raises:
        ConfigError: one line: not readable, not such a file, nothing in [from_ms, to_ms).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        from_ms: int | None = None,
        to_ms: int | None = None,
        symbol: str | None = None,
        skip_holes_over_s: float | None = None,
    ) -> None:
        file = Path(path)
        whole = read_tape(file)
        rows = whole if to_ms is None else [row for row in whole if int(row[0]) < to_ms]
        if not rows:
            raise ConfigError(
                [f"{file} begins after the moment to stop at: its first candle opens at {whole[0][0]} ms"]
            )
        found = _NAME.match(file.name)
        name = symbol or (found.group(1) if found else "")
        if not name:
            raise ConfigError([f"{file} does not name its symbol as SYMBOL-1m-….csv: say which it is"])
        self._rows, self.jumps = without_long_holes(rows, from_ms or 0, skip_holes_over_s)
        self._opens = [int(row[0]) for row in self._rows]
        first = bisect_left(self._opens, from_ms or 0)
        if first == len(self._rows):
            raise ConfigError([f"{file} ends before the moment asked for: its last candle opens at {rows[-1][0]} ms"])
        self.start_ms = max(from_ms or 0, self._opens[0])
        self.end_ms = self._opens[-1] + MINUTE_MS + CLOSE_DELAY_MS
        self.symbol = name.upper()
        prices = [str(row[column]) for row in whole for column in (1, 2, 3, 4)]
        self._tick_decimals = max(_decimals(_unpadded(text)) for text in prices)
        self._tick = Decimal(1).scaleb(-self._tick_decimals)
        self._decimals = max(_decimals(text) for text in prices)
        self._quote_before = [0.0]
        for row in self._rows:
            self._quote_before.append(self._quote_before[-1] + float(row[7]))
        self._contract = self._describe()
        self._frames: dict[int, list[Frame]] = {}

    def contracts(self) -> Sequence[SimContract]:
        return (self._contract,)

    def contract(self, symbol: str) -> SimContract | None:
        return self._contract if symbol == self.symbol else None

    def klines(self, symbol: str, start_ms: int, end_ms: int) -> list[Candle]:
        """The tape's candles with open time in [start_ms, end_ms], oldest → newest."""
        return [candle_of(row) for row in self.kline_rows(symbol, start_ms=start_ms, end_ms=end_ms, at_ms=1 << 60)]

    def kline_rows(self, symbol: str, *, start_ms: int, end_ms: int, at_ms: int) -> list[KlineRow]:
        if symbol != self.symbol:
            return []
        rows = self._rows[bisect_left(self._opens, start_ms) : bisect_right(self._opens, min(end_ms, at_ms))]
        if rows and at_ms < int(rows[-1][0]) + MINUTE_MS:
            so_far = [state for ms, state in self._states(rows[-1]) if ms <= at_ms]
            rows = rows[:-1] + so_far[-1:]
        return [list(row) for row in rows]

    def frames(self, after_ms: int, until_ms: int) -> list[Frame]:
        first = bisect_left(self._opens, after_ms - MINUTE_MS - CLOSE_DELAY_MS)
        last = bisect_right(self._opens, until_ms)
        frames = [f for n in range(first, last) for f in self._played(n) if after_ms < f.event_ms <= until_ms]
        frames.sort(key=lambda frame: frame.event_ms)
        return frames

    def is_over(self, at_ms: int) -> bool:
        """The last closing frame is out."""
        return at_ms > self.end_ms

    def days(self, symbols: Sequence[str], at_ms: int) -> list[Day]:
        return [self._day(at_ms) for symbol in symbols if symbol == self.symbol]

    def prices(self, symbols: Sequence[str], at_ms: int) -> list[float]:
        last = self._newest(at_ms)
        return [float(last[4]) for _ in symbols]

    def open_interest(self, symbol: str, at_ms: int) -> float:
        """The archive of candles has none: three quiet days' turnover of the first candles, drifting by under 1 %."""
        drift = self.moods([symbol], 9, at_ms // 3_600_000)[0]
        return round(self._contract.quote_per_minute * 180 / self._contract.price * (1 + 0.005 * drift), 3)

    def moods(self, symbols: Sequence[str], topic: int, step: int) -> list[float]:
        return [key_of(symbol, topic, step) % 2001 / 1000 - 1 for symbol in symbols]

    def _played(self, number: int) -> list[Frame]:
        """All frames of one candle; the newest few are kept, as the same one is asked for many times a second."""
        if number not in self._frames:
            row, stream = self._rows[number], kline_stream(self.symbol)
            closing_ms = int(row[0]) + MINUTE_MS + CLOSE_DELAY_MS
            states = [(ms, state, False) for ms, state in self._states(row)] + [(closing_ms, row, True)]
            self._frames[number] = [
                Frame(ms, stream, kline_event(self.symbol, state, event_ms=ms, is_closed=is_closed))
                for ms, state, is_closed in states
            ]
            while len(self._frames) > 8:
                del self._frames[next(iter(self._frames))]
        return self._frames[number]

    def _states(self, row: KlineRow) -> Iterator[tuple[int, KlineRow]]:
        """The open candle at each push: (event ms, row as of then)."""
        is_up = float(row[4]) >= float(row[1])
        turns = [str(row[column]) for column in ((1, 3, 2, 4) if is_up else (1, 2, 3, 4))]
        path = self._path(turns) if row[8] != 0 else turns[:1]  # nothing traded: one flat push and the close
        high = low = turns[0]
        for number, price in enumerate(path):
            high, low = max(high, price, key=float), min(low, price, key=float)
            share = (number + 1) / len(path)
            qty, quote, *taker = (f"{float(row[c]) * share:.{_decimals(row[c])}f}" for c in (5, 7, 9, 10))
            state: KlineRow = [row[0], turns[0], high, low, price, qty, row[6], quote, int(int(row[8]) * share), *taker]
            yield int(row[0]) + _FIRST_PUSH_MS + number * _PUSH_EVERY_MS, [*state, "0"]

    def _path(self, turns: Sequence[str]) -> list[str]:
        """Prices at each push, through all four of `turns`; they are written as the file writes its own."""
        path = [turns[0]]
        for (begin, end), steps in zip(pairwise(turns), _LEG_STEPS, strict=True):
            first, last = Decimal(begin), Decimal(end)
            exact = (first + (last - first) * step / steps for step in range(1, steps))
            digits = max(_decimals(end), self._tick_decimals)
            path += [*(f"{price.quantize(self._tick):.{digits}f}" for price in exact), end]
        return path

    def _newest(self, at_ms: int) -> KlineRow:
        """The candle as of that moment; the first one before the tape begins."""
        destination = bisect_right(self._opens, at_ms) - 1
        if destination < 0:
            return self._rows[0]
        so_far = [state for ms, state in self._states(self._rows[destination]) if ms <= at_ms]
        if at_ms >= self._opens[destination] + MINUTE_MS:
            return self._rows[destination]
        return so_far[-1] if so_far else self._rows[max(0, destination - 1)]

    def _day(self, at_ms: int) -> Day:
        newest = self._newest(at_ms)
        begin = bisect_left(self._opens, at_ms - 86_400_000)
        end = max(begin + 1, bisect_left(self._opens, at_ms - MINUTE_MS + 1))
        whole = self._rows[begin:end] or [newest]
        seen = [*whole, newest]
        return Day(
            symbol=self.symbol,
            open=float(whole[0][1]),
            high=max(float(row[2]) for row in seen),
            low=min(float(row[3]) for row in seen),
            last=float(newest[4]),
            quote=self._quote_before[min(end, len(self._rows))] - self._quote_before[min(begin, len(self._rows))],
            price_decimals=self._decimals,
        )

    def _describe(self) -> SimContract:
        quote = next((asset for asset in ("USDT", "USDC", "BUSD") if self.symbol.endswith(asset)), "USDT")
        early = self._rows[:60]
        return SimContract(
            symbol=self.symbol,
            base_asset=self.symbol.removesuffix(quote),
            quote_asset=quote,
            contract_type="PERPETUAL",
            statuses=((0, "TRADING"),),
            price=float(early[0][1]),
            price_decimals=self._decimals,
            qty_decimals=3,
            quote_per_minute=max(1.0, sum(float(row[7]) for row in early) / len(early)),
            onboard_ms=self._opens[0],
        )


def _unpadded(text: str) -> str:
    return text.rstrip("0") if "." in text else text


def _decimals(text: int | str) -> int:
    return len(str(text).partition(".")[2])
