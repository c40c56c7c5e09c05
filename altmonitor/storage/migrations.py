"""A database file → one with the current schema, or a clear refusal. Runs before the long-lived connection opens.

Blocking; meant for a thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import NewerSchemaError, NoFileLocks, StorageError
from altmonitor.core.files import close_database_to_others, make_private

# ---
# Rows of the older tool: a table `alerts` without key, event_ms, candle_ms, late, and loosely typed.


_ASIDE = "alerts_of_older_tool"
_NEEDED = {"ts", "symbol", "direction"}


def is_legacy(db: sqlite3.Connection) -> bool:
    columns = _columns(db, "alerts")
    return columns >= _NEEDED and "key" not in columns


def put_aside(db: sqlite3.Connection) -> None:
    """Inside a transaction: frees the name of the table and of its indexes."""
    found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'alerts' AND sql NOT NULL")
    for (name,) in found.fetchall():
        db.execute(f'DROP INDEX "{name}"')
    db.execute(f"ALTER TABLE alerts RENAME TO {_ASIDE}")


def take_over(db: sqlite3.Connection) -> None:
    """Inside the same transaction, with the new table in place. Every row comes along under the key `legacy:<id>`.

    What the old table holds in another spelling is translated where its meaning is sure, else left out; there are no
    deliveries for these rows, since nobody waits for them.
    """
    columns = _columns(db, _ASIDE)

    def number(name: str) -> str:
        if name not in columns:
            return "NULL"
        return f"CASE WHEN typeof({name}) IN ('real', 'integer') THEN CAST({name} AS REAL) END"

    def text(name: str) -> str:
        return f"COALESCE(CAST({name} AS TEXT), '')" if name in columns else "''"

    db.execute(
        f"""
        INSERT INTO alerts (id, key, ts, event_ms, symbol, kind, direction, price, change_pct, oi_change, amplitude,
                            lsr, metric, quadrant, note)
        SELECT row_id, 'legacy:' || row_id, ts, CAST(round(ts * 1000) AS INTEGER), symbol, kind,
               CASE WHEN direction IN ('PUMP', 'DUMP', 'UP', 'DOWN') THEN direction
                    WHEN kind = 'price' THEN CASE WHEN change_pct < 0 THEN 'DUMP' ELSE 'PUMP' END
                    ELSE CASE WHEN COALESCE(oi_change, change_pct) < 0 THEN 'DOWN' ELSE 'UP' END END,
               price, change_pct, oi_change, amplitude, lsr, metric,
               CASE WHEN quadrant IN ('up_up', 'up_down', 'down_up', 'down_down') THEN quadrant
                    WHEN quadrant <> '' AND change_pct <> 0 AND oi_change <> 0
                    THEN CASE WHEN change_pct > 0 THEN 'up_' ELSE 'down_' END
                         || CASE WHEN oi_change > 0 THEN 'up' ELSE 'down' END END,
               note
        FROM (SELECT rowid AS row_id, COALESCE(CAST(ts AS REAL), 0) AS ts, {text("symbol")} AS symbol,
                     CASE WHEN {text("kind")} IN ('price', 'oi', 'vol') THEN {text("kind")} ELSE 'price' END AS kind,
                     upper({text("direction")}) AS direction, {number("price")} AS price,
                     {number("change_pct")} AS change_pct, {number("oi_change")} AS oi_change,
                     {number("amplitude")} AS amplitude, {number("lsr")} AS lsr, {number("metric")} AS metric,
                     {text("quadrant")} AS quadrant, {text("note")} AS note
              FROM {_ASIDE})
        ORDER BY row_id
        """  # noqa: S608 — names and expressions are ours, values never enter the text
    )
    db.execute(f"DROP TABLE {_ASIDE}")


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


# ---


SCHEMA_DIRECTORY = Path(__file__).parent / "schema"
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
BUSY_TIMEOUT_S = 5.0

_HEADER = b"SQLite format 3\x00"
_USER_VERSION = slice(60, 64)  # Source: https://www.sqlite.org/fileformat2.html#the_database_header
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """set_aside: where a file that was no (sound) database went. copy: the file as it was before a migration."""

    set_aside: Path | None = None
    copy: Path | None = None


class DatabaseDamaged(StorageError):
    """The file is not a database, or not a sound one."""


def latest_version() -> int:
    return max(schema_scripts())


def prepare(path: Path, *, now_s: int) -> Prepared:
    """Afterwards `path` is a database of the latest version. `now_s`: unix seconds, for names of copies.

    Raises:
        NewerSchemaError: written by a newer altmonitor; not touched.
        StorageError: cannot be read or written, or belongs to another program; not touched.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StorageError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        make_private(path)
        header = _read_header(path)
    except OSError as problem:
        raise unusable(path, problem.strerror or str(problem)) from problem
    try:
        if header is not None:
            _check_header(path, header)
        return Prepared(copy=_migrate(path, now_s))
    except DatabaseDamaged:
        moved = set_aside(path, now_s)
    _migrate(path, now_s)
    return Prepared(set_aside=moved)


