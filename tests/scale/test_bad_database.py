"""A database the monitor cannot work with: one line that says what to do, exit code 2, and no password anywhere."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator

import pytest

from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer, free_port, running

__all__ = ["postgres"]

pytestmark = needs_servers

PASSWORD = "hunter2-of-ann"


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    request.getfixturevalue("postgres")  # its skip is this one's, too
    with running(PostgresServer(max_connections="60")) as made:
        for name in ("standby", "foreigner", "newer", "half", "others", "bots", "torn"):
            made.sql(f"CREATE DATABASE {name}")
        made.sql("CREATE ROLE ann LOGIN CONNECTION LIMIT 1")
        made.sql("CREATE TABLE invoices (id INT); CREATE TABLE alerts (id INT)", "foreigner")
        yield made


async def said(url: str, *arguments: str, **environ: str) -> str:
    """Exit code and the last line."""
    given = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV")},
        "TG_BOT_TOKEN": "123456:" + "bad-Database_0123456789-abcdefghijkl",
        "TG_CHAT_ID": "77",
        "API_PORT": "0",
        "DATABASE_URL": url,
        **environ,
    }
    command = (sys.executable, "-m", "altmonitor", *(arguments or ("run",)), "--env-file", os.devnull)
    process = await asyncio.create_subprocess_exec(
        *command, env=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(100):
        text = (await process.communicate())[0].decode()
    assert PASSWORD not in text
    assert "Traceback" not in text, text
    loud = [line for line in text.splitlines() if " INFO " not in line and " WARNING " not in line]
    assert len(loud) == 1, text
    return f"{process.returncode}: {loud[0].rpartition('altmonitor.cli.common: ')[2]}"


async def test_every_kind_of_bad_database_ends_the_start_with_one_line_of_its_own(server: PostgresServer) -> None:
    for name, change in {
        "newer": "UPDATE altmonitor_schema SET version = 99",
        "half": "INSERT INTO altmonitor_schema (name, version) VALUES ('migrating', 1)",
        "others": "UPDATE cluster SET id = 'tokyo'",
        "bots": "UPDATE cluster SET id = 'altmonitor/777'",
        "torn": "DROP TABLE deliveries CASCADE",
    }.items():
        link = PostgresConnection(DatabaseAddress(server.url(name)), purpose="test")
        await schema.prepare(link, cluster="altmonitor")
        await link.fetch(change)
        await link.close()
    server.sql("ALTER DATABASE standby SET default_transaction_read_only = on")
    nowhere = f"postgresql://ann:{PASSWORD}@127.0.0.1:{free_port()}/alerts"
    cases = {
        nowhere: r"2: PostgreSQL at 127.0.0.1:\d+, database alerts cannot be reached \(connection refused\): start it",
        server.url("missing"): "2: PostgreSQL .*database missing does not exist there: make it",
        server.url("standby"): "2: PostgreSQL .*database standby is read-only .*: name the primary in DATABASE_URL",
        server.url("foreigner"): r"2: .* is the database of another program \(tables alerts, invoices\): name one",
        server.url("newer"): r"2: .* was made by a newer altmonitor \(version 99, this one knows \d+\): ",
        server.url("bots"): "2: .* belongs to the installation of bot 777, and this one's is 123456",
        server.url("half"): "2: .* holds a migration that is not done: run `altmonitor migrate` again",
        server.url("others"): "2: .* belongs to the cluster 'tokyo', and this is 'altmonitor': .*set CLUSTER=tokyo",
        server.url("torn"): "2: .* lacks a part of the schema: restore it from a backup",
        "postgresql://": "2: PostgreSQL at localhost.*",
        "mysql://ann:x@db/alerts": r"2: DATABASE_URL=\*\*\* is not allowed: postgresql://",
    }
    found = await asyncio.gather(*map(said, cases))
    wrong = [text for text, expected in zip(found, cases.values(), strict=True) if not re.match(expected, text)]
    assert wrong == []
    assert server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "foreigner") == "2"


async def test_every_role_is_refused_by_a_database_that_is_not_for_it_and_changes_nothing_there(
    server: PostgresServer,
) -> None:
    for name in ("newer2", "others2", "foreign2"):
        server.sql(f"CREATE DATABASE {name}")
    server.sql("CREATE TABLE invoices (id INT)", "foreign2")
    for name, change in {
        "newer2": "UPDATE altmonitor_schema SET version = 99",
        "others2": "UPDATE cluster SET id = 'tokyo'",
    }.items():
        link = PostgresConnection(DatabaseAddress(server.url(name)), purpose="test")
        await schema.prepare(link, cluster="altmonitor")
        await link.fetch(change)
        await link.close()
    expected = {
        "newer2": "2: .* was made by a newer altmonitor",
        "others2": "2: .* belongs to the cluster 'tokyo'",
        "foreign2": r"2: .* is the database of another program \(tables invoices\)",
    }
    wrong = []
    for role in ("feed", "notify"):
        found = await asyncio.gather(*(said(server.url(name), "run", "--role", role) for name in expected))
        wrong += [text for text, line in zip(found, expected.values(), strict=True) if not re.match(line, text)]
    assert wrong == []
    assert server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "foreign2") == "1"


async def test_programs_beside_it_say_the_same(server: PostgresServer) -> None:
    cases = {
        ("history",): r"2: .* is the database of another program",
        ("stats",): r"2: .* is the database of another program",
        ("outcomes",): r"2: .* is the database of another program",
        ("migrate",): r"1: alerts.db is not there",
    }
    found = await asyncio.gather(*(said(server.url("foreigner"), *words) for words in cases))
    wrong = [text for text, expected in zip(found, cases.values(), strict=True) if not re.match(expected, text)]
    assert wrong == []


async def test_without_a_free_connection_it_waits_a_while_and_says_who_has_none_left(server: PostgresServer) -> None:
    server.sql("CREATE DATABASE crowded OWNER ann")
    held = PostgresConnection(DatabaseAddress(server.url("crowded", "ann")), purpose="test")
    await held.open()
    text = await said(server.url("crowded", "ann"))
    await held.close()
    assert re.match(r"2: .* has no connection left .*: raise max_connections", text), text
