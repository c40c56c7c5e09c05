from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from altmonitor.core.errors import StartError
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import BracketChange, Delisting, Listing
from altmonitor.sim.wire import Frame
from tests.patient_clock import PatientClock
from tests.sim.exchange_kit import MINUTE, START, HandClock, ask, everything, next_text, scene, until


async def test_a_combined_stream_wraps_klines_with_their_stream_name() -> None:
    async with scene() as world, world.connect("/stream") as socket:
        assert await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"], id=7) == {"result": None, "id": 7}
        world.clock.move(250)
        frame = json.loads(await next_text(socket))
        assert set(frame) == {"stream", "data"}
        assert frame["stream"] == "btcusdt@kline_1m"
        assert (frame["data"]["e"], frame["data"]["s"]) == ("kline", "BTCUSDT")
        assert START < frame["data"]["E"] <= START + 250
        kline = frame["data"]["k"]
        assert set(kline) == set("tTsifLochlvnxqVQB")
        assert (kline["t"], kline["T"], kline["i"], kline["x"]) == (START, START + 59_999, "1m", False)
        assert kline["L"] - kline["f"] + 1 == kline["n"] > 0


async def test_a_raw_stream_sends_bare_events() -> None:
    async with scene() as world, world.connect("/ws") as socket:
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"])
        world.clock.move(250)
        assert json.loads(await next_text(socket))["e"] == "kline"


async def test_streams_can_be_named_in_the_address() -> None:
    async with scene() as world:
        for path in ("/ws/btcusdt@kline_1m/ethusdt@kline_1m", "/stream?streams=btcusdt@kline_1m/ethusdt@kline_1m"):
            async with world.connect(path) as socket:
                answer = await ask(socket, "LIST_SUBSCRIPTIONS")
                assert answer["result"] == ["btcusdt@kline_1m", "ethusdt@kline_1m"]


async def test_the_bare_route_without_ws_or_stream_is_no_socket() -> None:
    async with scene() as world:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with world.connect(""):
                pass
        assert refused.value.response.status_code == 404


@pytest.mark.parametrize("path", ["/stream", "/ws", "/public/stream", "/ws/btcusdt@kline_1m"])
async def test_a_wrong_route_acknowledges_and_stays_silent(path: str) -> None:
    async with scene() as world:
        address = world.exchange.ws_url.removesuffix("/market") + path
        async with websockets.connect(address, proxy=None) as socket:
            assert await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"]) == {"result": None, "id": 1}
            world.clock.move(2_000)
            assert await everything(socket) == []


async def test_unknown_and_upper_case_streams_are_acknowledged_and_silent() -> None:
    async with scene() as world, world.connect() as socket:
        names = ["BTCUSDT@kline_1m", "nosuchusdt@kline_1m", "btcusdt@kline_7m"]
        assert await ask(socket, "SUBSCRIBE", names) == {"result": None, "id": 1}
        world.clock.move(2_000)
        assert await everything(socket) == []
        assert (await ask(socket, "LIST_SUBSCRIPTIONS"))["result"] == sorted(names)


async def test_an_unsubscribed_stream_falls_silent_and_the_others_go_on() -> None:
    async with scene() as world, world.connect() as socket:
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m", "ethusdt@kline_1m"])
        await ask(socket, "UNSUBSCRIBE", ["btcusdt@kline_1m"], id=2)
        world.clock.move(1_000)
        assert {frame["stream"] for frame in await everything(socket)} == {"ethusdt@kline_1m"}


async def test_the_combined_property_can_be_read_and_flipped() -> None:
    async with scene() as world, world.connect("/ws") as socket:
        assert (await ask(socket, "GET_PROPERTY", ["combined"]))["result"] is False
        assert await ask(socket, "SET_PROPERTY", ["combined", True], id=2) == {"result": None, "id": 2}
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"], id=3)
        world.clock.move(250)
        assert json.loads(await next_text(socket))["stream"] == "btcusdt@kline_1m"


@pytest.mark.parametrize("request_id", ["7f0c", -1, None, 1.5, True])
async def test_a_request_id_must_be_an_unsigned_integer(request_id: object) -> None:
    async with scene() as world, world.connect() as socket:
        answer = await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"], id=request_id)
        assert answer["error"] == {"code": 2, "msg": "Invalid request: request ID must be an unsigned integer"}
        assert world.exchange.stats.connections[0].subscriptions == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", 3), ("[1]", 2), ('{"method":"BUY","params":[],"id":1}', 2), ('{"method":"SUBSCRIBE","id":1}', 2)],
)
async def test_a_malformed_request_gets_an_error(text: str, code: int) -> None:
    async with scene() as world, world.connect() as socket:
        await socket.send(text)
        assert json.loads(await next_text(socket))["error"]["code"] == code


