"""The store of history: one compressed columnar file per symbol, month and series.

A file is a numpy `.npz` (a zip of arrays), because the program has numpy anyway and needs nothing else to read it, a
single column can be read without the others, every column has its own check sum, and anybody can open it. Parquet and
its like would bring a library ten times as large as the rest. What makes it small and fast is what is put in: numbers
of an archive are decimals, so each column is kept as whole numbers of its last decimal place, prices as differences
(close to close before it, open to close before it, how far high and low reach beyond open and close), in the smallest
integers they fit into. Reading divides by a power of ten, which gives exactly the double that the text would have
given. A column whose numbers are not such decimals is kept as doubles.

Beside the columns stands what was read for them: the name of each archive file with its sha256 and whether that was the
published one, so that a fetch goes on where it stopped and a re-issued file is noticed.

Writing merges: nothing stored is lost, a better source replaces a worse one (`columns.Source`). A file is replaced
atomically, under a lock that other processes respect, so the running monitor may record into what a fetch fills.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote, unquote

import msgspec
import numpy as np
from numpy.typing import NDArray

from altmonitor.core.errors import StorageError
from altmonitor.core.files import write_atomically
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import (
    CandleColumns,
    Columns,
    Floats,
    FundingColumns,
    Ints,
    OpenInterestColumns,
    between,
    merged,
    month_after,
    month_begin_ms,
    months_of,
    no_candles,
    no_funding,
    no_open_interest,
    places_of,
    taken,
)
from altmonitor.replay.npz import NpzArrays

SeriesName = Literal["klines", "oi", "funding"]
EVERY_SERIES: Final[tuple[SeriesName, ...]] = ("klines", "oi", "funding")
VERSION: Final = 1
DEFLATE_LEVEL: Final = 6
WORTH_DEFLATING: Final = 0.7
SAMPLE_BYTES: Final = 16_384
PRICES: Final = ("open", "high", "low", "close")
_LEFT_OUT: Final = ("volume", "taker_quote_usdt", "trades", "source")
LOCK_NAME: Final = ".lock"
DAMAGED: Final = ".damaged"


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read into a month. is_flagged: its sha256 was not the published one, twice."""

    name: str
    sha256: str
    rows: int
    is_flagged: bool = False


class StoredMonth(msgspec.Struct, frozen=True, kw_only=True):
    """What one file of the store says of itself. first_ms, last_ms: of its rows. digest: of its columns."""

    symbol: str
    series: SeriesName
    month: str
    rows: int
    first_ms: int
    last_ms: int
    digest: str
    inputs: tuple[InputFile, ...] = ()
    size_bytes: int = 0


class Added(NamedTuple):
    """new: rows of moments that were not known. changed: known ones whose numbers are other ones now."""

    new: int
    changed: int


class StoreDamaged(StorageError):
    """A file of the store that cannot be read; `str()` names it in one line."""


