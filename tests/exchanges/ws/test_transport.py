"""One contract for every WebSocket transport."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from altmonitor.core.errors import ExchangeUnreachable, HandshakeRefused
from altmonitor.exchanges.ws import pick_transport
from altmonitor.exchanges.ws.picows import open_picows
from altmonitor.exchanges.ws.transport import CloseReason, OpenTransport, Transport, TransportOptions
from altmonitor.exchanges.ws.websockets import open_websockets
from tests.exchanges.raw_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Peer, Script, frame, raw_server
from tests.loop_time import moved_loop_time

AT_ONCE = TransportOptions(gather_ms=0, proxy=False, open_timeout_s=60, close_timeout_s=60)


@pytest.fixture(params=[open_websockets, open_picows], ids=["websockets", "picows"])
def open_transport(request: pytest.FixtureRequest) -> OpenTransport:
    return request.param  # type: ignore[no-any-return]


CERTIFICATE = Path(__file__).with_name("loopback_certificate.pem")


def certified() -> ssl.SSLContext:
    """The server's side; the certificate is for localhost alone and its key is worth nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATE))


class Received:
    """Collects what a transport hands over, read by read."""

    def __init__(self) -> None:
        self.reads: list[list[bytes]] = []
        self.at_s: list[float] = []
        self._more = asyncio.Event()

    def __call__(self, frames: list[bytes]) -> None:
        self.reads.append(frames)
        self.at_s.append(asyncio.get_running_loop().time())
        self._more.set()

    @property
    def messages(self) -> list[bytes]:
        return [message for read in self.reads for message in read]

    async def wait_for(self, count: int) -> list[bytes]:
        async with asyncio.timeout(60):
            while len(self.messages) < count:
                self._more.clear()
                await self._more.wait()
        return self.messages


@contextlib.asynccontextmanager
async def connected(
    open_transport: OpenTransport, script: Script, options: TransportOptions = AT_ONCE
) -> AsyncIterator[tuple[Transport, Received]]:
    received = Received()
    tls = certified() if options.ssl is not None else None
    async with raw_server(script, tls=tls) as port:
        url = f"ws://127.0.0.1:{port}/stream" if tls is None else f"wss://localhost:{port}/stream"
        transport = await open_transport(url, on_frames=received, options=options)
        try:
            yield transport, received
        finally:
            transport.abort()
            await transport.wait_closed()


def saying(*data: bytes) -> Script:
    async def script(peer: Peer) -> None:
        for part in data:
            peer.send(part)
            await peer.writer.drain()
        await peer.until_gone()

    return script


async def closed(transport: Transport) -> CloseReason:
    async with asyncio.timeout(60):
        return await transport.wait_closed()


async def test_text_messages_arrive_in_order_as_bytes(open_transport: OpenTransport) -> None:
    async with connected(open_transport, saying(frame(b'{"a":1}'), frame("币安".encode()), frame(b""))) as (
        _,
        received,
    ):
        assert await received.wait_for(3) == [b'{"a":1}', "币安".encode(), b""]


@pytest.mark.parametrize("size", [125, 126, 127, 65_535, 65_536, 300_000])
async def test_messages_of_every_length_encoding_arrive_whole(open_transport: OpenTransport, size: int) -> None:
    payload = b"{" + b"x" * (size - 1)
    async with connected(open_transport, saying(frame(payload), frame(b"{}"))) as (_, received):
        assert await received.wait_for(2) == [payload, b"{}"]


async def test_many_frames_in_one_segment_are_one_read(open_transport: OpenTransport) -> None:
    segment = b"".join(frame(b'{"n":%d}' % n) for n in range(100))
    async with connected(open_transport, saying(segment)) as (_, received):
        assert await received.wait_for(100) == [b'{"n":%d}' % n for n in range(100)]
        assert len(received.reads) <= 2


async def test_frames_cut_at_every_byte_arrive_whole(open_transport: OpenTransport) -> None:
    stream = frame(b'{"a":1}') + frame(b"{" + b"y" * 200) + frame(b"ping", PING) + frame(b'{"b":2}')

    async def script(peer: Peer) -> None:
        for position in range(len(stream)):
            peer.send(stream[position : position + 1])
            await peer.writer.drain()
            await asyncio.sleep(0)
        await peer.until_gone()

    async with connected(open_transport, script) as (_, received):
        assert await received.wait_for(3) == [b'{"a":1}', b"{" + b"y" * 200, b'{"b":2}']


