from __future__ import annotations

import asyncio
import base64
import json
import os
from urllib.parse import urlsplit

import aiohttp
import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from altmonitor.sim.control import RestFault
from tests.sim.exchange_kit import START, ask, everything, next_text, scene, until

OI = "/fapi/v1/openInterest"


async def test_a_mute_feed_acknowledges_and_sends_nothing_until_it_is_switched_back() -> None:
    async with scene() as world, world.connect() as socket:
        world.faults.mute = True
        assert await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"]) == {"result": None, "id": 1}
        world.clock.move(60_000)
        assert await everything(socket) == []
        world.faults.mute = False
        world.clock.move(250)
        assert json.loads(await next_text(socket))["data"]["s"] == "BTCUSDT"


async def test_single_symbols_can_be_mute() -> None:
    async with scene() as world, world.connect() as socket:
        world.faults.mute_symbols.add("BTCUSDT")
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m", "ethusdt@kline_1m"])
        world.clock.move(1_000)
        assert {frame["data"]["s"] for frame in await everything(socket)} == {"ETHUSDT"}


async def test_dropped_connections_end_without_a_closing_handshake() -> None:
    async with scene() as world, world.connect() as one, world.connect("/ws") as other:
        world.faults.drop_all()
        for socket in (one, other):
            with pytest.raises(ConnectionClosed) as closed:
                await next_text(socket)
            assert closed.value.rcvd is None
        await until(lambda: world.exchange.stats.ws_now == 0)
        assert [seen.close_code for seen in world.exchange.stats.connections] == [1006, 1006]


async def test_connections_can_be_closed_with_any_code() -> None:
    async with scene() as world, world.connect() as socket:
        await ask(socket, "LIST_SUBSCRIPTIONS")
        world.faults.close_all(1012, "service restart")
        with pytest.raises(ConnectionClosed) as closed:
            await next_text(socket)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "service restart")


async def test_handshakes_can_be_refused_with_a_status() -> None:
    async with scene() as world:
        world.faults.refuse_connections = 503
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with world.connect():
                pass
        assert refused.value.response.status_code == 503
        assert (world.exchange.stats.handshakes_refused, world.exchange.stats.ws_ever) == (1, 0)


async def test_chosen_subscribe_requests_are_rejected() -> None:
    async with scene() as world, world.connect() as socket:
        world.faults.reject_subscribe_ids = {2}
        assert (await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"], id=1))["result"] is None
        assert (await ask(socket, "SUBSCRIBE", ["ethusdt@kline_1m"], id=2))["error"]["code"] == 2
        assert (await ask(socket, "LIST_SUBSCRIPTIONS", id=3))["result"] == ["btcusdt@kline_1m"]


async def test_swallowed_acknowledgements_do_not_undo_the_subscription() -> None:
    async with scene() as world, world.connect() as socket:
        world.faults.swallow_acks = True
        await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1}')
        await until(lambda: world.exchange.stats.connections[0].subscriptions)
        assert await everything(socket) == []
        world.clock.move(250)
        assert json.loads(await next_text(socket))["data"]["s"] == "BTCUSDT"


async def test_garbage_is_mixed_into_the_data() -> None:
    async with scene() as world, world.connect() as socket:
        world.faults.garbage = True
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"])
        texts: list[str | bytes] = []
        for _ in range(20):
            world.clock.move(250)
            await asyncio.sleep(0.025)
        garbage = {b"\x00\x01\x02", "[1,2,3]", "42", "null", "", "not json at all"}

        def is_all_there() -> bool:
            is_data = any(isinstance(text, str) and '"s":"BTCUSDT","k":{"t":17' in text for text in texts)
            return is_data and garbage <= set(texts)

        async with asyncio.timeout(60):
            while not is_all_there():
                texts.append(await socket.recv())


