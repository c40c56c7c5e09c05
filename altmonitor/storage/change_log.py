"""The record of changes made by commands, in the database; and the same in memory, for runs without a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.settings.changes import ChangeMade, RecordedChange
from altmonitor.settings.state import moved_destination
from altmonitor.storage.overrides_format import StateDamaged
from altmonitor.storage.rows import Fetch, Row, Statement, Write, topic_column
from altmonitor.storage.state_format import decode_own, encode_own

MOST_IN_MEMORY = 1000
"""Of this run's changes. The disk may be behind by some of them, but never by so many: each waits for its turn."""

_COLUMNS = "id, at_ms, who, user_id, chat_id, topic_id, command, before, after, undoes, undone_by"
# A commit whose answer got lost may be repeated, so the id is given and the second time does nothing.
_INSERT = f"INSERT INTO changes ({_COLUMNS}) VALUES ({', '.join('?' * 11)}) ON CONFLICT (id) DO NOTHING"  # noqa: S608
_MARK = "UPDATE changes SET undone_by = ? WHERE id = ?"
_MOVE = "UPDATE changes SET chat_id = ? WHERE chat_id = ?"


class MemoryChanges:
    """`ChangeLog`; gone at the end."""

    def __init__(self) -> None:
        self._rows: dict[int, RecordedChange] = {}
        self._next_id = 1

    async def record(self, change: ChangeMade) -> int:
        self._next_id += 1
        return self.take(change, self._next_id - 1).id

    async def recent(self, destinations: Collection[Destination] | None, *, limit: int) -> Sequence[RecordedChange]:
        return self.known(destinations)[:limit]

    async def moved(self, old: Destination, new: Destination) -> None:
        self.move(old, new)

    def take(self, change: ChangeMade, number: int) -> RecordedChange:
        row = self._rows[number] = RecordedChange(id=number, made=change)
        undone = self._rows.get(change.undoes or 0)
        if undone is not None:
            self._rows[undone.id] = replace(undone, undone_by=row.id)
        if len(self._rows) > MOST_IN_MEMORY:
            del self._rows[next(iter(self._rows))]
        return row

    def forget(self, row: RecordedChange) -> None:
        """It was not recorded after all."""
        self._rows.pop(row.id, None)
        undone = self._rows.get(row.made.undoes or 0)
        if undone is not None:
            self._rows[undone.id] = replace(undone, undone_by=None)

    def forget_before(self, ts_s: float) -> None:
        """Those made before this unix second."""
        self._rows = {number: row for number, row in self._rows.items() if row.made.at_ms >= ts_s * 1000}

    def known(self, destinations: Collection[Destination] | None) -> list[RecordedChange]:
        """Newest first."""
        return [
            row for row in reversed(self._rows.values()) if destinations is None or row.made.destination in destinations
        ]

    def move(self, old: Destination, new: Destination) -> None:
        for number, row in self._rows.items():
            destination = moved_destination(row.made.destination, old, new)
            self._rows[number] = replace(row, made=replace(row.made, destination=destination))


class ChangeRecords:
    """`ChangeLog` over the database. This run's changes are answered from memory as well: while the disk
    refuses to write, an undo must not reach past what is not on it yet.

    next_id: a number that no change has had, also none of another process. Raises StorageError.
    """

    def __init__(self, fetch: Fetch, write: Write, next_id: Callable[[], Awaitable[int]]) -> None:
        self._fetch = fetch
        self._write = write
        self._next_id = next_id
        self._run = MemoryChanges()

    async def record(self, change: ChangeMade) -> int:
        row = self._run.take(change, await self._next_id())
        statements: list[Statement] = [(_INSERT, [_row_of(row)])]
        if change.undoes is not None:
            statements.append((_MARK, [(row.id, change.undoes)]))
        try:
            await self._write(*statements)
        except StorageError:
            self._run.forget(row)
            raise
        return row.id

    async def recent(self, destinations: Collection[Destination] | None, *, limit: int) -> Sequence[RecordedChange]:
        here, values = _here(destinations)
        stored = await self._fetch(
            f"SELECT {_COLUMNS} FROM changes WHERE {here} ORDER BY id DESC LIMIT ?",  # noqa: S608
            (*values, limit),
        )
        return self._merged(stored, destinations)[:limit]

    async def moved(self, old: Destination, new: Destination) -> None:
        self._run.move(old, new)
        await self._write((_MOVE, [(new.chat_id, old.chat_id)]))

    def forget_before(self, ts_s: float) -> Statement:
        """Those made before this unix second; the statement is the caller's to commit."""
        self._run.forget_before(ts_s)
        return "DELETE FROM changes WHERE at_ms < ?", [(int(ts_s * 1000),)]

    def _merged(self, stored: Sequence[Row], destinations: Collection[Destination] | None) -> list[RecordedChange]:
        """Newest first. What is stored may not be marked as undone yet."""
        undone = self._undone_in_this_run()
        rows = {row.id: replace(row, undone_by=undone.get(row.id, row.undone_by)) for row in map(_change_of, stored)}
        for row in self._run.known(destinations):
            elsewhere = rows.get(row.id, row).undone_by  # by another process
            rows[row.id] = replace(row, undone_by=row.undone_by or elsewhere)
        return [rows[number] for number in sorted(rows, reverse=True)]

    def _undone_in_this_run(self) -> dict[int, int]:
        return {row.made.undoes: row.id for row in self._run.known(None) if row.made.undoes is not None}


def _here(destinations: Collection[Destination] | None) -> tuple[str, list[int]]:
    """A condition that holds for rows of these places, and its values."""
    if destinations is None:
        return "TRUE", []
    values = [value for destination in destinations for value in (destination.chat_id, topic_column(destination))]
    return f"({' OR '.join(['(chat_id = ? AND topic_id = ?)'] * len(destinations)) or 'FALSE'})", values


def _row_of(row: RecordedChange) -> tuple[Any, ...]:
    made = row.made
    return (
        row.id,
        made.at_ms,
        made.who,
        made.user_id,
        made.destination.chat_id,
        topic_column(made.destination),
        made.command,
        encode_own(made.before),
        encode_own(made.after),
        made.undoes,
        row.undone_by,
    )


def _change_of(row: Row) -> RecordedChange:
    number, at_ms, who, user_id, chat_id, topic_id, command, before, after, undoes, undone_by = row
    try:
        made = ChangeMade(
            at_ms=at_ms,
            who=who,
            user_id=user_id,
            destination=Destination(chat_id=chat_id, topic_id=topic_id or None),
            command=command,
            before=decode_own(before),
            after=decode_own(after),
            undoes=undoes,
        )
    except StateDamaged as damage:
        raise StorageError(f"the record of change {number} cannot be read: {damage}") from damage
    return RecordedChange(id=number, made=made, undone_by=undone_by)
