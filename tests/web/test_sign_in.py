"""Rights over HTTP: tokens, sessions of pages, links that only read, and what other sites' pages cannot do."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from html import unescape

import aiohttp
import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Secret
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.sessions import LASTS_S, Right, Sessions, Visitors, bearer_in
from tests.commands.executor_kit import MemoryAlerts, healthy
from tests.movable_clock import MovableClock
from tests.operations.operations_kit import Bench
from tests.web.web_kit import operations, problem

TOKEN, READ = "the token for all of it", "the token that may read"
WRITER, READER = {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"Bearer {READ}"}
HTML = {"Accept": "text/html,application/xhtml+xml"}


class Site:
    def __init__(self, session: aiohttp.ClientSession, bench: Bench) -> None:
        self.session = session
        self.bench = bench

    async def ask(self, method: str, path: str, **more: object) -> aiohttp.ClientResponse:
        answer = await self.session.request(method, path, allow_redirects=False, **more)  # type: ignore[arg-type]
        await answer.read()
        return answer

    async def status(self, method: str, path: str, **more: object) -> int:
        return (await self.ask(method, path, **more)).status

    async def signed_in(self, token: str) -> str:
        """The session's csrf token, '' for a session that only reads; the cookie is in the jar."""
        answer = await self.ask("POST", "/sign-in", json={"token": token})
        assert answer.status == 200
        return (await answer.json())["csrf"] or ""


@asynccontextmanager
async def site(*, token: str = TOKEN, read_token: str = READ, cors_origin: str = "") -> AsyncIterator[Site]:
    bench = Bench()
    deps = HttpServerDeps(
        host="127.0.0.1",
        port=0,
        health=healthy,  # type: ignore[arg-type]
        operations=operations(MemoryAlerts(), bench=bench),
        clock=SystemClock(),
        token=Secret(token),
        read_token=Secret(read_token),
    )
    server = HttpServer(replace(deps, cors_origin=cors_origin))
    await server.start()
    try:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", cookie_jar=jar) as session:
            yield Site(session, bench)
    finally:
        await server.stop()


# --- tokens ------------------------------------------------------------------------------------------------------


def test_a_token_is_right_or_wrong_and_says_what_it_may() -> None:
    visitors = Visitors(token=Secret("s3cret-é"), read_token=Secret("reader"), clock=SystemClock())
    for right in ("Bearer s3cret-é", "bearer s3cret-é", "BEARER  s3cret-é "):
        assert visitors.right_of_token(bearer_in(right) or "") is Right.WRITE, right
    assert visitors.right_of_token("reader") is Right.READ
    for wrong in (
        "Bearer",
        "Bearer ",
        "s3cret-é",
        "Basic s3cret-é",
        "Bearer s3cret",
        "Bearer s3cret-éé",
        "Bearer \udce9",
    ):
        assert visitors.right_of_token(bearer_in(wrong) or "") is Right.NONE, wrong
    assert bearer_in(None) is None


def test_an_empty_token_opens_nothing() -> None:
    for token, read_token in (("", "reader"), ("writer", "")):
        visitors = Visitors(token=Secret(token), read_token=Secret(read_token), clock=SystemClock())
        assert visitors.right_of_token("") is Right.NONE


async def test_the_second_token_reads_everything_and_changes_nothing() -> None:
    async with site() as at:
        assert await at.status("GET", "/api/settings", headers=READER) == 200
        assert await at.status("GET", "/metrics", headers=READER) == 200
        answer = await at.ask("PUT", "/api/settings", headers=READER, json={"pump_threshold": 5})
        assert problem(await answer.json()) == (403, "forbidden", "this token may only read")
        answer = await at.ask("POST", "/api/commands", headers=READER, json={"text": "/set_pump 5"})
        assert answer.status == 403
        assert at.bench.desk.settings.pump_threshold == 3.0
        assert await at.status("PUT", "/api/settings", headers=WRITER, json={"pump_threshold": 5}) == 200
        assert at.bench.desk.settings.pump_threshold == 5.0


async def test_without_a_token_everybody_on_this_machine_reads_and_nobody_changes_anything() -> None:
    async with site(token="", read_token="") as at:
        assert await at.status("GET", "/api/market") == 200
        answer = await at.ask("PUT", "/api/settings", json={"pump_threshold": 5})
        assert problem(await answer.json()) == (403, "forbidden", "changes over HTTP need API_TOKEN to be set")
        answer = await at.ask("POST", "/sign-in", data={"token": ""})
        assert problem(await answer.json())[:2] == (400, "bad_argument")


