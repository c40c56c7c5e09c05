"""Files of the exchange's archive: CSV, plain, gzipped or zipped → columns, and every row that is no data by number.

What such files have been seen to do, and what is made of it: a header or none · milliseconds and microseconds, mixed ·
rows out of order and more than once (the last one counts) · stamps of metrics a second off (the nearest 5 minutes) ·
blank cells of ratios (not known) · a byte order mark · rows of the wrong length, and candles that cannot be (named, the
others are taken) · a quotation mark that never ends (its line alone is lost) · rows of days to come (named) · a zip
that ends in the middle, or holds another symbol's file, or days of which its name says nothing (named, nothing of it is
taken) · rows of another symbol, candles longer than a minute, numbers that only Python takes for some (named, left out)
· a minute that is there again with other numbers (named, the last one counts).
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from altmonitor.core.archive_files import ArchiveFileError, texts_in
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import (
    CandleColumns,
    Floats,
    FundingColumns,
    Ints,
    OpenInterestColumns,
    Source,
    funding_columns,
    merged,
    open_interest_columns,
    places_of,
)

KLINE_COLUMNS: Final = 12
METRIC_COLUMNS: Final = 8
FUNDING_COLUMNS: Final = 3
FIVE_MINUTES_MS: Final = 300_000
STAMP_SLACK_MS: Final = 2_000
DAY_MS: Final = 86_400_000
TO_COME: Final = "its time is yet to come"
TWICE_THERE: Final = "its minute is there before, with other numbers; these count"
MOST_TRADES: Final = 1e15
MOST_FUNDING_HOURS: Final = 24
MOST_NAMED: Final = 3
"""Rows of one file that are named one by one; the others are counted."""
FIRST_MS: Final = 1_230_768_000_000  # 2009: there is no older market
LAST_MS: Final = 7_258_118_400_000  # 2200
_NAME: Final = re.compile(
    r"(?P<symbol>[^/\\]+?)-(?P<what>\d+[smhdwM]o?|metrics|fundingRate)-(?P<when>\d{4}-\d{2}(?:-\d{2})?)[^/\\]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """row: number of the line, from 1; None for the whole file."""

    file: str
    row: int | None
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}" if self.row is None else f"{self.file}: line {self.row}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """What was in one. problems: rows that were left out."""

    symbol: str
    columns: CandleColumns | OpenInterestColumns | FundingColumns
    problems: list[FileProblem] = field(default_factory=list)


def symbol_in(name: str) -> tuple[str, str]:
    """(symbol, what) of a file named like BTCUSDT-1m-2025-02.zip. Raises: ArchiveFileError."""
    found = _NAME.match(name.replace("\\", "/").rpartition("/")[2])
    if found is None:
        raise ArchiveFileError(
            "its name does not say what it holds: SYMBOL-1m-2025-02.csv, SYMBOL-metrics-2025-02-01.csv or "
            "SYMBOL-fundingRate-2025-02.csv"
        )
    what = found["what"]  # 1m and 1M are not the same; of the others, people's copies change the case
    return found["symbol"].upper(), {"metrics": "metrics", "fundingrate": "fundingRate"}.get(what.lower(), what)


def read_archive_file(name: str, content: bytes, *, source: Source, now_ms: int = LAST_MS) -> ArchiveFile:
    """name: as the exchange names its files. now_ms: what begins later is no data. Raises: ArchiveFileError when
    nothing of it can be used."""
    symbol, what = symbol_in(name)
    if what not in ("1m", "metrics", "fundingRate"):
        raise ArchiveFileError(f"candles of {what}: only those of 1m are kept")
    problems: list[FileProblem] = []
    parts: list[Any] = []
    for text_name, text in texts_in(name, content):
        if text_name != name and _is_another(text_name, (symbol, what)):
            raise ArchiveFileError(f"it holds {text_name}, which is not what its own name says")
        columns: CandleColumns | OpenInterestColumns | FundingColumns
        if what == "1m":
            columns, odd = _candles(text, source, now_ms)
        elif what == "metrics":
            columns, odd = _metrics(text, symbol, source, now_ms)
        else:
            columns, odd = _fundings(text, source, now_ms)
        shown = name if text_name == name else f"{name} ({text_name})"
        problems += [FileProblem(file=shown, row=row, text=why) for row, why in odd[:MOST_NAMED]]
        if len(odd) > MOST_NAMED:
            left = len(odd) - MOST_NAMED
            more = "1 more line is no data" if left == 1 else f"{left} more lines are no data"
            problems.append(FileProblem(file=shown, row=None, text=more))
        if len(columns):
            parts.append(columns)
    if not parts:
        raise ArchiveFileError(_why_nothing(problems))
    columns = merged(parts)
    begin_ms, end_ms = _span_in(name)
    if columns.stamps[-1] < begin_ms - DAY_MS or columns.stamps[0] >= end_ms + DAY_MS:
        first, last = (datetime.fromtimestamp(ms / 1000, UTC).date() for ms in columns.stamps[[0, -1]].tolist())
        raise ArchiveFileError(f"its rows are of {first} to {last}, which is not what its name says")
    return ArchiveFile(symbol=symbol, columns=columns, problems=problems)


def _is_another(name: str, expected: tuple[str, str]) -> bool:
    try:
        return symbol_in(name) != expected
    except ArchiveFileError:  # a name that says nothing contradicts nothing
        return False


def _why_nothing(problems: Sequence[FileProblem]) -> str:
    if not problems:
        return "it holds no rows"
    first = problems[0]
    more = ", and no other line is data" if len(problems) > 1 else ""
    return first.text if first.row is None else f"line {first.row}: {first.text}{more}"


def _span_in(name: str) -> tuple[int, int]:
    """Unix ms of the day or month that a file's name says it holds, [begin, end)."""
    found = _NAME.match(name.replace("\\", "/").rpartition("/")[2])
    try:
        begin = np.datetime64(found["when"] if found else "", "D" if found and len(found["when"]) > 7 else "M")
    except ValueError:
        raise ArchiveFileError("its name holds no day or month that there is") from None
    begin_ms, end_ms = (int(moment.astype("datetime64[ms]").astype(np.int64)) for moment in (begin, begin + 1))
    return begin_ms, end_ms


