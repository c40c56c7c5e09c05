"""Everything the program says to chats: alerts from the outbox, answers, notices, edits; one queue per chat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from altmonitor.core.durations import DurationStatus
from altmonitor.core.errors import DeliveryError, StorageError
from altmonitor.core.types import Destination
from altmonitor.delivery.chat_queue import ChatQueue
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.edits import SOUGHT_AT_FIRST, KeptEdit
from altmonitor.delivery.sender import OutgoingText
from altmonitor.interfaces.delivery import Keyboard

log = logging.getLogger(__name__)


class Dispatcher:
    """destinations: where alerts go. Chats that are only answered get their queue when they are first answered.

    `reply`, `notice` and `refresh` are synchronous: they queue (bounded) and never wait. Before `run` is started what
    they queue waits for it.
    """

    def __init__(self, deps: DeliveryDeps, destinations: Iterable[Destination]) -> None:
        self._deps = deps
        self._chat_queues: dict[int, ChatQueue] = {}
        self._former_ids: dict[int, int] = {}
        self._not_told: dict[str, None] = {}  # alerts of which more is known, and which not every chat was told now
        self._has_not_told = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._task_of: dict[ChatQueue, asyncio.Task[None]] = {}
        self.set_destinations(destinations)

    def set_destinations(self, destinations: Iterable[Destination]) -> None:
        """Where alerts go from now on; also to be called, with the same ones, when a style was changed.

        What waits for one that is left out is given up; it is still answered when somebody asks there.
        """
        topics: dict[int, list[int | None]] = {chat_id: [] for chat_id in self._chat_queues}
        for destination in dict.fromkeys(destinations):
            chat_id = self._former_ids.get(destination.chat_id, destination.chat_id)
            of_chat = topics.setdefault(chat_id, [])
            if destination.topic_id not in of_chat:
                of_chat.append(destination.topic_id)
        for chat_id, of_chat in topics.items():
            if chat_id not in self._chat_queues:
                self._chat_queues[chat_id] = ChatQueue(self._deps, chat_id, of_chat, on_moved=self._queue_moved)
                self._start(self._chat_queues[chat_id])
            else:
                self._chat_queues[chat_id].set_topics(of_chat)

    async def run(self) -> None:
        """Until cancelled; then it ends within 3 s, and what was not accepted stays queued. May be run again."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for chat_queue in self._chat_queues.values():
                    self._start(chat_queue)
                tasks.create_task(self._look_back(), name="messages of earlier runs")
                while True:  # whoever has something new is woken, and nobody else
                    for destination in await self._deps.outbox.wait_for_work():
                        chat_id = self._former_ids.get(destination.chat_id, destination.chat_id)
                        if chat_id in self._chat_queues:
                            self._chat_queues[chat_id].alerts_came()
        finally:
            self._tasks = None
            self._task_of.clear()

    def reply(
        self,
        destination: Destination,
        html_parts: Sequence[str],
        *,
        reply_to: int | None = None,
        buttons: Keyboard = (),
    ) -> None:
        """Answer a command; each part is a message, the first one replies to `reply_to`, the last one has `buttons`."""
        chat_queue, last = self._chat_queue(destination.chat_id), len(html_parts) - 1
        for at, html in enumerate(html_parts):
            words = OutgoingText(
                html=html, reply_to=reply_to if at == 0 else None, buttons=buttons if at == last else ()
            )
            chat_queue.reply(destination.topic_id, words)

    def picture(
        self, destination: Destination, png: bytes, *, caption_html: str, reply_to: int | None, is_asked: bool
    ) -> None:
        """is_asked: it answers somebody. Else it follows an alert, without a bell, and only if the chat is idle."""
        words = OutgoingText(html=caption_html, reply_to=reply_to)
        self._chat_queue(destination.chat_id).picture(destination.topic_id, png, words, is_asked=is_asked)

    def pressed(self, destination: Destination, alert_key: str, message_id: int) -> None:
        """Somebody pressed a button under the message of this alert; its text is brought up to date soon."""
        self._chat_queue(destination.chat_id).pressed(destination.topic_id, alert_key, message_id)

    def post(
        self,
        destination: Destination,
        html: str,
        *,
        reply_to: int | None,
        on_sent: Callable[[int], None],
        buttons: Keyboard = (),
    ) -> None:
        """As `reply`; on_sent is told the message's id. It is not called when the message could not be sent."""
        self._chat_queue(destination.chat_id).reply(
            destination.topic_id, OutgoingText(html=html, reply_to=reply_to, buttons=buttons), on_sent
        )

    def update(
        self, destination: Destination, message_id: int, html: str, *, on_end: Callable[[DeliveryError | None], None]
    ) -> None:
        """Edit a message that was posted, when nothing else is to be said; a newer update takes its place.

        on_end: None, or why the message was not edited; not called when there was no room for edits.
        """
        kept = KeptEdit(topic_id=destination.topic_id, message_id=message_id, html=html, on_end=on_end)
        self._chat_queue(destination.chat_id).update(kept)

    def close_question(self, destination: Destination, message_id: int) -> None:
        """It was answered: its buttons go when nothing else is to be said."""
        kept = KeptEdit(topic_id=destination.topic_id, message_id=message_id, html=None, on_end=lambda problem: None)
        self._chat_queue(destination.chat_id).update(kept)

    def notice(self, destination: Destination, html: str, *, on_sent: Callable[[int], None] | None = None) -> None:
        """An operator notice. It waits while the bot may not write there, for hours at most. on_sent: as for `post`."""
        self._chat_queue(destination.chat_id).notice(destination.topic_id, html, on_sent)

    def opened(self, destination: Destination, *, is_certain: bool) -> None:
        """The bot was let in there, or the topic was opened; not is_certain: somebody writes there, which suggests it.
        Without a topic: the whole chat. What waits for it is tried now."""
        chat_id = self._former_ids.get(destination.chat_id, destination.chat_id)
        if chat_id in self._chat_queues:
            self._chat_queues[chat_id].opened(destination.topic_id, is_certain=is_certain)

    def refresh(self, alert_key: str) -> None:
        """More is known about this alert now. Where it went out as its own message that is edited when there is room;
        where it still waits it is sent with what is known then. Nobody else is woken."""
        is_unknown = [chat_queue.refresh(alert_key) for chat_queue in self._chat_queues.values()]
        if any(is_unknown):
            self._not_told[alert_key] = None
            if len(self._not_told) > SOUGHT_AT_FIRST:
                del self._not_told[next(iter(self._not_told))]
            self._has_not_told.set()

    def latency_ms(self) -> tuple[float | None, float | None]:
        """p50 and p99 from detection to acceptance by the chat service over the last 1,000; None before the first."""
        return self._deps.latency.percentile(0.5), self._deps.latency.percentile(0.99)

    def durations(self) -> DurationStatus:
        """The same over all deliveries, counted."""
        return self._deps.latency.durations.status()

    async def drop(self, is_dropped: Callable[[int], bool]) -> None:
        """Chats that another process speaks to from now on. Returns when nothing is under way to them any more."""
        tasks: list[asyncio.Task[None]] = []
        for chat_id in [chat_id for chat_id in self._chat_queues if is_dropped(chat_id)]:
            task = self._task_of.pop(self._chat_queues.pop(chat_id), None)
            if task is not None:
                task.cancel()
                tasks.append(task)
        if tasks:
            await asyncio.wait(tasks)

    async def _look_back(self) -> None:
        """Whether an earlier run may have told what this one has not is asked once for all chats."""
        while True:
            await self._has_not_told.wait()
            self._has_not_told.clear()
            keys, self._not_told = list(self._not_told), {}
            try:
                alerts = await self._deps.outbox.alerts_of(keys)
            except StorageError as problem:
                log.info("messages of an earlier run were not brought up to date: %s", problem)
                continue
            for alert in alerts.values():
                for chat_queue in self._chat_queues.values():
                    chat_queue.look_for(alert)

    def _chat_queue(self, chat_id: int) -> ChatQueue:
        chat_id = self._former_ids.get(chat_id, chat_id)
        if chat_id not in self._chat_queues:
            self._chat_queues[chat_id] = ChatQueue(self._deps, chat_id, (), on_moved=self._queue_moved)
            self._start(self._chat_queues[chat_id])
        return self._chat_queues[chat_id]

    def _start(self, chat_queue: ChatQueue) -> None:
        if self._tasks is not None:
            running = self._tasks.create_task(chat_queue.run(), name=f"delivery-{chat_queue.sender.chat_id}")
            self._task_of[chat_queue] = running

    def _queue_moved(self, chat_queue: ChatQueue, old_chat_id: int) -> None:
        new_chat_id = chat_queue.sender.chat_id
        self._former_ids = {**self._former_ids, old_chat_id: new_chat_id}
        self._chat_queues.pop(old_chat_id, None)
        same_chat = self._chat_queues.pop(new_chat_id, None)
        if same_chat is not None:
            ending = self._task_of.pop(same_chat, None)
            if ending is not None:
                ending.cancel()
            chat_queue.take_over(same_chat, ending)
        self._chat_queues[new_chat_id] = chat_queue
        chat_queue.wake()
        for topic_id in chat_queue.sender.topics or [None]:
            old = Destination(chat_id=old_chat_id, topic_id=topic_id)
            self._deps.events.moved(old, chat_queue.sender.at(topic_id))