class HistoryStore:
    """root: the folder, made when something is added. Thread-safe across processes, each call by itself."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # --- reading

    def symbols(self) -> list[str]:
        """In alphabetical order."""
        if not self.root.is_dir():
            return []
        return sorted(unquote(path.name) for path in self.root.iterdir() if path.is_dir() and path.name[0] != ".")

    def months(self, symbol: str, series: SeriesName = "klines") -> list[str]:
        """Oldest → newest."""
        return sorted(path.name.partition(".")[0] for path in self._folder(symbol).glob(f"*.{series}.npz"))

    def month(self, symbol: str, month: str, series: SeriesName = "klines") -> StoredMonth | None:
        """What is known of a file without reading its columns; None where there is none. Raises: StoreDamaged."""
        path = self._file(symbol, month, series)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return None
        with _opened(path) as file:
            return msgspec.structs.replace(_about(file), size_bytes=size)

    def candles(self, symbol: str, from_ms: int, to_ms: int, *, is_whole: bool = True) -> CandleColumns:
        """Those that open in [from_ms, to_ms). is_whole: False for prices and quote volume alone, which reads twice as
        fast; the other columns are 0 then. Raises: StoreDamaged."""
        return self._read(symbol, "klines", from_ms, to_ms, no_candles(), () if is_whole else _LEFT_OUT)

    def open_interest(self, symbol: str, from_ms: int, to_ms: int) -> OpenInterestColumns:
        """Raises: StoreDamaged."""
        return self._read(symbol, "oi", from_ms, to_ms, no_open_interest())

    def funding(self, symbol: str, from_ms: int, to_ms: int) -> FundingColumns:
        """Raises: StoreDamaged."""
        return self._read(symbol, "funding", from_ms, to_ms, no_funding())

    def span(self, symbol: str, series: SeriesName = "klines") -> tuple[int, int] | None:
        """(first, last) moment that is stored, unix ms; None without any. Raises: StoreDamaged."""
        months = self.months(symbol, series)
        ends = [self.month(symbol, month, series) for month in (months[:1] + months[-1:])]
        known = [one for one in ends if one is not None]
        return (known[0].first_ms, known[-1].last_ms) if known else None

    def _read(
        self, symbol: str, series: SeriesName, from_ms: int, to_ms: int, empty: Columns, left_out: Sequence[str] = ()
    ) -> Columns:
        parts = [empty]
        for month in self.months(symbol, series):
            if month_begin_ms(month) < to_ms and month_begin_ms(month_after(month)) > from_ms:
                with _opened(self._file(symbol, month, series)) as file:
                    parts.append(_decoded(file, empty, left_out))
        whole = merged(parts[1:] or parts)
        return between(whole, from_ms, to_ms)

    # --- writing

    def add(
        self,
        symbol: str,
        series: SeriesName,
        columns: Columns,
        *,
        inputs: Mapping[str, Sequence[InputFile]] | None = None,
    ) -> Added:
        """Merge rows into what is stored. inputs: month → files that were read for it.

        A stored file that cannot be read is kept aside with the ending `.damaged`. Raises: OSError.
        """
        new = changed = 0
        rows = dict(months_of(columns.stamps))
        inputs = inputs or {}
        for month in sorted(rows.keys() | inputs.keys()):
            part = taken(columns, rows.get(month, slice(0, 0)))
            with self._locked():
                found = self._add_month(symbol, series, month, part, inputs.get(month, ()))
            new, changed = new + found.new, changed + found.changed
        return Added(new, changed)

    def _add_month(
        self, symbol: str, series: SeriesName, month: str, part: Columns, inputs: Sequence[InputFile]
    ) -> Added:
        path = self._file(symbol, month, series)
        before, known = taken(part, slice(0, 0)), tuple[InputFile, ...]()
        if path.exists():
            try:
                with _opened(path) as file:
                    before, known = _decoded(file, part), _about(file).inputs
            except StoreDamaged:
                os.replace(path, path.with_name(path.name + DAMAGED))
        whole = merged([before, part])
        names = {one.name for one in inputs}
        kept = tuple(one for one in known if one.name not in names) + tuple(inputs)
        if len(whole):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, _encoded(whole, symbol=symbol, series=series, month=month, inputs=kept))
        return Added(len(whole) - len(before), _changed(before, whole))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / LOCK_NAME).open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _folder(self, symbol: str) -> Path:
        """Names of contracts are opaque text: what a file system could misread is percent-encoded."""
        return self.root / quote(symbol, safe="").replace(".", "%2E")

    def _file(self, symbol: str, month: str, series: SeriesName) -> Path:
        return self._folder(symbol) / f"{month}.{series}.npz"


def _changed(before: Columns, whole: Columns) -> int:
    """Rows of `before` whose numbers are other ones in `whole`; it holds all their moments."""
    if not len(before):
        return 0
    now = taken(whole, np.searchsorted(whole.stamps, before.stamps))
    is_other = np.zeros(len(before), dtype=bool)
    for one in fields(before):
        if one.name not in ("source", "decimals"):
            left, right = getattr(before, one.name), getattr(now, one.name)
            is_other |= (left != right) & ~((left != left) & (right != right))  # NaN is NaN
    return int(is_other.sum())


# ---
# One file.


READING_PROBLEMS = (
    *(OSError, ValueError, LookupError, TypeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, msgspec.MsgspecError),
)
"""What reading a damaged file raises."""


NO_FILE: Final = "it is no file of this store"


def unreadable(path: Path, problem: Exception) -> str:
    """For a person. What is no file of numpy's at all, numpy takes for something that one might trust."""
    return f"{path} cannot be read: {NO_FILE if 'pickled' in str(problem) else problem}"


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Raises: StoreDamaged, also for what is found while it is read."""
    try:
        with path.open("rb") as handle:
            if handle.read(2) != b"PK":
                raise ValueError(NO_FILE)
            with zipfile.ZipFile(handle) as packed:
                yield NpzArrays(packed)
    except READING_PROBLEMS as problem:
        raise StoreDamaged(unreadable(path, problem)) from problem


def _about(file: Mapping[str, NDArray[Any]]) -> StoredMonth:
    return msgspec.json.decode(file["about"].tobytes(), type=StoredMonth)


def _encoded(columns: Columns, *, symbol: str, series: SeriesName, month: str, inputs: tuple[InputFile, ...]) -> bytes:
    is_klines = isinstance(columns, CandleColumns)
    unit_ms = MINUTE_MS if is_klines else 1
    stamps = (columns.stamps - month_begin_ms(month)) // unit_ms
    arrays: dict[str, NDArray[Any]] = {"stamps": _small(np.diff(stamps, prepend=0))}
    others = [one.name for one in fields(columns) if one.name != "decimals"][1:]
    if isinstance(columns, CandleColumns):
        prices = _price_arrays(columns)
        if prices is not None:
            arrays |= prices
            others = [name for name in others if name not in PRICES]
    for name in others:
        arrays |= _packed(name, getattr(columns, name))
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name}:{array.dtype}".encode())
        digest.update(array.tobytes())
    about = StoredMonth(
        symbol=symbol,
        series=series,
        month=month,
        rows=len(columns),
        first_ms=int(columns.stamps[0]),
        last_ms=int(columns.stamps[-1]),
        digest=digest.hexdigest()[:16],
        inputs=inputs,
    )
    arrays["about"] = np.frombuffer(msgspec.json.encode(about), dtype=np.uint8)
    arrays["version"] = np.array(VERSION)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, array in arrays.items():
            _write(packed, name, array)
    return content.getvalue()


def _write(packed: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """Deflated where that saves enough: unpacking what is nearly random costs more than reading it."""
    raw = io.BytesIO()
    np.lib.format.write_array(raw, array, allow_pickle=False)
    content = raw.getvalue()
    sample = content[:SAMPLE_BYTES]  # packing all of it to see how far it shrinks would take as long as packing it
    is_worth_it = len(zlib.compress(sample, DEFLATE_LEVEL)) < len(sample) * WORTH_DEFLATING
    kind = zipfile.ZIP_DEFLATED if is_worth_it else zipfile.ZIP_STORED
    packed.writestr(zipfile.ZipInfo(f"{name}.npy"), content, compress_type=kind, compresslevel=DEFLATE_LEVEL)


def _decoded(file: Mapping[str, NDArray[Any]], like: Columns, left_out: Sequence[str] = ()) -> Columns:
    if int(file["version"]) != VERSION:
        raise ValueError(f"it has version {int(file['version'])}, known is {VERSION}")
    about = _about(file)
    unit_ms = MINUTE_MS if isinstance(like, CandleColumns) else 1
    stamps = np.cumsum(file["stamps"], dtype=np.int64) * unit_ms + month_begin_ms(about.month)
    names = [one.name for one in fields(like)]
    found: dict[str, NDArray[Any]] = {names[0]: stamps}
    if "prices" in file:
        found |= _prices(file)
    if isinstance(like, CandleColumns):
        found["decimals"] = np.full(about.rows, int(file["prices"]) if "prices" in file else -1, dtype=np.int64)
    for name in names[1:]:
        if name in left_out:
            found[name] = np.zeros(about.rows, dtype=getattr(like, name).dtype)
        elif name not in found:
            values = _unpacked(file, name)
            found[name] = values.astype(np.int64) if name in ("trades", "source") else values
    if {len(column) for column in found.values()} != {about.rows}:
        raise ValueError("its columns do not fit together")
    return type(like)(**found)


def _price_arrays(candles: CandleColumns) -> dict[str, NDArray[Any]] | None:
    """None where the four prices are no decimals of few places."""
    table = np.concatenate([getattr(candles, name) for name in PRICES])
    decimals = places_of(table)
    if decimals < 0:
        return None
    ticks = np.rint(table * 10.0**decimals).astype(np.int64).reshape(4, -1)
    opened, high, low, close = ticks
    before = np.concatenate([close[:1] * 0, close[:-1]])
    return {
        "prices": np.array(decimals),
        "close": _small(close - before),
        "open": _small(opened - before),
        "high": _small(high - np.maximum(opened, close)),
        "low": _small(np.minimum(opened, close) - low),
    }


def _prices(file: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    scale = 10.0 ** int(file["prices"])
    close = np.cumsum(file["close"], dtype=np.int64)
    opened = file["open"].astype(np.int64)
    opened[1:] += close[:-1]
    high = np.maximum(opened, close) + file["high"]
    low = np.minimum(opened, close) - file["low"]
    return {"open": opened / scale, "high": high / scale, "low": low / scale, "close": close / scale}


def _packed(name: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    if values.dtype == np.int64:
        return {name: _small(values)}
    decimals = places_of(values)
    if decimals < 0:
        return {name: values}
    return {name: _small(np.rint(values * 10.0**decimals).astype(np.int64)), f"{name}_decimals": np.array(decimals)}


def _unpacked(file: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    values = file[name]
    if f"{name}_decimals" not in file:
        return values
    plain: Floats = values / 10.0 ** int(file[f"{name}_decimals"])
    return plain


def _small(values: Ints) -> NDArray[Any]:
    """In the smallest integers that hold all of them."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    kind = next(
        kind
        for kind in (np.int8, np.int16, np.int32, np.int64)
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max
    )
    return values.astype(kind)
