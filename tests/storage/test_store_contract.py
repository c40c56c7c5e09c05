"""What every store promises, in memory or on disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from altmonitor.core.alert import AlertPlace, Details, StoredAlert, VenueMove
from altmonitor.core.clock import ScaledClock
from altmonitor.core.types import Destination
from altmonitor.interfaces.alerts import AlertHistory, AlertSink, AlertUpdates
from altmonitor.interfaces.delivery import Outbox
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.storage.database_store import DatabaseStore
from altmonitor.storage.memory import MemoryStore
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.fakes import cause
from tests.scale.fixtures import IS_ASKED_FOR, postgres
from tests.scale.servers import PostgresServer
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, TOPIC, pump

__all__ = ["postgres"]

Store = DatabaseStore | MemoryStore
ON_DISK = ["sqlite", *(["postgres"] if IS_ASKED_FOR else [])]
KINDS = ["memory", *ON_DISK]
_server: list[PostgresServer] = []
_databases: dict[Path, str] = {}


def built(kind: str, directory: Path, *destinations: Destination, history: bool = True) -> DatabaseStore:
    """Not opened yet. The same directory is the same database."""
    clock = ScaledClock(start_ms=NOW_MS, speed=1)
    options = StoreOptions(destinations=destinations, keeps_history=history)
    if kind == "sqlite":
        return SqliteStore(directory / "alerts.db", clock=clock, options=options)
    from altmonitor.storage.postgres.connection import DatabaseAddress
    from altmonitor.storage.postgres.store import PostgresStore

    if directory not in _databases:
        _databases[directory] = _server[0].new_database()
    return PostgresStore(DatabaseAddress(_databases[directory]), cluster="", clock=clock, options=options)


@asynccontextmanager
async def opened(kind: str, directory: Path, *destinations: Destination, history: bool = True) -> AsyncIterator[Store]:
    if kind == "memory":
        clock = ScaledClock(start_ms=NOW_MS, speed=1)
        yield MemoryStore(clock=clock, destinations=destinations, keeps_history=history)
        return
    async with built(kind, directory, *destinations, history=history) as store:
        yield store


def use(server: PostgresServer) -> None:
    """For every store of the kind `postgres` from now on."""
    _server[:] = [server]


def chosen(request: pytest.FixtureRequest) -> str:
    if request.param == "postgres":
        use(request.getfixturevalue("postgres"))
    return str(request.param)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return chosen(request)


@pytest.fixture(params=ON_DISK)
def on_disk(request: pytest.FixtureRequest) -> str:
    return chosen(request)


@pytest.fixture
async def store(kind: str, tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(kind, tmp_path, PRIVATE, GROUP) as made:
        yield made


async def waiting(store: Store, destination: Destination = PRIVATE) -> list[str]:
    return [row.alert.symbol for row in await store.queued(destination, limit=100)]


async def put(store: Store, *symbols: str, **fields: Any) -> list[int]:
    """Returns the ids once they are offered."""
    for symbol in symbols:
        store.put(pump(symbol, **fields))
    async with asyncio.timeout(60):
        while True:
            rows = {row.alert.symbol: row.alert.id for row in await store.queued(PRIVATE, limit=1000)}
            if set(symbols) <= set(rows):
                return [rows[symbol] or 0 for symbol in symbols]
            await store.wait_for_work()


def test_both_stores_satisfy_every_port(tmp_path: Path) -> None:
    clock = ScaledClock(start_ms=NOW_MS, speed=1)
    made: list[Store] = [
        MemoryStore(clock=clock),
        SqliteStore(tmp_path / "alerts.db", clock=clock, options=StoreOptions()),
    ]
    for store in made:
        sink: AlertSink = store
        history: AlertHistory = store
        updates: AlertUpdates = store
        outbox: Outbox = store
        queries: AlertQueries = store
        assert {sink, history, updates, outbox, queries} == {store}


async def test_an_alert_waits_for_every_destination_with_an_id_and_all_its_values(store: Store) -> None:
    details = Details(threshold=3.0, oi_usd=1e7, episode_key="price:币安人生USDT:PUMP:1m:1", median_usdt=12.5)
    alert = pump(
        "币安人生USDT", oi_change=-2.25, amplitude=4.0, lsr=1.5, quadrant="up_down", late=True, details=details
    )
    store.put(alert)
    await store.wait_for_work()
    for destination in (PRIVATE, GROUP):
        (row,) = await store.queued(destination, limit=10)
        assert row.alert.id == 1
        assert msgspec.structs.replace(row.alert, id=None) == alert
        assert (row.destination, row.attempts, row.maybe_repeated) == (destination, 0, False)
        assert NOW_MS <= row.queued_ms < NOW_MS + 60_000


async def test_the_same_key_twice_is_one_alert(store: Store) -> None:
    await put(store, "SOLUSDT")
    store.put(pump("SOLUSDT"))
    await put(store, "DOGEUSDT")
    assert await waiting(store) == ["SOLUSDT", "DOGEUSDT"]
    assert [told.alert.symbol for told in await store.recent(limit=10)] == ["DOGEUSDT", "SOLUSDT"]


async def test_alerts_of_a_span_are_those_the_exchange_dates_into_it(store: Store) -> None:
    for event_ms in (999, 1000, 1999, 2000):
        await put(store, f"A{event_ms}USDT", event_ms=event_ms)
    found = await store.recent(limit=10, event_between_ms=(1000, 2000))
    assert [told.alert.symbol for told in found] == ["A1999USDT", "A1000USDT"]


async def test_queued_rows_come_oldest_first_and_no_more_than_asked_for(store: Store) -> None:
    await put(store, "AUSDT", "BUSDT", "CUSDT")
    assert [row.alert.symbol for row in await store.queued(PRIVATE, limit=2)] == ["AUSDT", "BUSDT"]


async def test_what_is_sent_no_longer_waits_there_but_elsewhere(store: Store) -> None:
    (first,) = await put(store, "SOLUSDT")
    await store.begin_attempt(PRIVATE, [first])
    await store.mark_sent(PRIVATE, [first], message_id=900, sent_ms=NOW_MS + 5)
    assert await waiting(store) == []
    assert await waiting(store, GROUP) == ["SOLUSDT"]
    assert await store.message_id_of(PRIVATE, pump("SOLUSDT").key) == 900
    assert await store.message_id_of(GROUP, pump("SOLUSDT").key) is None
    assert await store.message_id_of(PRIVATE, "price:unknown") is None


async def test_an_attempt_without_known_outcome_makes_the_row_a_possible_repeat(store: Store) -> None:
    (first,) = await put(store, "SOLUSDT")
    await store.begin_attempt(PRIVATE, [first])
    (row,) = await store.queued(PRIVATE, limit=1)
    assert (row.attempts, row.maybe_repeated) == (1, True)
    await store.record_error(PRIVATE, [first], error=cause("Telegram asks to wait"))
    (row,) = await store.queued(PRIVATE, limit=1)
    assert (row.attempts, row.maybe_repeated) == (1, False)
    await store.begin_attempt(PRIVATE, [first])
    await store.record_error(PRIVATE, [first], error=cause("no answer in time"), outcome_unknown=True)
    await store.begin_attempt(PRIVATE, [first])
    await store.record_error(PRIVATE, [first], error=cause("Telegram asks to wait"))
    (row,) = await store.queued(PRIVATE, limit=1)
    assert (row.attempts, row.maybe_repeated) == (3, True), "a later certain failure does not undo an earlier doubt"


async def test_failed_and_expired_rows_wait_no_more_and_say_so_in_the_history(store: Store) -> None:
    first, second, third = await put(store, "AUSDT", "BUSDT", "CUSDT")
    await store.mark_failed(PRIVATE, [first], error=cause("blocked"))
    await store.mark_expired(PRIVATE, [second], error="too old")
    await store.mark_sent(PRIVATE, [third], message_id=1, sent_ms=NOW_MS)
    for alert_id in (first, second, third):
        await store.mark_sent(GROUP, [alert_id], message_id=2, sent_ms=NOW_MS)
    assert await waiting(store) == []
    told = {row.alert.symbol: row.delivery for row in await store.recent(limit=10)}
    assert told == {"AUSDT": "failed", "BUSDT": "expired", "CUSDT": "sent"}


async def test_history_shows_queued_while_any_chat_waits(store: Store) -> None:
    (first,) = await put(store, "SOLUSDT")
    await store.mark_failed(PRIVATE, [first], error=cause("blocked"))
    (told,) = await store.recent(limit=10)
    assert told.delivery == "queued"


async def test_an_alert_without_destination_has_no_delivery_state(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path) as store:
        store.put(pump("SOLUSDT"))
        await store.meta_set("written after", "the alert")
        (told,) = await store.recent(limit=10)
        assert told == StoredAlert(alert=msgspec.structs.replace(pump("SOLUSDT"), id=1), delivery=None)


async def test_recent_filters_by_symbol_kind_venue_and_time_newest_first(store: Store) -> None:
    at_ms = NOW_MS - 9000
    store.put(pump("BYBITUSDT", at_ms=at_ms, key=f"bybit:price:BYBITUSDT:PUMP:1m:{at_ms}", venue="bybit"))
    await put(store, "SOLUSDT", at_ms=NOW_MS - 5000)
    await put(store, "DOGEUSDT", at_ms=NOW_MS - 3000)
    store.put(pump("SOLUSDT", at_ms=NOW_MS, key="vol:SOLUSDT", kind="vol", direction="UP"))
    await put(store, "LASTUSDT", at_ms=NOW_MS)

    async def seconds_ago(**filters: object) -> list[tuple[str, int]]:
        found = await store.recent(**{"limit": 10, **filters})  # type: ignore[arg-type]
        return [(told.alert.symbol, round(NOW_MS / 1000 - told.alert.ts)) for told in found]

    assert await seconds_ago(symbol="SOLUSDT") == [("SOLUSDT", 0), ("SOLUSDT", 5)]
    assert await seconds_ago(kind="vol") == [("SOLUSDT", 0)]
    assert await seconds_ago(since_s=NOW_MS / 1000 - 3) == [("LASTUSDT", 0), ("SOLUSDT", 0), ("DOGEUSDT", 3)]
    assert await seconds_ago(symbol="SOLUSDT", kind="price", since_s=NOW_MS / 1000 - 1) == []
    assert await seconds_ago(venue="binance", kind="price", limit=1) == [("LASTUSDT", 0)]
    assert await seconds_ago(venue="bybit") == [("BYBITUSDT", 9)]
    assert await seconds_ago(venue="okx") == []
    assert await seconds_ago(limit=0) == []
    assert await seconds_ago(symbol="'; DROP TABLE alerts; --") == []


async def test_page_after_page_shows_each_alert_once_also_where_several_came_in_the_same_moment(store: Store) -> None:
    await put(store, *(f"COIN{number}USDT" for number in range(5)), at_ms=NOW_MS)
    await put(store, "OLDUSDT", at_ms=NOW_MS - 5000)
    seen: list[str] = []
    place: AlertPlace | None = None
    for _ in range(4):
        page = await store.recent(limit=2, before=place)
        seen += [row.alert.symbol for row in page]
        if page:
            place = AlertPlace(page[-1].alert.ts, page[-1].alert.id or 0)
    assert seen == ["COIN4USDT", "COIN3USDT", "COIN2USDT", "COIN1USDT", "COIN0USDT", "OLDUSDT"]


async def test_recent_finds_the_alerts_of_one_minute_however_late_they_were_found_and_however_many_came_since(
    store: Store,
) -> None:
    minute_ms = NOW_MS // 60_000 * 60_000

    async def put_in(symbol: str, **about: Any) -> None:
        store.put(pump(symbol, key=f"{symbol}:{about}", **about), to=[PRIVATE])

    await put_in("AUSDT", candle_ms=minute_ms, event_ms=minute_ms + 59_900)
    await put_in("BUSDT", candle_ms=minute_ms, event_ms=minute_ms + 60_000, ts=NOW_MS / 1000 + 7_200, late=True)
    await put_in("CUSDT", candle_ms=None, event_ms=minute_ms + 30_000)
    await put_in("DUSDT", candle_ms=None, event_ms=minute_ms + 60_000)
    await put_in("EUSDT", candle_ms=None, event_ms=minute_ms + 60_000, late=True)  # a condition looked at afterwards
    await put_in("FUSDT", candle_ms=minute_ms - 60_000, event_ms=minute_ms + 300)  # the close came late
    await store.meta_set("written after", "the alerts")
    found = await store.recent(limit=10, minute_ms=minute_ms, destinations=[PRIVATE])
    assert sorted(row.alert.symbol for row in found) == ["AUSDT", "BUSDT", "CUSDT", "EUSDT"]
    assert {row.alert.minute_ms for row in found} == {minute_ms}


async def put_for(store: Store, key: str, symbol: str, *places: Destination, ts: float) -> None:
    store.put(pump(symbol, key=key, ts=ts), to=places)
    async with asyncio.timeout(60):
        while not await store.alerts_of([key]):
            await store.wait_for_work()


async def test_one_event_is_one_row_however_many_chats_were_told_it_and_a_chat_sees_its_own(
    kind: str, tmp_path: Path
) -> None:
    """SOL went to all three with numbers of their own, BTC to two of them, ETH to one."""
    now_s = NOW_MS / 1000
    async with opened(kind, tmp_path, PRIVATE, GROUP, TOPIC) as store:
        await put_for(store, f"price:SOLUSDT:PUMP:1m:1@{GROUP}", "SOLUSDT", GROUP, ts=now_s - 3)
        await put_for(store, "price:SOLUSDT:PUMP:1m:1", "SOLUSDT", PRIVATE, ts=now_s - 2)
        await put_for(store, f"price:SOLUSDT:PUMP:1m:1@{TOPIC}", "SOLUSDT", TOPIC, ts=now_s - 1)
        await put_for(store, f"price:SOLUSDT:PUMP:1m:1:x2@{GROUP}", "SOLUSDT", GROUP, ts=now_s)
        await put_for(store, "price:BTCUSDT:PUMP:1m:1", "BTCUSDT", PRIVATE, GROUP, ts=now_s + 1)
        await put_for(store, f"condition:3@{NOW_MS}:ETHUSDT:5", "ETHUSDT", TOPIC, ts=now_s + 2)
        await put_for(store, f"condition:4@{NOW_MS}:ETHUSDT:5", "ETHUSDT", TOPIC, ts=now_s + 3)
        (sol,) = [row.alert.id or 0 for row in await store.queued(PRIVATE, limit=9) if row.alert.symbol == "SOLUSDT"]
        await store.mark_sent(PRIVATE, [sol], message_id=1, sent_ms=NOW_MS)

        async def seen(*places: Destination, **filters: Any) -> list[tuple[str, str | None]]:
            rows = await store.recent(limit=20, destinations=places or None, **filters)
            return [(row.alert.symbol, row.delivery) for row in rows]

        eth = [("ETHUSDT", "queued"), ("ETHUSDT", "queued")]
        assert await seen() == [*eth, ("BTCUSDT", "queued"), ("SOLUSDT", "queued"), ("SOLUSDT", "queued")]
        assert await seen(PRIVATE) == [("BTCUSDT", "queued"), ("SOLUSDT", "sent")]
        assert await seen(GROUP) == [("BTCUSDT", "queued"), ("SOLUSDT", "queued"), ("SOLUSDT", "queued")]
        assert await seen(TOPIC) == [*eth, ("SOLUSDT", "queued")]
        assert await seen(TOPIC, GROUP) == [*eth, ("BTCUSDT", "queued"), ("SOLUSDT", "queued"), ("SOLUSDT", "queued")]
        assert await seen(Destination(chat_id=404)) == []
        assert await seen(symbol="SOLUSDT", since_s=now_s - 2) == [("SOLUSDT", "queued"), ("SOLUSDT", "queued")]
        assert await seen(PRIVATE, symbol="SOLUSDT", since_s=now_s - 9) == [("SOLUSDT", "sent")]
        assert await seen(TOPIC, GROUP, since_s=now_s) == [*eth, ("BTCUSDT", "queued"), ("SOLUSDT", "queued")]
        assert len(await store.recent(limit=2)) == 2
        counts = {
            name: (await store.stats(since_s=now_s - 9, top=5, destinations=places)).by_symbol
            for name, places in {"all": None, "private": [PRIVATE], "topic": [TOPIC], "nobody": []}.items()
        }
        assert counts == {
            "all": [("ETHUSDT", 2), ("SOLUSDT", 2), ("BTCUSDT", 1)],
            "private": [("BTCUSDT", 1), ("SOLUSDT", 1)],
            "topic": [("ETHUSDT", 2), ("SOLUSDT", 1)],
            "nobody": [],
        }
        assert (await store.stats(since_s=now_s - 9, top=5)).total == 5


async def test_stats_count_by_kind_and_by_symbol(store: Store) -> None:
    await put(store, "OLDUSDT", at_ms=NOW_MS - 90_000_000)
    for number in range(3):
        await put(store, "SOLUSDT", at_ms=NOW_MS + number)
    await put(store, "AUSDT", "BUSDT", kind="oi", direction="UP")
    stats = await store.stats(since_s=NOW_MS / 1000 - 86_400, top=2)
    assert (stats.total, dict(stats.by_kind)) == (5, {"price": 3, "oi": 2})
    assert list(stats.by_symbol) == [("SOLUSDT", 3), ("AUSDT", 1)]


async def test_stats_count_by_venue_and_of_one(store: Store) -> None:
    for number, venue in enumerate(("binance", "bybit", "bybit")):
        key = f"{venue}:price:SOLUSDT:PUMP:1m:{number}"
        store.put(pump("SOLUSDT", key=key, at_ms=NOW_MS + number, venue=venue), to=(PRIVATE,))
        async with asyncio.timeout(60):
            while not await store.alerts_of([key]):
                await store.wait_for_work()
    since_s = NOW_MS / 1000 - 60
    found = await store.stats(since_s=since_s, top=5)
    assert dict(found.by_venue) == {"bybit": 2, "binance": 1}
    assert list(found.by_venue) == ["bybit", "binance"], "the most frequent first"
    there = await store.stats(since_s=since_s, top=5, venue="bybit")
    assert (there.total, dict(there.by_venue), list(there.by_symbol)) == (2, {"bybit": 2}, [("SOLUSDT", 2)])
    assert (await store.stats(since_s=since_s, top=5, venue="okx")).total == 0


async def test_alerts_since_are_oldest_first_by_event_time(store: Store) -> None:
    await put(store, "LATEUSDT", at_ms=NOW_MS + 2000)
    await put(store, "EARLYUSDT", at_ms=NOW_MS + 1000)
    await put(store, "OLDUSDT", at_ms=NOW_MS)
    assert [alert.symbol for alert in await store.alerts_since(NOW_MS + 1000)] == ["EARLYUSDT", "LATEUSDT"]


async def test_alerts_of_leaves_out_unknown_keys(store: Store) -> None:
    await put(store, "SOLUSDT")
    key = pump("SOLUSDT").key
    found = await store.alerts_of([key, "price:unknown"])
    assert {key: alert.symbol for key, alert in found.items()} == {key: "SOLUSDT"}


async def test_a_candle_that_ran_is_completed_and_nothing_else_overwrites_what_it_measured(store: Store) -> None:
    running = Details(running_s=23.0, median_usdt=100.0, quote_usdt=900.0)
    told = pump(kind="vol", key="burst", direction="UP", metric=9.0, price=101.0, change_pct=1.0, details=running)
    store.put(told, to=(PRIVATE,))
    await asyncio.wait_for(store.wait_for_work(), 60)
    final = msgspec.structs.replace(
        told,
        direction="DOWN",
        metric=18.0,
        price=99.0,
        change_pct=-1.0,
        amplitude=2.0,
        details=Details(quote_usdt=1800.0, is_completed=True),
    )
    await store.update_alert(final)
    await store.update_alert(msgspec.structs.replace(told, lsr=1.5, details=Details()))
    (queued,) = await store.queued(PRIVATE, limit=9)
    stored = (await store.recent(limit=1))[0].alert
    for alert in (queued.alert, stored):
        assert (alert.direction, alert.metric, alert.price, alert.change_pct) == ("DOWN", 18.0, 99.0, -1.0)
        assert (alert.amplitude, alert.lsr, alert.is_running) == (2.0, 1.5, False)
        assert (alert.details.running_s, alert.details.median_usdt, alert.details.quote_usdt) == (23.0, 100.0, 1800.0)


async def test_what_is_learned_later_is_in_the_history_and_in_what_still_waits(store: Store) -> None:
    await put(store, "SOLUSDT")
    learned = pump(
        "SOLUSDT", lsr=1.75, oi_change=2.0, quadrant="up_up", details=Details(funding_rate=0.0001), price=1.0
    )
    await store.update_alert(learned)
    (row,) = await store.queued(PRIVATE, limit=1)
    stored = (await store.recent(limit=1))[0].alert
    for alert in (row.alert, stored, (await store.alerts_of([learned.key]))[learned.key]):
        assert (alert.lsr, alert.oi_change, alert.quadrant) == (1.75, 2.0, "up_up")
        assert alert.details == Details(threshold=3.0, window_s=41.2, funding_rate=0.0001)
        assert alert.price == 103.5, "what was decided on does not change"
    await store.update_alert(pump("NEVERPUTUSDT"))


async def test_what_is_learned_while_an_alert_is_on_its_way_to_the_disk_is_in_what_is_sent(store: Store) -> None:
    """Another venue joins a move within milliseconds; the message has no other look at what is known."""
    store.put(pump("SOLUSDT"))
    moves = [VenueMove(venue=venue, size=2.9, event_ms=NOW_MS) for venue in ("bybit", "okx")]
    first = pump("SOLUSDT", lsr=1.75, details=Details(venues=tuple(moves[:1])))
    second = pump("SOLUSDT", details=Details(venues=tuple(moves)))
    await asyncio.gather(store.update_alert(first), store.update_alert(second))
    (row,) = await store.queued(PRIVATE, limit=2)
    for alert in (row.alert, (await store.recent(limit=1))[0].alert):
        assert (alert.lsr, [move.venue for move in alert.details.venues]) == (1.75, ["bybit", "okx"])
        assert alert.price == 103.5


async def test_a_moved_group_takes_its_rows_and_new_alerts_along(store: Store) -> None:
    (first,) = await put(store, "SOLUSDT")
    await store.begin_attempt(GROUP, [first])
    supergroup = Destination(chat_id=-100999)
    await store.move(GROUP, supergroup)
    assert store.destinations == (PRIVATE, supergroup)
    (row,) = await store.queued(supergroup, limit=5)
    assert (row.destination, row.attempts, row.alert.symbol) == (supergroup, 1, "SOLUSDT")
    await put(store, "DOGEUSDT")
    assert await waiting(store, supergroup) == ["SOLUSDT", "DOGEUSDT"]
    assert await waiting(store, GROUP) == []


async def test_a_moved_group_takes_along_what_it_was_told_where_no_alerts_are_wanted_now(store: Store) -> None:
    (first,) = await put(store, "SOLUSDT")
    await store.mark_sent(GROUP, [first], message_id=7, sent_ms=NOW_MS)
    store.set_destinations([PRIVATE])
    supergroup = Destination(chat_id=-100999)
    await store.move(TOPIC, Destination(chat_id=-100999, topic_id=5))
    assert await store.message_id_of(supergroup, pump("SOLUSDT").key) == 7
    assert await store.sent_since(-100999, NOW_MS) == [NOW_MS]
    store.set_destinations([PRIVATE, GROUP])
    assert store.destinations == (PRIVATE, supergroup)
    await put(store, "DOGEUSDT")
    assert await waiting(store, supergroup) == ["DOGEUSDT"]


async def test_an_alert_for_a_group_under_its_former_id_goes_to_where_it_is_now(store: Store) -> None:
    supergroup = Destination(chat_id=-100999)
    await store.move(GROUP, supergroup)
    store.put(pump("SOLUSDT"), to=(GROUP, supergroup))
    async with asyncio.timeout(60):
        while not await waiting(store, supergroup):
            await store.wait_for_work()
    assert await waiting(store, supergroup) == ["SOLUSDT"]
    assert await waiting(store, GROUP) == []
    assert await waiting(store, PRIVATE) == []


async def test_topics_of_one_chat_have_their_own_rows(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE, GROUP, TOPIC) as store:
        (first,) = await put(store, "SOLUSDT")
        await store.mark_sent(TOPIC, [first], message_id=31, sent_ms=NOW_MS)
        assert await waiting(store, GROUP) == ["SOLUSDT"]
        assert await waiting(store, TOPIC) == []
        assert await store.message_id_of(TOPIC, pump("SOLUSDT").key) == 31
        assert await store.message_id_of(GROUP, pump("SOLUSDT").key) is None


async def test_messages_sent_lately_are_counted_once_per_message_over_all_topics(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE, GROUP, TOPIC) as store:
        first, second, third = await put(store, "AUSDT", "BUSDT", "CUSDT")
        await store.mark_sent(GROUP, [first], message_id=1, sent_ms=NOW_MS - 61_000)
        await store.mark_sent(GROUP, [second, third], message_id=2, sent_ms=NOW_MS - 20_000)
        await store.mark_sent(TOPIC, [first, second], message_id=3, sent_ms=NOW_MS - 10_000)
        await store.mark_sent(PRIVATE, [first], message_id=4, sent_ms=NOW_MS)
        assert list(await store.sent_since(GROUP.chat_id, NOW_MS - 60_000)) == [NOW_MS - 20_000, NOW_MS - 10_000]


async def test_what_was_added_by_an_edit_counts_beside_its_message(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE, GROUP) as store:
        first, second, third = await put(store, "AUSDT", "BUSDT", "CUSDT")
        await store.mark_sent(GROUP, [first, second], message_id=1, sent_ms=NOW_MS - 20_000)
        await store.mark_sent(GROUP, [third], message_id=1, sent_ms=NOW_MS - 14_000)
        assert list(await store.sent_since(GROUP.chat_id, NOW_MS - 60_000)) == [NOW_MS - 20_000, NOW_MS - 14_000]


async def test_status_counts_what_waits_what_went_and_the_last_trouble(store: Store) -> None:
    assert store.outbox_status().oldest_age_s is None
    first, second = await put(store, "AUSDT", "BUSDT")
    await store.record_error(PRIVATE, [first], error=cause("no answer in time"))
    status = store.outbox_status()
    assert (status.queued, status.sent, status.failed, status.trouble) == (4, 0, 0, cause("no answer in time"))
    assert status.oldest_age_s is not None
    assert 0 <= status.oldest_age_s < 60
    await store.mark_sent(PRIVATE, [first, second], message_id=1, sent_ms=NOW_MS)
    await store.mark_failed(GROUP, [first], error=cause("blocked"))
    status = store.outbox_status()
    assert (status.queued, status.sent, status.failed, status.trouble) == (1, 2, 1, cause("blocked"))


async def test_without_history_an_alert_is_forgotten_once_it_is_delivered_everywhere(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE, GROUP, history=False) as store:
        (first,) = await put(store, "SOLUSDT")
        await store.mark_sent(PRIVATE, [first], message_id=7, sent_ms=NOW_MS)
        assert [told.alert.symbol for told in await store.recent(limit=5)] == ["SOLUSDT"]
        await store.mark_failed(GROUP, [first], error=cause("blocked"))
        assert await store.recent(limit=5) == []
        assert await store.message_id_of(PRIVATE, pump("SOLUSDT").key) == 7, "a later escalation replies to it"
        store.put(pump("SOLUSDT"))
        await put(store, "DOGEUSDT")
        assert await waiting(store) == ["DOGEUSDT"]


async def test_pruning_keeps_what_still_waits(store: Store) -> None:
    first, second = await put(store, "AUSDT", "BUSDT", at_ms=NOW_MS - 1_000_000)
    await put(store, "NEWUSDT")
    for destination in (PRIVATE, GROUP):
        await store.mark_sent(destination, [first], message_id=1, sent_ms=NOW_MS)
    await store.prune(before_s=NOW_MS / 1000 - 500)
    assert {told.alert.symbol for told in await store.recent(limit=5)} == {"BUSDT", "NEWUSDT"}
    assert await waiting(store) == ["BUSDT", "NEWUSDT"]
    assert second == 2


async def test_remembered_values_are_overwritten_and_unknown_ones_are_none(store: Store) -> None:
    assert await store.meta_get("telegram_offset") is None
    await store.meta_set("telegram_offset", "41")
    await store.meta_set("telegram_offset", "42")
    assert await store.meta_get("telegram_offset") == "42"


async def test_waiting_for_work_ends_for_rows_that_came_before_and_not_without_news(store: Store) -> None:
    store.put(pump("SOLUSDT"))
    assert set(await store.wait_for_work()) == {PRIVATE, GROUP}
    sleeper = asyncio.create_task(store.wait_for_work())
    await asyncio.sleep(0.01)
    assert not sleeper.done()
    store.put(pump("DOGEUSDT"))
    async with asyncio.timeout(60):
        assert set(await sleeper) == {PRIVATE, GROUP}
    assert await waiting(store, GROUP) == ["SOLUSDT", "DOGEUSDT"]
    store.put(pump("XRPUSDT"), to=(GROUP,))
    async with asyncio.timeout(60):
        assert list(await store.wait_for_work()) == [GROUP]


async def test_destinations_can_be_changed_while_it_is_open(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE) as store:
        await put(store, "AUSDT")
        store.set_destinations([PRIVATE, TOPIC])
        await put(store, "BUSDT")
        assert (await waiting(store), await waiting(store, TOPIC)) == (["AUSDT", "BUSDT"], ["BUSDT"])
        store.set_destinations([PRIVATE])
        await put(store, "CUSDT")
        assert await waiting(store, TOPIC) == ["BUSDT"]
        assert store.destinations == (PRIVATE,)


async def test_a_message_of_its_own_is_told_from_one_it_shares(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE) as store:
        one, two, three = await put(store, "AUSDT", "BUSDT", "CUSDT")
        await store.mark_sent(PRIVATE, [one], message_id=7, sent_ms=NOW_MS)
        await store.mark_sent(PRIVATE, [two], message_id=8, sent_ms=NOW_MS)
        await store.mark_sent(PRIVATE, [three], message_id=8, sent_ms=NOW_MS + 50_000)
        keys = {row.alert.symbol: row.alert.key for row in await store.recent(limit=9)}
        found = [await store.own_message_of(PRIVATE, keys[symbol]) for symbol in ("AUSDT", "BUSDT", "CUSDT")]
        assert found == [(7, False), None, None]
        assert await store.own_message_of(GROUP, keys["AUSDT"]) is None


async def test_a_message_that_told_several_alerts_is_known_with_all_of_them(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, PRIVATE) as store:
        one, two, three = await put(store, "AUSDT", "BUSDT", "CUSDT")
        await store.mark_sent(PRIVATE, [one], message_id=7, sent_ms=NOW_MS)
        await store.mark_sent(PRIVATE, [two], message_id=8, sent_ms=NOW_MS)
        await store.mark_sent(PRIVATE, [three], message_id=8, sent_ms=NOW_MS + 50_000)
        keys = {row.alert.symbol: row.alert.key for row in await store.recent(limit=9)}
        found = await store.digest_of(PRIVATE, keys["BUSDT"])
        assert found is not None
        assert (found.message_id, set(found.keys)) == (8, {keys["BUSDT"], keys["CUSDT"]})
        assert (found.sent_ms, found.maybe_repeated) == (NOW_MS, False)
        assert await store.digest_of(PRIVATE, keys["AUSDT"]) is None
        assert await store.digest_of(GROUP, keys["BUSDT"]) is None


async def test_what_was_told_while_its_candle_ran_and_is_complete_by_now_is_known(kind: str, tmp_path: Path) -> None:
    ran, closed = Details(running_s=23.0), Details(is_completed=True)
    async with opened(kind, tmp_path, PRIVATE, GROUP) as store:
        await put(store, "EARLYUSDT", "AUSDT", "RUNSUSDT", "WAITSUSDT", kind="vol", details=ran)
        await put(store, "WHOLEUSDT", kind="vol")
        early, one, runs, _, whole = sorted(row.alert.id or 0 for row in await store.recent(limit=9))
        await store.mark_sent(PRIVATE, [early], message_id=6, sent_ms=NOW_MS - 1)
        await store.mark_sent(PRIVATE, [one, runs, whole], message_id=7, sent_ms=NOW_MS)
        rows = {row.alert.symbol: row.alert for row in await store.recent(limit=9)}
        for symbol in ("EARLYUSDT", "AUSDT", "WAITSUSDT"):
            await store.update_alert(msgspec.structs.replace(rows[symbol], details=closed))
        assert await store.completed_since(PRIVATE, NOW_MS) == [rows["AUSDT"].key]
        assert await store.completed_since(GROUP, NOW_MS) == []


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_message_that_says_it_may_be_a_repetition_is_known_as_one(
    is_restarted: bool, on_disk: str, tmp_path: Path
) -> None:
    async with opened(on_disk, tmp_path, PRIVATE) as store:
        once, again, refused = ids = await put(store, "AUSDT", "BUSDT", "CUSDT")
        for alert_id, is_unknown in ((again, True), (refused, False)):
            await store.begin_attempt(PRIVATE, [alert_id])
            await store.record_error(PRIVATE, [alert_id], error=cause("no answer"), outcome_unknown=is_unknown)
        for alert_id in ids:
            await store.begin_attempt(PRIVATE, [alert_id])
            await store.mark_sent(PRIVATE, [alert_id], message_id=alert_id + 100, sent_ms=NOW_MS)
        keys = [row.alert.key for row in sorted(await store.recent(limit=9), key=lambda row: row.alert.symbol)]
        found = [await store.own_message_of(PRIVATE, key) for key in keys]
    if is_restarted:
        async with opened(on_disk, tmp_path, PRIVATE) as store:
            found = [await store.own_message_of(PRIVATE, key) for key in keys]
    assert found == [(once + 100, False), (again + 100, True), (refused + 100, False)]


async def test_after_a_restart_too_a_message_of_its_own_is_told_from_one_it_shares(
    on_disk: str, tmp_path: Path
) -> None:
    async with opened(on_disk, tmp_path, PRIVATE) as store:
        one, two, three = await put(store, "AUSDT", "BUSDT", "CUSDT")
        await store.mark_sent(PRIVATE, [one], message_id=7, sent_ms=NOW_MS)
        await store.mark_sent(PRIVATE, [two], message_id=8, sent_ms=NOW_MS)
        await store.mark_sent(PRIVATE, [three], message_id=8, sent_ms=NOW_MS + 50_000)
        keys = {row.alert.symbol: row.alert.key for row in await store.recent(limit=9)}
    async with opened(on_disk, tmp_path, PRIVATE) as store:
        found = [await store.own_message_of(PRIVATE, keys[symbol]) for symbol in ("AUSDT", "BUSDT", "CUSDT")]
        assert found == [(7, False), None, None]


async def test_an_alert_is_found_by_its_number(store: Store) -> None:
    (one,) = await put(store, "AUSDT")
    found = await store.alert_of_id(one)
    assert found is not None
    assert (found.id, found.symbol) == (one, "AUSDT")
    assert await store.alert_of_id(99) is None


async def test_what_is_not_due_yet_is_no_delay(on_disk: str, tmp_path: Path) -> None:
    async with opened(on_disk, tmp_path, PRIVATE) as store:
        assert isinstance(store, DatabaseStore)
        await put(store, "AUSDT")
        store.due_ms = lambda destination, queued_ms: queued_ms + 3_600_000
        status = store.outbox_status()
        assert (status.queued, status.oldest_age_s) == (1, 0.0)


async def test_destinations_named_before_it_is_opened_get_what_waited_for_them(on_disk: str, tmp_path: Path) -> None:
    async with opened(on_disk, tmp_path, PRIVATE, TOPIC) as store:
        await put(store, "AUSDT")
    later = built(on_disk, tmp_path, PRIVATE)
    later.set_destinations([PRIVATE, TOPIC])
    async with later:
        assert await waiting(later, TOPIC) == ["AUSDT"]


async def test_a_sample_is_delivered_and_counted_nowhere(store: Store) -> None:
    sample = msgspec.structs.replace(pump("SAMPLEUSDT"), key="test:price:SAMPLEUSDT:1")
    store.put(sample)
    await put(store, "REALUSDT")
    assert await waiting(store) == ["SAMPLEUSDT", "REALUSDT"]
    assert [row.alert.symbol for row in await store.recent(limit=10)] == ["REALUSDT"]
    assert (await store.stats(since_s=0, top=10)).total == 1
    assert [alert.symbol for alert in await store.alerts_since(0)] == ["REALUSDT"]
    assert [alert.symbol for alert, _ in await store.stored_since(0)] == ["REALUSDT"]
    assert {size.symbol for size in await store.stored_sizes(since_ms=0, recent_ms=0)} == {"REALUSDT"}


async def test_after_a_restart_what_was_told_as_late_is_no_message_of_its_own(on_disk: str, tmp_path: Path) -> None:
    async with opened(on_disk, tmp_path, PRIVATE) as store:
        in_time, late = await put(store, "AUSDT", "BUSDT")
        keys = {row.alert.symbol: row.alert.key for row in await store.recent(limit=9)}
        made_ms = {row.alert.symbol: round(row.alert.ts * 1000) for row in await store.recent(limit=9)}
        await store.mark_sent(PRIVATE, [in_time], message_id=7, sent_ms=made_ms["AUSDT"] + 600_000)
        await store.mark_sent(PRIVATE, [late], message_id=8, sent_ms=made_ms["BUSDT"] + 600_001)
    async with opened(on_disk, tmp_path, PRIVATE) as store:
        assert await store.own_message_of(PRIVATE, keys["AUSDT"]) == (7, False)
        assert await store.own_message_of(PRIVATE, keys["BUSDT"]) is None
