"""`/api/stream` over real sockets: each alert once, what was missed on return, and nobody who is slow harms anybody."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import msgspec

from altmonitor.core.alert import Alert, Details, StoredAlert
from altmonitor.core.clock import SystemClock
from altmonitor.core.health import assess
from altmonitor.core.types import Venue
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.operations.board import MarketBoard
from altmonitor.storage.store import SqliteStore, StoreOptions
from altmonitor.web import streams as live_module
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.streams import EventStream, StreamSources, stored_stream_name
from tests.commands.executor_kit import MemoryAlerts, healthy
from tests.fakes import ManualClock
from tests.operations.operations_kit import Bench
from tests.patient_clock import PatientClock
from tests.web.web_kit import operations

START_MS = 1_790_000_000_000


def alert(number: int) -> Alert:
    return Alert(
        key=f"price:SOLUSDT:PUMP:1m:{number}",
        ts=START_MS / 1000,
        event_ms=START_MS,
        symbol="SOLUSDT",
        kind="price",
        direction="PUMP",
        metric=3.5,
        id=number,
    )


class Listener:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def event(self) -> dict[str, str]:
        """The next block of lines, as its fields; a comment stands under ''."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(60):
            while line := (await self._response.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name.rstrip(":")] = value
        return fields

    async def alert_ids(self, count: int) -> list[int]:
        found: list[int] = []
        while len(found) < count:
            event = await self.event()
            if event.get("event") == "alert":
                found.append(json.loads(event["data"])["id"])
        return found


@asynccontextmanager
async def served(history: AlertQueries | None = None, speed: float = 1) -> AsyncIterator[tuple[EventStream, str]]:
    clock = PatientClock(start_ms=START_MS, speed=speed)
    live = EventStream(clock, history)
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,
            operations=operations(history, clock=clock),
            clock=clock,
            live=live,
        )  # type: ignore[arg-type]
    )
    await server.start()
    try:
        yield live, f"http://127.0.0.1:{server.port}/api/stream"
    finally:
        await server.stop()


@asynccontextmanager
async def listening(url: str, headers: dict[str, str] | None = None) -> AsyncIterator[Listener]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        listener = Listener(response)
        assert await listener.event() == {"retry": "3000"}
        yield listener


async def test_what_an_alert_learned_later_comes_as_an_update_that_names_it_and_moves_no_place() -> None:
    early, other = alert(7), msgspec.structs.replace(alert(8), key="price:DOGEUSDT:PUMP:1m:8")
    whole = msgspec.structs.replace(early, metric=9.5, details=Details(running_s=20.0, is_completed=True))

    async def alerts_of(keys: Collection[str]) -> Mapping[str, Alert]:
        return {whole.key: whole}

    async with served() as (live, url), listening(url) as listener:
        live.publish(early)
        live.publish(msgspec.structs.replace(early, key=f"{early.key}@-1001", id=9))  # another chat's row of the event
        for key in (early.key, f"{early.key}@-1001", other.key):
            live.refresh(key)
        await live.tick(StreamSources(health=healthy, alerts_of=alerts_of))  # type: ignore[arg-type]
        assert (await listener.event())["event"] == "alert"
        event = await listener.event()
        assert (event["event"], "id" in event) == ("update", False)
        data = msgspec.json.decode(event["data"], type=Alert)
        assert (data.id, data.key, data.metric, data.is_running) == (7, early.key, 9.5, False)
        assert (await listener.event())["event"] == "health"


async def test_who_comes_back_hears_what_young_alerts_have_learned_meanwhile() -> None:
    old = msgspec.structs.replace(alert(1), ts=START_MS / 1000 - 601)
    history = MemoryAlerts(*(StoredAlert(alert=row, delivery="sent") for row in (alert(3), alert(2), old)))
    async with served(history) as (_, url), listening(url, {"Last-Event-ID": "2"}) as listener:
        first, second = await listener.event(), await listener.event()
        assert (first["event"], json.loads(first["data"])["id"]) == ("alert", 3)
        assert (second["event"], json.loads(second["data"])["id"]) == ("update", 2)


