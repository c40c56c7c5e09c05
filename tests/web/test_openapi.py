"""The document says what the server does: every route, every error, and examples that were really answered.

ALTMONITOR_WRITE_EXAMPLES=1 writes the examples anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import jsonschema
from jsonschema import Draft202012Validator

import altmonitor.web
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ExchangeBlocked, ExchangeUnreachable
from altmonitor.core.types import Secret
from altmonitor.operations.errors import OPERATION_ERRORS
from altmonitor.operations.table import OPERATIONS
from altmonitor.web.openapi import OpenApi, stored_examples
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import healthy
from tests.operations.operations_kit import NOW_MS, Bench
from tests.web.test_operations import Refusing

FILE = Path(altmonitor.web.__file__).parent / "examples.json"
TOKEN = "open sesame, please"
ALL = {"Authorization": f"Bearer {TOKEN}"}
REQUEST_ID = "0b1f5a52-3f0e-4c6e-9d2f-6f0f5c1d2e3a"


@asynccontextmanager
async def site(
    bench: Bench, *, token: str = TOKEN, **changes: object
) -> AsyncIterator[tuple[HttpServer, aiohttp.ClientSession]]:
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,  # type: ignore[arg-type]
            operations=replace(bench.context(), **changes),  # type: ignore[arg-type]
            clock=SystemClock(),
            token=Secret(token),
            read_token=Secret("a token that reads" if token else ""),
        )
    )
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
            yield server, session
    finally:
        await server.stop()


async def answers() -> dict[str, dict[str, object]]:
    """Every example of every row, asked over HTTP."""
    found: dict[str, dict[str, object]] = {}
    for row in OPERATIONS:
        if row.route is None:
            continue
        method, _, path = row.route.partition(" ")
        for example in row.examples:
            given = dict(example.arguments)
            target = path.format(**given)
            query = {name: str(value) for name, value in given.items() if f"{{{name}}}" not in path}
            async with site(Bench()) as (_, session):
                body = {name: value for name, value in given.items() if f"{{{name}}}" not in path}
                sent = {"json": body} if row.writes else {"params": query}
                answer = await session.request(method, target, headers=ALL, **sent)  # type: ignore[arg-type]
                assert answer.status == 200, (row.name, await answer.text())
                body = await (answer.json() if row.text_type is None else answer.text())
                if row.envelope is not None:
                    body["meta"]["request_id"] = REQUEST_ID
                found.setdefault(row.name, {})[example.title] = body
    return found


async def problems() -> dict[str, object]:
    """One of every code."""
    blocked = Refusing(ExchangeBlocked("the exchange refuses this address", until_ms=NOW_MS + 60_000))
    unreachable = Refusing(ExchangeUnreachable("no answer within 5 s"))
    asked: list[tuple[dict[str, object], str, str, dict[str, object]]] = [
        ({}, "GET", "/api/alerts?limit=0", {"headers": ALL}),
        ({"alerts": None}, "GET", "/api/alerts", {"headers": ALL}),
        ({}, "GET", "/api/symbols/NOPE/why", {"headers": ALL}),
        ({"change_settings": None}, "PUT", "/api/settings", {"headers": ALL, "json": {"pump_threshold": 5}}),
        ({"monitor": None}, "GET", "/api/market", {"headers": ALL}),
        ({"rest": blocked}, "GET", "/api/symbols/DOGE/candles", {"headers": ALL}),
        ({"rest": unreachable}, "GET", "/api/symbols/DOGE/candles", {"headers": ALL}),
        ({}, "GET", "/api/market", {}),
        ({}, "DELETE", "/api/market", {"headers": ALL}),
        ({}, "PUT", "/api/settings", {"headers": ALL, "data": b"x" * 9_000}),
    ]
    found: dict[str, object] = {}
    for changes, method, path, more in asked:
        async with site(Bench(), **changes) as (_, session):
            answer = await session.request(method, path, **more)  # type: ignore[arg-type]
            assert answer.content_type == "application/problem+json", (method, path)
            body = await answer.json()
            found.setdefault(body["code"], body)
    return found


def holds(answer: object, example: object) -> bool:
    """A setting that came since then is no other answer."""
    if isinstance(answer, dict) and isinstance(example, dict):
        return set(example) <= set(answer) and all(holds(answer[key], example[key]) for key in example)
    if isinstance(answer, list) and isinstance(example, list):
        return all(any(holds(one, wanted) for one in answer) for wanted in example)
    return answer == example


async def test_every_example_is_a_real_answer() -> None:
    found = {**await answers(), "problems": await problems()}
    if os.environ.get("ALTMONITOR_WRITE_EXAMPLES"):
        FILE.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    stored = stored_examples()
    assert set(stored) == set(found)
    other = [name for name in found if not holds(json.loads(json.dumps(found[name])), stored[name])]
    assert other == [], "write the examples anew: ALTMONITOR_WRITE_EXAMPLES=1 pytest tests/web/test_openapi.py"


async def test_every_code_an_operation_may_answer_stands_in_the_document_with_an_example() -> None:
    responses = OpenApi().document["components"]["responses"]
    shown = {
        code for one in responses.values() for code in one["content"]["application/problem+json"].get("examples", {})
    }
    assert {error.code for error in OPERATION_ERRORS if not error.__subclasses__() or error.code in shown} <= shown
    assert {"unauthorized", "method_not_allowed", "too_large"} <= shown


async def test_the_document_is_valid_openapi_and_its_examples_follow_its_schemas() -> None:
    document = OpenApi().document
    assert document["openapi"] == "3.1.0"
    wrong = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    name = response["$ref"].rpartition("/")[2]
                    response = document["components"]["responses"][name]
                for content in response.get("content", {}).values():
                    schema = {**content["schema"], "components": document["components"]}
                    Draft202012Validator.check_schema(content["schema"])
                    for title, example in content.get("examples", {}).items():
                        try:
                            jsonschema.validate(example["value"], schema, cls=Draft202012Validator)
                        except jsonschema.ValidationError as problem:
                            wrong.append(f"{method} {path} {status} {title}: {problem.message} at {problem.json_path}")
    assert wrong == []


async def test_every_address_of_the_server_that_is_no_page_stands_in_the_document_and_no_other() -> None:
    pages = ("/static/", "/pieces/", "/symbol/", "/why/")
    named = {(path, method.upper()) for path, methods in OpenApi().document["paths"].items() for method in methods}
    async with site(Bench()) as (server, session):
        answer = await session.get("/openapi.json", headers=ALL)
        assert answer.status == 200
        assert (await answer.json())["openapi"] == "3.1.0"
        again = await session.get("/openapi.json", headers=ALL | {"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304
        assert server._runner is not None
        served = {
            (route.resource.canonical, route.method)
            for route in server._runner.app.router.routes()
            if route.resource is not None and route.method != "HEAD"
        }
    is_page = {one for one in served if one[0].startswith(pages) or (one[0].count("/") == 1 and one not in named)}
    assert {one for one in is_page if one[1] != "GET"} == set()
    assert served - is_page == named


async def test_operations_are_named_as_their_rows_and_say_what_they_take() -> None:
    paths = OpenApi().document["paths"]
    candles = paths["/api/symbols/{symbol}/candles"]["get"]
    assert candles["operationId"] == "get_candles"
    symbol, limit, venue = candles["parameters"]
    assert (symbol["in"], symbol["required"], limit["in"], limit["required"]) == ("path", True, "query", False)
    assert (venue["in"], venue["required"]) == ("query", False)
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (1, 1000, 99)
    assert {"200", "400", "401", "404", "502", "503"} <= set(candles["responses"])
    assert paths["/api/market"]["get"]["responses"]["304"]
    body = paths["/api/settings"]["put"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/SettingsChange"}
