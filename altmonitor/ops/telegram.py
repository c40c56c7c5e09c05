"""What a setup and a check-up ask Telegram: is there a webhook, what is this chat, what may the bot do there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ChatUnreachable, SecondPoller
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import BotAccess

if TYPE_CHECKING:
    from altmonitor.telegram.bot import TelegramChannel

ALONE_S = 3.0
"""A second program that reads this bot's messages ends a waiting poll of ours within this time."""
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSeen:
    """kind: private, group, supergroup or channel. title: of the group, or the person's name."""

    id: int
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRights:
    """status: creator, administrator, member, restricted, left or kicked. can_write: as far as Telegram tells."""

    status: str
    can_write: bool


async def webhook_of(bot: TelegramChannel) -> str:
    """Its address; '' when none is set, as it must be for reading messages."""
    return str(_fields(await bot.ask("getWebhookInfo")).get("url", ""))


async def remove_webhook(bot: TelegramChannel) -> None:
    """What waits to be read stays."""
    await bot.ask("deleteWebhook", drop_pending_updates=False)


async def chat_of(bot: TelegramChannel, chat_id: int | str) -> ChatSeen:
    """chat_id: a number, or `@name` of a public group or channel."""
    return read_chat(_fields(await bot.ask("getChat", chat_id=chat_id)))


async def rights_in(bot: TelegramChannel, chat: ChatSeen, bot_id: int) -> ChatRights:
    if chat.kind == "private":
        return ChatRights(status="member", can_write=True)
    return read_rights(_fields(await bot.ask("getChatMember", chat_id=chat.id, user_id=bot_id)), chat.kind)


async def try_writing(bot: TelegramChannel, destination: Destination) -> None:
    """Shows "typing…" there for a moment: refused where a message would be, and leaves none behind."""
    topic = {} if destination.topic_id is None else {"message_thread_id": destination.topic_id}
    await bot.ask("sendChatAction", chat_id=destination.chat_id, action="typing", **topic)


async def is_alone(bot: BotAccess, kinds: Sequence[str], *, clock: Clock) -> bool:
    """False: another program reads this bot's messages, or a webhook is set. Confirms and takes away nothing.

    Our poll ends theirs; when they come back, a second later as a rule, they end ours.
    """
    end_s = clock.monotonic() + ALONE_S
    try:
        while (left_s := end_s - (asked_s := clock.monotonic())) > 0:
            await bot.updates(offset=None, timeout_s=max(1.0, left_s), kinds=kinds)
            # A poll that finds something to tell does not wait, and behind some mirrors no poll does.
            await clock.sleep(max(0.0, AGAIN_S - (clock.monotonic() - asked_s)))
    except SecondPoller:
        return False
    return True


def read_chat(answer: Mapping[str, object]) -> ChatSeen:
    """Raises ChatUnreachable for what is no chat."""
    chat_id = answer.get("id")
    if not isinstance(chat_id, int):
        raise ChatUnreachable("Telegram's answer was not understood", outcome_unknown=False)
    names = [str(answer[key]) for key in ("first_name", "last_name") if answer.get(key)]
    title = str(answer.get("title") or " ".join(names) or answer.get("username") or chat_id)
    return ChatSeen(id=chat_id, kind=str(answer.get("type", "")), title=title)


def read_rights(answer: Mapping[str, object], chat_kind: str) -> ChatRights:
    """In a channel only administrators with that right post; a restricted member of a group may be silenced."""
    status = str(answer.get("status", ""))
    match status:
        case "creator":
            can_write = True
        case "administrator":
            can_write = chat_kind != "channel" or answer.get("can_post_messages") is True
        case "restricted":
            can_write = answer.get("can_send_messages") is True
        case _:
            can_write = status == "member" and chat_kind != "channel"
    return ChatRights(status=status, can_write=can_write)


def _fields(answer: object) -> Mapping[str, object]:
    if not isinstance(answer, dict):
        raise ChatUnreachable("Telegram's answer was not understood", outcome_unknown=False)
    return answer


def printable(text: str) -> str:
    """For a terminal: a stranger chose this name, nothing in it may move the cursor."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)[:80]


# ---
# Which part of the way to a host is broken – its name, the connection, the proxy – and what that says of Telegram.


CONNECT_S = 5.0


class ChatReach(Enum):
    """How far one gets."""

    CONNECTS = "connects"
    NO_NAME = "the name is not known (DNS)"
    REFUSED = "the connection is refused"
    SILENT = "nothing answers"


class Trouble(Enum):
    """Why there is no word from Telegram."""

    NO_NETWORK = "no_network"
    BLOCKED = "blocked"
    PROXY = "proxy"
    NOT_TELEGRAM = "not_telegram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """Without user and password."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "ws": 80}.get(parts.scheme, 443)
    return Address(host=parts.hostname or "", port=port)


async def reach(address: Address, *, clock: Clock) -> ChatReach:
    """Looks the name up and connects; nothing is sent."""
    loop = asyncio.get_running_loop()
    try:
        async with clock.timeout(CONNECT_S):
            await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (socket.gaierror, UnicodeError):
        return ChatReach.NO_NAME
    except TimeoutError:
        return ChatReach.SILENT
    except ConnectionRefusedError:
        return ChatReach.REFUSED
    except OSError:
        return ChatReach.SILENT
    writer.close()
    return ChatReach.CONNECTS


def judge(*, telegram: ChatReach, elsewhere: ChatReach, has_proxy: bool, is_answered_by_stranger: bool) -> Trouble:
    """What a call that got no word from Telegram means. telegram, elsewhere: how far one gets there directly.

    is_answered_by_stranger: something did answer, and it was not Telegram.
    """
    if is_answered_by_stranger:
        return Trouble.NOT_TELEGRAM
    if has_proxy:
        return Trouble.PROXY
    if elsewhere is ChatReach.CONNECTS or telegram is ChatReach.CONNECTS:
        return Trouble.BLOCKED
    return Trouble.NO_NETWORK
