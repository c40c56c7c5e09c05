"""What clients were refused or did wrong: the answer they get, counted for `/metrics`, one line of the log a minute,
never a traceback."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

import msgspec
from aiohttp import web

from altmonitor.core.clock import Clock

LINE_EVERY_S = 60.0
ADDRESSES_MAX = 100
"""Of one minute; a flood from more addresses than this is named by its first hundred."""

_log = logging.getLogger(__name__)


class HttpRefusal(StrEnum):
    """Values are the labels in `/metrics`, and with blanks for `_` the words in the log."""

    NO_FREE_CONNECTION = "no_free_connection"
    NO_FREE_STREAM = "no_free_stream"
    CONNECTING_TOO_FAST = "connecting_too_fast"
    IDLE_FOR_NEWCOMER = "idle_closed_for_newcomer"
    NO_DESCRIPTOR = "no_descriptor"
    SLOW_REQUEST = "slow_request"
    SLOW_BODY = "slow_body"
    SLOW_READER = "slow_reader"
    TOO_LARGE = "too_large_request"
    MALFORMED = "malformed_request"
    FOREIGN_NAME = "foreign_host_or_origin"
    WRONG_TOKEN = "wrong_token"  # noqa: S105 — a word, no password
    INTERNAL_ERROR = "internal_error"


class RefusalLog:
    """Counts since the start. The first refusal is told at once, what follows within a minute in one line after it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._total: Counter[HttpRefusal] = Counter()
        self._untold: Counter[HttpRefusal] = Counter()
        self._addresses: Counter[str] = Counter()
        self._next_line_s = clock.monotonic()
        self._next_traceback_s = clock.monotonic()

    @property
    def total(self) -> Mapping[HttpRefusal, int]:
        return self._total

    def record(self, refusal: HttpRefusal, address: str = "") -> None:
        self._total[refusal] += 1
        self._untold[refusal] += 1
        if address and (address in self._addresses or len(self._addresses) < ADDRESSES_MAX):
            self._addresses[address] += 1
        self.write_line()

    def record_internal_error(self, what: str, problem: BaseException) -> None:
        """A fault of ours: with its traceback, at most one a minute, because a client may be able to repeat it."""
        self.record(HttpRefusal.INTERNAL_ERROR)
        if self._clock.monotonic() >= self._next_traceback_s:
            self._next_traceback_s = self._clock.monotonic() + LINE_EVERY_S
            _log.error("%s failed", what, exc_info=problem)

    def write_line(self, *, is_last: bool = False) -> None:
        """Nothing while the last line is younger than a minute, unless it is the last, or nothing happened since."""
        now_s = self._clock.monotonic()
        if not self._untold or (now_s < self._next_line_s and not is_last):
            return
        self._next_line_s = now_s + LINE_EVERY_S
        counts = ", ".join(f"{count:,} {refusal.replace('_', ' ')}" for refusal, count in self._untold.most_common())
        most = self._addresses.most_common(1)
        source = f"; {most[0][1]:,} of them from {most[0][0]}" if most else ""
        _log.warning("HTTP refused or cut off: %s%s", counts, source)
        self._untold.clear()
        self._addresses.clear()


SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Server": "altmonitor",
}

RETRY_AFTER_S = 5
PROBLEM = "application/problem+json"


_CODES = {
    400: ("malformed", "The request cannot be read"),
    401: ("unauthorized", "A token is needed"),
    403: ("forbidden", "Not permitted"),
    404: ("not_found", "Nothing by that name"),
    405: ("method_not_allowed", "Not with this method"),
    408: ("timeout", "The request did not come in time"),
    413: ("too_large", "The body is too large"),
    417: ("malformed", "The request cannot be read"),
    429: ("too_many_attempts", "Too many attempts"),
    431: ("too_large", "A header is too large"),
    500: ("internal", "A fault of ours"),
    503: ("unavailable", "Not to be had now"),
}
"""By status: the code for programs and the title, where nothing says it better."""


def problem_body(
    status: int, detail: str, *, code: str = "", title: str = "", more: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Members of a problem (RFC 9457). `code` is for programs to compare; `error` is `detail` once more, as before."""
    usual_code, usual_title = _CODES.get(status, ("error", "Error"))
    code, title = code or usual_code, title or usual_title
    return {
        "type": f"urn:altmonitor:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "error": detail,
        **(more or {}),
    }


def error_response(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    *,
    code: str = "",
    title: str = "",
    more: Mapping[str, object] | None = None,
) -> web.Response:
    """more: further members of the problem."""
    body = msgspec.json.encode(problem_body(status, detail, code=code, title=title, more=more))
    return web.Response(body=body, status=status, content_type=PROBLEM, headers=headers)


_ERROR_CODES = {
    400: "invalid_params",
    401: "unauthorized",
    402: "payment_required",
    403: "plan_restriction",
    404: "not_found",
    429: "rate_limit_exceeded",
    500: "internal_error",
    502: "data_stale",
    503: "data_stale",
}
"""By status, as programs for the Smart Money API compare them."""


def with_error_object(refused: web.Response) -> web.Response:
    """The same problem with `error` as {code, message}."""
    body = msgspec.json.decode(refused.body or b"{}", type=dict[str, object])  # type: ignore[arg-type]  # ours are bytes
    code = _ERROR_CODES.get(refused.status, body.get("code"))
    refused.body = msgspec.json.encode({**body, "error": {"code": code, "message": body.get("detail")}})
    return refused


def _too_many_bytes() -> bytes:
    body = msgspec.json.encode(problem_body(503, "too many connections"))
    headers = {
        **SECURITY_HEADERS,
        "Retry-After": str(RETRY_AFTER_S),
        "Connection": "close",
        "Content-Type": PROBLEM,
        "Content-Length": str(len(body)),
    }
    lines = ["HTTP/1.1 503 Service Unavailable", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


TOO_MANY = _too_many_bytes()
"""For whoever is turned away before a request was read."""
