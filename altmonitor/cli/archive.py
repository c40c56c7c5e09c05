"""`altmonitor archive`: past days fetched, taken in from files, and listed."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from rich.console import RenderableType

from altmonitor.app.positioning import positioning_deps
from altmonitor.cli.common import DONE, FAILED, Answer, Session, print_answer, run_until_signal
from altmonitor.cli.progress import bars, terminal_console
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ConfigError, StartError, StorageError
from altmonitor.core.supervisor import unless
from altmonitor.exchanges.rest.client import HttpGet
from altmonitor.market.contracts import is_watched
from altmonitor.render.tables import table
from altmonitor.replay.archive import ImportReport, ListedSeries, import_files, listed
from altmonitor.replay.columns import Hole
from altmonitor.replay.fetch import ArchiveFetch, FetchDeps, FetchReport
from altmonitor.replay.fetch_recent import RecentRest
from altmonitor.replay.history_recorder import take_in_recorded
from altmonitor.replay.parquet import NoPolars, export_parquet
from altmonitor.replay.store import EVERY_SERIES, HistoryStore
from altmonitor.settings.input import find

FILE_WITHIN_S: Final = 120.0
LINE_EVERY_S: Final = 10.0
MOST_SHOWN: Final = 20
FIRST_DAY: Final = "2009-01-01"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchChoices:
    """Options of `altmonitor archive fetch`; see its help."""

    symbols: str
    from_day: str
    to_day: str | None
    series: str
    parallel: int
    recheck: bool
    as_json: bool


def fetch(session: Session, choices: FetchChoices) -> int:
    """Returns the exit code. Raises: ConfigError."""
    session.log_as("WARNING")
    today = _day_of(session.clock.now_ms())
    first = _day("--from", choices.from_day)
    last = _day("--to", choices.to_day) if choices.to_day else _day_of(session.clock.now_ms() - 86_400_000)
    if first < FIRST_DAY:
        raise ConfigError([f"--from {first}: there was no market before {FIRST_DAY}"])
    if not first <= last <= today:
        raise ConfigError([f"--from {first} --to {last}: an empty range, or days to come (today is {today}, UTC)"])
    reports: list[FetchReport] = []
    code = run_until_signal(lambda stop: _fetch(session, choices, (first, last), reports, stop))
    if code == DONE and reports:
        return max(code, _print_fetch(reports[0], as_json=choices.as_json))
    return code


async def _fetch(
    session: Session, choices: FetchChoices, days: tuple[str, str], reports: list[FetchReport], stop: asyncio.Event
) -> None:
    """Until it is done or stopped. Raises: StartError."""
    progress = ArchiveProgress("archive", clock=session.clock)
    report = await unless(stop, fetch_report(session, choices, days, progress), name="archive fetch")
    if report is not None:
        reports.append(report)


async def fetch_report(
    session: Session, choices: FetchChoices, days: tuple[str, str], progress: ArchiveProgress
) -> FetchReport:
    """days: first and last. Raises: StartError when the store cannot be written, ExchangeError without contracts."""
    config, clock = session.config, session.clock
    archive = HttpGet(
        config.binance_archive_url, clock=clock, trust_env=True, sockets=choices.parallel, within_s=FILE_WITHIN_S
    )
    await archive.start()
    try:
        async with positioning_deps(config, clock=clock) as parts:
            symbols = symbols_named(choices.symbols)
            if symbols is None:
                symbols = sorted(one.symbol for one in await parts.rest.contracts() if is_watched(one, tradfi=False))
            deps = FetchDeps(
                store=store_of(session),
                archive=archive,
                recent=RecentRest(candles=parts.rest, open_interest=parts.positioning, funding=parts.rest),
                clock=clock,
                on_progress=progress.show,
                parallel=choices.parallel,
            )
            asked = tuple(
                one
                for one in EVERY_SERIES
                if choices.series in (one, "all") or (choices.series == "both" and one != "funding")
            )
            fetch = ArchiveFetch(deps, is_recheck=choices.recheck)
            return await fetch.run(symbols, asked, first_day=days[0], last_day=days[1])
    except OSError as problem:
        raise StartError(f"{config.archive_dir} cannot be written: {problem.strerror or problem}") from problem
    finally:
        await archive.stop()


def _print_fetch(report: FetchReport, *, as_json: bool) -> int:
    lines = [
        f"{report.files} files read, {report.kept} were there; {report.new} rows are new, {report.changed} changed",
        *_shown([f"flagged (its sha256 is not the published one): {name}" for name in report.flagged]),
        *_shown(
            [
                f"missing: {one.symbol} {one.series} {one.first}" + (f" … {one.last}" if one.days > 1 else "")
                for one in report.missing
            ]
        ),
    ]
    values = asdict(report) | {"missing": [one._asdict() for one in report.missing]}
    print_answer(Answer(values=values, lines=lines), as_json=as_json)
    return _complain(report.problems)


def take_in(session: Session, *, paths: Sequence[Path], as_json: bool) -> int:
    """Returns the exit code. Raises: StartError."""
    progress = ArchiveProgress("import", clock=session.clock)
    try:
        report = import_files(
            HistoryStore(session.config.archive_dir), paths, now_ms=session.clock.now_ms(), on_progress=progress.show
        )
    except OSError as problem:
        raise StartError(f"{session.config.archive_dir} cannot be written: {problem.strerror or problem}") from problem
    line = f"{report.files} files read; {report.new} rows are new, {report.changed} changed"
    print_answer(Answer(values=_import_values(report), lines=[line]), as_json=as_json)
    return _complain(report.problems)


def _import_values(report: ImportReport) -> dict[str, object]:
    return asdict(report)


def show(session: Session, *, symbols: str, as_json: bool) -> int:
    """Returns the exit code."""
    store = store_of(session)
    take_in_recordings(store)
    names = symbols_stored(symbols, store)
    rows = list(listed(store, names))
    unknown = [name for name in names if name not in {row.symbol for row in rows}]
    if unknown:
        print(not_stored(unknown, store), file=sys.stderr)  # noqa: T201
        if not rows:
            return FAILED
    lines: list[RenderableType] = [f"{store.root} holds nothing yet: altmonitor archive fetch --from 2025-02-01"]
    if rows:
        lines = [_listed_table(rows), *(remark for row in rows for remark in _listed_remarks(row))]
    values = [
        asdict(row) | {"other_coins": [hole._asdict() | {"minutes": hole.minutes} for hole in row.other_coins]}
        for row in rows
    ]
    print_answer(Answer(values=values, lines=lines), as_json=as_json)
    return max(_complain([problem for row in rows for problem in row.problems]), FAILED if unknown else DONE)


def store_of(session: Session) -> HistoryStore:
    """Where past days lie. Raises: StorageError for what can be no folder."""
    path = session.config.archive_dir
    if os.path.lexists(path) and not path.is_dir():
        raise StorageError(f"ARCHIVE_DIR {path} is no folder")
    return HistoryStore(path)


def take_in_recordings(store: HistoryStore) -> None:
    """What the monitor has recorded. Raises: StartError."""
    try:
        for problem in take_in_recorded(store):
            print(problem, file=sys.stderr)  # noqa: T201
    except OSError as problem:
        raise StartError(f"{store.root} cannot be written: {problem.strerror or problem}") from problem


def _listed_table(rows: Sequence[ListedSeries]) -> RenderableType:
    columns = ("symbol", "series", "from", "to", "rows", "MB", "minutes missing")
    lines = [
        (
            row.symbol,
            row.series,
            *(_minute_of(ms) if row.rows else "" for ms in (row.first_ms, row.last_ms)),
            f"{row.rows:,}",
            f"{row.size_bytes / 1e6:.1f}",
            f"{row.missing_minutes:,}" if row.missing_minutes else "",
        )
        for row in rows
    ]
    return table(columns, lines, words=(0, 1, 2, 3), whole=range(6))


def _listed_remarks(row: ListedSeries) -> list[str]:
    flagged = [f"{row.symbol} {row.series}: flagged: {', '.join(row.flagged)}"] if row.flagged else []
    return [*flagged, *(f"{row.symbol}: {other_coin_line(row.symbol, hole)}" for hole in row.other_coins)]


def other_coin_line(symbol: str, hole: Hole) -> str:
    """For a person."""
    return (
        f"after a hole of {hole.minutes} minutes, from {_minute_of(hole.to_ms)} on, "
        f"the price has nothing to do with the one before: {symbol} is another coin then"
    )


def export(session: Session, *, symbols: str, into: Path, as_json: bool) -> int:
    """Returns the exit code. Raises: ConfigError, StorageError."""
    store = store_of(session)
    take_in_recordings(store)
    names = symbols_stored(symbols, store)
    unknown = [name for name in names if name not in store.symbols()]
    if unknown:
        raise StorageError(not_stored(unknown, store))
    files = rows = 0
    try:
        for _, count in export_parquet(store, names, into):
            files, rows = files + 1, rows + count
    except NoPolars:
        raise ConfigError(["Parquet needs polars: pip install 'altmonitor[history]'"]) from None
    except OSError as problem:
        raise StorageError(f"{into} cannot be written: {problem.strerror or problem}") from problem
    lines = [f"{files} files, {rows} rows in {into}"]
    return print_answer(Answer(values={"files": files, "rows": rows, "into": str(into)}, lines=lines), as_json=as_json)


def _complain(problems: Sequence[str]) -> int:
    """Returns the exit code."""
    for line in _shown(problems):
        print(line, file=sys.stderr)  # noqa: T201
    return FAILED if problems else DONE


def _shown(lines: Sequence[str]) -> list[str]:
    left = len(lines) - MOST_SHOWN
    return [*lines[:MOST_SHOWN], *([f"… and {left} more"] if left > 0 else [])]


def symbols_named(symbols: str) -> list[str] | None:
    """Of a list with commas; None for all."""
    names = [name.strip().upper() for name in symbols.split(",") if name.strip()]
    return None if [name.lower() for name in names] in (["all"], []) else list(dict.fromkeys(names))


def symbols_stored(symbols: str, store: HistoryStore) -> list[str]:
    """The same among those that are stored, `fil` for FILUSDT; a name that is not there stays as it was typed."""
    names, known = symbols_named(symbols), store.symbols()
    return known if names is None else [find(name, known) or name for name in names]


def not_stored(names: Sequence[str], store: HistoryStore) -> str:
    """For a person: contracts that were asked for by name."""
    shown = ", ".join(names[:MOST_SHOWN])
    asked = ",".join(name.lower() for name in names[:MOST_SHOWN])
    return f"{store.root} holds nothing of {shown}: altmonitor archive fetch --symbols {asked} --from 2025-02-01"


def _day(option: str, text: str) -> str:
    refusal = ConfigError([f"{option} {text!r} is not a day such as 2025-02-01"])
    if not _DAY.fullmatch(text):
        raise refusal
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise refusal from None


def _day_of(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).date().isoformat()


def _minute_of(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


# ---


class ArchiveProgress:
    """One bar on stderr, redrawn in place on a terminal; plain lines now and then otherwise."""

    def __init__(self, what: str, *, clock: Clock, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._what = what
        self._clock = clock
        self._begun_s = clock.monotonic()
        self._shown_s = self._begun_s
        console = terminal_console(self._out)
        self._bar = None if console is None else bars(console)
        self._task = None if self._bar is None else self._bar.add_task(what, left="")

    def show(self, done: int, total: int) -> None:
        now_s, is_over = self._clock.monotonic(), done >= total
        if not is_over and now_s - self._shown_s < (0.1 if self._bar is not None else LINE_EVERY_S):
            return
        self._shown_s = now_s
        left_s = (now_s - self._begun_s) / done * (total - done) if done else 0.0
        left = "done" if is_over else f"about {left_s:.0f} s left"
        if self._bar is None or self._task is None:
            percent = 100 * done // total if total else 100
            self._out.write(f"{self._what} {done}/{total} {percent} %  {left}\n")
            self._out.flush()
            return
        self._bar.start()
        self._bar.update(self._task, completed=done, total=max(1, total), left=left)
        self._bar.refresh()
        if is_over:
            self._bar.stop()
