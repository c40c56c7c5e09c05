"""`/openapi.json` (OpenAPI 3.1), made of the same rows as the routes; examples are answers that were really given."""

from __future__ import annotations

import hashlib
import re
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
from altmonitor.web.operations import is_known
from altmonitor.web.refusals import PROBLEM
from altmonitor.web.streams import StreamArguments

REFS: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_TAGS: Final = {
    "/v1/smartmoney/": "traders",
    "/v1/": "cohorts",
    "/api/alerts": "alerts",
    "/api/settings": "settings",
    "/api/snapshots": "tracked",
}

_OF_OPERATIONS: Final = frozenset(str(error.status) for error in OPERATION_ERRORS)

Json = dict[str, Any]


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
        for path, methods in _plain_routes(schemas).items():
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
        return web.Response(body=body, content_type=_JSON, headers=headers)

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
            in_path = [one for one in _parameters(row.arguments, path, schemas, row) if one["in"] == "path"]
            found |= {"parameters": in_path} if in_path else {}
            if len(in_path) < len(msgspec.structs.fields(row.arguments)):
                given = {example.title: {"value": dict(example.arguments)} for example in row.examples}
                body = {"schema": _ref(schemas, row.arguments), "examples": given}
                found["requestBody"] = {"required": method != "DELETE", "content": {_JSON: body}}
            found["security"] = [{"token": []}, {"session": []}]
        else:
            found["parameters"] = _parameters(row.arguments, path, schemas, row)
        return found

    def _responses(self, row: Operation[Any, Any], schemas: Json) -> Json:
        schema = _ref(schemas, row.result)
        if row.body is not None:
            schema = _component(schemas, row.result)["properties"][row.body]
        if row.envelope is not None:
            schema = _envelope(schema, schemas)
        examples = {
            example.title: {"value": self._answers[row.name][example.title]}
            for example in row.examples
            if example.title in self._answers.get(row.name, {})
        }
        told = {"schema": schema, "examples": examples}
        answered: Json = {"description": "The answer.", "content": {row.text_type or _JSON: told}}
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


def _component(schemas: Json, kind: type) -> Json:
    """The object itself, which msgspec hands out under the name of its type."""
    found: Json = schemas[_name(schemas, kind)]
    return found


def _name(schemas: Json, kind: type) -> str:
    """Two types of one name stand under the names of their modules."""
    if kind.__name__ in schemas:
        return kind.__name__
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"{kind.__module__}.{kind.__qualname__}")


def _ref(schemas: Json, kind: type) -> Json:
    return {"$ref": REFS.format(name=_name(schemas, kind))}


def _envelope(data: Json, schemas: Json) -> Json:
    return {
        "type": "object",
        "required": ["data", "meta", "status", "message", "success"],
        "properties": {
            "data": data,
            "meta": _ref(schemas, EnvelopeMeta),
            "status": {"const": "ok"},
            "message": {"type": "string"},
            "success": {"const": True},
        },
    }


def _parameters(
    kind: type[msgspec.Struct], path: str, schemas: Json, row: Operation[Any, Any] | None = None
) -> list[Json]:
    component = _component(schemas, kind)
    found = []
    for name, schema in component.get("properties", {}).items():
        is_in_path = f"{{{name}}}" in path
        plain = _without_null(schema)
        parameter: Json = {
            "name": name,
            "in": "path" if is_in_path else "query",
            "required": is_in_path or name in component.get("required", ()),
            "schema": plain,
        }
        if "description" in plain:
            parameter["description"] = plain["description"]
        given = next((one.arguments[name] for one in (row.examples if row else ()) if name in one.arguments), None)
        if given is not None:
            parameter["example"] = given
        found.append(parameter)
    return found


def _without_null(schema: Json) -> Json:
    """Of what may be left out: a query has no null."""
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(kinds) == 1 and len(kinds) < len(schema["anyOf"]):
        return dict(kinds[0])
    plain = {key: value for key, value in schema.items() if key != "default" or value is not None}
    if isinstance(plain.get("enum"), list):
        plain["enum"] = [value for value in plain["enum"] if value is not None]
    return plain