async def test_fragments_are_put_together_even_around_a_ping(open_transport: OpenTransport) -> None:
    parts = (
        frame(b'{"a":', TEXT, is_last=False)
        + frame(b"beat", PING)
        + frame(b'{"b":', CONTINUATION, is_last=False)
        + frame(b"{}}}", CONTINUATION)
        + frame(b'{"c":3}')
    )
    async with connected(open_transport, saying(parts)) as (_, received):
        assert await received.wait_for(2) == [b'{"a":{"b":{}}}', b'{"c":3}']


async def test_binary_messages_are_handed_over_too(open_transport: OpenTransport) -> None:
    async with connected(open_transport, saying(frame(b"\x00\x01", BINARY))) as (_, received):
        assert await received.wait_for(1) == [b"\x00\x01"]


async def test_pings_are_answered_with_their_own_payload(open_transport: OpenTransport) -> None:
    answers: list[tuple[int, bytes]] = []
    done = asyncio.Event()

    async def script(peer: Peer) -> None:
        peer.send(frame(b"first", PING) + frame(b"{}") + frame(b"second", PING))
        answers.extend([await peer.receive(), await peer.receive()])
        done.set()
        await peer.until_gone()

    async with connected(open_transport, script) as (_, received):
        async with asyncio.timeout(60):
            await done.wait()
        assert answers == [(PONG, b"first"), (PONG, b"second")]
        assert received.messages == [b"{}"]


async def test_a_message_before_a_ping_is_not_held_back_by_it(open_transport: OpenTransport) -> None:
    async with connected(open_transport, saying(frame(b"{}") + frame(b"x", PING))) as (_, received):
        assert await received.wait_for(1) == [b"{}"]


async def test_it_pings_and_takes_data_next_to_the_pong(open_transport: OpenTransport) -> None:
    pings: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            opcode, payload = await peer.receive()
            if opcode == PING:
                pings.append(payload)
                peer.send(frame(b'{"n":%d}' % len(pings)) + frame(payload, PONG))

    options = replace(AT_ONCE, ping_every_s=10, pong_within_s=10, gather_ms=20)
    async with connected(open_transport, script, options) as (transport, received):
        with moved_loop_time() as moved:
            await moved.until(lambda: len(received.messages) == 5, within_s=5 * (10 + 10) + 1, by_s=0.02)
        assert received.messages == [b'{"n":%d}' % number for number in range(1, 6)]
        await transport.send_text("still open")


async def test_a_peer_that_does_not_answer_pings_is_given_up(open_transport: OpenTransport) -> None:
    options = replace(AT_ONCE, ping_every_s=0.1, pong_within_s=0.1, close_timeout_s=1)
    async with connected(open_transport, saying(frame(b"{}")), options) as (transport, _):
        assert (await closed(transport)).code == 1006


async def test_text_is_sent_as_a_text_frame(open_transport: OpenTransport) -> None:
    got: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

    async def script(peer: Peer) -> None:
        got.set_result(await peer.receive())
        await peer.until_gone()

    async with connected(open_transport, script) as (transport, _):
        await transport.send_text('{"id":1,"params":["币安人生usdt@kline_1m"]}')
        async with asyncio.timeout(60):
            assert await got == (TEXT, '{"id":1,"params":["币安人生usdt@kline_1m"]}'.encode())


@pytest.mark.parametrize(
    ("payload", "code", "text"),
    [
        (b"\x03\xe8", 1000, ""),
        (b"\x03\xf0Too many requests", 1008, "Too many requests"),
        (b"\x0f\xa1own", 4001, "own"),
        (b"", 1005, ""),
    ],
)
async def test_the_servers_close_code_and_reason_are_told(
    open_transport: OpenTransport, payload: bytes, code: int, text: str
) -> None:
    async with connected(open_transport, saying(frame(b"{}") + frame(payload, CLOSE))) as (transport, received):
        assert await closed(transport) == CloseReason(code=code, text=text)
        assert received.messages == [b"{}"]


