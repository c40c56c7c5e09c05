"""Webhooks against a receiver of our own: signature, order, retries, idempotency, and where they must not go."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.types import Destination, Secret
from altmonitor.delivery.alert_cursor import CursorDeps
from altmonitor.delivery.webhooks import (
    AddressRefused,
    WebhookDeps,
    Webhooks,
    is_public,
    public_socket,
    refuse_private,
    signed_headers,
)
from altmonitor.storage.outcome_records import RETURN_FIELDS, MeasuredOutcome, NewAlert
from altmonitor.storage.store import SqliteStore, StoreOptions

SECRET = "sixteen letters!"


@dataclass
class Received:
    key: str
    symbol: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        signed = f"{self.headers['X-Altmonitor-Timestamp']}.".encode() + self.body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(self.headers["X-Altmonitor-Signature"], f"v1={expected}")


class Receiver:
    """Answers with the statuses it was told, then 200."""

    def __init__(self) -> None:
        self.attempts: list[Received] = []
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        alert = json.loads(body)["alert"]
        self.attempts.append(Received(request.headers["Idempotency-Key"], alert["symbol"], body, dict(request.headers)))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers=self.headers if status != 200 else {})

    @property
    def symbols(self) -> list[str]:
        return [one.symbol for one in self.attempts]


class QuickClock(SystemClock):
    """Pauses are short here."""

    async def sleep(self, seconds: float) -> None:
        self.slept = [*getattr(self, "slept", []), seconds]
        await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook?key=of-the-receiver"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SqliteStore]:
    options = StoreOptions(destinations=(Destination(chat_id=1), Destination(chat_id=2)))
    async with SqliteStore(folder / "alerts.db", clock=SystemClock(), options=options) as store:
        yield store


@asynccontextmanager
async def sending(
    store: SqliteStore, *urls: str, allow_private: bool = True, clock: Clock | None = None
) -> AsyncIterator[Webhooks]:
    hooks = Webhooks(
        WebhookDeps(
            urls=urls,
            secret=Secret(SECRET),
            allow_private=allow_private,
            cursor=CursorDeps(
                alerts=store,
                alerts_of=store.alerts_of,
                outcomes_of=store.outcomes.of_alerts,
                memory=store,
                clock=clock or QuickClock(),
                gathered_s=0.05,
            ),
        )
    )
    task = asyncio.create_task(hooks.run())
    for receiver in hooks.receivers:  # a new address begins with what comes from now on
        async with asyncio.timeout(60):
            while await store.meta_get(receiver.cursor.key) is None:  # noqa: ASYNC110 — as above
                await asyncio.sleep(0.01)
    try:
        yield hooks
    finally:
        task.cancel()
        await asyncio.wait({task})


async def put(store: SqliteStore, *symbols: str, age_s: float = 1.0) -> None:
    now_s = SystemClock().now_ms() / 1000
    for symbol in symbols:
        store.put(
            Alert(
                key=f"price:{symbol}:PUMP:1m:1",
                ts=now_s - age_s,
                event_ms=round(now_s * 1000),
                symbol=symbol,
                kind="price",
                direction="PUMP",
                metric=3.5,
            )
        )
    await store.meta_set("written", "after them")


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_true():  # noqa: ASYNC110 — what is waited for is another program's
            await asyncio.sleep(0.01)


async def test_every_alert_arrives_once_in_order_signed_and_named(tmp_path: Path) -> None:
    receiver = Receiver()
    async with listening(receiver) as url, opened(tmp_path) as store:
        await put(store, "OLDUSDT")  # before the address was known
        async with sending(store, url) as hooks:
            await put(store, "AUSDT", "BUSDT", "币安人生USDT")
            hooks.wake()
            await until(lambda: len(receiver.attempts) >= 3)
            await put(store, "CUSDT")
            hooks.wake()
            await until(lambda: len(receiver.attempts) >= 4)
            (status,) = hooks.status()
    assert receiver.symbols == ["AUSDT", "BUSDT", "币安人生USDT", "CUSDT"]
    assert all(one.is_signed for one in receiver.attempts)
    assert receiver.attempts[0].key == "price:AUSDT:PUMP:1m:1"
    assert receiver.attempts[2].key.isascii()
    first = receiver.attempts[0]
    assert first.headers["Content-Type"] == "application/json"
    assert abs(int(first.headers["X-Altmonitor-Timestamp"]) - SystemClock().now_ms() / 1000) < 60
    assert msgspec.convert(json.loads(first.body)["alert"], Alert).metric == 3.5
    assert (status.name, status.sent, status.failed, status.trouble) == ("127.0.0.1", 4, 0, "")


def test_another_body_time_or_secret_has_another_signature() -> None:
    def signature(body: bytes = b"{}", at_s: int = 1, secret: str = SECRET) -> str:
        return signed_headers(body, key="k", secret=Secret(secret), at_s=at_s)["X-Altmonitor-Signature"]

    assert signature() == signature()
    assert len({signature(), signature(body=b"{ }"), signature(at_s=2), signature(secret="another secret!!")}) == 4


async def test_what_is_not_taken_is_sent_again_with_the_same_key_and_holds_up_what_is_behind_it(tmp_path: Path) -> None:
    receiver, clock = Receiver(), QuickClock()
    receiver.statuses = [500, 503, 429, 302, 408]
    receiver.headers = {"Retry-After": "7"}
    async with listening(receiver) as url, opened(tmp_path) as store, sending(store, url, clock=clock) as hooks:
        await put(store, "AUSDT", "BUSDT")
        hooks.wake()
        await until(lambda: len(receiver.attempts) >= 7)
    assert receiver.symbols == ["AUSDT"] * 6 + ["BUSDT"]
    assert len({one.key for one in receiver.attempts[:6]}) == 1
    assert len([seconds for seconds in clock.slept if seconds >= 7]) >= 5  # as the receiver asked


async def test_a_refusal_is_final_for_that_alert_alone(tmp_path: Path) -> None:
    receiver = Receiver()
    receiver.statuses = [400]
    async with listening(receiver) as url, opened(tmp_path) as store, sending(store, url) as hooks:
        await put(store, "AUSDT", "BUSDT")
        hooks.wake()
        await until(lambda: len(receiver.attempts) >= 2)
        await until(lambda: hooks.status()[0].sent == 1)
        await until(lambda: hooks.status()[0].waiting == 0)
        assert hooks.status()[0].failed == 1
    assert receiver.symbols == ["AUSDT", "BUSDT"]


async def test_after_a_restart_it_goes_on_behind_what_was_taken(tmp_path: Path) -> None:
    receiver = Receiver()
    async with listening(receiver) as url:
        async with opened(tmp_path) as store, sending(store, url) as hooks:
            await put(store, "AUSDT")
            hooks.wake()
            await until(lambda: hooks.status()[0].sent == 1)
        async with opened(tmp_path) as store:
            await put(store, "BUSDT", "CUSDT")  # nobody sends
        async with opened(tmp_path) as store, sending(store, url):
            await until(lambda: len(receiver.attempts) >= 3)
    assert receiver.symbols == ["AUSDT", "BUSDT", "CUSDT"]


async def learned(store: SqliteStore, key: str, **fields: Any) -> str:
    """What came later is stored. Returns the key."""
    alert = (await store.alerts_of([key]))[key]
    await store.update_alert(msgspec.structs.replace(alert, **fields))
    return key


async def measured(store: SqliteStore, key: str, *returns: tuple[int, float]) -> None:
    alert = (await store.alerts_of([key]))[key]
    number = alert.id or 0
    await store.outcomes.begin([(NewAlert(id=number, ts_ms=round(alert.ts * 1000)), "v1", None, 0)])
    values = dict.fromkeys(RETURN_FIELDS, 0)
    outcome = MeasuredOutcome(
        alert_id=number,
        delay_ms=400,
        is_delay_measured=True,
        entry_ms=alert.event_ms,
        entry=1.0,
        due_ms=None,
        returns=tuple((minutes, tuple((values | {"raw_pct": pct}).values())) for minutes, pct in returns),
    )
    await store.outcomes.store([outcome])


KEY = "price:AUSDT:PUMP:1m:1"


async def test_what_is_learned_of_an_alert_later_is_told_as_an_update_of_it(tmp_path: Path) -> None:
    receiver = Receiver()
    async with listening(receiver) as url, opened(tmp_path) as store, sending(store, url) as hooks:
        await put(store, "AUSDT", "BUSDT")
        hooks.wake()
        await until(lambda: len(receiver.attempts) == 2)
        await learned(store, KEY, lsr=1.5)
        await learned(store, KEY, oi_change=2.5, quadrant="up_up")
        hooks.learned([KEY, KEY])
        await until(lambda: len(receiver.attempts) == 3)
        await measured(store, KEY, (15, -0.5), (5, 0.25))
        hooks.learned([KEY])
        await until(lambda: len(receiver.attempts) == 4)
        hooks.learned([KEY, "price:UNKNOWNUSDT:PUMP:1m:1"])  # nothing new
        await put(store, "CUSDT")
        hooks.wake()
        await until(lambda: len(receiver.attempts) == 5)
    assert receiver.symbols == ["AUSDT", "BUSDT", "AUSDT", "AUSDT", "CUSDT"]
    bodies = [json.loads(one.body) for one in receiver.attempts]
    assert [body["event"] for body in bodies] == ["alert", "alert", "alert.updated", "alert.updated", "alert"]
    gathered, outcome = bodies[2], bodies[3]
    assert (gathered["alert"]["lsr"], gathered["alert"]["oi_change"], gathered["outcomes"]) == (1.5, 2.5, [])
    assert [(one["horizon_min"], one["return_pct"]) for one in outcome["outcomes"]] == [(5, 0.25), (15, -0.5)]
    assert gathered["alert"]["key"] == outcome["alert"]["key"] == KEY
    assert all(one.is_signed for one in receiver.attempts)
    keys = [one.key for one in receiver.attempts]
    assert len(set(keys)) == 5
    assert all(key.startswith(f"{KEY}#") for key in keys[2:4])


async def test_an_update_is_tried_again_until_it_is_taken_and_a_refused_alert_has_none(tmp_path: Path) -> None:
    receiver = Receiver()
    async with listening(receiver) as url, opened(tmp_path) as store, sending(store, url) as hooks:
        receiver.statuses = [400, 200, 503, 503]
        await put(store, "AUSDT", "BUSDT")
        hooks.wake()
        await until(lambda: len(receiver.attempts) == 2)
        other = KEY.replace("AUSDT", "BUSDT")
        hooks.learned([await learned(store, KEY, lsr=1.5), await learned(store, other, lsr=2.5)])
        await until(lambda: hooks.status()[0].sent == 2)
    assert receiver.symbols == ["AUSDT", "BUSDT", "BUSDT", "BUSDT", "BUSDT"]
    assert len({one.key for one in receiver.attempts[2:]}) == 1


async def test_after_a_restart_only_what_was_learned_meanwhile_is_told(tmp_path: Path) -> None:
    receiver = Receiver()
    async with listening(receiver) as url:
        async with opened(tmp_path) as store, sending(store, url) as hooks:
            await put(store, "AUSDT", "BUSDT")
            hooks.wake()
            await until(lambda: len(receiver.attempts) == 2)
            hooks.learned([await learned(store, KEY, lsr=1.5)])
            await until(lambda: len(receiver.attempts) == 3)
            versions = f"{hooks.receivers[0].cursor.key}.versions"
            version = receiver.attempts[2].key.partition("#")[2]
            async with asyncio.timeout(60):
                while version not in (await store.meta_get(versions) or ""):  # noqa: ASYNC110 — as above
                    await asyncio.sleep(0.01)
        async with opened(tmp_path) as store:
            await learned(store, KEY.replace("AUSDT", "BUSDT"), lsr=9.0)  # nobody sends
        async with opened(tmp_path) as store, sending(store, url):
            await until(lambda: len(receiver.attempts) == 4)
            await asyncio.sleep(0.2)  # for what would be told in vain
        async with opened(tmp_path) as store, sending(store, url) as hooks:
            await put(store, "CUSDT")
            hooks.wake()
            await until(lambda: len(receiver.attempts) == 5)
            await store.meta_set(versions, "{1: damaged")
        async with opened(tmp_path) as store, sending(store, url) as hooks:
            await put(store, "DUSDT")
            hooks.wake()
            await until(lambda: len(receiver.attempts) == 6)
    assert receiver.symbols == ["AUSDT", "BUSDT", "AUSDT", "BUSDT", "CUSDT", "DUSDT"]


async def test_what_is_a_day_old_is_given_up(tmp_path: Path) -> None:
    receiver = Receiver()
    async with listening(receiver) as url, opened(tmp_path) as store, sending(store, url) as hooks:
        await put(store, "OLDUSDT", age_s=86_500)
        await put(store, "NEWUSDT")
        hooks.wake()
        await until(lambda: hooks.status()[0].sent == 1)
        assert hooks.status()[0].expired == 1
    assert receiver.symbols == ["NEWUSDT"]


async def test_a_receiver_that_is_down_holds_up_no_other(tmp_path: Path) -> None:
    receiver = Receiver()
    async with (
        listening(receiver) as url,
        opened(tmp_path) as store,
        sending(store, "http://127.0.0.1:1/hook", url) as hooks,
    ):
        await put(store, "AUSDT")
        hooks.wake()
        await until(lambda: hooks.status()[1].sent == 1)
        await until(lambda: hooks.status()[0].trouble != "")


async def test_addresses_of_this_machine_and_network_are_refused_also_behind_a_name_and_a_redirect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    async with listening(receiver) as url, opened(tmp_path) as store:
        for symbol, there in (("AUSDT", url), ("CUSDT", url.replace("127.0.0.1", "localhost"))):
            async with sending(store, there, allow_private=False) as hooks:
                await put(store, symbol)
                hooks.wake()
                await until(lambda hooks=hooks: hooks.status()[0].trouble != "")  # type: ignore[misc]
    assert receiver.attempts == []
    assert "WEBHOOK_ALLOW_PRIVATE" in caplog.text
    assert "of-the-receiver" not in caplog.text
    moved = Receiver()
    moved.statuses, moved.headers = [302] * 3, {"Location": "http://169.254.169.254/latest/meta-data/"}
    async with listening(moved) as url, opened(tmp_path) as store, sending(store, url) as hooks:
        await put(store, "BUSDT")
        hooks.wake()
        await until(lambda: hooks.status()[0].sent == 1)
    assert moved.symbols == ["BUSDT"] * 4  # asked again where it was, never where it was sent to


def test_only_addresses_of_the_public_network_are_public() -> None:
    private = (
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "192.0.2.1", "198.18.0.1",
    )  # fmt: skip
    assert [address for address in private if is_public(address)] == []
    public = ("1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")
    assert [address for address in public if not is_public(address)] == []
    refuse_private("example.org")  # a name is judged where it leads to
    with pytest.raises(AddressRefused):
        refuse_private("127.0.0.1")
    with pytest.raises(AddressRefused):
        public_socket((2, 1, 6, "", ("10.0.0.1", 443)))


async def test_a_name_is_judged_by_the_address_that_is_really_connected_to() -> None:
    class Rebinding(aiohttp.abc.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[aiohttp.abc.ResolveResult]:
            return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

        async def close(self) -> None:
            pass

    connector = aiohttp.TCPConnector(resolver=Rebinding(), socket_factory=public_socket)
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises((aiohttp.ClientError, OSError)) as refused:
            await session.post("http://receiver.example/hook")
    assert isinstance(getattr(refused.value, "os_error", None), AddressRefused)