async def test_health_comes_at_once_at_every_change_and_every_ten_seconds() -> None:
    vitals, clock = healthy().vitals, ManualClock()
    feed = vitals.feed

    async def nothing(keys: Collection[str]) -> Mapping[str, Alert]:
        return {}

    sources = StreamSources(health=lambda: assess(replace(vitals, feed=feed)), alerts_of=nothing)
    async with served() as (live, url):
        live.sources, live._clock = sources, clock  # type: ignore[assignment]
        live._clock.timeout = PatientClock(start_ms=START_MS, speed=1).timeout  # type: ignore[method-assign]
        async with listening(url) as listener:
            first = json.loads((await listener.event())["data"])
            assert (first["status"], first["is_blind"], first["at_ms"]) == ("ok", False, clock.ms)
            await live.tick(sources)
            assert json.loads((await listener.event())["data"])["status"] == "ok"
            for passed_ms in (1_000, 1_000, 8_000):
                clock.ms += passed_ms
                await live.tick(sources)
            again = json.loads((await listener.event())["data"])
            assert again["at_ms"] == first["at_ms"] + 10_000
            feed = replace(feed, is_blind=True, last_frame_age_s=31.0)
            clock.ms += 1_000
            await live.tick(sources)
            blind = json.loads((await listener.event())["data"])
            assert (blind["status"], blind["is_blind"]) == ("degraded", True)
            assert blind["reasons"] == ["feed_blind: no data for 31 s"]


class BoardAtOnce(MarketBoard):
    """Gives the loop no turn: whoever listens stays behind."""

    async def prepare(self) -> None:
        self.table()


def a_market(bench: Bench) -> StreamSources:
    async def nothing(keys: Collection[str]) -> Mapping[str, Alert]:
        return {}

    venues: tuple[Venue, ...] = ("binance", "bybit")
    boards = {venue: BoardAtOnce(replace(bench.board_deps, venue=venue)) for venue in venues}
    boards["bybit"] = BoardAtOnce(replace(bench.board_deps, venue="bybit", listed=lambda: ["DOGEUSDT"]))
    return StreamSources(health=healthy, alerts_of=nothing, boards=boards)


def rows_of(event: dict[str, str]) -> dict[str, dict[str, object]]:
    data = json.loads(event["data"])
    return {row[0]: dict(zip(data["columns"], row, strict=True)) for row in data["rows"]}


async def test_who_asks_for_the_market_gets_all_of_it_and_then_once_a_second_what_changed() -> None:
    bench = Bench()
    async with served() as (live, url):
        live.sources = sources = a_market(bench)
        async with listening(f"{url}?market=0") as listener, listening(url) as other:
            assert (await listener.event())["event"] == "health"
            everything = rows_of(await listener.event())
            assert set(everything) == {"BTCUSDT", "DOGEUSDT", "SOLUSDT"}
            assert (everything["SOLUSDT"]["price"], everything["SOLUSDT"]["change_1m_pct"]) == (103.5, 3.5)
            bench.known.add("SOLUSDT", start=100.0, now=104.0)
            del bench.known.books["DOGEUSDT"]
            bench.clock.ms += 1_000
            await live.tick(sources)
            assert (await listener.event())["event"] == "health"
            event = await listener.event()
            assert {symbol: row["price"] for symbol, row in rows_of(event).items()} == {"SOLUSDT": 104.0}
            assert json.loads(event["data"])["gone"] == ["DOGEUSDT"]
            bench.clock.ms += 1_000
            await live.tick(sources)
            nothing = await listener.event()
            assert (nothing["event"], rows_of(nothing)) == ("market", {})
            assert [(await other.event())["event"] for _ in range(2)] == ["health", "health"]


async def test_who_knows_a_table_gets_only_what_changed_since() -> None:
    bench = Bench()
    async with served() as (live, url):
        live.sources = sources = a_market(bench)
        async with listening(f"{url}?market=0"):
            known_ms = bench.clock.ms
            bench.known.add("BTCUSDT", start=60_000.0, now=61_000.0)
            bench.clock.ms += 1_000
            await live.tick(sources)
            async with listening(f"{url}?market={known_ms}") as late:
                assert (await late.event())["event"] == "health"
                assert set(rows_of(await late.event())) == {"BTCUSDT"}