async def test_a_double_close_sends_two_closing_frames_and_an_ordinary_one_sends_one() -> None:
    async with scene() as world:
        for is_double, expected in ((False, 1), (True, 2)):
            world.faults.double_close = is_double
            reader, writer = await _handshake(world.exchange.ws_url)
            await until(lambda: world.exchange.stats.ws_now == 1)
            world.faults.close_all(1001)
            closing_frame = b"\x88\x02\x03\xe9"
            async with asyncio.timeout(60):
                received = await reader.readexactly(4 * expected)
            assert received == closing_frame * expected
            writer.write(b"\x88\x82\x00\x00\x00\x00\x03\xe9")  # the client's answer, masked with zeros
            assert await reader.read() == b""
            writer.close()
            await until(lambda: world.exchange.stats.ws_now == 0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (418, "banned until 1790000160000"),
        (429, "-1003"),
        (451, "restricted location"),
        (503, "-1008"),
        (403, "<html>"),
    ],
)
async def test_a_path_answers_with_the_status_and_the_body_the_exchange_writes_for_it(
    status: int, expected: str
) -> None:
    async with scene() as world:
        world.faults.rest[OI] = RestFault(status=status, retry_after="Mon, 21 Sep 2026 14:20:00 GMT")
        async with world.http.get(world.exchange.rest_url + OI, params={"symbol": "BTCUSDT"}) as answer:
            assert answer.status == status
            assert answer.headers["Retry-After"] == "Mon, 21 Sep 2026 14:20:00 GMT"
            assert expected in await answer.text()
        assert (await world.get("/fapi/v1/ping"))[0] == 200


async def test_a_ban_can_name_its_end() -> None:
    async with scene() as world:
        world.faults.rest["*"] = RestFault(status=418, banned_until_ms=START + 14_400_000)
        status, body, _ = await world.get("/fapi/v1/time")
        assert (status, body["code"]) == (418, -1003)
        assert "banned until 1790014440000" in body["msg"]


async def test_a_fault_can_be_for_one_symbol_and_for_a_few_requests() -> None:
    async with scene() as world:
        world.faults.rest[OI] = RestFault(status=500, symbol="ETHUSDT", times=2)
        asked = ["BTCUSDT", "ETHUSDT", "ETHUSDT", "ETHUSDT"]
        assert [(await world.get(OI, symbol=symbol))[0] for symbol in asked] == [200, 500, 500, 200]


async def test_a_slow_answer_waits_for_the_exchange_clock() -> None:
    async with scene() as world:
        world.faults.rest["/fapi/v1/time"] = RestFault(delay_s=30)
        asking = asyncio.create_task(world.get("/fapi/v1/time"))
        await until(lambda: world.exchange.stats.requests("/fapi/v1/time") == 1)
        world.clock.move(29_000)
        await asyncio.sleep(0.02)
        assert not asking.done()
        world.clock.move(1_000)
        assert (await asking)[1] == {"serverTime": START + 30_000}


async def test_a_truncated_answer_is_half_a_json_text() -> None:
    async with scene() as world:
        world.faults.rest["/fapi/v1/time"] = RestFault(truncate=True)
        async with world.http.get(world.exchange.rest_url + "/fapi/v1/time") as answer:
            assert (answer.status, await answer.text()) == (200, '{"serverTime":')


async def test_a_cut_answer_breaks_off_in_the_body() -> None:
    async with scene() as world:
        world.faults.rest["/fapi/v1/exchangeInfo"] = RestFault(cut=True)
        with pytest.raises(aiohttp.ClientPayloadError):
            await world.get("/fapi/v1/exchangeInfo")
        world.faults.rest.clear()
        assert (await world.get("/fapi/v1/exchangeInfo"))[0] == 200


async def test_a_portal_page_comes_with_status_200() -> None:
    async with scene() as world:
        world.faults.rest["*"] = RestFault(html_200=True)
        async with world.http.get(world.exchange.rest_url + "/fapi/v1/ping") as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")


async def test_the_exchange_clock_can_be_ahead_of_ours() -> None:
    async with scene() as world, world.connect() as socket:
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"])
        world.faults.clock_skew_ms = 5_000
        assert (await world.get("/fapi/v1/time"))[1] == {"serverTime": START + 5_000}
        frames = await everything(socket)
        assert frames[-1]["data"]["E"] > START + 4_000


async def _handshake(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket client that shows every byte."""
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /market/ws HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer
