"""One connection to PostgreSQL that comes back by itself, and what its refusals mean for a person.

Needs the extra `postgres`; nothing imports this package unless DATABASE_URL is set.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import asyncpg

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.storage.rows import Row

OLDEST_VERSION = 13
FORM = "write postgresql://host:5432/database, user:password@ before the host, signs like @ in the password as %40"
CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 10.0
CLOSE_WITHIN_S = 1.5

Found = TypeVar("Found")
Work = Callable[["asyncpg.Connection[Any]"], Awaitable[Found]]

_MARKS = re.compile(r"'[^']*'|\?")

_FINAL: tuple[type[asyncpg.PostgresError], ...] = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidSchemaNameError,
)
"""What asking again does not mend."""
_OF_THE_ROW = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, OverflowError)
"""asyncpg's own error for a value that it cannot send is a ValueError too."""

_OF_THE_CONNECTION: tuple[type[Exception], ...] = (
    *(TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError),
    asyncpg.InternalClientError,  # also what it says of a connection that ended while it was asked something
)


class DatabaseAddress:
    """What DATABASE_URL names. `str()` is without login and options, for every text a person reads."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.user = unquote(parts.username or "") or "the default user"
        self.database = unquote(parts.path.lstrip("/")) or unquote(parts.username or "") or "the default database"
        self._where = parts.netloc.rpartition("@")[2] or "localhost"

    def __str__(self) -> str:
        return f"PostgreSQL at {self._where}, database {self.database}"


class PostgresConnection:
    """Statements are written as for SQLite: `?` stands for a value. One user at a time; the others wait their turn.

    purpose: what the server shows beside the process, so that an operator sees who holds a connection.
    """

    def __init__(
        self, address: DatabaseAddress, *, purpose: str, settings: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.address = address
        self._settings = {"application_name": f"altmonitor {purpose}", "timezone": "UTC", **settings}
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection[Any] | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Raises StorageError; DatabaseRefused when asking again does not help."""
        async with self._turn:
            self._is_closed = False
            await self._asked(self._connected())

    async def close(self) -> None:
        """Bounded: a server that does not answer must not keep the program from ending."""
        self._is_closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_OF_THE_CONNECTION):
                await connection.close(timeout=CLOSE_WITHIN_S)

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Raises StorageError, also when there is no answer within `ANSWER_WITHIN_S`."""

        async def ask(connection: asyncpg.Connection[Any]) -> list[Row]:
            return [tuple(row) for row in await connection.fetch(numbered(sql), *values)]

        return await self._in_turn(ask)

    async def write(self, statements: Sequence[tuple[str, Sequence[Sequence[Any]]]]) -> None:
        """Each statement with all of its rows, all together or nothing; a single one needs no transaction around it.

        Raises: as `transaction`.
        """

        async def write_all(connection: asyncpg.Connection[Any]) -> None:
            for sql, rows in statements:
                await connection.executemany(numbered(sql), rows)

        if len(statements) > 1:
            await self.transaction(write_all)
        elif statements:
            await self._in_turn(write_all)

    async def transaction(self, work: Work[Found]) -> Found:
        """All that `work` does, or nothing.

        Raises:
            StorageError: it is not known whether it was carried out.
            ValueError: a value or row was refused; nothing was carried out.
        """

        async def do(connection: asyncpg.Connection[Any]) -> Found:
            async with connection.transaction():
                return await work(connection)

        return await self._in_turn(do)

    async def _in_turn(self, work: Work[Found]) -> Found:
        async with self._turn:
            return await self._asked(self._with_connection(work))

    async def _with_connection(self, work: Work[Found]) -> Found:
        return await work(await self._connected())

    async def _asked(self, answer: Awaitable[Found]) -> Found:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await answer
        except StorageError:
            raise
        except _OF_THE_ROW as problem:
            raise ValueError(str(problem)) from problem
        except _OF_THE_CONNECTION as problem:
            self._drop()
            raise refusal(self.address, problem) from problem
        except asyncio.CancelledError:
            self._drop()  # what it was asked may still be running there
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _connected(self) -> asyncpg.Connection[Any]:
        if self._is_closed:
            raise StorageError(f"{self.address} is closed")
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        try:
            self._connection = await asyncpg.connect(
                self.address.url,
                timeout=CONNECT_WITHIN_S,
                server_settings=self._settings,
            )
        except ValueError as problem:  # its text may hold a part of the password
            raise DatabaseRefused(f"DATABASE_URL cannot be understood: {FORM}") from problem
        if self._connection.get_server_version().major < OLDEST_VERSION:
            found = self._connection.get_settings().server_version.split()[0]
            self._drop()
            raise DatabaseRefused(f"{self.address} is version {found}: {OLDEST_VERSION} or newer is needed")
        return self._connection


@cache
def numbered(sql: str) -> str:
    """`?` → `$1`, `$2`, …; inside quotes it stays."""
    parts, count, at = [], 0, 0
    for mark in _MARKS.finditer(sql):
        if mark[0] == "?":
            count += 1
            parts += [sql[at : mark.start()], f"${count}"]
            at = mark.end()
    return "".join((*parts, sql[at:]))


def refusal(address: DatabaseAddress, problem: Exception) -> StorageError:
    """One line with the cause and the way out, without a password. DatabaseRefused: asking again does not help."""
    reason = _reason(problem)
    match problem:
        case asyncpg.InvalidAuthorizationSpecificationError():
            text = f"refuses the login of {address.user} ({reason}): correct user and password in DATABASE_URL"
        case asyncpg.InvalidCatalogNameError():
            text = "does not exist there: make it (createdb), or correct the name in DATABASE_URL"
        case asyncpg.InsufficientPrivilegeError():
            text = f"does not let {address.user} do what is needed ({reason}): make that user the owner of the database"
        case asyncpg.ReadOnlySQLTransactionError():
            text = "is read-only (a standby, or set so): name the primary in DATABASE_URL"
        case asyncpg.TooManyConnectionsError():
            text = f"has no connection left ({reason}): raise max_connections, or stop what holds them"
        case asyncpg.DiskFullError():
            text = f"has no space left ({reason}): free some"
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError() | asyncpg.UndefinedFunctionError():
            text = f"lacks a part of the schema ({reason}): restore it from a backup, or name an empty database"
        case asyncpg.InvalidSchemaNameError():
            text = f"has no schema to work in ({reason}): create it, or correct search_path"
        case asyncpg.PostgresError():
            text = f"refuses: {reason}"
        case TimeoutError():
            text = f"does not answer within {ANSWER_WITHIN_S:.0f} s: look whether it runs and is not cut off"
        case OSError():
            text = f"cannot be reached ({reason}): start it, or correct DATABASE_URL"
        case _:
            text = f"lost the connection ({reason})"
    kind = DatabaseRefused if isinstance(problem, _FINAL) else StorageError
    return kind(f"{address} {text}", code=_code_of(problem))


def _code_of(problem: Exception) -> CauseCode:
    match problem:
        case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.InsufficientPrivilegeError():
            return CauseCode.NOT_PERMITTED
        case asyncpg.ReadOnlySQLTransactionError():
            return CauseCode.READ_ONLY
        case asyncpg.DiskFullError():
            return CauseCode.DISK_FULL
        case asyncpg.PostgresError():
            return CauseCode.OTHER
        case _:
            return CauseCode.DATABASE_AWAY


def _reason(problem: Exception) -> str:
    if isinstance(problem, ConnectionRefusedError):
        return "connection refused"  # the loop's own text names addresses
    return " ".join((getattr(problem, "strerror", None) or str(problem) or type(problem).__name__).split())