async def test_a_connection_that_breaks_without_goodbye_is_told_as_1006(open_transport: OpenTransport) -> None:
    async def script(peer: Peer) -> None:
        peer.send(frame(b"{}") + b"\x81\x7e\x01")

    async with connected(open_transport, script) as (transport, received):
        assert (await closed(transport)).code == 1006
        assert received.messages == [b"{}"]


async def test_abort_ends_it_at_once_and_sending_afterwards_does_nothing(open_transport: OpenTransport) -> None:
    async with connected(open_transport, saying(frame(b"{}"))) as (transport, received):
        await received.wait_for(1)
        transport.abort()
        assert (await closed(transport)).code == 1006
        await transport.send_text("nobody hears this")
        transport.abort()
        assert (await closed(transport)).code == 1006


async def test_close_says_goodbye_and_waits(open_transport: OpenTransport) -> None:
    heard: list[tuple[int, bytes]] = []

    async def script(peer: Peer) -> None:
        opcode, payload = await peer.receive()
        heard.append((opcode, payload))
        peer.send(frame(payload, CLOSE))

    async with connected(open_transport, script, replace(AT_ONCE, gather_ms=100)) as (transport, _):
        async with asyncio.timeout(30):
            await transport.close()
        assert heard == [(CLOSE, b"\x03\xe8")]
        assert (await closed(transport)).code == 1000


async def test_close_does_not_wait_for_ever(open_transport: OpenTransport) -> None:
    async with connected(open_transport, saying(), replace(AT_ONCE, close_timeout_s=0.1)) as (transport, _):
        async with asyncio.timeout(30):
            await transport.close()
        assert (await closed(transport)).code == 1006


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x81\x85abcdefghi",  # masked, which a server must not do
        b"\x83\x01x",  # an opcode nobody defined
        b"\x00\x02{}",  # a continuation of nothing
        b"\x81\xff" + b"\xff" * 8,  # a length beyond everything
        b"GET / HTTP/1.1\r\n\r\n" * 20,
    ],
    ids=["masked", "opcode", "continuation", "length", "http"],
)
async def test_garbage_ends_the_connection_after_what_was_good(open_transport: OpenTransport, garbage: bytes) -> None:
    async with connected(open_transport, saying(frame(b"{}"), garbage)) as (transport, received):
        reason = await closed(transport)
        assert reason.code != 1000
        assert reason.error is None
        assert received.messages[:1] == [b"{}"]


async def test_a_message_larger_than_allowed_ends_the_connection(open_transport: OpenTransport) -> None:
    options = replace(AT_ONCE, max_message_bytes=70_000)
    whole = frame(b"{" + b"x" * 70_001)
    pieces = b"".join(frame(b"{" + b"x" * 30_000, CONTINUATION if n else TEXT, is_last=False) for n in range(3))
    for data in (whole, pieces):
        async with connected(open_transport, saying(data), options) as (transport, received):
            assert (await closed(transport)).code != 1000
            assert received.messages == []


async def test_what_the_receiver_raises_ends_the_connection_and_is_handed_on(open_transport: OpenTransport) -> None:
    def broken(frames: list[bytes]) -> None:
        raise KeyError(frames[0])

    async with raw_server(saying(frame(b"{}"), frame(b"{}"))) as port:
        transport = await open_transport(f"ws://127.0.0.1:{port}/", on_frames=broken, options=AT_ONCE)
        reason = await closed(transport)
    assert isinstance(reason.error, KeyError)


@pytest.mark.parametrize("status", [403, 418, 429, 451, 503])
async def test_a_refused_handshake_names_the_status(open_transport: OpenTransport, status: int) -> None:
    refusal = b"HTTP/1.1 %d Whatever\r\nRetry-After: 120\r\nContent-Length: 2\r\n\r\nno" % status
    async with raw_server(saying(), refusal=refusal) as port:
        with pytest.raises(HandshakeRefused, match=str(status)) as refused:
            await open_transport(f"ws://127.0.0.1:{port}/", on_frames=Received(), options=AT_ONCE)
    assert refused.value.status == status
    assert refused.value.retry_after_s == 120.0


async def test_nobody_listening_is_unreachable(open_transport: OpenTransport) -> None:
    async with raw_server(saying()) as port:
        pass
    with pytest.raises(ExchangeUnreachable):
        await open_transport(f"ws://127.0.0.1:{port}/", on_frames=Received(), options=AT_ONCE)


