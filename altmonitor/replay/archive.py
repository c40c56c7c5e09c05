"""What a person does with the store beside fetching: take in files that are there already, and see what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from altmonitor.core.archive_files import LONGEST_TEXT, ArchiveFileError
from altmonitor.core.files import read_regular
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.archive_csv import LAST_MS, ArchiveFile, read_archive_file
from altmonitor.replay.columns import CandleColumns, FundingColumns, Hole, OpenInterestColumns, Source, holes, months_of
from altmonitor.replay.store import EVERY_SERIES, HistoryStore, InputFile, SeriesName, StoreDamaged

ENDINGS: Final = (".csv", ".csv.gz", ".zip")
SERIES_OF: Final[Mapping[type, SeriesName]] = {
    CandleColumns: "klines",
    OpenInterestColumns: "oi",
    FundingColumns: "funding",
}


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """files: read. new, changed: rows of the store; changed are those that a file had otherwise. problems: files and
    rows that were left out, one line each."""

    files: int = 0
    new: int = 0
    changed: int = 0
    problems: list[str] = field(default_factory=list)


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and in folders those that may be archive files, in the order of their names."""
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file())
            yield from (one for one in inside if one.name.lower().endswith(ENDINGS))
        else:
            yield path


def import_files(
    store: HistoryStore,
    paths: Sequence[Path],
    *,
    now_ms: int = LAST_MS,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Take in files named as the exchange names them. What is wrong with one does not keep the others out. now_ms: rows
    of later minutes are no data.

    Raises: OSError when the store cannot be written.
    """
    report = ImportReport()
    files = list(files_in(paths))
    if not files:
        report.problems.append("no .csv, .csv.gz or .zip there")
    for number, file in enumerate(files, 1):
        read = _read(file, report, now_ms)
        if read is not None:
            report.files += 1
            report.problems += [str(problem) for problem in read.problems]
            columns: Any = read.columns
            series: SeriesName = SERIES_OF[type(columns)]
            rows = {month: len(columns.stamps[of]) for month, of in months_of(columns.stamps)}
            inputs = {month: [InputFile(name=f"import:{file.name}", sha256="", rows=n)] for month, n in rows.items()}
            added = store.add(read.symbol, series, columns, inputs=inputs)
            report.new, report.changed = report.new + added.new, report.changed + added.changed
        on_progress(number, len(files))
    return report


def _content(file: Path) -> bytes:
    """Raises: OSError, ArchiveFileError for what would fill the memory."""
    if file.stat().st_size > LONGEST_TEXT:
        raise ArchiveFileError(f"more than {LONGEST_TEXT >> 20} MB")
    return read_regular(file)


def _read(file: Path, report: ImportReport, now_ms: int) -> ArchiveFile | None:
    try:
        return read_archive_file(file.name, _content(file), source=Source.IMPORTED, now_ms=now_ms)
    except ArchiveFileError as problem:
        report.problems.append(f"{file.name}: {problem}")
    except OSError as problem:
        report.problems.append(f"{file}: {problem.strerror or problem}")
    return None


# ---


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSeries:
    """What the store holds of one symbol. missing_minutes: between the first and the last candle, 0 for other series.
    other_coins: holes after which another coin bears the name. problems: files that cannot be read."""

    symbol: str
    series: SeriesName
    first_ms: int
    last_ms: int
    rows: int
    missing_minutes: int
    size_bytes: int
    flagged: tuple[str, ...]
    other_coins: tuple[Hole, ...]
    problems: tuple[str, ...]


def listed(store: HistoryStore, symbols: Sequence[str] = ()) -> Iterator[ListedSeries]:
    """In alphabetical order; symbols: these alone, empty for all."""
    for symbol in symbols or store.symbols():
        for series in EVERY_SERIES:
            found = _listed(store, symbol, series)
            if found is not None:
                yield found


def _listed(store: HistoryStore, symbol: str, series: SeriesName) -> ListedSeries | None:
    months, problems = [], []
    for month in store.months(symbol, series):
        try:
            stored = store.month(symbol, month, series)
        except StoreDamaged as problem:
            problems.append(str(problem))
            continue
        if stored is not None:
            months.append(stored)
    if not months and not problems:
        return None
    first_ms, last_ms = (months[0].first_ms, months[-1].last_ms) if months else (0, 0)
    rows = sum(one.rows for one in months)
    minutes = (last_ms - first_ms) // MINUTE_MS + 1 if months else 0
    is_whole = series != "klines" or rows == minutes or problems
    return ListedSeries(
        symbol=symbol,
        series=series,
        first_ms=first_ms,
        last_ms=last_ms,
        rows=rows,
        missing_minutes=minutes - rows if series == "klines" else 0,
        size_bytes=sum(one.size_bytes for one in months),
        flagged=tuple(read.name for one in months for read in one.inputs if read.is_flagged),
        other_coins=()
        if is_whole
        else tuple(
            hole for hole in holes(store.candles(symbol, first_ms, last_ms + 1, is_whole=False)) if hole.is_another_coin
        ),
        problems=tuple(problems),
    )