async def test_a_listener_that_is_behind_gets_no_more_rows_and_later_all_that_changed() -> None:
    bench = Bench()
    async with served() as (live, url):
        live.sources = sources = a_market(bench)
        async with listening(f"{url}?market=0") as listener:
            for price in range(104, 114):  # nobody reads: the loop has had no turn to send
                bench.known.add("SOLUSDT", start=100.0, now=float(price))
                bench.clock.ms += 1_000
                await live.tick(sources)
            frames = []
            while len(frames) < 5:
                event = await listener.event()
                if event["event"] == "market":
                    frames.append(rows_of(event))
            bench.clock.ms += 1_000
            await live.tick(sources)
            while (event := await listener.event())["event"] != "market":
                pass
            assert [frame["SOLUSDT"]["price"] for frame in frames[1:]] == [104.0, 105.0, 106.0, 107.0]
            assert rows_of(event)["SOLUSDT"]["price"] == 113.0


async def test_who_asks_for_another_exchanges_market_gets_that() -> None:
    bench = Bench()
    async with served() as (live, url):
        live.sources = a_market(bench)
        async with listening(f"{url}?market=0") as main, listening(f"{url}?market=0&venue=bybit") as other:
            found = []
            for listener in (main, other):
                while (event := await listener.event())["event"] != "market":
                    pass
                found.append(sorted(rows_of(event)))
    assert found == [["BTCUSDT", "DOGEUSDT", "SOLUSDT"], ["DOGEUSDT"]]


async def test_a_query_that_the_stream_does_not_know_is_refused() -> None:
    async with served() as (live, url), aiohttp.ClientSession() as session:
        for query in ("market=yes", "market=-1", "since=3", "market=0&venue=kraken", "market=0&venue=okx"):
            async with session.get(f"{url}?{query}") as answer:
                assert (answer.status, (await answer.json())["code"]) == (400, "bad_argument")
        assert live.listeners == 0


async def test_every_listener_gets_every_alert() -> None:
    async with served() as (live, url), listening(url) as one, listening(url) as other:
        live.publish(alert(1))
        live.publish(alert(2))
        assert await one.alert_ids(2) == [1, 2]
        assert await other.alert_ids(2) == [1, 2]


async def test_an_event_carries_the_alert_as_it_is_stored() -> None:
    async with served() as (live, url), listening(url) as listener:
        live.publish(alert(7))
        event = await listener.event()
        assert event["id"] == f"{live.name}-7"
        assert msgspec.json.decode(event["data"], type=Alert) == alert(7)


async def test_who_comes_back_gets_what_was_missed_and_nothing_twice() -> None:
    history = MemoryAlerts(*(StoredAlert(alert=alert(number), delivery="sent") for number in (5, 4, 3, 2, 1)))
    async with served(history) as (live, url), listening(url, {"Last-Event-ID": "2"}) as listener:
        assert await listener.alert_ids(3) == [3, 4, 5]
        live.publish(alert(5))
        live.publish(alert(6))
        assert await listener.alert_ids(1) == [6]


def stored(*numbers: int) -> MemoryAlerts:
    return MemoryAlerts(*(StoredAlert(alert=alert(number), delivery="sent") for number in numbers))


async def test_an_id_of_the_stream_itself_is_followed_too() -> None:
    async with served(stored(3, 2, 1)) as (live, url), listening(url, {"Last-Event-ID": f"{live.name}-2"}) as listener:
        assert await listener.alert_ids(1) == [3]
        live.publish(alert(4))
        assert await listener.alert_ids(1) == [4]


async def test_after_the_database_was_replaced_a_listener_is_told_so_and_gets_what_is_there() -> None:
    reason = "the database was replaced since; this is what it holds"
    async with (
        served(stored(3, 2, 1)) as (live, url),
        listening(url, {"Last-Event-ID": "0badcafe-2", "Authorization": "x"}) as listener,
    ):
        assert await listener.event() == {
            "event": "reset",
            "data": json.dumps({"reason": reason}, separators=(",", ":")),
        }
        assert await listener.alert_ids(3) == [1, 2, 3]
        live.publish(alert(4))
        assert await listener.alert_ids(1) == [4]