def _plain_routes(schemas: Json) -> Json:
    """What is no operation."""
    refused = {status: {"$ref": f"#/components/responses/problem{status}"} for status in ("401", "403", "429", "503")}

    def told(kind: type, meaning: str) -> Json:
        return {"description": meaning, "content": {_JSON: {"schema": _ref(schemas, kind)}}}

    def text(kind: str, meaning: str) -> Json:
        return {"description": meaning, "content": {kind: {"schema": {"type": "string"}}}}

    see_other = {
        "description": "Signed in or out; a page follows.",
        "headers": {"Location": {"schema": {"type": "string"}}},
    }
    bad = {"400": {"$ref": "#/components/responses/problem400"}}
    return {
        "/health": {
            "get": {
                "operationId": "health",
                "summary": "Is the monitor seeing, telling and answering.",
                "security": [{}],
                "responses": {
                    "200": told(HealthAnswer, "It is, perhaps with some trouble."),
                    "503": told(HealthAnswer, "It is not."),
                },
            }
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "For Prometheus.",
                "responses": {"200": text("text/plain", "Metrics in the text format."), **refused},
            }
        },
        "/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This document.",
                "responses": {
                    "200": {"description": "OpenAPI 3.1.", "content": {_JSON: {"schema": {"type": "object"}}}},
                    **refused,
                },
            }
        },
        "/api/stream": {
            "get": {
                "operationId": "stream",
                "summary": "Server-sent events: alert, update, health, reset, and market for who asks.",
                "parameters": [
                    *_parameters(StreamArguments, "/api/stream", schemas),
                    {
                        "name": "Last-Event-ID",
                        "in": "header",
                        "required": False,
                        "schema": {"type": "string"},
                        "description": "Goes on behind this event; what is not known is told as `reset`.",
                    },
                ],
                "responses": {"200": text("text/event-stream", "Until one side leaves."), **bad, **refused},
            }
        },
        "/api/commands": {
            "get": {
                "operationId": "list_commands",
                "summary": "The chat's commands with their arguments.",
                "responses": {
                    "200": {"description": "The table.", "content": {_JSON: {"schema": {"type": "object"}}}},
                    "404": {"$ref": "#/components/responses/problem404"},
                    **refused,
                },
            },
            "post": {
                "operationId": "carry_out_command",
                "summary": "Carries out a command of the chat, as if it were typed there.",
                "security": [{"token": []}, {"session": []}],
                "requestBody": {
                    "required": True,
                    "content": {
                        _JSON: {
                            "schema": _ref(schemas, CommandGiven),
                            "examples": {"status": {"value": {"text": "/status"}}},
                        }
                    },
                },
                "responses": {
                    "200": told(CommandAnswer, "What the chat would answer."),
                    "404": {"$ref": "#/components/responses/problem404"},
                    "413": {"$ref": "#/components/responses/problem413"},
                    **bad,
                    **refused,
                },
            },
        },
        "/api/session": {
            "get": {
                "operationId": "session",
                "summary": "What this visitor may do.",
                "responses": {"200": told(SessionAnswer, "The right."), **refused},
            }
        },
        "/sign-in": {
            "post": {
                "operationId": "sign_in",
                "summary": "A token becomes a cookie.",
                "security": [{}],
                "requestBody": {"required": True, "content": {_JSON: {"schema": _ref(schemas, TokenGiven)}}},
                "responses": {"200": told(SessionAnswer, "Signed in."), "303": see_other, **bad, **refused},
            }
        },
        "/sign-out": {
            "post": {
                "operationId": "sign_out",
                "summary": "Ends the session.",
                "responses": {"204": {"description": "Signed out."}, "303": see_other, **bad, **refused},
            }
        },
        "/share/{token}": {
            "get": {
                "operationId": "share",
                "summary": "A link to hand on: signs in with the token that only reads.",
                "security": [{}],
                "parameters": [{"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"303": see_other, "404": {"$ref": "#/components/responses/problem404"}, **refused},
            }
        },
    }
