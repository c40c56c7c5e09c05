"""One row per thing that can be asked or changed from outside. HTTP, OpenAPI and MCP are made of the rows; the chat and
the command line are named in them where they answer the same question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import msgspec

from altmonitor.core.errors import AltmonitorError
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, translated

A = TypeVar("A", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """arguments: as a program would send them. What is answered is not written here: it is asked, see the tests."""

    title: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[A, R]):
    """name: snake_case, the tool's name for an AI client. summary: one sentence for people and models.

    arguments: refuses unknown fields, limits stand in the annotations. result: units stand in the names of its fields.
    run: may raise OperationError and AltmonitorError. writes: it changes something.
    route: method and path, `{names}` in it are arguments; None: not over HTTP. etag: changes with the answer; None: no
        answer is the same twice. has_envelope: over HTTP the result stands in the positioning interface's envelope.
    chat: the command that answers the same there, without the slash. cli: the words after `altmonitor`.
    """

    name: str
    summary: str
    arguments: type[A]
    result: type[R]
    run: Callable[[OperationContext, A], Awaitable[R]]
    writes: bool = False
    route: str | None = None
    etag: Callable[[R], str] | None = None
    has_envelope: bool = False
    chat: str | None = None
    cli: str | None = None
    examples: tuple[Example, ...] = (Example(title="as it is"),)

    def read(self, given: Mapping[str, Any], *, is_text: bool = False) -> A:
        """is_text: every value is a string, as in a query. Raises: BadArgument."""
        unknown = next((name for name in given if name not in self.arguments.__struct_fields__), None)
        if unknown is not None:
            known = ", ".join(self.arguments.__struct_fields__) or "none"
            raise BadArgument(f"unknown argument {shown(unknown)}; known: {known}")
        try:
            return msgspec.convert(given, type=self.arguments, strict=not is_text)
        except msgspec.ValidationError as problem:
            raise BadArgument(_in_words(problem, given)) from problem

    async def answer(self, context: OperationContext, arguments: A) -> R:
        """Raises: OperationError."""
        try:
            return await self.run(context, arguments)
        except AltmonitorError as problem:
            raise translated(problem, now_ms=context.clock.now_ms()) from problem


def shown(value: object) -> str:
    """As it was given, cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _in_words(problem: msgspec.ValidationError, given: Mapping[str, Any]) -> str:
    """`limit: Expected int >= 1, not '0'`."""
    said, _, place = str(problem).replace("`", "").partition(" - at ")
    name = place.removeprefix("$.").partition("[")[0].partition(".")[0]
    return f"{name}: {said}, not {shown(given[name])}" if name in given else said
