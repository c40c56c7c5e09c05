"""Signals over HTTP: who is told, the signature, three more attempts, and no address of this network."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from altmonitor.delivery.score_webhooks import ScoreWebhookDeps, ScoreWebhooks, is_wanted
from altmonitor.operations.score_webhooks import signature_key
from altmonitor.storage.score_file import scores_in
from altmonitor.storage.score_store import ScoreReceiver, ScoreSignal
from tests.operations.operations_kit import StandingClock

SECRET = "a secret of many characters"


def signal(confidence: str = "HIGH", symbol: str = "SOLUSDT") -> ScoreSignal:
    return ScoreSignal(
        ts=1_796_030_000,
        symbol=symbol,
        direction="long",
        confidence=confidence,  # type: ignore[arg-type]
        composite=0.61,
        price=103.5,
        scorer="sm-1",
        source="monitor",
    )


def receiver(url: str, *events: str, symbols: tuple[str, ...] = ()) -> ScoreReceiver:
    return ScoreReceiver(
        id=0, url=url, events=events or ("*",), symbols=symbols, secret=signature_key(SECRET), created_ts=0
    )


@asynccontextmanager
async def listening(statuses: list[int]) -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """statuses: of the answers, the last for ever."""
    taken: list[tuple[dict[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        taken.append((dict(request.headers), await request.read()))
        return web.Response(status=statuses[min(len(taken), len(statuses)) - 1])

    app = web.Application()
    app.router.add_post("/signals", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/signals", taken
    finally:
        await runner.cleanup()


@asynccontextmanager
async def sending(folder: Path, *receivers: ScoreReceiver, allow_private: bool = True) -> AsyncIterator[ScoreWebhooks]:
    clock = StandingClock()
    store = scores_in(folder / "scores.db", clock=clock)  # type: ignore[arg-type]
    for one in receivers:
        await store.add_receiver(one)
    webhooks = ScoreWebhooks(ScoreWebhookDeps(store=store, clock=clock, allow_private=allow_private))  # type: ignore[arg-type]
    task = asyncio.create_task(webhooks.run())
    try:
        yield webhooks
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(webhooks: ScoreWebhooks, count: int) -> None:
    async with asyncio.timeout(60):
        while webhooks.sent + webhooks.failed < count:  # noqa: ASYNC110 — what counts is a number
            await asyncio.sleep(0.01)


async def test_j15_a_receiver_can_verify_the_signature(tmp_path: Path) -> None:
    async with listening([200]) as (url, taken), sending(tmp_path, receiver(url)) as webhooks:
        webhooks.put(signal("VETO"))
        await until(webhooks, 1)
    headers, body = taken[0]
    assert headers["X-SmartMoney-Event"] == "VETO"
    key = hashlib.sha256(SECRET.encode()).hexdigest().encode()
    assert hmac.compare_digest(headers["X-SmartMoney-Signature"], hmac.new(key, body, hashlib.sha256).hexdigest())
    assert b'"event":"VETO"' in body
    assert b'"composite":0.61' in body


async def test_it_is_tried_three_times_more_and_then_given_up(tmp_path: Path) -> None:
    async with listening([503, 500, 200]) as (url, taken), sending(tmp_path, receiver(url)) as webhooks:
        webhooks.put(signal())
        await until(webhooks, 1)
        assert (webhooks.sent, webhooks.failed, len(taken)) == (1, 0, 3)
    assert len({headers["Idempotency-Key"] for headers, _ in taken}) == 1
    other = tmp_path / "other"
    other.mkdir()
    async with listening([503]) as (url, taken), sending(other, receiver(url)) as webhooks:
        webhooks.put(signal())
        await until(webhooks, 1)
        assert (webhooks.sent, webhooks.failed, len(taken)) == (0, 1, 4)


async def test_what_is_refused_for_good_is_not_tried_again(tmp_path: Path) -> None:
    async with listening([410]) as (url, taken), sending(tmp_path, receiver(url)) as webhooks:
        webhooks.put(signal())
        await until(webhooks, 1)
        assert (webhooks.failed, len(taken)) == (1, 1)


async def test_an_address_of_this_machine_is_not_posted_to(tmp_path: Path) -> None:
    async with listening([200]) as (url, taken):
        named = url.replace("127.0.0.1", "localhost")
        async with sending(tmp_path, receiver(url), receiver(named), allow_private=False) as webhooks:
            webhooks.put(signal())
            await until(webhooks, 2)
            assert (webhooks.sent, webhooks.failed, taken) == (0, 2, [])


def test_only_events_and_symbols_that_were_asked_for_are_told() -> None:
    found = [
        is_wanted(receiver("x", *events, symbols=symbols), signal(confidence))
        for events, symbols, confidence in (
            (("HIGH",), (), "HIGH"),
            (("HIGH",), (), "MEDIUM"),
            (("*",), (), "MEDIUM"),
            (("HIGH", "VETO"), ("BTCUSDT",), "HIGH"),
            (("VETO",), ("SOLUSDT",), "VETO"),
        )
    ]
    assert found == [True, False, True, False, True]
