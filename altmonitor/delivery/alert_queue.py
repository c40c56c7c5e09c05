"""Which alert message is next in a chat, and what becomes of its rows."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import timeouts
from altmonitor.core.errors import ChatUnreachable, ClaimLost, DeliveryError, MessageRefused, StorageError, TopicClosed
from altmonitor.delivery import messages
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.digest_decision import (
    EXPIRED_AFTER_S,
    HORIZON_S,
    LOOK_AGAIN_S,
    STORM_MEMORY_S,
    DestinationStyle,
    DigestMoment,
    Gather,
    Held,
    SendNow,
    Wait,
    age_s,
    decide,
    is_late,
)
from altmonitor.delivery.growing_digest import Growth
from altmonitor.delivery.messages import AlertMessage
from altmonitor.delivery.pacing import GROWTH_NEEDS
from altmonitor.delivery.sender import ChatSender
from altmonitor.interfaces.delivery import Queued

# ---
# How rows of the outbox end that were not sent: refused, too old, not wanted any more.


log = logging.getLogger(__name__)

TOO_OLD = "older than a day when the chat could be reached"
NOT_WANTED = "no alerts are wanted there any more"


class DeliveryOutcomes:
    """Of one chat. Each waits until the outbox has written it."""

    def __init__(self, deps: DeliveryDeps, sender: ChatSender) -> None:
        self._deps = deps
        self._sender = sender
        self._given_up: Counter[int | None] = Counter()

    def take_given_up(self, topic_id: int | None) -> int:
        """How many alerts became too old since this was asked last."""
        return self._given_up.pop(topic_id, 0)

    async def record(self, message: AlertMessage, problem: DeliveryError, *, outcome_unknown: bool) -> None:
        """It stays queued."""
        destination = self._sender.at(message.topic_id)
        await self._deps.insist(
            lambda: self._deps.outbox.record_error(
                destination, message.alert_ids, error=problem.cause, outcome_unknown=outcome_unknown
            )
        )

    async def put_off(self, message: AlertMessage) -> None:
        """It stays queued; nothing was tried and nothing went wrong."""
        destination = self._sender.at(message.topic_id)
        await self._deps.insist(lambda: self._deps.outbox.record_error(destination, message.alert_ids, error=None))

    async def failed(self, topic_id: int | None, alert_ids: Sequence[int], error: Cause) -> None:
        destination = self._sender.at(topic_id)
        await self._deps.insist(lambda: self._deps.outbox.mark_failed(destination, alert_ids, error=error))

    async def not_wanted(self, topic_id: int | None, rows: Sequence[Queued]) -> None:
        await self._expired(topic_id, rows, NOT_WANTED)
        log.info("%d alerts for %s are not sent: %s", len(rows), self._sender.at(topic_id), NOT_WANTED)

    async def without_expired(
        self, topic_id: int | None, rows: Sequence[Queued], now_ms: int, held_until_ms: Callable[[Queued], int | None]
    ) -> Sequence[Queued]:
        """Quiet hours, up to a day long, take nothing from the time a message has to arrive."""

        def is_expired(row: Queued) -> bool:
            if age_s(row, now_ms) <= EXPIRED_AFTER_S:
                return False
            until_ms = held_until_ms(row)
            return until_ms is None or now_ms - until_ms > EXPIRED_AFTER_S * 1000

        expired = [row for row in rows if is_expired(row)]
        if not expired:
            return rows
        await self._expired(topic_id, expired, TOO_OLD)
        destination = self._sender.at(topic_id)
        log.warning("%d alerts for %s were older than a day and are not sent any more", len(expired), destination)
        self._given_up[topic_id] += len(expired)
        return [row for row in rows if row not in expired]

    async def _expired(self, topic_id: int | None, rows: Sequence[Queued], error: str) -> None:
        destination, ids = self._sender.at(topic_id), [row.alert.id for row in rows if row.alert.id is not None]
        await self._deps.insist(lambda: self._deps.outbox.mark_expired(destination, ids, error=error))


ROWS_AT_ONCE = 2000
ALL_ROWS = 1_000_000
WAITED_S = 10.0
"""What has waited so long was held up; a storm takes no longer."""


class AlertQueue:
    """The alerts of one chat."""

    def __init__(self, deps: DeliveryDeps, sender: ChatSender) -> None:
        self._deps = deps
        self._sender = sender
        self._at = sender.at
        self._planned: deque[AlertMessage] = deque()
        self._sent_ms: deque[int] = deque(maxlen=200)
        self._digest_s: float | None = None
        self._fresh_in_a_row = 0
        self._growth = Growth()
        self._held = Held()
        self._outcomes = DeliveryOutcomes(deps, sender)

    @property
    def planned_keys(self) -> list[tuple[int | None, str]]:
        """Alerts whose text is made already."""
        return [(message.topic_id, message.own_key) for message in self._planned if message.own_key is not None]

    def take_given_up(self, topic_id: int | None) -> int:
        """How many alerts became too old since this was asked last."""
        return self._outcomes.take_given_up(topic_id)

    async def held_up(self, topic_id: int | None) -> int:
        """How many alerts have waited for the chat, and not for the end of quiet hours."""
        now_ms, style = self._deps.clock.now_ms(), self._destination_style(topic_id)
        rows = await self._rows(topic_id, limit=ALL_ROWS)
        return sum(
            now_ms - row.queued_ms > WAITED_S * 1000 and self._held.until_ms(topic_id, row, style, now_ms) is None
            for row in rows
        )

    async def is_waiting(self) -> bool:
        """True when something could be sent if the pace allowed it."""
        now_s, now_ms = self._deps.clock.monotonic(), self._deps.clock.now_ms()
        found = False
        for topic_id in self._sender.topics:
            until_ms = self._destination_style(topic_id).quiet_until(now_ms)
            if until_ms is not None:
                self._held.hold(topic_id, await self._rows(topic_id), until_ms)
            elif not found and self._sender.may_try(topic_id, now_s):
                found = bool(await self._rows(topic_id, limit=1))
        return found

    def wakes_at_s(self) -> float | None:
        """When what is closed may be tried again, or quiet hours may be over; None: only something new changes
        anything."""
        now_s, now_ms = self._deps.clock.monotonic(), self._deps.clock.now_ms()
        try_s = self._sender.next_try_s(now_s)
        moments = [] if try_s is None else [try_s]
        for topic_id in self._sender.topics:
            until_ms = self._destination_style(topic_id).quiet_until(now_ms)
            if until_ms is not None:
                moments.append(now_s + min(LOOK_AGAIN_S, (until_ms - now_ms) / 1000))
        return min(moments, default=None)

    def is_storm(self) -> bool:
        """A digest left a moment ago."""
        return self._digest_s is not None and self._deps.clock.monotonic() - self._digest_s <= STORM_MEMORY_S

    async def next(self) -> AlertMessage | Wait | None:
        """None: nothing to tell. A message stays the next one until a method below hears what became of it."""
        shortest: Wait | None = None
        open_topics = self._open_topics()
        if any(message.topic_id not in open_topics for message in self._planned):
            self.drop_planned()
        while not self._planned:
            decided = await self._decide_for_oldest()
            if decided is None or isinstance(decided, Wait):
                shortest = decided
                break
            await self._plan(*decided)
        return self._planned[0] if self._planned else shortest

    async def next_growth(self, *, is_message_free: bool) -> AlertMessage | Wait | None:
        """What can be added to a digest by an edit, or when to ask again; None: nothing, as far as is known now.

        is_message_free: a message may leave as well. Then everything that waits leaves in it if it needs a bell anyway.
        """
        now_s, waits = self._deps.clock.monotonic(), []
        for topic_id in self._open_topics():
            if self._planned or not self._growth.can_grow(topic_id, now_s):
                continue
            decision = await self._decide(topic_id, await self._rows(topic_id))
            if isinstance(decision, Wait):
                waits.append(decision.seconds)
            if not isinstance(decision, Gather) or decision.late or self._sender.pace.allowance(now_s) < GROWTH_NEEDS:
                continue
            quiet = self._growth.quiet(topic_id, decision.rows)
            if not quiet or (is_message_free and len(quiet) < len(decision.rows)):
                continue
            wait_s = self._sender.free_at_s(now_s, is_edit=True) - now_s
            if wait_s > 0:
                waits.append(wait_s)
                continue
            if running := self._growth.running(topic_id):
                with suppress(StorageError):
                    self._growth.refresh(topic_id, await self._deps.outbox.alerts_of(running))
            message = self._growth.grown(self._destination_style(topic_id).renderer, topic_id, quiet)
            if message is not None:
                return message
        return Wait(seconds=min(waits)) if waits else None

    def can_grow(self) -> bool:
        """True when something could be added to a digest by an edit."""
        now_s = self._deps.clock.monotonic()
        return not self._planned and any(self._growth.can_grow(topic_id, now_s) for topic_id in self._open_topics())

    def drop_planned(self) -> None:
        """Decide anew: by now more may wait, and the rows know what may have arrived."""
        self._planned.clear()

    def chat_moved(self) -> None:
        """Messages under the old id cannot be edited."""
        self.drop_planned()
        self._growth.stop_all()

    async def accepted(self, message: AlertMessage, message_id: int) -> None:
        now_ms = self._deps.clock.now_ms()
        destination = self._at(message.topic_id)
        await self._deps.insist(
            lambda: self._deps.outbox.mark_sent(destination, message.alert_ids, message_id=message_id, sent_ms=now_ms)
        )
        for row in message.rows:
            if not message.is_held:
                self._deps.latency.add(now_ms - row.alert.ts * 1000)
            self._sent_ms.append(row.queued_ms)
        self._held.forget(message.topic_id, message.rows)
        self._remove(message)
        self._growth.sent(message, message_id, self._deps.clock.monotonic())
        self._fresh_in_a_row = 0 if message.is_late else self._fresh_in_a_row + 1
        if message.own_key is None and not message.is_late:
            self._digest_s = self._deps.clock.monotonic()

    async def begin(self, message: AlertMessage) -> bool:
        """False: quiet hours began before the outbox had written it, or another process sends it. Then it is not to be
        said."""
        if message.grows is None:
            self._growth.stop(message.topic_id)
        destination = self._at(message.topic_id)
        try:
            await self._deps.insist(lambda: self._deps.outbox.begin_attempt(destination, message.alert_ids))
        except ClaimLost as problem:
            log.warning("not sent from here: %s", problem)
            self.drop_planned()
            return False
        if not self._destination_style(message.topic_id).is_quiet(self._deps.clock.now_ms()):
            return True
        await self._outcomes.put_off(message)
        self.drop_planned()
        return False

    def interrupted(self, topic_id: int | None) -> None:
        """Something else is about to be said there."""
        self._growth.stop(topic_id)

    async def retire(self, topic_id: int | None) -> None:
        """No alerts are wanted there any more: what waits is given up."""
        self.drop_planned()
        self._growth.stop(topic_id)
        self._sender.forget_closed(topic_id)
        while rows := await self._rows(topic_id):
            await self._outcomes.not_wanted(topic_id, rows)
            self._held.forget(topic_id, rows)

    async def refused(self, message: AlertMessage, problem: DeliveryError) -> None:
        """What the chat service's error means for the rows of this message."""
        if message.grows is not None:  # whatever it was: they come as a message of their own
            self._growth.stop(message.topic_id)
            unknown = isinstance(problem, ChatUnreachable) and problem.outcome_unknown
            await self._outcomes.record(message, problem, outcome_unknown=unknown)
        elif isinstance(problem, TopicClosed):  # once: from now on the way out leads to the chat's general topic
            await self._outcomes.record(message, problem, outcome_unknown=False)
        elif isinstance(problem, MessageRefused):
            if messages.repaired(message, problem):
                await self._outcomes.record(message, problem, outcome_unknown=False)
            else:
                await self._outcomes.failed(message.topic_id, message.alert_ids, problem.cause)
                self._remove(message)
                self._deps.events.refused(self._at(message.topic_id), len(message.alert_ids), problem.cause)
        else:
            unknown = isinstance(problem, ChatUnreachable) and problem.outcome_unknown
            await self._outcomes.record(message, problem, outcome_unknown=unknown)
            self.drop_planned()

    # --- deciding

    async def _decide_for_oldest(self) -> tuple[int | None, SendNow | Gather] | Wait | None:
        """Topics take turns by their oldest row."""
        waits = []
        waiting: list[tuple[int, int | None, Sequence[Queued]]] = []
        for topic_id in self._open_topics():
            rows = await self._rows(topic_id)
            if rows:
                waiting.append((rows[0].queued_ms, topic_id, rows))
        for _, topic_id, rows in sorted(waiting, key=lambda item: item[0]):
            decision = await self._decide(topic_id, rows)
            if isinstance(decision, Wait):
                waits.append(decision.seconds)
            elif decision is not None:
                return topic_id, decision
        return Wait(seconds=min(waits)) if waits else None

    async def _decide(self, topic_id: int | None, rows: Sequence[Queued]) -> SendNow | Gather | Wait | None:
        clock = self._deps.clock
        now_s, now_ms = clock.monotonic(), clock.now_ms()
        destination_style = self._destination_style(topic_id)

        def held_until_ms(row: Queued) -> int | None:
            return self._held.until_ms(topic_id, row, destination_style, now_ms)

        rows = await self._outcomes.without_expired(topic_id, rows, now_ms, held_until_ms)
        if rows and self._sender.is_closed(topic_id):  # the newest one finds out whether it may be written to again
            newest = rows[-1]
            is_held = held_until_ms(newest) is not None
            if is_held or is_late(newest, now_ms):
                return Gather(rows=(newest,), late=True, held=is_held)
            return SendNow(row=newest)
        moment = DigestMoment(
            now_ms=now_ms,
            can_leave=lambda count: self._sender.can_leave_within(count, HORIZON_S),
            digest_age_s=None if self._digest_s is None else now_s - self._digest_s,
            sent_lately=sum(1 for queued_ms in self._sent_ms if now_ms - queued_ms <= HORIZON_S * 1000),
            fresh_in_a_row=self._fresh_in_a_row,
            held_until_ms=held_until_ms,
        )
        return decide(rows, moment)

    # --- making messages

    async def _plan(self, topic_id: int | None, decision: SendNow | Gather) -> None:
        """A text that cannot be made must not stop the alerts behind it, whatever the reason."""
        if isinstance(decision, Gather) and (len(decision.rows) > 1 or decision.late):
            try:
                behind_s = None if decision.late else self._behind_s(decision.rows)
                style = self._destination_style(topic_id)
                self._planned.extend(messages.digest(style, topic_id, decision, behind_s=behind_s))
            except Exception:
                log.exception("a digest could not be put into words; its first alert is sent by itself")
                await self._plan_single(topic_id, decision.rows[0])
        else:
            await self._plan_single(topic_id, decision.row if isinstance(decision, SendNow) else decision.rows[0])

    async def _plan_single(self, topic_id: int | None, row: Queued) -> None:
        reply_to = await self._first_of_episode(topic_id, row)
        try:
            style, behind_s = self._destination_style(topic_id), self._behind_s([row])
            self._planned.append(messages.single(style, topic_id, row, reply_to=reply_to, behind_s=behind_s))
        except Exception as problem:
            log.exception("an alert could not be put into words")
            why = Cause(CauseCode.OTHER, f"could not be rendered: {problem!r}")
            await self._outcomes.failed(topic_id, [row.alert.id or 0], why)

    def _behind_s(self, rows: Iterable[Queued]) -> float | None:
        """How long the oldest of these has waited; None: as long as gathering and pacing take."""
        clock = self._deps.clock
        waited_s = (clock.now_ms() - min(row.queued_ms for row in rows)) / 1000
        return waited_s if waited_s >= timeouts(clock, WAITED_S) else None

    async def _first_of_episode(self, topic_id: int | None, row: Queued) -> int | None:
        key = row.alert.details.episode_key
        if key is None:
            return None
        try:
            return await self._deps.outbox.message_id_of(self._at(topic_id), key)
        except StorageError as problem:
            log.warning("sent without its reply mark: %s", problem)
            return None

    def _destination_style(self, topic_id: int | None) -> DestinationStyle:
        return self._deps.style_of(self._at(topic_id))

    def _open_topics(self) -> list[int | None]:
        """Those that may be written to now: not gone, and no quiet hours."""
        now_s, now_ms = self._deps.clock.monotonic(), self._deps.clock.now_ms()
        return [
            topic_id
            for topic_id in self._sender.topics
            if self._sender.may_try(topic_id, now_s) and not self._destination_style(topic_id).is_quiet(now_ms)
        ]

    async def _rows(self, topic_id: int | None, *, limit: int = ROWS_AT_ONCE) -> Sequence[Queued]:
        return await self._deps.outbox.queued(self._at(topic_id), limit=limit)

    def _remove(self, message: AlertMessage) -> None:
        if message in self._planned:
            self._planned.remove(message)
