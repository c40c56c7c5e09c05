"""The servers, once per run of pytest, for tests in any folder: `from tests.scale.fixtures import postgres`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.scale.servers import NatsServer, PostgresServer, no_nats, no_postgres, running

IS_ASKED_FOR = bool(os.environ.get("ALTMONITOR_SCALE"))
"""`make test-scale` sets it; elsewhere nothing here runs."""

needs_servers = pytest.mark.skipif(not IS_ASKED_FOR, reason="part of make test-scale")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if why := no_postgres():
        pytest.skip(f"not here: {why}")
    with running(PostgresServer()) as server:
        yield server


@pytest.fixture(scope="session")
def nats() -> Iterator[NatsServer]:
    if why := no_nats():
        pytest.skip(f"not here: {why}")
    with running(NatsServer()) as server:
        yield server
