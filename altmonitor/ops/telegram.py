"""What a setup and a check-up ask Telegram: is there a webhook, what is this chat, what may the bot do there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ChatUnreachable, SecondPoller
from altmonitor.core.types import Destination
from altmonitor.telegram.types import BotIdentity

ALONE_S = 3.0
"""A second program that reads this bot's messages ends a waiting poll of ours within this time."""
AGAIN_S = 0.5


class BotApi(Protocol):
    """`chat.notifier.TelegramChannel`. Every method may raise any `errors.DeliveryError` and nothing else."""

    async def whoami(self) -> BotIdentity: ...
    async def updates(
        self, *, offset: int | None, timeout_s: float, kinds: Sequence[str]
    ) -> Sequence[Mapping[str, object]]: ...
    async def ask(self, method: str, **params: object) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSeen:
    """kind: private, group, supergroup or channel. title: of the group, or the person's name."""

    id: int
    kind: str
    title: str
    is_forum: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """status: creator, administrator, member, restricted, left or kicked. can_write: as far as Telegram tells."""

    status: str
    can_write: bool


async def webhook_of(bot: BotApi) -> str:
    """Its address; '' when none is set, as it must be for reading messages."""
    return str(_fields(await bot.ask("getWebhookInfo")).get("url", ""))


async def remove_webhook(bot: BotApi) -> None:
    """What waits to be read stays."""
    await bot.ask("deleteWebhook", drop_pending_updates=False)


async def chat_of(bot: BotApi, chat_id: int | str) -> ChatSeen:
    """chat_id: a number, or `@name` of a public group or channel."""
    return read_chat(_fields(await bot.ask("getChat", chat_id=chat_id)))


async def rights_in(bot: BotApi, chat: ChatSeen, bot_id: int) -> Rights:
    if chat.kind == "private":
        return Rights(status="member", can_write=True)
    return read_rights(_fields(await bot.ask("getChatMember", chat_id=chat.id, user_id=bot_id)), chat.kind)


async def try_writing(bot: BotApi, destination: Destination) -> None:
    """Shows "typing…" there for a moment: refused where a message would be, and leaves none behind."""
    topic = {} if destination.topic_id is None else {"message_thread_id": destination.topic_id}
    await bot.ask("sendChatAction", chat_id=destination.chat_id, action="typing", **topic)


async def is_alone(bot: BotApi, kinds: Sequence[str], *, clock: Clock) -> bool:
    """False: another program reads this bot's messages, or a webhook is set. Confirms and takes away nothing.

    Our poll ends theirs; when they come back, a second later as a rule, they end ours.
    """
    end_s = clock.monotonic() + ALONE_S
    try:
        while (left_s := end_s - clock.monotonic()) > 0:
            if await bot.updates(offset=None, timeout_s=max(1.0, left_s), kinds=kinds):
                await clock.sleep(AGAIN_S)  # a poll that finds something to tell does not wait
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
    return ChatSeen(id=chat_id, kind=str(answer.get("type", "")), title=title, is_forum=answer.get("is_forum") is True)


def read_rights(answer: Mapping[str, object], chat_kind: str) -> Rights:
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
    return Rights(status=status, can_write=can_write)


def _fields(answer: object) -> Mapping[str, object]:
    if not isinstance(answer, dict):
        raise ChatUnreachable("Telegram's answer was not understood", outcome_unknown=False)
    return answer


def printable(text: str) -> str:
    """For a terminal: a stranger chose this name, nothing in it may move the cursor."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)[:80]
