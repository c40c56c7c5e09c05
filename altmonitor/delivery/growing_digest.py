"""The digest at the end of a chat that still grows: later alerts of the same storm are added to it by an edit.

An edit may leave sooner than a message and adds none to the screen, but it rings no bell. So a storm begins with a
message, and what is larger than all it sent so far, or of a kind it did not send yet, comes as a message again.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from altmonitor.core.alert import Alert
from altmonitor.delivery.digest_decision import STORM_MEMORY_S
from altmonitor.delivery.messages import AlertMessage, with_line
from altmonitor.interfaces.delivery import DigestPart, Queued, Renderer

log = logging.getLogger(__name__)

GROWS_FOR_S = 60.0
"""So long after its message was sent, a digest takes more. Later a new message says that the storm goes on."""

MOST_NAMED = 300
"""No message has room for more; so many texts need not be tried."""


@dataclass(slots=True, kw_only=True)
class _Growing:
    """rows: what the message names. since_s: when it was sent, monotonic."""

    message_id: int
    rows: tuple[Queued, ...]
    since_s: float
    maybe_repeated: bool
    wait_line: str


@dataclass(slots=True, kw_only=True)
class _Storm:
    """largest: the largest size sent, per kind and direction. sent_s: when something was last sent, monotonic."""

    sent_s: float
    largest: dict[tuple[str, str], float] = field(default_factory=dict)
    growing: _Growing | None = None


class Growth:
    """Per topic of one chat. Moments are monotonic seconds."""

    def __init__(self) -> None:
        self._storms: dict[int | None, _Storm] = {}

    def can_grow(self, topic_id: int | None, now_s: float) -> bool:
        storm = self._storms.get(topic_id)
        growing = None if storm is None else storm.growing
        return growing is not None and now_s - growing.since_s < GROWS_FOR_S

    def quiet(self, topic_id: int | None, rows: Iterable[Queued]) -> list[Queued]:
        """Those that need no bell; what may be a repeat is never among them, because a digest is marked as a whole."""
        largest = self._storms[topic_id].largest
        return [
            row for row in rows if not row.maybe_repeated and _size(row.alert) <= largest.get(_sort(row.alert), -1.0)
        ]

    def running(self, topic_id: int | None) -> list[str]:
        """Keys of the alerts in it whose candles still ran when they were added."""
        growing = self._storms[topic_id].growing
        return [] if growing is None else [row.alert.key for row in growing.rows if row.alert.is_running]

    def refresh(self, topic_id: int | None, known: Mapping[str, Alert]) -> None:
        """What is known of them by now."""
        growing = self._storms[topic_id].growing
        if growing is not None:
            growing.rows = tuple(replace(row, alert=known.get(row.alert.key, row.alert)) for row in growing.rows)

    def grown(self, renderer: Renderer, topic_id: int | None, rows: Sequence[Queued]) -> AlertMessage | None:
        """The digest with as many of these as fit, the first ones first.

        None: there is room for none, or no words; then it grows no more.
        """
        growing = self._storms[topic_id].growing
        try:
            message = None if growing is None else _with_more(growing, renderer, topic_id, rows)
        except Exception:  # whose fault it is shows when they are sent by themselves
            log.exception("a digest could not be put into words again")
            message = None
        if message is None:
            self.stop(topic_id)
        return message

    def sent(self, message: AlertMessage, message_id: int, now_s: float) -> None:
        """The chat has it. Any message ends the growth of the one above it; a whole digest begins to grow."""
        if message.is_late:
            self.stop(message.topic_id)
            return
        storm = self._storm_at(message.topic_id, now_s)
        storm.sent_s = now_s
        for row in message.rows:
            sort = _sort(row.alert)
            storm.largest[sort] = max(_size(row.alert), storm.largest.get(sort, 0.0))
        if message.grows is None:
            storm.growing = None
        elif storm.growing is not None:
            storm.growing.rows += message.rows
        if message.is_whole_digest:
            storm.growing = _Growing(
                message_id=message_id,
                rows=message.rows,
                since_s=now_s,
                maybe_repeated=message.maybe_repeated,
                wait_line=message.wait_line,
            )

    def stop(self, topic_id: int | None) -> None:
        """Something else was or may have been said below the digest, or it cannot be edited."""
        storm = self._storms.get(topic_id)
        if storm is not None:
            storm.growing = None

    def stop_all(self) -> None:
        self._storms.clear()

    def _storm_at(self, topic_id: int | None, now_s: float) -> _Storm:
        storm = self._storms.get(topic_id)
        if storm is None or now_s - storm.sent_s > STORM_MEMORY_S:
            storm = self._storms[topic_id] = _Storm(sent_s=now_s)
        return storm


def _with_more(
    growing: _Growing, renderer: Renderer, topic_id: int | None, rows: Sequence[Queued]
) -> AlertMessage | None:
    rows = rows[: max(0, MOST_NAMED - len(growing.rows))]

    def parts(count: int) -> list[DigestPart]:
        alerts = [row.alert for row in (*growing.rows, *rows[:count])]
        return renderer.digest(alerts, late=False, maybe_repeated=growing.maybe_repeated)

    fitting = bisect_right(range(1, len(rows) + 1), 1, key=lambda count: len(parts(count)))
    written = parts(fitting)
    if not fitting or len(written) != 1:
        return None
    return AlertMessage(
        topic_id=topic_id,
        html=with_line(written[0].html, growing.wait_line),
        rows=tuple(rows[:fitting]),
        own_key=None,
        is_late=False,
        maybe_repeated=growing.maybe_repeated,
        grows=growing.message_id,
        wait_line=growing.wait_line,
    )


def _sort(alert: Alert) -> tuple[str, str]:
    return alert.kind, alert.direction


def _size(alert: Alert) -> float:
    """What was compared with the threshold, without its sign; not known: 0."""
    return 0.0 if alert.metric is None or alert.metric != alert.metric else abs(alert.metric)
