"""`/api/stream` over real sockets: each alert once, what was missed on return, and nobody who is slow harms anybody."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from altmonitor.core.alert import Alert, StoredAlert
from altmonitor.core.clock import SystemClock
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.storage.store import SqliteStore, StoreOptions
from altmonitor.web import streams as live_module
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.streams import LiveAlerts, stored_stream_name
from tests.commands.executor_kit import MemoryAlerts, healthy
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
        async with asyncio.timeout(5):
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
async def served(history: AlertQueries | None = None, speed: float = 1) -> AsyncIterator[tuple[LiveAlerts, str]]:
    clock = PatientClock(start_ms=START_MS, speed=speed)
    live = LiveAlerts(clock, history)
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