def is_damage(problem: BaseException) -> bool:
    """True for the errors by which SQLite says that the file itself is broken."""
    code = getattr(problem, "sqlite_errorcode", None)
    return isinstance(problem, DatabaseDamaged) or (code is not None and code & 0xFF in _DAMAGED)


def set_aside(path: Path, now_s: int) -> Path:
    """Rename the file and its write-ahead log to `<name>.corrupt-<unix s>`; nothing is deleted."""
    target = _free_name(path, f"corrupt-{now_s}")
    try:
        path.rename(target)
        for suffix in ("-wal", "-shm"):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(target.with_name(target.name + suffix))
    except OSError as problem:
        raise unusable(path, problem.strerror or str(problem)) from problem
    return target


def _read_header(path: Path) -> bytes | None:
    """The first 100 bytes; None when there is nothing yet."""
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return None
    with path.open("rb") as file:
        return file.read(100)


def _check_header(path: Path, header: bytes) -> None:
    # Read from the bytes because merely opening a WAL database of a newer version could already change files.
    if not header.startswith(_HEADER):
        raise DatabaseDamaged(f"{path} is not a database")
    _refuse_newer(path, int.from_bytes(header[_USER_VERSION], "big", signed=True))


def _refuse_newer(path: Path, version: int) -> None:
    if version > latest_version():
        raise NewerSchemaError(
            f"{path} was written by a newer altmonitor (version {version}, this one knows {latest_version()}): "
            "install the newer one, or set DB_FILE to another file; nothing was changed"
        )


def _migrate(path: Path, now_s: int) -> Path | None:
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as db:
            _check_sound(path, db)
            _refuse_foreign(path, db)  # before the next line, which changes the file
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            copy = _bring_up_to_date(path, db, now_s)
            # A write of no consequence: a read-only file or disk must be noticed now and not at the first alert.
            db.execute(f"PRAGMA user_version = {latest_version()}")
            close_database_to_others(path)
            return copy
    except sqlite3.Error as problem:
        if is_damage(problem):
            raise DatabaseDamaged(f"{path} is damaged: {problem}") from problem
        raise refusal(path, problem) from problem


def _check_sound(path: Path, db: sqlite3.Connection) -> None:
    _refuse_newer(path, _version(db))
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise DatabaseDamaged(f"{path} is damaged: {verdict}")


def _refuse_foreign(path: Path, db: sqlite3.Connection) -> None:
    version, tables = _version(db), _tables(db)
    if "alerts" not in tables and any(name.startswith("ob_") for name in tables):
        raise StorageError(
            f"{path} is another file: a tracker's snapshots (SMART_MONEY_DB_PATH) are in it. Set DB_FILE to a file of "
            "its own"
        )
    if version == 0 and tables and not is_legacy(db):
        raise StorageError(
            f"{path} is the database of another program (tables {', '.join(tables[:5])}): set DB_FILE to another file"
        )
    if version > 0 and not {"alerts", "deliveries", "meta"} <= set(tables):
        raise StorageError(f"{path} is the database of another program: set DB_FILE to another file")


