"""Sweeps over symbols, one question after the other, each answer stored as it comes.

Three series, each with its own pace and its own sweeps; what holds one up does not hold up the others. Starting and
recovering are the same: an unfinished sweep is taken up where it stopped.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, StorageError
from altmonitor.tracker.capture import Capture, Captured, ContractPool
from altmonitor.tracker.plan import (
    PACING,
    Cadence,
    Part,
    after_sweep,
    captured_in,
    eta_s,
    is_resumable,
    pace_warnings,
    remaining,
)
from altmonitor.tracker.position_alerts import PositionWatch
from altmonitor.tracker.series import (
    Liveness,
    Outcome,
    Series,
    SnapshotStore,
    TrackerBlocked,
    TrackerNotice,
    TrackerRecovered,
    TrackerStuck,
)

# ---
# What a tracker is to do, and what it says of its sweeps. Values.


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What is tracked. watchlist: when not empty, parts do not count. interval_s: from start to start; 0: one sweep.
    cadences: of series that keep another rhythm."""

    series: tuple[Series, ...] = tuple(Series)
    parts: Mapping[Series, Part] = field(default_factory=dict)
    watchlist: tuple[str, ...] = ()
    interval_s: float = 0.0
    cadences: Mapping[Series, Cadence] = field(default_factory=dict)
    keep_days: int = 30

    def cadence(self, series: Series) -> Cadence:
        return self.cadences.get(series) or Cadence(interval_s=self.interval_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """done, total: symbols of the whole sweep. captured: in this run of it."""

    series: Series
    done: int
    total: int
    captured: int
    left_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """planned: symbols of the sweep. asked, stored, known, no_data, failed: in this run of it.

    stopped: why it ended early, None for a whole one. until_ms: end of the block that stopped it.
    """

    series: Series
    planned: int = 0
    asked: int = 0
    stored: int = 0
    known: int = 0
    no_data: int = 0
    failed: int = 0
    stopped: Cause | None = None
    until_ms: int | None = None
    reason: Cause | None = None

    def plus(self, found: Captured) -> SweepReport:
        counted = {Outcome.STORED: "stored", Outcome.KNOWN: "known", Outcome.NO_DATA: "no_data"}
        name = counted.get(found.outcome, "failed")
        counts = {"asked": self.asked + 1, name: getattr(self, name) + 1}
        return replace(self, **counts, reason=found.reason or self.reason)


# ---


log = logging.getLogger(__name__)

SHORTEST_REST_S: Final = 5.0
UNREACHABLE_IN_ROW: Final = 10
"""After so many the sweep stops; the next start takes it up again."""
DAY_MS: Final = 86_400_000
SAME_BLOCK_MS: Final = 60_000
"""Two readings of one block's end differ by less."""

Host = Literal["website", "exchange"]
"""They refuse apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerRunDeps:
    """notify: synchronous, must not raise; who tells a position alert also notes that it was told."""

    store: SnapshotStore
    captures: Capture
    pool: ContractPool
    clock: Clock
    notify: Callable[[TrackerNotice], None]
    on_progress: Callable[[Progress], None]
    positions: PositionWatch | None = None
    dice: random.Random = field(default_factory=random.Random)


class Tracker:
    def __init__(self, tracked: Tracked, links: TrackerRunDeps) -> None:
        self._tracked = tracked
        self._links = links

    async def run(self) -> list[SweepReport]:
        """One sweep of every series, or sweeps until cancelled. Raises: StorageError."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._follow(series), name=series.value) for series in self._tracked.series]
        except ExceptionGroup as problems:
            raise problems.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _follow(self, series: Series) -> SweepReport:
        clock, cadence = self._links.clock, self._tracked.cadence(series)
        await self._wait_for_turn(series)
        while True:
            began_ms, began_s = clock.now_ms(), clock.monotonic()
            if not cadence.interval_s:
                return await self.sweep(series)
            try:
                await self.sweep(series)
                await self._links.store.checkpoint()
            except StorageError as problem:  # a full disk may be empty by the next sweep
                log.error("%s: %s", series, problem)  # noqa: TRY400 — the text says it all
            lasted_ms = round((clock.monotonic() - began_s) * 1000)  # whatever the wall clock was set to meanwhile
            await clock.sleep(max(SHORTEST_REST_S, cadence.wait_s(began_ms=began_ms, now_ms=began_ms + lasted_ms)))

    async def _wait_for_turn(self, series: Series) -> None:
        """A restart after a whole sweep waits for the next one's time: one that keeps crashing must not hammer."""
        before = await self._links.store.sweep(series)
        cadence = self._tracked.cadence(series)
        if before is None or before.ended_ms is None or not cadence.interval_s:
            return
        wait_s = cadence.wait_s(began_ms=before.started_ms, now_ms=self._links.clock.now_ms())
        if 0 < wait_s <= cadence.interval_s:
            log.info("%s: the next sweep begins in %.0f s", series, wait_s)
            await self._links.clock.sleep(wait_s)

    async def sweep(self, series: Series) -> SweepReport:
        """Begins one, or takes up the unfinished one. Raises: StorageError."""
        store, clock = self._links.store, self._links.clock
        try:
            plan = await self._plan(series)
        except ExchangeError as problem:
            return await self._without_plan(series, problem)
        sweep_ms, liveness = await self._begin(series, plan)
        answers = await store.answers(series)
        left = remaining(plan, answers, sweep_ms=sweep_ms)
        report = await self._ask_all(series, left, SweepReport(series=series, planned=len(plan)), sweep_ms)
        if left:
            in_sweep = captured_in(await store.answers(series), sweep_ms=sweep_ms, plan=set(plan))
            liveness = self._judged(liveness, report, in_sweep)
        await store.end_sweep(series, None if report.stopped else clock.now_ms(), liveness)
        if series is Series.SMART_MONEY:
            await self._forget()
        log.info(
            "%s: %d of %d asked, %d new rows, %d known, %d without data, %d failed%s",
            *(series, report.asked, report.planned, report.stored, report.known, report.no_data, report.failed),
            f"; stopped: {report.stopped}" if report.stopped else "",
        )
        return report

    async def _plan(self, series: Series) -> tuple[str, ...]:
        if self._tracked.watchlist:
            return self._tracked.watchlist
        return self._tracked.parts.get(series, Part()).of(await self._links.pool.symbols())

    async def _without_plan(self, series: Series, problem: ExchangeError) -> SweepReport:
        """The list of contracts cannot be had: a sweep that brought nothing."""
        before = await self._links.store.sweep(series)
        until_ms = problem.until_ms if isinstance(problem, ExchangeBlocked) else None
        report = SweepReport(series=series, stopped=problem.cause.within("no list of contracts"), until_ms=until_ms)
        liveness = self._judged(Liveness() if before is None else before.liveness, report, 0)
        if before is None:
            await self._links.store.begin_sweep(series, 0, liveness)
        else:
            await self._links.store.end_sweep(series, before.ended_ms, liveness)
        await self._note_block("exchange", series, until_ms, problem.cause)
        log.warning("%s: %s", series, report.stopped)
        return report

    async def _begin(self, series: Series, plan: Sequence[str]) -> tuple[int, Liveness]:
        """The start of the sweep, which is its name."""
        now_ms, interval_s = self._links.clock.now_ms(), self._tracked.cadence(series).interval_s
        before = await self._links.store.sweep(series)
        liveness = Liveness() if before is None else before.liveness
        if (
            before is not None
            and before.ended_ms is None
            and is_resumable(
                started_ms=before.started_ms, now_ms=now_ms, count=len(plan), series=series, interval_s=interval_s
            )
        ):
            log.info("%s: taking up the sweep again", series)
            return before.started_ms, liveness
        part = self._tracked.parts.get(series, Part())
        for line in pace_warnings(len(plan), series=series, shard_total=part.shard_total, interval_s=interval_s):
            log.warning("%s", line)
        await self._links.store.begin_sweep(series, now_ms, liveness)
        return now_ms, liveness

    async def _ask_all(self, series: Series, left: Sequence[str], report: SweepReport, sweep_ms: int) -> SweepReport:
        clock, next_s, in_row = self._links.clock, 0.0, 0
        done_before = report.planned - len(left)
        self._show(report, done_before)
        for symbol in left:
            await clock.sleep(max(0.0, next_s - clock.monotonic()))
            next_s = clock.monotonic() + PACING[series].drawn(self._links.dice.random())
            found = await self._links.captures.capture(series, symbol, sweep_ms=sweep_ms)
            if found.outcome is Outcome.BLOCKED:
                host: Host = "website" if series is Series.SMART_MONEY else "exchange"
                await self._note_block(host, series, found.until_ms, found.reason)
                return replace(report, stopped=found.reason, until_ms=found.until_ms, reason=found.reason)
            report = report.plus(found)
            self._show(report, done_before)
            in_row = in_row + 1 if found.outcome is Outcome.UNREACHABLE else 0
            if in_row >= UNREACHABLE_IN_ROW:
                why = f"{in_row} questions in a row without an answer"
                return replace(report, stopped=None if found.reason is None else found.reason.within(why))
            if found.snapshot is not None and self._links.positions is not None and self._tracked.watchlist:
                for moved in await self._links.positions.evaluate(found.snapshot):
                    self._links.notify(moved)
        return report

    def _show(self, report: SweepReport, done_before: int) -> None:
        done = done_before + report.asked
        progress = Progress(
            series=report.series,
            done=done,
            total=report.planned,
            captured=report.stored + report.known,
            left_s=eta_s(report.planned - done, report.series),
        )
        self._links.on_progress(progress)

    def _judged(self, before: Liveness, report: SweepReport, in_sweep: int) -> Liveness:
        captured = report.stored + report.known
        after, news = after_sweep(before, captured=captured, in_sweep=in_sweep, planned=report.planned)
        if news == "recovered":
            self._links.notify(
                TrackerRecovered(series=report.series, captured=max(in_sweep, captured), planned=report.planned)
            )
        elif news is not None:
            stuck = TrackerStuck(
                kind=news,
                series=report.series,
                sweeps=after.thin_in_row if news == "degraded" else after.empty_in_row,
                captured=captured,
                planned=report.planned,
                reason=report.stopped or report.reason,
            )
            self._links.notify(stuck)
        return after

    async def _note_block(self, host: Host, series: Series, until_ms: int | None, reason: Cause | None) -> None:
        """Told once, over restarts too: a block that ends at another moment is another block."""
        if until_ms is None:
            return
        store, fingerprint = self._links.store, f"blocked:{host}"
        if await store.was_told("", fingerprint, since_ms=until_ms - SAME_BLOCK_MS):
            return
        await store.mark_told("", fingerprint, told_ms=until_ms)
        self._links.notify(TrackerBlocked(series=series, until_ms=until_ms, reason=reason))

    async def _forget(self) -> None:
        before_ms = self._links.clock.now_ms() - self._tracked.keep_days * DAY_MS
        count = await self._links.store.forget_before(before_ms)
        if count:
            log.info("%d rows older than %d days deleted", count, self._tracked.keep_days)
