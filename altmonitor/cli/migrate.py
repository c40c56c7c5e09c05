"""`altmonitor migrate --to postgresql://…`: what SQLite and state.json hold, copied into PostgreSQL and verified."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from altmonitor.cli.archive import ArchiveProgress
from altmonitor.cli.common import Answer, Session, print_answer
from altmonitor.core.errors import ConfigError
from altmonitor.settings.value_readers import is_postgres_address
from altmonitor.storage.state_file import StateFile

if TYPE_CHECKING:
    from altmonitor.storage.postgres.sqlite_copy import CopiedTable

FORM = "an address such as postgresql://host:5432/database, user:password@ before the host"


def migrate(session: Session, *, to: str | None, as_json: bool) -> int:
    """to: None for DATABASE_URL. Returns the exit code. Raises: ConfigError, StorageError."""
    url = to or session.config.database_url
    if not url:
        raise ConfigError([f"migrate needs --to with {FORM}"])
    if not is_postgres_address(url):
        raise ConfigError([f"--to needs {FORM}"])
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
    from altmonitor.storage.postgres.sqlite_copy import SqliteCopy

    config = session.config
    connection = PostgresConnection(DatabaseAddress(url), purpose="migrates")

    async def copy() -> Sequence[CopiedTable]:
        state = await StateFile(config.state_file, session.clock).look()
        progress = ArchiveProgress("migrate", clock=session.clock)
        copying = SqliteCopy(config.db_file, state, connection, cluster=config.cluster_id, on_progress=progress.show)
        try:
            return await copying.run()
        finally:
            await connection.close()

    tables = asyncio.run(copy())
    lines = [
        *(
            f"{table.name}: {table.rows:,} rows, sha256 {table.checksum[:16]}, the same on both sides"
            for table in tables
        ),
        f"All of {config.db_file} and {config.state_file} is in {connection.address} now; the files are as they were.",
    ]
    if config.database_url != url:
        lines.append("Set DATABASE_URL in .env to that address, and start: from then on it is used instead of them.")
    return print_answer(Answer(values={"tables": [asdict(table) for table in tables]}, lines=lines), as_json=as_json)