def _bring_up_to_date(path: Path, db: sqlite3.Connection, now_s: int) -> Path | None:
    """Returns the copy made before; None when the file was new or current."""
    version = _version(db)
    if version == latest_version():
        return None
    copy = None
    if _tables(db):
        copy = _free_name(path, f"before-v{latest_version()}-{now_s}")
        make_private(copy)
        db.execute("VACUUM INTO ?", (str(copy),))
    for number, script in sorted(schema_scripts().items()):
        if number > version:
            _apply(db, number, script)
    return copy


def _apply(db: sqlite3.Connection, number: int, script: str) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        has_old_rows = number == 1 and is_legacy(db)
        if has_old_rows:
            put_aside(db)
        for statement in _statements(script):
            db.execute(statement)
        if has_old_rows:
            take_over(db)
        db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@cache
def schema_scripts() -> dict[int, str]:
    return {int(file.name[:4]): file.read_text(encoding="utf-8") for file in SCHEMA_DIRECTORY.glob("[0-9]*.sql")}


def _statements(script: str) -> Iterator[str]:
    """One by one: `executescript` would commit the surrounding transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _tables(db: sqlite3.Connection) -> list[str]:
    found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    return [name for (name,) in found]


def _free_name(path: Path, ending: str) -> Path:
    target, count = path.with_name(f"{path.name}.{ending}"), 1
    while target.exists():
        count += 1
        target = path.with_name(f"{path.name}.{ending}-{count}")
    return target


_WITHOUT_LOCKS = frozenset(
    (
        *(sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_RDLOCK),
        *(sqlite3.SQLITE_IOERR_UNLOCK, sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK, sqlite3.SQLITE_IOERR_SHMOPEN),
        *(sqlite3.SQLITE_IOERR_SHMLOCK, sqlite3.SQLITE_IOERR_SHMMAP),
    )
)
"""How SQLite says that a file system does not do what it needs."""


_SQLITE_CODES: Final = {
    sqlite3.SQLITE_BUSY: CauseCode.LOCKED,
    sqlite3.SQLITE_LOCKED: CauseCode.LOCKED,
    sqlite3.SQLITE_FULL: CauseCode.DISK_FULL,
    sqlite3.SQLITE_READONLY: CauseCode.READ_ONLY,
    sqlite3.SQLITE_PERM: CauseCode.NOT_PERMITTED,
    sqlite3.SQLITE_CANTOPEN: CauseCode.NOT_PERMITTED,
    sqlite3.SQLITE_IOERR: CauseCode.DISK_ERROR,
    sqlite3.SQLITE_CORRUPT: CauseCode.DAMAGED,
    sqlite3.SQLITE_NOTADB: CauseCode.DAMAGED,
}


def cause_code(problem: Exception) -> CauseCode:
    """Of what SQLite refuses; OTHER for what it does not say in a code, and for values that it cannot take."""
    return _SQLITE_CODES.get(getattr(problem, "sqlite_errorcode", 0) & 0xFF, CauseCode.OTHER)


def refusal(path: Path, problem: sqlite3.Error, *, variable: str = "DB_FILE") -> StorageError:
    """One line with the cause and the way out."""
    code = getattr(problem, "sqlite_errorcode", 0)
    if code in _WITHOUT_LOCKS:
        return no_file_locks(path, variable, str(problem))
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            way_out = f"another program has it open and locked: close that one, or set {variable} elsewhere"
        case sqlite3.SQLITE_FULL:
            way_out = f"free some space, or set {variable} elsewhere"
        case _:
            return unusable(path, str(problem), variable=variable, code=cause_code(problem))
    return StorageError(f"{path} cannot be used as database ({problem}): {way_out}", code=cause_code(problem))


def no_file_locks(path: Path, variable: str, reason: str) -> NoFileLocks:
    return NoFileLocks(
        f"{path} lies where files cannot be locked ({reason}), as on some network shares, and a database needs that: "
        f"set {variable} to a folder of a disk of this machine"
    )


def unusable(path: Path, reason: str, *, variable: str = "DB_FILE", code: CauseCode = CauseCode.OTHER) -> StorageError:
    return StorageError(
        f"{path} cannot be used as database ({reason}): make the file and its directory readable and writable, "
        f"or set {variable} elsewhere",
        code=code,
    )
