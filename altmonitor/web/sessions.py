"""Who is signed in with a page: a cookie instead of a token, and what a page must send back with a change.

POST /sign-in    form or JSON with `token`; sets the cookie
POST /sign-out   with the session's csrf_token; ends it
GET  /share/…    a link that may be handed on: the read-only token in it becomes a cookie and leaves the address
GET  /api/session  what this visitor may do
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from aiohttp import web

from altmonitor.core.clock import Clock
from altmonitor.core.types import Secret

LASTS_S: Final = 7 * 86_400.0
MOST: Final = 500
COOKIE: Final = "altmonitor_session"
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf_token"


class Right(IntEnum):
    """What a visitor may do; each includes those before it."""

    NONE = 0
    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """csrf: what a change made from a page of this session must carry."""

    name: str
    csrf: str
    right: Right
    until_s: float


class Sessions:
    """In memory: a restart ends them all, and so does a sign-out, whoever holds a copy of the cookie."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, SignedIn] = {}

    def begin(self, right: Right) -> SignedIn:
        session = SignedIn(
            name=secrets.token_urlsafe(32),
            csrf=secrets.token_urlsafe(32),
            right=right,
            until_s=self._clock.monotonic() + LASTS_S,
        )
        self._sessions[session.name] = session
        if len(self._sessions) > MOST:
            del self._sessions[next(iter(self._sessions))]
        return session

    def find(self, name: str) -> SignedIn | None:
        """None for a name that is not known, or whose time is over."""
        session = self._sessions.get(name)
        if session is not None and session.until_s <= self._clock.monotonic():
            del self._sessions[name]
            return None
        return session

    def end(self, name: str) -> None:
        self._sessions.pop(name, None)


class Visitors:
    """Rights of whoever asks. token: may do everything; read_token: may read. Without either everybody may read, and
    nobody may change anything: whoever may open a local port may not retune the monitor."""

    def __init__(self, *, token: Secret, read_token: Secret, clock: Clock) -> None:
        self._token = token
        self._read_token = read_token
        self._sessions = Sessions(clock)
        self.cookie = COOKIE

    @property
    def is_open(self) -> bool:
        return not self._token and not self._read_token

    @property
    def may_anybody_write(self) -> bool:
        return bool(self._token)

    def right_of_token(self, given: str) -> Right:
        """Takes the same time however much of a token was right."""
        found = Right.NONE
        for token, right in ((self._read_token, Right.READ), (self._token, Right.WRITE)):
            if _is_same(given, token.reveal()) and token:
                found = right
        return found

    def right_of(self, request: web.Request) -> Right:
        if self.is_open:
            return Right.READ
        bearer = bearer_in(request.headers.get("Authorization"))
        if bearer is not None:
            return self.right_of_token(bearer)
        session = self.session_of(request)
        return Right.NONE if session is None else session.right

    def session_of(self, request: web.Request) -> SignedIn | None:
        """None for whoever is not signed in."""
        return self._sessions.find(request.cookies.get(self.cookie, ""))

    def csrf_of(self, request: web.Request) -> str:
        """What a page for this visitor must send back with a change; '' for who may only read."""
        session = self.session_of(request)
        return session.csrf if session is not None and session.right is Right.WRITE else ""

    def is_meant(self, request: web.Request, field: str = "") -> bool:
        """A change that comes with a cookie was made on a page of ours: it carries what only that knows. A token in a
        header is sent by nobody's page. field: the same from a form."""
        session = self.session_of(request)
        if bearer_in(request.headers.get("Authorization")) is not None or session is None:
            return True
        given = request.headers.get(CSRF_HEADER, "") or field
        return _is_same(given, session.csrf)

    def sign_in(self, request: web.Request, response: web.Response, right: Right) -> SignedIn:
        """Sets the cookie; scripts cannot read it, and other sites' pages do not send it."""
        self._sessions.end(request.cookies.get(self.cookie, ""))
        session = self._sessions.begin(right)
        response.set_cookie(
            self.cookie,
            session.name,
            max_age=round(LASTS_S),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=request.headers.get("X-Forwarded-Proto", "").lower() == "https",
        )
        return session

    def sign_out(self, request: web.Request, response: web.Response) -> None:
        self._sessions.end(request.cookies.get(self.cookie, ""))
        response.del_cookie(self.cookie, path="/", httponly=True, samesite="Strict")


def bearer_in(header: str | None) -> str | None:
    """The token of an Authorization header; '' for one of another kind, None without a header."""
    if header is None:
        return None
    scheme, _, given = header.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
