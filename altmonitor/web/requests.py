"""What every route needs: the body as values, and an operation's error as problem details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web
from multidict import MultiMapping

from altmonitor.operations.errors import BadArgument, OperationError
from altmonitor.web.refusals import error_response

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def problem_of(problem: OperationError, members: Mapping[str, object] | None = None) -> web.Response:
    """members: to stand beside those of the problem. A `status` that is no number is none to who reads problems."""
    headers = {} if problem.retry_after_s is None else {"Retry-After": str(problem.retry_after_s)}
    more: dict[str, object] = {} if problem.until_ms is None else {"until_ms": problem.until_ms}
    more |= members or {}
    return error_response(problem.status, problem.detail, headers, code=problem.code, title=problem.title, more=more)


def single_values(query: MultiMapping[str]) -> dict[str, str]:
    """Raises: BadArgument for what is given more than once."""
    for name in query:
        count = len(query.getall(name))
        if count > 1:
            raise BadArgument(f"{name} is given {count} times")
    return dict(query)


async def json_object(request: web.Request, *, such_as: str) -> dict[str, Any]:
    """The body. Raises: BadArgument. A form on somebody's page cannot send this type."""
    if request.content_type != "application/json":
        raise BadArgument(f"needs Content-Type: application/json and a body such as {such_as}")
    try:
        return msgspec.json.decode(await request.read(), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise BadArgument(f"the body must be like {such_as}: {problem}") from problem
