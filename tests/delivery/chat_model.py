"""A chat service that fails in every way a chat service can, keeps a record of what readers saw, and judges it.

What is judged when something is said: limits and waits are kept, the oldest leaves first, old news is marked as such.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from altmonitor.core.errors import ChatClosed, ChatMoved, ChatUnreachable, MessageRefused, RetryLater
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Keyboard, Queued
from tests.movable_clock import MovableClock

Trouble = Literal["wait", "lost on the way", "answer lost", "bad markup", "too long", "no connection"]
TROUBLES: tuple[Trouble, ...] = ("wait", "lost on the way", "answer lost", "bad markup", "too long", "no connection")

ANSWER_LIMIT_S = 30.0
LATE_AFTER_S = 600.0
SLACK_S = 90.0
"""A part of a digest may wait this long for its turn after it was written."""


@dataclass(kw_only=True)
class Shown:
    """A text in a chat. symbols: those that were not in this message before."""

    at_s: float
    home: Destination
    message_id: int
    html: str
    symbols: list[str]
    is_edit: bool

    @property
    def is_marked(self) -> bool:
        return "again" in self.html

    @property
    def is_late(self) -> bool:
        return self.html.startswith("late digest")


@dataclass(frozen=True, kw_only=True)
class Night:
    """Unix ms. last_ms: when it may have been seen to hold for the last time; a command ends it within a moment."""

    begin_ms: int
    end_ms: int
    last_ms: int


@dataclass
class Nights:
    """Quiet hours by home, the running one last; and who wants no bell."""

    nights: dict[Destination, list[Night]] = field(default_factory=dict)
    silent: set[Destination] = field(default_factory=set)

    def until_ms(self, home: Destination, at_ms: int) -> int | None:
        return next(
            (night.end_ms for night in self.nights.get(home, []) if night.begin_ms <= at_ms < night.end_ms), None
        )

    def begin(self, home: Destination, begin_ms: int, end_ms: int) -> None:
        if self.until_ms(home, begin_ms) is None:
            night = Night(begin_ms=begin_ms, end_ms=end_ms, last_ms=end_ms - 1)
            self.nights.setdefault(home, []).append(night)

    def end_all(self, now_ms: int) -> None:
        for home, nights in self.nights.items():
            if self.until_ms(home, now_ms) is not None:
                nights[-1] = replace(nights[-1], end_ms=now_ms, last_ms=now_ms)

    def was_in_one(self, home: Destination, from_ms: int, until_ms: int) -> bool:
        return any(night.begin_ms <= until_ms and from_ms <= night.last_ms for night in self.nights.get(home, []))


@dataclass
class ChatModel:
    """waiting: rows of a destination, oldest → newest. Chats are known by their first id, `home`, also after a move.

    wrong: everything that must not happen, as it happened. excused: (home, symbol) that may be given up.
    """

    clock: MovableClock
    waiting: Callable[[Destination], list[Queued]]
    troubles: dict[int, deque[Trouble]] = field(default_factory=dict)
    is_down: bool = False
    gone: set[int] = field(default_factory=set)
    moved: dict[int, int] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    excused: set[tuple[Destination, str]] = field(default_factory=set)
    nights: Nights = field(default_factory=Nights)
    answers_lost: int = 0
    retry_after_s: float = 20.0
    _held_until_s: dict[int, float] = field(default_factory=dict)
    _accepted_s: dict[int, list[float]] = field(default_factory=dict)
    _shut_out: set[Destination] = field(default_factory=set)

    def home(self, destination: Destination) -> Destination:
        chat_id = next((old for old, new in self.moved.items() if new == destination.chat_id), destination.chat_id)
        return Destination(chat_id=chat_id, topic_id=destination.topic_id)

    def heal(self) -> None:
        self.troubles.clear()
        self.gone.clear()
        self.is_down = False

    def text_of(self, message_id: int) -> str:
        """As it stands now; '' when there is no such message."""
        return next((shown.html for shown in reversed(self.shown) if shown.message_id == message_id), "")

    async def send(
        self,
        destination: Destination,
        html: str,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        buttons: Keyboard = (),
    ) -> int:
        if _symbols(html) and not silent:
            self._expect(self.home(destination) not in self.nights.silent, f"{destination} heard a bell: {html}")
        return await self._say(destination, html, message_id=None)

    async def edit(self, destination: Destination, message_id: int, html: str, *, buttons: Keyboard = ()) -> None:
        await self._say(destination, html, message_id=message_id)

    async def set_buttons(self, destination: Destination, message_id: int, buttons: Keyboard) -> None:
        await self._say(destination, self.text_of(message_id), message_id=message_id)

    async def send_photo(
        self,
        destination: Destination,
        png: bytes,
        *,
        caption_html: str = "",
        reply_to: int | None = None,
        silent: bool = False,
    ) -> int:
        return await self._say(destination, "[picture]", message_id=None)

    async def _say(self, destination: Destination, html: str, *, message_id: int | None) -> int:
        home = self.home(destination)
        self._refuse_as_a_whole(destination, home)
        queue = self.troubles.get(home.chat_id)
        trouble = queue.popleft() if queue else None
        if trouble == "no connection":
            raise ChatUnreachable("no connection", outcome_unknown=False)
        if trouble == "wait":
            self._held_until_s[destination.chat_id] = self.clock.monotonic() + self.retry_after_s
            raise RetryLater("asks to wait", retry_after_s=self.retry_after_s)
        if trouble in ("bad markup", "too long"):
            if message_id is None:
                self.excused |= {(home, symbol) for symbol in _symbols(html)}
            problem = "can't parse entities" if trouble == "bad markup" else "message is too long"
            raise MessageRefused(f"Bad Request: {problem}")
        if trouble == "lost on the way":
            await self._no_answer()
        self._judge(destination, html, is_edit=message_id is not None)
        shown = self._show(home, html, message_id)
        if trouble == "answer lost":
            self.answers_lost += 1
            await self._no_answer()
        self._shut_out.discard(home)
        return shown.message_id

    async def _no_answer(self) -> None:
        await self.clock.sleep(ANSWER_LIMIT_S)
        raise ChatUnreachable("no answer in time", outcome_unknown=True)

    def _refuse_as_a_whole(self, destination: Destination, home: Destination) -> None:
        if self.is_down:
            raise ChatUnreachable("no connection", outcome_unknown=False)
        if self.clock.monotonic() < self._held_until_s.get(destination.chat_id, 0.0):
            self.wrong.append(f"{destination} did not wait as it was asked to")
        if destination.chat_id in self.moved:
            raise ChatMoved("the group moved", new_chat_id=self.moved[destination.chat_id])
        if home.chat_id in self.gone:
            self._shut_out.add(home)
            raise ChatClosed("blocked")

    def _show(self, home: Destination, html: str, message_id: int | None) -> Shown:
        before = [] if message_id is None else _symbols(self.text_of(message_id))
        shown = Shown(
            at_s=self.clock.monotonic(),
            home=home,
            message_id=1000 + len(self.shown) if message_id is None else message_id,
            html=html,
            symbols=[symbol for symbol in _symbols(html) if symbol not in before],
            is_edit=message_id is not None,
        )
        self.shown.append(shown)
        return shown

    # --- judging

    def _judge(self, destination: Destination, html: str, *, is_edit: bool) -> None:
        self._judge_limits(destination)
        symbols, home = _symbols(html), self.home(destination)
        rows = self.waiting(destination)
        sent = [row for row in rows if row.alert.symbol in symbols]
        is_held = html.startswith("held digest")
        self._judge_nights(home, sent, html, is_held=is_held)
        if is_held:
            return
        if html.startswith("late digest"):
            self._expect(all(self._age_s(row) > LATE_AFTER_S or row.alert.late for row in sent), f"not late: {html}")
            return
        fresh = [
            row
            for row in rows
            if not row.alert.late and self._age_s(row) <= LATE_AFTER_S and not self._was_held(home, row)
        ]
        self._expect(
            not any(row.alert.late or self._age_s(row) > LATE_AFTER_S + SLACK_S for row in sent), f"not marked: {html}"
        )
        if is_edit or "again" in html or home in self._shut_out or not sent:
            return  # what may be a repeat goes first; a chat that was shut out is tried with its newest
        fresh = [row for row in fresh if row.attempts == 0 or row in sent]
        oldest = min((row.alert.id or 0 for row in fresh), default=None)
        is_next = oldest is None or min(row.alert.id or 0 for row in sent) <= oldest
        self._expect(is_next, f"an older one waits: {html}")

    def _judge_nights(self, home: Destination, sent: list[Queued], html: str, *, is_held: bool) -> None:
        if sent:
            self._expect(self.nights.until_ms(home, self.clock.now_ms()) is None, f"{home} was woken: {html}")
        if is_held:
            self._expect(all(self._was_held(home, row) for row in sent), f"was not held: {html}")
        else:
            in_night = [row for row in sent if self.nights.until_ms(home, row.queued_ms) is not None]
            self._expect(not in_night, f"came at night and is not told as such: {html}")

    def _was_held(self, home: Destination, row: Queued) -> bool:
        return self.nights.was_in_one(home, row.queued_ms, self.clock.now_ms())

    def _judge_limits(self, destination: Destination) -> None:
        now_s = self.clock.monotonic()
        accepted_s = self._accepted_s.setdefault(destination.chat_id, [])
        self._expect(not accepted_s or now_s - accepted_s[-1] >= 1.0, f"{destination}: two in a second")
        lately = sum(1 for at_s in accepted_s if now_s - at_s < 60.0)
        self._expect(not destination.is_group or lately < 20, f"{destination}: 21 in a minute")
        accepted_s.append(now_s)

    def _age_s(self, row: Queued) -> float:
        return self.clock.now_ms() / 1000 - row.alert.ts

    def _expect(self, is_right: bool, wrong: str) -> None:
        if not is_right:
            self.wrong.append(wrong)


def _symbols(html: str) -> list[str]:
    return [word for word in html.split() if word.endswith("USDT")]
