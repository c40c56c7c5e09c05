"""Who may ask: by which name, from which page, with which token – and how fast one may guess."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.types import Secret
from altmonitor.web.access import WrongTokens, host_of, is_called_locally, is_same_site
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import MemoryAlerts, healthy
from tests.movable_clock import MovableClock
from tests.web.web_kit import operations

TOKEN = "0123456789abcdef"


def test_a_host_header_is_parsed_not_matched_by_its_beginning() -> None:
    expected = {
        "localhost": "localhost",
        "LOCALHOST:3001": "LOCALHOST",
        "localhost:": "localhost",
        "127.0.0.1:9": "127.0.0.1",
        "[::1]": "::1",
        "[::1]:3001": "::1",
        "monitor.example:80": "monitor.example",
        "[127.0.0.1]evil.example": None,
        "[::1]evil.example": None,
        "[::1].evil.example": None,
        "localhost:evil.example": None,
        "localhost:80evil": None,
        "localhost:99999": None,
        "localhost:80:80": None,
        "localhost@evil.example": None,
        "localhost/evil": None,
        "localhost evil.example": None,
        " localhost": None,
        "localhost,evil.example": None,
        "[::1": None,
        "::1": None,
        "": None,
        "localhost:٨٠": None,
        "ⅼocalhost": None,
    }
    assert {header: host_of(header) for header in expected} == expected


def test_only_one_header_with_a_name_of_this_machine_is_a_local_call() -> None:
    local = (["localhost"], ["127.0.0.1:3001"], ["127.8.8.8"], ["[::1]:3001"])
    foreign = ([], [""], ["localhost", "localhost"], ["localhost", "evil.example"], ["evil.example"], ["0.0.0.0"])
    tricks = (
        "[127.0.0.1]evil.example",
        "localhost:evil.example",
        "localhost.",
        "127.0.0.1.evil.example",
        "127.1",
        "[::2]",
    )
    assert [headers for headers in local if not is_called_locally(headers)] == []
    assert [headers for headers in (*foreign, *([trick] for trick in tricks)) if is_called_locally(headers)] == []


def test_a_page_of_another_site_is_told_from_our_own_and_from_a_script() -> None:
    host = "localhost:3001"
    assert is_same_site(None, host)
    assert is_same_site("http://localhost:3001", host)
    assert is_same_site("https://LOCALHOST:3001", host)
    for origin in ("null", "", "http://localhost", "http://evil.example", "http://localhost:3001.evil.example",
                   "file://localhost:3001", "http://[", "http://localhost:3001@evil.example"):  # fmt: skip
        assert not is_same_site(origin, host), origin


def test_each_wrong_token_of_an_address_waits_longer_and_behind_the_others() -> None:
    clock = MovableClock()
    wrong = WrongTokens(clock)
    assert [round(wrong.pause_s("a"), 2) for _ in range(8)] == [0.05, 0.15, 0.35, 0.75, 1.55, 2.55, 3.55, 4.55]
    assert [round(wrong.pause_s("a"), 2) for _ in range(3)] == [5.55, 5.55, 5.55]  # too long to wait for
    assert round(wrong.pause_s("b"), 2) == 0.05
    assert (wrong.count("a"), wrong.count("b"), wrong.count("c")) == (11, 1, 0)


async def test_wrong_tokens_are_forgotten_after_ten_minutes_and_the_table_does_not_grow() -> None:
    clock = MovableClock()
    wrong = WrongTokens(clock)
    for _ in range(5):
        wrong.pause_s("a")
    await clock.advance(601)
    assert round(wrong.pause_s("a"), 2) == 0.05
    for number in range(1_500):
        wrong.pause_s(f"203.0.113.{number}")
    assert (wrong.count("a"), wrong.count("203.0.113.0"), wrong.count("203.0.113.1499")) == (0, 0, 1)


@asynccontextmanager
async def site(token: str = TOKEN, clock: Clock | None = None) -> AsyncIterator[tuple[HttpServer, str]]:
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,  # type: ignore[arg-type]
            operations=operations(MemoryAlerts()),
            clock=clock or SystemClock(),
            token=Secret(token),
        )
    )
    await server.start()
    try:
        yield server, f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()


async def test_guessing_is_slow_however_many_guess_and_the_right_token_is_answered_at_once() -> None:
    clock = MovableClock()
    async with (
        site(clock=clock) as (server, url),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        asyncio.timeout(60),
    ):
        answered: list[int] = []

        async def guess() -> None:
            while True:
                async with session.get(f"{url}/api/alerts", headers={"Authorization": "Bearer wrong"}) as answer:
                    answered.append(answer.status)

        async def until(is_true: Callable[[], bool]) -> None:
            while not is_true():  # noqa: ASYNC110 — the server tells nobody
                await asyncio.sleep(0.01)

        guessing = [asyncio.create_task(guess()) for _ in range(30)]
        await until(lambda: server.status().refused.get("wrong_token") == 30)
        async with session.get(f"{url}/api/alerts", headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            assert answer.status == 200
        assert answered == []  # and no time has passed
        await clock.advance(2.5)
        await until(lambda: server.status().refused["wrong_token"] == 35)
        assert answered == [401] * 5  # after 0.05, 0.15, 0.35, 0.75 and 1.55 s
        for task in guessing:
            task.cancel()
        await asyncio.wait(guessing)
        assert server.status().refused == {"wrong_token": 35}


async def test_too_many_guesses_are_told_to_come_back_later() -> None:
    async with site() as (_, url), aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def guess() -> tuple[int, str | None]:
            async with session.get(f"{url}/metrics") as answer:
                return answer.status, answer.headers.get("Retry-After")

        answers = await asyncio.gather(*(guess() for _ in range(20)))
    assert answers.count((401, None)) == 8
    assert answers.count((429, "60")) == 12


async def test_a_page_of_another_site_may_not_write() -> None:
    async with site() as (_, url), aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        for origin, status in (("http://evil.example", 403), ("null", 403), (url, 404)):
            async with session.post(
                f"{url}/api/commands", json={"text": "/status"}, headers={"Origin": origin}
            ) as answer:
                assert answer.status == status
