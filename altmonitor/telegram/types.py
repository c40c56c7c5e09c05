"""What listening needs from the outside, and the values it hands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from altmonitor.core.types import Destination

MenuScope = Literal["default", "all_private_chats", "all_group_chats"]
"""Which chats offer a menu of commands; a narrower one comes before `default`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """username: without the @."""

    id: int
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Something a permitted person wrote to the bot, or a button they pressed.

    text: as written, with `@OurBot` behind the command taken out; the button's data for a press.
    destination: where the answer belongs (chat and topic). user_id: None for posts of a channel.
    message_id: of the message written, or of the bot's message that carries the button.
    date_ms: written or last edited, or, for a press, received (unix ms; Telegram tells whole seconds).
    press_id: not None for a press; it wants `TelegramChannel.answer_press` within about 15 s.
    sender_chat_id: the chat in whose name it was written: the group itself for an administrator who hides, a channel.
    may_change: False for those who may only read.
    """

    text: str
    destination: Destination
    user_id: int | None
    user_name: str
    message_id: int
    date_ms: int
    is_edited: bool = False
    chat_type: str = "private"
    press_id: str | None = None
    sender_chat_id: int | None = None
    may_change: bool = True


class Access(Enum):
    NONE = "a stranger"
    READ = "may ask"
    CHANGE = "may change, unless only administrators may"
    NAMED = "may change: named by the operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSenders:
    """Who may command. With user_ids these users may change everything, in any chat, and everybody else in one of
    chat_ids may read; without, everybody in one of chat_ids may change everything."""

    chat_ids: frozenset[int]
    user_ids: frozenset[int] = frozenset()

    def access(self, *, chat_id: int, user_id: int | None) -> Access:
        if user_id in self.user_ids:
            return Access.NAMED
        if chat_id not in self.chat_ids:
            return Access.NONE
        return Access.READ if self.user_ids else Access.CHANGE

    def moved(self, old_chat_id: int, new_chat_id: int) -> AllowedSenders:
        """The same people after a group became a supergroup."""
        if old_chat_id not in self.chat_ids:
            return self
        return AllowedSenders(chat_ids=self.chat_ids - {old_chat_id} | {new_chat_id}, user_ids=self.user_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerEvent:
    """A transition of the listener, each told once.

    kind: `unreachable` / `reachable` (no answer to getUpdates; answers again), `second_poller` / `alone` (another
        process reads this bot's commands; it stopped), `removed` / `admitted` (the bot may not, may write in
        `chat_id`), `moved` (`chat_id` became `new_chat_id`).
    at_ms: our clock. reason: for a person, without secrets.
    """

    kind: str
    at_ms: int
    reason: str = ""
    chat_id: int | None = None
    new_chat_id: int | None = None


class BotAccess(Protocol):
    """Both may raise any `errors.DeliveryError` and nothing else."""

    async def whoami(self) -> BotIdentity: ...
    async def updates(
        self, *, offset: int | None, timeout_s: float, kinds: Sequence[str]
    ) -> Sequence[Mapping[str, object]]:
        """Updates with id ≥ offset as Telegram wrote them, oldest → newest, at most 100; [] when nothing came in time.

        offset: confirms everything below it. None: from the oldest unconfirmed one.
        """


class ChatBot(BotAccess, Protocol):
    """What the bot can do beside sending. Every method may raise any `errors.DeliveryError` and nothing else."""

    async def answer_press(self, press_id: str, text: str = "", *, is_loud: bool = False) -> None:
        """text: at most 200 characters, shown for a moment; is_loud: until the reader closes it."""

    async def administrators(self, chat_id: int) -> frozenset[int]:
        """User ids."""

    async def set_commands(
        self, commands: Sequence[tuple[str, str]], language: str = "", *, scope: MenuScope = "default"
    ) -> None:
        """commands: (name without /, description). language: two letters; '' for everybody without a list of theirs."""


class CommandHandler(Protocol):
    """What happens with what was written. A handler that raises is logged and counted; the loop goes on."""

    async def handle(self, incoming: Incoming) -> None: ...
    async def unheard(self, press: Incoming, *, is_stranger: bool) -> None:
        """A press that is not carried out: a stranger's, or one that may be hours old. It wants an answer too."""

    async def stale(self, missed: Sequence[Incoming]) -> None:
        """Commands written too long ago to be carried out now, oldest → newest, one or more, possibly of several
        chats: each writer should be told once."""


class OffsetStore(Protocol):
    """Remembers the last update that was dealt with, over restarts. Both may raise `errors.StorageError`."""

    async def get(self) -> int | None:
        """None: nothing was ever dealt with."""

    async def save(self, update_id: int) -> None: ...


class ListenerNews(Protocol):
    """Synchronous; must not raise and must not block."""

    def on_listener_event(self, event: ListenerEvent) -> None: ...
