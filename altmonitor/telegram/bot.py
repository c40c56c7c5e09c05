"""Sending through the Bot API with python-telegram-bot; every failure leaves as one of our errors.

Its AIORateLimiter is not used: delivery paces, and a request that ends during a flood wait would re-open its gate.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from telegram.error import TelegramError

from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.errors import ChatUnreachable, DeliveryError, TokenDoubted, TokenRefused
from altmonitor.core.proxies import proxy_to
from altmonitor.core.types import Destination, Secret
from altmonitor.interfaces.delivery import BotIdentity, InlineButton, Keyboard, MenuScope
from altmonitor.telegram.errors import is_not_modified, typed
from altmonitor.telegram.request import AttachedFile, BotApiRequest, CallData, RequestLimits

_T = TypeVar("_T")
_HTML = "HTML"
_NO_PREVIEW = {"is_disabled": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """connect, read and pool: one network step each, seconds of the machine. call: the whole call, seconds of
    the clock handed in (a clock that runs fast needs more). poll_margin: added to a long poll's own waiting time."""

    connect_s: float = 10.0
    read_s: float = 20.0
    pool_s: float = 5.0
    call_s: float = 30.0
    poll_margin_s: float = 10.0

    @classmethod
    def on(cls, clock: Clock) -> Timeouts:
        """The usual ones: however fast the clock runs, the machine is as slow as ever."""
        usual, speed = cls(), speed_of(clock)
        return replace(usual, call_s=usual.call_s * speed, poll_margin_s=usual.poll_margin_s * speed)


SOMEBODY_WAITS = Timeouts(connect_s=6, read_s=10, call_s=12, poll_margin_s=10)
"""Where a person sits before a screen."""


