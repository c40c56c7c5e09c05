"""`altmonitor track`: one sweep, or sweeps until a signal, into the file of snapshots."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, TextIO

import msgspec
from rich.console import Console
from rich.progress import TaskID

from altmonitor.app.positioning import positioning_deps
from altmonitor.app.tracking import TrackerChat, TrackerDeps, TrackerNotifier, tracked_of, tracker_of
from altmonitor.cli.common import Answer, Session, print_answer, run_until_signal
from altmonitor.cli.progress import bars, terminal_console
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeUnreachable, StorageError
from altmonitor.core.supervisor import beside
from altmonitor.render.format import date_and_time
from altmonitor.render.tables import table
from altmonitor.storage.snapshot_queries import snapshot_reader
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.plan import progress_line, time_left
from altmonitor.tracker.series import Series
from altmonitor.tracker.tracker import Progress, SweepReport, Tracked, Tracker

# ---
# Progress of long work: bars that are redrawn on a terminal, plain lines otherwise.


LINE_EVERY_S: Final = 60.0


class ProgressLines:
    """`show` is the tracker's `on_progress`. As a text stream it stands before the log: no record tears a bar.

    `stop` at the end, which gives the terminal its cursor back.
    """

    def __init__(self, out: TextIO, *, clock: Clock, console: Console | None = None) -> None:
        self._out = out
        self._clock = clock
        console = console or terminal_console(out)
        self._bars = None if console is None else bars(console)
        self._tasks: dict[Series, TaskID] = {}
        self._said_s: dict[Series, float] = {}

    def show(self, progress: Progress) -> None:
        series, is_end = progress.series, progress.done >= progress.total
        if self._bars is not None:
            if series not in self._tasks:
                self._tasks[series] = self._bars.add_task(series.value, left="")
                self._bars.start()
            left = "done" if is_end else time_left(progress.left_s)
            self._bars.update(self._tasks[series], completed=progress.done, total=max(1, progress.total), left=left)
            self._bars.refresh()
            return
        now_s = self._clock.monotonic()
        if is_end or now_s - self._said_s.get(series, -LINE_EVERY_S) >= LINE_EVERY_S:
            self._said_s[series] = now_s
            line = progress_line(series, done=progress.done, total=progress.total, left_s=progress.left_s)
            self._out.write(line + "\n")
            self._out.flush()

    def write(self, text: str) -> int:
        """A log record, above the bars."""
        if self._bars is None or not self._tasks:
            self._out.write(text)
        elif text.strip():
            self._bars.console.print(text.rstrip("\n"), soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        self._out.flush()

    def stop(self) -> None:
        if self._bars is not None and self._tasks:
            self._bars.stop()


# ---


log = logging.getLogger(__name__)

LAST_WORDS_S = 2.0


def track(session: Session, *, series: Sequence[str], once: bool, status: bool, as_json: bool) -> int:
    """series: empty for all three. Returns the exit code. Raises: ConfigError, StorageError."""
    if status:
        return print_answer(asyncio.run(_status(session)), as_json=as_json)
    lines = _logging(session)
    tracked = tracked_of(session.config, series=series, is_once=once)
    return run_until_signal(lambda stop: _track(session, tracked, lines, stop, as_json=as_json))


def _logging(session: Session) -> ProgressLines:
    """Log and progress share stderr; what is printed there goes through the lines this returns."""
    session.log_as_set(beside=session.config.smart_money_db_path)
    lines = ProgressLines(sys.stderr, clock=session.clock)
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler:  # and not the file beside the database, which is one, too
            handler.setStream(lines)
    return lines


async def _track(
    session: Session, tracked: Tracked, lines: ProgressLines, stop: asyncio.Event, *, as_json: bool
) -> None:
    """Raises: StorageError, StartError; ExchangeUnreachable when a single sweep could not be finished."""
    config, clock = session.config, session.clock
    async with (
        _store(session) as store,
        positioning_deps(config, clock=clock) as deps,
        _notifier(session, store) as notifier,
        _stopped(lines),
    ):
        parts = TrackerDeps(
            rest=deps.rest,
            positioning=deps.positioning,
            smart_money=deps.smart_money,
            store=store,
            notifier=notifier,
            on_progress=lines.show,
        )
        tracker = tracker_of(config, tracked, parts, clock=clock)
        reports = await _until(stop, tracker, notifier)
    if reports is not None:
        if as_json:
            print(msgspec.json.encode([_values(report) for report in reports]).decode())  # noqa: T201
        unfinished = [report for report in reports if report.stopped]
        if unfinished:
            told = "; ".join(f"{report.series}: {report.stopped}" for report in unfinished)
            raise ExchangeUnreachable(f"not finished, the next start goes on from here: {told}")


@asynccontextmanager
async def _stopped(lines: ProgressLines) -> AsyncIterator[None]:
    try:
        yield
    finally:
        lines.stop()


async def _until(stop: asyncio.Event, tracker: Tracker, notifier: TrackerNotifier) -> list[SweepReport] | None:
    """The reports of a single sweep; None when it was stopped."""
    try:
        async with (
            beside(tracker.run(), name="tracker") as tracking,
            beside(notifier.run(), name="tracker-notifier") as telling,
            beside(stop.wait(), name="stop-signal") as stopping,
        ):
            await asyncio.wait({tracking, telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
            return tracking.result() if tracking.done() else None
    finally:
        with suppress(TimeoutError, StorageError):
            async with asyncio.timeout(LAST_WORDS_S):
                await notifier.finish()


@asynccontextmanager
async def _store(session: Session) -> AsyncIterator[SnapshotsDb]:
    store = SnapshotsDb(session.config.smart_money_db_path, clock=session.clock)
    await store.open()
    try:
        if store.set_aside is not None:
            log.error("%s was damaged; it is kept as %s", session.config.smart_money_db_path, store.set_aside)
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _notifier(session: Session, store: SnapshotsDb) -> AsyncIterator[TrackerNotifier]:
    config, clock = session.config, session.clock
    if not config.tg_bot_token or config.tg_chat_id is None:
        yield TrackerNotifier(clock=clock, style=session.style)
        return
    from altmonitor.telegram.bot import TelegramChannel

    channel = TelegramChannel(config.tg_bot_token, api_url=config.telegram_api_url, clock=clock)
    await channel.start()
    try:
        chat = TrackerChat(channel=channel, destination=config.tg_chat_id, outbox=store)
        yield TrackerNotifier(clock=clock, style=session.style, chat=chat)
    finally:
        await channel.stop()


async def _status(session: Session) -> Answer:
    """What is stored; nothing is asked of the exchange. Raises: StorageError."""
    async with snapshot_reader(session.config.smart_money_db_path) as stored:
        counts = await stored.counts()
    zone, now_ms = session.style.tz, session.clock.now_ms()
    rows = []
    for count in counts:
        newest = "–" if count.newest_ms is None else date_and_time(count.newest_ms, zone)
        age = "" if count.newest_ms is None else f"{max(0, now_ms - count.newest_ms) // 60_000} min ago"
        rows.append((count.table, f"{count.rows:,}", f"{count.symbols:,}", newest, age))
    stored_rows = table(("table", "rows", "symbols", "newest", "age"), rows)
    return Answer(values=[msgspec.to_builtins(count) for count in counts], lines=[stored_rows])


def _values(report: SweepReport) -> dict[str, object]:
    values = {name: getattr(report, name) for name in SweepReport.__slots__}
    return values | {name: str(values[name] or "") for name in ("stopped", "reason")}