async def test_the_same_json_as_a_binary_frame_closes_the_connection() -> None:
    async with scene() as world, world.connect() as socket:
        await socket.send(b'{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1}')
        with pytest.raises(ConnectionClosed) as closed:
            await next_text(socket)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "Invalid request")


async def test_ten_messages_a_second_are_borne_and_the_eleventh_closes() -> None:
    async with scene() as world, world.connect() as socket:
        for number in range(10):
            await ask(socket, "LIST_SUBSCRIPTIONS", id=number)
        world.clock.move(1_000)
        for number in range(10):
            await ask(socket, "LIST_SUBSCRIPTIONS", id=number)
        with pytest.raises(ConnectionClosed) as closed:
            await ask(socket, "LIST_SUBSCRIPTIONS", id=99)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "Too many requests")
        assert world.exchange.stats.most_messages_in_1s == 11


async def test_pings_of_the_client_count_as_messages_and_are_answered() -> None:
    async with scene() as world, world.connect() as socket:
        for _ in range(10):
            async with asyncio.timeout(60):
                await (await socket.ping())
        assert world.exchange.stats.connections[0].client_messages == 10
        assert world.exchange.stats.connections[0].control_messages == 0


async def test_more_than_1024_streams_are_refused_as_a_whole() -> None:
    async with scene() as world, world.connect() as socket:
        for first in range(0, 1024, 128):
            await ask(socket, "SUBSCRIBE", [f"s{number}@kline_1m" for number in range(first, first + 128)])
        answer = await ask(socket, "SUBSCRIBE", ["onemore@kline_1m"], id=9)
        assert answer["id"] == 9
        assert answer["error"]["code"] == 2
        assert len(world.exchange.stats.connections[0].subscriptions) == 1024


