"""Reading what people write to the bot: an own getUpdates loop that says when it is deaf.

The library's Updater is not used: its polling ends for good on a 401 while it still calls itself running.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from altmonitor.core.clock import Clock
from altmonitor.core.errors import DeliveryError, StorageError, TokenRefused
from altmonitor.interfaces.delivery import BotAccess, BotIdentity
from altmonitor.interfaces.storage import MetaStore
from altmonitor.telegram.access import Access, Admins, AllowedSenders, Strangers
from altmonitor.telegram.chat_names import ChatNames
from altmonitor.telegram.poll_health import PollHealth
from altmonitor.telegram.types import CommandHandler, Incoming, ListenerEvent
from altmonitor.telegram.updates import Ignored, Membership, Moved, names_in, read_update, written_in

# ---
# What was done about a message already: an update of an edit also comes for a reaction or a link's preview.


EDIT_WITHIN_S = 300.0
HANDLED_KEY = "telegram_handled"
"""Under which the texts dealt with lately are remembered."""
HANDLED_MOST = 200


class HandledTexts:
    """The text of each of the last messages as it was dealt with, as a digest, also over a restart."""

    def __init__(self, memory: MetaStore) -> None:
        self._memory = memory
        self._digests: dict[tuple[int, int], str] = {}

    async def load(self) -> None:
        """May raise StorageError."""
        with suppress(msgspec.MsgspecError):
            kept = msgspec.json.decode(
                await self._memory.meta_get(HANDLED_KEY) or "[]", type=list[tuple[int, int, str]]
            )
            self._digests = {(chat_id, message_id): digest for chat_id, message_id, digest in kept}

    def is_correction(self, edit: Incoming, *, now_ms: int | None) -> bool:
        """It says something else than what was dealt with, and what it corrects was no older than `EDIT_WITHIN_S`.

        now_ms: our clock; of a message we do not know, Telegram's two times alone would let an old edit pass that comes
            again. None: it may have waited for us.
        """
        known = self._digests.get(_message_key(edit))
        until_ms = edit.date_ms if known is not None or now_ms is None else max(edit.date_ms, now_ms)
        is_young = bool(edit.written_ms) and until_ms - edit.written_ms <= EDIT_WITHIN_S * 1000
        return is_young and known != _digest(edit.text)

    async def record(self, incoming: Incoming) -> None:
        """May raise StorageError: it holds until the program ends all the same."""
        if incoming.press_id is not None or not incoming.message_id:
            return
        key = _message_key(incoming)
        self._digests.pop(key, None)  # to the end: the dict is in order of handling
        self._digests[key] = _digest(incoming.text)
        while len(self._digests) > HANDLED_MOST:
            del self._digests[next(iter(self._digests))]
        rows = [(chat_id, message_id, digest) for (chat_id, message_id), digest in self._digests.items()]
        await self._memory.meta_set(HANDLED_KEY, msgspec.json.encode(rows).decode())


def _message_key(incoming: Incoming) -> tuple[int, int]:
    return incoming.destination.chat_id, incoming.message_id


def _digest(text: str) -> str:
    return hashlib.blake2s(text.encode(), digest_size=8).hexdigest()


# ---


POLL_S = 25.0
OFFSET_KEY = "telegram_offset"
"""Under which the last update dealt with is remembered."""
KINDS = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
)
STALE_S = 300.0
HANDLING_LIMIT_S = 60.0
EARLY_S = 1.0  # an empty answer sooner than this comes from a server that does not wait
FULL_BATCH = 100
# Numbers at or this little below the last one dealt with are repeats. Others are new, even when lower: after a week
# of silence Telegram goes on with a random number. Source: https://core.telegram.org/bots/api#update (2026-11-21)
REPEAT_SPAN = 10_000


log = logging.getLogger(__name__)


class CommandListener:
    """Hands every permitted command to `handler`, each once, also over restarts.

    An edit is carried out when it corrects what was handled, see `HandledTexts`.
    Commands more than `STALE_S` old are told to `handler.stale` instead. That is asked only while catching up (after a
    start or a long silence): what arrives on a live poll is new whatever a wrong clock of this machine makes of it.

    memory: keeps the last update that was dealt with. news: synchronous; told each transition once.
    admins: who may change settings among those who are allowed and not named; None: all of them. names: learns what the
        allowed chats are called.
    handler_failures: since the start.
    """

    def __init__(
        self,
        bot: BotAccess,
        *,
        clock: Clock,
        handler: CommandHandler,
        allowed: AllowedSenders,
        memory: MetaStore,
        news: Callable[[ListenerEvent], None],
        admins: Admins | None = None,
        names: ChatNames | None = None,
    ) -> None:
        self._bot = bot
        self._clock = clock
        self._handler = handler
        self._memory = memory
        self._news = news
        self._admins = admins
        self._names = names
        self.allowed = allowed
        self.strangers = Strangers()
        self.handler_failures = 0
        self._identity: BotIdentity | None = None
        self._last_id: int | None = None
        self._saved_id: int | None = None
        self._offset: int | None = None
        self._is_catching_up = True
        self._missed: list[Incoming] = []
        self._health = PollHealth(clock, news)
        self._handled = HandledTexts(memory)
        self._is_saving = True

    @property
    def conflict(self) -> str:
        """Why commands go astray, '' when they do not."""
        return self._health.conflict

    def last_ok_age_s(self) -> float | None:
        """Seconds since Telegram last answered a poll; None before the first answer. Healthy: below about 40."""
        return self._health.last_ok_age_s()

    def follow_move(self, old_chat_id: int, new_chat_id: int) -> None:
        """The group has a new id: its members stay allowed. Told as `moved`, once."""
        moved = self.allowed.moved(old_chat_id, new_chat_id)
        if moved != self.allowed:
            self.allowed = moved
            self._tell("moved", chat_id=old_chat_id, new_chat_id=new_chat_id)

    async def run(self) -> None:
        """Until cancelled. Raises TokenRefused when the token is not, or no longer, valid."""
        await self._load_position()
        while True:
            asked_s = self._clock.monotonic()
            try:
                batch = await self._poll()
            except TokenRefused:
                raise
            except DeliveryError as error:
                await self._clock.sleep(self._health.after_failure(error))
                continue
            was_away = self._health.after_answer()
            self._is_catching_up = self._is_catching_up or was_away
            is_idle = not await self._take(batch)
            if is_idle and self._clock.monotonic() - asked_s < EARLY_S:
                await self._clock.sleep(EARLY_S)

    async def _load_position(self) -> None:
        try:
            if self._last_id is None:
                kept = await self._memory.meta_get(OFFSET_KEY)
                self._last_id = int(kept) if kept else None
                await self._handled.load()
                if self._names is not None:
                    await self._names.load()
        except StorageError as problem:
            log.warning("the last command dealt with is not known (%s): unconfirmed ones are read again", problem)

    async def _poll(self) -> Sequence[Mapping[str, object]]:
        if self._identity is None:
            self._identity = await self._bot.whoami()
        return await self._bot.updates(offset=self._offset, timeout_s=POLL_S, kinds=KINDS)

    async def _take(self, batch: Sequence[Mapping[str, object]]) -> bool:
        """True when something was in it that had not been dealt with before."""
        before = self._last_id
        for raw in batch:
            update_id = raw.get("update_id")
            if isinstance(update_id, int) and not self._is_repeat(update_id):
                await self._take_one(update_id, raw)
        if len(batch) < FULL_BATCH:
            await self._tell_missed()
            self._is_catching_up = False
        if self._last_id is not None and self._last_id != self._saved_id:
            await self._save(self._last_id)
        # Only an acknowledgement: once it went through nothing older is left, and a queue that was renumbered
        # meanwhile is read from its start.
        self._offset = None if not batch or self._last_id is None else self._last_id + 1
        return self._last_id != before

    def _is_repeat(self, update_id: int) -> bool:
        return self._last_id is not None and self._last_id - REPEAT_SPAN < update_id <= self._last_id

    async def _take_one(self, update_id: int, raw: Mapping[str, object]) -> None:
        written = written_in(raw)
        if self._names is not None and any(where.chat_id in self.allowed.chat_ids for where in names_in(raw)):
            await self._names.learn(raw)
        if written is not None:
            where, is_opened = written
            self._tell("opened" if is_opened else "written", chat_id=where.chat_id, topic_id=where.topic_id)
        read = read_update(raw, bot_username=self._username, now_ms=self._clock.now_ms())
        is_permitted = False
        if isinstance(read, Incoming):
            access = self.allowed.access(chat_id=read.destination.chat_id, user_id=read.user_id)
            is_permitted = access is not Access.NONE
            if is_permitted:
                await self._take_permitted(read, access)
            else:
                now_s = self._clock.monotonic()
                self.strangers.refuse(read, now_s)
                if read.press_id is not None and self.strangers.may_answer_press(now_s):
                    await self._guarded(
                        self._handler.unheard(read, is_stranger=True), "answering a stranger's press failed"
                    )
        elif isinstance(read, Moved):
            self.follow_move(read.chat_id, read.new_chat_id)
        elif isinstance(read, Membership):
            if read.chat_id in self.allowed.chat_ids:
                self._tell("admitted" if read.may_write else "removed", chat_id=read.chat_id)
        elif read is Ignored.UNREADABLE:
            log.warning("update %d cannot be read and is skipped", update_id)
        self._last_id = update_id
        if is_permitted:
            # After the handling: a crash in between repeats this one command, it never loses it.
            await self._save(update_id)

    async def _take_permitted(self, incoming: Incoming, access: Access) -> None:
        now_ms = None if self._is_catching_up else self._clock.now_ms()
        if incoming.is_edited and not self._handled.is_correction(incoming, now_ms=now_ms):
            log.debug("an edit that corrects nothing is not carried out again")
            return
        await self._take_incoming(await self._with_rights(incoming, access))
        with suppress(StorageError):  # told with the position below
            await self._handled.record(incoming)

    async def _take_incoming(self, incoming: Incoming) -> None:
        if not self._is_catching_up:
            await self._handle(incoming)
        elif incoming.press_id is not None:
            # Telegram tells no time of a press and it expires within seconds: it may be hours old.
            log.info("a button pressed while the bot was away is not carried out")
            await self._guarded(self._handler.unheard(incoming, is_stranger=False), "answering an old press failed")
        elif self._clock.now_ms() - incoming.date_ms > STALE_S * 1000:
            if incoming.text.startswith("/"):
                self._missed.append(incoming)
        else:
            await self._tell_missed()
            await self._handle(incoming)

    @property
    def _username(self) -> str:
        return "" if self._identity is None else self._identity.username

    async def _tell_missed(self) -> None:
        missed, self._missed = self._missed, []
        if not missed:
            return
        await self._guarded(
            self._handler.stale(missed), f"telling of {len(missed)} commands that were not carried out failed"
        )

    async def _handle(self, incoming: Incoming) -> None:
        is_handled = await self._guarded(self._handler.handle(incoming), f"a command failed: {incoming.text[:100]!r}")
        if not is_handled and incoming.text.startswith("/"):
            await self._guarded(self._handler.failed(incoming), "telling that a command failed failed too")

    async def _guarded(self, handling: Coroutine[Any, Any, None], what: str) -> bool:
        """False: it failed, and that is logged and counted."""
        try:
            async with self._clock.timeout(HANDLING_LIMIT_S):
                await handling
        # Whatever a command does wrong, the next one must be read.
        except Exception:
            self.handler_failures += 1
            log.exception("%s", what)
            return False
        return True

    async def _with_rights(self, incoming: Incoming, access: Access) -> Incoming:
        may_change = access is Access.NAMED
        if access is Access.CHANGE:
            may_change = self._admins is None or await self._admins.may_change(incoming)
        return replace(incoming, may_change=may_change)

    async def _save(self, update_id: int) -> None:
        try:
            await self._memory.meta_set(OFFSET_KEY, str(update_id))
        except StorageError as problem:
            if self._is_saving:
                log.warning("commands may be repeated after a restart: %s", problem)
            self._is_saving = False
        else:
            self._is_saving = True
            self._saved_id = update_id

    def _tell(
        self, kind: str, *, chat_id: int | None = None, new_chat_id: int | None = None, topic_id: int | None = None
    ) -> None:
        at_ms = self._clock.now_ms()
        event = ListenerEvent(kind=kind, at_ms=at_ms, chat_id=chat_id, new_chat_id=new_chat_id, topic_id=topic_id)
        self._news(event)