async def test_an_answer_that_is_no_http_is_unreachable(open_transport: OpenTransport) -> None:
    async with raw_server(saying(), refusal=b"220 mail.example.org ESMTP\r\n\r\n") as port:
        with pytest.raises(ExchangeUnreachable):
            await open_transport(f"ws://127.0.0.1:{port}/", on_frames=Received(), options=AT_ONCE)


async def test_a_server_that_hangs_up_instead_of_answering_is_unreachable(open_transport: OpenTransport) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ExchangeUnreachable):
            await open_transport(f"ws://127.0.0.1:{port}/", on_frames=Received(), options=AT_ONCE)


async def test_a_host_that_cannot_exist_is_unreachable(open_transport: OpenTransport) -> None:
    with pytest.raises(ExchangeUnreachable):
        await open_transport(f"ws://{'x' * 70}.example/", on_frames=Received(), options=AT_ONCE)


async def test_a_server_that_never_answers_is_given_up(open_transport: OpenTransport) -> None:
    options = replace(AT_ONCE, open_timeout_s=0.2)
    async with raw_server(saying(), refusal=b"") as port:
        with pytest.raises(ExchangeUnreachable, match=r"within 0\.2 s"):
            await open_transport(f"ws://127.0.0.1:{port}/", on_frames=Received(), options=options)


