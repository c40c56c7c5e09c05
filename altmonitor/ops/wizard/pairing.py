"""Which chat is yours: a code that only you know, written there. Pure: updates in, claims out.

Whoever writes to a new bot first must not become its owner; without the code a message is only counted.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from altmonitor.core.types import Destination
from altmonitor.ops.telegram import printable

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without the look-alikes I L O 0 1
CODE_LENGTH = 6  # 31⁶ = 887 million, and it lives for minutes
_SAID = re.compile(r"(?:/(?:start|pair)(?:@(?P<bot>\w+))?\s+)?(?P<code>\w{3}[-\s]?\w{3})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody who knows the code wrote it here. kind: private, group, supergroup or channel. title: of the chat.

    user_id: None for channel posts and anonymous administrators.
    """

    destination: Destination
    kind: str
    title: str
    user_id: int | None
    user_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """claims: oldest → newest, one per chat, topic and writer. others: messages without the code."""

    claims: tuple[Claim, ...]
    others: int


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def listen(updates: Iterable[Mapping[str, object]], *, code: str, bot_username: str) -> Heard:
    claims: dict[tuple[Destination, int | None], Claim] = {}
    others = 0
    for update in updates:
        message = update.get("message") or update.get("channel_post")
        if not isinstance(message, dict):
            continue
        claim = _claim(message) if _says(message, code, bot_username) else None
        if claim is None:
            others += isinstance(message.get("text"), str)
        else:
            claims.setdefault((claim.destination, claim.user_id), claim)
    return Heard(claims=tuple(claims.values()), others=others)


def _says(message: Mapping[str, object], code: str, bot_username: str) -> bool:
    said = _SAID.fullmatch(str(message.get("text", "")).strip())
    if said is None or (said["bot"] is not None and said["bot"].lower() != bot_username.lower()):
        return False
    return secrets.compare_digest(re.sub(r"[-\s]", "", said["code"]).upper(), code)


def _claim(message: Mapping[str, object]) -> Claim | None:
    chat = message.get("chat")
    if not isinstance(chat, dict) or not isinstance(chat.get("id"), int):
        return None
    thread = message.get("message_thread_id") if message.get("is_topic_message") else None
    writer = message.get("from")
    is_person = isinstance(writer, dict) and not writer.get("is_bot") and "sender_chat" not in message
    person: Mapping[str, object] = writer if is_person and isinstance(writer, dict) else {}
    user_id = person.get("id")
    return Claim(
        destination=Destination(chat_id=chat["id"], topic_id=thread if isinstance(thread, int) else None),
        kind=str(chat.get("type", "")),
        title=printable(str(chat.get("title") or _name(chat))),
        user_id=user_id if isinstance(user_id, int) else None,
        user_name=_name(person),
    )


def _name(person: Mapping[str, object]) -> str:
    names = " ".join(str(person[key]) for key in ("first_name", "last_name") if person.get(key))
    nick = f"@{person['username']}" if person.get("username") else ""
    return printable(f"{names} ({nick})" if names and nick else names or nick)
