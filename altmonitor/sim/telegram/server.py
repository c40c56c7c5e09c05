"""A Bot API server on loopback: Telegram's limits, refusals and bad days, for the demo, tests and benchmarks.

    sim = SimTelegram(clock=clock, token="123456:AAAA…")
    await sim.start()                      # sim.url, then POST sim.url + "/bot<token>/sendMessage"
    sim.inject_message(-100, "/status", user_id=7)
    await sim.wait_for(lambda: sim.chats[-100], timeout_s=5)
    sim.faults.outage = "bad_gateway"

Every time here is the clock's: the same server runs sixty times as fast under a `ScaledClock`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections import deque
from collections.abc import Callable, Mapping

from aiohttp import web

from altmonitor.core.clock import Clock
from altmonitor.sim.telegram.chats import Chats, data_of
from altmonitor.sim.telegram.methods import METHOD_NAMES, WRITING, Methods
from altmonitor.sim.telegram.updates import (
    Injection,
    UpdateQueue,
    callback_update,
    membership_update,
    message_update,
    migration_updates,
    service_message,
)
from altmonitor.sim.telegram.values import (
    PHOTO_BYTES_MAX,
    ApiRefusal,
    Faults,
    Params,
    SimAnswer,
    SimCall,
    SimMessage,
    Upload,
    Violation,
)

# ---
# The HTTP side of the simulated Telegram: bodies in, answers out, and the broken ones.


_PAGE = "<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"


async def read_params(request: web.Request) -> Params:
    """Query string, JSON object, form or multipart; uploaded files become an `Upload` under their field's name."""
    values: dict[str, object] = dict(request.query)
    if request.content_type == "application/json":
        try:
            decoded = await request.json()
        except ValueError:
            raise ApiRefusal(400, "Bad Request: can't parse request JSON object") from None
        values |= decoded if isinstance(decoded, dict) else {}
    else:
        files: dict[str, bytes] = {}
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = Upload(value.file.read(), name=value.filename, content_type=value.content_type)
            else:
                values[name] = value
        values |= files
        for name, given in values.items():
            if isinstance(given, str) and given.startswith("attach://"):
                values[name] = files.get(given.removeprefix("attach://"), b"")
    return Params(values)


def refused(refusal: ApiRefusal) -> web.Response:
    return web.json_response(refusal.payload(), status=refusal.code)


def page(status: int, title: str) -> web.Response:
    return web.Response(status=status, text=_PAGE.format(title=title), content_type="text/html")


def outage_answer(request: web.Request, outage: str) -> web.StreamResponse:
    if outage == "bad_gateway":
        return page(502, "502 Bad Gateway")
    if outage == "portal":
        return page(200, "Sign in to the network")
    return cut(request)


