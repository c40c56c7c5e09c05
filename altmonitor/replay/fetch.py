"""The exchange's archive → the store: monthly and daily files, what is younger from REST. Goes on where it stopped."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote, unquote

import numpy as np

from altmonitor.core.archive_files import ArchiveFileError
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeError, ExchangeUnreachable, RegionBlocked, UnknownSymbol
from altmonitor.exchanges.rest.guard import RestAnswer
from altmonitor.exchanges.rest.refusal import retry_after_s
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.archive_csv import read_archive_file
from altmonitor.replay.columns import Source, merged, month_after, month_begin_ms
from altmonitor.replay.fetch_recent import AnyColumns, RecentRest
from altmonitor.replay.store import Added, HistoryStore, InputFile, SeriesName, StoreDamaged

DAY_MS: Final = 86_400_000
FOLDER: Final = "/data/futures/um"
WORTH_A_MONTH: Final = 8
"""So many days of a month that is over are asked for as its one file."""
RECENT_DAYS: Final = 3
"""Days so young may not lie in the archive yet; the exchange's REST knows them."""
ATTEMPTS: Final = 4
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
_SHA256: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.IGNORECASE)


class ArchiveSilent(ExchangeUnreachable):
    """It answers nothing at all: the fetch ends, for a year of every contract would be hours of trying."""


class ArchiveHttp(Protocol):
    async def send(self, target: str) -> RestAnswer:
        """target: path, percent-encoded. Raises: ExchangeUnreachable, BadAnswer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchDeps:
    """on_progress(done, total): parts of the work, each a symbol's month of one series. parallel: files at once."""

    store: HistoryStore
    archive: ArchiveHttp
    recent: RecentRest
    clock: Clock
    on_progress: Callable[[int, int], None]
    parallel: int = 6


class MissingDays(NamedTuple):
    """Days (as `2025-02-03`) that neither the archive nor REST has."""

    symbol: str
    series: SeriesName
    first: str
    last: str
    days: int


@dataclass(slots=True, kw_only=True)
class FetchReport:
    """files: read from the archive. new, changed: rows of the store. kept: files, or days, that were there already.
    flagged: files whose sha256 is not the published one. problems: of files and rows, and what could not be had."""

    files: int = 0
    kept: int = 0
    new: int = 0
    changed: int = 0
    flagged: list[str] = field(default_factory=list)
    missing: list[MissingDays] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class _Part(NamedTuple):
    symbol: str
    series: SeriesName
    month: str
    days: tuple[str, ...]


