"""What a PostgreSQL server that will not do is called, where no real one can be had that does it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import DatabaseRefused
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection, refusal


@asynccontextmanager
async def server(version: str) -> AsyncIterator[str]:
    """Speaks PostgreSQL as far as a login without a password; its address."""
    served: set[asyncio.Task[object]] = set()

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!I", len(body) + 4) + body

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())  # type: ignore[arg-type]
        while True:
            (length, code) = struct.unpack("!II", await reader.readexactly(8))
            await reader.readexactly(length - 8)
            if code == 196_608:
                break
            writer.write(b"N")  # asked for TLS
        writer.write(message(b"R", struct.pack("!I", 0)))
        for name, value in {"server_version": version, "client_encoding": "UTF8"}.items():
            writer.write(message(b"S", f"{name}\0{value}\0".encode()))
        writer.write(message(b"K", struct.pack("!II", 1, 1)) + message(b"Z", b"I"))
        await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"postgresql://ann:pass-word@127.0.0.1:{listening.sockets[0].getsockname()[1]}/alerts"
    finally:
        listening.close()
        if served:
            await asyncio.wait(served)


async def test_a_server_that_is_too_old_is_named_with_its_version_and_what_is_needed() -> None:
    for version, shown in (("12.9", "12.9"), ("9.6.24", "9.6.24"), ("12.9 (Debian 12.9-1)", "12.9")):
        async with server(version) as url:
            connection = PostgresConnection(DatabaseAddress(url), purpose="test")
            with pytest.raises(DatabaseRefused) as refused:
                await connection.open()
            await connection.close()
        assert str(refused.value).endswith(f"is version {shown}: 13 or newer is needed")
        assert "pass-word" not in str(refused.value)


def test_a_full_disk_and_a_server_that_is_only_a_copy_have_codes_of_their_own() -> None:
    address = DatabaseAddress("postgresql://ann:pass-word@db:5432/alerts")
    full = refusal(address, asyncpg.DiskFullError("could not extend file"))
    copy = refusal(address, asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"))
    assert (full.cause.code, copy.cause.code) == (CauseCode.DISK_FULL, CauseCode.READ_ONLY)
    assert not isinstance(full, DatabaseRefused), "room may be made while it runs"
    assert str(full) == "PostgreSQL at db:5432, database alerts has no space left (could not extend file): free some"
