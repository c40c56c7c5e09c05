"""Operations over HTTP: query, path and body become their arguments, the result JSON, their errors problem details."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from altmonitor.core.clock import Clock
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, DataStale, OperationError, Unavailable
from altmonitor.operations.operation import Operation, Source
from altmonitor.operations.table import OPERATIONS
from altmonitor.positioning.json_values import envelope, error_envelope
from altmonitor.web.refusals import RETRY_AFTER_S
from altmonitor.web.requests import Handler, json_object, problem_of, single_values

WITHIN_S: Mapping[Source, float] = {"live": 10.0, "stored": 10.0, "exchange": 20.0}
AT_ONCE: Mapping[Source, int] = {"live": 64, "stored": 2, "exchange": 4}
"""What reads the database shares one connection with what writes alerts to it; the exchange's limits are for alerts."""

_WAITED_FOR: Mapping[Source, str] = {
    "live": "the monitor",
    "stored": "the stored alerts",
    "exchange": "the exchange",
}

_KEYED = [row.route.split(" ")[1] for row in OPERATIONS if row.keyed and row.route is not None]
_KEYED_PATH = re.compile("|".join(re.sub(r"\{\w+\}", "[^/]+", path) for path in _KEYED))


def is_keyed(path: str) -> bool:
    """It belongs to the Smart Money API."""
    return _KEYED_PATH.fullmatch(path) is not None


class OperationRoutes:
    """One handler for each row with a route."""

    def __init__(self, context: OperationContext, *, clock: Clock) -> None:
        self._context = context
        self._clock = clock
        self._turns = {source: asyncio.Semaphore(count) for source, count in AT_ONCE.items()}
        self._encoded: dict[str, tuple[msgspec.Struct, bytes]] = {}

    def add_to(self, router: web.UrlDispatcher) -> None:
        for row in OPERATIONS:
            if row.route is not None:
                method, path = row.route.split(" ")
                path = _only_numbers(row, path)
                if method == "GET":
                    router.add_get(path, self._handler(row))
                else:
                    router.add_route(method, path, self._handler(row))

    def _handler(self, row: Operation[Any, Any]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                arguments = row.read(await _given(row, request), is_text=not row.writes)
                async with self._clock.timeout(WITHIN_S[row.reads]), self._turns[row.reads]:
                    result = await row.answer(self._context, arguments)
            except OperationError as problem:
                return self._refused(row, problem)
            except TimeoutError:
                waited = f"{_WAITED_FOR[row.reads]} did not answer within {WITHIN_S[row.reads]:.0f} s"
                return self._refused(row, Unavailable(waited, retry_after_s=RETRY_AFTER_S))
            return self._answered(row, request, result)

        return handle

    def _refused(self, row: Operation[Any, Any], problem: OperationError) -> web.Response:
        if row.envelope is None:
            return problem_of(problem, {"data": problem.data} if isinstance(problem, DataStale) else None)
        told = error_envelope(problem.detail, now_ms=self._now_ms(), request_id=str(uuid.uuid4()))
        return problem_of(problem, told)

    def _now_ms(self) -> int:
        return self._context.clock.now_ms()

    def _answered(self, row: Operation[Any, Any], request: web.Request, result: msgspec.Struct) -> web.Response:
        headers: dict[str, str] = {}
        if row.etag is not None:
            tag = f'"{row.etag(result)}"'
            headers = {"ETag": tag, "Cache-Control": "no-cache"}
            if is_known(tag, request.headers.get("If-None-Match", "")):
                return web.Response(status=304, headers=headers)
        if row.text_type is not None and row.body is not None:
            return web.Response(text=getattr(result, row.body), content_type=row.text_type, headers=headers)
        return web.Response(body=self._body(row, result), content_type="application/json", headers=headers)

    def _body(self, row: Operation[Any, Any], result: msgspec.Struct) -> bytes:
        """An answer that many ask for is encoded once."""
        known = self._encoded.get(row.name)
        if known is not None and known[0] is result:
            return known[1]
        shown: object = result if row.body is None else getattr(result, row.body)
        if row.envelope is not None:
            values = msgspec.to_builtins(result)
            shown = envelope(values, thing=row.envelope, now_ms=self._now_ms(), request_id=str(uuid.uuid4()))
        body = msgspec.json.encode(shown)
        if row.etag is not None:
            self._encoded[row.name] = result, body
        return body


def _only_numbers(row: Operation[Any, Any], path: str) -> str:
    """The path where a number matches nothing else: `/v1/alerts/history` is not the alert called history."""
    for name, schema in msgspec.json.schema_components([row.arguments])[1][row.arguments.__name__][
        "properties"
    ].items():
        if schema.get("pattern", "").startswith("^[0-9]"):
            path = path.replace(f"{{{name}}}", f"{{{name}:[0-9]+}}")
    return path


def is_known(tag: str, if_none_match: str) -> bool:
    """if_none_match: the header, `*` or a list of tags, weak ones too."""
    tags = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in tags or tags == ["*"]


async def _given(row: Operation[Any, Any], request: web.Request) -> dict[str, Any]:
    given: dict[str, Any] = single_values(request.query)
    if row.writes:
        if given:
            raise BadArgument("arguments belong into the body, not into the address")
        example = msgspec.json.encode(dict(row.examples[0].arguments)).decode()
        has_body = request.method != "DELETE" or request.body_exists
        given = await json_object(request, such_as=example) if has_body else {}
    twice = next((name for name in request.match_info if name in given), None)
    if twice is not None:
        raise BadArgument(f"{twice} stands in the path already")
    return given | dict(request.match_info)
