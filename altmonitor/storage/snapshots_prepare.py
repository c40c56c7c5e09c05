"""A file of snapshots, of the older tool too → one of our version, or a clear refusal. Blocking; meant for a thread."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from altmonitor.core.errors import NewerSchemaError, StorageError
from altmonitor.storage import migrations as migrate
from altmonitor.storage.snapshot_rows import OI_TABLE, SMART_MONEY_TABLE, TOP_TRADER_TABLE

VERSION: Final = 1
VARIABLE: Final = "SMART_MONEY_DB_PATH"
BUSY_TIMEOUT_MS: Final = 5_000
TABLES: Final = (SMART_MONEY_TABLE, TOP_TRADER_TABLE, OI_TABLE)

_SCHEMA = Path(__file__).with_name("snapshots_schema.sql")


def prepare(path: Path, now_s: int) -> Path | None:
    """Afterwards the file is of our version; a broken one is put aside, and where is returned. Blocking."""
    try:
        _bring_up_to_date(path)
    except (sqlite3.Error, migrate.Damaged) as problem:
        if not migrate.is_damage(problem):
            raise unusable(path, str(problem)) from problem
        moved = migrate.set_aside(path, now_s)
        _bring_up_to_date(path)
        return moved
    return None


def _bring_up_to_date(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise NewerSchemaError(
                f"{path} was written by a newer altmonitor (version {version}, this one knows {VERSION}): install the "
                f"newer one, or set {VARIABLE} to another file; nothing was changed"
            )
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if tables and not tables & set(TABLES):
            raise StorageError(f"{path} is the database of another program: set {VARIABLE} to another file")
        if (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise migrate.Damaged(f"{path} is damaged: {verdict}")
        db.execute("PRAGMA journal_mode = WAL")
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({SMART_MONEY_TABLE})")}
        if columns and "price" not in columns:
            db.execute(f"ALTER TABLE {SMART_MONEY_TABLE} ADD COLUMN price REAL")
        db.executescript(
            _SCHEMA.read_text(encoding="utf-8")
        )  # every step may be repeated: a kill in between is no harm
        db.execute(f"PRAGMA user_version = {VERSION}")


def unusable(path: Path, reason: str) -> StorageError:
    return StorageError(
        f"{path} cannot be used for snapshots ({reason}): make the file and its directory readable and writable, or "
        f"set {VARIABLE} elsewhere"
    )
