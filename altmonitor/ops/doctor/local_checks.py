"""What can be looked at without a network: Python, libraries, configuration, files."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import os
import platform
import shutil
import sqlite3
import ssl
import stat
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ConfigError, NewerSchemaError, StorageError
from altmonitor.ops.doctor.report import Seen, failed, fine, note

NEEDED: dict[str, tuple[str, str]] = {
    "websockets": ("websockets", "17"),
    "aiohttp": ("aiohttp", "3.14"),
    "python-telegram-bot": ("telegram", "22.8"),
    "aiosqlite": ("aiosqlite", "0.22.1"),
    "python-dotenv": ("dotenv", "1.2.4"),
    "numpy": ("numpy", "2.3"),
    "msgspec": ("msgspec", "0.22"),
    "click": ("click", "8.5"),
    "prometheus-client": ("prometheus_client", "0.26"),
    "tzdata": ("tzdata", "2026.1"),
    "pillow": ("PIL", "13"),
    "rich": ("rich", "15"),
    "jinja2": ("jinja2", "3.1.6"),
}
"""Distribution → (module, lowest version), as in pyproject.toml."""

OLDEST_PYTHON = (3, 11)
LEAST_DISK_MB, GOOD_DISK_MB = 20, 500
MB = 1_000_000
INSTALL = "install anew: python3 setup_wizard.py (or pip install -r requirements.lock)"


async def python() -> Seen:
    version = platform.python_version()
    where = f"{platform.python_implementation()} {version} on {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST_PYTHON:
        return failed(where, "install Python 3.11 or newer")
    return fine(f"{where}, {ssl.OPENSSL_VERSION}, SQLite {sqlite3.sqlite_version}")


async def libraries() -> Seen:
    wrong, found = await asyncio.to_thread(_libraries)
    if wrong:
        return failed("; ".join(wrong), INSTALL)
    return fine(f"{len(found)} libraries: {', '.join(found)}")


def _libraries() -> tuple[list[str], list[str]]:
    wrong: list[str] = []
    found: list[str] = []
    for name, (module, lowest) in NEEDED.items():
        try:
            version = importlib.metadata.version(name)
            importlib.import_module(module)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is not installed")
        except ImportError as problem:
            wrong.append(f"{name} cannot be loaded ({problem})")
        else:
            found.append(f"{name} {version}")
            if _numbers(version) < _numbers(lowest):
                wrong.append(f"{name} {version} is older than {lowest}")
    return wrong, found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def private_file(path: Path) -> Seen:
    """`.env` holds the token."""
    try:
        kind_and_mode = path.stat().st_mode
    except FileNotFoundError:
        return note(f"there is no {path}; settings come from the environment alone")
    except OSError as problem:
        return failed(f"{path}: {problem.strerror}", "make it readable for the user who runs altmonitor")
    if not stat.S_ISREG(kind_and_mode):
        return note(f"{path} is not a regular file; who else can read it is not looked at")
    mode = stat.S_IMODE(kind_and_mode)
    if os.name == "posix" and mode & 0o077:
        return note(f"{path} can be read by others on this machine (mode {mode:03o})", f"chmod 600 {path}")
    return fine(f"{path}, for its owner alone")


async def folders(config: Config) -> Seen:
    texts: list[str] = []
    for folder in dict.fromkeys(path.absolute().parent for path in (config.db_file, config.state_file)):
        existing = next((destination for destination in (folder, *folder.parents) if destination.exists()), folder)
        way_out = f"make {folder} writable for this user, or set DB_FILE and STATE_FILE elsewhere"
        try:
            with tempfile.TemporaryFile(dir=existing) as file:
                file.write(b"\0" * 4096)
            free_mb = shutil.disk_usage(existing).free // MB
        except OSError as problem:
            return failed(f"{existing} cannot be written: {problem.strerror}", way_out)
        if free_mb < LEAST_DISK_MB:
            return failed(f"{existing} has {free_mb} MB free", "free some space: alerts cannot be stored")
        texts.append(f"{folder} is writable, {free_mb:,} MB free")
        if free_mb < GOOD_DISK_MB:
            return note("; ".join(texts), "a year of alerts takes some hundred MB: free some space")
    return fine("; ".join(texts))


async def database(config: Config) -> Seen:
    if config.database_url:
        return await look_at_postgres(config.database_url)
    return await asyncio.to_thread(look_at_database, config.db_file)


async def look_at_postgres(url: str) -> Seen:
    """As the start of a monitor would find it; nothing is changed."""
    try:
        from altmonitor.storage.postgres.reader import described

        return fine(await described(url))
    except (ConfigError, StorageError) as problem:
        text, _, way_out = str(problem).rpartition(": ")
        return failed(text, way_out)


def look_at_database(path: Path) -> Seen:
    """Opened read-only: a monitor may be running, and nothing is changed."""
    from altmonitor.storage import migrations as legacy
    from altmonitor.storage import migrations as migrate

    if not path.exists():
        return fine(f"{path} is not there yet; the first start makes it")
    aside = "the monitor would keep it aside and begin a new one; put a copy back, or move it away"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=2)) as db:
            verdict = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
            if verdict != "ok":
                return failed(f"{path} is damaged: {verdict}", aside)
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if legacy.is_legacy(db):
                count = db.execute("SELECT count(*) FROM alerts").fetchone()[0]
                return fine(f"{path} is of the older tool, sound, {count:,} alerts; the first start takes them over")
            if version > migrate.latest_version():
                text = f"{path} was written by a newer altmonitor (version {version})"
                return failed(text, "install that version, or set DB_FILE to another file")
            if version == 0:
                tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 3")]
                if tables:
                    text = f"{path} belongs to another program ({', '.join(tables)})"
                    return failed(text, "set DB_FILE to another file")
                return fine(f"{path} is empty; the first start fills it")
            alerts = db.execute("SELECT count(*) FROM alerts").fetchone()[0]
            queued = db.execute("SELECT count(*) FROM deliveries WHERE state = 'queued'").fetchone()[0]
    except sqlite3.DatabaseError as problem:
        is_damage = migrate.is_damage(problem)
        text = f"{path} is {'damaged' if is_damage else 'not readable'}: {problem}"
        return failed(text, aside if is_damage else "make the file and its folder readable for this user")
    older = "" if version == migrate.latest_version() else f" (this altmonitor writes {migrate.latest_version()})"
    return fine(f"{path} is sound, version {version}{older}, {alerts:,} alerts, {queued:,} waiting to be sent")


async def snapshots(config: Config, clock: Clock) -> Seen:
    return await asyncio.to_thread(look_at_snapshots, config.smart_money_db_path, clock.now_ms())


def look_at_snapshots(path: Path, now_ms: int) -> Seen:
    """Of who is positioned: rows and the age of the newest one, by kind. Opened read-only."""
    from altmonitor.storage import migrations
    from altmonitor.storage.snapshots import VERSION

    if not path.exists():
        return fine(f"{path} is not there: nothing is tracked (altmonitor track)")
    other = "set SMART_MONEY_DB_PATH to another file"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=2)) as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version > VERSION:
                return failed(f"{path} was written by a newer altmonitor (version {version})", other)
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            kinds = {table: title for table, title in SNAPSHOT_KINDS.items() if table in tables}
            if tables and not kinds:
                return failed(f"{path} is another file: the database of another program, or alerts", other)
            texts = []
            for table, title in kinds.items():
                count, newest_ms = db.execute(f"SELECT count(*), max(ts) FROM {table}").fetchone()  # noqa: S608 — ours
                if count:
                    texts.append(f"{title} {count:,} rows, the newest {_age((now_ms - newest_ms) / 1000)} old")
    except sqlite3.DatabaseError as problem:
        is_damage = migrations.is_damage(problem)
        return failed(f"{path} is {'damaged' if is_damage else 'not readable'}: {problem}", other)
    size_mb = path.stat().st_size / MB
    return fine(f"{path}, {size_mb:.1f} MB: {'; '.join(texts) or 'no rows yet'}")


SNAPSHOT_KINDS = {
    "ob_smart_money_snapshots": "large traders",
    "ob_top_trader_snapshots": "top traders",
    "ob_oi_snapshots": "open interest",
}
"""Table → what a person calls it."""


def _age(seconds: float) -> str:
    for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


async def live_settings(config: Config) -> Seen:
    """state.json, looked at without moving a damaged one aside."""
    from altmonitor.storage.overrides_format import StateDamaged
    from altmonitor.storage.state_format import decode

    path = config.state_file
    if config.database_url:
        return fine("in the database, like the alerts")
    try:
        content = path.read_bytes()
        decode(content)
    except FileNotFoundError:
        return fine(f"{path} is not there: nothing was changed in the chat yet")
    except OSError as problem:
        return failed(f"{path} cannot be read: {problem.strerror}", "make it readable, or set STATE_FILE")
    except NewerSchemaError as problem:
        return failed(f"{path} {problem}", "install that version, or move the file away")
    except StateDamaged as problem:
        return note(
            f"{path} is damaged: {problem}", "correct it, or it is kept aside and the environment's values hold"
        )
    return fine(f"{path} is readable")
