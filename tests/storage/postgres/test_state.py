"""Settings in PostgreSQL: the same promises as state.json, and no change of another process lost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from altmonitor.core.errors import DatabaseRefused, NewerSchemaError, StorageError
from altmonitor.settings.audience import Overrides
from altmonitor.settings.state import State
from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.reader import postgres_state
from altmonitor.storage.postgres.state import PostgresState
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

pytestmark = needs_servers


def pump_at(percent: float) -> State:
    return State(main=Overrides(numbers={"pump_threshold": percent}))


@pytest.fixture
async def link(postgres: PostgresServer) -> AsyncIterator[PostgresConnection]:
    made = PostgresConnection(DatabaseAddress(postgres.new_database()), purpose="test")
    yield made
    await made.close()


def state_in(link: PostgresConnection) -> PostgresState:
    async def prepare() -> None:
        await schema.prepare(link, cluster="")

    return PostgresState(link, prepare=prepare)


async def test_what_is_saved_is_loaded_by_the_next_start_and_seen_by_programs_beside_it(
    link: PostgresConnection,
) -> None:
    state = state_in(link)
    assert (await state.load()).state == State()
    async with state.turn():
        await state.save(pump_at(5.0), who="ann")
        await state.save(pump_at(6.0), who="ann")
    assert (await state_in(link).load()).state == pump_at(6.0)
    assert await postgres_state(link.address.url) == pump_at(6.0)
    assert (await state_in(link).read())[0] == 2


async def test_who_missed_a_change_does_not_put_it_back(link: PostgresConnection) -> None:
    first, second = state_in(link), state_in(link)
    await first.load()
    await second.load()
    await first.save(pump_at(5.0), who="ann")
    with pytest.raises(StorageError, match="changed by another process at the same moment"):
        await second.save(pump_at(7.0), who="bob")
    assert await second.look() == pump_at(5.0)
    await second.save(pump_at(7.0), who="bob")
    assert await first.look() == pump_at(7.0)


async def test_who_asks_again_and_again_reads_only_what_has_changed(link: PostgresConnection) -> None:
    first, second = state_in(link), state_in(link)
    await first.load()
    await first.save(pump_at(5.0), who="ann")
    version, state = await second.read()
    again = await second.read()
    assert (version, state) == (1, pump_at(5.0))
    assert (again[0], again[1] is state) == (1, True)
    await first.save(pump_at(6.0), who="ann")
    assert await second.read() == (2, pump_at(6.0))
    await first.save(pump_at(6.0), who="ann")
    assert (await second.read())[0] == (await first.read())[0]


async def test_saving_the_same_again_after_a_lost_answer_is_no_conflict(link: PostgresConnection) -> None:
    first = state_in(link)
    await first.load()
    await first.save(pump_at(5.0), who="ann")
    first._version = 0  # as if the answer had not come
    await first.save(pump_at(5.0), who="ann")
    assert (await first.read())[0] == 1


async def test_damaged_settings_are_put_aside_and_told(link: PostgresConnection) -> None:
    await state_in(link).load()
    await link.fetch("INSERT INTO state (content, version, who, saved) VALUES ('{\"pump\"', 3, 'x', now())")
    with pytest.raises(StorageError):
        await state_in(link).look()
    state = state_in(link)
    loaded = await state.load()
    assert (loaded.state, loaded.aside) == (State(), "state:corrupt:3")
    assert "the environment's values are used" in loaded.problem
    assert await link.fetch("SELECT value FROM meta WHERE key = 'state:corrupt:3'") == [('{"pump"',)]
    await state.save(pump_at(5.0), who="ann")
    assert await state.look() == pump_at(5.0)


async def test_settings_of_a_newer_version_stop_the_start_and_stay(link: PostgresConnection) -> None:
    await state_in(link).load()
    await link.fetch("INSERT INTO state (content, version, who, saved) VALUES ('{\"version\": 99}', 3, 'x', now())")
    with pytest.raises(NewerSchemaError, match="update altmonitor"):
        await state_in(link).load()
    assert await link.fetch("SELECT version FROM state") == [(3,)]


async def test_a_program_beside_it_finds_nothing_of_ours_in_an_empty_database(link: PostgresConnection) -> None:
    with pytest.raises(DatabaseRefused, match="start the monitor once"):
        await postgres_state(link.address.url)
