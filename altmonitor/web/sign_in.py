"""Addresses for people in a browser: signing in and out, and the link that only reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from altmonitor.core.types import Secret
from altmonitor.operations.errors import BadArgument, NotFound
from altmonitor.web.refusals import error_response
from altmonitor.web.requests import json_object
from altmonitor.web.sessions import CSRF_FIELD, Right, Visitors

TOKEN_CHARS_MAX: Final = 1_000
OPEN: Final = ("/health", "/sign-in", "/share/", "/static/")
"""Needs no token: asking for one, and what that page is made of. What ends with a slash stands for all below it."""


class SignInRoutes:
    """refuse: the answer to a wrong token, after a pause that grows."""

    def __init__(
        self, visitors: Visitors, *, read_token: Secret, refuse: Callable[[web.Request], Awaitable[web.Response]]
    ) -> None:
        self._visitors = visitors
        self._read_token = read_token
        self._refuse = refuse

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_post("/sign-in", self._sign_in)
        router.add_post("/sign-out", self._sign_out)
        router.add_get("/share/{token}", self._share)
        router.add_get("/api/session", self._session)

    async def _sign_in(self, request: web.Request) -> web.Response:
        if self._visitors.is_open:
            raise BadArgument("no token is set, so there is nothing to sign in to")
        is_page = request.content_type != "application/json"
        given = await _field(request, "token")
        right = self._visitors.right_of_token(given[:TOKEN_CHARS_MAX])
        if right is Right.NONE:
            refused = await self._refuse(request)
            return see_other("sign-in?wrong=1") if is_page and refused.status == 401 else refused
        response = see_other("./") if is_page else web.Response(content_type="application/json")
        session = self._visitors.sign_in(request, response, right)
        if not is_page:
            response.body = _session_json(right, session.csrf)
        return response

    async def _sign_out(self, request: web.Request) -> web.Response:
        is_page = request.content_type != "application/json"
        field = await _field(request, CSRF_FIELD) if is_page else ""
        if not self._visitors.is_meant(request, field):
            return error_response(403, f"a sign-out carries the session's {CSRF_FIELD}", code="csrf")
        response = see_other("./") if is_page else web.Response(status=204)
        self._visitors.sign_out(request, response)
        return response

    async def _share(self, request: web.Request) -> web.Response:
        """Only the token that reads: a link is handed on, stored and looked at by others."""
        if not self._read_token:
            raise NotFound("no link to share: API_READ_TOKEN is not set")
        if self._visitors.right_of_token(request.match_info["token"]) is not Right.READ:
            return await self._refuse(request)
        response = see_other("../")
        self._visitors.sign_in(request, response, Right.READ)
        return response

    async def _session(self, request: web.Request) -> web.Response:
        right = self._visitors.right_of(request)
        body = _session_json(right, self._visitors.csrf_of(request))
        return web.Response(body=body, content_type="application/json")


def is_open_to_all(path: str) -> bool:
    """Nobody has to be signed in for this address."""
    return any(path.startswith(start) if start.endswith("/") else path == start for start in OPEN)


def wants_page(request: web.Request) -> bool:
    """A person's browser, to be led to the sign-in instead of being answered with JSON."""
    is_data = request.path.startswith(("/api/", "/v1/", "/metrics", "/openapi.json", "/pieces/"))
    return request.method in ("GET", "HEAD") and not is_data and "text/html" in request.headers.get("Accept", "")


def to_sign_in(request: web.Request) -> web.Response:
    """Relative, so that it holds behind a reverse proxy that puts everything under a path of its own."""
    return see_other("../" * (request.path.count("/") - 1) + "sign-in")


def see_other(location: str) -> web.Response:
    return web.Response(status=303, headers={"Location": location})


async def _field(request: web.Request, name: str) -> str:
    """Of a form or a JSON object. Raises: BadArgument."""
    if request.content_type == "application/json":
        found = (await json_object(request, such_as=f'{{"{name}": "…"}}')).get(name)
    elif request.content_type in ("application/x-www-form-urlencoded", "application/octet-stream"):
        try:
            found = (await request.post()).get(name)
        except ValueError as problem:
            raise BadArgument("the form cannot be read") from problem
    else:
        raise BadArgument("needs a form or JSON")
    if not isinstance(found, str):
        raise BadArgument(f"{name} is missing")
    return found


def _session_json(right: Right, csrf: str) -> bytes:
    """csrf: null for who may change nothing."""
    names = {Right.NONE: "none", Right.READ: "read", Right.WRITE: "write"}
    return msgspec.json.encode({"right": names[right], "csrf": csrf if csrf and right is Right.WRITE else None})