# --- pages -------------------------------------------------------------------------------------------------------


async def test_signing_in_sets_a_cookie_that_scripts_cannot_read_and_other_sites_do_not_send() -> None:
    async with site() as at:
        assert await at.status("GET", "/api/market") == 401
        answer = await at.ask("POST", "/sign-in", data={"token": TOKEN})
        assert (answer.status, answer.headers["Location"]) == (303, "./")
        cookie = answer.headers["Set-Cookie"]
        assert [word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800")] == [True] * 4
        assert "Secure" not in cookie
        assert TOKEN not in cookie
        assert await at.status("GET", "/api/market") == 200
        behind_tls = await at.ask("POST", "/sign-in", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in behind_tls.headers["Set-Cookie"]


async def test_a_browser_without_a_session_is_led_to_the_sign_in_and_a_program_is_told() -> None:
    async with site() as at:
        for path, location in (("/", "sign-in"), ("/symbol/SOLUSDT", "../sign-in"), ("/a/b/c", "../../sign-in")):
            answer = await at.ask("GET", path, headers=HTML)
            assert (answer.status, answer.headers["Location"]) == (303, location), path
        for path in ("/api/market", "/metrics", "/openapi.json"):
            assert await at.status("GET", path, headers=HTML) == 401, path
        assert await at.status("GET", "/") == 401
        assert await at.status("GET", "/health", headers=HTML) == 200


async def test_the_sign_in_is_a_page_for_everybody_that_shows_nothing_of_the_market() -> None:
    async with site() as at:
        answer = await at.ask("GET", "/sign-in?wrong=1", headers=HTML)
        page = await answer.text()
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert 'method="post"' in page
        assert 'action="./sign-in"' in page
        assert "That token is not the right one." in page
        assert "SOLUSDT" not in page
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_a_wrong_token_typed_into_the_page_leads_back_to_it_and_is_slowed_like_any_other() -> None:
    async with site() as at:
        answer = await at.ask("POST", "/sign-in", data={"token": "guess"})
        assert (answer.status, answer.headers["Location"]) == (303, "sign-in?wrong=1")
        assert "Set-Cookie" not in answer.headers
        answer = await at.ask("POST", "/sign-in", json={"token": "guess"})
        assert problem(await answer.json())[:2] == (401, "unauthorized")
        for wrong in ({"data": {"word": "x"}}, {"json": {"token": 5}}, {"json": []}, {"data": b"\xff=%zz"}):
            assert await at.status("POST", "/sign-in", **wrong) in (400, 303, 401)
        assert await at.status("GET", "/api/market") == 401


async def test_a_change_from_a_page_carries_what_only_that_page_knows() -> None:
    async with site() as at:
        csrf = await at.signed_in(TOKEN)
        body = {"json": {"pump_threshold": 5}}
        for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": csrf[:-1]}):
            answer = await at.ask("PUT", "/api/settings", headers=headers, **body)
            assert problem(await answer.json())[:2] == (403, "csrf")
        assert at.bench.desk.settings.pump_threshold == 3.0
        assert await at.status("PUT", "/api/settings", headers={"X-CSRF-Token": csrf}, **body) == 200
        assert at.bench.desk.settings.pump_threshold == 5.0
        session = await (await at.ask("GET", "/api/session")).json()
        assert session == {"right": "write", "csrf": csrf}


async def test_who_signed_in_to_read_gets_nothing_to_change_with() -> None:
    async with site() as at:
        assert await at.signed_in(READ) == ""
        assert await (await at.ask("GET", "/api/session")).json() == {"right": "read", "csrf": None}
        assert await at.status("GET", "/api/market") == 200
        assert await at.status("PUT", "/api/settings", json={"pump_threshold": 5}) == 403


async def test_signing_out_ends_the_session_for_every_copy_of_the_cookie() -> None:
    async with site() as at:
        csrf = await at.signed_in(TOKEN)
        (cookie,) = [morsel.value for morsel in at.session.cookie_jar]
        assert await at.status("POST", "/sign-out", data={"csrf_token": "x"}) == 403
        assert await at.status("GET", "/api/market") == 200
        answer = await at.ask("POST", "/sign-out", data={"csrf_token": csrf})
        assert (answer.status, answer.headers["Location"]) == (303, "./")
        copy = {"Cookie": f"altmonitor_session={cookie}"}
        assert await at.status("GET", "/api/market", headers=copy) == 401


async def test_a_link_that_may_be_handed_on_reads_and_leaves_the_address() -> None:
    async with site() as at:
        answer = await at.ask("GET", f"/share/{READ.replace(' ', '%20')}")
        assert (answer.status, answer.headers["Location"]) == (303, "../")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert await at.status("GET", "/api/alerts") == 200
        assert await at.status("PUT", "/api/settings", json={"pump_threshold": 5}) == 403
        at.session.cookie_jar.clear()
        assert await at.status("GET", f"/share/{TOKEN.replace(' ', '%20')}") == 401  # the one for everything is no link
        assert await at.status("GET", "/share/guess") == 401
    async with site(read_token="") as at:
        assert await at.status("GET", "/share/") in (401, 404)
        assert await at.status("GET", "/share/x") == 404


async def test_a_session_ends_after_a_week_and_there_are_never_too_many() -> None:
    clock = MovableClock()
    sessions = Sessions(clock)
    first = sessions.begin(Right.READ)
    assert sessions.find(first.name) == first
    await clock.advance(LASTS_S + 1)
    assert sessions.find(first.name) is None
    names = [sessions.begin(Right.READ).name for _ in range(600)]
    assert sessions.find(names[0]) is None
    assert sessions.find(names[-1]) is not None
    assert sessions.find("") is None


# --- other sites -------------------------------------------------------------------------------------------------


async def test_a_page_of_another_site_changes_nothing_whatever_it_sends() -> None:
    async with site() as at:
        csrf = await at.signed_in(TOKEN)
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"):
            headers = {"Origin": origin, "X-CSRF-Token": csrf}
            answer = await at.ask("PUT", "/api/settings", headers=headers, json={"pump_threshold": 5})
            assert problem(await answer.json())[:2] == (403, "forbidden"), origin
            answer = await at.ask("POST", "/sign-in", headers={"Origin": origin}, data={"token": READ})
            assert answer.status == 403, origin  # nobody is signed in to somebody else's session
        assert at.bench.desk.settings.pump_threshold == 3.0


async def test_behind_a_reverse_proxy_the_name_that_the_browser_saw_counts_for_the_origin() -> None:
    async with site() as at:
        csrf = await at.signed_in(TOKEN)
        headers = {"Origin": "https://monitor.example", "X-CSRF-Token": csrf, "X-Forwarded-Host": "monitor.example"}
        assert await at.status("PUT", "/api/settings", headers=headers, json={"pump_threshold": 5}) == 200


@pytest.mark.parametrize(
    "host", ["[127.0.0.1]evil.example", "127.0.0.1.evil.example", "evil.example", "localhost@evil"]
)
async def test_a_name_that_only_begins_like_this_machine_is_refused(host: str) -> None:
    async with site() as at:
        for path in ("/", "/health", "/api/market", "/sign-in"):
            assert await at.status("GET", path, headers=WRITER | {"Host": host}) in (400, 403), path


async def test_one_other_site_may_read_where_it_is_named_and_none_else() -> None:
    async with site(cors_origin="https://example.org") as at:
        answer = await at.ask("GET", "/api/market", headers=READER | {"Origin": "https://example.org"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://example.org"
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
        answer = await at.ask("OPTIONS", "/api/market", headers=asked)
        assert (answer.status, "Authorization" in answer.headers["Access-Control-Allow-Headers"]) == (204, True)
        answer = await at.ask("GET", "/api/market", headers=READER | {"Origin": "https://example.org.evil.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with site() as at:
        answer = await at.ask("GET", "/api/market", headers=READER | {"Origin": "https://example.org"})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert await at.status("OPTIONS", "/api/market", headers={"Origin": "https://example.org"}) in (401, 405)


async def test_tried_values_have_a_button_for_who_may_write_and_for_nobody_else() -> None:
    page = "/try?pump_threshold=3&dump_threshold=5&oi_surge_5m=0&min_24h_usdt=2M"
    async with site() as at:
        await at.signed_in(READ)
        shown = await (await at.ask("GET", page)).text()
        assert "data-apply" not in shown
        assert "<code>/set_dump 5</code> <code>/set_oi 3 off</code> <code>/set_liq 24h 2000000</code>" in shown
        csrf = await at.signed_in(TOKEN)
        shown = await (await at.ask("GET", page)).text()
        assert f'data-csrf="{csrf}"' in shown
        values = json.loads(unescape(re.findall('data-apply="([^"]*)"', shown)[0]))
        assert values == {"dump_threshold": -5.0, "oi_surge_5m": 0.0, "min_24h_usdt": 2_000_000.0}
        assert at.bench.words == []
        assert await at.status("PUT", "/api/settings", headers={"X-CSRF-Token": csrf}, json=values) == 200
        assert len(at.bench.words) == 1
