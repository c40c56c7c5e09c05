"""What people write to the bot, as values, and who is handed them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from altmonitor.core.types import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Something a permitted person wrote to the bot, or a button they pressed.

    text: as written, with `@OurBot` behind the command taken out; the button's data for a press.
    destination: where the answer belongs (chat and topic). user_id: None for posts of a channel.
    message_id: of the message written, or of the bot's message that carries the button; 0: not known.
    date_ms: written or last edited, or, for a press, received (unix ms; Telegram tells whole seconds); 0: not known.
    written_ms: first written; 0: not known, or a press.
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
    written_ms: int = 0
    is_edited: bool = False
    chat_type: str = "private"
    press_id: str | None = None
    sender_chat_id: int | None = None
    may_change: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerEvent:
    """A transition of the listener, each told once.

    kind: `unreachable` / `reachable` (no answer to getUpdates; answers again), `second_poller` / `alone` (another
        process reads this bot's commands; it stopped), `webhook` / `alone` (one is set; it was removed), `removed` /
        `admitted` (the bot may not, may write in `chat_id`), `moved` (`chat_id` became `new_chat_id`), `opened` (the
        topic was reopened), `written` (somebody writes there). The last two are told each time, with the topic where
        there is one.
    at_ms: our clock. reason: for a person, without secrets.
    """

    kind: str
    at_ms: int
    reason: str = ""
    chat_id: int | None = None
    new_chat_id: int | None = None
    topic_id: int | None = None


class CommandHandler(Protocol):
    """What happens with what was written. A handler that raises is logged and counted; the loop goes on."""

    async def handle(self, incoming: Incoming) -> None: ...
    async def failed(self, incoming: Incoming) -> None:
        """A command that could not be carried out, or not in time: its writer should be told."""

    async def unheard(self, press: Incoming, *, is_stranger: bool) -> None:
        """A press that is not carried out: a stranger's, or one that may be hours old. It wants an answer too."""

    async def stale(self, missed: Sequence[Incoming]) -> None:
        """Commands written too long ago to be carried out now, oldest → newest, one or more, possibly of several
        chats: each writer should be told once."""