class TelegramChannel:
    """One bot. Satisfies `interfaces.delivery.Channel` and `telegram.types.ChatBot`.

    api_url: `https://api.telegram.org` or another Bot API server, behind the proxy the environment names for it.
    Every method but start and stop may raise any `errors.DeliveryError` and nothing else. TokenRefused is raised only
    while the token has never worked: a mirror that fails for a minute answers 401 or 404 too.
    """

    def __init__(
        self,
        bot_token: Secret,
        *,
        api_url: str,
        clock: Clock,
        timeouts: Timeouts | None = None,
    ) -> None:
        _silence_url_logging()
        self._clock = clock
        self._timeouts = timeouts or Timeouts()
        self._has_worked = False
        via = proxy_to(api_url)
        self._send_request = _request(self._timeouts, sockets=8, proxy=via)
        self._poll_request = _request(self._timeouts, sockets=2, proxy=via)
        self._bot = _Bot(
            f"{api_url.rstrip('/')}/bot{bot_token.reveal()}", sending=self._send_request, polling=self._poll_request
        )

    async def start(self) -> None:
        """Asks nothing of the network, so a dead Telegram holds nobody up."""
        await self._send_request.initialize()
        await self._poll_request.initialize()

    async def stop(self) -> None:
        """Closes the connections; calls that still run fail with ChatUnreachable. May be called twice."""
        try:
            await self._poll_request.shutdown()
        finally:
            await self._send_request.shutdown()

    async def send(
        self,
        destination: Destination,
        html: str,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        buttons: Keyboard = (),
    ) -> int:
        return await self._send(
            "sendMessage",
            {
                "chat_id": destination.chat_id,
                "text": html,
                "parse_mode": _HTML,
                "link_preview_options": _NO_PREVIEW,
                "disable_notification": silent,
                "message_thread_id": destination.topic_id,
                "reply_parameters": _reply(reply_to),
                "reply_markup": _markup(buttons),
            },
        )

    async def edit(self, destination: Destination, message_id: int, html: str, *, buttons: Keyboard = ()) -> None:
        await self._edit(
            "editMessageText",
            {
                "chat_id": destination.chat_id,
                "message_id": message_id,
                "text": html,
                "parse_mode": _HTML,
                "link_preview_options": _NO_PREVIEW,
                "reply_markup": _markup(buttons),
            },
        )

    async def send_photo(
        self,
        destination: Destination,
        png: bytes,
        *,
        caption_html: str = "",
        reply_to: int | None = None,
        silent: bool = False,
    ) -> int:
        return await self._send(
            "sendPhoto",
            {
                "chat_id": destination.chat_id,
                "caption": caption_html or None,
                "parse_mode": _HTML,
                "disable_notification": silent,
                "message_thread_id": destination.topic_id,
                "reply_parameters": _reply(reply_to),
            },
            photo=AttachedFile(name="chart.png", content=png, content_type="image/png"),
        )

    async def set_buttons(self, destination: Destination, message_id: int, buttons: Keyboard) -> None:
        """Under a message that stays as it is. Buttons that are there already are success."""

        await self._edit(
            "editMessageReplyMarkup",
            {"chat_id": destination.chat_id, "message_id": message_id, "reply_markup": _markup(buttons)},
        )

    async def answer_press(self, press_id: str, text: str = "", *, is_loud: bool = False) -> None:
        """Ends the waiting sign on a pressed button. text: shown for a moment, at most 200 characters; is_loud: until
        the reader closes it. A press that expired meanwhile is MessageRefused."""
        answer = {"callback_query_id": press_id, "text": text or None, "show_alert": is_loud}
        await self._call(lambda: self._bot.raw("answerCallbackQuery", answer))

    async def administrators(self, chat_id: int) -> frozenset[int]:
        """User ids, without bots. A member that cannot be read is left out."""
        members = await self._call(lambda: self._bot.raw("getChatAdministrators", {"chat_id": chat_id}))
        users = [_field(member, "user") for member in _items(members)]
        found = (_id_of(user, "id") for user in users if _field(user, "is_bot") is not True)
        return frozenset(user_id for user_id in found if user_id is not None)

    async def pin(self, destination: Destination, message_id: int) -> None:
        """Without a sound. MessageRefused where the bot lacks the right to pin, in a channel that to edit."""
        asked = {"chat_id": destination.chat_id, "message_id": message_id, "disable_notification": True}
        await self._call(lambda: self._bot.raw("pinChatMessage", asked))

    async def unpin(self, destination: Destination, message_id: int) -> None:
        asked = {"chat_id": destination.chat_id, "message_id": message_id}
        await self._call(lambda: self._bot.raw("unpinChatMessage", asked))

    async def whoami(self) -> BotIdentity:
        async def ask() -> BotIdentity:
            user = await self._bot.raw("getMe", {})
            user_id, username = _id_of(user, "id"), _field(user, "username")
            if user_id is None:
                raise TypeError("getMe did not answer with a bot")
            return BotIdentity(id=user_id, username=username if isinstance(username, str) else "")

        return await self._call(ask)

    async def set_commands(
        self, commands: Sequence[tuple[str, str]], language: str = "", *, scope: MenuScope = "default"
    ) -> None:
        """commands: (name without /, description); none: what was set is taken back. language: two letters; '' for
        everybody without a list of theirs. scope: the chats that offer it; a narrower one comes before `default`."""
        listed = [{"command": name, "description": description} for name, description in commands]
        asked: dict[str, object] = {"scope": {"type": scope}, "language_code": language or None}
        if listed:
            await self._call(lambda: self._bot.raw("setMyCommands", asked | {"commands": listed}))
        else:
            await self._call(lambda: self._bot.raw("deleteMyCommands", asked))

    async def ask(self, method: str, **params: object) -> object:
        """`result` of any method of the Bot API, as it came; for what is asked once, at a setup."""
        return await self._call(lambda: self._bot.raw(method, params))

    async def updates(
        self, *, offset: int | None, timeout_s: float, kinds: Sequence[str]
    ) -> Sequence[Mapping[str, object]]:
        margin_s = self._timeouts.poll_margin_s
        return await self._call(
            lambda: self._bot.raw_updates(offset, timeout_s, kinds, read_timeout_s=timeout_s + margin_s),
            limit_s=timeout_s + margin_s,
        )

    async def _send(self, method: str, params: Mapping[str, object], *, photo: AttachedFile | None = None) -> int:
        """An answer with a message id is an acceptance, whatever else in it cannot be read."""

        async def send() -> int:
            message_id = _id_of(await self._bot.raw(method, params, photo=photo), "message_id")
            if message_id is None:
                raise TypeError(f"{method} did not answer with a message")
            return message_id

        return await self._call(send)

    async def _edit(self, method: str, params: Mapping[str, object]) -> None:
        """Whatever is answered, the call was accepted. A message that is so already is success."""

        async def edit() -> None:
            try:
                await self._bot.raw(method, params)
            except TelegramError as error:
                if not is_not_modified(error):
                    raise

        await self._call(edit)

    async def _call(self, make: Callable[[], Awaitable[_T]], *, limit_s: float | None = None) -> _T:
        answer, failure = await self._attempt(make, self._timeouts.call_s if limit_s is None else limit_s)
        if isinstance(failure, TokenRefused) and not await self._is_refused_for_good():
            failure = TokenDoubted("Telegram refuses the bot token now, although it took it before")
        if failure is not None:
            raise failure  # out here, so that the original (its text may hold the token) is not chained
        return cast("_T", answer)

    async def _attempt(
        self, make: Callable[[], Awaitable[_T]], limit_s: float
    ) -> tuple[_T | None, DeliveryError | None]:
        try:
            async with self._clock.timeout(limit_s):
                answer = await make()
        # Anything but the first two: Telegram accepted the call and answered with something that cannot be read.
        except (TelegramError, TimeoutError, LookupError, TypeError, ValueError, AttributeError) as error:
            failure = typed(error)
            self._has_worked = self._has_worked or not isinstance(failure, TokenRefused | ChatUnreachable)
            return None, failure
        self._has_worked = True
        return answer, None

    async def _is_refused_for_good(self) -> bool:
        """One refusal is not believed: a token that never worked is asked about once more, in the plainest way."""
        if not self._has_worked:
            _, failure = await self._attempt(lambda: self._bot.raw("getMe", {}), self._timeouts.call_s)
            return isinstance(failure, TokenRefused)
        return False


