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
from altmonitor.delivery.messages import AlertMessage
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
from altmonitor.interfaces.delivery import Press, Renderer
from altmonitor.market.candles import MINUTE_MS

log = logging.getLogger(__name__)

SOUGHT = 30
"""So many messages of an earlier run are looked up to be edited."""

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
        self._sought: deque[str] = deque(maxlen=SOUGHT)
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
    ) -> None:
        """This message is about this alert alone. shown: None when what it says is not known."""
        own = OwnMessage(
            message_id=message_id,
            maybe_repeated=maybe_repeated,
            changed_s=float("-inf"),
            shown=shown,
            is_unfinished=is_unfinished,
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
            members=members,
        )
        self._edits.sent(digest_key, own)
        for key in running:
            self._edits.joined((topic_id, key), digest_key)

    def late_sent(self, message: AlertMessage) -> None:
        """It says that it comes late, and stays as it is."""
        self._late.extend((message.topic_id, row.alert.key) for row in message.rows)

    def digest_part_sent(self, message: AlertMessage, message_id: int) -> None:
        """One of the messages that a digest of fresh alerts needs, with candles that ran when it was written. It may
        have waited behind the others until they closed, so it is looked at again in any case."""
        topic_id, digest_key = message.topic_id, (message.topic_id, _digest_key(message_id))
        part = tuple(row.alert.key for row in message.rows)
        own = OwnMessage(
            message_id=message_id,
            maybe_repeated=message.maybe_repeated,
            changed_s=self._now_s(),
            shown=(message.html, ()),
            is_unfinished=True,
            members=message.members,
            part=part,
        )
        self._edits.sent(digest_key, own)
        for key in part:
            self._edits.joined((topic_id, key), digest_key)
        self._edits.want_again(digest_key, self._now_s() + AWAITED_EDIT_AGE_S)

    def pressed(self, key: EditKey, message_id: int) -> None:
        self._edits.pressed(key, message_id, self._now_s())

    def refresh(self, alert_key: str, *, in_flight: Collection[EditKey]) -> None:
        """More is known about this alert now. in_flight: messages whose text is made already."""
        for topic_id in self.sender.topics:
            is_known = self._edits.want((topic_id, alert_key), self._now_s(), in_flight=in_flight)
            if not is_known and alert_key not in self._sought:
                self._sought.append(alert_key)

    def keep(self, kept: KeptEdit) -> None:
        """Of several for one message only the newest leaves."""
        self._kept[kept.message_id] = kept

    def forget(self) -> None:
        """The chat has a new id: messages sent under the old one cannot be edited."""
        self._edits.forget()
        self._kept.clear()

    def next(self, now_s: float) -> Step | float | None:
        """What to edit, or in how many seconds to ask again; None: nothing."""
        if self._sought:
            return self._seek(self._sought.popleft())
        step = self._next_edit(now_s)
        return self._next_update(now_s) if step is None else step

    def _next_edit(self, now_s: float) -> Step | float | None:
        if self.sender.pace.allowance(now_s) < EDITS_NEED:
            self._edits.drop_courtesies()
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
            if own.members:
                if not await self._edit_digest(topic_id, own, renderer) and awaited_until_s is not None:
                    self._edits.want_again(key, awaited_until_s)
                return
            alert = (await self._deps.outbox.alerts_of([alert_key])).get(alert_key)
            if alert is None:
                return
            own.is_unfinished = alert.is_running
            presses = await self._presses(destination, alert)
            maybe_repeated = await self._is_doubted(destination, alert_key, own)
            html = renderer.alert(alert, maybe_repeated=maybe_repeated, presses=presses)
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
        """The whole digest is written again, and of it the message that names the same alerts as this one. There is
        none when new numbers have moved an alert over the border to another message. False: that may end, candles still
        run; once all are final the message stays as it is."""
        known = await self._deps.outbox.alerts_of(own.members)
        alerts = [known[key] for key in own.members if key in known]
        ids = {alert.id for alert in alerts if alert.key in own.named}
        parts = renderer.digest(alerts, late=False, maybe_repeated=bool(own.maybe_repeated))
        html = next((part.html for part in parts if set(part.alert_ids) == ids), None)
        if len(alerts) == len(own.members) and html is not None and own.shown != (html, ()):
            own.is_unfinished = any(alert.is_running for alert in alerts if alert.key in own.named)
            await self.sender.edit(topic_id, own.message_id, html)
            own.shown = html, ()
        return html is not None or not any(alert.is_running for alert in alerts)

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
        digest. A digest in several messages is left as it is: which of them belong together is not kept."""
        outbox = self._deps.outbox
        try:
            alert = (await outbox.alerts_of([alert_key])).get(alert_key)
            if alert is None or alert.ts * 1000 >= self._since_ms:
                return  # sent by this run: it knows its own messages
            for topic_id in self.sender.topics:
                if (topic_id, alert_key) in self._late:
                    continue
                own = await outbox.own_message_of(self.sender.at(topic_id), alert_key)
                if own is None and alert.details.is_completed:
                    await self._seek_digest(topic_id, alert)
                elif own is not None:
                    message_id, maybe_repeated = own
                    self.sent((topic_id, alert_key), message_id, maybe_repeated=maybe_repeated)
                    self._edits.want((topic_id, alert_key), self._now_s(), in_flight=())
        except StorageError as problem:
            log.info("a message of an earlier run was not brought up to date: %s", problem)

    async def _seek_digest(self, topic_id: int | None, alert: Alert) -> None:
        digest = await self._deps.outbox.digest_of(self.sender.at(topic_id), alert.key)
        if digest is None or not digest.is_alone or digest.sent_ms > alert.minute_ms + MINUTE_MS + SENT_AT_CLOSE_MS:
            return
        digest_key = (topic_id, _digest_key(digest.message_id))
        if not self._edits.knows(digest_key):
            own = OwnMessage(
                message_id=digest.message_id,
                maybe_repeated=digest.maybe_repeated,
                changed_s=float("-inf"),
                is_unfinished=True,
                members=digest.keys,
            )
            self._edits.sent(digest_key, own)
            for key in digest.keys:
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
