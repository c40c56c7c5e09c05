"""One by one, together, or not yet? The decision over what waits for one chat. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from altmonitor.core.alert import Kind
from altmonitor.interfaces.delivery import Queued, Renderer


def never(at_ms: int) -> int | None:
    """No quiet hours."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationStyle:
    """is_silent: alerts and news ring no bell; silent_kinds: alerts of these do not.

    quiet_until: unix ms → the end, unix ms, of the quiet hours that hold at that moment; None: none hold.
    """

    renderer: Renderer
    is_silent: bool = False
    silent_kinds: frozenset[Kind] = frozenset()
    quiet_until: Callable[[int], int | None] = never

    def rings(self, rows: Iterable[Queued]) -> bool:
        """For a message about these alerts: it does for one of them."""
        return not self.is_silent and any(row.alert.kind not in self.silent_kinds for row in rows)

    def is_quiet(self, at_ms: int) -> bool:
        return self.quiet_until(at_ms) is not None


HORIZON_S = 10.0
"""What cannot leave one by one within this time leaves together."""
LATE_AFTER_S = 600.0
EXPIRED_AFTER_S = 86_400.0
FIRST_GATHER_S = 0.3
STORM_GATHER_S = 6.0
STORM_MEMORY_S = 30.0
ENOUGH_FOR_A_MESSAGE = 60
FRESH_IN_A_ROW = 3
"""After so many messages of fresh alerts the old ones have their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendNow:
    """This one, as its own message."""

    row: Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """All of these in one digest. late: they are old news. A single one that is not: part of a storm that goes on.

    held: they are late because quiet hours held them back.
    """

    rows: tuple[Queued, ...]
    late: bool
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing yet: more is coming and shall leave with what is there."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMoment:
    """What the decision depends on beside the rows.

    can_leave: True when so many messages leave one by one within `HORIZON_S`. digest_age_s: since the last digest
    left, None without one. sent_lately: alerts sent in the last `HORIZON_S`. fresh_in_a_row: messages of fresh alerts
    since old ones had their turn. held_until_ms: row → end of the quiet hours that held it back, None: it was not.
    """

    now_ms: int
    can_leave: Callable[[int], bool]
    digest_age_s: float | None = None
    sent_lately: int = 0
    fresh_in_a_row: int = 0
    held_until_ms: Callable[[Queued], int | None] = lambda row: None


def decide(rows: Sequence[Queued], moment: DigestMoment) -> SendNow | Gather | Wait | None:
    """rows: oldest → newest. None: nothing waits."""
    held = [row for row in rows if moment.held_until_ms(row) is not None]
    others = [row for row in rows if moment.held_until_ms(row) is None]
    late = [row for row in others if is_late(row, moment.now_ms)]
    fresh = [row for row in others if not is_late(row, moment.now_ms)]
    if (held or late) and (not fresh or moment.fresh_in_a_row >= FRESH_IN_A_ROW):
        return Gather(rows=tuple(_doubtful_apart(held or late)), late=True, held=bool(held))
    if not fresh:
        return None
    return _decide_fresh(fresh, moment)


def is_late(row: Queued, now_ms: int) -> bool:
    """Found after the fact, or has waited too long to be sent as if it had just happened."""
    return row.alert.late or age_s(row, now_ms) > LATE_AFTER_S


def age_s(row: Queued, now_ms: int) -> float:
    return now_ms / 1000 - row.alert.ts


def _decide_fresh(fresh: Sequence[Queued], moment: DigestMoment) -> SendNow | Gather | Wait:
    waited_s = (moment.now_ms - fresh[0].queued_ms) / 1000
    in_storm = _is_storm_going_on(fresh, moment)
    if not in_storm and moment.can_leave(len(fresh)):
        return SendNow(row=fresh[0])
    patience_s = STORM_GATHER_S if in_storm else FIRST_GATHER_S
    if waited_s < patience_s and len(fresh) < ENOUGH_FOR_A_MESSAGE:
        return Wait(seconds=patience_s - max(0.0, waited_s))
    together = _doubtful_apart(fresh)
    if len(together) == 1 and not in_storm:
        return SendNow(row=together[0])
    return Gather(rows=tuple(together), late=False)


def _is_storm_going_on(fresh: Sequence[Queued], moment: DigestMoment) -> bool:
    """A digest left a moment ago, and as much keeps coming as could not be sent one by one."""
    if moment.digest_age_s is None or moment.digest_age_s > STORM_MEMORY_S:
        return False
    came_lately = sum(1 for row in fresh if moment.now_ms - row.queued_ms <= HORIZON_S * 1000)
    return not moment.can_leave(came_lately + moment.sent_lately)


def _doubtful_apart(rows: Sequence[Queued]) -> Sequence[Queued]:
    """What the chat may have already goes first and by itself, so that only it is marked as a possible repeat."""
    return [row for row in rows if row.maybe_repeated] or rows


# ---
# What quiet hours hold back, and until when.


LOOK_AGAIN_S = 60.0
"""The end of quiet hours is a time on the wall: a machine's clock can be set while they hold."""


class Held:
    """Rows of one chat by topic and alert id. After a restart the moment a row was queued says the same."""

    def __init__(self) -> None:
        self._until_ms: dict[tuple[int | None, int], int] = {}

    def hold(self, topic_id: int | None, rows: Iterable[Queued], until_ms: int) -> None:
        """Also what came before the quiet hours and had not been sent when they began."""
        for row in rows:
            self._until_ms[topic_id, row.alert.id or 0] = until_ms

    def until_ms(
        self, topic_id: int | None, row: Queued, destination_style: DestinationStyle, now_ms: int
    ) -> int | None:
        """When this row was or will be let go; None: it was never held. Quiet hours that a command ended let go now."""
        until_ms = self._until_ms.get((topic_id, row.alert.id or 0))
        if until_ms is None:
            until_ms = destination_style.quiet_until(row.queued_ms)
        return None if until_ms is None else min(until_ms, now_ms)

    def forget(self, topic_id: int | None, rows: Sequence[Queued]) -> None:
        for row in rows:
            self._until_ms.pop((topic_id, row.alert.id or 0), None)