# ---
# Text → columns.

Odd = list[tuple[int, str]]


def _candles(text: str, source: Source, now_ms: int) -> tuple[CandleColumns, Odd]:
    table, lines, odd = _numbers(text)
    stamps, is_stamp = _unix_ms(table[:, 0])
    off_ms = stamps % MINUTE_MS
    is_stamp &= (off_ms <= STAMP_SLACK_MS) | (off_ms >= MINUTE_MS - STAMP_SLACK_MS)
    stamps = (stamps + STAMP_SLACK_MS) // MINUTE_MS * MINUTE_MS
    opened, high, low, close = table[:, 1], table[:, 2], table[:, 3], table[:, 4]
    amounts = table[:, [5, 7, 8, 10]]
    with np.errstate(invalid="ignore"):
        is_candle = (low > 0) & (low <= np.minimum(opened, close)) & (high >= np.maximum(opened, close))
        is_candle &= np.isfinite(high) & np.isfinite(amounts).all(axis=1) & (amounts >= 0).all(axis=1)
        is_candle &= amounts[:, 2] <= MOST_TRADES
    closes, is_known = _unix_ms(table[:, 6])
    is_longer = is_known & (closes - stamps >= MINUTE_MS + STAMP_SLACK_MS)
    is_past = stamps < now_ms
    odd += [(int(lines[at]), "its time is no whole minute") for at in np.flatnonzero(~is_stamp)]
    odd += [(int(lines[at]), TO_COME) for at in np.flatnonzero(is_stamp & ~is_past)]
    is_stamp &= is_past
    odd += [(int(lines[at]), "these prices and volumes are no candle") for at in np.flatnonzero(is_stamp & ~is_candle)]
    odd += [
        (int(lines[at]), "it lasts longer than a minute") for at in np.flatnonzero(is_stamp & is_candle & is_longer)
    ]
    good = is_stamp & is_candle & ~is_longer
    odd += [(int(lines[good][at]), TWICE_THERE) for at in _told_otherwise(stamps[good], table[good])]
    columns = CandleColumns(
        open_ms=stamps[good],
        open=opened[good],
        high=high[good],
        low=low[good],
        close=close[good],
        volume=amounts[good, 0],
        quote_usdt=amounts[good, 1],
        taker_quote_usdt=amounts[good, 3],
        trades=amounts[good, 2].astype(np.int64),
        source=np.full(int(good.sum()), int(source), dtype=np.int64),
        decimals=np.full(int(good.sum()), places_of(table[good, 1:5].ravel()), dtype=np.int64),
    )
    return merged([columns]), sorted(odd)