def cut(request: web.Request) -> web.Response:
    """No answer: what is returned here never reaches the caller."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def truncated(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


# ---


CALLS_KEPT = 20_000
_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{30,}")


class SimTelegram:
    """One bot and all its chats.

    chats: chat id → the bot's messages there, oldest → newest. calls: the last requests with a right token.
    violations: every time a limit was broken. on_message: called, synchronously, with each new or edited message.
    """

    def __init__(self, *, clock: Clock, token: str, bot_username: str = "AltmonitorBot") -> None:
        bot: dict[str, object] = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "altmonitor",
            "username": bot_username,
        }
        self._clock = clock
        self._token = token
        self._chats = Chats(bot)
        self._change_event = asyncio.Event()
        self._updates = UpdateQueue(clock, on_change=self._change_event.set)
        self._methods = Methods(clock=clock, bot=bot, chats=self._chats, updates=self._updates, on_change=self._changed)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._port = 0
        self._query_ids = itertools.count(1)
        self.faults = Faults(on_change=self._updates.wake)
        self.calls: deque[SimCall] = deque(maxlen=CALLS_KEPT)
        self.on_message: Callable[[SimMessage], None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def chats(self) -> Mapping[int, list[SimMessage]]:
        return self._chats.messages

    @property
    def violations(self) -> list[Violation]:
        return self._methods.violations

    @property
    def commands(self) -> Mapping[tuple[str, str], list[dict[str, str]]]:
        """(scope as JSON, language code or '') → commands as set by setMyCommands."""
        return self._methods.menus.commands

    @property
    def answered(self) -> Mapping[str, SimAnswer]:
        """Callback query id → how the bot answered it."""
        return self._methods.answered

    @property
    def updates(self) -> UpdateQueue:
        return self._updates

    async def start(self, port: int = 0) -> None:
        """Raises OSError when the port is taken. 0: any free one, see `url`."""
        app = web.Application(client_max_size=2 * PHOTO_BYTES_MAX)
        app.router.add_route("*", "/bot{token}/{method}", self.handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        self._port = port
        await self.accept_connections()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner, self._site = None, None

    async def refuse_connections(self) -> None:
        """As when the host is down: open connections are cut, new ones are refused."""
        if self._site is None or self._runner is None:
            return
        await self._site.stop()
        self._site = None
        server = self._runner.server
        for connection in list(server.connections) if server is not None else []:
            if connection.transport is not None:
                connection.transport.abort()

    async def accept_connections(self) -> None:
        """Back on the same port."""
        if self._site is not None or self._runner is None:
            return
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()
        self._port = int(self._runner.addresses[0][1])

    async def wait_for(self, predicate: Callable[[], object], *, timeout_s: float) -> None:
        """Until the predicate is true; looked at after everything that happens here. Raises TimeoutError."""
        async with self._clock.timeout(timeout_s):
            while not predicate():
                self._change_event.clear()
                await self._change_event.wait()

    def inject_message(
        self,
        chat_id: int,
        text: str,
        *,
        user_id: int | None = 1,
        user_name: str = "reader",
        chat_type: str | None = None,
        edited: bool = False,
        date_ms: int | None = None,
        thread_id: int | None = None,
        message_id: int | None = None,
        is_anonymous: bool = False,
    ) -> int:
        """A user writes; returns the message id. edited: an edit of `message_id` (a new id when None).

        is_anonymous: as an administrator who hides behind the group.
        date_ms: when it was (first) written, default now. user_id None: written by the chat itself (channel posts).
        """
        if chat_type is not None:
            self._chats.chat(chat_id).type = chat_type
        written = Injection(
            chat_id=chat_id,
            text=text,
            user_id=user_id,
            user_name=user_name,
            is_edited=edited,
            date_ms=self._clock.now_ms() if date_ms is None else date_ms,
            thread_id=thread_id,
            message_id=message_id or self._chats.next_message_id(chat_id, is_foreign=True),
            is_anonymous=is_anonymous,
        )
        kind, content = message_update(self._chats, written)
        self._updates.put(kind, content)
        return written.message_id

    def press(self, message: SimMessage, label: str, *, user_id: int = 1, user_name: str = "reader") -> str:
        """A user presses the first button whose label holds this text; returns the query id. Raises LookupError."""
        return self.inject_callback(
            message.chat_id,
            data_of(message, label),
            message_id=message.message_id,
            user_id=user_id,
            user_name=user_name,
        )

    def inject_callback(
        self, chat_id: int, data: str, *, message_id: int, user_id: int = 1, user_name: str = "reader"
    ) -> str:
        """A user presses a button under the bot's message; returns the query id to be answered."""
        query_id = str(next(self._query_ids))
        self._methods.queries[query_id] = self._clock.now_ms()
        message = self._chats.find(chat_id, message_id)
        if message is None:
            raise LookupError(f"chat {chat_id} has no message {message_id} of the bot")
        content = callback_update(self._chats.message_object(message), query_id, data, user_id, user_name)
        self._updates.put("callback_query", content)
        return query_id

    def add_topic(self, chat_id: int, thread_id: int, *, name: str = "") -> None:
        chat = self._chats.chat(chat_id)
        chat.topics.add(thread_id)
        if name:
            chat.topic_names[thread_id] = name

    def delete_topic(self, chat_id: int, thread_id: int) -> None:
        self._chats.chat(chat_id).topics.discard(thread_id)

    def close_topic(self, chat_id: int, thread_id: int) -> None:
        self._chats.chat(chat_id).closed_topics.add(thread_id)

    def reopen_topic(self, chat_id: int, thread_id: int, *, is_told: bool = True) -> None:
        """is_told: with the service message that a bot sees also where it may not read the group."""
        self._chats.chat(chat_id).closed_topics.discard(thread_id)
        if not is_told:
            return
        topic = {"message_thread_id": thread_id, "is_topic_message": True, "forum_topic_reopened": {}}
        self._updates.put("message", service_message(self._chats, chat_id, topic, date_ms=self._clock.now_ms()))

    def set_admins(self, chat_id: int, *user_ids: int) -> None:
        self._chats.chat(chat_id).admins = set(user_ids)

    def set_bot_status(self, chat_id: int, status: str, **rights: bool) -> None:
        """What getChatMember says of the bot: `member`, `restricted`, `administrator`, `left` …, with its rights."""
        self._chats.chat(chat_id).bot = {"status": status, **rights}

    def change_membership(self, chat_id: int, status: str, **rights: bool) -> None:
        """As `set_bot_status`, with what follows from it: `kicked` and `left` close the chat, `restricted` takes the
        right to write, the others give it back; and the bot is told."""
        before = self._chats.chat(chat_id).bot_member()
        self.set_bot_status(chat_id, status, **rights)
        chat = self._chats.chat(chat_id)
        chat.closed_because = f"bot was {status} from the chat" if status in ("kicked", "left") else ""
        chat.is_muted = status == "restricted"
        change = membership_update(self._chats, chat_id, before, date_ms=self._clock.now_ms())
        self._updates.put("my_chat_member", change)

    def name_chat(self, chat_id: int, title: str) -> None:
        self._chats.chat(chat_id).title = title

    def close_chat(self, chat_id: int, why: str = "bot was kicked from the supergroup chat") -> None:
        """403 from now on. `open_chat` takes it back."""
        self._chats.chat(chat_id).closed_because = why

    def open_chat(self, chat_id: int) -> None:
        self._chats.chat(chat_id).closed_because = ""

    def migrate(self, old: int, new: int) -> None:
        """The group `old` becomes the supergroup `new`; both chats get their service message."""
        self._chats.chat(old).moved_to = new
        self._chats.chat(new).type = "supergroup"
        for kind, content in migration_updates(self._chats, old, new, date_ms=self._clock.now_ms()):
            self._updates.put(kind, content)

    def sent(self, method: str) -> list[SimCall]:
        """Requests for one method, oldest → newest."""
        return [call for call in self.calls if call.method == method]

    def _changed(self, message: SimMessage | None) -> None:
        self._change_event.set()
        if message is not None and self.on_message is not None:
            self.on_message(message)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request of a bot, whatever its token."""
        token, method = request.match_info["token"], METHOD_NAMES.get(request.match_info["method"].lower(), "")
        if self.faults.outage:
            return outage_answer(request, self.faults.outage)
        if not _TOKEN.fullmatch(token):
            return refused(ApiRefusal(404, "Not Found"))
        if token != self._token:
            return refused(ApiRefusal(401, "Unauthorized"))
        if not method:
            return refused(ApiRefusal(404, "Not Found: method not found"))
        try:
            params = await read_params(request)
            self.calls.append(SimCall(at_ms=self._clock.now_ms(), method=method, params=params))
            self._changed(None)
            return await self._answer(request, method, params)
        except ApiRefusal as refusal:
            return refused(refusal)

    async def _answer(self, request: web.Request, method: str, params: Params) -> web.StreamResponse:
        faults, is_writing = self.faults, method in WRITING
        scripted = faults.take_status(method)
        if scripted is not None:
            if "retry_after" in scripted.parameters and "chat_id" in params:
                self._methods.punish(params.chat_id(), scripted.parameters["retry_after"])
            raise scripted
        if is_writing and faults.html_200 > 0:
            faults.html_200 -= 1
            return page(200, "Sign in to the network")
        if method == "getUpdates":
            result: object = await self._updates.read(params, is_cut=lambda: bool(faults.outage))
            if faults.outage:
                return outage_answer(request, faults.outage)
        else:
            result = self._methods.call(method, params)
        if is_writing and faults.accept_then_drop > 0:
            faults.accept_then_drop -= 1
            return cut(request)
        if faults.delay_s > 0:
            await self._clock.sleep(faults.delay_s)
        body = json.dumps({"ok": True, "result": result}, ensure_ascii=False).encode()
        if is_writing and faults.truncate > 0:
            faults.truncate -= 1
            return await truncated(request, body)
        return web.Response(body=body, content_type="application/json")
