"""What listening needs from the outside, and the values it hands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from altmonitor.config import Destination


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSenders:
    """Who may command. With user_ids only these users, in any chat; without, everybody in one of chat_ids."""

    chat_ids: frozenset[int]
    user_ids: frozenset[int] = frozenset()

    def permits(self, *, chat_id: int, user_id: int | None) -> bool:
        return user_id in self.user_ids if self.user_ids else chat_id in self.chat_ids

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


class CommandHandler(Protocol):
    """What happens with what was written. A handler that raises is logged and counted; the loop goes on."""

    async def handle(self, incoming: Incoming) -> None: ...
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