def _told_otherwise(stamps: Ints, table: Floats) -> Ints:
    """Rows whose minute an earlier one has with other numbers."""
    if not len(stamps) or (np.diff(stamps) > 0).all():
        return stamps[:0]
    order = np.argsort(stamps, kind="stable")
    is_again = np.flatnonzero(np.diff(stamps[order]) == 0) + 1
    differs = (table[order[is_again], 1:6] != table[order[is_again - 1], 1:6]).any(axis=1)
    return np.sort(order[is_again[differs]])


def _numbers(text: str) -> tuple[Floats, Ints, Odd]:
    """(table, number of the line of each row, lines that are none). All at once where nothing is odd about them."""
    first, _, rest = text.partition("\n")
    has_header = first.lower().startswith(("open_time", '"open_time', "open time", "opentime"))
    body = rest if has_header else text
    with suppress(ValueError):
        if body.strip():
            table = np.loadtxt(io.StringIO(body), delimiter=",", dtype=np.float64, ndmin=2, comments=None)
            if table.shape[1] == KLINE_COLUMNS and "\n\n" not in body:
                return table, np.arange(len(table), dtype=np.int64) + 1 + has_header, []
    return _numbers_by_line(text)


def _numbers_by_line(text: str) -> tuple[Floats, Ints, Odd]:
    rows: list[list[float]] = []
    lines: list[int] = []
    odd: Odd = []
    for number, cells in _cells(text):
        if cells[0].strip().lower().replace(" ", "_") in ("open_time", "opentime"):
            continue
        if len(cells) != KLINE_COLUMNS:
            odd.append((number, _wrong_length(cells, KLINE_COLUMNS)))
            continue
        try:
            rows.append([_number(cell) for cell in cells])
            lines.append(number)
        except ValueError:
            odd.append((number, "a cell that is no number"))
    return np.array(rows, dtype=np.float64).reshape(-1, KLINE_COLUMNS), np.array(lines, dtype=np.int64), odd


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of each line that is not empty. Line by line, because these files have no cell of several lines:
    where a quotation mark is never closed, what follows is still data."""
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if line.strip():
            try:
                cells = next(csv.reader([line]))
            except csv.Error:
                cells = [line]  # longer than any row
            if any(cell.strip() for cell in cells):
                yield number, cells


def _number(cell: str) -> float:
    """Without what Python reads beside: `1_000`, digits of other scripts. Raises: ValueError."""
    if "_" in cell or not cell.isascii():
        raise ValueError(cell)
    return float(cell)


def _wrong_length(cells: Sequence[str], expected: int) -> str:
    return f"{len(cells)} column{'s' if len(cells) != 1 else ''} instead of {expected}"


def _unix_ms(stamps: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """Seconds, milliseconds, micro- and nanoseconds, mixed → ms, and which of them are a time at all."""
    finite = np.where(np.isfinite(stamps), stamps, 0.0)
    found = np.where(finite >= 1e17, finite / 1e6, np.where(finite >= 1e14, finite / 1e3, finite))
    found = np.where((found > 0) & (found < 1e11), found * 1e3, found)
    is_time = (found >= FIRST_MS) & (found < LAST_MS)
    return np.where(is_time, found, 0.0).astype(np.int64), is_time


def _metrics(text: str, symbol: str, source: Source, now_ms: int) -> tuple[OpenInterestColumns, Odd]:
    stamps: list[int] = []
    rows: list[list[float]] = []
    odd: Odd = []
    for number, cells in _cells(text):
        if cells[0].strip().lower() in ("create_time", "createtime"):
            continue
        if len(cells) != METRIC_COLUMNS:
            odd.append((number, _wrong_length(cells, METRIC_COLUMNS)))
            continue
        time_ms = _metric_ms(cells[0].strip())
        try:
            values = [_number(cell) if cell.strip() else math.nan for cell in cells[2:]]
        except ValueError:
            odd.append((number, "a cell that is no number"))
            continue
        if cells[1].strip().upper() not in (symbol, ""):
            odd.append((number, f"it is of {cells[1].strip()[:40]}"))
        elif time_ms is None:
            odd.append((number, f"{cells[0][:40]!r} is no time"))
        elif time_ms >= now_ms:
            odd.append((number, TO_COME))
        elif not 0.0 <= values[0] < math.inf:
            odd.append((number, "no open interest"))
        else:
            stamps.append(time_ms)
            rows.append(values)
    table = np.array(rows, dtype=np.float64).reshape(-1, METRIC_COLUMNS - 2)
    others = [np.where(np.isfinite(table[:, at]), table[:, at], np.nan) for at in range(1, METRIC_COLUMNS - 2)]
    return open_interest_columns(np.array(stamps, dtype=np.int64), table[:, 0], source, others), odd


def _fundings(text: str, source: Source, now_ms: int) -> tuple[FundingColumns, Odd]:
    """calc_time, funding_interval_hours, last_funding_rate."""
    rows: list[tuple[int, float, float]] = []
    odd: Odd = []
    for number, cells in _cells(text):
        if cells[0].strip().lower() in ("calc_time", "calctime"):
            continue
        if len(cells) != FUNDING_COLUMNS:
            odd.append((number, _wrong_length(cells, FUNDING_COLUMNS)))
            continue
        try:
            time, hours, rate = (_number(cell) for cell in cells)
        except ValueError:
            odd.append((number, "a cell that is no number"))
            continue
        stamps, is_time = _unix_ms(np.array([time]))
        time_ms = (int(stamps[0]) + STAMP_SLACK_MS) // MINUTE_MS * MINUTE_MS
        if not is_time[0]:
            odd.append((number, f"{cells[0][:40]!r} is no time"))
        elif time_ms >= now_ms:
            odd.append((number, TO_COME))
        elif not 0 < hours <= MOST_FUNDING_HOURS or not abs(rate) < 1:
            odd.append((number, "no rate of funding"))
        else:
            rows.append((time_ms, rate, hours))
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return funding_columns(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], source), odd


def _metric_ms(text: str) -> int | None:
    """The nearest 5 minutes where it is a second off, else the 5 minutes it lies in; UTC where it names no zone."""
    try:
        if text.replace(".", "", 1).isdigit():
            found, is_time = _unix_ms(np.array([_number(text)]))
            time_ms = int(found[0]) if is_time[0] else None
        elif len(text) <= len("2025-02-01"):
            return None
        else:
            moment = datetime.fromisoformat(text)
            time_ms = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except ValueError:
        return None
    if time_ms is None or not FIRST_MS <= time_ms < LAST_MS:
        return None
    return (time_ms + STAMP_SLACK_MS) // FIVE_MINUTES_MS * FIVE_MINUTES_MS
