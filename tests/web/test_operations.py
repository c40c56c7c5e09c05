"""Operations over HTTP: the same answer as the row gives, tags, and problems in one form."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ExchangeBlocked, ExchangeUnreachable, NoSnapshotsYet
from altmonitor.core.types import Secret
from altmonitor.market.candles import Candle
from altmonitor.operations.table import OPERATIONS
from altmonitor.web.operations import is_known
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import healthy
from tests.operations.operations_kit import NOW_MS, Bench
from tests.web.web_kit import problem

TOKEN = {"Authorization": "Bearer open sesame, please"}


class Refusing:
    """An exchange that gives no candles."""

    def __init__(self, problem: Exception) -> None:
        self._problem = problem

    async def klines(self, symbol: str, **asked: object) -> list[Candle]:
        raise self._problem


@asynccontextmanager
async def site(bench: Bench, **changes: object) -> AsyncIterator[aiohttp.ClientSession]:
    context = bench.context()
    for name, value in changes.items():
        object.__setattr__(context, name, value)
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,
            operations=context,
            clock=SystemClock(),
            token=Secret("open sesame, please"),
        )
    )
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", headers=TOKEN) as session:
            yield session
    finally:
        await server.stop()


async def test_every_row_with_a_route_answers_what_the_row_answers() -> None:
    for row in OPERATIONS:
        if row.route is None or row.writes:
            continue
        for example in row.examples:
            bench = Bench()
            arguments = row.read(dict(example.arguments))
            expected = msgspec.json.decode(msgspec.json.encode(await row.answer(bench.context(), arguments)))
            path = row.route.removeprefix("GET ")
            query = {key: str(value) for key, value in example.arguments.items() if f"{{{key}}}" not in path}
            async with site(bench) as session:
                answer = await session.get(path.format(**example.arguments), params=query)
                assert (answer.status, answer.content_type) == (200, row.text_type or "application/json"), row.name
                body = await (answer.text() if row.text_type else answer.json())
                shown = body["data"] if row.envelope else {row.body: body} if row.body else body
                assert shown == expected, row.name


async def test_an_answer_that_did_not_change_is_not_sent_again() -> None:
    bench = Bench()
    async with site(bench) as session:
        first = await session.get("/api/market")
        tag = first.headers["ETag"]
        assert tag == f'"7-{NOW_MS}"'
        assert first.headers["Cache-Control"] == "no-cache"
        same = await session.get("/api/market", headers={"If-None-Match": f'"other", W/{tag}'})
        assert (same.status, await same.read(), same.headers["ETag"]) == (304, b"", tag)
        assert same.headers["X-Content-Type-Options"] == "nosniff"
        bench.clock.ms += 1_000
        later = await session.get("/api/market", headers={"If-None-Match": tag})
        assert later.status == 200
        assert (await session.get("/api/alerts")).headers["Cache-Control"] == "no-store"


def test_a_list_of_tags_is_read_as_a_list() -> None:
    assert is_known('"7-1"', '"7-1"')
    assert is_known('"7-1"', 'W/"x" , W/"7-1"')
    assert is_known('"7-1"', "*")
    assert not is_known('"7-1"', "")
    assert not is_known('"7-1"', '"7-12"')


async def test_settings_are_changed_by_a_body_and_only_by_one() -> None:
    bench = Bench()
    async with site(bench) as session:
        answer = await session.put("/api/settings", json={"pump_threshold": 5, "oi_surge_5m": 0})
        assert answer.status == 200
        assert [(row["key"], row["old"], row["new"]) for row in (await answer.json())["changes"]] == [
            ("pump_threshold", 3.0, 5.0),
            ("oi_surge_5m", 6.0, 0.0),
        ]
        wrong = [
            {"json": {"pump_threshold": 500}},
            {"json": {"pump_threshold": "5"}},
            {"json": ["pump_threshold"]},
            {"json": {"chat": 5}},
            {"data": "pump_threshold=5"},
            {"data": b"\xff", "headers": {"Content-Type": "application/json"}},
            {"data": b"[" * 4_000, "headers": {"Content-Type": "application/json"}},
            {"json": {"pump_threshold": 6}, "params": {"pump_threshold": "7"}},
        ]
        for given in wrong:
            answer = await session.put("/api/settings", **given)
            assert problem(await answer.json())[:2] == (400, "bad_argument"), given
    assert bench.desk.settings.pump_threshold == 5.0
    assert len(bench.desk.store.states) == 1


async def test_a_number_in_a_path_is_only_a_number() -> None:
    async with site(Bench()) as session:
        answers = [await session.delete(f"/v1/alerts/{word}") for word in ("history", "x", "1x", "-1")]
        assert [answer.status for answer in answers] == [405, 404, 404, 404]


async def test_what_an_operation_says_is_wrong_becomes_a_problem_with_the_same_words() -> None:
    blocked = Refusing(ExchangeBlocked("banned until later", until_ms=NOW_MS + 61_500))
    async with site(Bench(), rest=blocked) as session:
        answer = await session.get("/api/symbols/DOGE/candles")
        body = await answer.json()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "62")
        assert problem(body) == (503, "blocked", "banned until later")
        assert body["until_ms"] == NOW_MS + 61_500
    async with site(Bench(), rest=Refusing(ExchangeUnreachable("no answer within 5 s"))) as session:
        answer = await session.get("/api/symbols/DOGE/candles")
        assert problem(await answer.json()) == (502, "unreachable", "no answer within 5 s")
        assert answer.content_type == "application/problem+json"
        answer = await session.get("/api/symbols/dog/why")
        expected = (404, "unknown_contract", "no contract 'dog' is watched; perhaps DOGEUSDT")
        assert problem(await answer.json()) == expected
        answer = await session.get("/api/symbols/SOL/why", params={"symbol": "DOGE"})
        assert problem(await answer.json()) == (400, "bad_argument", "symbol stands in the path already")
    async with site(Bench(), monitor=None) as session:
        answer = await session.get("/api/market")
        assert problem(await answer.json())[:2] == (503, "unavailable")


async def test_markup_in_a_symbol_comes_back_as_text_of_json() -> None:
    async with site(Bench()) as session:
        answer = await session.get("/api/symbols/%3Cscript%3Ealert(1)%3C%2Fscript%3E/why")
        assert answer.content_type == "application/problem+json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert problem(await answer.json())[1] in ("unknown_contract", "bad_argument")


async def test_the_positioning_interface_answers_in_its_envelope_also_where_it_refuses() -> None:
    async with site(Bench()) as session:
        bodies = [await (await session.get("/v1/divergence", params={"coin": "SOL"})).json() for _ in range(2)]
        for body in bodies:
            assert set(body) == {"data", "meta", "status", "message", "success"}
            assert (body["status"], body["success"]) == ("ok", True)
            assert body["message"] == "Divergence retrieved successfully"
            assert body["data"]["long_pct_gap"] == -10.21
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["meta"]["timestamp"])
        assert bodies[0]["meta"]["request_id"] != bodies[1]["meta"]["request_id"]
        answer = await session.get("/v1/history", params={"coin": "SOL", "limit": "501"})
        body = await answer.json()
        assert (answer.status, answer.content_type) == (400, "application/problem+json")
        assert (body["status"], body["success"], body["data"], body["code"]) == ("error", False, None, "bad_argument")
        assert body["message"] == body["detail"] == "limit must be a whole number from 1 to 500, not '501'"
        for path in (await (await session.get("/v1/meta")).json())["data"]["endpoints"].values():
            assert (await session.get(path, params={} if path == "/v1/meta" else {"coin": "SOL"})).status == 200


async def test_snapshots_are_plain_lists_and_without_a_database_503() -> None:
    async with site(Bench()) as session:
        answer = await session.get("/api/snapshots")
        assert [row["symbol"] for row in await answer.json()] == ["BTCUSDT", "SOLUSDT"]
        again = await session.get("/api/snapshots", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304
        assert len(await (await session.get("/api/symbol/SOLUSDT/history", params={"days": "abc"})).json()) == 2

    @asynccontextmanager
    async def nothing() -> AsyncIterator[object]:
        raise NoSnapshotsYet("snapshots.db does not exist yet: run `altmonitor track`")
        yield

    async with site(Bench(), snapshots=nothing) as session:
        for path in ("/api/snapshots", "/api/symbol/SOLUSDT/history"):
            answer = await session.get(path)
            assert problem(await answer.json())[:2] == (503, "unavailable")
            assert "altmonitor track" in (await answer.json())["error"]
