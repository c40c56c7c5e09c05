"""Operations as tools: what a client is shown of a row, and a call from its arguments to its answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec
from mcp import MCPError
from mcp_types import METHOD_NOT_FOUND, CallToolResult, TextContent, Tool, ToolAnnotations

from altmonitor.core.clock import Clock
from altmonitor.mcp.answers import DATA_NOTE, JsonObject, as_text, clean_text, cleaned, shortened
from altmonitor.operations.errors import BadArgument, OperationError, Unavailable
from altmonitor.operations.operation import Operation, Source
from altmonitor.positioning.units import DEFAULT_PERIOD

log = logging.getLogger(__name__)

Row = Operation[Any, Any]
JsonSchema = dict[str, Any]
AnswerOperation = Callable[[Row, msgspec.Struct], Awaitable[msgspec.Struct]]

PAGE_URI: Final = "ui://altmonitor/page.html"
WITHIN_S: Final[Mapping[Source, float]] = MappingProxyType({"live": 15.0, "stored": 15.0, "exchange": 25.0})
AT_ONCE: Final = 4
MOST_WAITING: Final = 32
BUSY_S: Final = 5
LONGEST_ARGUMENTS: Final = 20_000
LONGEST_ERROR: Final = 600

Detail = Literal["short", "full"]
DETAILS: Final[tuple[Detail, ...]] = ("short", "full")
_DETAIL_SCHEMA: Final[JsonSchema] = {
    "enum": list(DETAILS),
    "default": "short",
    "description": "short: about 1,500 tokens at most, cut lists say so; full: everything.",
}
_ADDED: Final[Mapping[str, JsonSchema]] = MappingProxyType(
    {
        "disclaimer": {"type": "string"},
        "shortened": {
            "type": "array",
            "description": "Lists that were cut; ask with detail=full or a smaller limit.",
            "items": {
                "type": "object",
                "properties": {"list": {"type": "string"}, "shown": {"type": "integer"}, "of": {"type": "integer"}},
                "required": ["list", "shown", "of"],
            },
        },
        "defaulted": {"type": "array", "description": "Arguments that were replaced.", "items": {"type": "string"}},
    }
)
_NEEDS: Final[Mapping[Source, str]] = MappingProxyType(
    {
        "live": "From a running monitor (`altmonitor run`).",
        "stored": "From what a monitor or tracker stored; says what to run first where nothing is.",
        "exchange": "Asked of the exchange now, through its request limits; needs no database.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRow:
    row: Row
    tool: Tool
    has_detail: bool


def tool_rows(rows: Sequence[Row], *, allow_writes: bool) -> Mapping[str, ToolRow]:
    """In the order of the table. Raises: ValueError for a name that stands there twice: a client would drop one."""
    found: dict[str, ToolRow] = {}
    for row in rows:
        if not row.tool or (row.writes and not allow_writes):
            continue
        if row.name in found:
            raise ValueError(f"two operations are called {row.name}")
        found[row.name] = _tool_row(row)
    return MappingProxyType(found)


def _tool_row(row: Row) -> ToolRow:
    taken, told = input_schema(row.arguments), output_schema(row.result, _ADDED)
    has_detail = '"array"' in json.dumps({**told, "properties": _own(told)}) and not row.writes
    if has_detail:
        taken["properties"]["detail"] = dict(_DETAIL_SCHEMA)
    annotations = ToolAnnotations(
        title=row.name.replace("_", " ").capitalize(),
        read_only_hint=not row.writes,
        destructive_hint=row.writes,
        idempotent_hint=True,
        open_world_hint=row.reads == "exchange",
    )
    tool = Tool(
        name=row.name,
        title=annotations.title,
        description=row.summary if row.writes else f"{row.summary} {_NEEDS[row.reads]}",
        input_schema=taken,
        output_schema=told,
        annotations=annotations,
        _meta={"ui": {"resourceUri": PAGE_URI}} if "html" in told["properties"] and _is_page(row) else None,
    )
    return ToolRow(row=row, tool=tool, has_detail=has_detail)


def _own(schema: JsonSchema) -> JsonSchema:
    return {name: one for name, one in schema["properties"].items() if name not in (*_ADDED, "degraded")}


def _is_page(row: Row) -> bool:
    """A push is a message for Telegram, no page."""
    return row.name in ("render_panel", "render_chart")


@dataclass(slots=True)
class Calls:
    """answer: of an operation. Few calls at once ask, a few more wait, the rest are told to come later."""

    tools: Mapping[str, ToolRow]
    answer: AnswerOperation
    clock: Clock
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _waiting: int = 0

    async def call(self, name: str, arguments: Mapping[str, Any] | None) -> CallToolResult:
        """An error is a result that says so, with what to do. Raises: MCPError for a tool that does not exist."""
        found = self.tools.get(name)
        if found is None:
            near = clean_text(name, longest=60)
            raise MCPError(METHOD_NOT_FOUND, f"unknown tool {near!r}; known: {', '.join(self.tools)}")
        try:
            return await self._answered(found, dict(arguments or {}))
        except OperationError as problem:
            return error_result(problem)
        except Exception:
            log.exception("%s failed", found.row.name)
            return error_result(Unavailable(f"{found.row.name} failed here; the log says why", retry_after_s=BUSY_S))

    async def _answered(self, found: ToolRow, given: dict[str, Any]) -> CallToolResult:
        if len(json.dumps(given)) > LONGEST_ARGUMENTS:
            raise BadArgument(f"the arguments are longer than {LONGEST_ARGUMENTS} characters")
        detail = _detail(given.pop("detail", "short")) if found.has_detail else "short"
        given = {name: value for name, value in given.items() if value is not None}
        defaulted = _without_wrong_period(found, given)
        result = await self._run(found.row, found.row.read(given))
        values: JsonObject = cleaned(msgspec.to_builtins(result))
        values["disclaimer"] = DATA_NOTE
        if defaulted:
            values["defaulted"] = defaulted
        if detail == "short":
            values = shortened(values)
        return CallToolResult(content=[TextContent(type="text", text=as_text(values))], structured_content=values)

    async def _run(self, row: Row, arguments: msgspec.Struct) -> msgspec.Struct:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("too many calls at once", retry_after_s=BUSY_S)
        within_s = WITHIN_S[row.reads]
        self._waiting += 1
        try:
            async with self.clock.timeout(within_s), self._turns:
                return await self.answer(row, arguments)
        except TimeoutError:
            raise Unavailable(f"{row.name} took longer than {within_s:.0f} s", retry_after_s=BUSY_S) from None
        finally:
            self._waiting -= 1


def _detail(given: object) -> Detail:
    """Raises: BadArgument."""
    if given is None:
        return "short"
    if given not in DETAILS:
        raise BadArgument("detail must be one of short, full")
    return "full" if given == "full" else "short"


def _without_wrong_period(found: ToolRow, given: dict[str, Any]) -> list[str]:
    """A length of buckets that is none is answered with the usual one, and the answer says so."""
    allowed = found.tool.input_schema["properties"].get("period", {}).get("enum")
    period = given.get("period")
    if (
        allowed is None
        or DEFAULT_PERIOD not in allowed
        or period is None
        or not isinstance(period, str)
        or period in allowed
    ):
        return []
    del given["period"]
    return [f"period {clean_text(period, longest=20)!r} is none of {' '.join(allowed)}: {DEFAULT_PERIOD} was taken"]


def error_result(problem: OperationError) -> CallToolResult:
    """As a tool's own error, which the model sees and can act upon; no disclaimer, no structured content."""
    told: JsonObject = {"error": clean_text(problem.detail, longest=LONGEST_ERROR), "code": problem.code}
    if problem.until_ms is not None:
        told["untilMs"] = problem.until_ms
    if problem.retry_after_s is not None:
        told["retryAfterSec"] = problem.retry_after_s
    told["advice"] = _advice(problem)
    return CallToolResult(content=[TextContent(type="text", text=as_text(told))], is_error=True)


def _advice(problem: OperationError) -> str:
    after = problem.retry_after_s
    match problem.code:
        case "blocked":
            wait = "later" if after is None else f"in {after} s"
            return f"The exchange refuses this address: ask again {wait}, not before."
        case "unreachable":
            return f"The exchange gave no usable answer: ask again in {after or 60} s."
        case "unknown_contract":
            return "Asking again does not help: name another contract, such as BTCUSDT."
        case "bad_argument":
            return "Correct the argument and call again."
        case "forbidden":
            return "Not permitted from here; asking again does not help."
        case _:
            return "Do what the error says, then call again." if after is None else f"Call again in {after} s."


# --- JSON Schema 2020-12 of arguments and results ---------------------------------------------------------------------
# In the shape that every client accepts; clients have dropped whole servers over one schema: the top level is a plain
# object without oneOf, anyOf or allOf, `required` is a list or absent, and nothing is referred to that is not in it.

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
