"""How far the market was seen and what was said of it, kept across runs.

What lies between two runs is reported and looked through like any other blind time, and a report that a killed program
could not deliver is told by the next one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.files import open_private, read_regular
from altmonitor.core.types import Venue, of_venue
from altmonitor.interfaces.exchange import FeedEvent
from altmonitor.interfaces.storage import MetaStore
from altmonitor.market.candles import LONGEST_MINUTES, MINUTE_MS
from altmonitor.storage.run_log import MonitorRun, record_run

log = logging.getLogger(__name__)

MARK_EVERY_S = 1.0
KEEP_EVERY_S = 15.0
KEEP_ALONE_EVERY_S = 3.0
"""Where the database's value is the only one."""
CLOCKS_APART_MS = 5_000
"""As far as a feed that has just started, and has not asked the exchange for its time, allows for its own clock."""
MOST_UNTOLD = 50
_UNTOLD = "blind_times_untold"

_MARK_DIGITS = 13  # unix ms until the year 2286

BlindTime = tuple[int, int]
"""Nothing was seen from … until, unix ms."""


def seen_key(venue: Venue) -> str:
    """Under this the database keeps until when a venue's market was seen and all that was found is stored, unix ms: of
    several feeds by the exchange's clock."""
    return of_venue(venue, "seen_until_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenUntil:
    """Until when, unix ms. settled_ms: everything is looked through, and what was found is stored. watched_ms: the
    market was seen, and what was not is told or will be."""

    settled_ms: int
    watched_ms: int


class SeenMark:
    """Until when the market was seen, in a file of its own, written every second without waiting for the disk: it
    outlives a program that is killed. A power cut it may not outlive; for that the database has its older value."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_failing = False

    def read(self) -> SeenUntil | None:
        """None without a file, or with one that says something else. One line alone is of an older version."""
        try:
            lines = read_regular(self._path).split()
        except OSError:
            return None
        if not 1 <= len(lines) <= 2 or not all(line.isdigit() and len(line) <= _MARK_DIGITS for line in lines):
            return None
        settled_ms, watched_ms = int(lines[0]), int(lines[-1])
        return SeenUntil(settled_ms=settled_ms, watched_ms=max(settled_ms, watched_ms))

    def write(self, seen: SeenUntil) -> None:
        """In one write over what stood there, so that there are always whole numbers. Never raises."""
        try:
            file = open_private(self._path, os.O_WRONLY)
            try:
                os.write(file, b"%0*d\n%0*d\n" % (_MARK_DIGITS, seen.settled_ms, _MARK_DIGITS, seen.watched_ms))
            finally:
                os.close(file)
        except OSError as problem:
            if not self._is_failing:
                log.warning("%s cannot be written: %s", self._path, problem.strerror)
            self._is_failing = True
        else:
            self._is_failing = False


class GapLog:
    """mark: where the moment is kept every second; None for one of several feeds. There the database alone counts: it
    knows of a moment only after all that was found before, and what one feed had seen and not stored another must look
    for. skew_ms: our clock minus the exchange's; what several feeds share is kept in the exchange's time, because their
    machines may not agree about theirs. frame_age_s: of the newest data, None before any.

    unseen_since_ms: beginning of what has not been looked through yet, None when everything was. unstored: alerts that
    were found and are not on disk, oldest → newest; what a killed program takes with it, the next run must look for.
    untold_before: blind times of earlier runs whose report has not arrived; known after `load`.
    """

    def __init__(
        self,
        memory: MetaStore,
        *,
        mark: SeenMark | None,
        clock: Clock,
        frame_age_s: Callable[[], float | None],
        is_blind: Callable[[], bool],
        unseen_since_ms: Callable[[], int | None],
        unstored: Callable[[], Sequence[Alert]],
        skew_ms: Callable[[], float] = lambda: 0.0,
        venue: Venue = "binance",
    ) -> None:
        self._memory = memory
        self._skew_ms = skew_ms
        self._venue: Venue = venue
        self._run: MonitorRun | None = None
        self._seen_key, self._untold_key = seen_key(venue), of_venue(venue, _UNTOLD)
        self._mark = mark
        self._clock = clock
        self._frame_age_s = frame_age_s
        self._is_blind = is_blind
        self._unseen_since_ms = unseen_since_ms
        self._unstored = unstored
        self._waits_longest: str | None = None
        self._before_ms: int | None = None
        self._settled_before_ms: int | None = None
        self._is_before_known = True
        self._untold: list[BlindTime] = []
        self._kept_untold: list[BlindTime] = []
        self._has_changed = asyncio.Event()
        self._seeing_since_ms: int | None = None
        self._blind_ms = 0
        self.untold_before: Sequence[BlindTime] = ()

    async def load(self, *, told_ms: int | None = None) -> int | None:
        """Until when everything that an earlier run saw is settled, unix ms; None without one. This run begins here.
        told_ms: event time of the newest stored alert, up to which it saw in any case.

        A moment that is still to come says that a clock was wrong, that run's or this one's: nobody knows when that run
        ended. Then everything that history can bring is taken for unseen, rather than nothing.
        """
        seen, untold = await self._memory.meta_get(self._seen_key), await self._memory.meta_get(self._untold_key)
        if seen is not None and seen.isdigit():  # else the mark would be another database's
            marked = None if self._mark is None else await asyncio.to_thread(self._mark.read)
            now_ms, settled_ms = self._clock.now_ms() - self._ahead_ms(), int(seen)
            if marked is not None:
                settled_ms = max(settled_ms, marked.settled_ms)
            before_ms = settled_ms if marked is None else max(settled_ms, marked.watched_ms)
            apart_ms = 0 if self._mark is not None else CLOCKS_APART_MS
            self._is_before_known = before_ms <= now_ms + apart_ms
            if self._is_before_known:
                self._before_ms, settled_ms = min(now_ms, before_ms), settled_ms - apart_ms
            else:
                earliest_ms = now_ms - LONGEST_MINUTES * MINUTE_MS
                self._before_ms = settled_ms = min(now_ms, max(earliest_ms, told_ms or 0))
                log.warning("the clock was wrong when the monitor ran last, so until when it saw is not known")
            self._settled_before_ms = settled_ms
        with suppress(msgspec.MsgspecError):
            self._kept_untold = msgspec.json.decode(untold or "[]", type=list[BlindTime])
        self.untold_before = tuple(self._kept_untold)
        settled_before_ms = self._by_our_clock(self._settled_before_ms)
        self._run = MonitorRun(began_ms=self._clock.now_ms(), seen_before_ms=settled_before_ms)
        return settled_before_ms

    def record_blind(self, at_ms: int) -> None:
        """It was told that nothing is seen although nothing was ever seen: the end of that will be told as well."""
        if self._before_ms is None:
            self._before_ms, self._is_before_known = at_ms - self._ahead_ms(), True

    def completed(self, event: FeedEvent) -> FeedEvent:
        """The first `live` of a run knows nothing of the run before it: here it learns since when nobody looked."""
        if event.kind == "blind":
            self._seeing_since_ms = None
            if event.blind_since_ms is None:
                self.record_blind(event.at_ms)
        if event.kind != "live":
            return event
        self._seeing_since_ms = event.at_ms
        self._has_changed.set()  # kept at once: without it no mark is believed, and no other feed knows of this one
        if event.blind_since_ms is not None:
            self._blind_ms += max(0, event.at_ms - event.blind_since_ms)
        since_ms, self._before_ms = self._by_our_clock(self._before_ms), None
        settled_ms, self._settled_before_ms = self._by_our_clock(self._settled_before_ms), None
        if event.blind_since_ms is not None:
            return event
        return replace(
            event, blind_since_ms=since_ms, unsettled_since_ms=settled_ms, is_since_known=self._is_before_known
        )

    def has_seen_since(self, at_ms: int) -> bool:
        """This run has seen all of the market from that moment on."""
        return self._seeing_since_ms is not None and self._seeing_since_ms <= at_ms

    def blind_s(self) -> float:
        """Seconds of this run in which nothing was seen, after the first frame and up to now."""
        now_s = self._frame_age_s() if self._is_blind() else None
        return self._blind_ms / 1000 + (now_s or 0.0)

    def untold(self, since_ms: int, until_ms: int) -> Callable[[int], None]:
        """A report is on its way; call what is returned once it has arrived."""
        blind = (since_ms, until_ms)
        self._untold = [*self._untold, blind][-MOST_UNTOLD:]
        self._has_changed.set()

        def arrived(message_id: int) -> None:
            self._untold = [other for other in self._untold if other != blind]
            self._has_changed.set()

        return arrived

    async def run(self) -> None:
        """Until cancelled. A disk that hangs holds up nobody here, so the run is recorded here and not by `load`."""
        if self._run is not None:
            await record_run(self._memory, self._run, venue=self._venue)
        every_s = KEEP_EVERY_S
        if self._mark is None:
            every_s = KEEP_ALONE_EVERY_S
            self._has_changed.set()
        while True:
            with suppress(TimeoutError):
                async with self._clock.timeout(every_s):
                    await self._has_changed.wait()
            self._has_changed.clear()
            if self._untold != self._kept_untold:
                untold = list(self._untold)
                await self._memory.meta_set(self._untold_key, msgspec.json.encode(untold).decode())
                self._kept_untold = untold
            watched_ms = self._watched_until_ms()
            if watched_ms is not None:
                settled_ms = self._settled_until_ms(watched_ms - self._ahead_ms())
                await self._memory.meta_set(self._seen_key, str(settled_ms))

    def due_mark(self) -> Callable[[], None] | None:
        """What writes the moment that is to be marked now; None where there is nothing to mark.

        Never beyond what is found and not stored: the moment does not move while an alert is being stored, and goes
        back to the first of their minutes when one has waited since the mark before. Nor beyond a blind time whose
        report could be lost.
        """
        watched_ms = self._watched_until_ms()
        waiting = [alert for alert in self._unstored() if alert.venue == self._venue]
        waited_longest, self._waits_longest = self._waits_longest, waiting[0].key if waiting else None
        if self._mark is None or watched_ms is None:
            return None
        if waiting:
            if self._waits_longest != waited_longest:
                return None
            watched_ms = min(watched_ms, *(alert.minute_ms for alert in waiting))
        settled_ms = self._settled_until_ms(watched_ms)
        watched_ms = min([watched_ms, *(blind[0] for blind in self._untold if blind not in self._kept_untold)])
        seen = SeenUntil(settled_ms=settled_ms, watched_ms=max(settled_ms, watched_ms))
        return partial(self._mark.write, seen)

    def _ahead_ms(self) -> int:
        """How far our clock is ahead of the one that what is kept goes by: our own, where nobody else reads it."""
        return 0 if self._mark is not None else round(self._skew_ms())

    def _by_our_clock(self, kept_ms: int | None) -> int | None:
        return None if kept_ms is None else kept_ms + self._ahead_ms()

    def _settled_until_ms(self, watched_ms: int) -> int:
        unseen_ms = self._unseen_since_ms()
        return watched_ms if unseen_ms is None else min(watched_ms, unseen_ms)

    def _watched_until_ms(self) -> int | None:
        age_s = self._frame_age_s()
        if age_s is None or self._is_blind():
            return None
        if self._mark is None and self._before_ms is not None:  # what was before is not asked for yet
            return None
        return self._clock.now_ms() - int(age_s * 1000)


async def run_marks(logs: Sequence[GapLog], *, clock: Clock) -> None:
    """Until cancelled; beside `GapLog.run`, which waits for the disk. In a thread, because a disk that hangs must hold
    up nobody, and in one for all venues, because waking it costs far more than what it writes."""
    while True:
        await clock.sleep(MARK_EVERY_S)
        due = [write for log in logs if (write := log.due_mark()) is not None]
        if due:
            await asyncio.to_thread(_write_all, due)


def _write_all(due: Sequence[Callable[[], None]]) -> None:
    for write in due:
        write()
