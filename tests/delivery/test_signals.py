"""What a broker that will not do is called: one line for the log, and a code that has words in every language."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import nats.errors
import nats.js.errors
import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import SystemClock
from altmonitor.delivery.signals import SignalReceiver, SignalSender

CLOCK = SystemClock()


@asynccontextmanager
async def server(*, version: str = "2.10.1", refusal: bytes = b"") -> AsyncIterator[str]:
    """Speaks NATS as far as a client's first words; its address. refusal: what it says to the login."""
    info = {"server_id": "x", "version": version, "proto": 1, "max_payload": 1_048_576, "headers": True}

    served: set[asyncio.Task[object]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())  # type: ignore[arg-type]
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        while line := await reader.readline():
            if line.startswith(b"CONNECT") and refusal:
                writer.write(refusal)
                break
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        if served:
            await asyncio.wait(served)


async def until(is_so: Callable[[], bool], *, within_s: float = 20.0) -> None:
    end_s = CLOCK.monotonic() + within_s
    while not is_so():
        assert CLOCK.monotonic() < end_s
        await asyncio.sleep(0.01)


async def trouble_of(end: SignalSender | SignalReceiver) -> tuple[CauseCode, dict[str, int], str]:
    running = asyncio.create_task(end.run())
    try:
        await until(lambda: end.status().trouble is not None)
    finally:
        running.cancel()
        await asyncio.wait([running])
    trouble = end.status().trouble
    assert trouble is not None
    return trouble.code, dict(trouble.values), trouble.text


@pytest.mark.parametrize("version", ["2.8.4", "1.4.1", "2.1.9"])
async def test_an_old_server_is_refused_by_both_ends_in_one_line_each(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with server(version=version) as url:
        ends = (
            SignalSender(url, cluster="a", clock=CLOCK),
            SignalReceiver(url, cluster="a", clock=CLOCK, on_alert=lambda: None, on_post=lambda: None),
        )
        for end in ends:
            code, values, text = await trouble_of(end)
            major, minor = map(int, version.split(".")[:2])
            assert (code, values) == (CauseCode.BROKER_OLD, {"major": major, "minor": minor})
            assert text.endswith(f"is version {version}: 2.9 or newer is needed")
            assert not end.status().is_working
    assert sum("2.9 or newer is needed" in line for line in caplog.messages) == 2


async def test_nobody_there_and_a_login_that_is_refused_are_told_apart() -> None:
    async with server(refusal=b"-ERR 'Authorization Violation'\r\n") as url:
        code, _, text = await trouble_of(SignalSender(url.replace("//", "//ann:pass-word@"), cluster="a", clock=CLOCK))
        assert code is CauseCode.BROKER_REFUSES
        assert "pass-word" not in text
    code, _, text = await trouble_of(SignalSender(url, cluster="a", clock=CLOCK))
    assert code is CauseCode.BROKER_AWAY
    assert "does not answer" in text


def test_what_jetstream_answers_is_told_apart() -> None:
    sender = SignalSender("nats://ann:pass-word@host:4222", cluster="a", clock=CLOCK)
    full = nats.js.errors.ServiceUnavailableError(code=503, err_code=10023, description="insufficient resources")
    wrong = nats.js.errors.BadRequestError(code=400, err_code=10065, description="subjects overlap")
    none = nats.js.errors.ServiceUnavailableError(code=503, err_code=10039, description="JetStream not enabled")
    found = [sender._cause_of(problem) for problem in (full, wrong, none, nats.js.errors.NoStreamResponseError())]
    assert [one.code for one in found] == [
        CauseCode.BROKER_FULL,
        CauseCode.BROKER_REFUSES,
        CauseCode.BROKER_WITHOUT_JETSTREAM,
        CauseCode.BROKER_WITHOUT_JETSTREAM,
    ]
    assert found[0].text == "NATS at host:4222 has no room left (insufficient resources)"
    sender._has_had_jetstream = True
    assert sender._cause_of(none).code is CauseCode.BROKER_JETSTREAM_GONE
    assert sender._cause_of(nats.errors.TimeoutError()).code is CauseCode.BROKER_AWAY


class Taking(SignalSender):
    """As where the library takes a cancellation for one of a task of its own."""

    def __init__(self) -> None:
        super().__init__("nats://127.0.0.1:4222", cluster="one", clock=CLOCK)
        self.began = asyncio.Event()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        yield None

    async def _work(self, client: Any) -> None:
        self.began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionResetError("closed") from None


async def test_a_cancellation_that_the_library_takes_ends_the_work_all_the_same() -> None:
    sender = Taking()
    task = asyncio.create_task(sender.run())
    await sender.began.wait()
    task.cancel()
    await asyncio.wait([task], timeout=30)
    assert task.cancelled()