async def test_a_frame_above_4096_bytes_is_ignored_without_a_word() -> None:
    async with scene() as world, world.connect() as socket:
        text = json.dumps({"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1})
        await socket.send(text + " " * (4097 - len(text)))
        assert await everything(socket) == []
        await socket.send(text + " " * (4096 - len(text)))
        assert json.loads(await next_text(socket)) == {"result": None, "id": 1}
        assert world.exchange.stats.connections[0].ignored_frames == 1
        assert world.exchange.stats.largest_frame_bytes == 4097


async def test_a_chinese_symbol_is_subscribed_and_told_like_any_other() -> None:
    async with scene(symbols=120, rate=480) as world, world.connect() as socket:
        await ask(socket, "SUBSCRIBE", ["币安人生usdt@kline_1m"])
        world.clock.move(1_000)
        frames = await everything(socket)
        assert {frame["data"]["s"] for frame in frames} == {"币安人生USDT"}


async def test_a_minute_ends_with_one_closing_frame_that_is_the_candle_itself() -> None:
    async with scene() as world, world.connect() as socket:
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m", "ethusdt@kline_1m"])
        for _ in range(13):
            world.clock.move(5_000)
            await asyncio.sleep(0.022)
        closings = [frame["data"] for frame in await everything(socket) if frame["data"]["k"]["x"]]
        closings = [event for event in closings if event["k"]["t"] == START]
        assert sorted(event["s"] for event in closings) == ["BTCUSDT", "ETHUSDT"]
        for event in closings:
            [candle] = world.exchange.market.kline_rows(event["s"], start_ms=START, end_ms=START, at_ms=START + MINUTE)
            kline = event["k"]
            assert [kline[name] for name in "tohlcvTqnVQB"] == candle
            assert 200 <= event["E"] - (START + MINUTE) <= 2_000


async def test_a_listing_is_told_and_its_first_minute_flows_on_the_open_socket() -> None:
    async with scene(Listing("NEWUSDT", START + 20_000)) as world, world.connect() as socket:
        await ask(socket, "SUBSCRIBE", ["!contractInfo", "newusdt@kline_1m"])
        world.clock.move(19_000)
        assert await everything(socket) == []
        _, before, _ = await world.get("/fapi/v1/exchangeInfo")
        assert "NEWUSDT" not in {row["symbol"] for row in before["symbols"]}
        world.clock.move(3_000)
        frames = await everything(socket)
        told = frames[0]["data"]
        assert (told["e"], told["s"], told["cs"], told["ct"]) == ("contractInfo", "NEWUSDT", "TRADING", "PERPETUAL")
        assert (told["E"], told["ot"]) == (START + 20_000, START + 20_000)
        assert {frame["data"]["s"] for frame in frames[1:]} == {"NEWUSDT"}
        assert len(frames) > 1
        _, after, _ = await world.get("/fapi/v1/exchangeInfo")
        assert [row["status"] for row in after["symbols"] if row["symbol"] == "NEWUSDT"] == ["TRADING"]


async def test_a_bracket_change_is_told_without_being_a_listing() -> None:
    async with scene(BracketChange("SOLUSDT", START + 1_000)) as world, world.connect() as socket:
        await ask(socket, "SUBSCRIBE", ["!contractInfo"])
        world.clock.move(1_000)
        [frame] = await everything(socket)
        assert (frame["data"]["s"], frame["data"]["cs"]) == ("SOLUSDT", "TRADING")
        assert frame["data"]["ot"] < START
        assert len(frame["data"]["bks"]) == 1


async def test_a_delisting_is_told_and_ends_the_klines() -> None:
    async with scene(Delisting("SOLUSDT", START + 5_000)) as world, world.connect() as socket:
        await ask(socket, "SUBSCRIBE", ["!contractInfo", "solusdt@kline_1m"])
        world.clock.move(6_000)
        frames = [frame["data"] for frame in await everything(socket)]
        assert [event["cs"] for event in frames if event["e"] == "contractInfo"] == ["SETTLING"]
        assert max(event["E"] for event in frames if event["e"] == "kline") < START + 5_000
        world.clock.move(5_000)
        assert await everything(socket) == []
        status, body, _ = await world.get("/fapi/v1/openInterest", symbol="SOLUSDT")
        assert (status, body["code"]) == (400, -4108)


async def test_the_server_pings_every_three_minutes_and_cuts_after_24_hours() -> None:
    async with scene() as world, world.connect() as socket:
        for _ in range(3):
            world.clock.move(180_000)
            await everything(socket, quiet_s=0.06)
        assert world.exchange.stats.connections[0].client_messages == 3
        world.clock.move(86_400_000 - 3 * 180_000)
        with pytest.raises(ConnectionClosed):
            await next_text(socket)
        [seen] = world.exchange.stats.connections
        assert seen.closed_ms is not None
        assert seen.closed_ms - seen.opened_ms == 86_400_000


async def test_at_sixty_times_the_speed_every_close_arrives_and_pushes_thin_out() -> None:
    clock = PatientClock(start_ms=START, speed=60)
    market = SeededMarket(seed=3, start_ms=START, symbols=24, frames_per_s=96)
    async with (
        SimExchange(market, clock=clock) as exchange,
        websockets.connect(exchange.ws_url + "/stream", proxy=None) as socket,
    ):
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"])
        closed: list[tuple[int, float]] = []
        pushes = 0
        while len(closed) < 3:
            kline = json.loads(await next_text(socket))["data"]["k"]
            pushes += not kline["x"]
            if kline["x"]:
                closed.append((kline["t"], float(kline["c"])))
        assert [(k.open_ms, k.close) for k in market.klines("BTCUSDT", closed[0][0], closed[-1][0])] == closed
        assert 1 <= pushes <= 200  # at the clock's own pace two minutes and a bit would be more than 480


async def test_a_closed_connection_is_gone_from_the_count_and_kept_in_the_list() -> None:
    async with scene() as world:
        async with world.connect() as socket:
            await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"])
            assert (world.exchange.stats.ws_now, world.exchange.stats.ws_ever) == (1, 1)
        await until(lambda: world.exchange.stats.ws_now == 0)
        assert world.exchange.stats.ws_ever == 1
        assert world.exchange.stats.connections[0].close_code == 1000


async def test_a_port_in_use_is_one_clear_line() -> None:
    async with scene() as world:
        port = int(world.exchange.rest_url.rpartition(":")[2])
        second = SimExchange(world.exchange.market, clock=world.clock)
        with pytest.raises(StartError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            await second.start(port=port)


async def test_a_market_that_breaks_is_reported_when_the_exchange_stops() -> None:
    class Breaking(SeededMarket):
        def frames(self, after_ms: int, until_ms: int) -> list[Frame]:
            raise RuntimeError("the market broke")

    clock = HandClock()
    exchange = SimExchange(Breaking(seed=1, start_ms=START, symbols=20), clock=clock)
    await exchange.start()
    async with websockets.connect(exchange.ws_url + "/stream", proxy=None) as socket:
        await ask(socket, "SUBSCRIBE", ["btcusdt@kline_1m"])
        clock.move(1_000)
        await everything(socket, quiet_s=0.1)
    with pytest.raises(RuntimeError, match="the market broke"):
        await exchange.stop()


async def test_a_client_that_never_answers_pings_is_dropped_after_ten_minutes() -> None:
    async with scene() as world:
        address = urlsplit(world.exchange.rest_url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            b"GET /market/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        for at_s, is_open in ((180, 1), (700, 1), (779, 1), (781, 0)):
            world.clock.move(START + at_s * 1_000 - world.clock.now_ms())
            await asyncio.sleep(0.05)
            assert world.exchange.stats.ws_now == is_open
        writer.close()
