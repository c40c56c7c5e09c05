"""One PostgreSQL database is one cluster's, of one version, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.ops.doctor.local_checks import look_at_postgres
from altmonitor.ops.doctor.report import CheckVerdict
from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

pytestmark = needs_servers


@pytest.fixture
async def link(postgres: PostgresServer) -> AsyncIterator[PostgresConnection]:
    made = PostgresConnection(DatabaseAddress(postgres.new_database()), purpose="test")
    yield made
    await made.close()


async def tables(link: PostgresConnection, schema_name: str = "public") -> list[str]:
    return [
        row[0]
        for row in await link.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1", (schema_name,)
        )
    ]


async def test_an_empty_database_gets_every_table_once_however_many_start_at_the_same_moment(
    link: PostgresConnection,
) -> None:
    others = [PostgresConnection(link.address, purpose="test") for _ in range(3)]
    await asyncio.gather(*(schema.prepare(one, cluster="bot 1") for one in (link, *others)))
    assert await tables(link) == [
        *("alerts", "altmonitor_schema", "changes", "cluster", "deliveries", "handed_over", "leases", "meta"),
        *("outcome_returns", "outcomes", "posts", "state"),
    ]
    assert {"looks", "signals", "alerts", "outcomes", "liquidations", "fundings"} <= set(
        await tables(link, "public_scores")
    )
    await asyncio.gather(*(one.close() for one in others))


async def test_what_fails_half_way_leaves_nothing_behind(
    link: PostgresConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {**schema.all_scripts(), schema.OWN: {1: "CREATE TABLE leases (name TEXT); SELECT 1 / 0"}}
    monkeypatch.setattr(schema, "all_scripts", lambda: broken)
    with pytest.raises((StorageError, ValueError)):
        await schema.prepare(link, cluster="")
    assert await tables(link) == []


async def test_two_clusters_do_not_share_a_database(link: PostgresConnection) -> None:
    await schema.prepare(link, cluster="111")
    await schema.prepare(link, cluster="111")
    with pytest.raises(DatabaseRefused, match=r"belongs to the cluster '111', and this is '222'.*CLUSTER=111"):
        await schema.prepare(link, cluster="222")


async def test_nor_do_two_bots_that_nobody_gave_a_name(link: PostgresConnection) -> None:
    for cluster in ("altmonitor", "altmonitor/123", "altmonitor", "altmonitor/123"):
        await schema.prepare(link, cluster=cluster)
    with pytest.raises(DatabaseRefused, match=r"of bot 123, and this one's is 456: .* table cluster to 'altmonitor'"):
        await schema.prepare(link, cluster="altmonitor/456")
    await link.fetch("UPDATE cluster SET id = 'altmonitor'")
    await schema.prepare(link, cluster="altmonitor/456")


async def test_another_programs_database_is_named_and_left_alone(link: PostgresConnection) -> None:
    await link.fetch("CREATE TABLE alerts (id INT, owner TEXT)")
    with pytest.raises(DatabaseRefused, match=r"of another program.*tables alerts"):
        await schema.prepare(link, cluster="")
    assert await tables(link) == ["alerts"]


async def test_a_newer_schema_is_left_alone(link: PostgresConnection) -> None:
    await schema.prepare(link, cluster="")
    await link.fetch("UPDATE altmonitor_schema SET version = 99 WHERE name = 'shared'")
    with pytest.raises(DatabaseRefused, match=r"newer altmonitor .version 99"):
        await schema.prepare(link, cluster="")


async def test_a_schema_that_lost_a_table_is_not_mended_behind_its_owners_back(link: PostgresConnection) -> None:
    await schema.prepare(link, cluster="")
    await link.fetch("DROP TABLE leases")
    with pytest.raises(DatabaseRefused, match=r"lacks a part of the schema"):
        await schema.prepare(link, cluster="")


async def test_the_doctor_sees_what_a_start_would_find(link: PostgresConnection, postgres: PostgresServer) -> None:
    url = link.address.url
    assert (await look_at_postgres(url)).text.endswith("is empty; the first start fills it")
    await schema.prepare(link, cluster="")
    assert (await look_at_postgres(url)).text.endswith("answers, 0 alerts, 0 waiting to be sent")
    await link.fetch("UPDATE altmonitor_schema SET version = 99 WHERE name = 'shared'")
    seen = await look_at_postgres(url)
    assert (seen.verdict, seen.way_out) == (
        CheckVerdict.FAILED,
        "install the newer one on every machine; nothing was changed",
    )
    postgres.sql(f"ALTER DATABASE {link.address.database} SET default_transaction_read_only = on")
    seen = await look_at_postgres(url)
    assert (seen.verdict, seen.way_out) == (CheckVerdict.FAILED, "name the primary")


async def test_who_only_reads_wants_it_of_this_version(link: PostgresConnection) -> None:
    with pytest.raises(DatabaseRefused, match=r"not .yet. of this version"):
        await schema.check(link)
    assert await tables(link) == []
    await schema.prepare(link, cluster="")
    await schema.check(link)
