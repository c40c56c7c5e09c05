"""One row per thing that can be asked or changed from outside. HTTP, OpenAPI and MCP are made of the rows; the chat and
the command line are named in them where they answer the same question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

import msgspec

from altmonitor.core.errors import AltmonitorError
from altmonitor.operations.arguments import read_arguments
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import translated

A = TypeVar("A", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)

Source = Literal["live", "stored", "exchange"]


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
        answer is the same twice. envelope: over HTTP the result stands in the positioning interface's
        envelope, which names it so. body: over HTTP that field of the result is all of the answer.
    reads: where the answer comes from: `live` memory, `stored` rows, or the `exchange`, which may take seconds.
    text_type: over HTTP the `body` is text of this type, not JSON.
    keyed: over HTTP it is of the Smart Money API: X-API-Key where keys are kept, an error as {code, message}.
    chat: the command that answers the same there, without the slash. cli: the words after `altmonitor`. tool: an AI
        client is offered it.
    hints: what to say of arguments that people try and that are none.
    """

    name: str
    summary: str
    arguments: type[A]
    result: type[R]
    run: Callable[[OperationContext, A], Awaitable[R]]
    writes: bool = False
    reads: Source = "live"
    route: str | None = None
    etag: Callable[[R], str] | None = None
    envelope: str | None = None
    body: str | None = None
    text_type: str | None = None
    keyed: bool = False
    tool: bool = True
    chat: str | None = None
    cli: str | None = None
    examples: tuple[Example, ...] = (Example(title="as it is"),)
    hints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def read(self, given: Mapping[str, Any], *, is_text: bool = False) -> A:
        """is_text: every value is a string, as in a query. Raises: BadArgument."""
        return read_arguments(self.arguments, given, is_text=is_text, hints=self.hints)

    async def answer(self, context: OperationContext, arguments: A) -> R:
        """Raises: OperationError."""
        try:
            return await self.run(context, arguments)
        except AltmonitorError as problem:
            raise translated(problem, now_ms=context.clock.now_ms()) from problem
