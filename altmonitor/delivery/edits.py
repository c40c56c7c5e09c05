"""Edits of what was said before, in one chat: made when nothing else is to be said, and dropped rather than queued up.

An alert's message shows what was learned and pressed since; a status message is kept up to date; an answered question
loses its buttons.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from altmonitor.core.alert import Alert
from altmonitor.core.errors import ChatClosed, DeliveryError, MessageRefused, StorageError
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.messages import AlertMessage, with_line
from altmonitor.delivery.pacing import EDITS_NEED
from altmonitor.delivery.pending_edits import (
    AWAITED_EDIT_AGE_S,
    OWN_MESSAGES,
    EditKey,
    OwnMessage,
    PendingEdits,
    Shown,
)
from altmonitor.delivery.sender import ChatSender
from altmonitor.delivery.split_digests import KEPT_MS, DigestMessage, SplitDigests
from altmonitor.interfaces.delivery import Press, Renderer
from altmonitor.market.candles import MINUTE_MS

log = logging.getLogger(__name__)

SOUGHT = 30
"""So many messages of an earlier run are looked up to be edited."""
SOUGHT_AT_FIRST = 2_000
"""The same as long as candles may close whose alerts it told: a digest names hundreds."""

SENT_AT_CLOSE_MS = 2_000
"""What was sent later than this after the close of its candle said the final numbers already."""
Step = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEdit:
    """The new text of a message that somebody keeps up to date; None: the text stays, and what was a question has no
    buttons any more. on_end: None, or why it was not edited."""

    topic_id: int | None
    message_id: int
    html: str | None
    on_end: Callable[[DeliveryError | None], None]


class MessageEdits:
    """Of one chat."""

    def __init__(self, deps: DeliveryDeps, sender: ChatSender) -> None:
        self._deps = deps
        self.sender = sender
        self._edits = PendingEdits()
        self._kept: dict[int, KeptEdit] = {}
        self._sought: dict[str, None] = {}
        self._split_digests = SplitDigests(deps.outbox, deps.clock)
        self._is_resumed = False
        self._newest_digest: dict[int | None, tuple[int, tuple[str, ...]]] = {}  # message id, keys
        self._late: deque[EditKey] = deque(maxlen=OWN_MESSAGES)
        self._since_ms = deps.clock.now_ms()

    def sent(
        self,
        key: EditKey,
        message_id: int,
        *,
        maybe_repeated: bool,
        shown: Shown | None = None,
        is_unfinished: bool = False,
        wait_line: str = "",
    ) -> None:
        """This message is about this alert alone. shown: None when what it says is not known."""
        own = OwnMessage(
            message_id=message_id,
            maybe_repeated=maybe_repeated,
            changed_s=float("-inf"),
            shown=shown,
            is_unfinished=is_unfinished,
            wait_line=wait_line,
        )
        self._edits.sent(key, own)

    def digest_sent(self, message: AlertMessage, message_id: int) -> None:
        """A digest of fresh alerts, or what it has grown to. Only what its candles had so far is brought up to date."""
        topic_id, known = message.topic_id, self._newest_digest.get(message.topic_id)
        before = known[1] if known is not None and known[0] == message_id else ()
        members = (*before, *(row.alert.key for row in message.rows))
        self._newest_digest[topic_id] = message_id, members
        digest_key = (topic_id, _digest_key(message_id))
        running = [row.alert.key for row in message.rows if row.alert.is_running]
        if not running and not self._edits.knows(digest_key):
            return
        own = OwnMessage(
            message_id=message_id,
            maybe_repeated=message.maybe_repeated,
            changed_s=self._now_s(),
            is_unfinished=True,
            parts=(members,),
            wait_line=message.wait_line,
        )
        self._edits.sent(digest_key, own)
        for key in running:
            self._edits.joined((topic_id, key), digest_key)

    async def is_leaving(self, message: AlertMessage) -> None:
        """To be awaited before a message of alerts is sent."""
        if message.parts:
            await self._split_digests.remember(self.sender.at(message.topic_id), message.parts)

    async def resume(self) -> None:
        """An earlier run may have ended between the close of a candle and the edit that says so."""
        if self._is_resumed:
            return
        self._is_resumed = True
        try:
            for topic_id in self.sender.topics:
                at = self.sender.at(topic_id)
                self._sought |= dict.fromkeys(await self._deps.outbox.completed_since(at, self._since_ms - KEPT_MS))
        except StorageError as problem:
            log.warning("messages of an earlier run are not looked at: %s", problem)

    def late_sent(self, message: AlertMessage) -> None:
        """It says that it comes late, and stays as it is."""
        self._late.extend((message.topic_id, row.alert.key) for row in message.rows)

    def digest_part_sent(self, message: AlertMessage, message_id: int) -> None:
        """One of the messages that a digest of fresh alerts needs, with candles that ran when it was written. It may
        have waited behind the others until they closed, so it is looked at again in any case."""
        topic_id, digest_key = message.topic_id, (message.topic_id, _digest_key(message_id))
        named = tuple(row.alert.key for row in message.rows)
        own = OwnMessage(
            message_id=message_id,
            maybe_repeated=message.maybe_repeated,
            changed_s=self._now_s(),
            shown=(message.html, ()),
            is_unfinished=True,
            parts=message.parts,
            number=message.parts.index(named),
            wait_line=message.wait_line,
        )
        self._edits.sent(digest_key, own)
        for key in named:
            self._edits.joined((topic_id, key), digest_key)
        self._edits.want_again(digest_key, self._now_s() + AWAITED_EDIT_AGE_S)

    def pressed(self, key: EditKey, message_id: int) -> None:
        self._edits.pressed(key, message_id, self._now_s())

    def refresh(self, alert_key: str, *, in_flight: Collection[EditKey]) -> int:
        """More is known about this alert now. in_flight: messages whose text is made already. Returns in how many
        topics this run has a message of it."""
        now_s = self._now_s()
        return sum(self._edits.want((topic, alert_key), now_s, in_flight=in_flight) for topic in self.sender.topics)

    def look_for(self, alert: Alert) -> bool:
        """More is known about this alert, and some topic has no message of it from this run. False: nor from an earlier
        one."""
        if alert.ts * 1000 >= self._since_ms:
            return False
        self._sought[alert.key] = None
        is_young = self._deps.clock.now_ms() - self._since_ms <= KEPT_MS
        if len(self._sought) > (SOUGHT_AT_FIRST if is_young else SOUGHT):
            del self._sought[next(iter(self._sought))]
        return True

    def keep(self, kept: KeptEdit) -> None:
        """Of several for one message only the newest leaves."""
        self._kept[kept.message_id] = kept

    def forget(self) -> None:
        """The chat has a new id: messages sent under the old one cannot be edited."""
        self._edits.forget()
        self._kept.clear()

    def seek(self) -> Step | None:
        """Looks up whether an earlier run sent an alert of which more is known now. None: there is none."""
        if not self._sought:
            return None
        alert_key = next(iter(self._sought))
        del self._sought[alert_key]
        return self._seek(alert_key)

    def wait_s(self, now_s: float) -> float | None:
        """In how many seconds `next` can have something to do; None: nothing is to be edited."""
        due_s = now_s if self._kept else self._edits.next_due_s()
        return None if due_s is None else max(due_s, self.sender.free_at_s(now_s, is_edit=True)) - now_s

    def next(self, now_s: float) -> Step | float | None:
        """What to edit, or in how many seconds to ask again; None: nothing."""
        step = self._next_edit(now_s)
        return self._next_update(now_s) if step is None else step

    def _next_edit(self, now_s: float) -> Step | float | None:
        if self.sender.pace.allowance(now_s) < EDITS_NEED:
            self._edits.drop_extras()
        due = self._edits.due(now_s)
        if due is None:
            due_s = self._edits.next_due_s()
            return None if due_s is None else due_s - now_s
        free_s = self.sender.free_at_s(now_s, is_edit=True)
        return free_s - now_s if free_s > now_s else self._edit(*due)

    def _next_update(self, now_s: float) -> Step | float | None:
        if self.sender.pace.allowance(now_s) < EDITS_NEED:
            self._kept.clear()
        if not self._kept:
            return None
        free_s = self.sender.free_at_s(now_s, is_edit=True)
        return free_s - now_s if free_s > now_s else self._update(self._kept.pop(next(iter(self._kept))))

    async def _edit(self, key: EditKey, own: OwnMessage) -> None:
        topic_id, alert_key = key
        awaited_until_s = self._edits.awaited_until_s(key)
        self._edits.edited(key, self._now_s())
        destination = self.sender.at(topic_id)
        renderer = self._deps.style_of(destination).renderer
        try:
            if own.parts:
                if not await self._edit_digest(topic_id, own, renderer) and awaited_until_s is not None:
                    self._edits.want_again(key, awaited_until_s)
                return
            alert = (await self._deps.outbox.alerts_of([alert_key])).get(alert_key)
            if alert is None:
                return
            own.is_unfinished = alert.is_running
            presses = await self._presses(destination, alert)
            maybe_repeated = await self._is_doubted(destination, alert_key, own)
            html = with_line(renderer.alert(alert, maybe_repeated=maybe_repeated, presses=presses), own.wait_line)
            shown = (html, renderer.buttons(alert))
            if shown == own.shown:
                return
            own.shown = None
            await self.sender.edit(topic_id, own.message_id, html, buttons=shown[1])
            own.shown = shown
        except (MessageRefused, ChatClosed) as problem:
            log.info("a message cannot be brought up to date: %s", problem)
            self._edits.lost(key)
        except (StorageError, DeliveryError) as problem:
            log.info("a message was not brought up to date: %s", problem)
            if awaited_until_s is not None:
                self._edits.want_again(key, awaited_until_s)

    async def _edit_digest(self, topic_id: int | None, own: OwnMessage, renderer: Renderer) -> bool:
        """False: what its candles have has no room in it yet, and they still run; once all are final it stays as it
        is."""
        keys = [key for part in own.parts for key in part]
        known = await self._deps.outbox.alerts_of(keys)
        if len(known) < len(set(keys)):
            return True
        parts = [[known[key] for key in part] for part in own.parts]
        is_running = any(alert.is_running for alert in parts[own.number])
        html = renderer.digest_part_again(parts, own.number, maybe_repeated=bool(own.maybe_repeated))
        if html is None:
            return not is_running
        html = with_line(html, own.wait_line)
        if own.shown != (html, ()):
            await self.sender.edit(topic_id, own.message_id, html)
            own.shown = html, ()
        own.is_unfinished = is_running
        return True

    async def _is_doubted(self, destination: Destination, alert_key: str, own: OwnMessage) -> bool:
        if own.maybe_repeated is None:
            sent = await self._deps.outbox.own_message_of(destination, alert_key)
            own.maybe_repeated = sent is not None and sent[1]
        return own.maybe_repeated

    async def _presses(self, destination: Destination, alert: Alert) -> tuple[Press, ...]:
        if self._deps.presses is None or alert.id is None:
            return ()
        return await self._deps.presses.of(destination, alert.id)

    async def _seek(self, alert_key: str) -> None:
        """An earlier run may have sent this alert, in a message of its own or, with what its candle had so far, in a
        digest."""
        try:
            alert = (await self._deps.outbox.alerts_of([alert_key])).get(alert_key)
            if alert is None or alert.ts * 1000 >= self._since_ms:
                return  # sent by this run: it knows its own messages
            for topic_id in self.sender.topics:
                key = (topic_id, alert_key)
                if key not in self._late and not self._edits.want(key, self._now_s(), in_flight=()):
                    await self._seek_in(topic_id, alert)
        except StorageError as problem:
            log.info("a message of an earlier run was not brought up to date: %s", problem)

    async def _seek_in(self, topic_id: int | None, alert: Alert) -> None:
        outbox, at = self._deps.outbox, self.sender.at(topic_id)
        ran = alert.details.running_s is not None
        own = await outbox.own_message_of(at, alert.key)
        digest = await outbox.digest_of(at, alert.key) if own is None else None
        if own is not None:
            split = await self._split_digests.find(at, (alert.key,)) if ran else None
            if split is None:
                self.sent((topic_id, alert.key), own[0], maybe_repeated=own[1], is_unfinished=ran)
                self._edits.want((topic_id, alert.key), self._now_s(), in_flight=())
            else:
                self._found_digest(topic_id, alert, *own, split)
        elif digest is not None and ran:
            whole = DigestMessage(parts=(digest.keys,), number=0, written_ms=digest.sent_ms)
            message = await self._split_digests.find(at, digest.keys) or whole
            self._found_digest(topic_id, alert, digest.message_id, digest.maybe_repeated, message)

    def _found_digest(
        self, topic_id: int | None, alert: Alert, message_id: int, maybe_repeated: bool, message: DigestMessage
    ) -> None:
        """It is looked at only for what its candles had."""
        closed_ms = alert.minute_ms + MINUTE_MS + SENT_AT_CLOSE_MS
        if not alert.details.is_completed or message.written_ms > closed_ms:
            return
        digest_key = (topic_id, _digest_key(message_id))
        own = OwnMessage(
            message_id=message_id,
            maybe_repeated=maybe_repeated,
            changed_s=float("-inf"),
            is_unfinished=True,
            parts=message.parts,
            number=message.number,
        )
        self._edits.sent(digest_key, own)
        for key in own.named:
            self._edits.joined((topic_id, key), digest_key)
        self._edits.want_again(digest_key, self._now_s() + AWAITED_EDIT_AGE_S)

    async def _update(self, kept: KeptEdit) -> None:
        try:
            if kept.html is None:
                await self.sender.take_buttons_off(kept.topic_id, kept.message_id)
            else:
                await self.sender.edit(kept.topic_id, kept.message_id, kept.html)
        except DeliveryError as problem:
            kept.on_end(problem)
        else:
            kept.on_end(None)

    def _now_s(self) -> float:
        return self._deps.clock.monotonic()


def _digest_key(message_id: int) -> str:
    """Where the key of an alert stands for others; none looks like this."""
    return f"digest:{message_id}"