async def test_frames_that_come_with_the_handshake_are_not_lost(open_transport: OpenTransport) -> None:
    first = b"".join(frame(b'{"n":%d}' % n) for n in range(50))
    async with connected(open_transport, saying(first + frame(b"{}")[:1], frame(b"{}")[1:])) as (_, received):
        assert (await received.wait_for(51))[-2:] == [b'{"n":49}', b"{}"]


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_gathering_bundles_reads_and_delays_no_message_beyond_its_time(
    open_transport: OpenTransport, is_tls: bool
) -> None:
    sent_s: list[float] = []

    async def script(peer: Peer) -> None:
        for n in range(200):
            sent_s.append(asyncio.get_running_loop().time())
            peer.send(frame(b'{"n":%d}' % n))
            await asyncio.sleep(0.002)
        await peer.until_gone()

    options = replace(AT_ONCE, gather_ms=20, ssl=trusting() if is_tls else None)
    async with connected(open_transport, script, options) as (_, received):
        with moved_loop_time() as moved:
            await moved.until(lambda: len(received.messages) == 200, within_s=0.5)
    assert len(received.reads) < 60
    delays = []
    for read, at_s in zip(received.reads, received.at_s, strict=True):
        first = int(read[0][5:-1])
        delays.append(at_s - sent_s[first])
    # Half of them: a busy machine may bring a packet a turn of the loop later.
    assert sorted(delays)[len(delays) // 2] < 0.022


async def test_a_paused_tls_connection_can_be_aborted(open_transport: OpenTransport) -> None:
    options = replace(AT_ONCE, gather_ms=100, ssl=trusting())
    async with connected(open_transport, saying(frame(b"{}")), options) as (transport, received):
        await received.wait_for(1)
        transport.abort()
        assert (await closed(transport)).code == 1006


async def test_a_certificate_nobody_vouches_for_is_unreachable(open_transport: OpenTransport) -> None:
    async with raw_server(saying(), tls=certified()) as port:
        with pytest.raises(ExchangeUnreachable):
            await open_transport(f"wss://localhost:{port}/", on_frames=Received(), options=AT_ONCE)


async def test_a_large_read_is_followed_by_the_next_one_at_once(open_transport: OpenTransport) -> None:
    burst = b"".join(frame(b'{"pad":"%s"}' % (b"x" * 330)) for _ in range(6_000))
    async with connected(open_transport, saying(burst), replace(AT_ONCE, gather_ms=100)) as (_, received):
        with moved_loop_time() as moved:
            took_s = await moved.until(lambda: len(received.messages) == 6_000, within_s=5, by_s=0.01)
    assert took_s < 0.3  # of half a dozen reads


async def test_a_ping_is_answered_within_the_gather_time(open_transport: OpenTransport) -> None:
    waited_s: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def script(peer: Peer) -> None:
        loop = asyncio.get_running_loop()
        peer.send(frame(b"{}"))
        await peer.writer.drain()
        await asyncio.sleep(0.01)
        started_s = loop.time()
        peer.send(frame(b"now", PING))
        assert await peer.receive() == (PONG, b"now")
        waited_s.set_result(loop.time() - started_s)
        await peer.until_gone()

    async with connected(open_transport, script, replace(AT_ONCE, gather_ms=100)):
        with moved_loop_time() as moved:
            await moved.until(waited_s.done, within_s=0.5)
    assert 0.02 < waited_s.result() < 0.12


async def test_the_end_is_noticed_although_reading_is_paused(open_transport: OpenTransport) -> None:
    async def script(peer: Peer) -> None:
        peer.send(frame(b"{}"))
        await peer.writer.drain()
        await asyncio.sleep(0.02)
        peer.send(frame(b"\x03\xe9", CLOSE))

    async with connected(open_transport, script, replace(AT_ONCE, gather_ms=100)) as (transport, _):
        assert (await closed(transport)).code == 1001


@contextlib.asynccontextmanager
async def connect_proxy(asked: list[bytes], *, refuses: bool = False) -> AsyncIterator[str]:
    """A proxy that understands CONNECT and nothing else; yields its address, with a password in it."""
    pumps: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        asked.append(request.split(b"\r\n")[0])
        if refuses:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        host, _, port = request.split()[1].decode().rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        pumps.add(asyncio.create_task(pump(reader, far_writer)))
        pumps.add(asyncio.create_task(pump(far_reader, writer)))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://user:sesame@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.wait_for(asyncio.gather(*pumps), 60)


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_a_proxy_is_used(open_transport: OpenTransport, is_tls: bool) -> None:
    asked: list[bytes] = []
    async with connect_proxy(asked) as proxy:
        options = replace(AT_ONCE, proxy=proxy, ssl=trusting() if is_tls else None)
        async with connected(open_transport, saying(frame(b"{}")), options) as (_, received):
            assert await received.wait_for(1) == [b"{}"]
    assert len(asked) == 1
    assert asked[0].startswith(b"CONNECT localhost:" if is_tls else b"CONNECT 127.0.0.1:")


async def test_a_proxy_that_refuses_is_told_without_its_password(open_transport: OpenTransport) -> None:
    async with connect_proxy([], refuses=True) as proxy:
        with pytest.raises(ExchangeUnreachable) as told:
            await open_transport("ws://127.0.0.1:9/", on_frames=Received(), options=replace(AT_ONCE, proxy=proxy))
    assert "sesame" not in "".join(traceback.format_exception(told.value))


async def test_a_proxy_address_that_is_none_is_told_without_its_password(open_transport: OpenTransport) -> None:
    with pytest.raises(ExchangeUnreachable) as told:
        await open_transport(
            "ws://127.0.0.1:9/", on_frames=Received(), options=replace(AT_ONCE, proxy="gopher://me:sesame@x:1")
        )
    assert "sesame" not in "".join(traceback.format_exception(told.value))


def test_picows_is_picked_where_it_is_installed() -> None:
    assert pick_transport() is open_picows


@contextlib.contextmanager
def address_that_leads_nowhere(port: int) -> Iterator[str]:
    """Takes no connection and refuses none: its queue of newcomers is full."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.2", port))
        full.listen(0)
        for _ in range(4):
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(("127.0.0.2", port))
        yield "127.0.0.2"


async def test_a_first_address_that_leads_nowhere_does_not_keep_from_the_second(open_transport: OpenTransport) -> None:
    received, loop = Received(), asyncio.get_running_loop()
    async with raw_server(saying(frame(b"{}"))) as port:
        with address_that_leads_nowhere(port) as nowhere:

            async def both(host: str, port: int, **given: Any) -> list[Any]:
                return [
                    (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in (nowhere, "127.0.0.1")
                ]

            loop.getaddrinfo = both  # type: ignore[method-assign, assignment]
            began_s = time.monotonic()
            transport = await open_transport(f"ws://two.example:{port}/stream", on_frames=received, options=AT_ONCE)
            try:
                assert time.monotonic() - began_s < 30  # alone it is waited for until `open_timeout_s`
                assert await received.wait_for(1) == [b"{}"]
            finally:
                transport.abort()
                await transport.wait_closed()
