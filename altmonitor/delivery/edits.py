"""Edits of what was said before, in one chat: made when nothing else is to be said, and dropped rather than queued up.

An alert's message shows what was learned and pressed since; a status message is kept up to date; an answered question
loses its buttons.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Coroutine
from typing import Any

from altmonitor.core.alert import Alert
from altmonitor.core.errors import ChatGone, DeliveryError, MessageRefused, StorageError
from altmonitor.core.types import Destination
from altmonitor.delivery.context import DeliveryDeps
from altmonitor.delivery.messages import EditKey, KeptEdit, OwnMessage, PendingEdits
from altmonitor.delivery.pacing import EDITS_NEED
from altmonitor.delivery.sender import ChatSender
from altmonitor.interfaces.delivery import Press

log = logging.getLogger(__name__)

SOUGHT = 30
"""So many messages of an earlier run are looked up to be edited."""

Step = Coroutine[Any, Any, None]


class MessageEdits:
    """Of one chat."""

    def __init__(self, deps: DeliveryDeps, outlet: ChatSender) -> None:
        self._deps = deps
        self.outlet = outlet
        self._edits = PendingEdits()
        self._kept: dict[int, KeptEdit] = {}
        self._sought: deque[str] = deque(maxlen=SOUGHT)
        self._since_ms = deps.clock.now_ms()

    def sent(self, key: EditKey, message_id: int, *, maybe_repeated: bool) -> None:
        """This message is about this alert alone."""
        own = OwnMessage(message_id=message_id, maybe_repeated=maybe_repeated, changed_s=float("-inf"))
        self._edits.sent(key, own)

    def pressed(self, key: EditKey, message_id: int) -> None:
        self._edits.pressed(key, message_id, self._now_s())

    def refresh(self, alert_key: str, *, in_flight: Collection[EditKey]) -> None:
        """More is known about this alert now. in_flight: messages whose text is made already."""
        for topic_id in self.outlet.topics:
            is_known = self._edits.want((topic_id, alert_key), self._now_s(), in_flight=in_flight)
            if not is_known and alert_key not in self._sought:
                self._sought.append(alert_key)

    def keep(self, kept: KeptEdit) -> None:
        """Of several for one message only the newest leaves."""
        self._kept[kept.message_id] = kept

    def forget(self) -> None:
        """The chat has a new id: messages told under the old one cannot be edited."""
        self._edits.forget()
        self._kept.clear()

    def next(self, now_s: float) -> Step | float | None:
        """What to edit, or in how many seconds to ask again; None: nothing."""
        if self._sought:
            return self._seek(self._sought.popleft())
        return self._next_edit(now_s) or self._next_update(now_s)

    def _next_edit(self, now_s: float) -> Step | float | None:
        if self.outlet.pace.allowance(now_s) < EDITS_NEED:
            self._edits.drop_courtesies()
        due = self._edits.due(now_s)
        if due is None:
            due_s = self._edits.next_due_s()
            return None if due_s is None else due_s - now_s
        free_s = self.outlet.free_at_s(now_s, is_edit=True)
        return free_s - now_s if free_s > now_s else self._edit(*due)

    def _next_update(self, now_s: float) -> Step | float | None:
        if self.outlet.pace.allowance(now_s) < EDITS_NEED:
            self._kept.clear()
        if not self._kept:
            return None
        free_s = self.outlet.free_at_s(now_s, is_edit=True)
        return free_s - now_s if free_s > now_s else self._update(self._kept.pop(next(iter(self._kept))))

    async def _edit(self, key: EditKey, own: OwnMessage) -> None:
        topic_id, alert_key = key
        awaited_until_s = self._edits.awaited_until_s(key)
        self._edits.edited(key, self._now_s())
        destination = self.outlet.at(topic_id)
        renderer = self._deps.voice_of(destination).renderer
        try:
            alert = (await self._deps.outbox.alerts_of([alert_key])).get(alert_key)
            if alert is None:
                return
            presses = await self._presses(destination, alert)
            maybe_repeated = await self._is_doubted(destination, alert_key, own)
            html = renderer.alert(alert, maybe_repeated=maybe_repeated, presses=presses)
            await self.outlet.edit(topic_id, own.message_id, html, buttons=renderer.buttons(alert))
        except (MessageRefused, ChatGone) as problem:
            log.info("a message cannot be brought up to date: %s", problem)
            self._edits.lost(key)
        except (StorageError, DeliveryError) as problem:
            log.info("a message was not brought up to date: %s", problem)
            if awaited_until_s is not None:
                self._edits.want_again(key, awaited_until_s)

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
        """An earlier run may have told this alert in a message of its own."""
        outbox = self._deps.outbox
        try:
            alert = (await outbox.alerts_of([alert_key])).get(alert_key)
            if alert is None or alert.ts * 1000 >= self._since_ms:
                return  # told by this run: it knows its own messages
            for topic_id in self.outlet.topics:
                own = await outbox.own_message_of(self.outlet.at(topic_id), alert_key)
                if own is not None:
                    message_id, maybe_repeated = own
                    self.sent((topic_id, alert_key), message_id, maybe_repeated=maybe_repeated)
                    self._edits.want((topic_id, alert_key), self._now_s(), in_flight=())
        except StorageError as problem:
            log.info("a message of an earlier run was not brought up to date: %s", problem)

    async def _update(self, kept: KeptEdit) -> None:
        try:
            if kept.html is None:
                await self.outlet.take_buttons_off(kept.topic_id, kept.message_id)
            else:
                await self.outlet.edit(kept.topic_id, kept.message_id, kept.html)
        except DeliveryError as problem:
            kept.on_end(problem)
        else:
            kept.on_end(None)

    def _now_s(self) -> float:
        return self._deps.clock.monotonic()
