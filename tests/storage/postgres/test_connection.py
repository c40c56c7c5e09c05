"""Every refusal of PostgreSQL is one line that says what to do, and holds no password."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator

import pytest

from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.storage.postgres import connection as link
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection, numbered
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer, free_port, running

__all__ = ["postgres"]


def test_marks_are_numbered_and_quoted_ones_are_text() -> None:
    assert numbered("SELECT '?' FROM a WHERE b = ? AND c = 'it''s ?' AND d IN (?, ?)") == (
        "SELECT '?' FROM a WHERE b = $1 AND c = 'it''s ?' AND d IN ($2, $3)"
    )


def test_an_address_is_shown_without_its_login_and_its_options() -> None:
    address = DatabaseAddress("postgresql://ann:s3cr%40t@db.example:6432/alerts?sslmode=require&password=x")
    assert str(address) == "PostgreSQL at db.example:6432, database alerts"
    assert (address.user, address.database) == ("ann", "alerts")


async def refused(url: str, sql: str = "SELECT 1") -> str:
    """Its kind and its text."""
    asked = PostgresConnection(DatabaseAddress(url), purpose="test")
    with pytest.raises(StorageError) as caught:
        await asked.fetch(sql)
    await asked.close()
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    return f"{type(caught.value).__name__}: {caught.value}"


async def test_where_nobody_listens_the_line_says_so_and_asking_again_may_help() -> None:
    text = await refused(f"postgresql://ann:hunter2@127.0.0.1:{free_port()}/alerts")
    assert text.startswith("StorageError: PostgreSQL at 127.0.0.1:")
    assert "database alerts cannot be reached (connection refused)" in text
    assert text.endswith("start it, or correct DATABASE_URL")


async def test_who_takes_the_connection_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "ANSWER_WITHIN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = await refused(f"postgresql://ann:hunter2@127.0.0.1:{silent.getsockname()[1]}/alerts")
    assert "does not answer within" in text


@pytest.fixture(scope="module")
def small(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    request.getfixturevalue("postgres")  # its skip is this one's, too
    made = PostgresServer(max_connections="4", superuser_reserved_connections="0", password_encryption="md5")
    with running(made) as server:
        for text in ("CREATE ROLE ann LOGIN PASSWORD 'right'", "CREATE DATABASE alerts"):
            server.sql(text)
        (server.folder / "data" / "pg_hba.conf").write_text("host all postgres all trust\nhost all all all md5\n")
        server.sql("SELECT pg_reload_conf()")
        yield server


@needs_servers
async def test_what_a_real_server_refuses_is_told_with_the_way_out(small: PostgresServer) -> None:
    cases = {
        "DatabaseRefused: .* refuses the login of ann .*correct user and password": (
            small.url("alerts", "ann:hunter2"),
            "SELECT 1",
        ),
        "DatabaseRefused: .*database nowhere does not exist there: make it": (small.url("nowhere"), "SELECT 1"),
        "DatabaseRefused: .*does not let ann do what is needed .*owner": (
            small.url("alerts", "ann:right"),
            "CREATE TABLE public.a (b INT)",
        ),
        "DatabaseRefused: .*is read-only": (
            small.url("alerts") + "?default_transaction_read_only=on",
            "CREATE TABLE a (b INT)",
        ),
        "DatabaseRefused: .*lacks a part of the schema": (small.url("alerts"), "SELECT * FROM alerts"),
        "DatabaseRefused: DATABASE_URL cannot be understood": ("postgresql://localhost:none/alerts", "SELECT 1"),
    }
    for expected, (url, sql) in cases.items():
        assert re.match(expected, await refused(url, sql)), expected


@needs_servers
async def test_without_a_free_connection_it_says_so_and_works_again_when_there_is_one(small: PostgresServer) -> None:
    held = [PostgresConnection(DatabaseAddress(small.url("alerts")), purpose="test") for _ in range(4)]
    await asyncio.gather(*(one.open() for one in held))
    late = PostgresConnection(DatabaseAddress(small.url("alerts")), purpose="late")
    with pytest.raises(StorageError, match="has no connection left") as caught:
        await late.open()
    assert not isinstance(caught.value, DatabaseRefused)
    await held.pop().close()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await late.fetch("SELECT ?::int + 1", (1,)) == [(2,)]
                break
            except StorageError:
                await asyncio.sleep(0.05)
    for one in (*held, late):
        await one.close()


@needs_servers
async def test_after_a_restart_of_the_server_the_same_connection_works_on(postgres: PostgresServer) -> None:
    asked = PostgresConnection(DatabaseAddress(postgres.url()), purpose="test")
    assert await asked.fetch("SELECT 1") == [(1,)]
    postgres.kill()
    with pytest.raises(StorageError):
        await asked.fetch("SELECT 1")
    postgres.start()
    assert await asked.fetch("SELECT 2") == [(2,)]
    await asked.close()


@needs_servers
async def test_a_value_the_server_refuses_is_no_trouble_of_the_connection(postgres: PostgresServer) -> None:
    asked = PostgresConnection(DatabaseAddress(postgres.url()), purpose="test")
    for value in ("none", 2**63):
        with pytest.raises(ValueError):  # noqa: PT011 — the wording is the server's
            await asked.fetch("SELECT ?::bigint", (value,))
    await asked.close()
