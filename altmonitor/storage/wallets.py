"""Watched wallets in the file of snapshots: its one writer, and the file as other processes read it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.venue_names import coin_of, symbol_of_hyperliquid
from altmonitor.interfaces.wallets import HourOfPool, StoredPool, WalletWatch
from altmonitor.positioning.wallet_pool import PoolSnapshot, lately
from altmonitor.positioning.wallets import Wallet, WalletEvent, WalletPosition, WalletState
from altmonitor.storage import migrations as migrate
from altmonitor.storage.read_only import read_only
from altmonitor.storage.rows import Fetch, Row
from altmonitor.storage.snapshots import VARIABLE, prepare
from altmonitor.storage.sqlite_file import SqliteFile
from altmonitor.storage.writer import FileLock

log = logging.getLogger(__name__)

V = TypeVar("V")


NOT_WATCHED: Final = "no wallets are watched: set HYPERLIQUID_WALLETS, or VENUES with hyperliquid"
NOT_YET: Final = "no wallet has been looked at yet"
_SCHEMA: Final = Path(__file__).with_name("wallets_schema.sql")
_EVENT_FIELDS: Final = (
    "at_ms",
    "from_ms",
    "kind",
    "address",
    "coin",
    "symbol",
    "size_before",
    "size_after",
    "usd",
    "role",
)
_COLUMNS: Final = ", ".join(_EVENT_FIELDS)
_INSERT_EVENT: Final = f"INSERT INTO wallet_events ({_COLUMNS}) VALUES ({', '.join('?' * len(_EVENT_FIELDS))})"  # noqa: S608

# ---
# Rows ↔ values.


class _HeldRow(msgspec.Struct, frozen=True, array_like=True):
    """One position at the end of an hour: what sums are made of. wallet: its place among those of the hour."""

    wallet: int
    size: float
    notional_usd: float
    entry: float | None


class _SeenRow(msgspec.Struct, frozen=True, array_like=True):
    address: str
    as_of_ms: int
    account_usd: float | None


class _HourBody(msgspec.Struct, frozen=True, array_like=True):
    """held: by coin, each a list of `_HeldRow` that is only read where that coin is asked for."""

    seen: list[_SeenRow]
    held: dict[str, msgspec.Raw]


_WALLET: Final = msgspec.json.Decoder(Wallet)
_WATCH: Final = msgspec.json.Decoder(WalletWatch)
_STATE: Final = msgspec.msgpack.Decoder(WalletState)
_HOUR: Final = msgspec.msgpack.Decoder(_HourBody)
_HELD: Final = msgspec.msgpack.Decoder(list[_HeldRow])
_json: Final = msgspec.json.Encoder()
_msgpack: Final = msgspec.msgpack.Encoder()


def _hour_row(hour: HourOfPool) -> Row:
    held: dict[str, list[_HeldRow]] = {}
    for at, state in enumerate(hour.states):
        for one in state.positions:
            held.setdefault(one.coin, []).append(_HeldRow(at, one.size, one.notional_usd, one.entry))
    body = _HourBody(
        [_SeenRow(state.address, state.as_of_ms, state.account_usd) for state in hour.states],
        {coin: msgspec.Raw(_msgpack.encode(rows)) for coin, rows in held.items()},
    )
    return hour.hour_ms, hour.wallets, zlib.compress(_msgpack.encode(body))


def _hour_of(row: Row, base: str | None) -> HourOfPool | None:
    """base: only positions in this coin; None: all. None for an hour that cannot be read."""
    hour_ms, wallets, body = row
    try:
        found = _HOUR.decode(zlib.decompress(body))
    except (zlib.error, msgspec.MsgspecError):
        return None
    positions: list[list[WalletPosition]] = [[] for _ in found.seen]
    for coin, rows in found.held.items():
        symbol = symbol_of_hyperliquid(coin)
        if base is None or coin_of(symbol) == base:
            for one in _HELD.decode(rows):
                positions[one.wallet].append(_position_of(coin, symbol, one, found.seen[one.wallet].as_of_ms))
    states = tuple(
        WalletState(address=seen.address, as_of_ms=seen.as_of_ms, account_usd=seen.account_usd, positions=tuple(held))
        for seen, held in zip(found.seen, positions, strict=True)
    )
    return HourOfPool(hour_ms=hour_ms, wallets=wallets, states=states)


def _position_of(coin: str, symbol: str, held: _HeldRow, as_of_ms: int) -> WalletPosition:
    return WalletPosition(
        coin=coin,
        symbol=symbol,
        size=held.size,
        notional_usd=held.notional_usd,
        entry=held.entry,
        as_of_ms=as_of_ms,
    )


def _readable(decode: Callable[[Any], V], rows: Sequence[Row]) -> list[V]:
    """rows: of one column each."""
    found: list[V] = []
    for (value,) in rows:
        try:
            found.append(decode(value))
        except msgspec.MsgspecError as problem:
            log.debug("a stored row of wallets: %s", problem)
    return found


# ---
# Questions to the tables, whoever has opened the file.


class WalletRows:
    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def load(self) -> StoredPool:
        """What cannot be read is left out: it is looked at anew."""
        return StoredPool(
            wallets=_readable(_WALLET.decode, await self._fetch("SELECT row FROM wallets", ())),
            states=_readable(_STATE.decode, await self._fetch("SELECT body FROM wallet_states", ())),
            watch=await self.watch(),
        )

    async def watch(self) -> WalletWatch:
        rows = _readable(_WATCH.decode, await self._fetch("SELECT row FROM wallet_watch", ()))
        return rows[0] if rows else WalletWatch()

    async def events(
        self, *, since_ms: int, coin: str | None = None, address: str | None = None, limit: int = 500
    ) -> Sequence[WalletEvent]:
        """As `interfaces.wallets.WalletRecord`."""
        where, values = ["at_ms >= ?"], [since_ms, *(name for name in (coin, address) if name is not None)]
        where += [f"{column} = ?" for column, name in (("coin", coin), ("address", address)) if name is not None]
        sql = f"SELECT {_COLUMNS} FROM wallet_events WHERE {' AND '.join(where)} ORDER BY at_ms DESC, id DESC LIMIT ?"  # noqa: S608
        rows = await self._fetch(sql, (*values, limit))
        return [WalletEvent(**dict(zip(_EVENT_FIELDS, row, strict=True))) for row in rows]

    async def hours(self, hours_ms: Collection[int], *, base: str | None = None) -> Sequence[HourOfPool]:
        wanted = sorted(set(hours_ms))
        marks = ", ".join("?" * len(wanted))
        sql = f"SELECT hour_ms, wallets, body FROM wallet_hours WHERE hour_ms IN ({marks}) ORDER BY hour_ms"  # noqa: S608
        rows = await self._fetch(sql, wanted)
        return await asyncio.to_thread(lambda: [hour for row in rows if (hour := _hour_of(row, base)) is not None])


# ---


class WalletsDb:
    """`interfaces.wallets.WalletStore`. `open` before the first call, `close` after the last.

    A tracker may write the other tables of the same file meanwhile: SQLite lets them take turns.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock: FileLock | None = None
        self._file = SqliteFile(path, name="wallets")
        self._rows = WalletRows(self._file.fetch)
        self.load = self._rows.load
        self.events = self._rows.events
        self.hours = self._rows.hours

    async def open(self) -> None:
        """Raises: StorageError: it cannot be used, or another process watches wallets into it."""
        try:
            await asyncio.to_thread(self._path.parent.mkdir, parents=True, exist_ok=True)
        except OSError as problem:
            raise migrate.unusable(self._path, problem.strerror or str(problem), variable=VARIABLE) from problem
        self._lock = FileLock(watch_file(self._path), variable=VARIABLE)
        try:
            await asyncio.to_thread(self._prepare)
            await self._file.open(script=_SCHEMA.read_text(encoding="utf-8"))
        except sqlite3.Error as problem:
            await self.close()
            raise migrate.refusal(self._path, problem, variable=VARIABLE) from problem
        except BaseException:
            await self.close()
            raise

    def _prepare(self) -> None:
        """Under the lock of who writes the rest of the file. Where a tracker holds that, the file is in order."""
        try:
            lock = FileLock(self._path, variable=VARIABLE)
        except StorageError:
            if self._path.exists():
                return
            raise
        try:
            moved = prepare(self._path, self._clock.now_ms() // 1000)
        finally:
            lock.release()
        if moved is not None:
            log.warning("%s was damaged: it lies at %s, a new one was begun", self._path, moved)

    async def close(self) -> None:
        """Bounded; may be called twice."""
        await self._file.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def put_wallets(self, wallets: Sequence[Wallet]) -> None:
        await self._file.write(
            ("DELETE FROM wallets", [()]),
            ("INSERT INTO wallets VALUES (?, ?)", [(one.address, _json.encode(one).decode()) for one in wallets]),
            ("DELETE FROM wallet_states WHERE address NOT IN (SELECT address FROM wallets)", [()]),
        )

    async def put_looks(self, states: Sequence[WalletState], events: Sequence[WalletEvent], watch: WalletWatch) -> None:
        rows = [(state.address, state.as_of_ms, _msgpack.encode(state)) for state in states]
        await self._file.write(
            ("INSERT OR REPLACE INTO wallet_states VALUES (?, ?, ?)", rows),
            (_INSERT_EVENT, [tuple(getattr(event, name) for name in _EVENT_FIELDS) for event in events]),
            ("INSERT OR REPLACE INTO wallet_watch VALUES (1, ?)", [(_json.encode(watch).decode(),)]),
        )

    async def put_hour(self, hour: HourOfPool) -> None:
        row = await asyncio.to_thread(_hour_row, hour)
        await self._file.write(("INSERT OR REPLACE INTO wallet_hours VALUES (?, ?, ?)", [row]))

    async def forget_before(self, before_ms: int) -> None:
        await self._file.write(
            ("DELETE FROM wallet_events WHERE at_ms < ?", [(before_ms,)]),
            ("DELETE FROM wallet_hours WHERE hour_ms < ?", [(before_ms,)]),
        )


def watch_file(path: Path) -> Path:
    """What is locked while wallets are watched into that file."""
    return path.with_name(f"{path.name}.wallets")


# ---


class WalletsFile:
    """`interfaces.wallets.WalletQueries` beside the process that watches: opened for each question, because that one
    may come, go and replace it."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def snapshot(self) -> PoolSnapshot:
        async with self._reader() as rows:
            stored = StoredPool() if rows is None else await rows.load()
        return snapshot_of(stored, now_ms=self._clock.now_ms())

    async def events(
        self, *, since_ms: int, coin: str | None = None, address: str | None = None, limit: int = 500
    ) -> Sequence[WalletEvent]:
        async with self._reader() as rows:
            if rows is None:
                return ()
            return await rows.events(since_ms=since_ms, coin=coin, address=address, limit=limit)

    async def watched_since_ms(self) -> int | None:
        async with self._reader() as rows:
            return None if rows is None else (await rows.watch()).since_ms

    async def hours(self, hours_ms: Collection[int], *, base: str | None = None) -> Sequence[HourOfPool]:
        async with self._reader() as rows:
            return () if rows is None else await rows.hours(hours_ms, base=base)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[WalletRows | None]:
        """None where nothing was ever watched."""
        if not self._path.exists():
            yield None
            return
        async with read_only(self._path, clock=self._clock) as fetch:
            has_tables = await fetch("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'wallet_watch'", ())
            yield WalletRows(fetch) if has_tables else None


def snapshot_of(stored: StoredPool, *, now_ms: int) -> PoolSnapshot:
    """As it is known at that moment: what is too old does not count."""
    states = lately(stored.states, now_ms=now_ms, round_s=stored.watch.round_s)
    watched = {wallet.address: wallet for wallet in stored.wallets}
    nothing = (stored.watch.pause or NOT_YET) if watched else NOT_WATCHED
    return PoolSnapshot(
        now_ms=now_ms,
        wallets=watched,
        states={address: state for address, state in states.items() if address in watched},
        round_s=stored.watch.round_s,
        leaderboard_ms=stored.watch.leaderboard_ms,
        failing=stored.watch.failing,
        unavailable="" if states else nothing,
    )
