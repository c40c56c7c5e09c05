"""Which chat of a bot speaks next, when more is to be said than one bot may say.

Telegram counts per bot: with ten thousand chats most of them wait for others, so a chat decides what it says when its
turn has come, and nobody is woken but the one whose turn is next. Moments are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from altmonitor.delivery.pacing import OVERALL_LIMIT, OVERALL_WINDOW_S, OverallPace

UNANSWERED_S = 2.0
"""A request that has no answer yet may be counted by the chat service at any moment; after so long it was."""
ANSWERS_IN_A_ROW = 2
"""After so many answers a chat with alerts has its turn: nobody holds up alerts by asking for help."""


class Urgency(Enum):
    """Answers before alerts and notices, and edits and pictures when nobody else wants to speak."""

    ANSWER = "answer"
    ALERT = "alert"
    EXTRA = "extra"


@dataclass(slots=True, eq=False)
class Turn:
    """Of one chat. wake: called when it may ask again. urgency: the line it stands in. granted_s: it may speak once."""

    wake: Callable[[], None]
    urgency: Urgency | None = None
    granted_s: float | None = None


class BotTurns:
    """Of one bot. limit: requests a second. is_refused: its token is; nothing is said by it any more."""

    def __init__(self, limit: int = OVERALL_LIMIT) -> None:
        self.pace = OverallPace(limit)
        self.is_refused = False
        self._answers: dict[Turn, None] = {}
        self._alerts: dict[Turn, None] = {}
        self._extras: dict[Turn, None] = {}
        self._granted: dict[Turn, float] = {}
        self._unanswered: dict[Turn, float] = {}
        self._called: Turn | None = None
        self._answers_in_a_row = 0

    def ask(self, turn: Turn, urgency: Urgency, now_s: float) -> float | None:
        """0: speak now, once, or give it back. Else seconds after which to ask again; None: `wake` will be called."""
        if turn.granted_s is not None:
            return 0.0
        if turn.urgency is not urgency:
            self._leave_line(turn)
            self._line(urgency)[turn] = None
            turn.urgency = urgency
            self._call(but=turn)
        if self._called is not turn:
            return None
        wait_s = self.pace.free_at_s(now_s, reserved=self._reserved(now_s)) - now_s
        if wait_s > 0:
            return wait_s
        self._answers_in_a_row = self._answers_in_a_row + 1 if urgency is Urgency.ANSWER else 0
        self._leave_line(turn)
        turn.granted_s = self._granted[turn] = now_s
        self._call()
        return 0.0

    def leaves_at_s(self, turn: Turn, now_s: float) -> float:
        """When its request may leave: now, unless the turn was kept so long that others were granted its place."""
        if turn.granted_s is not None and now_s - turn.granted_s < OVERALL_WINDOW_S:
            return now_s
        return self.pace.free_at_s(now_s, reserved=self._reserved(now_s, but=turn))

    def left(self, turn: Turn, now_s: float) -> None:
        """Its request leaves now."""
        turn.granted_s = None
        self._granted.pop(turn, None)
        self._unanswered[turn] = now_s

    def answered(self, turn: Turn, now_s: float) -> None:
        """Whenever the chat service counted the request, that was before: so two that were answered more than a second
        apart, or of which one left a second after the other was answered, lie in different seconds over there too."""
        self._unanswered.pop(turn, None)
        self.pace.record(now_s)
        if self._called is not None and len(self._granted) + len(self._unanswered) + 1 >= self.pace.limit:
            self._called.wake()

    def give_back(self, turn: Turn) -> None:
        """It says nothing, or has said it. Does nothing for one that neither waits nor was granted."""
        if turn.urgency is None and turn.granted_s is None:
            return
        self._leave_line(turn)
        if turn.granted_s is not None:
            turn.granted_s = None
            self._granted.pop(turn, None)
            if self._called is not None:
                self._called.wake()
        self._call()

    def can_leave_within(self, count: int, horizon_s: float) -> bool:
        """True when so many messages of one chat leave in time although the others who wait say as much."""
        waiting = len(self._answers) + len(self._alerts)
        return (waiting + 1) * count <= horizon_s * self.pace.limit / OVERALL_WINDOW_S

    def _reserved(self, now_s: float, *, but: Turn | None = None) -> int:
        """A turn that was granted and not used for a while, because the database does not answer, holds up nobody."""
        if not self._granted and not self._unanswered:
            return 0
        granted = sum(1 for turn, at_s in self._granted.items() if now_s - at_s < OVERALL_WINDOW_S and turn is not but)
        return granted + sum(1 for at_s in self._unanswered.values() if now_s - at_s < UNANSWERED_S)

    def _leave_line(self, turn: Turn) -> None:
        if turn.urgency is not None:
            del self._line(turn.urgency)[turn]
            turn.urgency = None

    def _call(self, *, but: Turn | None = None) -> None:
        """Wakes the one who is next now, if it is another than before."""
        head = self._head()
        if head is not self._called:
            self._called = head
            if head is not None and head is not but:
                head.wake()

    def _head(self) -> Turn | None:
        answers, alerts = self._answers, self._alerts
        first = (alerts or answers) if self._answers_in_a_row >= ANSWERS_IN_A_ROW else (answers or alerts)
        line = first or self._extras
        return next(iter(line)) if line else None

    def _line(self, urgency: Urgency) -> dict[Turn, None]:
        if urgency is Urgency.ALERT:
            return self._alerts
        return self._answers if urgency is Urgency.ANSWER else self._extras
