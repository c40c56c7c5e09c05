"""What the simulated Telegram keeps and what can be made to go wrong with it."""

from __future__ import annotations

import json
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal

from PIL import Image

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


class ApiRefusal(Exception):
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


def bad_request(text: str) -> ApiRefusal:
    return ApiRefusal(400, f"Bad Request: {text}")


def too_many_requests(retry_after_s: int) -> ApiRefusal:
    return ApiRefusal(429, f"Too Many Requests: retry after {retry_after_s}", retry_after_s=retry_after_s)


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
        self.status_next: dict[str, list[ApiRefusal]] = {}

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
            refusal = ApiRefusal(code, text or _DESCRIPTIONS.get(code, f"Error {code}"))
        self.status_next.setdefault(method, []).extend([refusal] * times)

    def take_status(self, method: str) -> ApiRefusal | None:
        waiting = self.status_next.get(method)
        return waiting.pop(0) if waiting else None


# ---
# Parameters of a Bot API call: they come as JSON values or, from a form, as text; both are read alike.


class Params(Mapping[str, object]):
    """Raises Refusal (400) from its readers where the value cannot be what the method needs."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str:
        value = self._values.get(name, "")
        return value if isinstance(value, str) else str(value)

    def integer(self, name: str) -> int | None:
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | str | float):
            raise bad_request(f"{name} must be a number")
        try:
            return int(value)
        except ValueError:
            raise bad_request(f"{name} must be a number") from None

    def flag(self, name: str) -> bool:
        return str(self._values.get(name, "")).lower() in ("true", "1")

    def structure(self, name: str) -> object:
        """A JSON value, decoded when it came as text. None: absent."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            decoded: object = json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None
        return decoded

    def fields(self, name: str) -> Params:
        """A JSON object; an empty one when it is absent."""
        value = self.structure(name)
        if value is None:
            return Params({})
        if not isinstance(value, dict):
            raise bad_request(f"object expected as {name}")
        return Params(value)

    def chat_id(self) -> int:
        if "chat_id" not in self._values:
            raise bad_request("chat_id is empty")
        try:
            return int(str(self._values["chat_id"]))
        except ValueError:
            raise bad_request("chat not found") from None  # @names of channels are not simulated


# ---
# Uploaded files, and what Telegram takes for a photo.
#
# Source: https://core.telegram.org/bots/api#sendphoto (read 2026-11-21); the texts of refusals are those bots report.


PHOTO_BYTES_MAX = 10 * 1024 * 1024
SIDES_MAX = 10_000
"""Width and height together, pixels."""
RATIO_MAX = 20


class Upload(bytes):
    """A file as it came; name and content_type as the sender gave them."""

    name: str
    content_type: str

    def __new__(cls, content: bytes, *, name: str, content_type: str) -> Upload:
        made = super().__new__(cls, content)
        made.name = name
        made.content_type = content_type
        return made


def check_photo(photo: bytes) -> None:
    """Raises Refusal (400) for what is no picture, too large or of an impossible shape."""
    if len(photo) > PHOTO_BYTES_MAX:
        raise bad_request(
            f"file of size {len(photo)} bytes is too big for a photo; the maximum size is {PHOTO_BYTES_MAX} bytes"
        )
    try:
        with Image.open(BytesIO(photo)) as image:
            width, height = image.size
            image.verify()
    except Image.DecompressionBombError:
        raise bad_request("PHOTO_INVALID_DIMENSIONS") from None
    except (OSError, SyntaxError, ValueError):  # the decoders' ways to say that the file is broken
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if width + height > SIDES_MAX or max(width, height) > RATIO_MAX * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")


def photo_sizes(photo: bytes) -> list[dict[str, object]]:
    """The `photo` field of a message, for bytes that were checked."""
    with Image.open(BytesIO(photo)) as image:
        width, height = image.size
    return [
        {
            "file_id": "sim",
            "file_unique_id": "sim",
            "width": width,
            "height": height,
            "file_size": len(photo),
        }
    ]


# ---
# Telegram's flood limits: who has to wait, how long, and what happens to those who do not.
#
# About 1 message a second per chat (a short burst is allowed), 20 a minute per group with edits counted, 30 a second
# for a bot as a whole. Source: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
# (read 2026-11-21).


CHAT_PER_S = 1.0
CHAT_BURST = 3
GROUP_PER_MINUTE = 20
BOT_PER_S = 30
EXTENSION_S = 5.0  # added for every message sent while told to wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A call that broke a limit. rule: `chat` (1/s), `group` (20/min), `bot` (30/s), `flood` (came before the end of
    a wait it had been told). retry_after_s: what it was answered."""

    at_ms: int
    chat_id: int
    rule: str
    retry_after_s: int


@dataclass(slots=True)
class _Bucket:
    tokens: float = float(CHAT_BURST)
    filled_at_s: float = 0.0


class FloodLimits:
    """All times in the clock's monotonic seconds."""

    def __init__(self) -> None:
        self._buckets: defaultdict[int, _Bucket] = defaultdict(_Bucket)
        self._group_times: defaultdict[int, deque[float]] = defaultdict(deque)
        self._bot_times: deque[float] = deque()
        self._flooded_until_s: dict[int, float] = {}

    def admit(self, chat_id: int, now_s: float, *, is_edit: bool) -> tuple[str, int] | None:
        """None: counted and let through. Else the rule that was broken and the whole seconds to wait."""
        until_s = self._flooded_until_s.get(chat_id)
        if until_s is not None and now_s < until_s:
            return "flood", self.punish(chat_id, now_s, until_s - now_s + EXTENSION_S)
        broken = self._broken_rule(chat_id, now_s, is_edit=is_edit)
        if broken is not None:
            rule, wait_s = broken
            return rule, self.punish(chat_id, now_s, wait_s)
        self._count(chat_id, now_s, is_edit=is_edit)
        return None

    def punish(self, chat_id: int, now_s: float, wait_s: float) -> int:
        """Nothing is accepted for this chat until the wait is over; returns it in whole seconds (≥ 1)."""
        whole_s = max(1, math.ceil(wait_s))
        self._flooded_until_s[chat_id] = now_s + whole_s
        return whole_s

    def _broken_rule(self, chat_id: int, now_s: float, *, is_edit: bool) -> tuple[str, float] | None:
        _forget(self._bot_times, now_s - 1.0)
        if len(self._bot_times) >= BOT_PER_S:
            return "bot", self._bot_times[0] + 1.0 - now_s
        if chat_id < 0:
            times = self._group_times[chat_id]
            _forget(times, now_s - 60.0)
            if len(times) >= GROUP_PER_MINUTE:
                return "group", times[0] + 60.0 - now_s
        tokens = self._tokens(chat_id, now_s)
        if not is_edit and tokens < 1.0:
            return "chat", (1.0 - tokens) / CHAT_PER_S
        return None

    def _count(self, chat_id: int, now_s: float, *, is_edit: bool) -> None:
        self._bot_times.append(now_s)
        if chat_id < 0:
            self._group_times[chat_id].append(now_s)
        if not is_edit:
            self._buckets[chat_id] = _Bucket(self._tokens(chat_id, now_s) - 1.0, now_s)

    def _tokens(self, chat_id: int, now_s: float) -> float:
        bucket = self._buckets[chat_id]
        return min(float(CHAT_BURST), bucket.tokens + (now_s - bucket.filled_at_s) * CHAT_PER_S)


def _forget(times: deque[float], before_s: float) -> None:
    while times and times[0] <= before_s:
        times.popleft()
