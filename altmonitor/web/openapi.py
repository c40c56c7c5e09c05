"""`/openapi.json` (OpenAPI 3.1), made of the same rows as the routes; examples are answers that were really given."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from importlib import resources
from typing import Any, Final

import msgspec
from aiohttp import web

from altmonitor import __version__
from altmonitor.operations.errors import OPERATION_ERRORS
from altmonitor.operations.operation import Operation
from altmonitor.operations.table import OPERATIONS
from altmonitor.web.answer_shapes import (
    CommandAnswer,
    CommandGiven,
    EnvelopeMeta,
    EnvelopeProblem,
    ErrorObject,
    HealthAnswer,
    KeyedProblem,
    Problem,
    SessionAnswer,
    TokenGiven,
)
from altmonitor.web.openapi_routes import (
    JSON_TYPE,
    REFS,
    Json,
    component_of,
    parameters_of,
    plain_routes,
    ref,
)
from altmonitor.web.operations import is_known
from altmonitor.web.refusals import PROBLEM
from altmonitor.web.streams import StreamArguments

_TAGS: Final = {
    "/v1/smartmoney/": "traders",
    "/v1/": "cohorts",
    "/api/alerts": "alerts",
    "/api/settings": "settings",
    "/api/snapshots": "tracked",
}

_OF_OPERATIONS: Final = frozenset(str(error.status) for error in OPERATION_ERRORS)

_OWN: Final[tuple[type[msgspec.Struct], ...]] = (
    Problem,
    EnvelopeProblem,
    KeyedProblem,
    ErrorObject,
    EnvelopeMeta,
    SessionAnswer,
    TokenGiven,
    CommandGiven,
    CommandAnswer,
    HealthAnswer,
)


class OpenApi:
    """Of every operation with a route."""

    def __init__(self) -> None:
        self._rows = [row for row in OPERATIONS if row.route is not None]

    @cached_property
    def document(self) -> Json:
        types = [*(row.arguments for row in self._rows), *(row.result for row in self._rows), *_OWN, StreamArguments]
        _, schemas = msgspec.json.schema_components(types, ref_template=REFS)
        paths: Json = {}
        for row in self._rows:
            method, _, path = (row.route or "").partition(" ")
            paths.setdefault(path, {})[method.lower()] = self._operation(row, method, path, schemas)
        for path, methods in plain_routes(schemas).items():
            paths.setdefault(path, {}).update(methods)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "altmonitor",
                "version": __version__,
                "summary": "A monitor of USDT perpetuals: market, alerts, positions, settings.",
                "description": "Data only, no advice. Times are unix milliseconds where a name ends in `_ms` or `Ms`, "
                "ages seconds, `_pct` percent. null: no honest value is known.",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/"}],
            "security": [{}, {"token": []}, {"session": []}],
            "paths": paths,
            "components": {
                "schemas": {name: schema for name, schema in schemas.items() if name != StreamArguments.__name__},
                "responses": self._problems(),
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "API_TOKEN, or API_READ_TOKEN which may only read. None is asked for on "
                        "loopback while neither is set.",
                    },
                    "session": {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": "altmonitor_session",
                        "description": "Of POST /sign-in. Changes carry the header X-CSRF-Token as well.",
                    },
                },
            },
        }

    @cached_property
    def _encoded(self) -> tuple[bytes, str]:
        body = msgspec.json.encode(self.document)
        return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'

    async def answer(self, request: web.Request) -> web.Response:
        body, tag = self._encoded
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if is_known(tag, request.headers.get("If-None-Match", "")):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type=JSON_TYPE, headers=headers)

    @cached_property
    def _answers(self) -> Mapping[str, Mapping[str, Any]]:
        """Operation → title → answer, as the tests asked for them."""
        return stored_examples()

    def _operation(self, row: Operation[Any, Any], method: str, path: str, schemas: Json) -> Json:
        found: Json = {
            "operationId": row.name,
            "summary": row.summary,
            "tags": [next((tag for start, tag in _TAGS.items() if path.startswith(start)), "market")]
            if not row.keyed
            else ["smart money"],
            "responses": self._responses(row, schemas),
        }
        if row.writes:
            in_path = [one for one in parameters_of(row.arguments, path, schemas, row) if one["in"] == "path"]
            found |= {"parameters": in_path} if in_path else {}
            if len(in_path) < len(msgspec.structs.fields(row.arguments)):
                given = {example.title: {"value": dict(example.arguments)} for example in row.examples}
                body = {"schema": ref(schemas, row.arguments), "examples": given}
                found["requestBody"] = {"required": method != "DELETE", "content": {JSON_TYPE: body}}
            found["security"] = [{"token": []}, {"session": []}]
        else:
            found["parameters"] = parameters_of(row.arguments, path, schemas, row)
        return found

    def _responses(self, row: Operation[Any, Any], schemas: Json) -> Json:
        schema = ref(schemas, row.result)
        if row.body is not None:
            schema = component_of(schemas, row.result)["properties"][row.body]
        if row.envelope is not None:
            schema = _envelope(schema, schemas)
        examples = {
            example.title: {"value": self._answers[row.name][example.title]}
            for example in row.examples
            if example.title in self._answers.get(row.name, {})
        }
        told = {"schema": schema, "examples": examples}
        answered: Json = {"description": "The answer.", "content": {row.text_type or JSON_TYPE: told}}
        responses: Json = {"200": answered}
        if row.etag is not None:
            answered["headers"] = {"ETag": {"schema": {"type": "string"}}}
            responses["304"] = {"description": "Nothing has changed since the answer with this ETag."}
        statuses = {"400", "401", "403", "408", "413", "429", "431", "500", "503"}
        names = {field.name for field in msgspec.structs.fields(row.arguments)}
        if "symbol" in names or row.reads == "stored" or "{" in (row.route or ""):
            statuses.add("404")
        if row.reads == "exchange":
            statuses |= {"404", "502"}
        if row.keyed:
            statuses.add("402")
        kind = "keyed" if row.keyed else "problem"
        refused = {
            status: "envelope" if row.envelope is not None and status in _OF_OPERATIONS else kind
            for status in sorted(statuses)
        }
        return responses | {
            status: {"$ref": f"#/components/responses/{kind}{status}"} for status, kind in refused.items()
        }

    def _problems(self) -> Json:
        """One response for each status, with every code that comes with it."""
        given: Mapping[str, Any] = self._answers.get("problems", {})
        by_status: dict[str, Json] = {}
        for code, problem in given.items():
            by_status.setdefault(str(problem["status"]), {})[code] = {"value": problem}
        meanings = {str(error.status): error.title for error in reversed(OPERATION_ERRORS)}
        statuses = {"400", "401", "403", "404", "405", "408", "413", "429", "431", "500", "502", "503"} | set(by_status)
        names = ("Problem", "EnvelopeProblem", "KeyedProblem")
        plain, in_envelope, keyed = ({"$ref": REFS.format(name=name)} for name in names)
        schemas: Json = {f"problem{status}": plain for status in sorted(statuses)}
        schemas |= {f"envelope{status}": {"anyOf": [plain, in_envelope]} for status in sorted(_OF_OPERATIONS)}
        schemas |= {f"keyed{status}": keyed for status in sorted({*statuses, "402"})}
        return {
            name: {
                "description": meanings.get(name[-3:], "Refused before anything was asked."),
                "content": {
                    PROBLEM: {
                        "schema": schema,
                        "examples": {} if name.startswith("keyed") else by_status.get(name[-3:], {}),
                    }
                },
            }
            for name, schema in schemas.items()
        }


def stored_examples() -> Mapping[str, Mapping[str, Any]]:
    text = resources.files("altmonitor.web").joinpath("examples.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, dict[str, Any]])


def _envelope(data: Json, schemas: Json) -> Json:
    return {
        "type": "object",
        "required": ["data", "meta", "status", "message", "success"],
        "properties": {
            "data": data,
            "meta": ref(schemas, EnvelopeMeta),
            "status": {"const": "ok"},
            "message": {"type": "string"},
            "success": {"const": True},
        },
    }