class _Bot:
    """Answers as they came: the library's own methods refuse a whole answer when one field cannot be read."""

    def __init__(self, url: str, *, sending: BotApiRequest, polling: BotApiRequest) -> None:
        """url: with the token."""
        self._url = url
        self._sending = sending
        self._polling = polling

    async def raw(self, method: str, params: Mapping[str, object], *, photo: AttachedFile | None = None) -> object:
        files = {} if photo is None else {"photo": photo}
        return await self._sending.call(f"{self._url}/{method}", CallData(params=params, files=files))

    async def raw_updates(
        self, offset: int | None, timeout_s: float, kinds: Sequence[str], *, read_timeout_s: float
    ) -> list[Mapping[str, object]]:
        asked = {"timeout": int(timeout_s), "allowed_updates": list(kinds), "limit": 100, "offset": offset}
        data = CallData(params=asked)
        answer = await self._polling.call(f"{self._url}/getUpdates", data, read_timeout_s=read_timeout_s)
        if not isinstance(answer, list):
            raise TypeError("getUpdates did not answer with a list")
        return [update for update in answer if isinstance(update, dict)]


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _id_of(value: object, name: str) -> int | None:
    """A whole number, also one that is written as text; None where there is none."""
    found = _field(value, name)
    if isinstance(found, str) and found.isascii() and found.isdigit():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _reply(message_id: int | None) -> dict[str, object] | None:
    return None if message_id is None else {"message_id": message_id, "allow_sending_without_reply": True}


def _markup(buttons: Keyboard) -> dict[str, object] | None:
    rows = [[_button(button) for button in row] for row in buttons]
    return {"inline_keyboard": rows} if rows else None


def _button(button: InlineButton) -> dict[str, str]:
    shown = {"text": button.text, "callback_data": button.data, "url": button.url}
    return {name: value for name, value in shown.items() if value}


def _request(timeouts: Timeouts, *, sockets: int, proxy: str | None) -> BotApiRequest:
    limits = RequestLimits(
        sockets=sockets, pool_s=timeouts.pool_s, connect_s=timeouts.connect_s, read_s=timeouts.read_s
    )
    return BotApiRequest(limits, proxy=proxy)


def _silence_url_logging() -> None:
    """The library logs each call at DEBUG, and its own HTTP client each address, which holds the token, at INFO."""
    for name in ("httpx", "httpcore", "telegram"):
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
