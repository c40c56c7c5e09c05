"""What a store of scores promises, in its file and in PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import NewerSchemaError, StorageError
from altmonitor.core.types import Fraction
from altmonitor.market.liquidations import LiquidationMinute
from altmonitor.positioning.funding import SizedFunding, VenueFunding
from altmonitor.storage.liquidation_records import HeardSpan
from altmonitor.storage.outcome_records import RETURN_FIELDS, MeasuredOutcome
from altmonitor.storage.score_file import scores_in
from altmonitor.storage.score_store import ScoreLook, ScoreReceiver, ScoreSignal, ScoreStore
from tests.movable_clock import MovableClock
from tests.scale.fixtures import IS_ASKED_FOR, postgres
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

LOOK = ScoreLook(
    symbol="SOLUSDT",
    ts=1_000,
    price=150.5,
    composite=0.25,
    base=None,
    derivatives=-0.5,
    whale=0.75,
    onchain=None,
    coverage=0.8,
    confidence_long="HIGH",
    confidence_short="LOW",
    regime="RANGE",  # type: ignore[arg-type]
    cascade=12.0,
    scorer="1",
)
SIGNAL = ScoreSignal(
    ts=1_000,
    symbol="SOLUSDT",
    direction="short",
    confidence="HIGH",
    composite=0.5,
    price=150.0,
    scorer="1",
    source="monitor",
)
MINUTE = LiquidationMinute(symbol="SOLUSDT", is_long=True, minute_ms=60_000, usd=3_000.0, price=100.0, count=2)


@pytest.fixture(params=["file", *(["postgres"] if IS_ASKED_FOR else [])])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ScoreStore]:
    if request.param == "file":
        yield scores_in(tmp_path / "scores.db", clock=MovableClock())
        return
    from altmonitor.storage.postgres.scores import PostgresScores

    url = await prepared(request.getfixturevalue("postgres"))
    yield ScoreStore(PostgresScores(url))


async def prepared(server: PostgresServer) -> str:
    """A database with our schema in it; its address."""
    from altmonitor.storage.postgres import schema
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection

    url = server.new_database()
    connection = PostgresConnection(DatabaseAddress(url), purpose="test")
    for _ in range(2):  # of several processes each does it
        await schema.prepare(connection, cluster="")
    await connection.close()
    return url


async def test_looks_come_back_as_they_were_and_a_second_one_of_a_moment_takes_its_place(store: ScoreStore) -> None:
    assert await store.first_look_ts() is None
    later, other = replace(LOOK, ts=1_300, composite=0.5), replace(LOOK, symbol="BTCUSDT", ts=1_100)
    await store.add_looks([LOOK, later, other])
    await store.add_looks([replace(LOOK, price=151.0)])
    await store.add_looks([])
    assert await store.looks("SOLUSDT", since_ts=0, until_ts=2_000, limit=5) == [replace(LOOK, price=151.0), later]
    assert await store.looks("SOLUSDT", since_ts=0, until_ts=2_000, limit=1) == [later]
    assert await store.newest_looks(since_ts=1_000) == {"SOLUSDT": later, "BTCUSDT": other}
    assert await store.newest_looks(since_ts=1_200) == {"SOLUSDT": later}
    assert [one.ts for one in await store.regimes("SOLUSDT", since_ts=1_100)] == [1_300]
    assert await store.first_look_ts() == 1_000
    await store.prune(before_ts=1_100)
    assert await store.first_look_ts() == 1_100


async def test_signals_are_found_by_contract_confidence_and_source_the_newest_first(store: ScoreStore) -> None:
    asked = replace(SIGNAL, ts=1_010, confidence="LOW", source="api")
    other = replace(SIGNAL, ts=1_010, symbol="BTCUSDT", price=None)
    for one in (SIGNAL, asked, other):
        await store.add_signal(one)
    found = await store.signals(since_ts=0, limit=10)
    assert [(one.ts, one.symbol, one.source) for one in found] == [
        (1_010, "BTCUSDT", "monitor"),
        (1_010, "SOLUSDT", "api"),
        (1_000, "SOLUSDT", "monitor"),
    ]
    assert replace(found[2], id=0) == SIGNAL
    assert [one.source for one in await store.signals(since_ts=0, limit=10, symbol="SOLUSDT")] == ["api", "monitor"]
    assert len(await store.signals(since_ts=0, limit=10, is_own=True)) == 2
    assert [one.ts for one in await store.signals(since_ts=1_005, limit=1, confidences=("HIGH", "VETO"))] == [1_010]


async def test_what_became_of_signals_is_recorded_as_of_alerts_and_read_in_their_direction(store: ScoreStore) -> None:
    await store.add_signal(SIGNAL)
    await store.add_signal(replace(SIGNAL, source="api"))
    records = store.outcomes
    (new,) = await records.unrecorded(since_ms=0, after_id=0)
    await records.begin([(new, "1", None, 5_000)])
    await records.begin([(new, "1", None, 9_000)])
    assert await records.unrecorded(since_ms=0, after_id=0) == []
    (due,) = await records.due(5_000, limit=10)
    assert (due.key, due.direction, due.sent_ms) == (f"score:HIGH:{new.id}", "DUMP", None)
    values = tuple(-1.5 if name == "raw_pct" else 0 for name in RETURN_FIELDS)
    measured = MeasuredOutcome(
        alert_id=new.id,
        delay_ms=100,
        is_delay_measured=False,
        entry_ms=1_001_000,
        entry=150.0,
        due_ms=None,
        returns=((15, values),),
    )
    await records.store([measured])
    await records.store([measured])
    assert await store.returns(horizon_min=15, since_ts=0) == [(replace(SIGNAL, id=new.id), 1.5)]
    assert await store.returns(horizon_min=60, since_ts=0) == [(replace(SIGNAL, id=new.id), None)]
    (recorded,), nothing_more = await records.recorded()
    assert (recorded.horizon_min, recorded.values[0], nothing_more) == (15, -1.5, None)
    assert await records.pending() == 0
    await store.meta_set("outcomes_since_ms", "1")
    await store.meta_set("outcomes_since_ms", "77")
    assert await records.since_ms() == 77
    assert await store.meta_get("nothing") is None


async def test_receivers_preferences_and_calls(store: ScoreStore) -> None:
    receiver = ScoreReceiver(id=0, url="http://a", events=("HIGH", "VETO"), symbols=(), secret="s", created_ts=5)
    first, second = await store.add_receiver(receiver), await store.add_receiver(replace(receiver, symbols=("A", "B")))
    assert await store.receivers() == [
        replace(receiver, id=first),
        replace(receiver, id=second, symbols=("A", "B")),
    ]
    assert await store.delete_receiver(first)
    assert not await store.delete_receiver(first)
    assert [one.id for one in await store.receivers()] == [second]
    await store.set_preferences({"watchlist": "A", "risk": "low"})
    await store.set_preferences({"watchlist": "B"})
    await store.set_preferences({})
    assert await store.preferences() == {"watchlist": "B", "risk": "low"}
    assert [await store.count_call("k", day) for day in ("2026-01-01", "2026-01-01", "2026-01-02")] == [1, 2, 1]
    assert await store.calls("k", since_day="2026-01-01") == {"2026-01-01": 2, "2026-01-02": 1}


async def test_liquidations_add_up_and_fundings_take_the_place_of_those_before(store: ScoreStore) -> None:
    await store.liquidations.add("binance", [MINUTE], from_ms=0, to_ms=90_000, is_sampled=True)
    more = replace(MINUTE, usd=1_000.0, price=98.0)
    await store.liquidations.add("binance", [more], from_ms=90_000, to_ms=150_000, is_sampled=True)
    found = await store.liquidations.of("SOLUSDT", since_ms=0)
    assert found.minutes == (("binance", replace(MINUTE, usd=4_000.0, price=99.5, count=4)),)
    assert found.heard == (HeardSpan(venue="binance", from_ms=0, to_ms=150_000, is_sampled=True),)
    await store.prune(before_ts=61)
    assert (await store.liquidations.of("SOLUSDT", since_ms=0)).minutes == ()
    funding = VenueFunding(
        venue="bybit",
        symbol="SOLUSDT",
        rate_8h=Fraction(0.0001),
        interval_h=4.0,
        next_ms=None,
        as_of_ms=50,
        source="venue",  # type: ignore[arg-type]
    )
    old, new = (
        SizedFunding(funding=replace(funding, symbol="OLDUSDT")),
        SizedFunding(funding=funding, oi_usd=7.0, oi_ms=9),
    )
    await store.fundings.replace([old])
    await store.fundings.replace([new, new])
    assert await store.fundings.all(since_ms=0) == [new]
    assert await store.fundings.all(since_ms=51) == []


async def test_a_file_is_made_with_the_first_word_is_private_and_comes_back_when_it_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "scores.db"
    kept, beside = scores_in(path, clock=MovableClock()), scores_in(path, clock=MovableClock())
    assert not path.exists()
    assert await kept.preferences() == {}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await kept.set_preferences({"a": "1"})
    assert await beside.preferences() == {"a": "1"}
    for name in ("scores.db", "scores.db-wal", "scores.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    assert await kept.preferences() == {}
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(NewerSchemaError, match="newer altmonitor"):
        await scores_in(path, clock=MovableClock()).preferences()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError):
        await scores_in(path, clock=MovableClock()).preferences()


@pytest.mark.skipif(not IS_ASKED_FOR, reason="part of make test-scale")
async def test_a_feed_that_leads_no_more_writes_no_scores_and_those_of_alerts_are_other_tables(
    postgres: PostgresServer,
) -> None:
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
    from altmonitor.storage.postgres.leases import PostgresLeases
    from altmonitor.storage.postgres.scores import PostgresScores

    url = await prepared(postgres)
    connection = PostgresConnection(DatabaseAddress(url), purpose="test")
    tokens: list[int | None] = [None]
    store, reader = ScoreStore(PostgresScores(url, fence=lambda: tokens[0])), ScoreStore(PostgresScores(url))
    try:
        with pytest.raises(StorageError, match="another feed leads"):
            await store.add_signal(SIGNAL)
        leases = PostgresLeases(connection)
        tokens[0] = (await leases.acquire(["feed"], holder="first", for_s=60.0))["feed"]
        await store.add_signal(SIGNAL)
        await store.meta_set("a", "of scores")
        await leases.release({"feed": tokens[0]})
        await leases.acquire(["feed"], holder="second", for_s=60.0)
        with pytest.raises(StorageError, match="another feed leads"):
            await store.add_signal(SIGNAL)
        assert len(await store.signals(since_ts=0, limit=9)) == 1
        await reader.set_preferences({"a": "1"})  # a web role is no feed
        assert await connection.fetch("SELECT count(*) FROM alerts") == [(0,)]
        assert await connection.fetch("SELECT * FROM meta WHERE key = 'a'") == []
    finally:
        await store.close()
        await connection.close()


class NotingClock(ScaledClock):
    """Remembers the longest time that was given to anything."""

    longest_s = 0.0

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        self.longest_s = max(self.longest_s, seconds or 0.0)
        return super().timeout(seconds)


async def test_on_a_clock_that_runs_fast_the_disk_has_as_long_as_on_any_other(tmp_path: Path) -> None:
    """A demo lives ten times as fast: five of its seconds are half a second of a busy disk."""
    clock = NotingClock(start_ms=1_790_000_000_000, speed=10)
    assert await scores_in(tmp_path / "scores.db", clock=clock).meta_get("nothing") is None
    assert clock.longest_s == 50.0
