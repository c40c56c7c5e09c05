"""The one task that writes: gathers what waits, commits it together, and keeps it while the disk refuses."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sqlite3
import sys
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

from altmonitor.core.alert import Alert
from altmonitor.core.backoff import Backoff
from altmonitor.core.causes import Cause, CauseCode, file_cause_code
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.errors import StorageError
from altmonitor.core.files import open_private
from altmonitor.storage import migrations as migrate
from altmonitor.storage.alert_database import AlertDatabase, DatabaseWrite, Op, Put
from altmonitor.storage.migrations import no_file_locks
from altmonitor.storage.rows import merged

log = logging.getLogger(__name__)

GRACE_S = 3.0
"""A commit that takes longer no longer holds up delivery."""
BATCH = 2000
"""Committed together at most; after a failure fewer. What takes longer than the database is given must not be tried
again and again with ever more behind it."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterEvents:
    """offer: an alert may be delivered now (called once each). trouble: the disk refuses, once; None when it is over.

    replace: called when the file turned out to be broken; afterwards the database must be usable again.
    """

    offer: Callable[[Put], None]
    trouble: Callable[[Cause | None], None]
    replace: Callable[[], Awaitable[None]]


class Writer:
    def __init__(self, database: AlertDatabase, *, clock: Clock, events: WriterEvents) -> None:
        self._database = database
        self._clock = clock
        self._events = events
        self._ops: deque[Op] = deque()
        self._offered: set[int] = set()  # ids among `_ops` that delivery knows of already
        self._learned: dict[str, list[Alert]] = {}  # key of each put among `_ops` → what came to be known of it since
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._puts = 0
        self._batch = BATCH
        self._stalled = False
        self._is_damaged = False
        self._attempt_began_s = 0.0
        self._failing_since_s: float | None = None

    @property
    def puts_waiting(self) -> int:
        """Alerts that are not on disk yet."""
        return self._puts

    def unwritten(self) -> list[Put]:
        """The alerts that are not on disk, as far as is known, oldest → newest."""
        return [op for op in self._ops if isinstance(op, Put)]

    @property
    def ops_waiting(self) -> int:
        return len(self._ops)

    def put(self, put: Put) -> None:
        self._append(put)
        self._puts += 1
        self._learned.setdefault(put.alert.key, [])
        if self._stalled:
            self._offer(put)

    def learn(self, alert: Alert) -> None:
        """What came to be known of an alert while it waits for the disk: whoever is offered it then is told that too.
        alert: with nothing but what was learned; that it is stored as well is another matter."""
        if (learned := self._learned.get(alert.key)) is not None:
            learned.append(alert)

    async def change(self, *statements: tuple[str, Sequence[tuple[object, ...]]]) -> None:
        """Returns when it is committed, or at once while the disk refuses (it is committed later, in order).

        Raises:
            StorageError: the change itself is refused and was dropped.
        """
        change = DatabaseWrite(statements=statements)
        self._append(change)
        if not self._stalled:
            await change.done

    def requeue(self, puts: Sequence[Put], statements: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        """For a fresh file: before everything else that waits. Delivery knows of the puts already; those that wait
        here anyway stay once."""
        self._ops.appendleft(DatabaseWrite(statements=tuple(statements)))
        waiting = {op.alert.id for op in self._ops if isinstance(op, Put)}
        for put in reversed([put for put in puts if put.alert.id not in waiting]):
            self._ops.appendleft(put)
            self._offered.add(put.alert.id or 0)
            self._puts += 1

    async def drained(self) -> None:
        """Returns when nothing waits."""
        await self._idle.wait()

    async def run(self) -> None:
        """Until cancelled. Failing commits are retried for ever."""
        backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        while True:
            await self._work.wait()
            try:
                is_written = await self._commit_batch()
            except Exception as problem:
                is_written = self._after_defect(problem)
            if is_written:
                backoff.reset()
            else:
                await self._clock.sleep(backoff.next_s())

    def _append(self, op: Op) -> None:
        self._ops.append(op)
        self._idle.clear()
        self._work.set()

    async def _commit_batch(self) -> bool:
        if self._is_damaged:
            return await self._replace_database()
        self._attempt_began_s = self._clock.monotonic()
        batch = [self._ops[at] for at in range(min(self._batch, len(self._ops)))]
        try:
            stored = await self._transaction(batch)
        except (sqlite3.Error, StorageError, ValueError, OverflowError) as problem:
            return await self._after_failure(batch, problem)
        self._finish(batch, stored)
        return True

    async def _transaction(self, batch: Sequence[Op]) -> set[int]:
        """As the database's, and tells when a commit takes long without failing (a hanging disk)."""
        attempt = asyncio.create_task(self._database.transaction(batch), name="storage-commit")
        try:
            try:
                async with self._clock.timeout(timeouts(self._clock, GRACE_S)):
                    return await asyncio.shield(attempt)
            except TimeoutError:
                if not attempt.done():
                    self._stall(Cause(CauseCode.DISK_SILENT, "the disk does not answer"))
            return await attempt
        finally:
            if not attempt.done():
                attempt.cancel()

    async def _after_failure(self, batch: Sequence[Op], problem: Exception) -> bool:
        if migrate.is_damage(problem):
            log.error("the database is damaged: %s", problem)
            self._is_damaged = True
            return await self._replace_database()
        if isinstance(problem, sqlite3.OperationalError | StorageError):
            self._batch = max(1, len(batch) // 2)
            self._note_failure(_cause(problem))
            return False
        await self._commit_one_by_one(batch)
        return True

    def _after_defect(self, problem: Exception) -> bool:
        """Ours, or a driver's. Nothing would be stored any more if it ended the task that writes."""
        if self._failing_since_s is None:
            log.error("a commit failed in a way that nobody expected", exc_info=problem)
        self._batch = max(1, min(self._batch, len(self._ops)) // 2)
        self._note_failure(Cause(CauseCode.OTHER, f"{type(problem).__name__}: {problem}"))
        return False

    async def _commit_one_by_one(self, batch: Sequence[Op]) -> None:
        """One value that SQLite refuses must not hold up its neighbours."""
        for op in batch:
            try:
                stored = await self._transaction([op])
            except (sqlite3.OperationalError, StorageError):
                return  # the next round tries again and says why
            except (sqlite3.Error, ValueError, OverflowError) as problem:
                if migrate.is_damage(problem):
                    return
                self._drop(op, problem)
            else:
                self._finish([op], stored)

    async def _replace_database(self) -> bool:
        try:
            await self._events.replace()
        except (sqlite3.Error, StorageError) as again:
            self._note_failure(_cause(again))
            return False
        self._is_damaged = False
        return True

    def _finish(self, batch: Sequence[Op], stored: set[int]) -> None:
        for op in batch:
            self._forget(op)
            if isinstance(op, DatabaseWrite):
                _resolve(op)
                continue
            if op.alert.id in stored:
                self._offer(op)
            self._offered.discard(op.alert.id or 0)
            self._learned.pop(op.alert.key, None)
        self._failing_since_s = None
        self._batch = min(BATCH, 2 * self._batch)
        if self._stalled:
            self._stalled = False
            log.info("the database can be written again")
            self._events.trouble(None)

    def _drop(self, op: Op, problem: Exception) -> None:
        """What can never be stored: an alert is still delivered, a change is answered with the error."""
        log.error("the database refused a row, it is not stored: %r", problem)
        self._forget(op)
        if isinstance(op, Put):
            self._offer(op)
            self._offered.discard(op.alert.id or 0)
            self._learned.pop(op.alert.key, None)
        elif not op.done.done():
            op.done.set_exception(StorageError(f"the database refused the change: {problem}"))

    def _forget(self, op: Op) -> None:
        if self._ops[0] is not op:
            raise RuntimeError("operations left the queue out of order")
        self._ops.popleft()
        self._puts -= isinstance(op, Put)
        if not self._ops:
            self._work.clear()
            self._idle.set()

    def _note_failure(self, reason: Cause) -> None:
        now_s = self._clock.monotonic()
        if self._failing_since_s is None:
            self._failing_since_s = self._attempt_began_s
        if now_s - self._failing_since_s >= GRACE_S:
            self._stall(reason)

    def _stall(self, reason: Cause) -> None:
        """From here on delivery goes on from memory."""
        if self._stalled:
            return
        self._stalled = True
        log.warning("the database cannot be written: %s; %d alerts are kept in memory", reason, self._puts)
        for op in self._ops:
            if isinstance(op, Put):
                self._offer(op)
            else:
                _resolve(op)
        self._events.trouble(reason)

    def _offer(self, put: Put) -> None:
        if put.alert.id not in self._offered:
            self._offered.add(put.alert.id or 0)
            learned = self._learned.get(put.alert.key)
            self._events.offer(replace(put, alert=reduce(merged, learned, put.alert)) if learned else put)


def _cause(problem: sqlite3.Error | StorageError) -> Cause:
    return problem.cause if isinstance(problem, StorageError) else Cause(migrate.cause_code(problem), str(problem))


def _resolve(change: DatabaseWrite) -> None:
    if not change.done.done():
        change.done.set_result(None)


# ---
# One program per database: two would send everything twice and could damage the file.


if sys.platform != "win32":
    import fcntl


class FileLock:
    """Held from construction until `release`, or until the process ends in any way (kill −9 included).

    A file beside the database and not the database itself: closing any handle of that one would drop SQLite's own
    locks on it. variable: the setting that names the database, for the texts.

    Raises:
        StorageError: another process holds it; the text names the database and that process.
        NoFileLocks: it lies on a share that keeps no locks, where SQLite cannot work.
    """

    def __init__(self, database: Path, *, variable: str = "DB_FILE") -> None:
        self._handle: int | None = None
        path = database.with_name(database.name + ".lock")
        try:
            handle = open_private(path, os.O_RDWR)
        except OSError as problem:
            is_in_the_way = problem.errno in (errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO)
            way_out = "take away what lies there under that name" if is_in_the_way else "make its directory writable"
            raise StorageError(
                f"{path} cannot be written ({problem.strerror}): {way_out}, or set {variable} elsewhere",
                code=file_cause_code(problem),
            ) from problem
        try:
            if sys.platform != "win32":
                refuse_without_locks(database, variable, try_lock=lambda: _try_lock(database.parent))
            _take(handle, database, variable)
        except BaseException:
            os.close(handle)
            raise
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def refuse_without_locks(database: Path, variable: str, *, try_lock: Callable[[], None]) -> None:
    """try_lock: takes a lock like SQLite's beside the database. Raises: NoFileLocks."""
    try:
        try_lock()
    except OSError as problem:
        raise no_file_locks(database, variable, problem.strerror or str(problem)) from problem


def _try_lock(folder: Path) -> None:
    """Of a file of its own: some shares make one kind of lock of both, and a file is then locked against itself."""
    with suppress(PermissionError), tempfile.TemporaryFile(dir=folder) as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _take(handle: int, database: Path, variable: str) -> None:
    if sys.platform == "win32":  # no flock there: the rule is the operator's
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return  # it knows no locks of whole files; whether it knows those of SQLite was tried before
        holder = os.read(handle, 20).decode(errors="replace").strip() or "unknown"
        raise StorageError(
            f"{database} is in use by another altmonitor (process {holder}): stop that one, or set another {variable}",
            code=CauseCode.LOCKED,
        ) from problem
