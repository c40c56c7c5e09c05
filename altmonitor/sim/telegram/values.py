"""What the simulated Telegram keeps and what can be made to go wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from altmonitor.sim.telegram.html import ParsedHtml

Outage = Literal["", "abort", "bad_gateway", "portal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimEdit:
    """One accepted edit. before_*: what stood there until then."""

    at_ms: int
    before_html: str
    before_text: str
    html: str
    text: str


@dataclass(slots=True, kw_only=True)
class SimMessage:
    """A message of the bot as it stands now. html: as sent; text: as read. edits: oldest → newest."""

    message_id: int
    chat_id: int
    thread_id: int | None
    html: str
    parsed: ParsedHtml
    date_ms: int
    reply_to: int | None = None
    silent: bool = False
    is_preview_off: bool = False
    photo: bytes | None = None
    reply_markup: object = None
    edits: list[SimEdit] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.parsed.text


@dataclass(frozen=True, slots=True, kw_only=True)
class SimCall:
    """One request with a right token, as it arrived, whether or not it was carried out."""

    at_ms: int
    method: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimAnswer:
    """How a press was answered. is_loud: in a window that wants to be closed."""

    at_ms: int
    text: str
    is_loud: bool


class Refusal(Exception):
    """An answer with `ok: false`."""

    def __init__(
        self, code: int, description: str, *, retry_after_s: int | None = None, migrate_to_chat_id: int | None = None
    ) -> None:
        self.code = code
        self.description = description
        self.parameters: dict[str, int] = {}
        if retry_after_s is not None:
            self.parameters["retry_after"] = retry_after_s
        if migrate_to_chat_id is not None:
            self.parameters["migrate_to_chat_id"] = migrate_to_chat_id
        super().__init__(description)

    def payload(self) -> dict[str, object]:
        answer: dict[str, object] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


def bad_request(text: str) -> Refusal:
    return Refusal(400, f"Bad Request: {text}")


def too_many_requests(retry_after_s: int) -> Refusal:
    return Refusal(429, f"Too Many Requests: retry after {retry_after_s}", retry_after_s=retry_after_s)


_DESCRIPTIONS = {
    400: "Bad Request: scripted refusal",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


class Faults:
    """What goes wrong from now on; every field may be changed at any time.

    outage: every call fails: `abort` (connections are cut), `bad_gateway` (502 with an HTML page), `portal` (200 with
        an HTML page, as a hotel's network gives). A refused connection: `SimTelegram.refuse_connections()`.
    delay_s: the answer leaves this many of the clock's seconds after the call was carried out.
    The next three count calls that write (send, photo, edit, delete) and go down by one with each:
    accept_then_drop: carried out, then the connection is cut before the answer.
    truncate: carried out, then the answer is cut in the middle.
    html_200: not carried out; answered with a page.
    status_next: method → refusals for its next calls, used up one by one.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._outage: Outage = ""
        self.delay_s = 0.0
        self.accept_then_drop = 0
        self.truncate = 0
        self.html_200 = 0
        self.status_next: dict[str, list[Refusal]] = {}

    @property
    def outage(self) -> Outage:
        return self._outage

    @outage.setter
    def outage(self, outage: Outage) -> None:
        self._outage = outage
        self._on_change()  # ends long polls that already wait

    def refuse_next(
        self, method: str, code: int, *, times: int = 1, retry_after_s: int | None = None, text: str | None = None
    ) -> None:
        """The next `times` calls of `method` are refused with `code`; 429 needs retry_after_s (default 1)."""
        if code == 429:
            refusal = too_many_requests(1 if retry_after_s is None else retry_after_s)
        else:
            refusal = Refusal(code, text or _DESCRIPTIONS.get(code, f"Error {code}"))
        self.status_next.setdefault(method, []).extend([refusal] * times)

    def take_status(self, method: str) -> Refusal | None:
        waiting = self.status_next.get(method)
        return waiting.pop(0) if waiting else None
