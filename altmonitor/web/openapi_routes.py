"""How routes stand in the OpenAPI document, and those that are no operations."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from altmonitor.operations.operation import Operation
from altmonitor.web.answer_shapes import (
    CommandAnswer,
    CommandGiven,
    HealthAnswer,
    SessionAnswer,
    TokenGiven,
)
from altmonitor.web.streams import StreamArguments

REFS: Final = "#/components/schemas/{name}"
JSON_TYPE: Final = "application/json"

Json = dict[str, Any]


def component_of(schemas: Json, kind: type) -> Json:
    """The object itself, which msgspec hands out under the name of its type."""
    found: Json = schemas[schema_name(schemas, kind)]
    return found


def schema_name(schemas: Json, kind: type) -> str:
    """Two types of one name stand under the names of their modules."""
    if kind.__name__ in schemas:
        return kind.__name__
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"{kind.__module__}.{kind.__qualname__}")


def ref(schemas: Json, kind: type) -> Json:
    return {"$ref": REFS.format(name=schema_name(schemas, kind))}


def parameters_of(
    kind: type[msgspec.Struct], path: str, schemas: Json, row: Operation[Any, Any] | None = None
) -> list[Json]:
    component = component_of(schemas, kind)
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


def plain_routes(schemas: Json) -> Json:
    """What is no operation."""
    refused = {status: {"$ref": f"#/components/responses/problem{status}"} for status in ("401", "403", "429", "503")}

    def told(kind: type, meaning: str) -> Json:
        return {"description": meaning, "content": {JSON_TYPE: {"schema": ref(schemas, kind)}}}

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
                    "200": {"description": "OpenAPI 3.1.", "content": {JSON_TYPE: {"schema": {"type": "object"}}}},
                    **refused,
                },
            }
        },
        "/api/stream": {
            "get": {
                "operationId": "stream",
                "summary": "Server-sent events: alert, update, health, reset, and market for who asks.",
                "parameters": [
                    *parameters_of(StreamArguments, "/api/stream", schemas),
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
                    "200": {"description": "The table.", "content": {JSON_TYPE: {"schema": {"type": "object"}}}},
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
                        JSON_TYPE: {
                            "schema": ref(schemas, CommandGiven),
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
                "requestBody": {"required": True, "content": {JSON_TYPE: {"schema": ref(schemas, TokenGiven)}}},
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
