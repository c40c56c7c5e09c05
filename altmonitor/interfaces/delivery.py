"""What delivery needs from the outside: an outbox that keeps, and a channel that carries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause
from altmonitor.core.durations import DurationStatus
from altmonitor.core.errors import DeliveryError
from altmonitor.core.types import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An alert that waits for one destination. attempts > 0: it may have been accepted before (crash, time-out)."""

    alert: Alert  # with `id` set
    destination: Destination
    attempts: int
    queued_ms: int
    maybe_repeated: bool = False  # an attempt had no known outcome (crash, time-out): the chat may have it already


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineButton:
    """Under a message. Exactly one of: data, 1…64 bytes, comes back when it is pressed; url is opened by the reader's
    own device."""

    text: str
    data: str = ""
    url: str = ""


Keyboard = tuple[tuple[InlineButton, ...], ...]
"""Rows of buttons, top → bottom; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A button that was pressed, as the message shows it. action: `mute`, `chart`, `why`. by: a name as its owner wrote
    it, not escaped."""

    action: str
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDigest:
    """One message that told several alerts. keys: of all of them, oldest → newest. sent_ms: when this one of them was
    told."""

    message_id: int
    keys: tuple[str, ...]
    sent_ms: int
    maybe_repeated: bool


class Outbox(Protocol):
    """Rows of `deliveries`. Each method is one transaction; all may raise `errors.StorageError`."""

    async def queued(self, destination: Destination, *, limit: int) -> Sequence[Queued]:
        """Rows in state `queued`, oldest → newest."""

    async def begin_attempt(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        """attempts + 1, committed before anything is sent."""

    async def mark_sent(
        self, destination: Destination, alert_ids: Sequence[int], *, message_id: int, sent_ms: int
    ) -> None: ...
    async def mark_failed(self, destination: Destination, alert_ids: Sequence[int], *, error: Cause) -> None: ...
    async def mark_expired(self, destination: Destination, alert_ids: Sequence[int], *, error: str) -> None: ...
    async def record_error(
        self, destination: Destination, alert_ids: Sequence[int], *, error: Cause | None, outcome_unknown: bool = False
    ) -> None:
        """Stays queued; the text is for `/history` and the operator. outcome_unknown False: the attempt certainly
        did not arrive, so it alone makes no later one `maybe_repeated`."""

    async def message_id_of(self, destination: Destination, alert_key: str) -> int | None:
        """Message that told this alert there; None when it was not sent (yet)."""

    async def own_message_of(self, destination: Destination, alert_key: str) -> tuple[int, bool] | None:
        """Message id, and whether it says that it may be a repetition. None when it was not sent (yet), and when that
        message tells other alerts too."""

    async def digest_of(self, destination: Destination, alert_key: str) -> SentDigest | None:
        """The message that told this alert there together with others; None when none did."""

    async def completed_since(self, destination: Destination, sent_ms: int) -> Sequence[str]:
        """Keys of the alerts that were told there since, while their candles ran, and of which the close is known by
        now; oldest → newest."""

    async def move(self, old: Destination, new: Destination) -> None:
        """The group became a supergroup: the rows of all its topics follow, also of those that get no alerts now; and
        so does what is put for it later under its former id."""

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        """As they are now, with what enrichment added; unknown keys are absent."""

    async def sent_since(self, chat_id: int, since_ms: int) -> Sequence[int]:
        """When the chat accepted alerts lately: unix ms, oldest → newest, one entry per message and per edit that added
        to it."""

    async def meta_get(self, key: str) -> str | None:
        """A remembered value; None when there is none."""

    async def meta_set(self, key: str, value: str) -> None: ...

    async def wait_for_work(self) -> Collection[Destination]:
        """Where something new was committed since the last call; returns when there is some."""


class Channel(Protocol):
    """One chat service. Every method may raise any `errors.DeliveryError` and nothing else."""

    async def send(
        self,
        destination: Destination,
        html: str,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        buttons: Keyboard = (),
    ) -> int:
        """Returns the message id. html: 1…4096 characters after parsing, Telegram's HTML subset."""

    async def edit(self, destination: Destination, message_id: int, html: str, *, buttons: Keyboard = ()) -> None:
        """An unchanged text is success. buttons: what stands under it from now on."""

    async def set_buttons(self, destination: Destination, message_id: int, buttons: Keyboard) -> None:
        """Under a message that stays as it is. Counts like an edit."""

    async def send_photo(
        self,
        destination: Destination,
        png: bytes,
        *,
        caption_html: str = "",
        reply_to: int | None = None,
        silent: bool = False,
    ) -> int:
        """Returns the message id. png: at most 10 MB. caption_html: at most 1,024 characters after parsing. Counts
        towards the chat's limits like `send`. reply_to: sent without the reply mark when that message is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPart:
    """One message of a digest. html: ≤ 4,096 UTF-16 units after parsing. alert_ids: the alerts it names."""

    html: str
    alert_ids: tuple[int, ...]


class Renderer(Protocol):
    """Alert → text in the reader's language. Pure; every alert handed in has its `id` set."""

    def alert(self, alert: Alert, *, maybe_repeated: bool, presses: Sequence[Press] = ()) -> str:
        """maybe_repeated: the chat may have this message already; the text says so and shows the alert's id.
        presses: what was pressed under it, oldest → newest."""

    def buttons(self, alert: Alert) -> Keyboard:
        """What stands under the message of this alert alone."""

    def behind(self, seconds: float, *, count: int) -> str:
        """A line for a message about so many alerts, the oldest of which has waited so long to be sent. A message that
        this renderer made of fresh alerts has room for it."""

    def digest(
        self, alerts: Sequence[Alert], *, late: bool, maybe_repeated: bool = False, held: bool = False
    ) -> list[DigestPart]:
        """Every alert in exactly one part. late: they are old news, the text says so. maybe_repeated: some of them
        may be in the chat already, the text says so. held: they were held back during quiet hours; late is True then.
        """

    def digest_part_again(
        self, parts: Sequence[Sequence[Alert]], number: int, *, maybe_repeated: bool = False
    ) -> str | None:
        """One message of a digest of fresh alerts, from what is known of them now. parts: the alerts that each of its
        messages names; number: of this one, from 0. None: they have no room in it any more."""


# ---
# The other direction: what people write to the bot, and what they are answered.


MenuScope = Literal["default", "all_private_chats", "all_group_chats"]
"""Which chats offer a menu of commands; a narrower one comes before `default`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """username: without the @."""

    id: int
    username: str


class BotAccess(Protocol):
    """Reading. Both may raise any `errors.DeliveryError` and nothing else."""

    async def whoami(self) -> BotIdentity: ...
    async def updates(
        self, *, offset: int | None, timeout_s: float, kinds: Sequence[str]
    ) -> Sequence[Mapping[str, object]]:
        """Updates with id ≥ offset as Telegram wrote them, oldest → newest, at most 100; [] when nothing came in time.

        offset: confirms everything below it. None: from the oldest unconfirmed one.
        """


class ChatBot(BotAccess, Protocol):
    """What a bot can do beside sending. Every method may raise any `errors.DeliveryError` and nothing else."""

    async def answer_press(self, press_id: str, text: str = "", *, is_loud: bool = False) -> None:
        """text: at most 200 characters, shown for a moment; is_loud: until the reader closes it."""

    async def administrators(self, chat_id: int) -> frozenset[int]:
        """User ids."""

    async def pin(self, destination: Destination, message_id: int) -> None:
        """Without a sound. MessageRefused where the bot lacks the right."""

    async def unpin(self, destination: Destination, message_id: int) -> None: ...

    async def set_commands(
        self, commands: Sequence[tuple[str, str]], language: str = "", *, scope: MenuScope = "default"
    ) -> None:
        """commands: (name without /, description). language: two letters; '' for everybody without a list of theirs."""


class ReplyChats(Protocol):
    """Queued at once, said when the chat has room; see `delivery.dispatcher`."""

    def reply(
        self,
        destination: Destination,
        html_parts: Sequence[str],
        *,
        reply_to: int | None = None,
        buttons: Keyboard = (),
    ) -> None: ...
    def picture(
        self, destination: Destination, png: bytes, *, caption_html: str, reply_to: int | None, is_asked: bool
    ) -> None: ...
    def pressed(self, destination: Destination, alert_key: str, message_id: int) -> None: ...
    def close_question(self, destination: Destination, message_id: int) -> None: ...


class ChatMessages(ReplyChats, Protocol):
    """Everything the program says to chats: `delivery.dispatcher` where it speaks to them itself, `delivery.posts`
    where other processes do. Synchronous and bounded but for `run`, which goes on until it is cancelled."""

    def notice(self, destination: Destination, html: str, *, on_sent: Callable[[int], None] | None = None) -> None: ...
    def post(
        self, destination: Destination, html: str, *, reply_to: int | None, on_sent: Callable[[int], None]
    ) -> None: ...
    def update(
        self, destination: Destination, message_id: int, html: str, *, on_end: Callable[[DeliveryError | None], None]
    ) -> None: ...
    def opened(self, destination: Destination, *, is_certain: bool) -> None: ...
    def refresh(self, alert_key: str) -> None: ...
    def set_destinations(self, destinations: Iterable[Destination]) -> None: ...
    def latency_ms(self) -> tuple[float | None, float | None]: ...
    def durations(self) -> DurationStatus: ...
    async def run(self) -> None: ...
