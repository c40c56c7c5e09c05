"""The queue behind getUpdates: ids, confirmation by offset, allowed kinds, one reader at a time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from altmonitor.core.clock import Clock
from altmonitor.sim.telegram.chats import Chats
from altmonitor.sim.telegram.html import utf16_units
from altmonitor.sim.telegram.values import ApiRefusal, Params, bad_request

KEPT_MS = 24 * 3600 * 1000
_NOT_BY_DEFAULT = ("chat_member", "message_reaction", "message_reaction_count")
_ENDED = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class UpdateQueue:
    """`allowed`: None stands for the default kinds; kinds are filtered when an update is made, not when it is read."""

    def __init__(self, clock: Clock, on_change: Callable[[], None]) -> None:
        self._clock = clock
        self._on_change = on_change
        self._waiting: list[tuple[int, int, dict[str, object]]] = []  # (update id, made at ms, update)
        self._next_id = 100_000_001
        self._something_happened = asyncio.Event()
        self._poll = 0
        self.allowed: list[str] | None = None
        self.webhook_url = ""

    @property
    def pending(self) -> int:
        return len(self._waiting)

    def put(self, kind: str, content: dict[str, object]) -> int:
        """Returns the update id, also when the bot did not ask for this kind and nothing is queued."""
        update_id = self._next_id
        self._next_id += 1
        wanted = kind in self.allowed if self.allowed else kind not in _NOT_BY_DEFAULT
        if wanted:
            self._waiting.append((update_id, self._clock.now_ms(), {"update_id": update_id, kind: content}))
            self.wake()
            self._on_change()
        return update_id

    def renumber(self, next_id: int) -> None:
        """As after a week without updates, when Telegram goes on with a random number."""
        self._next_id = next_id

    def clear(self) -> None:
        self._waiting.clear()

    def wake(self) -> None:
        """Lets the long poll look around again: something is queued, or the outage began."""
        self._something_happened.set()

    async def read(self, params: Params, *, is_cut: Callable[[], bool]) -> list[dict[str, object]]:
        """Long poll; an older poll that still waits is ended with 409. is_cut: looked at whenever woken."""
        if self.webhook_url:
            raise ApiRefusal(409, _WEBHOOK)
        limit, timeout_s = self._accept(params)
        self._poll += 1
        mine = self._poll
        self.wake()
        if timeout_s > 0:
            with suppress(TimeoutError):
                async with self._clock.timeout(timeout_s):
                    while not self._waiting and self._poll == mine and not is_cut():
                        await self._wait()
        if self._poll != mine:
            raise ApiRefusal(409, _ENDED)
        return [update for _, _, update in self._waiting[:limit]]

    async def _wait(self) -> None:
        self._something_happened.clear()
        await self._something_happened.wait()

    def _accept(self, params: Params) -> tuple[int, float]:
        allowed = params.structure("allowed_updates")
        if allowed is not None:
            if not isinstance(allowed, list):
                raise bad_request("can't parse allowed_updates JSON object")
            self.allowed = [str(kind) for kind in allowed]
        oldest_ms = self._clock.now_ms() - KEPT_MS
        self._waiting = [row for row in self._waiting if row[1] >= oldest_ms]
        offset = params.integer("offset") or 0
        if offset > 0:
            self._waiting = [row for row in self._waiting if row[0] >= offset]
        elif offset < 0:
            self._waiting = self._waiting[offset:]
        self._on_change()
        limit = params.integer("limit")
        return min(max(100 if limit is None else limit, 1), 100), float(min(params.integer("timeout") or 0, 50))


# ---
# What users do, as the updates a bot receives of it.


_GROUP_ANONYMOUS_BOT = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
_COMMAND = re.compile(r"/\w+(?:@\w+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A message somebody writes. user_id None: the chat itself (a channel post). is_anonymous: an administrator of the
    group who hides behind it."""

    chat_id: int
    text: str
    user_id: int | None
    user_name: str
    is_edited: bool
    date_ms: int
    thread_id: int | None
    message_id: int
    is_anonymous: bool = False


def message_update(chats: Chats, written: Injection) -> tuple[str, dict[str, object]]:
    """Kind of update and its content."""
    content: dict[str, object] = {
        "message_id": written.message_id,
        "chat": chats.chat_object(written.chat_id),
        "date": written.date_ms // 1000,
        "text": written.text,
    }
    is_post = chats.chat(written.chat_id).type == "channel"
    if written.is_anonymous:
        content |= {"sender_chat": chats.chat_object(written.chat_id), "from": _GROUP_ANONYMOUS_BOT}
    elif is_post or written.user_id is None:
        content["sender_chat"] = chats.chat_object(written.chat_id)
    else:
        content["from"] = _user(written.user_id, written.user_name)
    if written.thread_id is not None:
        content |= {"message_thread_id": written.thread_id, "is_topic_message": True}
        topic = chats.chat(written.chat_id).topic_names.get(written.thread_id)
        if topic is not None:  # Telegram shows what is no other reply as one to the message that opened the topic
            opening = {"name": topic, "icon_color": 7_322_096}
            content["reply_to_message"] = {
                "message_id": written.thread_id,
                "message_thread_id": written.thread_id,
                "chat": chats.chat_object(written.chat_id),
                "date": written.date_ms // 1000,
                "is_topic_message": True,
                "forum_topic_created": opening,
            }
    command = _COMMAND.match(written.text)
    if command is not None:
        content["entities"] = [{"type": "bot_command", "offset": 0, "length": utf16_units(command[0])}]
    if written.is_edited:
        content["edit_date"] = written.date_ms // 1000
    kind = "channel_post" if is_post else "message"
    return f"edited_{kind}" if written.is_edited else kind, content


def callback_update(
    message: dict[str, object], query_id: str, data: str, user_id: int, user_name: str
) -> dict[str, object]:
    return {
        "id": query_id,
        "from": _user(user_id, user_name),
        "message": message,
        "chat_instance": "1",
        "data": data,
    }


def migration_updates(chats: Chats, old: int, new: int, *, date_ms: int) -> list[tuple[str, dict[str, object]]]:
    """The service messages of a group that became a supergroup: one in the old chat, one in the new."""
    return [
        ("message", service_message(chats, chat_id, {key: value}, date_ms=date_ms))
        for chat_id, key, value in ((old, "migrate_to_chat_id", new), (new, "migrate_from_chat_id", old))
    ]


def service_message(chats: Chats, chat_id: int, content: dict[str, object], *, date_ms: int) -> dict[str, object]:
    """Something a person did in a chat, as everybody there sees it."""
    return {
        "message_id": chats.next_message_id(chat_id, is_foreign=True),
        "chat": chats.chat_object(chat_id),
        "date": date_ms // 1000,
        "from": _user(1, "reader"),
    } | content


def membership_update(chats: Chats, chat_id: int, before: dict[str, object], *, date_ms: int) -> dict[str, object]:
    """before: what the bot was there; it is now what the chat says."""
    return {
        "chat": chats.chat_object(chat_id),
        "from": _user(1, "reader"),
        "date": date_ms // 1000,
        "old_chat_member": before,
        "new_chat_member": chats.chat(chat_id).bot_member(),
    }


def _user(user_id: int, user_name: str) -> dict[str, object]:
    return {"id": user_id, "is_bot": False, "first_name": user_name, "username": user_name, "language_code": "en"}