class ArchiveFetch:
    """is_recheck: ask again whether files that are there were re-issued, and fetch those that were."""

    def __init__(self, deps: FetchDeps, *, is_recheck: bool = False) -> None:
        self._at = deps
        self._is_recheck = is_recheck
        self._turns = asyncio.Semaphore(deps.parallel)
        self._pause_until_s = -math.inf
        self._silent = 0  # files in a row of which there was no answer whatever
        self._has_answered = False
        self._report = FetchReport()
        self._missing: dict[tuple[str, SeriesName], list[str]] = {}

    async def run(
        self, symbols: Sequence[str], series: Sequence[SeriesName], *, first_day: str, last_day: str
    ) -> FetchReport:
        """Days inclusive, UTC. Whatever ends it early, what was read until then is stored.

        Raises: RegionBlocked where the archive does not answer people from here; ArchiveSilent; OSError when the store
        refuses.
        """
        parts = list(_parts(symbols, series, first_day, last_day))
        done = 0
        waiting = iter(parts)

        async def work() -> None:
            nonlocal done
            for part in waiting:
                await self._fetch_part(part)
                done += 1
                self._at.on_progress(done, len(parts))

        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(min(self._at.parallel, len(parts))):
                    tasks.create_task(work(), name=f"archive {number}")
        except* (RegionBlocked, ArchiveSilent) as group:
            raise group.exceptions[0] from None
        except* OSError as problems:
            raise problems.exceptions[0] from None
        self._report.missing = sorted(_runs(self._missing))
        return self._report

    # --- one symbol's month of one series

    async def _fetch_part(self, part: _Part) -> None:
        batch = _Batch(part)
        try:
            known = self._known(part)
            left = await self._fetch_month(part, batch, known)
            for day in left:
                await self._fetch_day(part, day, batch, known)
        finally:  # also when it is stopped: what was read is kept
            if batch.inputs or batch.columns:
                added = await asyncio.shield(asyncio.to_thread(batch.put, self._at.store))
                self._report.new += added.new
                self._report.changed += added.changed

    def _known(self, part: _Part) -> dict[str, InputFile]:
        try:
            stored = self._at.store.month(part.symbol, part.month, part.series)
        except StoreDamaged as problem:
            self._report.problems.append(f"{problem}: fetched anew")
            return {}
        return {} if stored is None else {one.name: one for one in stored.inputs}

    async def _fetch_month(self, part: _Part, batch: _Batch, known: dict[str, InputFile]) -> tuple[str, ...]:
        """Days that are left to fetch one by one."""
        if part.series == "oi":  # those lie there by the day alone
            return part.days
        if part.series == "funding":
            await self._fetch_funding(part, batch, known)
            return ()
        name = f"{part.symbol}-1m-{part.month}.zip"
        is_over = month_begin_ms(month_after(part.month)) <= self._at.clock.now_ms()
        if name in known and not self._is_recheck:
            self._report.kept += 1
            return ()
        days = tuple(day for day in part.days if self._is_recheck or not self._has_day(part, day, known))
        self._report.kept += len(part.days) - len(days)
        is_worth_it = is_over and (name in known or len(days) >= WORTH_A_MONTH)
        folder = f"monthly/klines/{_quoted(part.symbol)}/1m"
        return () if is_worth_it and await self._fetch_file(folder, name, batch, known) else days

    async def _fetch_funding(self, part: _Part, batch: _Batch, known: dict[str, InputFile]) -> None:
        """Rates lie there by the month alone, once it is over; until then the exchange's REST has them."""
        name = f"{part.symbol}-fundingRate-{part.month}.zip"
        if name in known and not self._is_recheck:
            self._report.kept += 1
            return
        end_ms, now_ms = month_begin_ms(month_after(part.month)), self._at.clock.now_ms()
        folder = f"monthly/fundingRate/{_quoted(part.symbol)}"
        if end_ms <= now_ms and await self._fetch_file(folder, name, batch, known):
            return
        if not await self._fetch_recent(part, _day_ms(part.days[0]), min(end_ms, now_ms), batch):
            self._missing.setdefault((part.symbol, part.series), []).extend(part.days)

    async def _fetch_day(self, part: _Part, day: str, batch: _Batch, known: dict[str, InputFile]) -> None:
        is_klines = part.series == "klines"
        name = f"{part.symbol}-{'1m' if is_klines else 'metrics'}-{day}.zip"
        folder = f"daily/klines/{_quoted(part.symbol)}/1m" if is_klines else f"daily/metrics/{_quoted(part.symbol)}"
        if name in known and not self._is_recheck:
            self._report.kept += 1
            return
        now_ms, begin_ms = self._at.clock.now_ms(), _day_ms(day)
        is_over = begin_ms + DAY_MS <= now_ms
        if is_over and await self._fetch_file(folder, name, batch, known):
            return
        end_ms = min(begin_ms + DAY_MS, now_ms // MINUTE_MS * MINUTE_MS)
        if begin_ms > now_ms - RECENT_DAYS * DAY_MS and await self._fetch_recent(part, begin_ms, end_ms, batch):
            return
        if begin_ms < now_ms:
            self._missing.setdefault((part.symbol, part.series), []).append(day)

    def _has_day(self, part: _Part, day: str, known: dict[str, InputFile]) -> bool:
        """It was read from a file, or every minute of it is there from elsewhere."""
        if f"{part.symbol}-1m-{day}.zip" in known:
            return True
        begin_ms = _day_ms(day)
        try:
            return len(self._at.store.candles(part.symbol, begin_ms, begin_ms + DAY_MS, is_whole=False)) == 1_440
        except StoreDamaged:
            return False

    # --- one file

    async def _fetch_file(self, folder: str, name: str, batch: _Batch, known: dict[str, InputFile]) -> bool:
        """False where there is none. What is wrong with it is reported, and does not end the rest."""
        path = f"{FOLDER}/{folder}/{quote(name, safe='')}"
        try:
            published = await self._published(path)
            if name in known and published in (None, known[name].sha256):
                self._report.kept += 1
                return True
            content = await self._get(path)
            if content is None:
                return False
            digest = hashlib.sha256(content).hexdigest()
            if published is not None and digest != published:  # once more: wrong twice is wrong for good
                published, again = await self._published(path), await self._get(path)
                content = again if again is not None else content
                digest = hashlib.sha256(content).hexdigest()
        except (RegionBlocked, ArchiveSilent):
            raise
        except ExchangeError as problem:
            self._report.problems.append(f"{name}: {problem}")
            return True
        is_flagged = published is not None and digest != published
        try:
            read = await asyncio.to_thread(read_archive_file, name, content, source=Source.ARCHIVE)
        except ArchiveFileError as problem:
            self._report.problems.append(f"{name}: {problem}")
            return True
        if is_flagged:
            self._report.flagged.append(name)
        self._report.problems += [str(one) for one in read.problems]
        self._report.files += 1
        batch.take(read.columns, InputFile(name=name, sha256=digest, rows=len(read.columns), is_flagged=is_flagged))
        return True

    async def _published(self, path: str) -> str | None:
        """The sha256 that the archive names; None where it has no such file, empty where that names none."""
        content = await self._get(f"{path}.CHECKSUM")
        return None if content is None else published_sha256(content, unquote(path).rpartition("/")[2])

    async def _get(self, path: str) -> bytes | None:
        """None for 404. A refusal makes everybody wait. Raises: ExchangeError."""
        pause_s, said, answer = FIRST_PAUSE_S, "", None
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._at.clock.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 3)
            async with self._turns:
                await self._wait()
                try:
                    answer = await self._at.archive.send(path)
                except (ExchangeUnreachable, BadAnswer) as problem:
                    said = str(problem)
                    answer = None
            if answer is None:
                continue
            self._has_answered, self._silent = True, 0
            if answer.status in (200, 404):
                return answer.body if answer.status == 200 else None
            said = f"HTTP {answer.status}"
            if answer.status == 451:
                raise RegionBlocked(
                    "the archive does not answer from here (HTTP 451)", until_ms=self._at.clock.now_ms() + DAY_MS
                )
            if answer.status in (418, 429, 403, 503):
                asked_s = retry_after_s(answer.headers, exchange_ms=self._at.clock.now_ms())
                wait_s = min(LONGEST_PAUSE_S, asked_s or pause_s)
                self._pause_until_s = max(self._pause_until_s, self._at.clock.monotonic() + wait_s)
        if answer is None:
            self._silent += 1
            if not self._has_answered or self._silent > 2 * self._at.parallel:
                raise ArchiveSilent(
                    f"the archive does not answer ({said}): is BINANCE_ARCHIVE_URL right? What was read until then is "
                    "kept, and the next run goes on from there"
                )
        raise ExchangeUnreachable(f"{said}, asked {ATTEMPTS} times: run it again later")

    async def _wait(self) -> None:
        left_s = self._pause_until_s - self._at.clock.monotonic()
        if left_s > 0:
            await self._at.clock.sleep(left_s)

    # --- what is too young for the archive

    async def _fetch_recent(self, part: _Part, begin_ms: int, end_ms: int, batch: _Batch) -> bool:
        """[begin_ms, end_ms). False where the exchange has nothing either."""
        try:
            columns = await self._at.recent.columns(part.symbol, part.series, begin_ms, end_ms - 1)
        except UnknownSymbol:
            return False
        except RegionBlocked:
            raise
        except ExchangeError as problem:
            self._report.problems.append(f"{part.symbol} of {part.month} over REST: {problem}")
            return True
        batch.take(columns, None)
        return len(columns) > 0


