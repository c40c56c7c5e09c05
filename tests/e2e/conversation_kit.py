"""A chat with the real program on a fast clock, and what was said in it, ready to be read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from altmonitor.core.clock import CLOCK_VARIABLE, ScaledClock
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Event
from altmonitor.sim.telegram.chats import buttons
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.telegram.values import SimMessage
from tests.e2e.process import TOKEN, Program, World
from tests.e2e.stage import GROUP, START_MS

SPEED = 15.0
MAIN = 77
TOPIC = 7
READING_S = 3.5
"""A person reads an answer before writing again; faster ones are slowed down by the program."""
PATIENCE_S = 900.0

_TITLES = {MAIN: "Anna's chat with the bot", GROUP: "group “Desk”, topic “Majors”"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. chat_id None: told by the narrator."""

    at_ms: int
    who: str
    html: str
    chat_id: int | None = None
    labels: Sequence[str] = ()
    has_picture: bool = False
    is_edit: bool = False
    is_silent: bool = False


@dataclass(slots=True, kw_only=True)
class Talk:
    """Everything said so far, and the means to say more."""

    clock: ScaledClock
    market: SeededMarket
    telegram: SimTelegram
    world: World
    entries: list[Entry] = field(default_factory=list)

    # --- what people do

    def notify(self, html: str) -> None:
        """Said by the narrator, not in a chat."""
        self.entries.append(Entry(at_ms=self.clock.now_ms(), who="", html=html))

    def writes(self, text: str, *, by: str = "Anna", chat_id: int = MAIN, thread_id: int | None = None) -> int:
        """Without waiting for an answer; returns the message id."""
        self.entries.append(Entry(at_ms=self.clock.now_ms(), who=by, html=_escaped(text), chat_id=chat_id))
        return self.telegram.inject_message(chat_id, text, user_id=_user(by), user_name=by.lower(), thread_id=thread_id)

    async def asks(
        self, text: str, *, by: str = "Anna", chat_id: int = MAIN, thread_id: int | None = None
    ) -> SimMessage:
        """The bot's answer to it: a reply to this very message."""
        await self.clock.sleep(READING_S)
        written = self.writes(text, by=by, chat_id=chat_id, thread_id=thread_id)
        return await self._answer(written, chat_id)

    async def presses(self, message: SimMessage, label: str, *, by: str = "Anna") -> str:
        """What the bot tells the one who pressed."""
        await self.clock.sleep(READING_S)
        self.entries.append(
            Entry(
                at_ms=self.clock.now_ms(),
                who=by,
                html=f"<i>presses</i> [{_full(message, label)}]",
                chat_id=message.chat_id,
            )
        )
        query = self.telegram.press(message, label, user_id=_user(by), user_name=by.lower())
        await self.until(lambda: query in self.telegram.answered)
        toast = self.telegram.answered[query].text
        if toast:
            html = f"<i>{_escaped(toast)}</i>"
            self.entries.append(
                Entry(at_ms=self.clock.now_ms(), who="bot, for a moment", html=html, chat_id=message.chat_id)
            )
        return toast

    async def _answer(self, written: int, chat_id: int) -> SimMessage:
        def found() -> list[SimMessage]:
            return [message for message in self.telegram.chats[chat_id] if message.reply_to == written]

        await self.until(lambda: bool(found()))
        return found()[0]

    async def in_the_middle_of_a_minute(self) -> None:
        """Its first seconds are those in which the closing candles of the last one still arrive."""
        second = self.clock.now_ms() / 1000 % 60
        if not 10 <= second <= 40:
            await self.clock.sleep((10 - second) % 60)

    # --- what is seen

    def said(self, chat_id: int = MAIN) -> Sequence[SimMessage]:
        return self.telegram.chats[chat_id]

    async def hears(self, text: str, *, chat_id: int = MAIN, after: int = 0) -> SimMessage:
        """The first message with this text, later than the message `after`."""

        def found() -> list[SimMessage]:
            return [m for m in self.said(chat_id) if m.message_id > after and text in m.text]

        await self.until(lambda: bool(found()))
        return found()[0]

    def newest(self, chat_id: int = MAIN) -> int:
        """Id of the newest message of the bot."""
        return max((message.message_id for message in self.said(chat_id)), default=0)

    async def until(self, is_true: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
        """Waits in the talk's time; raises AssertionError with the chat and the log."""
        await self.world.until(is_true, within_s=within_s / self.clock.speed)

    # --- what the market does

    async def in_a_minute(self, event: Callable[[int], Event]) -> None:
        """Puts an event on the market's script a few seconds into a minute; the candle of it is one whole minute's."""
        now_ms = self.clock.now_ms()
        begin_ms = (now_ms + 59_999) // 60_000 * 60_000
        await self.clock.sleep((begin_ms + 4_000 - now_ms) / 1000)
        self.market.add(event(self.clock.now_ms() + 2_000))

    def on_message(self, message: SimMessage) -> None:
        html = message.html
        if message.edits:
            before = message.edits[-1].before_html.split("\n")
            html = "\n".join(line for line in html.split("\n") if line not in before)
            if not html:
                return
        self.entries.append(
            Entry(
                at_ms=self.clock.now_ms(),
                who="bot",
                html=html,
                chat_id=message.chat_id,
                labels=() if message.edits else [label for label, _ in buttons(message)],
                has_picture=message.photo is not None,
                is_edit=bool(message.edits),
                is_silent=message.silent,
            )
        )

    # --- to be read

    def transcript(self) -> str:
        """Markdown; the bot's words are the HTML it sent."""
        parts: list[str] = []
        where: int | None = None
        for entry in self.entries:
            if entry.chat_id is None:
                parts.append(entry.html)
                where = None
                continue
            if entry.chat_id != where:
                parts.append(f"*{_TITLES[entry.chat_id]}*")
                where = entry.chat_id
            parts.append(_shown(entry))
        return "\n\n".join(parts) + "\n"


@asynccontextmanager
async def talk(folder: Path, *, speed: float = SPEED, **environ: str) -> AsyncIterator[Talk]:
    """The exchange, the chats and the person; programs are started with `talk.world.program()`."""
    clock = ScaledClock(start_ms=START_MS, speed=speed)
    market = SeededMarket(seed=3, start_ms=START_MS, symbols=40, frames_per_s=30)
    telegram = SimTelegram(clock=clock, token=TOKEN)
    telegram.add_topic(GROUP, TOPIC, name="Majors")
    telegram.set_admins(GROUP, _user("Bob"))
    await telegram.start()
    try:
        async with SimExchange(market, clock=clock) as exchange:
            given = {CLOCK_VARIABLE: f"{clock.start_ms}:{clock.speed}:{clock.anchor_s}", **environ}
            world = World(folder=folder, market=market, exchange=exchange, telegram=telegram, environ=given)
            here = Talk(clock=clock, market=market, telegram=telegram, world=world)
            telegram.on_message = here.on_message
            yield here
    finally:
        await telegram.stop()


async def started(here: Talk, program: Program) -> SimMessage:
    """Its start message, once every contract is seen."""
    after = here.newest()
    await here.world.is_watching(program)
    return await here.hears("watches", after=after)


def _user(name: str) -> int:
    return {"Anna": MAIN, "Bob": 78}[name]


def _full(message: SimMessage, label: str) -> str:
    return next(text for text, _ in buttons(message) if label in text)


def _shown(entry: Entry) -> str:
    time = datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%H:%M:%S")
    marks = [mark for mark, is_so in (("edited, new lines", entry.is_edit), ("silently", entry.is_silent)) if is_so]
    if entry.has_picture:
        marks.append("a picture")
    head = f"**{entry.who}** {time}{''.join(f', {mark}' for mark in marks)}"
    lines = [head, *entry.html.split("\n")]
    if entry.labels:
        lines.append(" ".join(f"<kbd>{_escaped(label)}</kbd>" for label in entry.labels))
    return "\n".join(f"> {_indented(line)}<br>" for line in lines)


def _indented(line: str) -> str:
    """Leading spaces are dropped by Markdown otherwise."""
    bare = line.lstrip(" ")
    return "&nbsp;" * (len(line) - len(bare)) + bare


def _escaped(text: str) -> str:
    return re.sub(r"[&<>]", lambda found: {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[found[0]], text)
