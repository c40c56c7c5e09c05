"""Cutting text frames out of a byte stream: nothing is lost, doubled or taken for something else."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altmonitor.exchanges.ws.transport import TransportOptions, frame_end, take_text_frames
from altmonitor.exchanges.ws.websockets import open_websockets
from tests.effort import examples
from tests.exchanges.raw_websocket import BINARY, CONTINUATION, PING, PONG, TEXT, Peer, frame, raw_server

SIZES = st.sampled_from([0, 1, 124, 125, 126, 127, 333, 65_535, 65_536, 70_000])
PAYLOADS = SIZES.map(lambda size: bytes(size // 2) + b"\x81" * (size - size // 2))


def test_plain_text_frames_are_taken_and_the_rest_is_left() -> None:
    messages: list[bytes] = []
    data = frame(b"{}") + frame(b"x" * 300) + frame(b"beat", PING) + frame(b"later")
    assert take_text_frames(data, 0, messages) == 4 + 304
    assert messages == [b"{}", b"x" * 300]


def test_an_incomplete_frame_is_left() -> None:
    whole = frame(b"x" * 300)
    for size in range(len(whole)):
        messages: list[bytes] = []
        assert take_text_frames(whole[:size], 0, messages) == 0
        assert messages == []
        assert frame_end(whole[:size], 0, max_size=1_000) is None
    assert frame_end(whole, 0, max_size=1_000) == 304


def test_a_frame_longer_than_allowed_is_handed_to_the_parser_at_once() -> None:
    header = frame(b"x" * 70_000)[:12]
    assert frame_end(header, 0, max_size=69_999) == 12
    assert frame_end(header, 0, max_size=70_000) is None


def test_a_masked_frame_is_handed_to_the_parser_at_once() -> None:
    assert frame_end(b"\x81\xfe\x01", 0, max_size=1_000) == 3


@given(
    st.lists(st.tuples(st.sampled_from(["text", "binary", "ping", "pong", "parts"]), PAYLOADS), max_size=8), st.data()
)
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_mix_of_frames_cut_anywhere_arrives_as_it_was_sent(sent: list[tuple[str, bytes]], data: Any) -> None:
    stream = b""
    expected = []
    for kind, payload in sent:
        if kind in {"ping", "pong"}:
            stream += frame(payload[:125], PING if kind == "ping" else PONG)
            continue
        expected.append(payload)
        if kind == "parts":
            middle = len(payload) // 3
            stream += frame(payload[:middle], TEXT, is_last=False) + frame(b"between", PING)
            stream += frame(payload[middle:], CONTINUATION)
        else:
            stream += frame(payload, TEXT if kind == "text" else BINARY)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6).map(sorted))
    bounds = [0, *cuts, len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(bounds)]
    assert asyncio.run(_received(pieces)) == expected


async def _received(pieces: list[bytes]) -> list[bytes]:
    async def script(peer: Peer) -> None:
        for piece in pieces:
            peer.send(piece)
            await peer.writer.drain()
            await asyncio.sleep(0.001)
        peer.send(frame(b"\x03\xe8", 0x8))
        await peer.until_gone()

    messages: list[bytes] = []
    async with raw_server(script) as port:
        transport = await open_websockets(
            f"ws://127.0.0.1:{port}/",
            on_frames=messages.extend,
            options=TransportOptions(gather_ms=1, proxy=False),
        )
        async with asyncio.timeout(60):
            assert (await transport.wait_closed()).code == 1000
    return messages