class _Batch:
    """What was read of a part; written at once, so that a month of daily files is one rewrite."""

    def __init__(self, part: _Part) -> None:
        self._part = part
        self.columns: list[Any] = []  # all of the one kind that the series has
        self.inputs: list[InputFile] = []

    def take(self, columns: AnyColumns, read: InputFile | None) -> None:
        if len(columns):
            self.columns.append(columns)
        if read is not None:
            self.inputs.append(read)

    def put(self, store: HistoryStore) -> Added:
        """Raises: OSError."""
        if not self.columns:
            return Added(0, 0)
        inputs = {self._part.month: self.inputs}
        return store.add(self._part.symbol, self._part.series, merged(self.columns), inputs=inputs)


def _parts(symbols: Sequence[str], series: Sequence[SeriesName], first_day: str, last_day: str) -> Iterator[_Part]:
    """Month by month, so that a fetch that is stopped has the same time of every symbol."""
    days = [str(day) for day in np.arange(np.datetime64(first_day), np.datetime64(last_day) + 1)]
    for month, of_month in [(month, tuple(group)) for month, group in groupby(days, key=lambda day: day[:7])]:
        for symbol in symbols:
            for one in series:
                yield _Part(symbol, one, month, of_month)


def published_sha256(content: bytes, name: str) -> str:
    """As any tool writes it, of several files that of the one with this name; empty where there is none."""
    lines = content.decode("utf-8", "replace").splitlines()
    found = [match[0].lower() for line in lines if name in line and (match := _SHA256.search(line))]
    found = found or [match[0].lower() for line in lines if (match := _SHA256.search(line))]
    return found[0] if found else ""


def _runs(missing: dict[tuple[str, SeriesName], list[str]]) -> Iterator[MissingDays]:
    for (symbol, series), days in missing.items():
        run: list[str] = []
        for day in sorted(days):
            if run and np.datetime64(day) - np.datetime64(run[-1]) > np.timedelta64(1, "D"):
                yield MissingDays(symbol, series, run[0], run[-1], len(run))
                run = []
            run.append(day)
        yield MissingDays(symbol, series, run[0], run[-1], len(run))


def _day_ms(day: str) -> int:
    return int(np.datetime64(day, "ms").astype(np.int64))


def _quoted(symbol: str) -> str:
    return quote(symbol, safe="")
