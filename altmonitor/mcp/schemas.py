"""JSON Schema 2020-12 of arguments and results, in the shape that every client accepts.

Clients have dropped whole servers over one schema: the top level is a plain object without oneOf, anyOf or allOf,
`required` is a list or absent, and nothing is referred to that is not in the schema itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

JsonSchema = dict[str, Any]

_LEFT_OUT = ("title",)


def input_schema(arguments: type[msgspec.Struct]) -> JsonSchema:
    """Unknown names are refused; what may be left out may not be null: leaving it out says the same.

    Every word of it stands in every conversation: what a call would be refused for anyway is not spelled out.
    """
    schema = _schema_of(arguments)
    for name, found in schema["properties"].items():
        plain = _without_null(found)
        schema["properties"][name] = {key: one for key, one in plain.items() if not _is_detail(key, plain)}
    schema["additionalProperties"] = False
    return schema


def output_schema(result: type[msgspec.Struct], added: Mapping[str, JsonSchema]) -> JsonSchema:
    """added: what every answer of this server says beside the result, by name."""
    schema = _schema_of(result)
    for name, found in added.items():
        schema["properties"].setdefault(name, dict(found))
    return schema


def _schema_of(struct: type[msgspec.Struct]) -> JsonSchema:
    _, parts = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    written = {name: _tidy(part) for name, part in parts.items()}
    top: JsonSchema = written.pop(struct.__name__)
    top.setdefault("properties", {})
    if not top.get("required"):
        top.pop("required", None)
    if written:
        top["$defs"] = {name: written[name] for name in sorted(written)}
    return top


def _tidy(schema: object) -> Any:
    """`anyOf` of a plain type and null is a list of types: shorter, and known to every client."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _tidy(value) for name, value in schema.items() if not (name in _LEFT_OUT and isinstance(value, str))}
    if "properties" in found and "required" in found and not found["required"]:
        del found["required"]
    choices = found.get("anyOf")
    if isinstance(choices, list) and all(set(one) == {"type"} for one in choices):
        del found["anyOf"]
        found["type"] = [one["type"] for one in choices]
    return found


def _is_detail(key: str, schema: JsonSchema) -> bool:
    return key in ("examples", "minLength", "maxLength") or (key == "anyOf" and "type" in schema)


def _without_null(schema: JsonSchema) -> JsonSchema:
    found = dict(schema)
    if found.get("default", 0) is None:
        del found["default"]
    kinds = found.get("type")
    if isinstance(kinds, list):
        left = [kind for kind in kinds if kind != "null"]
        found["type"] = left[0] if len(left) == 1 else left
    choices = found.get("anyOf")
    if isinstance(choices, list):
        left = [one for one in choices if one != {"type": "null"}]
        if len(left) == 1:
            del found["anyOf"]
            found = {**left[0], **found}
        else:
            found["anyOf"] = left
    return found
