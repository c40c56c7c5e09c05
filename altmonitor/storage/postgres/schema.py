"""An empty PostgreSQL database → one with the current schema, or a clear refusal.

The tables that SQLite has as well are made from the same scripts (`storage/schema/`), whose types are spelled otherwise
here; what only PostgreSQL has stands in `storage/postgres/schema/`. All of it happens in one transaction, one process
after the other, so that a database is never half-migrated.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from altmonitor.core.clock import Clock
from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.storage.migrations import schema_scripts
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection

log = logging.getLogger(__name__)

START_WAIT_S = 10.0
ASK_EVERY_S = 0.5
LOCK_KEY = 0x616C746D  # of pg_advisory_xact_lock: "altm"
OWN_SCRIPTS = Path(__file__).parent / "schema"
MARK = "altmonitor_schema"
SHARED, OWN = "shared", "postgres"
MIGRATING = "migrating"
"""A row of this name says that `altmonitor migrate` is not done."""

_SPELLINGS = (
    (r"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT PRIMARY KEY"),
    (r"\bINTEGER\b", "BIGINT"),
    (r"\bREAL\b", "DOUBLE PRECISION"),
    (r"\bTEXT\b", 'TEXT COLLATE "C"'),  # as SQLite compares
    (r"\) STRICT(?:, WITHOUT ROWID)?;", ");"),
)


def spelled_for_postgres(script: str) -> str:
    """A script of `storage/schema/`."""
    without_comments = re.sub(r"--[^\n]*", "", script)
    for ours, theirs in _SPELLINGS:
        without_comments = re.sub(ours, theirs, without_comments)
    return without_comments


def latest_versions() -> Mapping[str, int]:
    return {name: max(scripts) for name, scripts in all_scripts().items()}


async def prepare(connection: PostgresConnection, *, cluster: str) -> None:
    """cluster: which installation this process belongs to, as `Config.cluster_id`; two of them must not share a
    database. '' asks nobody.

    Raises:
        DatabaseRefused: a newer altmonitor's, another program's or another cluster's database, or one that this user
            may not change; not touched.
        StorageError: no answer.
    """

    async def bring_up_to_date(db: asyncpg.Connection[Any]) -> None:
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
        await _bring_up_to_date(db, connection.address, cluster)

    await connection.transaction(bring_up_to_date)


async def begin_migration(connection: PostgresConnection, *, cluster: str) -> None:
    """The schema in an empty database, marked as not done; or nothing, when an earlier run has come so far.

    Raises: as `prepare`, and DatabaseRefused when something is stored there already.
    """

    async def begin(db: asyncpg.Connection[Any]) -> None:
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
        tables = await _own_tables(db)
        if MARK in tables and await db.fetchval(f"SELECT 1 FROM {MARK} WHERE name = $1", MIGRATING):  # noqa: S608
            return
        await _bring_up_to_date(db, connection.address, cluster)
        for table in ("alerts", "changes", "meta", "state"):
            if count := await db.fetchval(f"SELECT count(*) FROM {table}"):  # noqa: S608
                raise DatabaseRefused(
                    f"{connection.address} is in use already ({count} rows in {table}): name an empty database"
                )
        await db.execute(f"INSERT INTO {MARK} (name, version) VALUES ($1, 1)", MIGRATING)  # noqa: S608

    await connection.transaction(begin)


async def end_migration(db: asyncpg.Connection[Any]) -> None:
    await db.execute(f"DELETE FROM {MARK} WHERE name = $1", MIGRATING)  # noqa: S608


async def prepare_or_wait(connection: PostgresConnection, *, cluster: str, clock: Clock) -> None:
    """The same at the start of a program, where a server that is just starting is waited for. clock: of this machine.

    Raises: DatabaseRefused.
    """
    until_s = clock.monotonic() + START_WAIT_S
    is_told = False
    while True:
        try:
            return await prepare(connection, cluster=cluster)
        except DatabaseRefused:
            raise
        except StorageError as problem:
            if clock.monotonic() > until_s:
                raise DatabaseRefused(str(problem)) from problem
            if not is_told:
                log.warning("%s; asking again for %.0f s", problem, START_WAIT_S)
                is_told = True
        await clock.sleep(ASK_EVERY_S)


async def check(connection: PostgresConnection) -> None:
    """For a program that only reads. Raises StorageError: there is nothing of ours, or not of this version."""

    async def look(db: asyncpg.Connection[Any]) -> Mapping[str, int]:
        return await _versions(db, connection.address)

    found = await connection.transaction(look)
    if found != latest_versions():
        raise DatabaseRefused(
            f"{connection.address} is not (yet) of this version: start the monitor once with it, `altmonitor run`"
        )


async def is_empty(connection: PostgresConnection) -> bool:
    """Without any table. Raises StorageError."""
    return not await connection.transaction(_own_tables)


def all_scripts() -> dict[str, dict[int, str]]:
    return {
        SHARED: {number: spelled_for_postgres(script) for number, script in schema_scripts().items()},
        OWN: {int(file.name[:4]): file.read_text("utf-8") for file in OWN_SCRIPTS.glob("[0-9]*.sql")},
    }


async def _bring_up_to_date(db: asyncpg.Connection[Any], address: DatabaseAddress, cluster: str) -> None:
    versions = await _versions(db, address)
    await db.execute(f"CREATE TABLE IF NOT EXISTS {MARK} (name TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    for name, scripts in all_scripts().items():
        for number, script in sorted(scripts.items()):
            if number > versions[name]:
                await db.execute(script)
        await db.execute(
            f"INSERT INTO {MARK} (name, version) VALUES ($1, $2) "  # noqa: S608
            "ON CONFLICT (name) DO UPDATE SET version = excluded.version",
            name,
            max(scripts),
        )
    await _claim(db, address, cluster)


async def _own_tables(db: asyncpg.Connection[Any]) -> list[str]:
    """Of the schema we work in, without those of extensions."""
    rows = await db.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
        "AND relkind IN ('r', 'p') "
        "AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e') ORDER BY relname"
    )
    return [row[0] for row in rows]


async def _versions(db: asyncpg.Connection[Any], address: DatabaseAddress) -> dict[str, int]:
    tables = await _own_tables(db)
    if MARK not in tables:
        if tables:
            raise DatabaseRefused(
                f"{address} is the database of another program (tables {', '.join(tables[:5])}): "
                "name one of its own in DATABASE_URL"
            )
        return {SHARED: 0, OWN: 0}
    if not {"alerts", "deliveries", "meta", "leases"} <= set(tables):
        raise DatabaseRefused(f"{address} lacks a part of the schema: restore it from a backup, or name an empty one")
    found = {row[0]: row[1] for row in await db.fetch(f"SELECT name, version FROM {MARK}")}  # noqa: S608
    if MIGRATING in found:
        raise DatabaseRefused(
            f"{address} holds a migration that is not done: run `altmonitor migrate` again, it goes on where it ended"
        )
    for name, latest in latest_versions().items():
        if found.get(name, 0) > latest:
            raise DatabaseRefused(
                f"{address} was made by a newer altmonitor (version {found[name]}, this one knows {latest}): "
                "install the newer one on every machine; nothing was changed"
            )
    return {name: found.get(name, 0) for name in (SHARED, OWN)}


async def _claim(db: asyncpg.Connection[Any], address: DatabaseAddress, cluster: str) -> None:
    """A process without a bot (a dry run, `migrate`) is told from others by the name alone."""
    if not cluster:
        return
    await db.execute("INSERT INTO cluster (id) VALUES ($1) ON CONFLICT DO NOTHING", cluster)
    owner = await db.fetchval("SELECT id FROM cluster")
    (name, _, bot), (owner_name, _, owner_bot) = cluster.partition("/"), owner.partition("/")
    if owner_name != name:
        raise DatabaseRefused(
            f"{address} belongs to the cluster {owner_name!r}, and this is {name!r}: name a database of its own in "
            f"DATABASE_URL, or set CLUSTER={owner_name} when both are one"
        )
    if bot and not owner_bot:
        await db.execute("UPDATE cluster SET id = $1", cluster)
    elif bot and owner_bot != bot:
        raise DatabaseRefused(
            f"{address} belongs to the installation of bot {owner_bot}, and this one's is {bot}: name a database of "
            "its own in DATABASE_URL; if that bot was replaced, "
            f"set the id of its table cluster to '{name}'"
        )