async def test_a_number_above_all_that_is_stored_is_told_so_and_nothing_stays_silent() -> None:
    for history, there in ((stored(3, 2, 1), [1, 2, 3]), (stored(), [])):
        async with served(history) as (live, url), listening(url, {"Last-Event-ID": "900000000000000"}) as listener:
            assert (await listener.event())["event"] == "reset"
            assert await listener.alert_ids(len(there)) == there
            live.publish(alert(4))
            assert await listener.alert_ids(1) == [4]


async def test_an_id_of_this_stream_that_history_does_not_hold_any_more_or_not_again_repeats_nothing() -> None:
    async with served(stored(3, 2, 1)) as (live, url), listening(url, {"Last-Event-ID": f"{live.name}-9"}) as listener:
        live.publish(alert(4))
        assert await listener.alert_ids(1) == [4]


async def test_what_is_no_id_is_taken_for_none() -> None:
    for text in ("", "x", "-1", "1e3", "٥", "9" * 16, "0badcafe-", "0BADCAFE-1", "1,2", "'; DROP TABLE alerts"):
        async with (
            served(stored(3, 2, 1)) as (live, url),
            listening(url, {"Last-Event-ID": text} if text.isascii() else {}) as listener,
        ):
            live.publish(alert(4))
            assert await listener.alert_ids(1) == [4]


async def test_without_history_an_id_of_before_silences_nothing() -> None:
    async with served(None) as (live, url), listening(url, {"Last-Event-ID": "999"}) as listener:
        live.publish(alert(1))
        assert await listener.alert_ids(1) == [1]


async def test_listeners_that_come_back_together_cost_one_reading_and_lose_nothing() -> None:
    history = stored(3, 2, 1)
    async with served(history) as (live, url), AsyncExitStack() as stack:
        back = {"Last-Event-ID": "1"}
        listeners = await asyncio.gather(*(stack.enter_async_context(listening(url, back)) for _ in range(20)))
        assert [await listener.alert_ids(2) for listener in listeners] == [[2, 3]] * 20
        assert len(history.asked) == 1
        live.publish(alert(4))
        history.told = (StoredAlert(alert=alert(4), delivery="sent"), *history.told)
        late = await stack.enter_async_context(listening(url, back))
        assert await late.alert_ids(3) == [2, 3, 4]


async def test_the_name_of_the_stream_belongs_to_the_database(tmp_path: Path) -> None:
    clock = SystemClock()
    names = []
    for file in ("one.db", "one.db", "other.db"):
        async with SqliteStore(tmp_path / file, clock=clock, options=StoreOptions()) as store:
            names.append(await stored_stream_name(store))
    assert names[0] == names[1] != names[2]
    assert all(re.fullmatch("[0-9a-f]{8}", name) for name in names)


async def test_a_quiet_stream_shows_that_it_lives() -> None:
    async with served(speed=200) as (_, url), listening(url) as listener:
        assert await listener.event() == {"": "still here"}


async def test_a_listener_that_falls_too_far_behind_is_let_go_and_the_others_are_not() -> None:
    async with served() as (live, url), listening(url), listening(url) as reading:
        for number in range(live_module.MOST_WAITING + 1):
            live.publish(alert(number))
        assert live.listeners == 0
        assert len(await reading.alert_ids(10)) == 10


async def test_stopping_the_server_ends_the_stream() -> None:
    async with served() as (live, url), listening(url) as listener:
        live.end()
        assert await listener.event() == {}
        assert live.listeners == 0


async def test_more_listeners_than_allowed_are_refused() -> None:
    async with served() as (_, url), aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        answers = [await session.get(url) for _ in range(200)]
        async with session.get(url) as refused:
            assert refused.status == 503
        for answer in answers:
            answer.close()


async def test_an_event_that_several_chats_are_told_is_one() -> None:
    async with served() as (live, url), aiohttp.ClientSession() as session, session.get(url) as response:
        listener = Listener(response)
        await listener.event()  # how soon to come back
        live.publish(msgspec.structs.replace(alert(1), key="price:SOLUSDT:PUMP:1m:1@-1001/7"))
        live.publish(msgspec.structs.replace(alert(2), key="price:SOLUSDT:PUMP:1m:1"))
        live.publish(msgspec.structs.replace(alert(3), key="price:SOLUSDT:PUMP:1m:1:x2@5"))
        assert await listener.alert_ids(2) == [1, 3]
